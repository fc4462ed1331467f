//! What a run refuses to go on from: it names it, says what can be done, and touches nothing.

use std::process::Stdio;

use super::{
    restart::{finished, held, lines, outputs, refused, shop},
    sandbox::Sandbox,
};

#[test]
fn an_output_that_is_not_what_the_run_left_is_not_touched() {
    let sandbox = shop(20);
    sandbox.write("out/scored.jsonl", "mine\n");
    let hint = "hint: move it away";
    refused(&sandbox.run(&[]), 1, &["out/scored.jsonl", "not written by this topology's state", hint]);
    assert_eq!(sandbox.text("out/scored.jsonl"), "mine\n");
    std::fs::remove_file(sandbox.path("out/scored.jsonl")).unwrap();
    finished(&sandbox.run(&[]));
    let whole = sandbox.read("out/scored.jsonl");
    let mut changed = whole.clone();
    changed[7] ^= 1;
    for (content, text) in [(&whole[..whole.len() - 1], "that were written"), (&changed[..], "was changed")] {
        sandbox.write("out/scored.jsonl", content);
        refused(&sandbox.run(&[]), 1, &["out/scored.jsonl", text, "hint: "]);
        assert!(sandbox.read("out/scored.jsonl") == content);
    }
    // what comes after the recorded end is what a crash has left there
    sandbox.write("out/scored.jsonl", [&whole[..], b"torn"].concat());
    finished(&sandbox.run(&[]));
    assert!(sandbox.read("out/scored.jsonl") == whole);
    let moved = sandbox.run(&["sinks.scored.path=out/moved.jsonl"]);
    refused(&moved, 1, &["out/moved.jsonl", "has written to out/scored.jsonl so far", "hint: "]);
    assert!(!sandbox.path("out/moved.jsonl").exists());
    std::fs::rename(sandbox.path("out/scored.jsonl"), sandbox.path("out/moved.jsonl")).unwrap();
    finished(&sandbox.run(&["sinks.scored.path=out/moved.jsonl"]));
    assert!(sandbox.read("out/moved.jsonl") == whole);
}

#[test]
fn a_state_folder_has_one_run() {
    let sandbox = Sandbox::generated(20_000);
    let mut run = held(&sandbox, &[], Stdio::null());
    run.running.wait_for("running topology");
    for arguments in [&["run", "t.yaml"][..], &["run", "t.yaml", "--from-scratch"]] {
        refused(&sandbox.dirigent(arguments), 1, &["state/shop is in use by another run"]);
    }
    finished(&run.end().0);
}

#[test]
fn another_topology_does_not_go_on() {
    let sandbox = shop(20);
    finished(&sandbox.run(&[]));
    let before = outputs(&sandbox);
    let steps = sandbox.run(&["transforms.products.m=20"]);
    refused(&steps, 78, &["transforms of the topology have changed", "--from-scratch", "another `name`"]);
    let name = sandbox.run(&["name=other", "state=file:./state/shop"]);
    refused(&name, 78, &["state/shop is that of the topology `shop`, not of `other`"]);
    assert!(outputs(&sandbox) == before);
    finished(&sandbox.run(&[]));
}

#[test]
fn files_stay_as_they_were() {
    let sandbox = shop(20);
    sandbox.write("in/a.jsonl", lines(0..10));
    sandbox.write("in/b.jsonl", lines(10..20));
    let set = ["sources.reviews.path=in/*.jsonl"];
    let first = sandbox.run(&set);
    finished(&first);
    let before = outputs(&sandbox);
    sandbox.write("in/a.jsonl", lines(1..11));
    refused(&sandbox.run(&set), 1, &["in/a.jsonl is not the file that was read before", "--from-scratch"]);
    std::fs::remove_file(sandbox.path("in/a.jsonl")).unwrap();
    refused(&sandbox.run(&set), 1, &["source reviews had in/a.jsonl as its file 0, and has in/b.jsonl now"]);
    sandbox.write("in/a.jsonl", lines(0..10));
    std::fs::rename(sandbox.path("in/b.jsonl"), sandbox.path("b")).unwrap();
    refused(&sandbox.run(&set), 1, &["source reviews had in/b.jsonl as its file 1, and has none now"]);
    // its beginning is the same, but not all is there that was read
    sandbox.write("in/b.jsonl", lines(10..15));
    refused(&sandbox.run(&set), 1, &["in/b.jsonl is not the file that was read before"]);
    sandbox.write("in/b.jsonl", lines(10..20));
    sandbox.write("in/b.jsonl", lines(10..20));
    sandbox.write("in/aa.jsonl", "");
    refused(&sandbox.run(&set), 1, &["source reviews had none as its file 2, and has in/aa.jsonl now"]);
    assert!(outputs(&sandbox) == before);
    // nor may one come after all others: what is in it would belong to epochs that are closed
    std::fs::rename(sandbox.path("in/aa.jsonl"), sandbox.path("in/c.jsonl")).unwrap();
    refused(&sandbox.run(&set), 1, &["source reviews had none as its file 2, and has in/c.jsonl now"]);
}

#[test]
fn a_file_that_was_cut_is_found_by_its_length() {
    let sandbox = shop(100);
    finished(&sandbox.run(&[]));
    sandbox.write("reviews.jsonl", lines(0..60));
    refused(&sandbox.run(&[]), 1, &["cannot read reviews.jsonl at offset", "is shorter now"]);
}

#[test]
fn a_pipe_that_was_read_is_not_waited_for_again() {
    let sandbox = shop(20);
    let fifo = sandbox.fifo("in.fifo");
    let set = format!("sources.reviews.path={}", fifo.display());
    let running = sandbox.start(&["run", "t.yaml", "--set", &set]);
    std::fs::write(&fifo, lines(0..20)).unwrap();
    let told = running.end();
    finished(&told);
    assert_eq!(told.books()["reviews"]["in"], 20);
    refused(&sandbox.run(&[&set]), 1, &["in.fifo", "cannot be read again", "hint: "]);
}
