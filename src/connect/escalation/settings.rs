//! What can be set of a target beside the settings of its receiver: when it may be called, how often, and how long it is tried.
//!
//! All of it is wall time, and changes no output of the dataflow.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quiet::QuietHours;
use crate::{connect::registry::Fault, engine::duration::Millis};

/// What every target has.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TargetSettings {
    /// When nobody is called but for what is critical: the rest waits until they are over.
    pub quiet_hours: Option<QuietHours>,
    /// How many deliveries may go out, attempts included: so many at once, and then so many in a time.
    pub rate_limit: Option<RateLimit>,
    /// How long a notification waits for others that go out with it. Without it, each goes by itself.
    pub group_wait: Millis,
    /// How often a delivery is tried again before it is given up.
    pub retries: u32,
    /// How long after the first attempt no other one is made. Without it, `retries` alone decides.
    pub give_up_after: Option<Millis>,
    /// How long is waited before it is tried again: between `min` and a bound that doubles each time up to `max`, by chance. What a receiver asks for (`Retry-After`) is kept to, up to an hour.
    pub backoff: Backoff,
    /// Whether it is told that a case is over, too.
    pub send_resolved: bool,
}

impl Default for TargetSettings {
    fn default() -> Self {
        Self {
            quiet_hours: None,
            rate_limit: None,
            group_wait: Millis(0),
            retries: 10,
            give_up_after: None,
            backoff: Backoff::default(),
            send_resolved: true,
        }
    }
}

/// Deliveries in a time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many deliveries.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u64,
    /// In which time.
    pub per: Millis,
}

/// How long is waited before another attempt.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// At least so long.
    pub min: Millis,
    /// At most so long.
    pub max: Millis,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { min: Millis(1_000), max: Millis(300_000) }
    }
}

impl TargetSettings {
    /// The keys of these settings: the others are those of the receiver.
    pub const KEYS: &'static [&'static str] =
        &["quiet_hours", "rate_limit", "group_wait", "retries", "give_up_after", "backoff", "send_resolved"];

    /// What the schema cannot say.
    #[must_use]
    pub fn faults(settings: &Value) -> Vec<Fault> {
        // the schema has said what is wrong
        let Ok(settings) = Self::deserialize(settings) else { return Vec::new() };
        let mut faults = Vec::new();
        if let Some(quiet) = &settings.quiet_hours {
            faults.extend(
                quiet.fault().map(|(at, what, hint)| (format!("/quiet_hours{at}"), what, hint.to_owned())),
            );
        }
        if settings.rate_limit.is_some_and(|limit| limit.per.0 == 0) {
            let hint = "give it a length, such as 1m".to_owned();
            faults.push(("/rate_limit/per".to_owned(), "`per` is zero".to_owned(), hint));
        }
        let Backoff { min, max } = settings.backoff;
        if min.0 == 0 || max < min {
            let message = format!("`min` is {min} and `max` is {max}");
            let hint = "`min` is more than nothing, and `max` no less than `min`".to_owned();
            faults.push(("/backoff".to_owned(), message, hint));
        }
        faults
    }
}
