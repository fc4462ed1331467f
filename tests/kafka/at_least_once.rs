//! `delivery: at_least_once` under `kill -9`: records may stand twice, none is missing, and what stands last is right.

use std::{fs, time::Duration};

use serde_json::json;

use super::{
    broker::Broker,
    cases::cases_follow_from_rows,
    checks,
    clients::cluster,
    commands::{dirigent, text},
    history::{Record, records},
    outages::caught,
    proxy::{Moment, PRODUCE},
    shop::{Shop, Wish},
    stream::{Dice, Stream, number, seed},
};

/// What was written more than once, taken once; each time it has to be the same. The last record of a key has to be that of its
/// last epoch.
fn once(topic: &str, written: &[Record]) -> (Vec<Record>, usize) {
    let mut once: Vec<Record> = Vec::new();
    let total = written.len();
    for record in written {
        let same = |other: &&Record| {
            (&other.key, other.epoch(), other.header("dirigent.origin"))
                == (&record.key, record.epoch(), record.header("dirigent.origin"))
        };
        match once.iter().find(same) {
            Some(first) => {
                let content =
                    |record: &Record| (record.partition, record.value.clone(), record.headers.clone());
                assert_eq!(content(first), content(record), "{topic}: other content the second time");
            }
            None => once.push(record.clone()),
        }
    }
    if topic != "dead" {
        for key in once.iter().map(|record| &record.key) {
            let of_key = |record: &&Record| record.key == *key;
            let last = written.iter().rfind(of_key).unwrap();
            let newest = once.iter().filter(of_key).max_by_key(|record| record.epoch()).unwrap();
            assert_eq!(
                (last.epoch(), &last.value),
                (newest.epoch(), &newest.value),
                "{topic}: an old one stands last"
            );
        }
    }
    let twice = total - once.len();
    (once, twice)
}

/// Checks all of it; how many records stand twice.
fn check(shop: &Shop) -> usize {
    let report = shop.report();
    let read = |stem: &str| once(stem, &records(&shop.settings, &shop.topic(stem)));
    let [scored, products, cases, models, dead] = ["scored", "products", "cases", "models", "dead"].map(read);
    checks::check_outputs(shop, &report, &scored.0, &products.0, &models.0, &dead.0);
    cases_follow_from_rows(&checks::lines("review_id", &scored.0), &cases.0);
    scored.1 + products.1 + cases.1 + models.1 + dead.1
}

fn shop(broker: &Broker, checkpoint: &str) -> Shop {
    let bootstrap = broker.bootstrap();
    Shop::make(&broker.settings(&json!({})), &Wish { checkpoint, ..without_transactions(&bootstrap) })
}

fn without_transactions(bootstrap: &str) -> Wish<'_> {
    Wish { delivery: "at_least_once", ..Wish::at(bootstrap) }
}

#[test]
fn a_run_without_transactions_that_is_killed_loses_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let (shop, seed) = (shop(broker, "1s"), seed(21));
    let stream = Stream::begin(&shop, seed);
    let mut dice = Dice::new(seed);
    (0..number("DIRIGENT_KAFKA_KILLS", 12) / 2).for_each(|kill| shop.start_and_kill(kill, &mut dice));
    let sent = stream.end();
    shop.finish(2);
    let twice = check(&shop);
    let verified = dirigent(&shop.path(""), "", &["state", "verify", "t.yaml"], "");
    assert_eq!(verified.status.code(), Some(0), "{}{}", text(&verified.stdout), text(&verified.stderr));
    eprintln!("{sent} records, {twice} written twice");
    // neither log nor progress is asked of the brokers
    let names = cluster(&shop.settings).names().unwrap();
    let own = names.iter().filter(|name| **name == shop.topic("epochs") || **name == shop.topic("progress"));
    assert_eq!(own.count(), 0);
}

#[test]
fn a_broker_that_is_away_is_waited_for_without_transactions() {
    let Some((proxy, broker, through)) = Broker::behind_a_proxy() else { return };
    let librdkafka = "{socket.timeout.ms: 1500}";
    let wish = Wish { librdkafka, ..without_transactions(&through) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    let stream = Stream::begin(&shop, seed(25));
    let mut running = shop.start(2);
    running.wait_for("running");
    for n in 0..6 {
        let moment = if n % 2 == 0 { Moment::BeforeRequest } else { Moment::BeforeAnswer };
        caught(&proxy, &mut running, PRODUCE, moment);
        shop.wait_for_records("scored", 10, &mut running);
    }
    // a network that says nothing, a broker that stands still, and one that was killed
    proxy.silence();
    std::thread::sleep(Duration::from_secs(4));
    proxy.heal();
    shop.wait_for_records("scored", 10, &mut running);
    broker.command("pause", None);
    std::thread::sleep(Duration::from_secs(4));
    broker.command("resume", None);
    shop.wait_for_records("scored", 10, &mut running);
    broker.command("kill", None);
    std::thread::sleep(Duration::from_secs(2));
    // and the run with it: what it has written lies behind its progress or not
    running.kill();
    broker.command("up", None);
    let mut running = shop.start(3);
    running.wait_for("running");
    stream.end();
    shop.wait_until_committed(&mut running);
    running.stop();
    let twice = check(&shop);
    eprintln!("{twice} records were written again");
}

#[test]
fn what_was_written_behind_the_progress_is_written_again() {
    let Some(broker) = Broker::shared() else { return };
    let shop = shop(broker, "1h");
    let journal = shop.path("state/progress/topics.journal");
    let stream = Stream::begin(&shop, seed(22));
    let mut running = shop.start(2);
    shop.wait_for_records("scored", 50, &mut running);
    let early = fs::read(&journal).unwrap();
    shop.wait_for_records("scored", 50, &mut running);
    running.kill();
    stream.end();
    // as if the machine had stood still between the acknowledgement and the progress
    fs::write(&journal, early).unwrap();
    shop.finish(1);
    let twice = check(&shop);
    assert!(twice >= 50, "{twice} records were written again");
}

#[test]
fn a_change_of_the_delivery_is_refused_and_begins_from_scratch() {
    let Some(broker) = Broker::shared() else { return };
    let shop = shop(broker, "1s");
    let stream = Stream::begin(&shop, seed(23));
    let mut running = shop.start(1);
    shop.wait_for_records("scored", 20, &mut running);
    stream.end();
    running.stop();
    let ids = ["scored", "products", "cases", "models", "dead"];
    let set = ids.map(|id| format!("sinks.{id}.delivery=exactly_once"));
    let exactly: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    let told = shop.start_with(1, &exactly).end();
    assert!(told.err.contains("has an epoch log of its own"), "{}", told.err);
    let mut running = shop.start_with(1, &[&["--from-scratch"], &exactly[..]].concat());
    shop.wait_for_growth(&mut running);
    running.stop();
    let told = shop.start(1).end();
    assert!(told.err.contains("written exactly once so far"), "{}", told.err);
    let (_, report) = {
        let mut running = shop.start_with(1, &["--from-scratch"]);
        // the group stands at the end of what was read before: only what comes now tells how far this run has read
        let mut sent = 0;
        while sent == 0 {
            let more = Stream::begin(&shop, seed(24));
            std::thread::sleep(std::time::Duration::from_millis(300));
            sent = more.end();
        }
        shop.wait_until_committed(&mut running);
        (running.stop(), shop.report())
    };
    assert!(report["sources"]["reviews"]["in"].as_u64().unwrap() > 0, "{report}");
    let mixed = shop.start_with(1, &exactly[..2]).end();
    assert_eq!(mixed.code, Some(78), "{}", mixed.err);
    assert!(mixed.err.contains("the same `delivery`"), "{}", mixed.err);
}
