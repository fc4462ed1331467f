//! `state show`, `state verify` and `state export`: what is stored is shown while a run has it, every flipped bit is
//! named, and exported rows are those that the outputs show.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};
use serde_json::Value;

use super::sandbox::{Sandbox, Told};

/// Two runs, so two checkpoints: the second one over so much more input that its bases are made anew.
fn two_runs() -> Sandbox {
    let sandbox = Sandbox::generated(1_500);
    let all = sandbox.read("reviews.jsonl");
    let fifth = all.len() / 5 + all[all.len() / 5..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for reviews in [&all[..fifth], &all[..]] {
        sandbox.write("reviews.jsonl", reviews);
        let told = sandbox.run(&[]);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    sandbox
}

fn verify(sandbox: &Sandbox) -> Told {
    sandbox.dirigent(&["state", "verify", "t.yaml"])
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            all.extend(files(&entry));
        } else {
            all.push(entry);
        }
    }
    all.sort();
    all
}

#[test]
fn what_is_stored_is_shown_while_a_run_has_it() {
    let sandbox = two_runs();
    let lock = File::options().read(true).write(true).open(sandbox.path("state/shop/LOCK")).unwrap();
    lock.lock().unwrap();
    assert_eq!(sandbox.run(&[]).code, Some(1), "the lock is held");
    let before: Vec<(PathBuf, Vec<u8>)> = files(&sandbox.path("state"))
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();

    let told = sandbox.dirigent(&["state", "show", "t.yaml"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    for text in [
        "started 2 times",
        "truncated up to",
        "sentiment.current",
        "current 1",
        "model 1",
        "scored",
        "reviews/0",
    ] {
        assert!(told.out.contains(text), "no {text:?} in {}", told.out);
    }

    let told = sandbox.dirigent(&["state", "show", "t.yaml", "--json"]);
    let shown: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&shown["name"], &shown["generation"]), (&"shop".into(), &2.into()));
    let checkpoints = shown["checkpoints"].as_array().unwrap();
    assert_eq!(checkpoints.len(), 2);
    assert!(checkpoints[0]["epoch"].as_u64() > checkpoints[1]["epoch"].as_u64());
    assert_eq!(shown["log"]["truncated"], checkpoints[1]["epoch"]);
    assert_eq!(shown["log"]["last"], checkpoints[0]["epoch"]);
    let steps = shown["steps"].as_array().unwrap();
    let step = |id: &str| steps.iter().find(|step| step["step"] == id).unwrap();
    let live = live_reviews(&sandbox).len() as u64;
    assert_eq!(
        (&step("sentiment.current")["rows"], &step("sentiment.current")["changes"]),
        (&live.into(), &0.into())
    );
    let model = sandbox.values("out/models.jsonl").pop().unwrap();
    assert_eq!(
        (&step("learn")["model"]["version"], &step("learn")["model"]["labels"]),
        (&model["version"], &model["labels"])
    );
    let sinks = shown["sinks"].as_array().unwrap();
    let scored = sinks.iter().find(|sink| sink["sink"] == "scored").unwrap();
    assert_eq!(scored["bytes"], sandbox.read("out/scored.jsonl").len());
    let positions = shown["positions"].as_array().unwrap();
    let reviews = positions.iter().find(|position| position["partition"] == "reviews/0").unwrap();
    assert_eq!(reviews["checkpoint"], sandbox.read("reviews.jsonl").len());

    let told = verify(&sandbox);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.out.ends_with("everything is as it was written\n"), "{}", told.out);
    for (path, content) in before {
        assert!(fs::read(&path).unwrap() == content, "{} was written", path.display());
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_its_file_named() {
    let sandbox = two_runs();
    let mut all = files(&sandbox.path("state"));
    all.extend(files(&sandbox.path("out")));
    all.retain(|path| !path.ends_with("LOCK"));
    assert!(all.len() > 40, "{all:?}");
    for (n, path) in all.iter().enumerate() {
        let good = fs::read(path).unwrap();
        // somewhere in each file, and in the last record of what is appended
        let mut places = vec![n * 97 % good.len()];
        if path.extension().is_some_and(|ending| ending == "log") {
            places.extend([good.len() - 3, good.len() - 1]);
        }
        for at in places {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(path, &bad).unwrap();
            let told = verify(&sandbox);
            let name = path.strip_prefix(sandbox.path("")).unwrap().display().to_string();
            let named: Vec<&str> = told.err.lines().filter(|line| line.contains(&name)).collect();
            assert!(told.code == Some(1) && !named.is_empty(), "{name} at {at}: {told:?}");
            assert!(named[0].starts_with("damaged: "), "{named:?}");
            if path.ends_with("scored.jsonl") {
                assert!(named[0].contains("block 0 (bytes 0 to "), "{named:?}");
            }
            if path.ends_with("epochs.log") && at < good.len() / 2 {
                assert!(named[0].contains("at byte "), "{named:?}");
            }
        }
        fs::write(path, &good).unwrap();
    }
    assert_eq!(verify(&sandbox).code, Some(0));
}

/// The shards' files that the newest checkpoint names.
fn newest_shards(sandbox: &Sandbox) -> Vec<String> {
    let folder = sandbox.path("state/shop/checkpoints");
    let manifests = files(&folder).into_iter().filter(|path| path.ends_with("manifest.json"));
    let manifests = manifests.map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap());
    let newest = manifests.max_by_key(|manifest| manifest["epoch"].as_u64()).unwrap();
    let shards = newest["files"].as_array().unwrap().iter().filter(|file| file["kind"] != "whole");
    shards.map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_checkpoint_goes_on_with_files_that_lie_there_if_they_are_whole() {
    let sandbox = Sandbox::generated(1_500);
    let all = sandbox.read("reviews.jsonl");
    let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
    let until = |count: usize| {
        // the checkpoint at its end is the only one of a run
        sandbox.write("reviews.jsonl", lines[..count].concat());
        let told = sandbox.run(&[]);
        assert_eq!(told.code, Some(0), "{told:?}");
        newest_shards(&sandbox)
    };
    let first = until(1_000);
    let mut before = until(1_010);
    assert!(first.iter().all(|file| !before.contains(file)), "the two that are kept share no file");
    // checkpoints of one line, then the first line again, with what it lacks
    let mut counts = (1_020..).step_by(10);
    let mut until_the_other = |before: &[String], verified: i32| loop {
        let now = until(counts.next().unwrap());
        let shared = before.iter().filter(|file| now.contains(file)).count();
        if shared == 0 {
            return now;
        }
        assert!(shared > before.len() / 2, "{shared} of {}: {now:?}", before.len());
        assert_eq!(verify(&sandbox).code, Some(verified));
    };
    let again = until_the_other(&before, 0);
    let used = again.iter().filter(|file| first.contains(file)).count();
    assert!(used > first.len() / 2, "{used} of {}: {again:?}", first.len());
    // what rots while nobody runs is not gone on with
    before = newest_shards(&sandbox);
    let all = files(&sandbox.path("state/shop/checkpoints"));
    let others = all.iter().filter(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let others = others.filter(|path| !before.iter().any(|file| path.ends_with(file)));
    for path in others {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(verify(&sandbox).code, Some(1));
    until_the_other(&before, 1);
    assert_eq!(verify(&sandbox).code, Some(0));
}

#[test]
fn what_is_missing_or_cut_is_found_and_a_torn_end_is_none() {
    let sandbox = two_runs();
    let base = files(&sandbox.path("state/shop/checkpoints"))
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with(".base.parquet"))
        .unwrap();
    let bytes = fs::read(&base).unwrap();
    fs::remove_file(&base).unwrap();
    let told = verify(&sandbox);
    let name = base.file_name().unwrap().to_string_lossy().into_owned();
    assert!(told.code == Some(1) && told.err.contains(&format!("{name}: it is missing")), "{told:?}");
    fs::write(&base, bytes).unwrap();

    let products = sandbox.read("out/products.jsonl");
    sandbox.write("out/products.jsonl", &products[..products.len() - 1]);
    let told = verify(&sandbox);
    let cut = format!("it has {} bytes, and {} were written", products.len() - 1, products.len());
    assert!(told.code == Some(1) && told.err.contains(&cut), "{told:?}");
    // what lies behind the recorded end is nobody's yet
    sandbox.write("out/products.jsonl", [&products[..], b"{\"epoch\":"].concat());
    assert_eq!(verify(&sandbox).code, Some(0));
    sandbox.write("out/products.jsonl", &products);

    let log = sandbox.read("state/shop/epochs.log");
    sandbox.write("state/shop/epochs.log", [&log[..], b"0123456789abcdef {\"seq\":"].concat());
    let told = verify(&sandbox);
    assert!(told.code == Some(0) && told.out.contains("a torn end of 24 bytes"), "{told:?}");
    // a whole record that is gone: the sinks are ahead of the log
    let last = log[..log.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let before = log[..last - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let before = log[..before - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    sandbox.write("state/shop/epochs.log", &log[..before]);
    let told = verify(&sandbox);
    assert!(told.code == Some(1) && told.err.contains("a part of it is gone"), "{told:?}");
}

/// The last line of each review that is live, as the output has it.
fn live_reviews(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let mut live = BTreeMap::new();
    for row in sandbox.values("out/scored.jsonl") {
        let id = row["review_id"].as_str().unwrap().to_owned();
        if row["deleted"] == true {
            live.remove(&id);
        } else {
            live.insert(id, row);
        }
    }
    live
}

#[test]
fn exported_rows_are_those_that_the_output_shows() {
    let sandbox = two_runs();
    let export = |step: &str, out: &str| {
        sandbox.dirigent(&["state", "export", "t.yaml", "--step", step, "--out", out])
    };
    let live = live_reviews(&sandbox);
    for out in ["rows.jsonl", "rows.csv", "rows.parquet"] {
        let told = export("sentiment.current", out);
        assert_eq!((told.code, told.out.as_str()), (Some(0), ""), "{told:?}");
        assert!(told.err.starts_with(&format!("{} rows of epoch ", live.len())), "{}", told.err);
    }
    let rows = sandbox.values("rows.jsonl");
    assert!(live.len() > 500 && rows.iter().map(|row| row["review_id"].as_str().unwrap()).eq(live.keys()));
    for (row, shown) in rows.iter().zip(live.values()) {
        for field in ["product_id", "user_id", "lang", "ts"] {
            assert_eq!(row[field], shown[field], "{field} of {shown}");
        }
        for field in ["rating", "sentiment"] {
            assert_eq!(row[field].as_f64(), shown[field].as_f64(), "{field} of {shown}");
        }
    }
    let csv = sandbox.text("rows.csv");
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("review_id,product_id,user_id,rating,lang,"));
    let ids = lines.map(|line| line.split(',').next().unwrap());
    assert!(ids.eq(live.keys()));
    let parquet = SerializedFileReader::new(File::open(sandbox.path("rows.parquet")).unwrap()).unwrap();
    let columns: Vec<String> = rows[0].as_object().unwrap().keys().cloned().collect();
    let schema = parquet.metadata().file_metadata().schema_descr();
    assert!(schema.columns().iter().map(|column| column.name()).eq(columns.iter().map(String::as_str)));
    let ids = parquet.get_row_iter(None).unwrap().map(|row| row.unwrap().get_string(0).unwrap().clone());
    assert!(ids.eq(live.keys().cloned()));

    let told = export("corrected", "feedback.csv");
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(sandbox.text("feedback.csv").starts_with("review_id,sentiment_feedback_id,sentiment_label,"));
}

#[test]
fn what_cannot_be_shown_is_refused_clearly() {
    let sandbox = Sandbox::new();
    for arguments in
        [&["state", "show"][..], &["state", "verify"], &["state", "export", "--step", "x", "--out", "x.csv"]]
    {
        let told = sandbox.dirigent(&[arguments, &["t.yaml"]].concat());
        assert!(told.code == Some(1) && told.err.contains("there is no state in ./state/shop"), "{told:?}");
        assert!(!sandbox.path("state").exists(), "nothing is made");
    }
    let sandbox = two_runs();
    let export = |step: &str, out: &str| {
        sandbox.dirigent(&["state", "export", "t.yaml", "--step", step, "--out", out])
    };
    let told = export("corected", "x.csv");
    assert!(told.code == Some(1) && told.err.contains("did you mean `corrected`?"), "{told:?}");
    let told = export("learn", "x.csv");
    assert!(
        told.code == Some(1) && told.err.contains("known here: `corrected`, `sentiment.current`"),
        "{told:?}"
    );
    let told = export("corrected", "x.txt");
    assert!(told.code == Some(64) && told.err.contains(".csv, .jsonl or .parquet"), "{told:?}");
    let told = export("corrected", "t.yaml/x.csv");
    assert!(told.code == Some(1) && told.err.contains("cannot write t.yaml/x.csv"), "{told:?}");
    let told =
        sandbox.dirigent(&["state", "show", "t.yaml", "--set", "name=other", "--set", "state=state/shop"]);
    assert!(
        told.code == Some(78) && told.err.contains("that of the topology `shop`, not of `other`"),
        "{told:?}"
    );
    assert_eq!(sandbox.dirigent(&["state", "walk", "t.yaml"]).code, Some(64));

    // the newest checkpoint is damaged: the one before it is taken, and it is said
    let newest = sandbox.dirigent(&["state", "show", "t.yaml", "--json"]);
    let shown: Value = serde_json::from_str(&newest.out).unwrap();
    let path = format!("state/shop/{}/manifest.json", shown["checkpoints"][0]["path"].as_str().unwrap());
    sandbox.write(&path, "{}");
    let told = export("corrected", "old.csv");
    let older = &shown["checkpoints"][1]["epoch"];
    assert!(told.code == Some(0) && told.err.contains(&format!("rows of epoch {older} to")), "{told:?}");
    assert!(told.err.contains("an older one is tried"), "{}", told.err);
}
