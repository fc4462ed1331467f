//! Disks that say no: full ones, and a sync that fails. The run ends with an error, whichever thread it struck, and the
//! next one goes on to the same bytes.

use std::sync::Arc;

use super::{
    disk::{Crash, Fault},
    scene::Scene,
};

/// Strikes at every `step`-th operation of the last run.
fn strike(fault: fn(u64) -> Fault, after: Crash, step: u64) {
    let scene = Scene::new();
    let leg = scene.legs() - 1;
    let total = scene.after(leg, Fault::Nothing).operations().len() as u64;
    let mut taken = 0;
    for at in (0..total).step_by(step as usize) {
        let disk = scene.before(leg, fault(at));
        let workers = 1 + (at / step) as usize % 4;
        let outcome = scene.start(workers).run(Arc::new(disk.clone()));
        // behind the last operation of the kind that is struck nothing is
        let Some(name) = disk.struck() else { continue };
        let how = format!("{:?} at {name}", fault(at));
        let error = outcome.err().unwrap_or_else(|| panic!("{how}: the run says that all is well"));
        if let Fault::Full(_) = fault(at) {
            let told = error.to_string();
            assert!(told.contains("storage space") || told.contains("the log says why"), "{how}: {told}");
        }
        scene.finish(leg, &disk.after(after, Fault::Nothing, at), 1 + (workers + 1) % 4, &how);
        taken += 1;
    }
    assert!(taken > 5, "only {taken} of {total} struck");
    println!("{taken} times {:?}", fault(0));
}

#[test]
fn a_full_disk_ends_a_run_and_the_next_one_goes_on() {
    strike(Fault::Full, Crash::Process, 41);
}

#[test]
fn a_sync_that_fails_ends_a_run_and_the_next_one_goes_on() {
    strike(Fault::Sync, Crash::Power, 41);
}
