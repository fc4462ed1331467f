//! The families that every run has, whatever its topology: of models, checkpoints and the cluster. Each is read from the
//! meter that counts it when it is scraped.

use std::sync::Arc;

use super::{CheckpointMeter, ClusterMeter, Labels, Metrics, SampleKind, checkpoints::Gauge, models::Figure};

impl Metrics {
    pub(super) fn sample_models(&self) {
        let models = || Arc::clone(&self.models);
        let figures: [(_, _, Figure); 4] = [
            ("model_prequential_accuracy", "Accuracy of published predictions, fading", |s| s.accuracy),
            ("model_prequential_log_loss", "Log loss of published predictions, fading", |s| s.log_loss),
            ("model_prequential_brier", "Brier score of published predictions, fading", |s| s.brier),
            ("model_prequential_ece", "Calibration error of published predictions, fading", |s| s.ece),
        ];
        for (name, help, figure) in figures {
            let models = models();
            self.sample(name, help, SampleKind::Gauge, move || models.prequential(figure));
        }
        let shown = models();
        self.sample(
            "model_labels",
            "Labels that the newest version has learned",
            SampleKind::Counter,
            move || shown.labels(),
        );
        let shown = models();
        self.sample("model_version", "The newest published version", SampleKind::Info, move || {
            shown.versions()
        });
        let shown = models();
        self.sample("predictions", "Predictions by class, feedback aside", SampleKind::Counter, move || {
            shown.predictions()
        });
        let shown = models();
        self.sample_histograms(
            "prediction_confidence",
            "Probability of the likelier side of a prediction",
            move || shown.confidence(),
        );
    }

    pub(super) fn sample_checkpoints(&self) {
        let gauges: [(_, _, Gauge); 3] = [
            ("checkpoint_size_bytes", "Bytes written for the newest checkpoint", CheckpointMeter::bytes),
            ("checkpoint_last_epoch", "The epoch of the newest checkpoint, in ms", CheckpointMeter::epoch),
            (
                "checkpoint_last_success_timestamp_seconds",
                "When it was stored, since 1970",
                CheckpointMeter::at,
            ),
        ];
        for (name, help, read) in gauges {
            let shown = Arc::clone(&self.checkpoints);
            self.sample(name, help, SampleKind::Gauge, move || vec![(Labels::new(), read(&shown))]);
        }
        let shown = Arc::clone(&self.checkpoints);
        self.sample("checkpoints", "Checkpoints by result", SampleKind::Counter, move || {
            let results = shown.results().into_iter();
            results.map(|(result, n)| (vec![("result".to_owned(), result.to_owned())], n as f64)).collect()
        });
        let shown = Arc::clone(&self.checkpoints);
        self.sample(
            "checkpoint_retries",
            "Times that the store of checkpoints was tried again because it did not answer",
            SampleKind::Counter,
            move || vec![(Labels::new(), shown.retries() as f64)],
        );
        let shown = Arc::clone(&self.checkpoints);
        self.sample_histograms(
            "checkpoint_duration_seconds",
            "From the last part of a checkpoint to its record in the log",
            move || vec![(Labels::new(), shown.duration())],
        );
    }

    pub(super) fn sample_cases(&self) {
        let cases = || Arc::clone(&self.cases);
        let shown = cases();
        self.sample("open_cases", "Cases that are open, by kind and state", SampleKind::Gauge, move || {
            shown.open()
        });
        let shown = cases();
        self.sample_histograms(
            "case_acknowledgement_seconds",
            "From the epoch at which a case fired to that at which somebody took it on",
            move || shown.acknowledged_after(),
        );
        let deliveries = || Arc::clone(&self.deliveries);
        let shown = deliveries();
        self.sample("deliveries", "Notifications by target and result", SampleKind::Counter, move || {
            shown.results()
        });
        let shown = deliveries();
        self.sample(
            "deliveries_pending",
            "Notifications that wait or are under way, by target",
            SampleKind::Gauge,
            move || shown.pending_now(),
        );
        let shown = deliveries();
        self.sample_histograms(
            "delivery_duration_seconds",
            "From when a notification was due to its arrival",
            move || shown.took(),
        );
    }

    pub(super) fn sample_cluster(&self) {
        let status = Arc::clone(&self.status);
        self.sample(
            "status",
            "What the run is about: 1 for that, 0 for the rest",
            SampleKind::Gauge,
            move || {
                let states = status.states().into_iter();
                states.map(|(word, on)| (vec![("status".to_owned(), word.to_owned())], on)).collect()
            },
        );
        type Family = (&'static str, &'static str, SampleKind, fn(&ClusterMeter) -> Vec<(Labels, f64)>);
        let families: [Family; 6] = [
            (
                "source_lag_records",
                "Records of a partition that are not read",
                SampleKind::Gauge,
                ClusterMeter::lag_records,
            ),
            (
                "source_lag_seconds",
                "How long ago the newest record that was read was written, where there is a lag",
                SampleKind::Gauge,
                ClusterMeter::lag_seconds,
            ),
            (
                "source_oldest_needed_offset",
                "The first offset that the older of the kept checkpoints does not cover",
                SampleKind::Gauge,
                ClusterMeter::needed_offsets,
            ),
            (
                "source_received_bytes",
                "Bytes that a source has received from its brokers",
                SampleKind::Counter,
                ClusterMeter::received_bytes,
            ),
            (
                "transactions_unclear",
                "Transactions whose outcome had to be looked up",
                SampleKind::Counter,
                ClusterMeter::unclear_transactions,
            ),
            (
                "producers_recreated",
                "Producers that were made after the first of a writer",
                SampleKind::Counter,
                ClusterMeter::recreated_producers,
            ),
        ];
        for (name, help, kind, read) in families {
            let shown = Arc::clone(&self.cluster);
            self.sample(name, help, kind, move || read(&shown));
        }
        let shown = Arc::clone(&self.cluster);
        self.sample_histograms(
            "transaction_duration_seconds",
            "From the first record of a transaction to its commit",
            move || shown.transactions(),
        );
    }
}
