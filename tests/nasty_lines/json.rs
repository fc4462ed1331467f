//! What is JSON within our limits, and what is not.

use dirigent::records::Code;

use super::{assert_codes, assert_fine, saying, with};

#[test]
fn what_is_not_json_is_refused_whole() {
    let deep = |depth: usize| with(&format!(r#""x":{}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1)));
    assert_fine([deep(2), deep(64)]);
    let objects =
        |depth: usize| with(&format!(r#""x":{}{{}}{}"#, r#"{"a":"#.repeat(depth - 2), "}".repeat(depth - 2)));
    assert_fine([objects(64)]);
    assert_codes(
        Code::MalformedJson,
        [deep(65), deep(200), deep(100_000), objects(65), "[".repeat(65), "[".repeat(1_000_000)],
    );
    assert_codes(
        Code::MalformedJson,
        [
            "",
            " ",
            "\u{feff}{}",
            r#"{"review_id":"r""#,
            r#"{"review_id":"r"#,
            r#"{"review_id":"r","product_id":"p","text":"fi"#,
            r#"{"review_id":"r",}"#,
            r#"{'review_id':'r'}"#,
            r#"{review_id:"r"}"#,
            r#"{"review_id":"r"} x"#,
            r#"{"review_id":"r"}{}"#,
            r#"[1,2"#,
            r#"nul"#,
            r#"{"review_id":"r" // no comments
}"#,
            "{\"review_id\":\"a\u{0}b\"}",
            "{\"review_id\":\"a\tb\"}",
            "\u{0}",
        ],
    );
    let more = [
        r#""x":NaN"#,
        r#""x":Infinity"#,
        r#""x":-Infinity"#,
        r#""x":1e400"#,
        r#""x":-1e400"#,
        r#""x":[{"y":1e400}]"#,
        r#""rating":1e400"#,
        r#""x":01"#,
        r#""x":1."#,
        r#""x":.5"#,
        r#""x":+1"#,
        r#""x":0x10"#,
        r#""x":"\ud800""#,
        r#""x":"\udc00\ud800""#,
        r#""x":["\ud83d"]"#,
        r#""x":{"\udfff":1}"#,
        r#""\ud800":1"#,
        r#""title":"\ud83d x""#,
        r#""x":"\x41""#,
        r#""x":"\u12""#,
        r#""x":tru"#,
    ];
    assert_codes(Code::MalformedJson, more.map(with));
    assert_codes(Code::MalformedJson, [with(&format!(r#""x":{}"#, "9".repeat(310)))]);
    // Malformed further on counts before what is wrong further up.
    assert_codes(Code::MalformedJson, [r#"{"review_id":null,"review_id":1,"x":nope}"#, "[1] 2", "7 7"]);
}

#[test]
fn bytes_that_are_not_utf_8_come_first() {
    let lines: [&[u8]; 6] = [
        b"\xff",
        b"{\"review_id\":\"\xc3\"}",
        b"{\"x\":\"\xed\xa0\x80\"}",
        b"[\xc0\x80",
        b"\xff\xfe{\0}\0",
        b"{\"r\xe9\":1}",
    ];
    assert_codes(Code::InvalidUtf8, lines);
}

#[test]
fn what_is_json_but_no_object_is_told_apart() {
    assert_codes(
        Code::NotAnObject,
        ["null", "true", "7", "-7", "1.5", "\"{}\"", "[]", "[{}]", " null ", "[1e3,[[\"\"]]]"],
    );
}

#[test]
fn a_known_field_may_occur_once_at_the_top_level() {
    let lines = [
        r#""text":"fine""#,
        r#""review_id":"r""#,
        r#""rating":null,"rating":3"#,
        r#""r\u0061ting":3,"rating":3"#,
        r#""op":"delete","text":"again""#,
    ];
    assert_codes(Code::InvalidField, lines.map(with));
    assert_codes(Code::InvalidField, [r#"{"text":1,"text":2}"#]);
    assert_fine([r#""x":1,"x":2"#, r#""x":{"text":1,"text":2}"#, r#""Text":1"#].map(with));
}

#[test]
fn carriage_returns_and_blanks_around_a_line_are_no_matter() {
    assert_fine([format!("{}\r", saying("x")), format!(" \t{} \r\n", saying("x"))]);
}
