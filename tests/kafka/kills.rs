//! `kill -9` again and again while producers write, also while a run recovers, each start with another number of workers.
//!
//! `DIRIGENT_KAFKA_KILLS` says how often (12), `DIRIGENT_KAFKA_SEED` where chance begins.

use serde_json::json;

use super::{
    broker::Broker,
    checks::check,
    shop::{Shop, Wish},
    stream::{Dice, Stream, number, seed},
    watcher::Watcher,
};

#[test]
fn a_run_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let kills = number("DIRIGENT_KAFKA_KILLS", 12);
    let seed = seed(1);
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let stream = Stream::begin(&shop, seed);
    let watcher = Watcher::begin(&shop);
    let mut dice = Dice::new(seed);
    (0..kills).for_each(|kill| shop.start_and_kill(kill, &mut dice));
    let sent = stream.end();
    let (_, report) = shop.finish(2);
    assert!(watcher.end() > 0, "the watcher has seen nothing");
    check(&shop, &report);
    eprintln!("{kills} kills, {sent} records");
}
