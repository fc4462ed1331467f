//! Work is spread over the workers, and `/metrics` says so, in text that a strict reader takes.

use std::{collections::BTreeMap, time::Duration};

use super::{
    http::{address, get},
    open_metrics::{Samples, parse},
    sandbox::Sandbox,
};

const WORKERS: usize = 4;

/// Everything a label may be called: none of them is an id of a record.
const LABELS: &[&str] = &[
    "class",
    "component_id",
    "component_kind",
    "component_type",
    "error_code",
    "error_type",
    "intentional",
    "lang",
    "le",
    "model",
    "outcome",
    "phase",
    "status",
    "reason",
    "result",
    "role",
    "source",
    "stage",
    "step",
    "version",
    "worker",
];

/// Records by step, one figure a worker.
fn by_step(samples: &Samples) -> BTreeMap<String, [f64; WORKERS]> {
    let mut steps: BTreeMap<String, [f64; WORKERS]> = BTreeMap::new();
    for (labels, n) in &samples["dirigent_records_total"] {
        steps.entry(labels["step"].clone()).or_default()[labels["worker"].parse::<usize>().unwrap()] += n;
    }
    steps
}

#[test]
fn no_worker_does_most_of_the_work() {
    let sandbox = Sandbox::generated(200_000);
    sandbox.write("t.yaml", sandbox.text("t.yaml").replace("epoch: 6h", "epoch: 1d"));
    let workers = WORKERS.to_string();
    let mut running = sandbox.start(&["run", "t.yaml", "--workers", &workers, "--listen", "127.0.0.1:0"]);
    let address = address(&mut running);
    assert_eq!(get(&address, "/livez").unwrap().0, 200);
    running.wait_for("running topology");
    let (mut ready, mut last) = (None, None);
    while running.alive() {
        if ready.is_none() {
            ready = get(&address, "/readyz").map(|answer| answer.0);
        }
        if let Some(answer) = get(&address, "/metrics") {
            last = Some(answer);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = running.end();
    assert_eq!((told.code, ready), (Some(0), Some(200)), "{told:?}");
    let (status, head, text) = last.unwrap();
    assert!(
        status == 200
            && head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );

    let samples = parse(&text);
    for (labels, _) in samples.values().flatten() {
        assert!(labels.keys().all(|name| LABELS.contains(&name.as_str())), "{labels:?}");
        let id = |value: &String| {
            ["r-0", "c-0", "product-0", "user-0", "fb-0"].iter().any(|prefix| value.starts_with(prefix))
        };
        assert!(!labels.values().any(id), "{labels:?}");
    }
    assert!(samples["process_resident_memory_bytes"][0].1 > 1e6);
    assert!(
        samples["dirigent_source_read_bytes_total"][0].1 > 1e7
            && samples["dirigent_sink_written_bytes_total"][0].1 > 1e7
    );
    let steps = by_step(&samples);
    let read: f64 = steps["clean"].iter().sum();
    assert!(read > 100_000.0, "the last look came too early: {read}");
    for step in ["sentiment.current", "corrected", "unique", "products", "sinks.scored", "sinks.products"] {
        let (all, most) = (steps[step].iter().sum::<f64>(), steps[step].iter().copied().fold(0.0, f64::max));
        assert!(all > read / 4.0 && most <= 0.4 * all, "{step}: {:?}", steps[step]);
    }
    let least = steps["clean"].iter().copied().fold(f64::MAX, f64::min);
    assert!(least >= 0.1 * read, "clean: {:?}", steps["clean"]);
}
