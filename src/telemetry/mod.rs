//! Metrics and logs; every room may use them.
//!
//! Names follow Prometheus (base units, `_total`), behind the prefix `dirigent_`; never an id of a record as a label.

mod logs;
mod metrics;

pub use logs::{LogFormat, init_logs};
pub use metrics::{Counter, Labels, Metrics, ModelFigures, SampleKind};
