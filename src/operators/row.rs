//! The rows that flow between steps: a version of a review in one allocation, and the live rows of tables.
//!
//! A [`Review`] is shared by reference between the tables of a process; its place in the log identifies it, so
//! comparisons never look at its strings. A [`Scored`] row carries beside it what steps found out, and the *cause*: the
//! place of the record that changed it last. The cause is no part of the row's identity: a retraction cancels its
//! assertion whatever caused either.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use triomphe::ThinArc;

use crate::{
    learning::severity::Sections,
    records::{Lang, Sentiment},
};

/// A place in the log within an epoch: partition in log order (by source id, then number), and offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The partition, counted over all sources in log order.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
}

/// The fixed-size part of a version; strings, text and features lie behind it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReviewHead {
    /// xxh3 of the review id.
    pub id_hash: u64,
    /// xxh3 of the product id.
    pub product_hash: u64,
    /// 128-bit hash of product, user and normalised text; 0 without a user.
    pub duplicate_key: [u64; 2],
    /// 128-bit hash of every cleaned field but `ts`.
    pub content: [u64; 2],
    /// Milliseconds since 1970.
    pub ts: i64,
    /// Where its record stands.
    pub place: Place,
    /// The model version that scored it.
    pub version: u64,
    /// Probability of positive, in 1e-6.
    pub sentiment: u32,
    /// Stars in 1e-6; 0 without.
    pub rating: u32,
    /// Its language.
    pub lang: [u8; 8],
    /// Bytes of the product id, which follows the review id.
    pub product_len: u16,
    /// Bytes of the review id.
    pub id_len: u16,
    /// Bytes of the user id; 0 without a user.
    pub user_len: u16,
    /// [`LANG_FILLED`], [`TS_FILLED`], [`VERIFIED`], [`NOT_VERIFIED`].
    pub flags: u8,
    /// The sections of the lexicon that its words are in, one bit each; 0 where no step asked for them.
    pub sections: Sections,
    /// Helpful votes; `u32::MAX` where the record says none.
    pub helpful_votes: u32,
    /// Bytes of the cleaned `source`, which follows the user id.
    pub source_len: u16,
    /// Bytes of the cleaned title, where it is kept.
    pub title_len: u32,
    /// Bytes of the cleaned text, where it is kept.
    pub text_len: u32,
}

/// The language was detected.
pub const LANG_FILLED: u8 = 1;
/// The time was filled in.
pub const TS_FILLED: u8 = 2;
/// The purchase was verified.
pub const VERIFIED: u8 = 4;
/// The purchase was not verified.
pub const NOT_VERIFIED: u8 = 8;

/// A version of a review: one allocation, shared.
#[derive(Clone)]
pub struct Review(ThinArc<ReviewHead, u8>);

impl Review {
    /// A version from its head and its bytes: id, product, user, source, title, text, features.
    #[must_use]
    pub fn new(head: ReviewHead, bytes: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice(head, bytes))
    }

    /// Bytes of its allocation: a count of references, a length, the head and the rest.
    #[must_use]
    pub fn allocated(&self) -> usize {
        let bytes = 2 * size_of::<usize>() + size_of::<ReviewHead>() + self.0.slice.len();
        bytes.next_multiple_of(align_of::<ReviewHead>())
    }

    /// The fixed-size part.
    #[must_use]
    pub fn head(&self) -> &ReviewHead {
        &self.0.header.header
    }

    /// The bytes from after the first `skip` of the variable part, `len` of them.
    fn part(&self, skip: usize, len: usize) -> &[u8] {
        &self.0.slice[skip..skip + len]
    }

    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.slice
    }

    fn text_at(&self, skip: usize, len: usize) -> &str {
        // they were cut from a &str at these places
        std::str::from_utf8(self.part(skip, len)).unwrap_or_default()
    }

    /// Its id as bytes.
    #[must_use]
    pub fn id_bytes(&self) -> &[u8] {
        self.part(0, self.head().id_len.into())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text_at(0, self.head().id_len.into())
    }

    /// The product it is about.
    #[must_use]
    pub fn product(&self) -> &str {
        self.text_at(self.head().id_len.into(), self.head().product_len.into())
    }

    /// The same as bytes.
    #[must_use]
    pub fn product_bytes(&self) -> &[u8] {
        self.part(self.head().id_len.into(), self.head().product_len.into())
    }

    /// Who wrote it.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let head = self.head();
        let skip = usize::from(head.id_len) + usize::from(head.product_len);
        (head.user_len > 0).then(|| self.text_at(skip, head.user_len.into()))
    }

    /// Its features, encoded; empty where no step keeps them.
    #[must_use]
    pub fn features(&self) -> &[u8] {
        let head = self.head();
        &self.0.slice[ids_len(head) + head.title_len as usize + head.text_len as usize..]
    }

    /// Its language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        Lang::from_bytes(self.head().lang).unwrap_or(Lang::UND)
    }

    /// Stars in 1e-6.
    #[must_use]
    pub fn rating(&self) -> Option<u32> {
        (self.head().rating > 0).then_some(self.head().rating)
    }

    /// The order in which duplicates are kept: time, then id as bytes.
    #[must_use]
    pub fn seniority(&self) -> (i64, &[u8]) {
        (self.head().ts, self.id_bytes())
    }

    /// Where its record stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.head().place
    }
}

/// Bytes of the three ids and the source.
fn ids_len(head: &ReviewHead) -> usize {
    usize::from(head.id_len)
        + usize::from(head.product_len)
        + usize::from(head.user_len)
        + usize::from(head.source_len)
}

impl fmt::Debug for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.id(), self.place())
    }
}

impl Serialize for Review {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.head(), &self.0.slice).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Review {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (head, bytes): (ReviewHead, Vec<u8>) = Deserialize::deserialize(deserializer)?;
        Ok(Self::new(head, &bytes))
    }
}

/// What a version does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionKind {
    /// The review is this now.
    Upsert,
    /// The review is gone.
    Delete,
    /// A filter did not let it pass: the review is gone, and has been booked.
    Filtered,
    /// It was live in the checkpoint that the run goes on from.
    Restored,
}

/// A scored version on a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// The version; of a delete, only id and place.
    pub review: Review,
    /// What it does.
    pub kind: VersionKind,
}

/// The sentiment feedback that acts on a live review.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AppliedLabel {
    /// What it says.
    pub label: Sentiment,
    /// Which feedback said it.
    pub feedback_id: Box<str>,
}

/// A live row of a table of scored reviews.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scored {
    /// The live version.
    pub review: Review,
    /// Sentiment feedback, where some applies.
    pub label: Option<Arc<AppliedLabel>>,
    /// The review it duplicates.
    pub of: Option<Review>,
    /// The record that changed this row last.
    pub cause: Place,
}

impl Scored {
    /// The published label: feedback, or what the rounded sentiment says.
    #[must_use]
    pub fn effective_label(&self) -> Sentiment {
        self.label
            .as_ref()
            .map_or_else(|| Sentiment::of_micro(self.review.head().sentiment), |label| label.label)
    }

    /// Whether it counts: it is neither spam nor a duplicate.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.of.is_none()
    }

    fn identity(&self) -> (Place, Option<&AppliedLabel>, Option<&[u8]>) {
        (self.review.place(), self.label.as_deref(), self.of.as_ref().map(Review::id_bytes))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}
