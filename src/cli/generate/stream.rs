//! The stream of events: what happens next, and to which of the recent reviews.
//!
//! The i-th of n events happens inside the i-th n-th of the time, so `ts` rises strictly from event to event; what is
//! redelivered keeps its old one. Only the last [`RECENT`] reviews are edited, deleted and copied, which bounds the
//! memory; a version is kept as its few numbers and its line is written anew when it is needed again.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

use super::random::{Random, mix};
use super::record::{self, Fault, Scribe};
use super::settings::{GenerateSettings, Summary, TURNING_RANK};
use super::world::{Version, World};
use crate::records::calendar::DAY;

/// How many reviews can still be edited, deleted and copied.
const RECENT: usize = 65_536;
/// How many reviews with a label can still have it withdrawn.
const LABELLED: usize = 256;
/// Bytes gathered before they are written.
const CHUNK: usize = 1 << 16;

/// Writes the reviews and the feedback that `settings` ask for.
///
/// # Errors
/// Settings that contradict themselves ([`GenerateSettings::complaint`]) are `InvalidInput`; else what the writers say.
pub fn generate(
    settings: &GenerateSettings,
    reviews: &mut dyn Write,
    feedback: &mut dyn Write,
) -> io::Result<Summary> {
    generate_observed(settings, reviews, feedback, &mut |_| {})
}

/// The same, telling `observe` now and then how many events are written.
pub(super) fn generate_observed(
    settings: &GenerateSettings,
    reviews: &mut dyn Write,
    feedback: &mut dyn Write,
    observe: &mut dyn FnMut(u64),
) -> io::Result<Summary> {
    if let Some(complaint) = settings.complaint() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, complaint));
    }
    let world = World::new(settings);
    let mut stream = Stream::new(settings, &world);
    for event in 0..settings.events {
        stream.event(event);
        if stream.reviews.len() >= CHUNK || stream.feedback.len() >= CHUNK || event + 1 == settings.events {
            stream.flush(reviews, feedback)?;
            observe(event + 1);
        }
    }
    reviews.flush()?;
    feedback.flush()?;
    Ok(stream.summary)
}

/// A review that may still change.
#[derive(Debug, Clone, Copy)]
struct Recent {
    version: Version,
    live: bool,
}

/// Shares as thresholds of a draw below a million.
#[derive(Debug)]
struct Thresholds {
    malformed: u64,
    edit: u64,
    delete: u64,
    duplicate: u64,
    feedback: u64,
}

struct Stream<'a> {
    world: &'a World,
    random: Random,
    thresholds: Thresholds,
    start: i64,
    span: i64,
    events: i64,
    next_number: u64,
    recent: Vec<Recent>,
    labelled: VecDeque<u64>,
    scribe: Scribe,
    reviews: Vec<u8>,
    feedback: Vec<u8>,
    summary: Summary,
}

impl<'a> Stream<'a> {
    fn new(settings: &GenerateSettings, world: &'a World) -> Self {
        let millionths = |share: f64| (share * 1e6) as u64;
        let malformed = millionths(settings.malformed);
        let edit = malformed + millionths(settings.edits);
        let delete = edit + millionths(settings.deletes);
        Self {
            world,
            random: Random::new(mix(&[settings.seed, 30])),
            thresholds: Thresholds {
                malformed,
                edit,
                delete,
                duplicate: delete + millionths(settings.duplicates),
                feedback: millionths(settings.feedback),
            },
            start: settings.start,
            span: DAY * i64::from(settings.days),
            events: settings.events as i64,
            next_number: 1,
            recent: Vec::new(),
            labelled: VecDeque::new(),
            scribe: Scribe::default(),
            reviews: Vec::with_capacity(CHUNK * 2),
            feedback: Vec::new(),
            summary: Summary {
                malformed: BTreeMap::new(),
                turned_bad: settings.turn().map(|turn| (format!("product-{TURNING_RANK:05}"), turn)),
                ..Summary::default()
            },
        }
    }

    /// One event, and perhaps feedback after it.
    fn event(&mut self, event: u64) {
        let ts = self.time_of(event as i64);
        let draw = self.random.below(1_000_000);
        let limits = &self.thresholds;
        if draw < limits.malformed {
            self.malformed(ts);
        } else if draw < limits.edit && !self.recent.is_empty() {
            self.edit(ts);
        } else if (limits.edit..limits.delete).contains(&draw) && !self.recent.is_empty() {
            self.delete(ts);
        } else if (limits.delete..limits.duplicate).contains(&draw) && !self.recent.is_empty() {
            if self.random.chance(500) { self.redeliver() } else { self.copy(ts) }
        } else {
            self.fresh(ts);
        }
        self.summary.events += 1;
        if self.random.below(1_000_000) < self.thresholds.feedback {
            self.feedback(ts);
        }
    }

    /// A time inside the event's part of the span.
    fn time_of(&mut self, event: i64) -> i64 {
        let at = |event: i64| (i128::from(event) * i128::from(self.span) / i128::from(self.events)) as i64;
        let (from, to) = (at(event), at(event + 1));
        self.start + from + self.random.below((to - from) as u64) as i64
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    fn fresh(&mut self, ts: i64) {
        let number = self.number();
        let version = self.world.review(&mut self.random, number, ts);
        self.scribe.review(&mut self.reviews, self.world, &version, None);
        self.remember(version);
        self.summary.fresh += 1;
    }

    fn remember(&mut self, version: Version) {
        let recent = Recent { version, live: true };
        if self.recent.len() < RECENT {
            self.recent.push(recent);
        } else {
            self.recent[version.number as usize % RECENT] = recent;
        }
    }

    /// A recent review's place; a live one if a few tries find it.
    fn choose(&mut self) -> usize {
        let mut place = 0;
        for _ in 0..4 {
            place = self.random.index(self.recent.len());
            if self.recent[place].live {
                break;
            }
        }
        place
    }

    /// Most edits change what is said, some only the stars; a few move to another product, come with an older time,
    /// or bring back what was deleted.
    fn edit(&mut self, ts: i64) {
        let place = if self.random.chance(30) { self.random.index(self.recent.len()) } else { self.choose() };
        let old = self.recent[place].version;
        let ts = if self.random.chance(30) { (old.ts - 1).max(0) } else { ts };
        let product = if self.random.chance(50) {
            self.world.review(&mut self.random, 0, ts).product
        } else {
            old.product
        };
        let mut version = self.world.version(&mut self.random, old.number, product, old.user, ts);
        if self.random.chance(200) {
            version.content = old.content;
        }
        self.scribe.review(&mut self.reviews, self.world, &version, None);
        self.recent[place] = Recent { version, live: true };
        self.summary.edits += 1;
    }

    /// One in fifty deletes names a review that nobody has seen.
    fn delete(&mut self, ts: i64) {
        let number = if self.random.chance(20) {
            self.number()
        } else {
            let place = self.choose();
            self.recent[place].live = false;
            self.recent[place].version.number
        };
        record::delete(&mut self.reviews, number, ts);
        self.summary.deletes += 1;
    }

    fn redeliver(&mut self) {
        let place = self.choose();
        let version = self.recent[place].version;
        self.recent[place].live = true;
        self.scribe.review(&mut self.reviews, self.world, &version, None);
        self.summary.redelivered += 1;
    }

    /// The same text of the same user about the same product under a new id, in a dress of its own.
    fn copy(&mut self, ts: i64) {
        let place = self.choose();
        let number = self.number();
        let version = Version { number, ts, dress: self.random.next(), ..self.recent[place].version };
        self.scribe.review(&mut self.reviews, self.world, &version, None);
        self.remember(version);
        self.summary.copies += 1;
    }

    /// Half of the lines that cannot be read are about a review that is known.
    fn malformed(&mut self, ts: i64) {
        let fault = Fault::draw(&mut self.random);
        let known = !self.recent.is_empty() && self.random.chance(500);
        let number = if known {
            self.recent[self.random.index(self.recent.len())].version.number
        } else {
            self.number()
        };
        let version = self.world.review(&mut self.random, number, ts);
        self.scribe.review(&mut self.reviews, self.world, &version, Some(fault));
        *self.summary.malformed.entry(fault.code()).or_default() += 1;
    }

    /// Mostly the truth about a recent review; some of it wrong, withdrawn, or ahead of its review.
    fn feedback(&mut self, ts: i64) {
        let by = self.random.pick(&["ana", "birgit", "chen", "dirk"]);
        let random = &mut self.random;
        let kind = random.weighted(&[760, 100, 80, 20, 20, 20]);
        let (review, label) = match kind {
            1 if !self.labelled.is_empty() => (self.labelled[random.index(self.labelled.len())], None),
            // Nobody knows yet what the next review will say; most are good.
            2 => (self.next_number, Some("positive")),
            3 | 4 if !self.recent.is_empty() => {
                let review = self.recent[random.index(self.recent.len())].version.number;
                (review, Some(if kind == 3 { "ham" } else { "spam" }))
            }
            5 if random.below(1_000) < 250 => {
                *self.summary.malformed.entry("invalid_field").or_default() += 1;
                (self.next_number, Some("great"))
            }
            _ if self.recent.is_empty() => return,
            _ => {
                let version = self.recent[random.index(self.recent.len())].version;
                let stars = if random.chance(60) { 1 + random.below(5) as u8 } else { version.mood().stars };
                let label =
                    ["negative", "negative", "neutral", "positive", "positive"][usize::from(stars) - 1];
                (version.number, Some(label))
            }
        };
        if label.is_some() {
            self.labelled.push_back(review);
            if self.labelled.len() > LABELLED {
                self.labelled.pop_front();
            }
        }
        self.summary.feedback += 1;
        record::feedback(&mut self.feedback, self.summary.feedback, review, label, by, ts);
    }

    fn flush(&mut self, reviews: &mut dyn Write, feedback: &mut dyn Write) -> io::Result<()> {
        reviews.write_all(&self.reviews)?;
        feedback.write_all(&self.feedback)?;
        self.summary.bytes[0] += self.reviews.len() as u64;
        self.summary.bytes[1] += self.feedback.len() as u64;
        self.reviews.clear();
        self.feedback.clear();
        Ok(())
    }
}
