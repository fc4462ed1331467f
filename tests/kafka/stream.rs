//! What producers send, from a seed: reviews, edits, deletes, records without a value, redeliveries, feedback, and one record in
//! twenty that has to be refused.
//!
//! All records of a review go to one partition, by its key: between partitions, the order is that of reading.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use dirigent::connect::kafka::connection::ConnectionSettings;
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer},
};

use super::{broker::HANG, clients::writer, shop::Shop};

/// A number from the environment.
pub(super) fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |value| value.parse().unwrap())
}

/// Where chance begins: `DIRIGENT_KAFKA_SEED`, or the number that a test names.
pub(super) fn seed(otherwise: u64) -> u64 {
    number("DIRIGENT_KAFKA_SEED", 0) * 1_000 + otherwise
}

/// xorshift64*: good enough to choose with.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Less than a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// A record on its way into a topic.
#[derive(Clone, Debug)]
struct Sent {
    stem: &'static str,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

/// First words, and what users repeat of one another.
const TEXTS: [&str; 10] = [
    "Great product, works well",
    "great PRODUCT, works  well",
    "Broken after two days, never again",
    "Smells &amp; does not work at all",
    "Terrible quality, want a refund",
    "I would buy it again and again",
    "Schlecht verarbeitet, klappert",
    "Sehr gut, gerne wieder",
    "It is fine, nothing special",
    "Love it, perfect gift",
];

const REVIEWS: u64 = 240;
const PRODUCTS: u64 = 15;
const USERS: u64 = 12;

/// The next record; `at` counts them.
fn next(dice: &mut Dice, at: u64, before: &[Sent]) -> Sent {
    let id = format!("r{}", dice.below(REVIEWS));
    let ts = 1_700_000_000_000 + at * 60_000 + dice.below(7_200_000);
    let text = |value: String| Some(value.into_bytes());
    let reviews = |key: &str, value| Sent { stem: "reviews", key: Some(key.into()), value };
    match dice.below(100) {
        0..5 => poison(dice, &id, at),
        5..13 => reviews(&id, text(format!(r#"{{"review_id":"{id}","op":"delete","ts":{ts}}}"#))),
        13..18 => reviews(&id, None),
        18..26 if !before.is_empty() => before[dice.below(before.len() as u64) as usize].clone(),
        26..40 => {
            let label = ["\"positive\"", "\"negative\"", "\"neutral\"", "null"][dice.below(4) as usize];
            let value = format!(
                r#"{{"feedback_id":"f{at}","review_id":"{id}","label":{label},"by":"ann","ts":{ts}}}"#
            );
            Sent { stem: "feedback", key: Some(id.into()), value: text(value) }
        }
        _ => {
            let (product, user) = (dice.below(PRODUCTS), dice.below(USERS));
            let user = if user == 0 { "null".to_owned() } else { format!("\"u{user}\"") };
            let rating = ["1", "2", "3", "4", "5", "4.5", "null"][dice.below(7) as usize];
            let said = TEXTS[dice.below(TEXTS.len() as u64) as usize];
            let value = format!(
                r#"{{"review_id":"{id}","product_id":"p{product}","user_id":{user},"rating":{rating},"text":"{said}","lang":"en","ts":{ts}}}"#
            );
            reviews(&id, text(value))
        }
    }
}

/// A record that has to be refused.
fn poison(dice: &mut Dice, id: &str, at: u64) -> Sent {
    let reviews = |key: Option<&[u8]>, value: &[u8]| Sent {
        stem: "reviews",
        key: key.map(<[u8]>::to_vec),
        value: Some(value.to_vec()),
    };
    let whole =
        format!(r#"{{"review_id":"{id}","product_id":"p0","text":"of another key","lang":"en","ts":{at}}}"#);
    match dice.below(8) {
        0 => reviews(Some(id.as_bytes()), format!(r#"{{"review_id":"{id}","n":{at}"#).as_bytes()),
        1 => reviews(Some(id.as_bytes()), b"{\"review_id\":\"\xff\xfe\"}"),
        2 => reviews(Some(id.as_bytes()), b"[1,2]"),
        3 => reviews(Some(format!("{id}x").as_bytes()), whole.as_bytes()),
        4 => {
            reviews(Some(id.as_bytes()), format!(r#"{{"review_id":"{id}","text":"no product"}}"#).as_bytes())
        }
        5 => Sent { stem: "reviews", key: None, value: None },
        6 => {
            let value = format!(r#"{{"feedback_id":"f{at}","review_id":"{id}","label":"splendid"}}"#);
            Sent { stem: "feedback", key: Some(id.into()), value: Some(value.into()) }
        }
        // no key at all, and bytes that are no text
        _ => reviews(None, &[0, 159, 146, 150, (at % 251) as u8]),
    }
}

/// A producer that keeps writing until it is told to stop.
pub(super) struct Stream {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Stream {
    /// Begins to write some records every few milliseconds.
    pub(super) fn begin(shop: &Shop, seed: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, settings) = (Arc::clone(&over), shop.settings.clone());
        let name = shop.name.clone();
        let thread = std::thread::spawn(move || write(&settings, &name, seed, &ended));
        Self { over, thread: Some(thread) }
    }

    /// Stops; how many records were written.
    pub(super) fn end(mut self) -> u64 {
        self.over.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

fn write(settings: &ConnectionSettings, name: &str, seed: u64, over: &AtomicBool) -> u64 {
    let (client, state) = writer(settings, None);
    let (mut dice, mut sent, mut at) = (Dice::new(seed), Vec::new(), 0);
    while !over.load(Ordering::Acquire) {
        for _ in 0..=dice.below(8) {
            let record = next(&mut dice, at, &sent);
            put(&client, name, &record, at);
            if sent.len() < 512 {
                sent.push(record);
            } else {
                let n = dice.below(512) as usize;
                sent[n] = record;
            }
            at += 1;
        }
        client.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(15));
    }
    client.flush(HANG).unwrap();
    assert_eq!(
        (state.delivered().0, state.undelivered()),
        (at, None),
        "the producer of the test lost records"
    );
    at
}

fn put(client: &super::clients::Writer, name: &str, record: &Sent, at: u64) {
    let topic = format!("{name}.{}", record.stem);
    let number = at.to_string();
    let started = Instant::now();
    let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic);
    (message.key, message.payload) = (record.key.as_deref(), record.value.as_deref());
    let headers = OwnedHeaders::new()
        .insert(Header { key: "sent", value: Some(&number) })
        .insert(Header { key: "nothing", value: None::<&[u8]> });
    message.headers = Some(headers);
    while let Err((error, back)) = client.send(message) {
        assert!(started.elapsed() < HANG, "{error}");
        message = back;
        client.poll(Duration::from_millis(10));
    }
}
