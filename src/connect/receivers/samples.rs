//! Notifications for the tests of receivers.

use std::collections::BTreeMap;

use super::{Delivery, Event, Notification};
use crate::records::{Case, CaseKind, CaseState, Evidence, Severity, ShareFigures, number::Fraction};

/// A product has turned bad.
pub(super) fn drop_fires() -> Notification {
    let opened = 1_767_225_600_000;
    let case = Case {
        case_id: Case::id(CaseKind::ProductDrop, "B00ABC", opened),
        kind: CaseKind::ProductDrop,
        severity: Severity::Warning,
        product_id: Some("B00ABC".into()),
        review_id: None,
        state: CaseState::Firing,
        opened,
        updated: opened + 61_234,
        evidence: Evidence {
            method: Some("exact_tail".into()),
            before: Some(ShareFigures { reviews: 480, negative: 43, share: Fraction(89_583) }),
            after: Some(ShareFigures { reviews: 42, negative: 13, share: Fraction(309_524) }),
            since: Some(1_767_139_200_000),
            surprise: Some(Fraction(5_250_000)),
            reviews: vec!["r-17".into(), "r-23".into()],
            model: BTreeMap::from([("sentiment".into(), "sentiment@17".into())]),
            ..Evidence::default()
        },
        step: 1,
        note: None,
    };
    Notification { key: format!("{}/firing/1", case.case_id), event: Event::Firing, step: 1, case }
}

/// A review that tells of something grave is dealt with; every text that people give is as bad as it may be.
pub(super) fn severe_ends() -> Notification {
    let subject = "r\r\nBcc: x@example.org\u{0}\"é";
    let opened = 1_767_225_700_000;
    let case = Case {
        case_id: Case::id(CaseKind::SevereReview, subject, opened),
        kind: CaseKind::SevereReview,
        severity: Severity::Critical,
        product_id: Some("P\n\n.\r\nQUIT".into()),
        review_id: Some(subject.into()),
        state: CaseState::Resolved,
        opened,
        updated: opened + 3_600_000,
        evidence: Evidence {
            method: Some("sentiment".into()),
            sentiment: Some(Fraction(31_000)),
            rating: Some(Fraction(1_000_000)),
            sections: vec!["injury".into(), "fire".into()],
            reviews: vec![subject.into()],
            by: Some("ann".into()),
            resolved: Some(crate::records::Resolution::Command),
            ..Evidence::default()
        },
        step: 2,
        note: Some("ticket 4711\r\n.\r\nMAIL FROM:<x>".into()),
    };
    Notification { key: format!("{}/resolved", case.case_id), event: Event::Resolved, step: 2, case }
}

/// What is handed over at once.
pub(super) fn delivery(notifications: Vec<Notification>) -> Delivery {
    let key = if let [one] = &notifications[..] { one.key.clone() } else { "group/4f1c/7".into() };
    Delivery { key, topology: "shop".into(), receiver: "service".into(), notifications }
}
