//! What `/metrics` says of a run that has done all but its last write agrees with its books, its files and its model.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    time::Duration,
};

use serde_json::Value;

use super::{
    http::get,
    open_metrics::{Samples, parse},
    sandbox::{Sandbox, Told, review},
};

/// A run, as `/metrics` shows it when all is written but the model's record.
pub(super) struct Seen {
    sandbox: Sandbox,
    pub(super) text: String,
    pub(super) samples: Samples,
    told: Told,
}

/// Holds a run at its very end by a pipe that is full, looks, and lets it go.
pub(super) fn seen() -> Seen {
    let sandbox = Sandbox::generated(3_000);
    let topology = sandbox.text("t.yaml");
    let waits = "inputs: [sentiment, feedback], label_wait: 1d";
    sandbox.write("t.yaml", topology.replace("inputs: [sentiment, feedback]", waits));
    let wrong = r#"{"feedback_id":"f-1","review_id":"nobody","label":"negative"}
nonsense
{"feedback_id":"f-2","review_id":"nobody"}
"#;
    sandbox.write("feedback.jsonl", [wrong.as_bytes(), &sandbox.read("feedback.jsonl")].concat());
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let last = sandbox.values("out/models.jsonl")[0]["epoch"].as_u64().unwrap();
    // one record alone in the last epoch, which the sink of models cannot commit
    let alone = review("alone", "product-00001", last / 1_000 + 12 * 3_600);
    sandbox.write("reviews.jsonl", [sandbox.read("reviews.jsonl"), alone.into_bytes()].concat());
    let (mut running, address, mut pipe) = sandbox.held_by("models");
    let look = || get(&address, "/metrics").unwrap().2;
    // these depend on when they are read
    let settled = |text: &str| {
        let mut samples = parse(text);
        samples.retain(|name, _| !name.contains("process_") && !name.ends_with("_seconds"));
        samples
    };
    let text = loop {
        let before = look();
        std::thread::sleep(Duration::from_millis(300));
        let text = look();
        let done = |sink| one(&parse(&text), "dirigent_frontier_lag_seconds", sink) == Some(0.0);
        let received = one(&parse(&text), "dirigent_component_received_events_total", "models");
        let sinks = ["scored", "products", "dead-letters.jsonl"].into_iter().all(done);
        if sinks && received == Some(1.0) && settled(&before) == settled(&text) {
            break text;
        }
        assert!(running.alive());
    };
    let mut models = Vec::new();
    pipe.read_to_end(&mut models).unwrap();
    sandbox.write("out/models.jsonl", models.trim_ascii());
    let told = running.end();
    assert_eq!(told.code, Some(0), "{told:?}");
    Seen { sandbox, samples: parse(&text), text, told }
}

/// The value of a sink; a transform may have the same id.
pub(super) fn one(samples: &Samples, name: &str, id: &str) -> Option<f64> {
    let found = samples
        .get(name)?
        .iter()
        .find(|(labels, _)| labels["component_kind"] == "sink" && labels["component_id"] == id);
    found.map(|(_, value)| *value)
}

impl Seen {
    /// The sum of the values that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |of: &BTreeMap<String, String>| labels.iter().all(|(name, value)| of[*name] == *value);
        let values = self.samples[name].iter().filter(|(labels, _)| has(labels)).map(|(_, value)| value);
        values.sum::<f64>() as u64
    }

    fn flow(&self, direction: &str, kind: &str, id: &str) -> u64 {
        let name = format!("dirigent_component_{direction}_events_total");
        self.sum(&name, &[("component_kind", kind), ("component_id", id)])
    }

    /// The sum of the lines of the books whose name starts so.
    fn booked(&self, source: &str, name: &str) -> u64 {
        self.told.books()[source].iter().filter(|(line, _)| line.starts_with(name)).map(|(_, n)| n).sum()
    }

    fn components_agree_with_the_books(&self) {
        for (source, refuser) in [("reviews", "clean"), ("feedback", "corrected")] {
            let read = self.told.books()[source]["in"];
            assert!(read > 50, "{source}: {read}");
            for direction in ["received", "sent"] {
                assert_eq!(self.flow(direction, "source", source), read, "{source} {direction}");
            }
            let errors = "dirigent_component_errors_total";
            assert_eq!(self.sum(errors, &[("component_id", refuser)]), self.booked(source, "dead_letter"));
        }
        let books = self.told.books();
        let codes: Vec<_> = books["reviews"].iter().filter(|(line, _)| line.starts_with("dead_")).collect();
        assert!(codes.len() > 1, "{books:?}");
        for (line, n) in codes {
            let code = line.trim_start_matches("dead_letter{").trim_end_matches('}');
            let labels = [("component_id", "clean"), ("component_type", "clean"), ("error_code", code)];
            assert_eq!(self.sum("dirigent_component_errors_total", &labels), *n, "{code}");
        }
        let stages: BTreeSet<_> = self.samples["dirigent_component_errors_total"]
            .iter()
            .map(|(labels, _)| (labels["stage"].as_str(), labels["error_type"].as_str()))
            .collect();
        assert_eq!(stages, [("decode", "parser_failed"), ("validate", "condition_failed")].into());
        let (dropped, expired) = (self.booked("reviews", "dropped"), self.booked("feedback", "dropped"));
        let current = [("component_id", "sentiment.current"), ("component_type", "current")];
        let discarded = "dirigent_component_discarded_events_total";
        assert!(dropped > 0 && self.sum(discarded, &current) == dropped);
        assert!(expired > 0 && self.sum(discarded, &[("component_id", "corrected")]) == expired);
        assert_eq!(self.sum(discarded, &[("intentional", "true")]), dropped + expired);

        let read = self.flow("received", "transform", "clean");
        assert_eq!(read, self.told.books()["reviews"]["in"]);
        let cleaned = self.flow("sent", "transform", "clean");
        assert_eq!(cleaned, read - self.booked("reviews", "dead_letter"));
        for (before, after) in [
            ("clean", "sentiment"),
            ("sentiment", "sentiment.current"),
            ("corrected", "unique"),
            ("unique", "products"),
            ("unique", "learn"),
        ] {
            let (sent, received) =
                (self.flow("sent", "transform", before), self.flow("received", "transform", after));
            assert!(sent > 0 && sent == received, "{before} {sent} -> {after} {received}");
        }
        assert_eq!(
            self.flow("received", "transform", "corrected"),
            self.flow("sent", "transform", "sentiment.current") + self.told.books()["feedback"]["in"]
                - self.booked("feedback", "dead_letter")
        );
        for (sink, upstream) in [("scored", "unique"), ("products", "products"), ("models", "learn")] {
            assert_eq!(
                self.flow("received", "sink", sink),
                self.flow("sent", "transform", upstream),
                "{sink}"
            );
        }
        assert_eq!(
            self.flow("received", "sink", "dead-letters.jsonl"),
            self.booked("reviews", "dead") + self.booked("feedback", "dead")
        );
        let lines = |file: &str| self.sandbox.text(file).lines().count() as u64;
        for (sink, file) in [
            ("scored", "out/scored.jsonl"),
            ("products", "out/products.jsonl"),
            ("dead-letters.jsonl", "state/shop/dead-letters.jsonl"),
        ] {
            assert_eq!(self.flow("sent", "sink", sink), lines(file), "{sink}");
        }
        assert_eq!(self.flow("sent", "sink", "models"), 0, "its pipe is full");
        for step in ["clean", "sentiment", "unique"] {
            let by_worker = self.sum("dirigent_records_total", &[("step", step)]);
            assert_eq!(by_worker, self.flow("received", "transform", step), "{step}");
        }
        for (source, books) in &books {
            let ends =
                [("in", "in"), ("applied", "applied"), ("dropped", "dropped"), ("dead_letter", "dead")];
            for (outcome, line) in ends {
                let labels = [("source", source.as_str()), ("outcome", outcome)];
                assert_eq!(
                    self.sum("dirigent_books_total", &labels),
                    self.booked(source, line),
                    "{source} {outcome} {books:?}"
                );
            }
        }
    }

    fn times_are_those_of_the_epochs(&self) {
        let count = self.sum("dirigent_end_to_end_latency_seconds_count", &[]);
        let read: u64 = self.told.books().values().map(|books| books["in"]).sum();
        assert_eq!(count, read - 1, "all but the record of the last epoch is committed");
        let bounds: Vec<&str> = self.samples["dirigent_end_to_end_latency_seconds_bucket"]
            .iter()
            .map(|(labels, _)| labels["le"].as_str())
            .collect();
        assert_eq!((bounds[0], bounds[12], bounds[13]), ("0.005", "60.0", "+Inf"));
        let sum = self.samples["dirigent_end_to_end_latency_seconds_sum"][0].1;
        let up = self.samples["dirigent_uptime_seconds"][0].1;
        assert!(sum > 0.0 && sum < up * count as f64, "{sum} s in all after {up} s");
        for (labels, lag) in &self.samples["dirigent_frontier_lag_seconds"] {
            // the models wait at the last epoch itself
            assert!(*lag == 0.0 && labels["component_kind"] == "sink", "{labels:?}: {lag}");
        }
        assert_eq!(self.samples["dirigent_frontier_lag_seconds"].len(), 4);
        let idle: BTreeMap<&str, f64> = self.samples["dirigent_source_idle_seconds"]
            .iter()
            .map(|(labels, idle)| (labels["component_id"].as_str(), *idle))
            .collect();
        assert_eq!(idle.keys().copied().collect::<Vec<_>>(), ["feedback", "reviews"]);
        assert!(idle.values().all(|idle| *idle >= 0.3 && *idle <= up), "{idle:?}");
    }

    fn models_are_as_published(&self) {
        let models = self.sandbox.values("out/models.jsonl");
        let [record] = &models[..] else { panic!("{models:?}") };
        let labels = self.sum("dirigent_model_labels_total", &[("model", "sentiment")]);
        assert_eq!(Some(labels), record["labels"].as_u64());
        let (info, one) = &self.samples["dirigent_model_version_info"][0];
        assert_eq!(
            (info["model"].as_str(), info["role"].as_str(), info["version"].parse().ok(), *one),
            ("sentiment", "champion", record["version"].as_u64(), 1.0)
        );
        let fading = &record["prequential_fading"];
        let by_lang = fading["by_lang"].as_object().unwrap();
        let enough = |figures: &Value| figures["labels"].as_u64().unwrap() >= 100;
        let mut slices: Vec<(&str, &Value)> = vec![("", fading)];
        slices.extend(by_lang.iter().filter(|(_, f)| enough(f)).map(|(lang, f)| (lang.as_str(), f)));
        assert!(slices.len() > 2 && slices.len() < by_lang.len() + 1, "{by_lang:?}");
        for figure in ["accuracy", "log_loss", "brier", "ece"] {
            let shown: BTreeMap<&str, f64> = self.samples[&format!("dirigent_model_prequential_{figure}")]
                .iter()
                .map(|(labels, value)| (labels["lang"].as_str(), *value))
                .collect();
            let expected = slices.iter().map(|(lang, figures)| (*lang, figures[figure].as_f64().unwrap()));
            assert_eq!(shown, expected.collect(), "{figure}");
        }

        let refused: BTreeSet<String> = self
            .sandbox
            .values("state/shop/dead-letters.jsonl")
            .iter()
            .filter_map(|letter| letter["value"].as_str().map(str::to_owned))
            .collect();
        let input = self.sandbox.read("reviews.jsonl");
        let delete = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            value["op"] == "delete" && !refused.contains(&*line)
        };
        let deletes = input.split(|byte| *byte == b'\n').filter(|line| delete(line)).count() as u64;
        let scored = self.flow("received", "transform", "sentiment") - deletes;
        assert!(deletes > 0);
        assert_eq!(self.sum("dirigent_predictions_total", &[("model", "sentiment")]), scored);
        assert_eq!(self.sum("dirigent_prediction_confidence_count", &[]), scored);
        let neutral = self.sum("dirigent_predictions_total", &[("class", "neutral")]);
        let unsure = self.sum("dirigent_prediction_confidence_bucket", &[("le", "0.6")]);
        // 0.6 itself is no longer neutral
        assert!(neutral > 0 && neutral < scored && neutral <= unsure && unsure <= neutral + 3);
        let sum = self.samples["dirigent_prediction_confidence_sum"][0].1;
        assert!(sum >= 0.5 * scored as f64 && sum <= scored as f64, "{sum}");
    }

    fn the_process_is_this_one(&self) {
        let value = |name: &str| self.samples[name][0].1;
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_cpu_seconds_total") > 0.0 && value("process_cpu_seconds_total") < 600.0);
        assert!(value("process_open_fds") >= 6.0 && value("process_open_fds") < 200.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - value("process_start_time_seconds");
        assert!(age > -2.0 && age < 600.0, "started {age} s ago");
        assert_eq!(self.samples["dirigent_build_info"][0].0["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(
            self.sum("dirigent_source_read_bytes_total", &[]),
            (self.sandbox.read("reviews.jsonl").len() + self.sandbox.read("feedback.jsonl").len()) as u64
        );
        let files = ["out/scored.jsonl", "out/products.jsonl", "state/shop/dead-letters.jsonl"];
        let written: usize = files.iter().map(|file| self.sandbox.read(file).len()).sum();
        assert_eq!(self.sum("dirigent_sink_written_bytes_total", &[]), written as u64);
        assert_eq!(self.sum("dirigent_epochs_in_flight", &[]), 1);
        let alone = self.sandbox.read("reviews.jsonl").split(|b| *b == b'\n').next_back().unwrap().len();
        assert_eq!(self.sum("dirigent_bytes_in_flight", &[]), alone as u64);
        let last = self.sandbox.values("out/models.jsonl")[0]["epoch"].as_u64().unwrap();
        assert_eq!(self.sum("dirigent_epoch_logged", &[]), last);
    }
}

#[test]
fn metrics_agree_with_what_the_run_has_done() {
    let seen = seen();
    seen.components_agree_with_the_books();
    seen.times_are_those_of_the_epochs();
    seen.models_are_as_published();
    seen.the_process_is_this_one();
}
