//! A start after a kill: with 100,000 live reviews the process is killed (SIGKILL) and started again, with a review that came
//! meanwhile. Told are the time until its score is committed, and the phases of the start.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::{
    Bench, ROUNDS, Wish,
    clients::{Reader, producer},
    input::probe,
    yardstick::{Outcome, end},
};

/// Live reviews before the kill.
const LIVE: u64 = 100_000;

impl Bench {
    pub(crate) fn restart(&self) -> Outcome<()> {
        let (name, input) = ("restart", "restart.in");
        let wish = Wish {
            name,
            epoch: "100ms",
            topic: Some(input),
            bounded: false,
            librdkafka: ["{ fetch.wait.max.ms: 5 }", "{}"],
            hook: None,
        };
        let topology = self.topology(&wish)?;
        let reader = Reader::start(&self.brokers, &format!("{name}.products"), "probe-")?;
        let producer = producer(&self.brokers)?;
        self.produce(input, LIVE * 11 / 10)?;
        probe(&producer, input, "probe-live")?;
        let mut child = self.run(&topology, name).spawn()?;
        self.wait_for(&mut child, name, &reader, || Ok(()), "probe-live")?;
        println!("\n| start after a kill, {LIVE} live reviews | to the first committed score |");
        println!("| --- | --- |");
        for round in 0..ROUNDS {
            // a checkpoint has been stored, and some epochs after it have not
            thread::sleep(Duration::from_secs(13));
            end(&mut child, "KILL")?;
            let product = format!("probe-after-{round}");
            probe(&producer, input, &product)?;
            let started = Instant::now();
            child = self.run(&topology, name).spawn()?;
            let seen = self.wait_for(&mut child, name, &reader, || Ok(()), &product)?;
            println!("| {} | {:.2} s |", round + 1, seen.duration_since(started).as_secs_f64());
            let log = fs::read_to_string(self.folder.join(format!("{name}.log")))?;
            for line in log.lines().filter(|line| line.contains("going on")) {
                println!("    {}", line.split_once("INFO").map_or(line, |(_, said)| said).trim());
            }
        }
        end(&mut child, "TERM")
    }
}
