//! Standard input that is read as it comes, and threads that the system does not give.

use std::io::{PipeWriter, Write, pipe};

use super::{
    follow::{arguments, assert_replays, lines, origins, scored, stop, until_scored},
    restart::refused,
    sandbox::{Running, Sandbox, review},
};

const MORE: [&str; 3] = ["sources.reviews.path=-", "sources.feedback.follow=false", "checkpoint=1h"];

fn piped(sandbox: &Sandbox, workers: &str) -> (Running, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    (sandbox.start_with(&arguments("run", workers, &MORE), reader), writer)
}

#[test]
fn standard_input_is_read_while_it_comes() {
    let sandbox = Sandbox::new();
    let (mut running, mut input) = piped(&sandbox, "2");
    input.write_all(lines(0..3).as_bytes()).unwrap();
    until_scored(&sandbox, &mut running, 3);
    let line = review("r3", "p", 9);
    let (begun, rest) = line.split_at(20);
    input.write_all(begun.as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(scored(&sandbox).len(), 3);
    input.write_all(rest.as_bytes()).unwrap();
    // its end ends the line, the partition and the run
    drop(input);
    let told = running.end();
    assert_eq!((told.code, told.books()["reviews"]["in"]), (Some(0), 4), "{told:?}");
    assert_eq!(origins(&sandbox)["r3"], (0, lines(0..3).len() as u64));
    assert_eq!(sandbox.text("state/shop/spool/reviews.jsonl"), lines(0..3) + &line + "\n");
    assert_replays(&sandbox, "2", &MORE);
    // with nothing new, another run has nothing to do; with more, it goes on behind the spool
    let before = sandbox.read("out/scored.jsonl");
    let (running, input) = piped(&sandbox, "1");
    drop(input);
    assert_eq!(running.end().code, Some(0));
    assert_eq!(sandbox.read("out/scored.jsonl"), before);
    let (running, mut input) = piped(&sandbox, "3");
    input.write_all(lines(4..6).as_bytes()).unwrap();
    drop(input);
    let told = running.end();
    assert_eq!((told.code, told.books()["reviews"]["in"]), (Some(0), 6), "{told:?}");
}

#[test]
fn standard_input_goes_on_in_its_spool_after_a_kill() {
    let sandbox = Sandbox::new();
    let mut written = 0;
    for workers in ["2", "1", "4"] {
        let (mut running, mut input) = piped(&sandbox, workers);
        input.write_all(lines(written..written + 50).as_bytes()).unwrap();
        written += 50;
        until_scored(&sandbox, &mut running, written as usize);
        // more that may be in the spool or not, and a line that never ends
        input.write_all(b"{\"review_id\":\"torn").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        running.signal("KILL");
        drop(running);
    }
    let (mut running, mut input) = piped(&sandbox, "3");
    input.write_all(lines(written..written + 10).as_bytes()).unwrap();
    written += 10;
    until_scored(&sandbox, &mut running, written as usize);
    // a stop does not wait for the end of a pipe
    let told = stop(running);
    drop(input);
    let books = &told.books()["reviews"];
    assert_eq!(books["applied"], written, "{told:?}");
    // what was begun and never ended is no line of another input
    assert_eq!(books["in"], written + books.get("dead_letter{malformed_json}").copied().unwrap_or(0));
    assert!(books["in"] <= written + 3, "{told:?}");
    assert_replays(&sandbox, "2", &MORE);
    let told = sandbox.dirigent(&arguments("drain", "2", &MORE));
    assert_eq!((told.code, told.books()["reviews"]["applied"]), (Some(0), written), "{told:?}");
}

#[test]
fn a_thread_that_cannot_be_started_ends_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", lines(0..3));
    let arguments = arguments("run", "2", &["sources.reviews.path=in/*.jsonl"]);
    for name in ["checkpoints", "epoch log", "sink scored", "sink products", "epochs", "new files"] {
        let told = sandbox.start_in(&arguments, &[("DIRIGENT_NO_THREAD", name)]).end();
        refused(&told, 1, &[&format!("cannot start the thread `{name}`"), "ulimit -u"]);
    }
    let (reader, _writer) = pipe().unwrap();
    let environment = [("DIRIGENT_NO_THREAD", "standard input")];
    let other = Sandbox::new();
    let from_pipe = super::follow::arguments("run", "2", &MORE);
    let told = other.start_piped_in(&from_pipe, reader, &environment).end();
    refused(&told, 1, &["cannot read -", "cannot start the thread `standard input`"]);
    // and nothing stands in the way of the next one
    let mut running = sandbox.start(&arguments);
    until_scored(&sandbox, &mut running, 3);
    stop(running);
}
