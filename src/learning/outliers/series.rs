//! The daily history of one product: how many accepted reviews each UTC day of `ts` has, and how many of them are negative.
//!
//! Counts are signed sums, so reviews may be added and taken away in any order; days without a count are not stored, so
//! equal contents have equal bytes. Days before `kept_from` are folded into one total and can no longer be told apart:
//! `kept_from` follows the epoch and never goes back, so what a series holds is a function of its reviews and of the newest
//! epoch, not of the order of arrival. (The newest day of the reviews would not do: it goes back when its review is deleted.)
//!
//! # Format
//! LEB128 numbers, counts of them zigzag; nothing at all where there is neither a name nor a count. The length of the name, and the
//! name: kept here, it takes neither an allocation nor pointers of its own. Reviews and negatives of the older days, then for each day: its negatives, doubled, plus one where the day before it has no entry; then, only there, its distance
//! from the last entry (the first: from 0); its reviews. A day after a day takes two bytes, one by itself three (below 16
//! negatives and 64 reviews).

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The UTC day of an instant in ms since 1970, counted from 1970-01-01; instants before that are of day 0.
#[must_use]
pub fn day_of(ts: i64) -> u32 {
    u32::try_from(ts.max(0) / DAY).unwrap_or(u32::MAX)
}

/// When a day begins, in ms since 1970.
#[must_use]
pub fn start_of(day: u32) -> i64 {
    i64::from(day) * DAY
}

/// Reviews, and the negative ones of them. Below zero only while a retraction is there before what it retracts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted reviews.
    pub reviews: i64,
    /// Those whose label is negative.
    pub negatives: i64,
}

impl Counts {
    /// `times` reviews of one kind, below zero to take them away.
    #[must_use]
    pub fn of(negative: bool, times: i64) -> Self {
        Self { reviews: times, negatives: if negative { times } else { 0 } }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { reviews: self.reviews + other.reviews, negatives: self.negatives + other.negatives }
    }
}

/// The history of one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Series {
    bytes: Box<[u8]>,
}

impl Series {
    /// The history of a product that has none yet.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut bytes = Vec::with_capacity(name.len() + 1);
        if !name.is_empty() {
            put(&mut bytes, name.len() as u64);
            bytes.extend_from_slice(name.as_bytes());
        }
        Self { bytes: bytes.into() }
    }

    /// The bytes of the product's name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.named_reader().map_or(&[], |(name, _)| name)
    }

    /// The name, and what stands behind it.
    fn named_reader(&self) -> Option<(&[u8], Reader<'_>)> {
        let mut reader = Reader { bytes: &self.bytes, at: 0 };
        let length = usize::try_from(reader.number()?).ok()?;
        let name = self.bytes.get(reader.at..reader.at.checked_add(length)?)?;
        reader.at += length;
        Some((name, reader))
    }

    fn reader(&self) -> Reader<'_> {
        self.named_reader().map_or(Reader { bytes: &[], at: 0 }, |(_, reader)| reader)
    }

    /// Adds counts to a day, or takes them away, and folds the days before `kept_from`.
    pub fn add(&mut self, day: u32, change: Counts, kept_from: u32) {
        if self.add_in_place(day, change, kept_from) {
            return;
        }
        let mut older = self.older();
        let mut days = Vec::with_capacity(self.bytes.len() + 16);
        let (mut before, mut change) = (0, Some((day, change)));
        let mut take = |day: u32, counts: Counts| {
            if day < kept_from {
                older = older.plus(counts);
            } else if counts != Counts::default() {
                put_day(&mut days, day - before, counts);
                before = day;
            }
        };
        for (known, counts) in self.days() {
            match change {
                Some((day, more)) if day == known => {
                    take(day, counts.plus(more));
                    change = None;
                    continue;
                }
                Some((day, more)) if day < known => {
                    take(day, more);
                    change = None;
                }
                _ => {}
            }
            take(known, counts);
        }
        if let Some((day, more)) = change {
            take(day, more);
        }
        let name = &self.bytes[..self.reader().at];
        let mut bytes = Vec::with_capacity(name.len() + days.len() + 8);
        bytes.extend_from_slice(name);
        if older != Counts::default() || !days.is_empty() {
            if name.is_empty() {
                put(&mut bytes, 0);
            }
            put(&mut bytes, zigzag(older.reviews));
            put(&mut bytes, zigzag(older.negatives));
            bytes.extend_from_slice(&days);
        } else if self.name().is_empty() {
            bytes.clear();
        }
        if bytes.len() == self.bytes.len() {
            self.bytes.copy_from_slice(&bytes);
        } else {
            self.bytes = bytes.into_boxed_slice();
        }
    }

    /// The usual case: nothing is to be folded, and the new counts of a known day take the bytes of the old ones.
    fn add_in_place(&mut self, day: u32, change: Counts, kept_from: u32) -> bool {
        let mut reader = self.reader();
        if reader.older().is_none() {
            return false;
        }
        let mut known = 0_u32;
        loop {
            let start = reader.at;
            let Some((distance, counts)) = reader.day() else { return false };
            known = known.saturating_add(distance);
            if known < kept_from || known > day {
                return false;
            }
            if known == day {
                let (sum, end) = (counts.plus(change), reader.at);
                let fits = day_length(distance, sum) == end - start && sum != Counts::default();
                if fits {
                    put_day(&mut Slots(self.bytes[start..end].iter_mut()), distance, sum);
                }
                return fits;
            }
        }
    }

    /// The days that are not folded, in order.
    pub fn days(&self) -> impl Iterator<Item = (u32, Counts)> + '_ {
        let mut reader = self.reader();
        let _older = reader.older();
        let mut day = 0_u32;
        std::iter::from_fn(move || {
            let (distance, counts) = reader.day()?;
            day = day.checked_add(distance)?;
            Some((day, counts))
        })
    }

    /// The total of the days that are folded.
    #[must_use]
    pub fn older(&self) -> Counts {
        self.reader().older().unwrap_or_default()
    }

    /// Whether there is nothing in it but the name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reader().at == self.bytes.len()
    }

    /// Bytes of its allocation.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of an entry that takes the place of another one of the same length.
struct Slots<'a>(std::slice::IterMut<'a, u8>);

impl Extend<u8> for Slots<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        // the bytes first: a slot that is taken without a byte would be lost
        bytes.into_iter().zip(self.0.by_ref()).for_each(|(byte, slot)| *slot = byte);
    }
}

fn put(out: &mut impl Extend<u8>, mut number: u64) {
    while number >= 0x80 {
        out.extend([number as u8 | 0x80]);
        number >>= 7;
    }
    out.extend([number as u8]);
}

/// Bytes that a number takes.
fn length(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes that [`put_day`] takes.
fn day_length(distance: u32, counts: Counts) -> usize {
    let gap = if distance == 1 { 0 } else { length(u64::from(distance)) };
    length(zigzag(counts.negatives) << 1) + gap + length(zigzag(counts.reviews))
}

fn put_day(out: &mut impl Extend<u8>, distance: u32, counts: Counts) {
    let gap = distance != 1;
    put(out, (zigzag(counts.negatives) << 1) | u64::from(gap));
    if gap {
        put(out, u64::from(distance));
    }
    put(out, zigzag(counts.reviews));
}

fn zigzag(count: i64) -> u64 {
    (count << 1 ^ count >> 63) as u64
}

fn count(zigzag: u64) -> i64 {
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7F).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn older(&mut self) -> Option<Counts> {
        Some(Counts { reviews: count(self.number()?), negatives: count(self.number()?) })
    }

    /// The distance of the next day from the one before it, and its counts.
    fn day(&mut self) -> Option<(u32, Counts)> {
        let first = self.number()?;
        let distance = if first & 1 == 0 { 1 } else { u32::try_from(self.number()?).ok()? };
        Some((distance, Counts { negatives: count(first >> 1), reviews: count(self.number()?) }))
    }
}

#[cfg(test)]
mod tests;
