//! Feedback before, after and without its review.

use super::{delete, feedback, review, scene};

#[test]
fn feedback_may_come_first_and_stays_after_an_edit() {
    let lines = [review("r", "p", None, 11, "good"), review("r", "p", None, 21, "better")];
    let given = [feedback("f", "r", Some("negative"), 1), feedback("g", "nobody", Some("positive"), 1)];
    let scene = scene(&lines, &given);
    assert_eq!(scene.told(), ["20 r accepted negative/f", "30 r accepted negative/f"]);
    assert_eq!(scene.ends("feedback"), ["applied", "pending"]);
}

#[test]
fn the_last_feedback_of_a_family_counts() {
    let given = [
        feedback("a", "r", Some("negative"), 1),
        feedback("b", "r", Some("spam"), 2),
        feedback("c", "r", Some("positive"), 3),
        feedback("d", "r", Some("neutral"), 11),
        feedback("e", "r", Some("neutral"), 21),
        feedback("e", "r", Some("neutral"), 31),
    ];
    let scene = scene(&[review("r", "p", None, 1, "good")], &given);
    let expected = ["10 r accepted positive/c", "20 r accepted neutral/d", "30 r accepted neutral/e"];
    assert_eq!(scene.told(), expected, "spam acts on nothing, and the same again changes nothing");
    assert_eq!(scene.ends("feedback"), ["superseded", "applied", "applied", "applied", "applied", "applied"]);
}

#[test]
fn null_withdraws_both_families() {
    let given = [
        feedback("a", "r", Some("negative"), 1),
        feedback("b", "r", None, 11),
        feedback("c", "s", Some("negative"), 21),
        feedback("d", "s", Some("ham"), 22),
        feedback("e", "s", None, 31),
        feedback("f", "s", Some("positive"), 41),
    ];
    let scene = scene(&[review("r", "p", None, 1, "good"), review("s", "p", None, 51, "x")], &given);
    let expected = ["10 r accepted negative/a", "20 r accepted neutral", "60 s accepted positive/f"];
    assert_eq!(scene.told(), expected);
    let ends = scene.ends("feedback");
    assert_eq!(ends, ["applied", "applied", "superseded", "superseded", "applied", "applied"]);
}

#[test]
fn a_withdrawal_that_loses_both_places_is_superseded() {
    let given = [
        feedback("a", "r", None, 1),
        feedback("b", "r", Some("ham"), 2),
        feedback("c", "r", Some("positive"), 3),
    ];
    assert_eq!(scene(&[], &given).ends("feedback"), ["superseded", "pending", "pending"]);
}

#[test]
fn waiting_ends_and_starts_anew_after_a_delete() {
    let lines = [
        review("r", "p", None, 41, "good"),
        review("s", "p", None, 42, "good"),
        delete("s", 61),
        review("s", "p", None, 81, "again"),
        delete("s", 91),
        review("s", "p", None, 131, "and again"),
    ];
    let given = [feedback("a", "r", Some("negative"), 1), feedback("b", "s", Some("negative"), 31)];
    let mut scene = scene(&lines, &given);
    scene.setting.label_wait = Some(25);
    let expected = [
        "50 r accepted neutral",
        "50 s accepted negative/b",
        "70 s gone",
        "90 s accepted negative/b",
        "100 s gone",
        "140 s accepted neutral",
    ];
    assert_eq!(scene.told(), expected);
    assert_eq!(scene.ends("feedback"), ["dropped.expired", "applied"]);
    assert!(!scene.expect().tied);
    scene.setting.label_wait = Some(20);
    assert!(scene.expect().tied, "s comes back in the very epoch in which b has waited for 20 ms");
}
