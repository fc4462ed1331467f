//! Commands of cases.

use std::collections::BTreeMap;

use dirigent::records::{CaseAction, CaseCommandDecoder, CaseCommandFields, Code, KeyRule};

fn decoded(line: &str, key: Option<&[u8]>) -> Result<(CaseAction, Option<String>, Option<String>), Code> {
    let fields = CaseCommandFields::case_command(&BTreeMap::new()).expect("nothing is renamed");
    let mut decoder = CaseCommandDecoder::default();
    let command = decoder.decode(line.as_bytes(), KeyRule::ReviewId(key), &fields);
    command
        .map(|c| (c.action, c.by.map(str::to_owned), c.note.map(str::to_owned)))
        .map_err(|refusal| refusal.code)
}

#[test]
fn commands_follow_the_same_rules() {
    let line = |rest: &str| format!(r#"{{"command_id":1,"case_id":"drift:c:7"{rest}}}"#);
    for (action, expected) in [
        ("ack", CaseAction::Ack),
        ("resolve", CaseAction::Resolve),
        ("note", CaseAction::Note),
        ("reopen", CaseAction::Reopen),
    ] {
        assert_eq!(expected.as_str(), action);
        let line = line(&format!(r#","action":"{action}","by":"","note":"T-1","ts":1700000000"#));
        assert_eq!(decoded(&line, Some(b"drift:c:7")), Ok((expected, None, Some("T-1".to_owned()))));
    }
    let bare = line(r#","action":"ack","note":" ","by":"ann""#);
    assert_eq!(decoded(&bare, None), Ok((CaseAction::Ack, Some("ann".to_owned()), None)));
    let long = "x".repeat(4_097);
    for (wrong, code) in [
        (line(""), Code::MissingField),
        (line(r#","action":null"#), Code::MissingField),
        (line(r#","action":"Ack""#), Code::InvalidField),
        (line(r#","action":1"#), Code::InvalidField),
        (line(r#","action":"note""#), Code::MissingField),
        (line(r#","action":"note","note":null"#), Code::MissingField),
        (line(r#","action":"note","note":" ""#), Code::InvalidField),
        (line(r#","action":"ack","note":1"#), Code::InvalidField),
        (line(&format!(r#","action":"ack","note":"{long}""#)), Code::TooLarge),
        (line(r#","action":"ack","by":1.5"#), Code::InvalidField),
        (line(r#","action":"ack","ts":"now""#), Code::InvalidField),
        (line(r#","action":"ack","action":"ack""#), Code::InvalidField),
        (r#"{"case_id":"c","action":"ack"}"#.to_owned(), Code::MissingField),
        (r#"{"command_id":1,"action":"ack"}"#.to_owned(), Code::MissingField),
        (r#"{"command_id":1,"case_id":"","action":"ack"}"#.to_owned(), Code::InvalidField),
        ("null".to_owned(), Code::NotAnObject),
        ("{".to_owned(), Code::MalformedJson),
    ] {
        assert_eq!(decoded(&wrong, None), Err(code), "{wrong}");
    }
    assert_eq!(decoded(&line(r#","action":7"#), Some(b"drift:c:8")), Err(Code::KeyMismatch));
}

#[test]
fn the_longest_case_id_fits_and_no_longer_one() {
    let longest = format!("severe_review:{}:{}", "r".repeat(256), u64::MAX);
    let line = |id: &str| format!(r#"{{"command_id":1,"case_id":"{id}","action":"ack"}}"#);
    assert!(decoded(&line(&longest), None).is_ok());
    assert_eq!(decoded(&line(&format!("{longest}0")), None), Err(Code::InvalidField));
}
