//! Products that turn bad: whether the negative share of a product is far above its own past, by the days of its reviews.
//!
//! Pure and without a clock: a [`Series`] of daily counts that takes reviews and their retractions in any order, the
//! [`Limits`] of a day, and the [`verdict`] on a series, which is recomputed from it each time.
//!
//! # Layout
//! * [`Series`], [`Counts`], [`day_of`]: the daily history, in a few bytes a day.
//! * [`OutlierSettings`], [`Limits`]: what can be set; false alarms over many products.
//! * [`verdict`], [`Verdict`]: the robust z with the exact tail, and what fired. `lasting`: weighted mean and cumulative sum.
//! * `past`: pieces of enough reviews, weekdays, spread. `tails`: probabilities and limits.

mod lasting;
mod past;
mod series;
mod settings;
mod tails;
mod verdict;

#[cfg(test)]
mod tests;

pub use series::{Counts, Series, day_of, start_of};
pub use settings::{Limits, OutlierSettings};
pub use verdict::{Method, Share, Standing, Verdict, fires, verdict};
