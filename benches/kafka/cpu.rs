//! CPU time of our process: the events from a prefilled topic to topics with transactions, and from a file to files, by turns; the
//! same steps and epochs of 100 ms. Beside it, how fast librdkafka alone reads the topic.

use std::fs;

use crate::{
    Bench, ROUNDS, Wish,
    clients::read_all,
    measure::{Measured, measure},
    yardstick::{Outcome, median},
};

impl Bench {
    pub(crate) fn cpu(&self) -> Outcome<()> {
        let (mut files, mut topics) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let name = format!("files-{round}");
            let wish = Wish {
                name: &name,
                epoch: "100ms",
                topic: None,
                bounded: true,
                librdkafka: ["{}"; 2],
                hook: None,
            };
            files.push(measure(&mut self.run(&self.topology(&wish)?, &name))?);
            fs::remove_dir_all(self.folder.join(&name))?;
            let name = format!("topics-{round}");
            let wish = Wish {
                name: &name,
                epoch: "100ms",
                topic: Some("events"),
                bounded: true,
                librdkafka: ["{}"; 2],
                hook: None,
            };
            let topology = self.topology(&wish)?;
            if round == 0 {
                self.produce("events", self.events)?;
            }
            topics.push(measure(&mut self.run(&topology, &name))?);
        }
        let (count, bytes, seconds) = read_all(&self.brokers, "events", self.events)?;
        let million = self.events as f64 / 1e6;
        println!(
            "\n| {} events, two workers, {ROUNDS} turns | CPU s a million | s a million | peak MB |",
            self.events
        );
        println!("| --- | --- | --- | --- |");
        for (what, all) in [("file to file", &files), ("Kafka to Kafka", &topics)] {
            let of = |figure: fn(&Measured) -> f64| median(all.iter().map(figure));
            println!(
                "| {what} | {:.2} | {:.2} | {:.0} |",
                of(|one| one.cpu_seconds) / million,
                of(|one| one.seconds) / million,
                of(|one| one.peak as f64) / 1e6
            );
        }
        let ratios = files.iter().zip(&topics).map(|(file, topic)| topic.cpu_seconds / file.cpu_seconds);
        println!("\nCPU, Kafka to files: {:.2} (median of the ratios)", median(ratios));
        println!(
            "librdkafka alone reads the topic at {:.0} records/s, {:.0} MB/s",
            count as f64 / seconds,
            bytes as f64 / seconds / 1e6
        );
        Ok(())
    }
}
