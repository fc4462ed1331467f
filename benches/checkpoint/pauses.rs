//! Pauses: when epochs are said to be written, while a writer appends events at a rate.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    Bench,
    later::Later,
    yardstick::{Outcome, end},
};

/// How long it is looked at.
const LIVE: Duration = Duration::from_secs(65);

impl Bench {
    pub(crate) fn pauses(&self, rate: u64) -> Outcome<()> {
        println!(
            "\n| {rate} events/s, epochs of 100 ms | epochs | pause p50 | p90 | p99 | p99.9 | longest | written after its cut p50 | p99 |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        self.begin()?;
        for (turn, checkpoint) in ["1h", "10s"].into_iter().enumerate() {
            let topology = self.topology("wall", checkpoint)?;
            let mut child = self.start(&topology)?;
            let journal = self.place("state/progress/scored.log");
            let found = self.watch(&mut child, &journal, rate, 100 + turn as u64 * 20);
            end(&mut child, "TERM")?;
            let (mut pauses, mut lags) = found?;
            pauses.sort_by(f64::total_cmp);
            lags.sort_by(f64::total_cmp);
            let at = |sorted: &[f64], share: f64| {
                sorted
                    .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
                    .copied()
            };
            let ms =
                |sorted: &[f64], share| at(sorted, share).map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
            println!(
                "| checkpoints: {checkpoint} | {} | {} | {} | {} | {} | {} | {} | {} |",
                pauses.len(),
                ms(&pauses, 0.5),
                ms(&pauses, 0.9),
                ms(&pauses, 0.99),
                ms(&pauses, 0.999),
                ms(&pauses, 1.0),
                ms(&lags, 0.5),
                ms(&lags, 0.99),
            );
            let buckets = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, f64::INFINITY];
            let mut from = f64::NEG_INFINITY;
            for to in buckets {
                let count = pauses.iter().filter(|pause| (from..to).contains(*pause)).count();
                println!("    pauses below {to} ms: {count}");
                from = to;
            }
        }
        Ok(())
    }

    /// Waits until all there is has been written, then writes events at a rate and watches when epochs are said to be
    /// written: pauses and lags, in ms.
    fn watch(
        &self,
        child: &mut Child,
        journal: &Path,
        rate: u64,
        turn: u64,
    ) -> Outcome<(Vec<f64>, Vec<f64>)> {
        let mut tail = Tail::default();
        // an epoch is cut every second at least; with nothing to read they are empty and nothing grows
        let (mut size, mut quiet) = (0, Instant::now());
        while quiet.elapsed() < Duration::from_secs(5) || size == 0 {
            thread::sleep(Duration::from_millis(200));
            tail.epochs(journal)?;
            if self.sizes() != size {
                (size, quiet) = (self.sizes(), Instant::now());
            }
            if child.try_wait()?.is_some() {
                return Err(fs::read_to_string(self.place("log"))?.into());
            }
        }
        let mut later = Later::new(&self.all, self.events, turn, 4)?;
        let mut input = File::options().append(true).open(self.place("input.jsonl"))?;
        let (started, mut given, mut lines) = (Instant::now(), 0, Vec::new());
        let mut seen: Vec<(u64, f64)> = Vec::new();
        while started.elapsed() < LIVE {
            let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
            lines.clear();
            for _ in given..due {
                lines.extend_from_slice(later.line()?);
            }
            given = due;
            input.write_all(&lines)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
            seen.extend(tail.epochs(journal)?.into_iter().map(|epoch| (epoch, now)));
            thread::sleep(Duration::from_millis(2));
        }
        // the first seconds are those of a reader that has to be woken up
        let steady = seen.iter().filter(|(_, now)| *now > seen[0].1 + 3_000.0).collect::<Vec<_>>();
        let pause = |pair: &[&(u64, f64)]| (pair[1].1 - pair[0].1) - (pair[1].0 - pair[0].0) as f64;
        let pauses = steady.windows(2).map(pause).collect();
        Ok((pauses, steady.iter().map(|(epoch, now)| now - *epoch as f64).collect()))
    }
}

/// What a journal says, as it grows.
#[derive(Default)]
struct Tail {
    read: u64,
    rest: String,
}

impl Tail {
    /// The epochs that it said to be written since the last time.
    fn epochs(&mut self, journal: &Path) -> Outcome<Vec<u64>> {
        let Ok(mut file) = File::open(journal) else { return Ok(Vec::new()) };
        if file.metadata()?.len() < self.read {
            // a start writes it anew
            *self = Self::default();
        }
        file.seek(SeekFrom::Start(self.read))?;
        self.read += file.read_to_string(&mut self.rest)? as u64;
        let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        let epoch = |line: &str| {
            let (_, after) = line.split_once("\"kind\":\"progress\"")?.1.split_once("\"epoch\":")?;
            after.split([',', '}']).next()?.parse().ok()
        };
        Ok(lines.lines().filter_map(epoch).collect())
    }
}
