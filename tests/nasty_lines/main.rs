//! Lines that go wrong elsewhere, each with the code that refuses it or with what becomes of it.

mod case_commands;
mod feedback;
mod fields;
mod json;
mod records;
mod texts;

use std::collections::BTreeMap;

use dirigent::records::{Code, DecodedReview, KeyRule, Refusal, ReviewDecoder, ReviewFields, Upsert};

fn fields() -> ReviewFields {
    ReviewFields::review(&BTreeMap::new()).expect("no field is renamed")
}

fn decode<T>(line: impl AsRef<[u8]>, see: impl FnOnce(DecodedReview<'_>) -> T) -> Result<T, Refusal> {
    ReviewDecoder::default().decode(line.as_ref(), KeyRule::Ignore, &fields()).map(see)
}

fn upsert<T>(line: impl AsRef<[u8]>, see: impl FnOnce(Upsert<'_>) -> T) -> Result<T, Refusal> {
    decode(line, |decoded| match decoded {
        DecodedReview::Upsert(upsert) => see(upsert),
        DecodedReview::Delete { .. } => panic!("an upsert was expected"),
    })
}

/// A review that is in order, with something more in it.
fn with(more: &str) -> String {
    format!(r#"{{"review_id":"r","product_id":"p","text":"fine",{more}}}"#)
}

/// A review with this JSON string as its text.
fn saying(text: &str) -> String {
    format!(r#"{{"review_id":"r","product_id":"p","text":"{text}"}}"#)
}

fn assert_codes<L: AsRef<[u8]>>(code: Code, lines: impl IntoIterator<Item = L>) {
    for line in lines {
        let shown = String::from_utf8_lossy(&line.as_ref()[..line.as_ref().len().min(120)]).into_owned();
        let refusal = decode(&line, |decoded| format!("{decoded:?}")).expect_err(&shown);
        assert_eq!(refusal.code, code, "{shown}: {refusal}");
        assert!(refusal.message.len() < 400 && !refusal.message.contains('\n'), "{shown}: {refusal}");
    }
}

fn assert_fine<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) {
    for line in lines {
        let shown = String::from_utf8_lossy(&line.as_ref()[..line.as_ref().len().min(120)]).into_owned();
        decode(&line, |_| ()).unwrap_or_else(|refusal| panic!("{shown}: {refusal}"));
    }
}
