//! `replay`: the log run again gives the same outputs; a difference is named with sink, line and epoch.

use std::{collections::BTreeMap, fs, fs::File, io::Write, path::Path};

use super::{
    restart::{lines, shop},
    sandbox::{Sandbox, Told, review},
};

/// What lies below a folder.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(content(&path));
        } else {
            all.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    all
}

fn ran() -> Sandbox {
    let sandbox = Sandbox::generated(1_500);
    let told = sandbox.run(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    sandbox
}

#[test]
fn a_replay_is_equal_and_touches_nothing() {
    let sandbox = Sandbox::generated(1_500);
    let glob = ["--set", "sources.reviews.path=rev*.jsonl"];
    assert_eq!(sandbox.dirigent(&[&["run", "t.yaml"][..], &glob].concat()).code, Some(0));
    let before = (content(&sandbox.path("state")), content(&sandbox.path("out")));
    // as if the real run were going on
    let lock = File::options().read(true).write(true).open(sandbox.path("state/shop/LOCK")).unwrap();
    lock.lock().unwrap();
    // what has come since is not a part of the log
    let mut reviews = File::options().append(true).open(sandbox.path("reviews.jsonl")).unwrap();
    reviews.write_all(review("new", "product-00001", 1_900_000_000).as_bytes()).unwrap();
    sandbox.write("rev-new.jsonl", review("newer", "product-00001", 1_700_000_000));
    let replay = ["replay", "t.yaml", "--into", "again/here", "--workers", "3"];
    let told = sandbox.dirigent(&[&replay[..], &glob].concat());
    assert_eq!(told.code, Some(0), "{told:?}");
    for sink in ["scored", "products", "models", "dead-letters.jsonl"] {
        let line = told.out.lines().find(|line| line.starts_with(&format!("{sink}: "))).unwrap();
        assert!(line.contains(" epochs, ") && line.ends_with(" bytes, equal"), "{line}");
    }
    for sink in ["scored", "products", "models"] {
        assert!(
            sandbox.read(&format!("again/here/{sink}.jsonl")) == sandbox.read(&format!("out/{sink}.jsonl"))
        );
    }
    let letters = "shop/dead-letters.jsonl";
    assert!(sandbox.read("again/here/state/dead-letters.jsonl") == sandbox.read(&format!("state/{letters}")));
    assert!(before == (content(&sandbox.path("state")), content(&sandbox.path("out"))));

    let told = sandbox.dirigent(&[&["replay", "t.yaml", "--into", "again"][..], &glob].concat());
    assert!(told.code == Some(1) && told.err.contains("again is not empty"), "{told:?}");
}

#[test]
fn a_difference_is_named_with_sink_line_and_epoch() {
    let sandbox = ran();
    let good = sandbox.text("out/scored.jsonl");
    let lines: Vec<&str> = good.lines().collect();
    let at = lines.len() / 2;
    let epoch = sandbox.values("out/scored.jsonl")[at]["epoch"].clone();
    let mut wrong = lines.clone();
    let changed = lines[at].replacen("\"product_id\":\"p", "\"product_id\":\"q", 1);
    assert_ne!(changed, lines[at]);
    wrong[at] = &changed;
    sandbox.write("out/scored.jsonl", wrong.join("\n") + "\n");
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "again"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    let expected = format!("scored: line {}, of epoch {epoch}, differs: the replay has {{", at + 1);
    assert!(told.out.contains(&expected), "{} without {expected}", told.out);
    assert!(told.out.contains("products: ") && told.out.matches(", equal").count() == 3, "{}", told.out);

    // a line that is gone from the end, and an output that is gone
    sandbox.write("out/scored.jsonl", lines[..lines.len() - 1].join("\n") + "\n");
    fs::remove_file(sandbox.path("out/models.jsonl")).unwrap();
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "third"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.out.contains(&format!("scored: line {}, of epoch ", lines.len())), "{}", told.out);
    assert!(told.out.contains("models: line 1, of no epoch, differs: out/models.jsonl: "), "{}", told.out);
}

#[test]
fn input_that_was_changed_is_found() {
    let sandbox = ran();
    let reviews = sandbox.text("reviews.jsonl");
    let (first, rest) = reviews.split_at(reviews.len() / 2);
    sandbox.write("reviews.jsonl", format!("{first}{}", rest.replacen("\"ts\":17", "\"ts\":18", 9)));
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "again"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("of the log covers"), "{}", told.err);
}

#[test]
fn a_log_that_gives_something_else_is_refused() {
    let sandbox = Sandbox::generated(600);
    let replay = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        sandbox.dirigent(&["replay", "t.yaml", "--into", "again"].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let told = replay(&[]);
    assert!(told.code == Some(1) && told.err.contains("there is no state"), "{told:?}");
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let told = replay(&["epoch=3h"]);
    assert!(
        told.code == Some(78) && told.err.contains("start 1 logged epochs with another topology"),
        "{told:?}"
    );
}

/// The beginning of the log is gone: the older checkpoint stands for it, and the rest is compared.
#[test]
fn a_truncated_log_is_replayed_from_a_checkpoint() {
    let sandbox = Sandbox::generated(3_000);
    let lines = sandbox.text("reviews.jsonl");
    let lines: Vec<&str> = lines.split_inclusive('\n').collect();
    let mut lengths = Vec::new();
    for end in [lines.len() / 2, lines.len()] {
        sandbox.write("reviews.jsonl", lines[..end].concat());
        assert_eq!(sandbox.run(&[]).code, Some(0));
        lengths.push(sandbox.read("out/scored.jsonl").len());
    }
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "again"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("from the checkpoint of epoch ") && told.out.matches(", equal").count() == 4,
        "{told:?}"
    );
    // what the last run wrote, and nothing of the one before it
    let scored = sandbox.read("out/scored.jsonl");
    assert_eq!(sandbox.text("again/scored.jsonl").as_bytes(), &scored[lengths[0]..]);
    assert!(told.out.contains(&format!(" {} bytes, equal", lengths[1] - lengths[0])), "{}", told.out);

    // a line of it that is another, and a checkpoint that is damaged
    let changed = String::from_utf8(scored.clone()).unwrap();
    let (before, after) = changed.split_at(lengths[0] + 500);
    sandbox.write(
        "out/scored.jsonl",
        format!("{before}{}", after.replacen("\"product_id\":\"p", "\"product_id\":\"q", 1)),
    );
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "second"]);
    assert!(told.code == Some(1) && told.out.contains("scored: line "), "{told:?}");
    sandbox.write("out/scored.jsonl", scored);
    for entry in fs::read_dir(sandbox.path("state/shop/checkpoints")).unwrap() {
        let manifest = entry.unwrap().path().join("manifest.json");
        // of an older one only files are left that those two name
        if manifest.exists() {
            fs::remove_file(manifest).unwrap();
        }
    }
    let told = sandbox.dirigent(&["replay", "t.yaml", "--into", "third"]);
    assert!(told.code == Some(1) && told.err.contains("no checkpoint of it is whole"), "{told:?}");
    assert!(!sandbox.path("third").exists());
}

/// The recorded bindings drive it: no clock has a say in what comes out, and a stop is replayed up to there.
#[test]
fn a_live_run_is_replayed_by_its_log() {
    let sandbox = Sandbox::generated(1_500);
    let wall = [
        "--set",
        "clock=wall",
        "--set",
        "epoch=20ms",
        "--set",
        "checkpoint=1h",
        "--set",
        "sources.reviews.follow=true",
    ];
    let mut running = sandbox.start(&[&["run", "t.yaml"][..], &wall].concat());
    running.wait_for("running");
    std::thread::sleep(std::time::Duration::from_millis(600));
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
    let mut reviews = File::options().append(true).open(sandbox.path("reviews.jsonl")).unwrap();
    reviews.write_all((review("late", "p", 1_800_000_000) + "\n").as_bytes()).unwrap();
    let told =
        sandbox.dirigent(&[&["replay", "t.yaml", "--into", "again", "--workers", "3"][..], &wall].concat());
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.out.matches(", equal").count(), 4, "{}", told.out);
}

/// The log of a state, as a run leaves it that is killed before its last checkpoint counts.
fn log_without_its_last_checkpoint(sandbox: &Sandbox) -> String {
    let log = sandbox.text("state/shop/epochs.log");
    let (before, record) = log.trim_end().rsplit_once('\n').unwrap();
    assert!(record.contains("\"kind\":\"checkpoint\""), "{record}");
    format!("{before}\n")
}

/// The input ended in the middle of a line, and behind one that had no newline, and has grown each time.
#[test]
fn an_input_that_has_grown_after_its_end_is_read_in_its_parts_again() {
    let kept = shop(20);
    let lost = shop(20);
    let whole = lines(0..40);
    let line = |n: usize| whole.match_indices('\n').nth(n).unwrap().0;
    let log = "state/shop/epochs.log";
    let (mut logs, mut again) = (Vec::new(), None);
    for end in [line(20) - 15, line(27), whole.len()] {
        for sandbox in [&kept, &lost] {
            sandbox.write("reviews.jsonl", &whole[..end]);
            let told = sandbox.run(&["checkpoint=1h"]);
            assert_eq!(told.code, Some(0), "{told:?}");
        }
        logs.push(kept.text(log));
        lost.write(log, log_without_its_last_checkpoint(&lost));
        if logs.len() == 2 {
            again = Some(replay_of_two_ends(&kept, &logs));
        }
    }
    for output in ["out/scored.jsonl", "out/products.jsonl", "out/models.jsonl"] {
        assert!(kept.read(output) == lost.read(output), "{output} differs");
        let name = output.replace("out/", "again/");
        assert!(output.contains("models") || kept.read(output).starts_with(&kept.read(&name)), "{name}");
    }
    assert_eq!(kept.values("state/shop/dead-letters.jsonl").len(), 2, "both halves of a line");
    let told = again.unwrap();
    assert!(told.code == Some(0) && told.out.matches(", equal").count() == 4, "{told:?}");
    assert!(!told.out.contains("from the checkpoint"), "it begins with empty state: {told:?}");
}

/// A replay of a run that was killed after the second end of its input was logged: only the first has a checkpoint. What
/// the input has grown by since then is not a part of it.
fn replay_of_two_ends(sandbox: &Sandbox, logs: &[String]) -> Told {
    let log = "state/shop/epochs.log";
    let seq = |line: &str| line.split_once("\"seq\":")?.1.split(',').next()?.parse::<u64>().ok();
    let first = logs[0].lines().filter_map(seq).max();
    let new = logs[1].lines().filter(|line| seq(line) > first && !line.contains("\"kind\":\"checkpoint\""));
    let killed: String = logs[0].lines().chain(new).map(|line| format!("{line}\n")).collect();
    assert_eq!(killed.matches("[\"end\"]").count(), 2, "{killed}");
    sandbox.write(log, killed);
    let reviews = sandbox.text("reviews.jsonl");
    sandbox.write("reviews.jsonl", format!("{reviews}\n{}", lines(50..60)));
    let replay = ["replay", "t.yaml", "--workers", "3", "--set", "checkpoint=1h", "--into"];
    let told = sandbox.dirigent(&[&replay[..], &["again"]].concat());
    // a line of the second part that is another
    sandbox.write("reviews.jsonl", reviews.replacen("text of r25", "test of r25", 1));
    let other = sandbox.dirigent(&[&replay[..], &["other"]].concat());
    assert!(other.code == Some(1) && other.out.contains("scored: line "), "{other:?}");
    sandbox.write("reviews.jsonl", reviews);
    sandbox.write(log, &logs[1]);
    told
}
