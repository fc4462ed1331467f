//! Values that are read when they are scraped: what is kept elsewhere anyway cannot lag behind or disagree.
//!
//! A family is declared even while it has no values, so that every name can be found from the start.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::histogram::Distribution;

/// Labels of a sampled value.
pub type Labels = Vec<(String, String)>;

/// What a sampled value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// It only rises.
    Counter,
    /// It may fall.
    Gauge,
    /// Its labels are all it says; the value is 1.
    Info,
}

/// Reads the values of a family, each with its labels.
pub(super) enum Read {
    /// Numbers.
    Values(SampleKind, Box<dyn Fn() -> Vec<(Labels, f64)> + Send + Sync>),
    /// Histograms.
    Distributions(Box<dyn Fn() -> Vec<(Labels, Distribution)> + Send + Sync>),
}

/// A family that is read at the scrape.
pub(super) struct Sampled {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) read: Read,
}

impl fmt::Debug for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Sampled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metric_type = match self.read {
            Read::Values(SampleKind::Counter, _) => MetricType::Counter,
            Read::Values(SampleKind::Gauge, _) => MetricType::Gauge,
            Read::Values(SampleKind::Info, _) => MetricType::Info,
            Read::Distributions(_) => MetricType::Histogram,
        };
        let (values, distributions) = match &self.read {
            Read::Values(_, read) => (read(), Vec::new()),
            Read::Distributions(read) => (Vec::new(), read()),
        };
        if values.is_empty() && distributions.is_empty() {
            // a run without a cluster has no family of one
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(self.name, self.help, None, metric_type)?;
        match &self.read {
            Read::Values(kind, _) => {
                for (labels, value) in values {
                    match kind {
                        SampleKind::Counter => {
                            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
                        }
                        SampleKind::Gauge => ConstGauge::new(value).encode(family.encode_family(&labels)?)?,
                        SampleKind::Info => family.encode_info(&labels)?,
                    }
                }
            }
            Read::Distributions(_) => {
                for (labels, found) in distributions {
                    family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                        found.sum,
                        found.count,
                        &found.buckets,
                        None,
                    )?;
                }
            }
        }
        Ok(())
    }
}
