//! Reviews: an upsert with its cleaned and normalised text, or a delete.
//!
//! After what [`decode`](super) says of every record, the checks come in this order: `review_id`, the key, `op`, `ts`,
//! and for an upsert `product_id`, `user_id`, `rating`, the types of `title` and `text`, their length, `verified`,
//! `source`, `lang`, `helpful_votes`, and that something is left after cleaning. Of a delete nothing else is looked
//! at, except that a known field twice is an error whatever the record says.

use super::check::Checked;
use super::field_map::ReviewFields;
use super::json::{Piece, Value, read_object};
use super::key::KeyRule;
use super::refusal::{Code, Refusal};
use crate::records::lang::Lang;
use crate::records::text::clean::{clean_into, is_plain};
use crate::records::text::normalise::normalise_into;

/// The fields, in the order in which they are checked.
pub(super) const FIELDS: [&str; 12] = [
    "review_id",
    "op",
    "ts",
    "product_id",
    "user_id",
    "rating",
    "title",
    "text",
    "verified",
    "source",
    "lang",
    "helpful_votes",
];
const REVIEW_ID: usize = 0;
const OP: usize = 1;
const TS: usize = 2;
pub(super) const PRODUCT_ID: usize = 3;
const USER_ID: usize = 4;
const RATING: usize = 5;
pub(super) const TITLE: usize = 6;
pub(super) const TEXT: usize = 7;
const VERIFIED: usize = 8;
const SOURCE: usize = 9;
const LANG: usize = 10;
const HELPFUL_VOTES: usize = 11;

/// Title and text together, in bytes of UTF-8 before cleaning.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A review record that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodedReview<'a> {
    /// The review is gone.
    Delete {
        /// Which.
        review_id: &'a str,
        /// Milliseconds since 1970, if the record says.
        ts: Option<i64>,
    },
    /// The review is this now.
    Upsert(Upsert<'a>),
}

/// A version of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upsert<'a> {
    /// Names the review.
    pub review_id: &'a str,
    /// The product it is about.
    pub product_id: &'a str,
    /// Who wrote it; never empty.
    pub user_id: Option<&'a str>,
    /// Stars in units of 1e-6, from 1,000,000 to 5,000,000.
    pub rating: Option<u32>,
    /// Cleaned title, empty if there is none.
    pub title: &'a str,
    /// Cleaned text, empty if there is none.
    pub text: &'a str,
    /// Normalised title.
    pub title_normalised: &'a str,
    /// Normalised text.
    pub text_normalised: &'a str,
    /// Both joined by a newline, or the one there is.
    pub normalised: &'a str,
    /// Language given, if one was.
    pub lang: Option<Lang>,
    /// Milliseconds since 1970, if the record says.
    pub ts: Option<i64>,
    /// Whether the purchase was verified.
    pub verified: Option<bool>,
    /// How many readers found it helpful.
    pub helpful_votes: Option<u64>,
    /// Where it was collected; never blank.
    pub source: Option<&'a str>,
}

/// Decodes review records one after the other, in buffers that it keeps.
#[derive(Debug, Default)]
pub struct ReviewDecoder {
    arena: String,
    markup: String,
    title: String,
    text: String,
    normalised: String,
}

impl ReviewDecoder {
    /// Decodes the bytes of one record.
    ///
    /// # Errors
    /// The first refusal that applies. A record beyond `max_record_bytes` is the caller's to refuse.
    pub fn decode<'a>(
        &'a mut self,
        record: &'a [u8],
        key: KeyRule<'_>,
        fields: &ReviewFields,
    ) -> Result<DecodedReview<'a>, Refusal> {
        let Self { arena, markup, title: title_buffer, text: text_buffer, normalised } = self;
        arena.clear();
        let values = read_object(record, fields, arena)?;
        let mut checked = Checked { fields, values, arena };

        let review_id = checked.required_id(REVIEW_ID)?;
        key.check("review_id", review_id.get(checked.arena))?;
        let delete = is_delete(&checked)?;
        let ts = checked.ts(TS)?;
        if delete {
            return Ok(DecodedReview::Delete { review_id: review_id.get(arena), ts });
        }

        let product_id = checked.required_id(PRODUCT_ID)?;
        let user_id = checked.optional_id(USER_ID)?;
        let rating = checked.rating(RATING)?;
        let (title, text) = (checked.text(TITLE)?, checked.text(TEXT)?);
        let bytes = [title, text].map(|piece| piece.map_or(0, |piece| piece.get(checked.arena).len()));
        if bytes[0] + bytes[1] > MAX_TEXT_BYTES {
            let message = format!(
                "title and text have {} bytes; expected at most {MAX_TEXT_BYTES}",
                bytes[0] + bytes[1]
            );
            return Err(Refusal::validate(Code::TooLarge, message));
        }
        let verified = checked.boolean(VERIFIED)?;
        let source = checked.text(SOURCE)?;
        let lang = checked.text(LANG)?;
        let helpful_votes = checked.count(HELPFUL_VOTES)?;

        let arena: &'a str = arena;
        let get = |piece: Piece<'a>| piece.get(arena);
        let title = cleaned(title.map_or("", get), markup, title_buffer);
        let text = cleaned(text.map_or("", get), markup, text_buffer);
        if title.is_empty() && text.is_empty() {
            let message = "nothing is left of title and text after cleaning; expected words in one of them";
            return Err(Refusal::validate(Code::EmptyText, message));
        }
        normalised.clear();
        normalise_into(title, normalised);
        let title_end = normalised.len();
        if !title.is_empty() && !text.is_empty() {
            normalised.push('\n');
        }
        let text_start = normalised.len();
        normalise_into(text, normalised);
        Ok(DecodedReview::Upsert(Upsert {
            review_id: get(review_id),
            product_id: get(product_id),
            user_id: user_id.map(get),
            rating,
            title,
            text,
            title_normalised: &normalised[..title_end],
            text_normalised: &normalised[text_start..],
            normalised,
            lang: lang.map(get).and_then(Lang::from_tag),
            ts,
            verified,
            helpful_votes,
            source: source.map(get).filter(|source| !source.trim().is_empty()),
        }))
    }
}

/// What `op` asks for.
fn is_delete<const N: usize>(checked: &Checked<'_, '_, N>) -> Result<bool, Refusal> {
    match checked.value(OP) {
        Value::Missing | Value::Null => return Ok(false),
        Value::Text(op) => match op.get(checked.arena) {
            "upsert" => return Ok(false),
            "delete" => return Ok(true),
            _ => {}
        },
        _ => {}
    }
    Err(checked.invalid(OP, "\"upsert\", \"delete\" or null"))
}

/// `raw` itself if it is clean, else its cleaned form in `out`.
fn cleaned<'a>(raw: &'a str, markup: &mut String, out: &'a mut String) -> &'a str {
    if is_plain(raw) {
        return raw;
    }
    clean_into(raw, markup, out);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::records::review::{Id, Op, Rating, Review, Ts, UserId};

    #[test]
    fn what_the_struct_writes_is_read_back() {
        let review = Review {
            review_id: Id::Integer(9),
            product_id: Some("p".into()),
            user_id: Some(UserId::Text(" u ".to_owned())),
            rating: Some(Rating::Number(2.5)),
            title: Some("Too &quot;loud&quot;".to_owned()),
            text: Some("ÄRGERLICH".to_owned()),
            lang: Some("de-DE".to_owned()),
            ts: Some(Ts::Text("2024-02-29T12:00:00+01:00".to_owned())),
            op: Some(Op::Upsert),
            verified: Some(true),
            helpful_votes: Some(3),
            source: Some("shop".to_owned()),
        };
        let line = serde_json::to_vec(&review).unwrap();
        let fields = ReviewFields::review(&BTreeMap::new()).unwrap();
        let mut decoder = ReviewDecoder::default();
        let expected = Upsert {
            review_id: "9",
            product_id: "p",
            user_id: Some(" u "),
            rating: Some(2_500_000),
            title: "Too \"loud\"",
            text: "ÄRGERLICH",
            title_normalised: "too \"loud\"",
            text_normalised: "ärgerlich",
            normalised: "too \"loud\"\närgerlich",
            lang: Lang::from_tag("de"),
            ts: Some(1_709_204_400_000),
            verified: Some(true),
            helpful_votes: Some(3),
            source: Some("shop"),
        };
        assert_eq!(decoder.decode(&line, KeyRule::Ignore, &fields), Ok(DecodedReview::Upsert(expected)));

        let delete = Review { op: Some(Op::Delete), ts: Some(Ts::Integer(5)), ..review };
        let line = serde_json::to_vec(&delete).unwrap();
        let expected = DecodedReview::Delete { review_id: "9", ts: Some(5000) };
        assert_eq!(decoder.decode(&line, KeyRule::Ignore, &fields), Ok(expected));
    }
}
