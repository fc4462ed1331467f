//! Any bytes: as a record, which is decoded or refused but never panics, and as a text, which the fast paths clean and
//! normalise as the rules applied to the whole string do.
//!
//! What holds of every decoded review is held here too: its texts are what the rules make of the fields as serde_json
//! reads them, a line that is accepted is JSON within our limits, and a refusal is a short sentence.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/records/mod.rs"]
mod records;
#[path = "../../src/records/text/reference.rs"]
mod reference;

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use records::text::clean::{clean_into, is_plain};
use records::text::normalise::normalise_into;
use records::{DecodedReview, FeedbackDecoder, FeedbackFields, KeyRule, Refusal, ReviewDecoder, ReviewFields, Upsert};

fuzz_target!(|bytes: &[u8]| {
    let renamed = BTreeMap::new();
    let reviews = ReviewFields::review(&renamed).expect("no field is renamed");
    let feedback = FeedbackFields::feedback(&renamed).expect("no field is renamed");
    let mut decoder = ReviewDecoder::default();
    match decoder.decode(bytes, KeyRule::Ignore, &reviews) {
        Ok(DecodedReview::Upsert(review)) => agrees(bytes, &review),
        Ok(DecodedReview::Delete { review_id, .. }) => assert!((1..=256).contains(&review_id.len())),
        Err(refusal) => is_a_sentence(&refusal),
    }
    if let Err(refusal) = FeedbackDecoder::default().decode(bytes, KeyRule::ReviewId(Some(b"r")), &feedback) {
        is_a_sentence(&refusal);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut buffers = (String::new(), String::new(), String::new());
        clean_into(text, &mut buffers.0, &mut buffers.1);
        assert_eq!(buffers.1, reference::clean(text));
        assert!(!is_plain(text) || buffers.1 == text);
        normalise_into(text, &mut buffers.2);
        assert_eq!(buffers.2, reference::normalise(text));
    }
});

fn agrees(bytes: &[u8], review: &Upsert<'_>) {
    let json: serde_json::Value = serde_json::from_slice(bytes).expect("what is accepted is JSON");
    let of = |field: &str| json.get(field).and_then(|value| value.as_str()).unwrap_or_default();
    let (title, text) = (reference::clean(of("title")), reference::clean(of("text")));
    assert_eq!((review.title, review.text), (title.as_str(), text.as_str()));
    let parts = [reference::normalise(&title), reference::normalise(&text)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    assert_eq!(review.normalised, parts.join("\n"));
    assert!(!review.normalised.is_empty());
    assert!(review.rating.is_none_or(|units| (1_000_000..=5_000_000).contains(&units)));
    assert!(review.ts.is_none_or(|ms| (0..=4_102_444_800_000).contains(&ms)));
}

fn is_a_sentence(refusal: &Refusal) {
    assert!(refusal.message.len() < 500 && !refusal.message.contains('\n'), "{refusal}");
}
