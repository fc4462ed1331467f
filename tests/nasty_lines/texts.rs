//! Titles and texts: what is left of them after cleaning.

use dirigent::records::Code;
use dirigent::records::decode::MAX_TEXT_BYTES;

use super::{assert_codes, assert_fine, saying, upsert, with};

#[test]
fn texts_are_cleaned() {
    for (json, cleaned, normalised) in [
        ("I <3 it", "I <3 it", "i <3 it"),
        ("a <b>bold</b> word", "a bold word", "a bold word"),
        ("un<closed", "un<closed", "un<closed"),
        ("5 < 6 > 4", "5 < 6 > 4", "5 < 6 > 4"),
        ("<!-- gone -->x<?pi?>", "x", "x"),
        ("Tom &amp; Jerry", "Tom & Jerry", "tom & jerry"),
        ("Tom &amp Jerry", "Tom &amp Jerry", "tom &amp jerry"),
        ("&lt;b&gt;", "<b>", "<b>"),
        ("&amp;lt;", "&lt;", "&lt;"),
        ("&#8364;&#x20AC;", "€€", "€€"),
        ("&#0;&#xD800;&bogus;", "&#0;&#xD800;&bogus;", "&#0;&#xd800;&bogus;"),
        ("&#150;x", "x", "x"),
        ("u\\u0308ber", "über", "über"),
        ("u\u{308}ber", "über", "über"),
        ("STRASSE Straße", "STRASSE Straße", "strasse strasse"),
        ("o\u{fb03}ce", "oﬃce", "office"),
        ("\u{ff21}\u{2460}", "Ａ①", "a1"),
        ("\u{130}stanbul", "İstanbul", "i\u{307}stanbul"),
        ("\u{1F469}\u{200D}\u{1F4BB}", "👩\u{200D}💻", "👩\u{200D}💻"),
        ("\\ud83d\\udc69\\u200d\\ud83d\\udcbb", "👩\u{200D}💻", "👩\u{200D}💻"),
        ("a\u{202E}b\u{2066}c\u{200F}d", "a b c\u{200F}d", "a b c\u{200F}d"),
        ("so\u{AD}ft\u{200B}er\u{FEFF}", "so ft er", "so ft er"),
        ("nul\\u0000l \\u001b[31m", "nul l [31m", "nul l [31m"),
        ("\u{E000}x\u{F8FF}\u{10FFFD}", "x", "x"),
        ("tabs\\t\\r\\n and\u{A0}\u{3000}blanks ", "tabs and blanks", "tabs and blanks"),
        ("\u{1112}\u{1161}\u{11AB}", "한", "한"),
        ("&e\u{301}acute;", "&éacute;", "&éacute;"),
        ("a\\/b \\\"q\\\"", "a/b \"q\"", "a/b \"q\""),
    ] {
        let found =
            upsert(saying(json), |review| (review.text.to_owned(), review.text_normalised.to_owned()));
        assert_eq!(found, Ok((cleaned.to_owned(), normalised.to_owned())), "{json}");
    }
}

#[test]
fn title_and_text_are_kept_apart_and_joined_by_a_newline() {
    let line = |title: &str, text: &str| {
        format!(r#"{{"review_id":1,"product_id":2,"title":{title},"text":{text}}}"#)
    };
    for (title, text, normalised) in [
        ("\"A\"", "\"B\"", "a\nb"),
        ("\"A\"", "null", "a"),
        ("\" <br> \"", "\"B\"", "b"),
        ("\"A\"", "\"&nbsp;\"", "a"),
    ] {
        let found = upsert(line(title, text), |review| {
            let parts = [review.title_normalised, review.text_normalised].map(str::to_owned);
            (
                review.normalised.to_owned(),
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"),
            )
        });
        assert_eq!(found, Ok((normalised.to_owned(), normalised.to_owned())), "{title} {text}");
    }
    assert_codes(
        Code::EmptyText,
        [
            line("null", "null"),
            line("\"\"", "\" \""),
            line("\"<br/>\"", "\"&nbsp;&#8203;\\u0000\""),
            r#"{"review_id":1,"product_id":2}"#.to_owned(),
        ],
    );
}

#[test]
fn texts_have_a_length() {
    let line = |title: usize, text: usize| {
        format!(
            r#"{{"review_id":"r","product_id":"p","title":"{}","text":"{}"}}"#,
            "t".repeat(title),
            "ä".repeat(text)
        )
    };
    assert_fine([line(0, MAX_TEXT_BYTES / 2), line(MAX_TEXT_BYTES - 2, 1), line(MAX_TEXT_BYTES, 0)]);
    assert_codes(Code::TooLarge, [line(1, MAX_TEXT_BYTES / 2), line(10_000_000, 0)]);
    // Escapes count as what they stand for.
    let escaped = saying(&"\\u0041".repeat(MAX_TEXT_BYTES));
    assert_eq!(upsert(escaped, |review| review.text.len()), Ok(MAX_TEXT_BYTES));
    assert_codes(Code::TooLarge, [saying(&"\\u0041".repeat(MAX_TEXT_BYTES + 1))]);
    // A long line that is ignored is no long text.
    assert_fine([with(&format!(r#""x":"{}""#, "x".repeat(10_000_000)))]);
    assert_codes(Code::MalformedJson, ["x".repeat(10_000_000)]);
}
