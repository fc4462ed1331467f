//! How soon somebody is told: from the append of a severe review, as the broker says when, to the arrival of the webhook.
//!
//! It goes through both transactions of an epoch, as a score does, then through the topic of cases, out of which the escalation
//! reads what is committed, and it is one POST. Every 100 ms a severe review of a product of its own is sent, among events at a rate
//! (`DIRIGENT_RATE`, default 10,000 a second) none of which is young enough to open a case. That the reviews are negative is
//! learned from the stars of those that were sent to warm up. Who is told answers at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    Bench,
    hook::Hook,
    latency::{EPOCHS, Live, Through, row},
    yardstick::Outcome,
};

const RATE: u32 = 10_000;
/// How long the last one is waited for.
const HANG: Duration = Duration::from_secs(30);

impl Bench {
    pub(crate) fn alerts(&self) -> Outcome<()> {
        let rate = std::env::var("DIRIGENT_RATE").map_or(Ok(RATE), |rate| rate.parse())?;
        println!("\n| epoch, {rate} events/s | told of | p50 | p90 | p99 | longest |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for (epoch, fetch) in EPOCHS {
            let hook = Hook::start()?;
            let name = format!("alerts-{epoch}ms");
            let mut live = Live::start(self, &name, (epoch, fetch), Through::Alerts(&hook.url))?;
            let sent = live.go(rate);
            let found = sent.map(|(probes, appended)| {
                let told = |n| {
                    let key = format!("probe-{n}");
                    Some(hook.told(&key)? - *appended.get(&key)?)
                };
                let started = Instant::now();
                while started.elapsed() < HANG && probes.clone().any(|n| told(n).is_none()) {
                    thread::sleep(Duration::from_millis(10));
                }
                (probes.len(), probes.filter_map(told).collect::<Vec<f64>>())
            });
            live.end()?;
            let (sent, mut found) = found?;
            row(&format!("{epoch} ms"), &mut found);
            if found.len() < sent {
                println!(
                    "of {} severe reviews nobody was told within {} s",
                    sent - found.len(),
                    HANG.as_secs()
                );
            }
        }
        Ok(())
    }
}
