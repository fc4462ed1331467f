//! Brokers that are killed, that stand still for longer than a transaction may take, and connections that are cut in the middle
//! of a commit, while a run goes on. It lives through all of it, and nothing is lost or doubled.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    broker::{self, Broker, HANG},
    checks::check,
    proxy::{ADD_PARTITIONS, END_TXN, Moment, PRODUCE, Proxy},
    running::Running,
    shop::{Shop, Wish},
    stream::{Dice, Stream, seed},
};

/// Waits until everything that is there is committed, after the stream has ended; then ends the run and checks it.
fn finish(shop: &Shop, stream: Stream, mut running: Running) -> String {
    stream.end();
    shop.wait_until_committed(&mut running);
    let told = running.stop();
    check(shop, &shop.report());
    told.err
}

/// How often it was said that the outcome of a commit is not known.
fn unclear(said: &str) -> usize {
    let commits = said.lines().filter(|line| line.contains("cannot commit a transaction of"));
    commits.filter(|line| !line.contains("may come twice")).count()
}

/// Waits until it has been said once more.
fn wait_for_unclear(running: &mut Running, before: usize) {
    let started = Instant::now();
    while unclear(&running.said()) <= before {
        assert!(running.alive() && started.elapsed() < HANG, "no commit was unclear:\n{}", running.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_broker_that_is_killed_or_stands_still_is_waited_for() {
    // transactions that are too old are looked for often
    let set = &["transaction.abort.timed.out.transaction.cleanup.interval.ms=500"];
    let Some(broker) = Broker::start(&broker::Wish { set, ..broker::Wish::default() }) else { return };
    let bootstrap = broker.bootstrap();
    let librdkafka = "{transaction.timeout.ms: 3000, message.timeout.ms: 2500, socket.timeout.ms: 2000}";
    let wish = Wish { librdkafka, more: "stall_timeout: 4s", ..Wish::at(&bootstrap) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    let stream = Stream::begin(&shop, seed(7));
    let mut running = shop.start(2);
    running.wait_for("running");
    for pause in [9, 5] {
        std::thread::sleep(Duration::from_millis(1_200));
        let before = unclear(&running.said());
        broker.command("pause", None);
        // longer than the transaction may be open, by its producer's clock and by the broker's
        wait_for_unclear(&mut running, before);
        std::thread::sleep(Duration::from_secs(pause));
        broker.command("resume", None);
        shop.wait_for_growth(&mut running);
    }
    std::thread::sleep(Duration::from_millis(800));
    let before = unclear(&running.said());
    broker.command("kill", None);
    wait_for_unclear(&mut running, before);
    broker.command("up", None);
    shop.wait_for_growth(&mut running);
    // and the run with it
    std::thread::sleep(Duration::from_millis(500));
    broker.command("kill", None);
    running.kill();
    broker.command("up", None);
    let mut running = shop.start(3);
    running.wait_for("running");
    finish(&shop, stream, running);
}

#[test]
fn commits_whose_connection_is_cut_in_the_middle_are_done_once() {
    let Some((proxy, broker, through)) = Broker::behind_a_proxy() else { return };
    let librdkafka = "{transaction.timeout.ms: 4000, message.timeout.ms: 1500, socket.timeout.ms: 1000}";
    let shop = Shop::make(&broker.settings(&json!({})), &Wish { librdkafka, ..Wish::at(&through) });
    let stream = Stream::begin(&shop, seed(11));
    let mut running = shop.start(2);
    running.wait_for("running");
    let mut dice = Dice::new(seed(11));
    // once: librdkafka asks again by itself
    for n in 0..8 {
        let request = [END_TXN, PRODUCE, ADD_PARTITIONS, END_TXN][n % 4];
        let moment = if n < 4 { Moment::BeforeRequest } else { Moment::BeforeAnswer };
        caught(&proxy, &mut running, request, moment);
        std::thread::sleep(Duration::from_millis(dice.below(300)));
    }
    // and with a network that stays away until the producer has given up
    for moment in [Moment::BeforeAnswer, Moment::Silence, Moment::BeforeAnswer] {
        let before = unclear(&running.said());
        caught(&proxy, &mut running, END_TXN, moment);
        proxy.silence();
        wait_for_unclear(&mut running, before);
        std::thread::sleep(Duration::from_millis(dice.below(4_000)));
        proxy.heal();
        shop.wait_for_growth(&mut running);
    }
    let said = finish(&shop, stream, running);
    assert!(unclear(&said) >= 3, "{said}");
}

#[test]
fn an_end_of_a_transaction_that_comes_late_does_not_end_the_next_one() {
    let Some((proxy, broker, through)) = Broker::behind_a_proxy() else { return };
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&through));
    let stream = Stream::begin(&shop, seed(19));
    let mut running = shop.start(2);
    running.wait_for("running");
    for writer in ["0", "log", "0"] {
        shop.wait_for_growth(&mut running);
        proxy.hold_the_end(&format!("dirigent.{}.{writer}", shop.name));
        let started = Instant::now();
        while !proxy.came_late() {
            assert!(running.alive() && started.elapsed() < HANG, "nothing was held:\n{}", running.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    shop.wait_for_growth(&mut running);
    let said = finish(&shop, stream, running);
    assert!(said.matches("may come twice").count() >= 3, "{said}");
}

/// Cuts the connection at the next request of a kind, and waits until that has happened.
pub(super) fn caught(proxy: &Proxy, running: &mut Running, request: i16, moment: Moment) {
    proxy.cut_at(request, moment);
    wait_for_catch(proxy, running);
}

/// Waits until the proxy's trap has caught something.
pub(super) fn wait_for_catch(proxy: &Proxy, running: &mut Running) {
    let started = Instant::now();
    while proxy.waits() {
        assert!(running.alive() && started.elapsed() < HANG, "no such request:\n{}", running.said());
        std::thread::sleep(Duration::from_millis(2));
    }
}
