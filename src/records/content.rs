//! 128-bit hashes (xxh3, fixed seed) that stand for content: of a version, to tell that nothing changed, and of
//! (product, user, normalised text), to tell duplicates.
//!
//! Each part is hashed by itself and the hashes are hashed at fixed places, so no part can run into the next. Equal
//! content always gives equal hashes; that different content does is taken for granted, at 128 bits.

use xxhash_rust::xxh3::xxh3_128;

use super::decode::Upsert;
use super::lang::Lang;

/// A fixed-size frame being filled.
struct Frame<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Frame<N> {
    fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    fn put(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }

    fn text(&mut self, text: &str) {
        self.put(&xxh3_128(text.as_bytes()).to_le_bytes());
    }

    /// Presence, then the hash, or that of nothing.
    fn optional(&mut self, text: Option<&str>) {
        self.put(&[u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }

    fn hash(&self) -> u128 {
        debug_assert_eq!(self.len, N, "every part has its place");
        xxh3_128(&self.bytes)
    }
}

impl Upsert<'_> {
    /// Stands for every cleaned field but `review_id` and `ts`. `lang` is the language the version ends up with,
    /// given or detected alike.
    pub fn content_hash(&self, lang: Lang) -> u128 {
        let mut frame = Frame::<{ 3 * 16 + 2 * 17 + 4 + 8 + 1 + 9 }>::new();
        frame.text(self.product_id);
        frame.text(self.title);
        frame.text(self.text);
        frame.optional(self.user_id);
        frame.optional(self.source);
        // A rating is at least one star, so 0 is free for none.
        frame.put(&self.rating.unwrap_or(0).to_le_bytes());
        frame.put(&lang.bytes());
        frame.put(&[self.verified.map_or(2, u8::from)]);
        frame.put(&[u8::from(self.helpful_votes.is_some())]);
        frame.put(&self.helpful_votes.unwrap_or(0).to_le_bytes());
        frame.hash()
    }
}

/// Stands for what two exact duplicates share.
pub fn duplicate_key(product_id: &str, user_id: &str, normalised: &str) -> u128 {
    let mut frame = Frame::<48>::new();
    frame.text(product_id);
    frame.text(user_id);
    frame.text(normalised);
    frame.hash()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_but_ts_counts() {
        let en = Lang::from_tag("en").unwrap();
        let base = Upsert {
            review_id: "r",
            product_id: "p",
            user_id: Some("u"),
            rating: Some(4_000_000),
            title: "t",
            text: "x",
            normalised: "t\nx",
            title_normalised: "t",
            text_normalised: "x",
            lang: Some(en),
            ts: Some(1),
            verified: Some(true),
            helpful_votes: Some(0),
            source: Some("s"),
        };
        let same = [base, Upsert { ts: None, ..base }, Upsert { lang: None, ..base }];
        let hashes: BTreeSet<_> = same.iter().map(|upsert| upsert.content_hash(en)).collect();
        assert_eq!(hashes.len(), 1);
        let different = [
            base,
            Upsert { product_id: "q", ..base },
            Upsert { user_id: None, ..base },
            Upsert { rating: None, ..base },
            Upsert { rating: Some(4_000_001), ..base },
            Upsert { title: "", text: "tx", ..base },
            Upsert { title: "tx", text: "", ..base },
            Upsert { verified: None, ..base },
            Upsert { verified: Some(false), ..base },
            Upsert { helpful_votes: None, ..base },
            Upsert { helpful_votes: Some(1), ..base },
            Upsert { source: None, ..base },
            Upsert { user_id: Some("s"), source: Some("u"), ..base },
        ];
        let mut hashes: BTreeSet<_> = different.iter().map(|upsert| upsert.content_hash(en)).collect();
        hashes.insert(base.content_hash(Lang::UND));
        assert_eq!(hashes.len(), different.len() + 1);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let keys = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("c", "ab", "d")];
        let keys: BTreeSet<_> =
            keys.iter().map(|(product, user, text)| duplicate_key(product, user, text)).collect();
        assert_eq!(keys.len(), 4);
    }
}
