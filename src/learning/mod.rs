//! Features, the online model and its quality. Nothing here knows the dataflow: plain text and bytes go in, and
//! everything can be tested alone.
//!
//! # Layout
//! * [`Featuriser`], [`Features`], [`FeatureSettings`]: from a normalised review to hashed features.
//! * [`Languages`]: the language of a text.
//! * [`Model`], [`Learner`], [`LearnerSettings`]: scoring and learning.
//! * [`outliers`]: products whose negative share is far above their own past.
//! * [`severity`]: words that make a review a matter for a person at once.
//! * [`quality`], [`classes`]: the figures of a stream of predictions.
//! * [`store`]: a model as a file. [`snapshot`]: a learner as a checkpoint keeps it.

mod character_ngrams;
pub mod classes;
mod counts;
mod encoding;
mod english_or_german;
mod features;
mod hash;
mod language;
mod learner;
mod model;
mod negation;
pub mod outliers;
mod prefetch;
pub mod quality;
mod settings;
pub mod severity;
pub mod snapshot;
mod sorting;
pub mod store;
mod tally;
mod tokens;
mod words;

pub use encoding::{Features, FeaturesIter, InvalidSlotBits, SlotBits};
pub use features::{FeatureSettings, Featuriser};
pub use language::{Languages, UNDETERMINED, UnknownLanguage};
pub use learner::Learner;
pub use model::Model;
pub use settings::LearnerSettings;
pub use tokens::Tokens;
