//! Metrics and logs; every room may use them.
//!
//! Names follow Prometheus (base units, `_total`), behind the prefix `dirigent_` but for those of the process; never an id
//! of a record as a label.

mod logs;
mod metrics;

pub use logs::{LogFormat, init_logs};
pub use metrics::{
    CLASSES, CaseMeter, CheckpointMeter, ClusterMeter, Counter, DeliveryMeter, Distribution, ErrorLabels,
    Histogram, Labels, Lag, Metrics, ModelMeter, Predictions, SampleKind, SliceFigures, Status, StatusMeter,
    StepMeter, Tally,
};
