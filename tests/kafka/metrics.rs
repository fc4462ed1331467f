//! What `/metrics` says of a run's cluster, beside what the topics and the group say.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rdkafka::producer::Producer;
use serde_json::json;

use super::{
    broker::{Broker, HANG},
    clients::{flush, send, unique, writer},
    history::{ends, group_offsets, records},
    running::Running,
    shop::{Shop, Wish},
    stream::{Stream, seed},
};

/// Samples by name and labels, as they are written.
type Samples = BTreeMap<String, f64>;

const SERVING: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn scrape(running: &mut Running) -> Samples {
    running.wait_for("metrics at http://");
    let said = running.said();
    let (_, rest) = said.split_once("metrics at http://").unwrap();
    let address = rest.split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let samples = answer.lines().filter(|line| line.starts_with("dirigent_"));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The value of a family for each partition of a source's topic, in order; `None` for one that has none.
fn of_partitions(samples: &Samples, family: &str, shop: &Shop, stem: &str, count: usize) -> Vec<Option<f64>> {
    let topic = shop.topic(stem);
    let of_one = |partition| {
        let labels = format!(r#"{{source="{stem}",topic="{topic}",partition="{partition}"}}"#);
        samples.get(&format!("dirigent_{family}{labels}")).copied()
    };
    (0..count).map(of_one).collect()
}

const PARTITIONS: [(&str, usize); 2] = [("reviews", 3), ("feedback", 2)];

/// Scrapes until something holds.
fn wait_until(running: &mut Running, what: &str, holds: impl Fn(&Samples) -> bool) -> Samples {
    let started = Instant::now();
    loop {
        let samples = scrape(running);
        if holds(&samples) {
            return samples;
        }
        assert!(running.alive() && started.elapsed() < HANG, "{what}: {samples:#?}\n{}", running.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn has_no_lag(samples: &Samples, shop: &Shop) -> bool {
    PARTITIONS.iter().all(|(stem, count)| {
        ["source_lag_records", "source_lag_seconds"].iter().all(|family| {
            of_partitions(samples, family, shop, stem, *count).iter().all(|lag| *lag == Some(0.0))
        })
    })
}

/// The first offset of each partition that is needed.
fn needed(samples: &Samples, shop: &Shop, stem: &str, count: usize) -> Vec<u64> {
    let needed = of_partitions(samples, "source_oldest_needed_offset", shop, stem, count);
    needed.into_iter().map(|offset| offset.expect("each partition has one") as u64).collect()
}

#[test]
fn the_metrics_of_a_cluster_are_those_of_its_topics() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let mut running = shop.start_with(2, &SERVING);
    // before any record
    let has_lags = |samples: &Samples| has_no_lag(samples, &shop);
    let samples = wait_until(&mut running, "partitions have a lag", has_lags);
    for (stem, count) in PARTITIONS {
        assert!(needed(&samples, &shop, stem, count).iter().all(|offset| *offset == 0));
    }
    let stream = Stream::begin(&shop, seed(11));
    let mut before: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let (started, mut grown) = (Instant::now(), false);
    while !grown {
        let samples = scrape(&mut running);
        for (stem, count) in PARTITIONS {
            let needed = needed(&samples, &shop, stem, count);
            let ends = ends(&shop.settings, &shop.topic(stem));
            assert!(needed.iter().zip(&ends).all(|(needed, end)| needed <= end), "{needed:?} of {ends:?}");
            let last = before.insert(stem, needed.clone()).unwrap_or_default();
            assert!(last.iter().zip(&needed).all(|(last, needed)| last <= needed), "{needed:?}, {last:?}");
            grown |= needed.iter().any(|needed| *needed > 0);
        }
        assert!(running.alive() && started.elapsed() < HANG, "nothing is covered:\n{}", running.said());
    }
    stream.end();
    // the marker of a transaction is an offset that no record has
    let (transactional, _) = writer(&shop.settings, Some(&unique("metrics")));
    transactional.init_transactions(HANG).unwrap();
    transactional.begin_transaction().unwrap();
    let review = r#"{"review_id":"last","product_id":"p","text":"It is fine","lang":"en","ts":1700000000}"#;
    send(&transactional, &shop.topic("reviews"), "last", review);
    flush(&transactional);
    transactional.commit_transaction(HANG).unwrap();
    // the figures are those of a time after the last record once the bytes of all of them were received
    let bytes = PARTITIONS.map(|(stem, _)| {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let records = records(&shop.settings, &shop.topic(stem));
        records.iter().map(|record| length(&record.key) + length(&record.value)).sum::<usize>() as f64
    });
    let samples = wait_until(&mut running, "the lag falls to 0", |samples| {
        let received =
            |stem: &str| samples.get(&format!("dirigent_source_received_bytes_total{{source=\"{stem}\"}}"));
        let has_all = |((stem, _), bytes): ((&str, usize), f64)| received(stem).is_some_and(|n| *n >= bytes);
        PARTITIONS.into_iter().zip(bytes).all(has_all) && has_no_lag(samples, &shop)
    });
    for writer in ["log", "sinks"] {
        let of = |name: &str| samples[&format!("dirigent_{name}{{writer=\"{writer}\"}}")];
        let (count, took) =
            (of("transaction_duration_seconds_count"), of("transaction_duration_seconds_sum"));
        assert!(count > 3.0 && took > 0.0 && took < HANG.as_secs_f64(), "{writer}: {count} in {took} s");
        // with nobody in the way, the first transaction of a producer may be late, and no other
        let (unclear, producers) = (of("transactions_unclear_total"), of("producers_recreated_total"));
        assert!(unclear <= count && producers <= count, "{writer}: {unclear} unclear, {producers} producers");
    }
    // two checkpoints later nothing is needed any more
    let all_is_covered = |samples: &Samples| {
        PARTITIONS.iter().all(|(stem, count)| {
            let committed = group_offsets(&shop.settings, &shop.name, &shop.topic(stem));
            needed(samples, &shop, stem, *count) == committed
        })
    };
    wait_until(&mut running, "everything is covered", all_is_covered);
    running.kill();
    // another start knows it from its checkpoints
    let mut running = shop.start_with(1, &SERVING);
    let samples = scrape(&mut running);
    let has_offsets = samples.keys().any(|name| name.starts_with("dirigent_source_oldest_needed_offset"));
    let first = if has_offsets { samples } else { wait_until(&mut running, "a start", has_lags) };
    assert!(all_is_covered(&first), "{first:#?}");
    running.stop();
}
