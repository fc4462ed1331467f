//! Latency: from the append of a review, as the broker says when, to the moment at which a reader with `read_committed` has the
//! score of its product.
//!
//! While a producer sends events at a rate, a review of a product of its own is sent every 20 ms. First it is found which rate the
//! machine holds, with broker, producer and reader on it: rates go up until one comes at which a review sent last is not scored
//! within half a second, twice. What is told is measured at half of the last that was held. `DIRIGENT_RATE` gives the rate instead.
//! Beside each run stands what the broker allows (`floor`): its two transactions with no work between them.

use std::{
    collections::BTreeMap,
    ops::Range,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use rdkafka::producer::BaseProducer;

use crate::{
    Bench, Wish,
    clients::{Reader, append_times, by_append_time, flush, producer, send},
    floor::FLOOR,
    input::{Lines, key_of, probe, severe_probe},
    yardstick::{Outcome, end, events},
};

/// Between two reviews that are looked for, and between two that somebody is told of.
const EVERY: Duration = Duration::from_millis(20);
const EVERY_SEVERE: Duration = Duration::from_millis(100);
/// Left out at the beginning: a broker that has just been started compiles what it runs.
const WARM: Duration = Duration::from_secs(15);
const LENGTH: Duration = Duration::from_secs(40);
/// Rates that are tried, in events a second, and for how long.
const LOWEST: u32 = 10_000;
const HIGHER: u32 = 5_000;
const TRIED: Duration = Duration::from_secs(10);
/// So many events are enough for rates up to 40,000: one that comes again changes nothing, costs little, and would make believe in
/// rates that are not held.
const EVENTS: u64 = 2_000_000;
/// A rate is held if what is sent last is scored within this.
const HELD: Duration = Duration::from_millis(500);

/// The length of an epoch, and how long the source's fetches wait for more, in ms.
pub(crate) const EPOCHS: [(u32, u32); 2] = [(100, 20), (20, 5)];

/// Sends a review that is looked for, to a topic under a key.
type Probe = fn(&BaseProducer, &str, &str) -> Outcome<()>;

/// Where what is sent goes through.
#[derive(Clone, Copy)]
pub(crate) enum Through<'a> {
    /// A run.
    Run,
    /// Bare transactions.
    Floor,
    /// A run that tells this URL of severe reviews, which those are that are looked for.
    Alerts(&'a str),
}

/// A run, and who writes and reads for it.
pub(crate) struct Live<'b> {
    bench: &'b Bench,
    name: String,
    input: String,
    child: Child,
    reader: Reader,
    lines: Lines,
    /// Events that were sent.
    sent: u64,
    probes: u32,
    every: Duration,
    probe: Probe,
}

impl Bench {
    pub(crate) fn latency(&self) -> Outcome<()> {
        let rate = match std::env::var("DIRIGENT_RATE") {
            Ok(rate) => rate.parse()?,
            Err(_) => self.held_rate()? / 2,
        };
        println!("\n| epoch, {rate} events/s | scores | p50 | p90 | p99 | longest |");
        println!("| --- | --- | --- | --- | --- | --- |");
        let mut histograms = String::new();
        let both = [("run", Through::Run), ("floor", Through::Floor)];
        for ((epoch, fetch), (what, through)) in
            EPOCHS.into_iter().flat_map(|epoch| both.map(|both| (epoch, both)))
        {
            let mut live = Live::start(self, &format!("latency-{what}-{epoch}ms"), (epoch, fetch), through)?;
            let found = live.found(rate);
            live.end()?;
            let mut found = found?;
            row(&format!("{epoch} ms, {what}"), &mut found);
            histograms += &format!("\n{epoch} ms, {what}:");
            let mut from = f64::NEG_INFINITY;
            for to in [20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 500.0, f64::INFINITY] {
                let count = found.iter().filter(|ms| (from..to).contains(*ms)).count();
                histograms += &format!(" below {to} ms {count},");
                from = to;
            }
        }
        println!("{histograms}");
        Ok(())
    }

    /// The highest rate at which a run keeps up, in events a second.
    fn held_rate(&self) -> Outcome<u32> {
        let mut live = Live::start(self, "held", EPOCHS[0], Through::Run)?;
        let (mut held, mut rate, mut again) = (LOWEST - HIGHER, LOWEST, true);
        live.send(LOWEST, WARM)?;
        live.wait_for_last()?;
        let found = loop {
            if u64::from(rate) * TRIED.as_secs() > EVENTS - live.sent {
                break Ok(held);
            }
            let sent = live.send(rate, TRIED);
            match sent.and_then(|sent| Ok((sent, live.wait_for_last()?))) {
                Ok((sent, seen)) if seen.duration_since(sent) <= HELD => {
                    (held, rate, again) = (rate, rate + HIGHER, true);
                }
                Ok(_) if again => again = false,
                Ok(_) => break Ok(held),
                Err(error) => break Err(error),
            }
        };
        live.end()?;
        println!("\nepochs of {} ms: {} events/s are held", EPOCHS[0].0, found.as_ref().unwrap_or(&0));
        found
    }
}

/// Prints latencies, in ms.
pub(crate) fn row(name: &str, found: &mut [f64]) {
    found.sort_by(f64::total_cmp);
    let at = |share| found.get(((found.len() as f64 * share) as usize).min(found.len().saturating_sub(1)));
    let [half, most, nearly, all] = [0.5, 0.9, 0.99, 1.0].map(|share| at(share).copied().unwrap_or(f64::NAN));
    println!("| {name} | {} | {half:.0} ms | {most:.0} ms | {nearly:.0} ms | {all:.0} ms |", found.len());
}

impl<'b> Live<'b> {
    /// Starts it, and waits until it scores.
    pub(crate) fn start(
        bench: &'b Bench,
        name: &str,
        (epoch, fetch): (u32, u32),
        through: Through<'_>,
    ) -> Outcome<Self> {
        let (name, input) = (name.to_owned(), format!("{name}.in"));
        by_append_time(&bench.brokers, &input)?;
        let reading = format!("{{ fetch.wait.max.ms: {fetch}, fetch.min.bytes: 1000000 }}");
        let librdkafka = [&*reading, "{}"];
        let wish = Wish {
            name: &name,
            epoch: &format!("{epoch}ms"),
            topic: Some(&input),
            bounded: false,
            librdkafka,
            hook: if let Through::Alerts(url) = through { Some(url) } else { None },
        };
        let topology = bench.topology(&wish)?;
        let reader = Reader::start(&bench.brokers, &format!("{name}.products"), "probe-")?;
        let mut command = if matches!(through, Through::Floor) {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([FLOOR, &bench.brokers, &name, &input, &epoch.to_string(), &fetch.to_string()]);
            bench.logged(command, &name)
        } else {
            bench.run(&topology, &name)
        };
        let child = command.spawn()?;
        let lines = Lines::of(&events(EVENTS)?)?;
        let (every, probe): (_, Probe) = match through {
            Through::Run | Through::Floor => (EVERY, probe),
            Through::Alerts(_) => (EVERY_SEVERE, severe_probe),
        };
        let mut live = Self { bench, name, input, child, reader, lines, sent: 0, probes: 0, every, probe };
        let producer = producer(&bench.brokers)?;
        let Self { child, name, reader, input, .. } = &mut live;
        let again = || probe(&producer, input, "probe-first");
        bench.wait_for(child, name, reader, again, "probe-first")?;
        Ok(live)
    }

    /// Sends events at a rate, and probes among them; when the last one was due.
    fn send(&mut self, rate: u32, length: Duration) -> Outcome<Instant> {
        let producer = producer(&self.bench.brokers)?;
        let (started, mut given, mut probes) = (Instant::now(), 0_u64, 0);
        while started.elapsed() < length {
            let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            while given < due {
                let line = self.lines.next_line()?;
                send(&producer, &self.input, key_of(line), line)?;
                given += 1;
            }
            if started.elapsed() >= self.every * probes {
                probes += 1;
                (self.probe)(&producer, &self.input, &format!("probe-{}", self.probes))?;
                self.probes += 1;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.sent += given;
        flush(&producer)?;
        // a producer that cannot keep up is late, too
        Ok(started + Duration::from_secs_f64(given as f64 / f64::from(rate)))
    }

    /// When the last probe is scored.
    fn wait_for_last(&mut self) -> Outcome<Instant> {
        let last = format!("probe-{}", self.probes - 1);
        self.bench.wait_for(&mut self.child, &self.name, &self.reader, || Ok(()), &last)
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Outcome<()> {
        end(&mut self.child, "TERM")
    }

    /// Sends at a rate, until the last is scored: which probes count, and when each was appended.
    pub(crate) fn go(&mut self, rate: u32) -> Outcome<(Range<u32>, BTreeMap<String, f64>)> {
        self.send(rate, WARM)?;
        let first = self.probes;
        self.send(rate, LENGTH)?;
        self.wait_for_last()?;
        Ok((first..self.probes, append_times(&self.bench.brokers, &self.input, "probe-")?))
    }

    /// The latencies at a rate, in ms.
    fn found(&mut self, rate: u32) -> Outcome<Vec<f64>> {
        let (probes, appended) = self.go(rate)?;
        let found = probes.filter_map(|n| {
            let key = format!("probe-{n}");
            let seen = self.reader.seen(&key)?;
            Some(seen.1 - *appended.get(&key)?)
        });
        Ok(found.collect())
    }
}
