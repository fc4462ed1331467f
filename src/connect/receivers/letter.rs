//! A delivery as a mail: a subject that says what is wrong, and a text with the figures and how to answer. A group is one mail.
//!
//! Ids and notes are what strangers write: in the head of the mail they are single words of one line, `Message-ID` and
//! `X-Dirigent-Key` are made of characters that no server reads as anything else, and a command to copy is quoted.

use std::fmt::Write;

use lettre::{
    Message,
    error::Error,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};

use super::{
    Delivery, Event, Notification,
    cloud_events::token,
    words::{ending, figures, plain, summary},
};
use crate::records::calendar::rfc3339;

/// Characters of a subject.
const LONGEST: usize = 180;

/// The mail of a delivery. Sent again, it has the same `Message-ID`.
pub(super) fn letter(delivery: &Delivery, from: &Mailbox, to: &[Mailbox]) -> Result<Message, Error> {
    let hash = blake3::hash(delivery.key.as_bytes()).to_hex();
    let id = format!("<{}@{}>", &hash[..32], from.email.domain());
    let field = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let builder = to.iter().fold(Message::builder().from(from.clone()), |mail, to| mail.to(to.clone()));
    builder
        .subject(subject(delivery))
        .message_id(Some(id))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .raw_header(field("Auto-Submitted", "auto-generated".into()))
        .raw_header(field("X-Dirigent-Key", token(&delivery.key)))
        .body(text(delivery))
}

fn subject(delivery: &Delivery) -> String {
    if let [one] = &delivery.notifications[..] {
        return plain(&format!("[{}] {}", one.event.as_str(), summary(&one.case)), LONGEST);
    }
    let counts: Vec<_> = [Event::Firing, Event::Acknowledged, Event::Resolved]
        .into_iter()
        .map(|event| (event, delivery.notifications.iter().filter(|n| n.event == event).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(event, count)| format!("{count} {}", event.as_str()))
        .collect();
    let first = delivery.notifications.first().map(|first| summary(&first.case)).unwrap_or_default();
    plain(&format!("[{}] {first}, and more", counts.join(", ")), LONGEST)
}

fn text(delivery: &Delivery) -> String {
    let mut out = String::new();
    for notification in &delivery.notifications {
        if !out.is_empty() {
            // not `-- `: what follows that is a signature, which many programs hide
            out.push_str("\n----\n\n");
        }
        write_one(notification, &mut out);
    }
    let _ = write!(out, "\nTopology {}, receiver {}.\n", delivery.topology, delivery.receiver);
    out
}

fn write_one(notification: &Notification, out: &mut String) {
    let case = &notification.case;
    let time = |ms: u64| rfc3339(i64::try_from(ms).unwrap_or(i64::MAX));
    let _ = writeln!(out, "{}", summary(case));
    let _ = write!(out, "{} at {}", notification.event.as_str(), time(case.updated));
    if let Some(ending) = ending(notification) {
        let _ = write!(out, ": {ending}");
    }
    let _ = writeln!(out, "\n");
    let rows = [("Opened", time(case.opened)), ("Step", notification.step.to_string())];
    let id = ("Case", plain(&case.case_id, 1_000));
    for (name, value) in rows.into_iter().chain(figures(case)).chain([id]) {
        let _ = writeln!(out, "{name:<10} {value}");
    }
    if matches!(notification.event, Event::Firing) {
        let command = match quoted(&case.case_id) {
            Some(id) => format!("dirigent cases ack FILE {id}"),
            None => "its id has control characters, so copy it from the output of the cases".into(),
        };
        let _ = writeln!(out, "\nTo acknowledge: {command}");
    }
}

/// A text as a shell takes it for one word and nothing else; none where it has control characters.
fn quoted(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if text.contains(char::is_control) {
        None
    } else if text.chars().all(is_plain) {
        Some(text.to_owned())
    } else {
        Some(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::receivers::samples;

    fn mail(notifications: Vec<Notification>) -> String {
        let from = "Dirigent <alerts@shop.example>".parse().unwrap();
        let to = ["service@shop.example".parse().unwrap(), "Ann <ann@shop.example>".parse().unwrap()];
        let mail = letter(&samples::delivery(notifications), &from, &to).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        let without_date = text.split("\r\n").filter(|line| !line.starts_with("Date: "));
        without_date.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_mail_says_what_is_wrong_and_how_to_answer() {
        insta::assert_snapshot!(mail(vec![samples::drop_fires()]));
    }

    #[test]
    fn a_group_is_one_mail() {
        let text = mail(vec![samples::drop_fires(), samples::severe_ends()]);
        let subject = "Subject: [1 firing, 1 resolved] product_drop B00ABC: 31 % of 42 reviews are\n negative (was 9 %), and more\n";
        assert!(text.contains(subject), "{text}");
    }

    #[test]
    fn nothing_that_people_write_gets_into_the_head() {
        let text = mail(vec![samples::severe_ends()]);
        let (head, _) = text.split_once("\n\n").unwrap();
        let names: Vec<_> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(": ").next().unwrap())
            .collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Message-ID",
            "Content-Type",
            "Auto-Submitted",
            "X-Dirigent-Key",
            "Content-Transfer-Encoding",
        ];
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.join(", ")
        };
        assert_eq!(sorted(names), sorted([&expected[..], &["MIME-Version"]].concat()));
        assert!(!text.lines().any(|line| line == "." || line.starts_with("QUIT")), "{text}");
    }

    #[test]
    fn a_command_to_copy_is_one_word() {
        assert_eq!(quoted("product_drop:B-1:5").unwrap(), "product_drop:B-1:5");
        assert_eq!(quoted("severe_review:'; rm -rf ~ #:5").unwrap(), r"'severe_review:'\''; rm -rf ~ #:5'");
        assert_eq!(quoted("a\nb"), None);
    }
}
