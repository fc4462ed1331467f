//! Two runs of one name: one stands by, takes over, and the other one wakes when it is too late.
//!
//! Each has a folder of its own, as on two machines. A checkpoint of the one is not at hand for the other, so none is taken, and
//! whoever takes over replays the log from its first epoch.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    broker::{Broker, HANG},
    checks::check,
    outages::wait_for_catch,
    proxy::{ADD_PARTITIONS, Moment},
    running::Running,
    shop::{Shop, Wish},
    stream::{Dice, Stream, seed},
    watcher::Watcher,
};

/// A shop that stores no checkpoints while it is open, and the folder of a second run.
fn shop(broker: &Broker) -> (Shop, [&'static str; 2]) {
    let bootstrap = broker.bootstrap();
    let wish = Wish { checkpoint: "1h", ..Wish::at(&bootstrap) };
    (Shop::make(&broker.settings(&json!({})), &wish), ["--set", "state=file:./other"])
}

/// It ends because another run has taken its place, and says so.
fn superseded(running: Running) {
    let told = running.end();
    assert_eq!(told.code, Some(3), "{}", told.err);
    assert!(told.err.contains("of this run has taken over"), "{}", told.err);
}

#[test]
fn a_second_run_stands_by_while_the_first_one_goes_on() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let wish = Wish { checkpoint: "300ms", ..Wish::at(&bootstrap) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    let elsewhere = ["--set", "state=file:./other"];
    let mut first = shop.start(1);
    first.wait_for("running");
    // what says whose the log is stands in its mark then
    shop.wait_until_truncated(&mut first);
    let mut second = shop.start_with(1, &elsewhere);
    second.wait_for("standing by");
    // longer than it would have waited for a log that stands still; without records, too, the first one's grows
    shop.wait_for_records("epochs", 24, &mut first);
    assert!(second.alive(), "{}", second.said());
    assert!(!second.said().contains("taking over"), "{}", second.said());
    second.stop();
    first.stop();
}

#[test]
fn a_zombie_that_wakes_in_the_middle_of_everything_is_fenced() {
    let Some(broker) = Broker::shared() else { return };
    let (shop, elsewhere) = shop(broker);
    let stream = Stream::begin(&shop, seed(3));
    let watcher = Watcher::begin(&shop);
    let mut first = shop.start(2);
    first.wait_for("running");
    shop.wait_for_records("epochs", 20, &mut first);
    let mut second = shop.start_with(3, &elsewhere);
    second.wait_for("standing by");
    first.signal("STOP");
    second.wait_for("taking over");
    second.wait_for("running");
    shop.wait_for_records("epochs", 10, &mut second);
    first.signal("CONT");
    superseded(first);
    shop.wait_for_records("epochs", 10, &mut second);
    // and back again, without a wait
    let mut third = shop.start_with(1, &["--takeover"]);
    third.wait_for("running");
    superseded(second);
    shop.wait_for_records("epochs", 10, &mut third);
    stream.end();
    shop.wait_until_committed(&mut third);
    third.stop();
    assert!(watcher.end() > 0);
    check(&shop, &shop.report());
}

#[test]
fn of_two_runs_that_give_themselves_one_number_the_first_in_the_log_has_it() {
    let Some((proxy, broker, through)) = Broker::behind_a_proxy() else { return };
    let (shop, elsewhere) = shop(&broker);
    shop.make_own_topics();
    proxy.cut_at(ADD_PARTITIONS, Moment::Silence);
    // it has read the log, and nothing of what it is about to write comes through
    let mut first = shop.start_at(&through, 1);
    wait_for_catch(&proxy, &mut first);
    let mut second = shop.start_with(1, &[&elsewhere[..], &["--takeover"]].concat());
    second.wait_for("running");
    proxy.heal();
    superseded(first);
    shop.wait_for_growth(&mut second);
    let stream = Stream::begin(&shop, seed(13));
    shop.wait_for_growth(&mut second);
    stream.end();
    shop.wait_until_committed(&mut second);
    second.stop();
    check(&shop, &shop.report());
}

#[test]
fn of_runs_that_take_over_from_one_another_at_any_moment_one_is_left() {
    let Some(broker) = Broker::shared() else { return };
    let (shop, _) = shop(broker);
    let stream = Stream::begin(&shop, seed(5));
    let watcher = Watcher::begin(&shop);
    let mut dice = Dice::new(seed(5));
    let mut runs: Vec<Running> = Vec::new();
    for n in 0..6 {
        let folder = format!("state=file:./state-{n}");
        let run = shop.start_with(1 + n % 3, &["--takeover", "--set", &folder]);
        // paused wherever it is, while it starts or while it runs
        std::thread::sleep(Duration::from_millis(dice.below(1_500)));
        run.signal("STOP");
        runs.push(run);
        // and one of those that were, which may be before or behind its time, goes on beside the next one
        let woken = dice.below(runs.len() as u64) as usize;
        runs[woken].signal("CONT");
    }
    for run in &runs {
        run.signal("CONT");
    }
    // whoever came last with the log's producer: all others are told at their next commit
    let started = Instant::now();
    while runs.len() > 1 {
        assert!(started.elapsed() < HANG, "{} runs go on", runs.len());
        let ended = runs.iter_mut().position(|run| !run.alive());
        match ended {
            Some(n) => superseded(runs.remove(n)),
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    let mut last = runs.remove(0);
    shop.wait_for_growth(&mut last);
    stream.end();
    shop.wait_until_committed(&mut last);
    last.stop();
    assert!(watcher.end() > 0);
    check(&shop, &shop.report());
}
