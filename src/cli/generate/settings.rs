//! What to generate, and what was generated.

use std::collections::BTreeMap;
use std::fmt;

use crate::records::calendar;

/// What to generate. Shares are fractions of all events, from 0 to 1.
#[derive(Debug, Clone)]
pub struct GenerateSettings {
    /// Review events, lines that cannot be read included.
    pub events: u64,
    /// Everything follows from it.
    pub seed: u64,
    /// Products, the popular ones first in number.
    pub products: u32,
    /// Users.
    pub users: u32,
    /// Words of a text, on average.
    pub words: u32,
    /// Composed words a language.
    pub vocabulary: usize,
    /// Share of users who write German.
    pub german: f64,
    /// Share of new versions of earlier reviews.
    pub edits: f64,
    /// Share of deletes.
    pub deletes: f64,
    /// Share of duplicates: half are redelivered, half are the same text under a new id.
    pub duplicates: f64,
    /// Share of lines, of feedback too, that must be refused.
    pub malformed: f64,
    /// Lines of feedback for one review event.
    pub feedback: f64,
    /// Time of the first event, in milliseconds since 1970.
    pub start: i64,
    /// Days over which the events are spread.
    pub days: u32,
    /// The day, from 0, on which the product of [`TURNING_RANK`] turns bad; none beyond the last day.
    pub turns_bad_on: u32,
}

/// Rank by popularity, from 1, of the product that turns bad.
pub const TURNING_RANK: u32 = 3;

impl Default for GenerateSettings {
    fn default() -> Self {
        Self {
            events: 100_000,
            seed: 1,
            products: 2_000,
            users: 20_000,
            words: 40,
            vocabulary: 24_000,
            german: 0.4,
            edits: 0.05,
            deletes: 0.01,
            duplicates: 0.03,
            malformed: 0.005,
            feedback: 0.02,
            start: 1_767_225_600_000,
            days: 90,
            turns_bad_on: 60,
        }
    }
}

impl GenerateSettings {
    /// What is wrong with the settings, in words, or nothing.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let shares = [
            ("german", self.german),
            ("edits", self.edits),
            ("deletes", self.deletes),
            ("duplicates", self.duplicates),
            ("malformed", self.malformed),
            ("feedback", self.feedback),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Some(format!("--{name} is a share, expected 0 to 1, got {share}"));
            }
        }
        if self.edits + self.deletes + self.duplicates + self.malformed > 1.0 {
            return Some("--edits, --deletes, --duplicates and --malformed together exceed 1".to_owned());
        }
        if self.products == 0 || self.users == 0 || self.words == 0 || self.days == 0 {
            return Some("--products, --users, --words and --days start at 1".to_owned());
        }
        if self.words > 2_000 {
            return Some("--words: a text over 2,000 words would come near the limit of 64 KiB".to_owned());
        }
        if !(0..=calendar::LAST - calendar::DAY * i64::from(self.days)).contains(&self.start) {
            return Some("--start and --days must lie between 1970 and 2100".to_owned());
        }
        if self.events > (calendar::DAY * i64::from(self.days)) as u64 {
            return Some("more events than milliseconds: give more --days".to_owned());
        }
        None
    }

    /// Time at which the product turns bad, if it does.
    #[must_use]
    pub fn turn(&self) -> Option<i64> {
        let turns = self.products >= TURNING_RANK && self.turns_bad_on < self.days;
        turns.then(|| self.start + calendar::DAY * i64::from(self.turns_bad_on))
    }
}

/// What was generated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// All review lines.
    pub events: u64,
    /// First versions of reviews.
    pub fresh: u64,
    /// Later versions of reviews, those after a delete included.
    pub edits: u64,
    /// Deletes.
    pub deletes: u64,
    /// Lines written a second time.
    pub redelivered: u64,
    /// Texts under a second id.
    pub copies: u64,
    /// Refusals to be expected, by code, feedback's included.
    pub malformed: BTreeMap<&'static str, u64>,
    /// Lines of feedback.
    pub feedback: u64,
    /// Bytes of reviews and of feedback.
    pub bytes: [u64; 2],
    /// The product that turned bad, and when, in milliseconds since 1970.
    pub turned_bad: Option<(String, i64)>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.malformed.values().sum();
        writeln!(
            f,
            "{} events ({:.1} MB): {} reviews, {} edits, {} deletes, {} redelivered, {} copies; {} lines of feedback",
            self.events,
            self.bytes[0] as f64 / 1e6,
            self.fresh,
            self.edits,
            self.deletes,
            self.redelivered,
            self.copies,
            self.feedback,
        )?;
        write!(f, "{refused} lines to be refused")?;
        for (place, (code, count)) in self.malformed.iter().enumerate() {
            write!(f, "{} {code} {count}", if place == 0 { ":" } else { "," })?;
        }
        if let Some((product, time)) = &self.turned_bad {
            write!(f, "\n{product} turns bad on {}", &calendar::rfc3339(*time)[..10])?;
        }
        Ok(())
    }
}
