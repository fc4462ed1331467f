//! Versions, deletes, duplicates: which reviews are live, and as what.

use serde_json::json;

use super::{BASE, delete, review, scene};
use crate::oracle::log::Kind;

#[test]
fn an_edit_with_an_older_time_wins() {
    let scene = scene(&[review("r", "p", None, 10, "good"), review("r", "p", None, 3, "bad")], &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["superseded", "applied"]);
    assert_eq!(scene.expect().scored[0]["ts"], json!(BASE + 3));
}

#[test]
fn an_equal_version_changes_nothing() {
    let mut again = review("r", "p", None, 10, "<b>good</b>");
    let lines = [review("r", "p", None, 10, "good"), review("x", "p", None, 20, "x"), again.clone()];
    let told = scene(&lines, &[]);
    assert_eq!(told.told(), ["10 r accepted neutral", "20 x accepted neutral"]);
    assert_eq!(told.ends("reviews"), ["applied", "applied", "dropped.unchanged"]);
    again["helpful_votes"] = json!(0);
    let told = scene(&[lines[0].clone(), lines[1].clone(), again], &[]);
    assert_eq!(told.ends("reviews"), ["applied", "applied", "applied"], "helpful_votes counts too");
    assert_eq!(told.told()[1..], ["20 r accepted neutral", "20 x accepted neutral"]);
}

#[test]
fn equality_is_judged_against_the_epoch_before() {
    let first = review("r", "p", None, 10, "good");
    let lines = [first.clone(), review("r", "p", None, 20, "bad"), delete("r", 20), first];
    let scene = scene(&lines, &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["applied", "superseded", "superseded", "dropped.unchanged"]);
    assert_eq!(scene.expect().scored[0]["origin"], json!({"source": "reviews", "partition": 0, "offset": 0}));
}

#[test]
fn deletes_first_and_twice_are_unknown() {
    let lines = [
        delete("r", 1),
        review("r", "p", None, 11, "good"),
        delete("r", 21),
        delete("r", 31),
        review("r", "p", None, 41, "good"),
    ];
    let scene = scene(&lines, &[]);
    assert_eq!(scene.told(), ["20 r accepted neutral", "30 r gone", "50 r accepted neutral"]);
    assert_eq!(
        scene.ends("reviews"),
        ["dropped.unknown", "applied", "deleted", "dropped.unknown", "applied"]
    );
}

#[test]
fn what_comes_and_goes_within_an_epoch_was_never_there() {
    let scene =
        scene(&[review("r", "p", None, 1, "good"), delete("r", 2), review("s", "p", None, 3, "x")], &[]);
    assert_eq!(scene.told(), ["10 s accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["superseded", "dropped.unknown", "applied"]);
}

#[test]
fn a_refused_edit_leaves_the_version_before_it() {
    let mut wrong = review("r", "p", None, 11, "bad");
    wrong["rating"] = json!("4/5");
    let scene = scene(&[review("r", "p", None, 1, "good"), wrong], &[]);
    assert_eq!(scene.told(), ["10 r accepted neutral"]);
    assert_eq!(scene.ends("reviews"), ["applied", "dead_letter.invalid_field"]);
}

#[test]
fn the_partition_comes_before_the_offset_in_log_order() {
    let scene = scene(&[review("r", "p", None, 5, "one"), review("x", "p", None, 15, "later")], &[]).file(
        "reviews",
        Kind::Review,
        &[review("r", "p", None, 4, "two"), review("x", "p", None, 6, "earlier")],
    );
    assert_eq!(scene.ends("reviews"), ["superseded", "applied"], "file 1 comes after file 0 in an epoch");
    let lines = scene.expect().scored;
    let at = |i: usize| (lines[i]["review_id"].clone(), lines[i]["origin"]["partition"].clone());
    assert_eq!(lines.len(), 3);
    assert_eq!([at(0), at(1)], [(json!("r"), json!(1)), (json!("x"), json!(1))]);
    assert_eq!((at(2), lines[2]["ts"].clone()), ((json!("x"), json!(0)), json!(BASE + 15)));
}

#[test]
fn the_first_of_a_group_is_by_time_and_then_by_id() {
    let lines = [
        review("b", "p", Some("u"), 9, "Gut"),
        review("a", "p", Some("u"), 9, "GUT"),
        review("c", "p", Some("u"), 5, "gut"),
        review("d", "p", Some("v"), 5, "gut"),
        review("e", "q", Some("u"), 5, "gut"),
        review("f", "p", None, 1, "gut"),
        review("g", "p", None, 1, "gut"),
        delete("c", 15),
        delete("a", 25),
    ];
    let expected = [
        "10 a duplicate/c neutral",
        "10 b duplicate/c neutral",
        "10 c accepted neutral",
        "10 d accepted neutral",
        "10 e accepted neutral",
        "10 f accepted neutral",
        "10 g accepted neutral",
        "20 a accepted neutral",
        "20 b duplicate/a neutral",
        "20 c gone",
        "30 a gone",
        "30 b accepted neutral",
    ];
    assert_eq!(scene(&lines, &[]).told(), expected);
}

#[test]
fn a_title_is_as_good_as_a_text() {
    let mut titled = review("b", "p", Some("u"), 9, " ");
    titled["title"] = json!("Straße");
    let lines = [review("a", "p", Some("u"), 8, "STRASSE"), titled];
    assert_eq!(scene(&lines, &[]).told(), ["10 a accepted neutral", "10 b duplicate/a neutral"]);
}

#[test]
fn a_kept_review_that_moves_makes_room() {
    let lines = [
        review("a", "p", Some("u"), 1, "gut"),
        review("b", "p", Some("u"), 2, "gut"),
        review("a", "q", Some("u"), 11, "gut"),
    ];
    let scene = scene(&lines, &[]);
    let expected = [
        "10 a accepted neutral",
        "10 b duplicate/a neutral",
        "20 a accepted neutral",
        "20 b accepted neutral",
    ];
    assert_eq!(scene.told(), expected);
    let products: Vec<_> =
        scene.expect().products.iter().map(|l| (l["product_id"].clone(), l["reviews"].clone())).collect();
    assert_eq!(
        products,
        [(json!("p"), json!(1)), (json!("q"), json!(1))],
        "p stays as it was: no second line"
    );
}
