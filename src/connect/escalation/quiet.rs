//! Quiet hours: from one time of day to another, in a time zone, every day; over midnight where the first is the later one.
//!
//! Whether it is quiet follows from the time of day that a clock on the wall there shows. Where the clock is put forward over the
//! end, they end with the jump; where it is put back, the hour that comes twice is quiet twice. Zones are those of the system,
//! else those that came with the program.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Hours of the day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// When they begin, such as `"22:00"`.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), extend("x-expected" = "a time of day in quotes, such as \"22:00\""))]
    pub from: String,
    /// When they end, such as `"07:00"`.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), extend("x-expected" = "a time of day in quotes, such as \"07:00\""))]
    pub to: String,
    /// The zone that they are meant in, such as `Europe/Berlin`.
    pub timezone: String,
}

impl QuietHours {
    /// What is wrong with them: where, what, and what to do.
    pub(super) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        if self.from == self.to {
            let message =
                format!("quiet hours from {} to {} are none, or all of the day", self.from, self.to);
            return Some(("/to", message, "let them end at another time, or leave them out"));
        }
        let unknown = TimeZone::get(&self.timezone).is_err();
        let message = || format!("`{}` is no time zone", self.timezone);
        unknown
            .then(|| ("/timezone", message(), "give a name of the IANA list, such as Europe/Berlin or UTC"))
    }

    /// The hours as they are looked at; none where something is wrong with them.
    #[must_use]
    pub fn read(&self) -> Option<Hours> {
        let zone = TimeZone::get(&self.timezone).ok()?;
        Some(Hours { from: time(&self.from)?, to: time(&self.to)?, zone })
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// Quiet hours in their zone.
#[derive(Clone, Debug)]
pub struct Hours {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl Hours {
    /// When they are over, in ms since 1970, if it is quiet at that time; it may be quiet again, or still, then.
    #[must_use]
    pub fn until(&self, now: u64) -> Option<u64> {
        let local = self.local(now)?;
        let (date, time) = (local.0, local.1);
        let quiet = if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        };
        if !quiet {
            return None;
        }
        let day = if time < self.to { Some(date) } else { date.tomorrow().ok() };
        let end = day.and_then(|day| self.zone.to_timestamp(day.to_datetime(self.to)).ok());
        let end = end.and_then(|end| u64::try_from(end.as_millisecond()).ok());
        // where the clock was put back, the end of today may be past: it is looked at again soon
        Some(end.filter(|end| *end > now).unwrap_or(now.saturating_add(60_000)))
    }

    fn local(&self, now: u64) -> Option<(Date, Time)> {
        let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?;
        let local = self.zone.to_datetime(now);
        Some((local.date(), local.time()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn hours(from: &str, to: &str, timezone: &str) -> Hours {
        let quiet = QuietHours { from: from.into(), to: to.into(), timezone: timezone.into() };
        assert_eq!(quiet.fault(), None);
        quiet.read().unwrap()
    }

    fn at(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_millisecond().try_into().unwrap()
    }

    #[test]
    fn a_night_in_berlin_has_another_length_when_the_clock_is_changed() {
        let night = hours("22:00", "07:00", "Europe/Berlin");
        assert_eq!(night.until(at("2026-07-01T19:59:59Z")), None);
        assert_eq!(night.until(at("2026-07-01T20:00:00Z")), Some(at("2026-07-02T05:00:00Z")));
        assert_eq!(night.until(at("2026-07-02T05:00:00Z")), None);
        assert_eq!(night.until(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T05:00:00Z")));
        assert_eq!(night.until(at("2026-10-24T22:00:00Z")), Some(at("2026-10-25T06:00:00Z")));
        // an end that the clock jumps over
        let night = hours("01:00", "02:30", "Europe/Berlin");
        assert_eq!(night.until(at("2026-03-29T00:59:00Z")), Some(at("2026-03-29T01:30:00Z")));
        assert_eq!(night.until(at("2026-03-29T01:00:00Z")), None, "it is three o'clock");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let quiet = |from: &str, to: &str, timezone: &str| {
            let quiet = QuietHours { from: from.into(), to: to.into(), timezone: timezone.into() };
            quiet.fault().map(|(at, _, _)| at)
        };
        assert_eq!(quiet("22:00", "22:00", "UTC"), Some("/to"));
        assert_eq!(quiet("22:00", "07:00", "Europe/Atlantis"), Some("/timezone"));
    }

    proptest! {
        #[test]
        fn it_is_quiet_between_the_hands_of_the_clock(
            from in 0_i8..24,
            to in 0_i8..24,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
            start in 0_u64..1_500_000_000,
        ) {
            prop_assume!(from != to);
            let hours = hours(&format!("{from:02}:00"), &format!("{to:02}:00"), zone);
            let quiet = |at: u64| {
                let hour = hours.local(at).unwrap().1.hour();
                let mut n = from;
                while n != to {
                    if n == hour {
                        return true;
                    }
                    n = (n + 1) % 24;
                }
                false
            };
            for n in 0..200 {
                let now = start * 1_000 + n * 10 * MINUTE;
                prop_assert_eq!(hours.until(now).is_some(), quiet(now));
                // nobody waits through an hour that is not quiet, but where the clock was changed
                if let Some(end) = hours.until(now) {
                    prop_assert!(end > now && end <= now + 25 * 60 * MINUTE);
                    let loud = (1..(end - now) / MINUTE).filter(|m| !quiet(now + m * MINUTE)).count();
                    prop_assert!(loud <= 60, "{} minutes", loud);
                }
            }
        }
    }
}
