//! The feedback held for one review as a stored row.
//!
//! In each family one feedback counts at most, so each family has its columns. A withdrawal that stands for both
//! families fills both alike; its place says that it is one. The list comes back with the sentiment's holder first.

use super::row::Place;
use crate::{
    engine::{
        Epoch,
        checkpoint::{
            Column,
            ColumnType::{Bool, Instant, Text, Unsigned},
            RowReader, RowWriter, Stored, StoredError,
        },
    },
    records::Label,
};

/// All feedback held for one review, live or awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFeedback {
    /// The review.
    pub review_id: Box<str>,
    /// What is held: in each family one at most, none without a family.
    pub held: Vec<HeldFeedback>,
}

/// Feedback that is the last of its review in at least one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFeedback {
    /// Its id.
    pub feedback_id: Box<str>,
    /// What it says.
    pub label: Label,
    /// Where its record stands.
    pub place: Place,
    /// Whether it is the last of the sentiments.
    pub sentiment: bool,
    /// Whether it is the last on spam.
    pub spam: bool,
    /// Whether the books have it.
    pub booked: bool,
    /// The epoch in which it began to wait.
    pub since: Epoch,
}

impl Stored for StoredFeedback {
    const ID: &'static str = "feedback";
    const VERSION: u32 = 1;
    const COLUMNS: &'static [Column] = &[
        Column::new("review_id", Text),
        Column::new("sentiment_feedback_id", Text).nullable(),
        Column::new("sentiment_label", Text).nullable().few(),
        Column::new("sentiment_partition", Unsigned).nullable().few(),
        Column::new("sentiment_offset", Unsigned).nullable(),
        Column::new("sentiment_booked", Bool).nullable(),
        Column::new("sentiment_since", Instant).nullable(),
        Column::new("spam_feedback_id", Text).nullable(),
        Column::new("spam_label", Text).nullable().few(),
        Column::new("spam_partition", Unsigned).nullable().few(),
        Column::new("spam_offset", Unsigned).nullable(),
        Column::new("spam_booked", Bool).nullable(),
        Column::new("spam_since", Instant).nullable(),
    ];

    fn key(&self) -> &[u8] {
        self.review_id.as_bytes()
    }

    fn put(&self, row: &mut RowWriter<'_>) {
        row.text(&*self.review_id);
        put(self.held.iter().find(|held| held.sentiment), row);
        put(self.held.iter().find(|held| held.spam), row);
    }

    fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError> {
        let review_id = row.text()?.into();
        let sentiment = take(row)?.map(|held| HeldFeedback { sentiment: true, ..held });
        let spam = take(row)?.map(|held| HeldFeedback { spam: true, ..held });
        let held = match (sentiment, spam) {
            (Some(sentiment), Some(spam)) if sentiment.place == spam.place => {
                vec![HeldFeedback { spam: true, ..sentiment }]
            }
            (sentiment, spam) => sentiment.into_iter().chain(spam).collect(),
        };
        Ok(Self { review_id, held })
    }
}

/// The columns of one family.
fn put(held: Option<&HeldFeedback>, row: &mut RowWriter<'_>) {
    row.text(held.map(|held| &*held.feedback_id));
    row.text(held.map(|held| name(held.label)));
    row.unsigned(held.map(|held| held.place.partition.into()));
    row.unsigned(held.map(|held| held.place.offset));
    row.bool(held.map(|held| held.booked));
    row.instant(held.map(|held| held.since.cast_signed()));
}

fn take(row: &mut RowReader<'_>) -> Result<Option<HeldFeedback>, StoredError> {
    let feedback_id = row.text_or_null()?;
    let label = row.text_or_null()?;
    let label = label.map(|label| named(label).ok_or_else(|| row.fault("no label"))).transpose()?;
    let partition = row.unsigned_or_null()?;
    let too_large = |_| row.fault("a number that is too large");
    let partition = partition.map(u32::try_from).transpose().map_err(too_large)?;
    let offset = row.unsigned_or_null()?;
    let booked = row.bool_or_null()?;
    let since = row.instant_or_null()?;
    match (feedback_id, label, partition, offset, booked, since) {
        (Some(feedback_id), Some(label), Some(partition), Some(offset), Some(booked), Some(since)) => {
            Ok(Some(HeldFeedback {
                feedback_id: feedback_id.into(),
                label,
                place: Place { partition, offset },
                sentiment: false,
                spam: false,
                booked,
                since: since.cast_unsigned(),
            }))
        }
        (None, None, None, None, None, None) => Ok(None),
        _ => Err(row.fault("a part of some feedback, whose other parts are not all there")),
    }
}

const LABELS: [(Label, &str); 6] = [
    (Label::Positive, "positive"),
    (Label::Neutral, "neutral"),
    (Label::Negative, "negative"),
    (Label::Spam, "spam"),
    (Label::Ham, "ham"),
    (Label::Withdraw, "withdraw"),
];

fn name(label: Label) -> &'static str {
    LABELS.iter().find(|(other, _)| *other == label).map_or("", |(_, name)| name)
}

fn named(name: &str) -> Option<Label> {
    LABELS.iter().find(|(_, other)| *other == name).map(|(label, _)| *label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::checkpoint::{Change, FileContext, decode, encode};

    /// One feedback, whatever it says, for these families.
    fn any_held(sentiment: bool, spam: bool) -> impl Strategy<Value = HeldFeedback> {
        (".{1,9}", 0..LABELS.len(), any::<(u32, u64)>(), any::<bool>(), any::<u64>()).prop_map(
            move |(feedback_id, label, (partition, offset), booked, since)| HeldFeedback {
                feedback_id: feedback_id.into(),
                label: LABELS[label].0,
                place: Place { partition, offset },
                sentiment,
                spam,
                booked,
                since,
            },
        )
    }

    fn any_list() -> impl Strategy<Value = Vec<HeldFeedback>> {
        let two = (any_held(true, false), any_held(false, true))
            .prop_filter("each record has its place", |(a, b)| a.place != b.place)
            .prop_map(|(sentiment, spam)| vec![sentiment, spam]);
        prop_oneof![
            any_held(true, false).prop_map(|held| vec![held]),
            any_held(false, true).prop_map(|held| vec![held]),
            any_held(true, true).prop_map(|held| vec![held]),
            two,
        ]
    }

    proptest! {
        #[test]
        fn stored_feedback_comes_back_whole(
            all in proptest::collection::btree_map(".{1,9}", any_list(), 0..8),
        ) {
            let rows = all.into_iter().map(|(id, held)| StoredFeedback { review_id: id.into(), held });
            let changes: Vec<_> = rows.map(Change::Put).collect();
            let context = FileContext { step: "feedback".to_owned(), shard: 0, epoch: 0 };
            let decoded = decode::<StoredFeedback>(encode(&changes, &context).unwrap().into()).unwrap();
            prop_assert_eq!(decoded, changes);
        }
    }
}
