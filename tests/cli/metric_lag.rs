//! What `/metrics` says of a run that waits for one of its sinks.

use std::{io::Read, time::Duration};

use super::{
    http::get,
    metrics::one,
    open_metrics::parse,
    sandbox::{Sandbox, review},
};

/// Nothing is committed while one sink waits, however far the others are.
#[test]
fn a_sink_that_waits_lags_behind_the_newest_epoch() {
    let (sandbox, first, apart) = (Sandbox::new(), 1_767_225_600, 6 * 3_600);
    let lines: Vec<String> = (0..40).map(|n| review(&format!("r{n}"), "p", first + n * apart)).collect();
    sandbox.write("reviews.jsonl", lines.join("\n"));
    let (mut running, address, mut pipe) = sandbox.held_by("scored");
    let samples = loop {
        let samples = parse(&get(&address, "/metrics").unwrap().2);
        let written = sandbox.path("out/products.jsonl");
        let lines = std::fs::read_to_string(written).unwrap_or_default().lines().count();
        if lines == 40 && one(&samples, "dirigent_frontier_lag_seconds", "products") == Some(0.0) {
            break samples;
        }
        assert!(running.alive());
        std::thread::sleep(Duration::from_millis(20));
    };
    let lag = one(&samples, "dirigent_frontier_lag_seconds", "scored");
    assert_eq!(lag, Some((39 * apart) as f64), "from the first epoch, which is not committed, to the last");
    assert_eq!(samples["dirigent_end_to_end_latency_seconds_count"][0].1, 0.0);
    assert_eq!(samples["dirigent_epochs_in_flight"][0].1, 40.0);
    pipe.read_to_end(&mut Vec::new()).unwrap();
    let told = running.end();
    assert_eq!((told.code, told.books()["reviews"]["applied"]), (Some(0), 40), "{told:?}");
}
