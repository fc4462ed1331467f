//! What the broker allows: the two transactions of an epoch, as a run makes them, and no work between them.
//!
//! A process of its own reads the input, ends an epoch at each multiple of its length, commits a record of it to one topic and then,
//! in another thread, every record with its product to two others; epochs that have queued up are committed together. It decodes
//! nothing, scores nothing, keeps nothing: who makes the same transactions at the same broker cannot be faster.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, Producer},
};

use crate::{
    clients::{all, consumer, send},
    input::{PRODUCT, field_of},
    yardstick::Outcome,
};

/// The first argument of a process that is one.
pub(crate) const FLOOR: &str = "floor";
/// As in a run.
const STEP: Duration = Duration::from_micros(500);
const WITHIN: Duration = Duration::from_secs(60);

/// The records of an epoch: keys and values.
type Epoch = Vec<(Vec<u8>, Vec<u8>)>;

/// Runs until it is ended: `BROKERS NAME INPUT EPOCH-IN-MS FETCH-WAIT-IN-MS`.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [brokers, name, input, length, fetch] = arguments else { return Err("arguments are lacking".into()) };
    let reader = consumer(brokers, &[("fetch.wait.max.ms", fetch), ("fetch.min.bytes", "1000000")])?;
    reader.assign(&all(input, Offset::Beginning)?)?;
    let length = Duration::from_millis(length.parse()?);
    let log = transactional(brokers, &format!("{name}.log"))?;
    let outputs = transactional(brokers, &format!("{name}.outputs"))?;
    let (sender, receiver) = channel();
    let topics = ["scored", "products", "models"].map(|output| format!("{name}.{output}"));
    thread::spawn(move || {
        if let Err(error) = write(&outputs, &topics, &receiver) {
            eprintln!("{error}");
            std::process::exit(1);
        }
    });
    let topic = format!("{name}.refused");
    let mut end = Instant::now() + length;
    loop {
        let epoch = read(&reader, end)?;
        end += length;
        if !epoch.is_empty() {
            commit(&log, || send(&log, &topic, b"epoch", &[b' '; 300]))?;
            sender.send(epoch)?;
        }
    }
}

/// What comes until a moment.
fn read(reader: &BaseConsumer, end: Instant) -> Outcome<Epoch> {
    let mut epoch = Epoch::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match reader.poll(left) {
            Some(message) => {
                let message = message?;
                let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
                epoch.push((bytes(message.key()), bytes(message.payload())));
            }
            None if left.is_zero() => return Ok(epoch),
            None => {}
        }
    }
}

/// Writes epochs, those that have queued up at once: each record, each product once, and a record of the progress.
fn write(
    producer: &BaseProducer,
    [scored, products, models]: &[String; 3],
    epochs: &Receiver<Epoch>,
) -> Outcome<()> {
    while let Ok(first) = epochs.recv() {
        let records: Epoch = std::iter::once(first).chain(epochs.try_iter()).flatten().collect();
        commit(producer, || {
            let mut changed = BTreeMap::new();
            for (key, value) in &records {
                send(producer, scored, key, value)?;
                changed.insert(field_of(value, PRODUCT), &value[..value.len().min(250)]);
            }
            for (product, value) in changed {
                send(producer, products, product, value)?;
            }
            send(producer, models, b"progress", &[b' '; 300])
        })?;
    }
    Ok(())
}

/// One transaction.
fn commit(producer: &BaseProducer, records: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    producer.begin_transaction()?;
    records()?;
    while producer.in_flight_count() > 0 {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        if producer.in_flight_count() == before {
            thread::sleep(STEP);
        }
    }
    Ok(producer.commit_transaction(WITHIN)?)
}

fn transactional(brokers: &str, id: &str) -> Outcome<BaseProducer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("transactional.id", id).set("linger.ms", "0");
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(WITHIN)?;
    Ok(producer)
}
