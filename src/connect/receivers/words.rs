//! A case in words: one line that says what is wrong, and the figures behind it, for mails and for annotations.
//!
//! Ids, notes and names come from whoever writes reviews and commands. In a line they are cut, and what could end a line
//! or a field is a space: [`plain`].

use std::fmt::Write;

use super::{Event, Notification};
use crate::records::{
    Case, CaseKind, Evidence, Resolution, ShareFigures,
    number::{Fraction, micro_to_f64},
};

/// Characters of an id or a note in a line.
const LONGEST: usize = 80;

/// A text in one line: control characters and everything that breaks lines are spaces, white space is folded, and what is
/// beyond `longest` characters is left out.
#[must_use]
pub(super) fn plain(text: &str, longest: usize) -> String {
    let blank = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut line = String::new();
    for word in text.split(blank).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line,
    }
}

/// What is wrong, in one line: `product_drop B00ABC: 31 % of 42 reviews are negative (was 9 %)`.
#[must_use]
pub(super) fn summary(case: &Case) -> String {
    let mut line = case.kind.as_str().to_owned();
    for id in [&case.review_id, &case.product_id].into_iter().flatten() {
        let of = if line.contains(' ') { "of " } else { "" };
        let _ = write!(line, " {of}{}", plain(id, LONGEST));
    }
    let told = match case.kind {
        CaseKind::SevereReview => of_review(&case.evidence),
        _ => of_share(&case.evidence),
    };
    if !told.is_empty() {
        let _ = write!(line, ": {told}");
    }
    line
}

fn percent(figures: &ShareFigures) -> i64 {
    (figures.share.0 * 100 + 500_000) / 1_000_000
}

fn of_share(evidence: &Evidence) -> String {
    let Some(after) = &evidence.after else { return String::new() };
    let mut told = format!("{} % of {} reviews are negative", percent(after), after.reviews);
    if let Some(before) = &evidence.before {
        let _ = write!(told, " (was {} %)", percent(before));
    }
    told
}

fn of_review(evidence: &Evidence) -> String {
    let mut told = Vec::new();
    if let Some(rating) = evidence.rating {
        told.push(format!("{} of 5 stars", number(rating)));
    }
    if let Some(sentiment) = evidence.sentiment {
        told.push(format!("sentiment {}", number(sentiment)));
    }
    told.extend(evidence.sections.iter().map(|section| plain(section, LONGEST)));
    told.join(", ")
}

fn number(value: Fraction) -> String {
    micro_to_f64(value.0).to_string()
}

/// What has become of it, where that says more than its state: who did it, or why it is over.
#[must_use]
pub(super) fn ending(notification: &Notification) -> Option<String> {
    let evidence = &notification.case.evidence;
    let by = evidence.by.as_ref().map(|by| format!("by {}", plain(by, LONGEST)));
    match (notification.event, evidence.resolved) {
        (Event::Resolved, Some(Resolution::Cleared)) => Some("what was wrong has ended".into()),
        (Event::Resolved, Some(Resolution::Retracted)) => {
            Some("the reviews behind it were changed or deleted".into())
        }
        (Event::Resolved, Some(Resolution::Command) | None) | (Event::Acknowledged, _) => by,
        (Event::Firing, _) => None,
    }
}

/// The figures of a case, by name.
#[must_use]
pub(super) fn figures(case: &Case) -> Vec<(&'static str, String)> {
    let evidence = &case.evidence;
    let share = |figures: &ShareFigures| {
        format!("{} of {} reviews negative ({} %)", figures.negative, figures.reviews, percent(figures))
    };
    let mut rows = vec![("Severity", case.severity.as_str().to_owned())];
    let mut row = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    row("Product", case.product_id.as_ref().map(|id| plain(id, LONGEST)));
    row("Review", case.review_id.as_ref().map(|id| plain(id, LONGEST)));
    row("Before", evidence.before.as_ref().map(share));
    row("After", evidence.after.as_ref().map(share));
    row("Method", evidence.method.as_ref().map(|method| plain(method, LONGEST)));
    row("Robust z", evidence.z.map(number));
    row("-log10 p", evidence.surprise.map(number));
    row("EWMA", evidence.ewma.map(number));
    row("CUSUM", evidence.cusum.map(number));
    row("Sentiment", evidence.sentiment.map(number));
    row("Stars", evidence.rating.map(number));
    let list = |items: &[String]| {
        let items: Vec<_> = items.iter().map(|item| plain(item, LONGEST)).collect();
        (!items.is_empty()).then(|| items.join(", "))
    };
    row("Sections", list(&evidence.sections));
    row("Reviews", list(&evidence.reviews));
    row("Model", list(&evidence.model.values().cloned().collect::<Vec<_>>()));
    row("Note", case.note.as_ref().map(|note| plain(note, 1_000)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::receivers::samples;

    #[test]
    fn a_line_says_what_is_wrong() {
        let drop = samples::drop_fires();
        assert_eq!(summary(&drop.case), "product_drop B00ABC: 31 % of 42 reviews are negative (was 9 %)");
        assert_eq!(ending(&drop), None);
        let severe = samples::severe_ends();
        let said =
            "severe_review r Bcc: x@example.org \"é of P . QUIT: 1 of 5 stars, sentiment 0.031, injury, fire";
        assert_eq!(summary(&severe.case), said);
        assert_eq!(ending(&severe).as_deref(), Some("by ann"));
        let mut other = drop.case.clone();
        (other.kind, other.product_id, other.evidence) = (CaseKind::Drift, None, Evidence::default());
        assert_eq!(summary(&other), "drift");
    }

    #[test]
    fn whatever_people_write_stays_in_its_line() {
        assert_eq!(plain(" a\r\n\tb\u{85}\u{2028}c\u{0}d ", 80), "a b c d");
        assert_eq!(plain("ünïcödé", 3), "ünï…");
        assert_eq!(plain("abc", 3), "abc");
        let severe = samples::severe_ends();
        for (name, value) in figures(&severe.case) {
            assert!(!value.contains(char::is_control), "{name}: {value:?}");
        }
    }
}
