//! A crash at every durable operation of a run, and of the start after it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    disk::{Crash, Fault, SimDisk},
    random::Random,
    scene::Scene,
};

const CRASHES: [Crash; 2] = [Crash::Process, Crash::Power];

/// Every how many operations there is a crash, unless all are asked for.
const STEP: u64 = 17;

pub(super) fn all() -> bool {
    std::env::var("DIRIGENT_CRASHES").is_ok_and(|how| how == "all")
}

/// The kind of an operation: its name without what differs from run to run.
fn kind(name: &str) -> String {
    let (verb, path) = name.rsplit_once(' ').unwrap_or((name, ""));
    let file = path.rsplit('/').next().unwrap_or_default();
    let model = path.starts_with("state/models/");
    let file: String = file.chars().filter(|c| !c.is_ascii_digit()).collect();
    format!("{verb} {}", if model { "a model" } else { &file })
}

#[test]
fn a_crash_at_every_operation_of_a_run_changes_nothing() {
    let scene = Scene::new();
    let step = if all() { 1 } else { STEP };
    let (mut taken, mut kinds) = (0, BTreeMap::<String, usize>::new());
    for (turn, crash) in CRASHES.into_iter().enumerate() {
        for leg in 0..scene.legs() {
            // runs differ in how many operations they have: the points end where a run is over before its point
            for at in (((turn + 2 * leg) as u64 * 2) % step..).step_by(step as usize) {
                let disk = scene.before(leg, Fault::Stop(at));
                let workers = 1 + (at / step) as usize % 4;
                let outcome = scene.start(workers).run(Arc::new(disk.clone()));
                let Some(name) = disk.struck() else {
                    scene.check(leg, &disk, &outcome.unwrap(), "uninterrupted after all");
                    break;
                };
                let how = format!("{crash:?} crash at {at}, {name}");
                assert!(outcome.is_err(), "{how}: the run says that all is well");
                *kinds.entry(kind(&name)).or_default() += 1;
                let next = disk.after(crash, Fault::Nothing, at);
                scene.finish(leg, &next, 1 + (workers + 1) % 4, &how);
                taken += 1;
            }
        }
    }
    let epochs = scene.expected(scene.legs() - 1).epochs();
    println!("{taken} crashes in {} runs of {epochs} epochs; by operation: {kinds:#?}", scene.legs());
}

/// A run that crashes at some operation, and how many it might have had.
fn first(scene: &Scene, leg: usize, random: &mut Random) -> (SimDisk, u64, usize) {
    let total = scene.after(leg, Fault::Nothing).operations().len();
    let at = random.below(total) as u64;
    (scene.before(leg, Fault::Stop(at)), at, total)
}

#[test]
fn a_crash_at_every_operation_of_a_start_changes_nothing() {
    let scene = Scene::new();
    let mut random = Random::new(3);
    let (firsts, step) = if all() { (18, 1) } else { (3, 17) };
    let mut taken = 0;
    for n in 0..firsts {
        let leg = (n + 1) % scene.legs();
        let (disk, at_first, _) = first(&scene, leg, &mut random);
        let crash = CRASHES[n % 2];
        let _ = scene.start(2).run(Arc::new(disk.clone()));
        let second = CRASHES[n / 2 % 2];
        for at in (n as u64 % step..).step_by(step as usize) {
            let again = disk.after(crash, Fault::Stop(at), at_first);
            let workers = 1 + at as usize % 4;
            let outcome = scene.start(workers).run(Arc::new(again.clone()));
            let how = format!("{crash:?} crash at {at_first}, then {second:?} crash at {at}");
            let Some(name) = again.struck() else {
                scene.check(leg, &again, &outcome.unwrap(), &how);
                break;
            };
            let how = format!("{how}, {name}");
            scene.finish(leg, &again.after(second, Fault::Nothing, at), 1 + (workers + 1) % 4, &how);
            taken += 1;
        }
    }
    println!("{taken} crashes of a start after one of {firsts} crashes");
}

#[test]
fn many_crashes_in_a_row_change_nothing() {
    let scene = Scene::new();
    let (rows, mut taken) = (if all() { 200 } else { 9 }, 0);
    for row in 0..rows {
        let mut random = Random::new(row);
        let leg = row as usize % scene.legs();
        let (mut disk, _, total) = first(&scene, leg, &mut random);
        let mut how = format!("row {row}:");
        for _ in 0..2 + random.below(4) {
            let _ = scene.start(1 + random.below(4)).run(Arc::new(disk.clone()));
            let crash = CRASHES[random.below(2)];
            how.push_str(&format!(" {crash:?} at {:?},", disk.struck()));
            let at = random.below(total * 2 / 3) as u64;
            disk = disk.after(crash, Fault::Stop(at), row);
            taken += 1;
        }
        let last = disk.after(Crash::Process, Fault::Nothing, row);
        scene.finish(leg, &last, 1 + random.below(4), &how);
    }
    println!("{taken} crashes in {rows} rows");
}
