//! Files that are followed: new ones while the run goes on, rotation, removal, truncation; kills on the way, and the log run
//! again afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    restart::refused,
    sandbox::{HANG, Running, Sandbox, Told, review},
};

const HOUR: u64 = 3_600;

/// Arguments of a live run over what `path` names; feedback is followed too, so that it has no end.
pub(super) fn arguments<'a>(command: &'a str, workers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![command, "t.yaml", "--workers", workers];
    for set in ["clock=wall", "epoch=20ms", "idle_epoch=100ms"] {
        arguments.extend(["--set", set]);
    }
    for set in ["sources.reviews.follow=true", "sources.feedback.follow=true"] {
        arguments.extend(["--set", set]);
    }
    for set in more {
        arguments.extend(["--set", *set]);
    }
    arguments
}

/// The scored reviews of a run that may be writing them.
pub(super) fn scored(sandbox: &Sandbox) -> Vec<Value> {
    let text = fs::read_to_string(sandbox.path("out/scored.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits for something that a run is to do.
pub(super) fn until(running: &mut Running, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(running.alive() && started.elapsed() < HANG, "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until so many reviews are in the output.
pub(super) fn until_scored(sandbox: &Sandbox, running: &mut Running, reviews: usize) {
    until(running, &format!("{reviews} scored reviews"), || {
        let ids: BTreeSet<String> = scored(sandbox).iter().map(|row| row["review_id"].to_string()).collect();
        ids.len() >= reviews
    });
}

/// Where each review stands: partition and offset.
pub(super) fn origins(sandbox: &Sandbox) -> BTreeMap<String, (u64, u64)> {
    let origin = |row: &Value, field: &str| row["origin"][field].as_u64().unwrap();
    let rows = sandbox.values("out/scored.jsonl").into_iter().filter(|row| row["deleted"] != true);
    rows.map(|row| {
        (row["review_id"].as_str().unwrap().into(), (origin(&row, "partition"), origin(&row, "offset")))
    })
    .collect()
}

pub(super) fn lines(ids: std::ops::Range<u64>) -> String {
    ids.map(|n| review(&format!("r{n}"), &format!("p{}", n % 3), n * HOUR) + "\n").collect()
}

pub(super) fn append(sandbox: &Sandbox, name: &str, text: &str) {
    let mut file = File::options().append(true).create(true).open(sandbox.path(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

pub(super) fn stop(mut running: Running) -> Told {
    // before, a signal ends it at once
    running.wait_for("running topology");
    running.signal("TERM");
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    told
}

/// Ends a run in the middle, without a checkpoint: a second one would cut the beginning of the log off.
fn kill(running: Running) {
    running.signal("KILL");
    drop(running);
}

/// The log run again gives the same outputs.
pub(super) fn assert_replays(sandbox: &Sandbox, workers: &str, more: &[&str]) {
    let mut arguments = arguments("replay", workers, more);
    arguments.extend(["--into", "again"]);
    let told = sandbox.dirigent(&arguments);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.matches("equal").count() >= 3, "{told:?}");
    fs::remove_dir_all(sandbox.path("again")).unwrap();
}

/// The kind of each record of the log, and what it says.
fn log(sandbox: &Sandbox) -> Vec<Value> {
    let text = sandbox.text("state/shop/epochs.log");
    text.lines().skip(1).map(|line| serde_json::from_str(&line[17..]).unwrap()).collect()
}

#[test]
fn files_that_come_while_it_runs_are_read_in_name_order() {
    let sandbox = Sandbox::new();
    sandbox.write("in/0/b.jsonl", lines(0..3));
    let more = ["sources.reviews.path=in/*/*.jsonl", "checkpoint=1h"];
    let mut running = sandbox.start(&arguments("run", "2", &more));
    until_scored(&sandbox, &mut running, 3);
    // both at once, the later name made first; and one that has no whole line yet
    sandbox.write("staged/d.jsonl", lines(6..9));
    sandbox.write("staged/c.jsonl", lines(3..6));
    sandbox.write("staged/a.jsonl", lines(9..10).trim_end());
    fs::rename(sandbox.path("staged"), sandbox.path("in/1")).unwrap();
    until_scored(&sandbox, &mut running, 9);
    append(&sandbox, "in/1/a.jsonl", "\n");
    until_scored(&sandbox, &mut running, 10);
    let told = stop(running);
    assert_eq!(told.books()["reviews"]["in"], 10, "{told:?}");
    for (id, (partition, _)) in origins(&sandbox) {
        let n: u64 = id[1..].parse().unwrap();
        assert_eq!(partition, n / 3, "{id}");
    }
    // no epoch covers what the log does not know by then
    let mut known = Vec::new();
    for record in log(&sandbox) {
        if record["kind"] == "partition" {
            known.push(format!("{}/{}", record["source"].as_str().unwrap(), record["number"]));
        }
        for partition in record["bindings"].as_object().into_iter().flatten() {
            assert!(known.contains(partition.0), "{record}");
        }
    }
    assert!(known.contains(&"reviews/3".to_owned()), "{known:?}");
    // a later start reads them by the log, and a replay looks for no other
    sandbox.write("in/0/a.jsonl", lines(10..12));
    assert_replays(&sandbox, "3", &more);
    let mut running = sandbox.start(&arguments("run", "1", &more));
    until_scored(&sandbox, &mut running, 12);
    kill(running);
    assert_eq!(origins(&sandbox)["r11"].0, 4);
    assert_replays(&sandbox, "2", &more);
    // a stop ends a run that replays at once: it has to be past that
    let mut running = sandbox.start(&arguments("run", "3", &more));
    append(&sandbox, "in/0/a.jsonl", &lines(12..13));
    until_scored(&sandbox, &mut running, 13);
    assert_eq!(stop(running).books()["reviews"]["in"], 13);
}

#[test]
fn a_path_may_name_a_file_that_is_still_to_come() {
    let sandbox = Sandbox::new();
    let more = ["sources.reviews.path=in/a.jsonl"];
    let mut running = sandbox.start(&arguments("run", "2", &more));
    running.wait_for("no such file yet");
    running.wait_for("running");
    std::thread::sleep(Duration::from_millis(300));
    sandbox.write("in/a.jsonl", lines(0..4));
    until_scored(&sandbox, &mut running, 4);
    assert_eq!(stop(running).books()["reviews"]["in"], 4);
    assert_eq!(origins(&sandbox)["r0"], (0, 0));
}

/// The renamed file has the source's path too, and must not be read again, whatever its name.
#[test]
fn a_rotated_file_is_read_to_its_end_and_then_the_new_one() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", lines(0..5));
    let more = ["sources.reviews.path=in/a.jsonl*", "checkpoint=1h"];
    let mut running = sandbox.start(&arguments("run", "2", &more));
    until_scored(&sandbox, &mut running, 5);
    fs::rename(sandbox.path("in/a.jsonl"), sandbox.path("in/a.jsonl.1")).unwrap();
    sandbox.write("in/a.jsonl", lines(10..13) + &review("r7", "moved", 40 * HOUR) + "\n");
    // whoever writes there has the old one open still; its last line never gets a newline
    append(&sandbox, "in/a.jsonl.1", &(lines(5..9) + lines(9..10).trim_end()));
    until_scored(&sandbox, &mut running, 13);
    until(&mut running, "the edit", || scored(&sandbox).iter().any(|row| row["product_id"] == "moved"));
    let told = stop(running);
    let books = told.books();
    assert_eq!((books["reviews"]["in"], books["reviews"].get("dead_letter{malformed_json}")), (14, None));
    let origins_then = origins(&sandbox);
    let partitions: Vec<u64> = (0..13).map(|n| origins_then[&format!("r{n}")].0).collect();
    // what edits a review of the old file in the new one comes after it
    assert_eq!(partitions, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1]);
    let ends: Vec<Value> = log(&sandbox).into_iter().filter(|record| record["end"].is_u64()).collect();
    let length = fs::metadata(sandbox.path("in/a.jsonl.1")).unwrap().len();
    assert_eq!((ends.len(), &ends[0]["number"], ends[0]["end"].as_u64()), (1, &0.into(), Some(length)));
    // what comes in the old one after its end is nobody's
    append(&sandbox, "in/a.jsonl.1", "tail\n");
    assert_replays(&sandbox, "3", &more);
    // rotated again while nothing runs, and what was rotated first is packed
    fs::rename(sandbox.path("in/a.jsonl"), sandbox.path("in/a.jsonl.2")).unwrap();
    sandbox.write("in/a.jsonl", lines(13..15));
    let packed = zstd::encode_all(&sandbox.read("in/a.jsonl.1")[..], 1).unwrap();
    sandbox.write("in/a.jsonl.1.zst", packed);
    fs::remove_file(sandbox.path("in/a.jsonl.1")).unwrap();
    let mut running = sandbox.start(&arguments("run", "1", &more));
    until_scored(&sandbox, &mut running, 15);
    kill(running);
    assert_eq!(origins(&sandbox)["r14"].0, 2);
    assert_replays(&sandbox, "2", &more);
    // a stop ends a run that replays at once: it has to be past that
    let mut running = sandbox.start(&arguments("run", "3", &more));
    append(&sandbox, "in/a.jsonl", &lines(15..16));
    until_scored(&sandbox, &mut running, 16);
    assert_eq!(stop(running).books()["reviews"]["in"], 17);
}

/// Removes the rotated files that a checkpoint covers to their end.
fn remove_what_is_covered(sandbox: &Sandbox, rotated: u64) {
    let told = sandbox.dirigent(&["state", "show", "t.yaml", "--json"]);
    let state: Value = serde_json::from_str(&told.out).unwrap();
    for position in state["positions"].as_array().unwrap() {
        for n in 0..rotated {
            let path = sandbox.path(&format!("in/a.{n}"));
            let length = fs::metadata(&path).map_or(u64::MAX, |metadata| metadata.len());
            if position["partition"] == format!("reviews/{n}") && position["checkpoint"] == length {
                fs::remove_file(&path).unwrap();
            }
        }
    }
}

#[test]
fn rotation_kills_and_other_numbers_of_workers_lose_nothing() {
    // with checkpoints, what was read may go; without, everything is read again each time
    for (checkpoint, keeps_none) in [("checkpoint=100ms", true), ("checkpoint=1h", false)] {
        let sandbox = Sandbox::new();
        let more = ["sources.reviews.path=in/a.jsonl", checkpoint];
        let (mut written, mut rotated) = (0, 0);
        for (n, workers) in ["2", "1", "4", "3", "2", "1"].iter().enumerate() {
            let mut running = sandbox.start(&arguments("run", workers, &more));
            running.wait_for(&format!("generation={}", n + 1));
            for turn in 0..2 {
                fs::create_dir_all(sandbox.path("in")).unwrap();
                append(&sandbox, "in/a.jsonl", &lines(written..written + 40));
                written += 40;
                if turn == 0 {
                    until_scored(&sandbox, &mut running, written as usize);
                    fs::rename(sandbox.path("in/a.jsonl"), sandbox.path(&format!("in/a.{rotated}"))).unwrap();
                    rotated += 1;
                    append(&sandbox, &format!("in/a.{}", rotated - 1), &lines(written..written + 20));
                    written += 20;
                }
            }
            // in the middle of what happens then, each time somewhere else
            std::thread::sleep(Duration::from_millis(350 * n as u64));
            running.signal("KILL");
            drop(running);
            if keeps_none {
                remove_what_is_covered(&sandbox, rotated);
            }
        }
        let mut running = sandbox.start(&arguments("run", "2", &more));
        until_scored(&sandbox, &mut running, written as usize);
        let told = stop(running);
        assert_eq!(told.books()["reviews"]["in"], written, "{told:?}");
        assert_eq!(told.books()["reviews"]["applied"], written, "{told:?}");
        assert_eq!(origins(&sandbox).len() as u64, written);
        if !keeps_none {
            assert_replays(&sandbox, "3", &more);
        }
    }
}

#[test]
fn a_file_that_is_gone_stops_nothing_unless_it_is_needed() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", lines(0..5));
    sandbox.write("in/b.jsonl", lines(5..10));
    let more = ["sources.reviews.path=in/*.jsonl", "checkpoint=1h"];
    let mut running = sandbox.start(&arguments("run", "2", &more));
    until_scored(&sandbox, &mut running, 10);
    // removed while it is open: it is read to its end, which is then
    fs::remove_file(sandbox.path("in/a.jsonl")).unwrap();
    running.wait_for("a file was removed: it ends");
    // what came later is scored, so its end is in the log
    append(&sandbox, "in/b.jsonl", &lines(10..11));
    until_scored(&sandbox, &mut running, 11);
    running.signal("KILL");
    drop(running);
    let told = sandbox.start(&arguments("run", "2", &more)).end();
    refused(
        &told,
        1,
        &["in/a.jsonl", "have to be read again", "another file in in begins like it", "hint: put it back"],
    );
    // under another name it is found
    sandbox.write("in/elsewhere", lines(0..5));
    let mut running = sandbox.start(&arguments("run", "1", &more));
    append(&sandbox, "in/b.jsonl", &lines(11..12));
    until_scored(&sandbox, &mut running, 12);
    assert_eq!(stop(running).books()["reviews"]["in"], 12);
    // a checkpoint covers it now
    fs::remove_file(sandbox.path("in/elsewhere")).unwrap();
    fs::remove_file(sandbox.path("in/b.jsonl")).unwrap();
    sandbox.write("in/c.jsonl", lines(12..13));
    let mut running = sandbox.start(&arguments("run", "2", &more));
    running.wait_for("a file that was read to its end is gone");
    running.wait_for("a file is gone");
    until_scored(&sandbox, &mut running, 13);
    assert_eq!(stop(running).books()["reviews"]["in"], 13);
    assert_eq!(origins(&sandbox)["r12"].0, 2);
}

#[test]
fn a_file_that_is_cut_ends_the_run_and_its_copy_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", lines(0..5));
    let more = ["sources.reviews.path=in/a.jsonl"];
    let mut running = sandbox.start(&arguments("run", "2", &more));
    until_scored(&sandbox, &mut running, 5);
    let length = lines(0..5).len();
    // a line that was copied and not read: as `copytruncate` does it
    sandbox.write("in/a.jsonl.1", lines(0..6));
    File::options().write(true).open(sandbox.path("in/a.jsonl")).unwrap().set_len(0).unwrap();
    let told = running.end();
    let read = format!("cannot read in/a.jsonl at offset {length}");
    let lengths = format!("it had {length} bytes, which were read, and has 0 now");
    refused(&told, 1, &[&read, &lengths, "copytruncate", "`create`", "start again"]);
    append(&sandbox, "in/a.jsonl", &lines(6..80));
    let mut running = sandbox.start(&arguments("run", "1", &more));
    until_scored(&sandbox, &mut running, 80);
    assert_eq!(stop(running).books()["reviews"]["in"], 80);
    let origins = origins(&sandbox);
    assert_eq!((origins["r5"].0, origins["r6"].0), (0, 1));
    // cut behind its beginning: it is still the same file, and nothing says what is missing
    File::options().write(true).open(sandbox.path("in/a.jsonl")).unwrap().set_len(5_000).unwrap();
    let told = sandbox.start(&arguments("run", "2", &more)).end();
    refused(
        &told,
        1,
        &[
            "in/a.jsonl",
            "is shorter now (5000 bytes): it was cut",
            "hint: put what it was in the same folder",
        ],
    );
}
