//! What the answer of a web server means for a notification.
//!
//! 2xx: it has arrived. 408, 425, 429 and 5xx: it may later, after what `Retry-After` asks for. Everything else, redirects
//! among it, is a refusal: nothing is sent to a place that the topology does not name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{DeliveryError, words::plain};
use crate::records::calendar::{DAY, day_of};

/// Characters of an answer that are told.
const TOLD: usize = 200;
/// More than this is not waited for at once.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Its status, with the words for it: `503 Service Unavailable`.
    pub(super) status: String,
    /// The status as a number.
    pub(super) code: u16,
    /// The field `Retry-After`.
    pub(super) retry_after: Option<String>,
    /// The field `Location`.
    pub(super) location: Option<String>,
    /// The beginning of its body.
    pub(super) body: String,
}

impl Answer {
    /// What it means; `doing` says what was tried.
    pub(super) fn meaning(&self, doing: &str) -> Result<(), DeliveryError> {
        if (200..300).contains(&self.code) {
            return Ok(());
        }
        let mut reason = format!("{doing}: {}", self.status);
        if let Some(location) = &self.location {
            reason
                .push_str(&format!(" to {}, which is not followed", plain(&without_secrets(location), TOLD)));
        }
        let told = plain(&self.body, TOLD);
        if !told.is_empty() {
            reason.push_str(&format!(": {told}"));
        }
        Err(match self.code {
            408 | 425 | 429 | 500.. => DeliveryError::Unavailable {
                reason,
                retry_after: self.retry_after.as_deref().and_then(|text| wait(text, SystemTime::now())),
            },
            _ => DeliveryError::Refused { reason },
        })
    }
}

/// A URL without name and password, query and fragment.
pub(super) fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("//").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}//{host}{path}"),
        None => url.to_owned(),
    }
}

/// How long `Retry-After` asks to wait, at most a day: seconds, or a date (RFC 9110, 10.2.3).
fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = if text.starts_with(|c: char| c.is_ascii_digit()) {
        Duration::from_secs(text.parse().ok()?)
    } else {
        let at = UNIX_EPOCH + Duration::from_secs(date(text)?);
        at.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that may be sent.
fn date(text: &str) -> Option<u64> {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = months.iter().position(|month| *month == name)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fits = (1..=31).contains(&day) && (1970..=9999).contains(&year);
    if !fits || hour > 23 || minute > 59 || second > 60 || words.next() != Some("GMT") {
        return None;
    }
    let seconds = day_of(year, month, day) * (DAY / 1_000) + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, retry_after: &str) -> Result<(), DeliveryError> {
        let answer = Answer {
            status: format!("{code} Words"),
            code,
            retry_after: Some(retry_after.into()).filter(|text: &String| !text.is_empty()),
            location: (300..400).contains(&code).then(|| "https://u:p@elsewhere:1/x?token=t#f".into()),
            body: format!("no\r\n{}", "x".repeat(300)),
        };
        answer.meaning("POST http://h/p")
    }

    #[test]
    fn some_answers_are_tried_again() {
        for code in [200, 202, 204] {
            assert_eq!(answer(code, ""), Ok(()));
        }
        for code in [408, 425, 429, 500, 502, 503, 504, 599] {
            let Err(DeliveryError::Unavailable { reason, retry_after }) = answer(code, "7") else {
                panic!("{code}")
            };
            assert_eq!(retry_after, Some(Duration::from_secs(7)));
            assert_eq!(reason, format!("POST http://h/p: {code} Words: no {}…", "x".repeat(197)));
        }
        for code in [400, 401, 403, 404, 410, 413, 422, 301, 302, 307, 308, 304] {
            assert!(matches!(answer(code, "7"), Err(DeliveryError::Refused { .. })), "{code}");
        }
        let Err(DeliveryError::Refused { reason }) = answer(307, "") else {
            panic!("a redirect is no answer")
        };
        assert!(reason.contains("307 Words to https://elsewhere:1/x, which is not followed"), "{reason}");
    }

    #[test]
    fn a_wait_is_in_seconds_or_to_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let seconds = |text| wait(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds(" 120 "), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(90));
        assert_eq!(seconds("Sun, 06 Nov 1984 08:49:37 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 2094 08:49:37 GMT"), Some(86_400));
        assert_eq!(seconds("9999999"), Some(86_400));
        for wrong in
            ["", "soon", "-1", "1.5", "99999999999999999999", "Sun, 06 Nov 1994", "Sun, 6 Nov 94 1:2 GMT"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_url_is_told_without_secrets() {
        assert_eq!(without_secrets("https://a:b@c.d:1/e@f?g=h"), "https://c.d:1/e@f");
        assert_eq!(without_secrets("https://c.d?x"), "https://c.d");
        assert_eq!(without_secrets("/elsewhere?x"), "/elsewhere");
    }
}
