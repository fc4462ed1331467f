//! Starts with something else than the run before: what can go on does, the rest is refused, and says what to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use dirigent::topology::{assemble::RunError, start::StartError};

use super::{
    disk::{Crash, Fault, SimDisk},
    drive::Start,
    scene::Scene,
};

/// The topology with something else in it.
fn changed(scene: &Scene, from: &str, to: &str) -> Start {
    assert!(scene.topology.contains(from), "no {from}");
    Start::new(&scene.topology.replace(from, to), 2)
}

fn refusal(start: &Start, disk: &SimDisk) -> StartError {
    match start.run(Arc::new(disk.clone())) {
        Err(RunError::Start(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it went on"),
    }
}

/// The table that lines make, without their epochs.
fn table(lines: &[u8]) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for line in String::from_utf8(lines.to_vec()).unwrap().lines() {
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = row["review_id"].as_str().unwrap().to_owned();
        row["epoch"] = serde_json::Value::Null;
        if row.get("deleted").is_some() {
            table.remove(&id)
        } else {
            table.insert(id, row.to_string())
        };
    }
    table
}

#[test]
fn a_new_sink_gets_all_live_rows_first() {
    let scene = Scene::new();
    let leg = scene.legs() - 1;
    let more = format!(
        "  late: {{ type: file, inputs: [unique], path: {}/out/late.jsonl }}\n",
        scene.root().display()
    );
    let start = Start::new(&format!("{}{more}", scene.topology), 2);
    let late = |disk: &SimDisk| disk.files()[Path::new("out/late.jsonl")].clone();
    let disk = scene.before(leg, Fault::Nothing);
    start.run(Arc::new(disk.clone())).unwrap();
    let (whole, expected) = (disk.files()[Path::new("out/scored.jsonl")].clone(), late(&disk));
    assert_eq!(table(&expected), table(&whole));
    let before = table(&scene.after(leg - 1, Fault::Nothing).files()[Path::new("out/scored.jsonl")]);
    let epoch = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["epoch"].as_u64();
    let lines = String::from_utf8(expected.clone()).unwrap();
    let first = epoch(lines.lines().next().unwrap());
    let at_first: Vec<&str> = lines.lines().filter(|line| epoch(line) == first).collect();
    assert_eq!(table(at_first.join("\n").as_bytes()), before);
    // and crashes change nothing of that
    let total = disk.operations().len() as u64;
    let mut seen = BTreeSet::new();
    for at in (5..total).step_by(67) {
        let crashed = scene.before(leg, Fault::Stop(at));
        let _ = start.run(Arc::new(crashed.clone()));
        let crash = if at % 2 == 0 { Crash::Process } else { Crash::Power };
        let next = crashed.after(crash, Fault::Nothing, at);
        let again = Start { workers: 1 + at as usize % 4, ..start.clone() };
        again.run(Arc::new(next.clone())).unwrap_or_else(|error| panic!("{crash:?} at {at}: {error}"));
        assert!(late(&next) == expected, "{crash:?} crash at {at}, {:?}", crashed.struck());
        seen.insert(at);
    }
    println!("{} crashes with a new sink", seen.len());
}

#[test]
fn another_length_of_epochs_goes_on_after_a_run_that_has_ended() {
    let scene = Scene::new();
    let leg = scene.legs() - 1;
    let start = changed(&scene, "epoch_records: 100000", "epoch_records: 7");
    let disk = scene.before(leg, Fault::Nothing);
    start.run(Arc::new(disk.clone())).unwrap();
    let of = |disk: &SimDisk| table(&disk.files()[Path::new("out/scored.jsonl")]);
    let ids = |table: BTreeMap<String, String>| table.into_keys().collect::<Vec<_>>();
    assert_eq!(ids(of(&disk)), ids(of(&scene.after(leg, Fault::Nothing))));
    // with epochs that no checkpoint covers it is refused, until the old topology has gone on to its end
    let crashed = scene.before(leg, Fault::StopAt("append out/"));
    assert!(scene.start(1).run(Arc::new(crashed.clone())).is_err());
    let crashed = crashed.after(Crash::Process, Fault::Nothing, 0);
    let error = refusal(&start, &crashed);
    assert!(matches!(error, StartError::Replay { .. }), "{error}");
    scene.finish(leg, &crashed, 2, "the old topology after a refusal");
    start.run(Arc::new(crashed.clone())).unwrap();
}

#[test]
fn another_transform_or_name_is_refused() {
    let scene = Scene::new();
    let disk = scene.after(1, Fault::Nothing);
    let transform = changed(&scene, "label_wait: 3s", "label_wait: 4s");
    let error = refusal(&transform, &disk);
    assert!(matches!(error, StartError::Steps) && error.to_string().contains("--from-scratch"), "{error}");
    let name = changed(&scene, "name: crash", "name: other");
    let error = refusal(&name, &disk);
    assert!(matches!(&error, StartError::Name { found, .. } if found == "crash"), "{error}");
    scene.finish(1, &disk, 2, "after refusals");
}

#[test]
fn a_second_run_is_refused_while_the_first_has_the_state() {
    let scene = Scene::new();
    let disk = scene.before(1, Fault::Nothing);
    let first = scene.start(1).open(Arc::new(disk.clone())).unwrap();
    let error = refusal(&scene.start(1), &disk);
    assert!(matches!(error, StartError::Locked(_)), "{error}");
    drop(first);
    scene.finish(1, &disk, 2, "once the first has gone");
}
