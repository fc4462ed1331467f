//! A live version of a review as a stored row.
//!
//! What follows from the row's strings (hashes of the ids, lengths) is not stored; the hashes of text and content are,
//! since the text is gone unless a step asked for it. An empty string and none are one: null. Limit: a delete has no
//! product and no language; it is forgotten with its epoch and never stored.

use xxhash_rust::xxh3::xxh3_64;

use super::row::{LANG_FILLED, NOT_VERIFIED, Place, Review, ReviewHead, TS_FILLED, VERIFIED};
use crate::{
    engine::checkpoint::{
        Column,
        ColumnType::{Bool, Bytes, Hash16, Instant, Micro, Text, Unsigned},
        RowReader, RowWriter, Stored, StoredError,
    },
    learning::severity::Sections,
    records::Lang,
};

impl Stored for Review {
    const ID: &'static str = "current";
    const VERSION: u32 = 1;
    const COLUMNS: &'static [Column] = &[
        Column::new("review_id", Text),
        Column::new("product_id", Text).few(),
        Column::new("user_id", Text).nullable(),
        Column::new("rating", Micro).nullable().few(),
        Column::new("lang", Text).few(),
        Column::new("lang_filled", Bool),
        Column::new("ts", Instant),
        Column::new("ts_filled", Bool),
        Column::new("verified", Bool).nullable(),
        Column::new("helpful_votes", Unsigned).nullable().few(),
        Column::new("source", Text).nullable().few(),
        Column::new("title", Text).nullable(),
        Column::new("text", Text).nullable(),
        Column::new("sentiment", Micro),
        Column::new("model_version", Unsigned),
        Column::new("partition", Unsigned).few(),
        Column::new("offset", Unsigned),
        Column::new("content_hash", Hash16),
        Column::new("duplicate_hash", Hash16).nullable(),
        Column::new("features", Bytes).nullable().packed(),
        // bits, which mean what the lexicon of the topology makes of them
        Column::new("sections", Unsigned).few().later(),
    ];

    fn key(&self) -> &[u8] {
        self.id_bytes()
    }

    fn put(&self, row: &mut RowWriter<'_>) {
        let head = self.head();
        let [source, title, text] = behind_the_ids(self);
        row.text(self.id());
        row.text(self.product());
        row.text(self.user());
        row.micro(self.rating().map(i64::from));
        row.text(self.lang().as_str());
        row.bool(head.flags & LANG_FILLED != 0);
        row.instant(head.ts);
        row.bool(head.flags & TS_FILLED != 0);
        row.bool(match head.flags & (VERIFIED | NOT_VERIFIED) {
            VERIFIED => Some(true),
            NOT_VERIFIED => Some(false),
            _ => None,
        });
        row.unsigned((head.helpful_votes != u32::MAX).then_some(head.helpful_votes.into()));
        row.text(source);
        row.text(title);
        row.text(text);
        row.micro(i64::from(head.sentiment));
        row.unsigned(head.version);
        row.unsigned(u64::from(head.place.partition));
        row.unsigned(head.place.offset);
        row.hash(head.content);
        row.hash((head.user_len > 0).then_some(head.duplicate_key));
        row.bytes(Some(self.features()).filter(|features| !features.is_empty()));
        row.unsigned((!head.sections.is_empty()).then(|| head.sections.bits().into()));
    }

    fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError> {
        let id = row.text()?;
        let id_len = length(row, id)?;
        let product = row.text()?;
        let product_len = length(row, product)?;
        let user = row.text_or_null()?.unwrap_or_default();
        let user_len = length(row, user)?;
        let rating = row.micro_or_null()?.map_or(Ok(0), |rating| small(row, rating))?;
        let lang = row.text()?;
        let lang = Lang::from_tag(lang).ok_or_else(|| row.fault("no language"))?;
        let mut flags = if row.bool()? { LANG_FILLED } else { 0 };
        let ts = row.instant()?;
        flags |= if row.bool()? { TS_FILLED } else { 0 };
        flags |= row.bool_or_null()?.map_or(0, |verified| if verified { VERIFIED } else { NOT_VERIFIED });
        let helpful_votes = row.unsigned_or_null()?.map_or(Ok(u32::MAX), |votes| small(row, votes))?;
        let source = row.text_or_null()?.unwrap_or_default();
        let source_len = length(row, source)?;
        let title = row.text_or_null()?.unwrap_or_default();
        let title_len = small(row, title.len())?;
        let text = row.text_or_null()?.unwrap_or_default();
        let text_len = small(row, text.len())?;
        let sentiment = row.micro()?;
        let sentiment = small(row, sentiment)?;
        let version = row.unsigned()?;
        let partition = row.unsigned()?;
        let place = Place { partition: small(row, partition)?, offset: row.unsigned()? };
        let content = row.hash()?;
        let duplicate_key = row.hash_or_null()?.unwrap_or_default();
        let features = row.bytes_or_null()?.unwrap_or_default();
        let sections = row.unsigned_or_null()?.map_or(Ok(0), |sections| small(row, sections))?;
        let head = ReviewHead {
            id_hash: xxh3_64(id.as_bytes()),
            product_hash: xxh3_64(product.as_bytes()),
            duplicate_key,
            content,
            ts,
            place,
            version,
            sentiment,
            rating,
            lang: lang.bytes(),
            product_len,
            id_len,
            user_len,
            flags,
            sections: Sections::of(sections),
            helpful_votes,
            source_len,
            title_len,
            text_len,
        };
        let [id, product, user, source, title, text] =
            [id, product, user, source, title, text].map(str::as_bytes);
        Ok(Self::new(head, row.join(&[id, product, user, source, title, text, features])))
    }
}

/// Source, title and text, where they are kept.
fn behind_the_ids(review: &Review) -> [Option<&str>; 3] {
    let head = review.head();
    let mut rest = &review.bytes()
        [usize::from(head.id_len) + usize::from(head.product_len) + usize::from(head.user_len)..];
    [usize::from(head.source_len), head.title_len as usize, head.text_len as usize].map(|len| {
        let (part, behind) = rest.split_at(len);
        rest = behind;
        // they were cut from a &str at these places
        std::str::from_utf8(part).ok().filter(|text| !text.is_empty())
    })
}

fn length(row: &RowReader<'_>, text: &str) -> Result<u16, StoredError> {
    u16::try_from(text.len()).map_err(|_| row.fault("a text that is too long"))
}

fn small<N>(row: &RowReader<'_>, number: impl TryInto<N>) -> Result<N, StoredError> {
    number.try_into().map_err(|_| row.fault("a number that is too large or negative"))
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;
    use crate::engine::checkpoint::{Change, FileContext, decode, encode};

    fn any_review() -> impl Strategy<Value = Review> {
        let text = || option::of(".{0,30}");
        (
            (".{1,20}", ".{1,20}", option::of(".{1,20}"), text(), text(), text()),
            (any::<[u64; 2]>(), any::<[u64; 2]>(), any::<i64>(), any::<u32>(), any::<u64>(), any::<u64>()),
            (
                0_u32..=1_000_000,
                0_u32..=5_000_000,
                "[a-z]{2,8}",
                0_u8..4,
                0_u8..3,
                any::<u32>(),
                any::<u16>(),
            ),
            proptest::collection::vec(any::<u8>(), 0..40),
        )
            .prop_map(|(strings, numbers, small, features)| {
                let (id, product, user, source, title, text) = strings;
                let (duplicate_key, content, ts, partition, offset, version) = numbers;
                let (sentiment, rating, lang, filled, verified, helpful_votes, sections) = small;
                let optional = |text: Option<String>| text.unwrap_or_default();
                let [user, source, title, text] = [user, source, title, text].map(optional);
                let head = ReviewHead {
                    id_hash: xxh3_64(id.as_bytes()),
                    product_hash: xxh3_64(product.as_bytes()),
                    duplicate_key: if user.is_empty() { [0; 2] } else { duplicate_key },
                    content,
                    ts,
                    place: Place { partition, offset },
                    version,
                    sentiment,
                    rating,
                    lang: Lang::from_tag(&lang).unwrap().bytes(),
                    product_len: product.len() as u16,
                    id_len: id.len() as u16,
                    user_len: user.len() as u16,
                    flags: filled | [0, VERIFIED, NOT_VERIFIED][usize::from(verified)],
                    sections: Sections::of(sections),
                    helpful_votes,
                    source_len: source.len() as u16,
                    title_len: title.len() as u32,
                    text_len: text.len() as u32,
                };
                let bytes = [&id, &product, &user, &source, &title, &text].map(String::as_bytes).concat();
                Review::new(head, &[bytes, features].concat())
            })
    }

    /// Everything of a review, where its equality looks at its place only.
    fn whole(review: &Review) -> String {
        format!("{:?} {:?}", review.head(), review.bytes())
    }

    proptest! {
        #[test]
        fn a_stored_review_comes_back_whole(
            reviews in proptest::collection::btree_map(".{1,20}", any_review(), 0..8),
        ) {
            let mut reviews: Vec<Review> = reviews.into_values().collect();
            reviews.sort_by(|a, b| a.id_bytes().cmp(b.id_bytes()));
            reviews.dedup_by(|a, b| a.id_bytes() == b.id_bytes());
            let changes: Vec<_> = reviews.iter().cloned().map(Change::Put).collect();
            let context = FileContext { step: "current".to_owned(), shard: 0, epoch: 0 };
            let decoded = decode::<Review>(encode(&changes, &context).unwrap().into()).unwrap();
            prop_assert_eq!(decoded.len(), reviews.len());
            for (change, review) in decoded.iter().zip(&reviews) {
                let Change::Put(found) = change else { return Err(TestCaseError::fail("a delete")) };
                prop_assert_eq!(whole(found), whole(review));
            }
        }
    }
}
