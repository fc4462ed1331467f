//! A model as a file in the open format safetensors: weights, squared gradients, counts and totals. The same model gives
//! the same bytes, and the BLAKE3 hash of the bytes is the model's name.
//!
//! Ratios are not stored: they follow from the counts. The metadata is one entry with JSON of sorted content, because
//! the format's library writes several entries in no fixed order.

use super::{
    FeatureSettings, Learner, LearnerSettings, Model,
    counts::Counts,
    learner::{LearnerState, SlotState},
};
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Version of the format. A file of each is kept in `tests/stored_formats/models`.
const FORMAT: u32 = 1;
const METADATA: &str = "dirigent";

const WEIGHT: &str = "weight";
const SQUARES: &str = "squared_gradient";
const POSITIVE: &str = "positive";
const NEGATIVE: &str = "negative";
const BIAS: &str = "bias";
const TOTALS: &str = "totals";

/// What a model is, besides its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Version of the file's format.
    pub format: u32,
    /// What it makes of a text.
    pub features: FeatureSettings,
    /// How it learns.
    pub learner: LearnerSettings,
    /// How many labels it has learned.
    pub labels: u64,
    /// Its number.
    pub version: u64,
}

/// Why a file is no model that can be used here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No safetensors file.
    #[error("not a safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// A safetensors file of something else.
    #[error("the file has no `{METADATA}` entry in its metadata: it was not written by Dirigent")]
    Foreign,
    /// An entry of the metadata is missing or has another type.
    #[error("the metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    /// Written by another version of the program.
    #[error("the file has format {0}, this program reads format {FORMAT}")]
    UnknownFormat(u32),
    /// A tensor has another type or length than the settings ask for.
    #[error("the tensor `{0}` has another type or length than the settings say")]
    Shape(&'static str),
    /// Numbers that no learner writes.
    #[error("the tensor `{0}` holds {1}")]
    Number(&'static str, &'static str),
}

/// Why a model was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The learner is within an epoch.
    #[error("what was learned since the last version is not published yet")]
    Unpublished,
    /// The library refused.
    #[error("cannot write safetensors: {0}")]
    Format(#[from] SafeTensorError),
}

/// A model as bytes, with all that its learner needs to go on.
///
/// # Errors
/// If the learner has steps that are not published.
pub fn save(features: &FeatureSettings, model: &Model, learner: &Learner) -> Result<Vec<u8>, SaveError> {
    let (bias, totals) = learner.sums().ok_or(SaveError::Unpublished)?;
    // one number of each slot, four bytes each
    let column = |of: fn(&SlotState) -> [u8; 4]| {
        move || {
            let mut bytes = vec![0; 4 * model.slots.len()];
            for (out, state) in bytes.as_chunks_mut().0.iter_mut().zip(learner.slots(model)) {
                *out = of(&state);
            }
            bytes
        }
    };
    let slots = [model.slots.len()];
    let columns = [
        (WEIGHT, Dtype::F32, column(|state| state.weight.to_le_bytes())),
        (SQUARES, Dtype::F32, column(|state| state.squares.to_le_bytes())),
        (POSITIVE, Dtype::U32, column(|state| state.counts.positive.to_le_bytes())),
        (NEGATIVE, Dtype::U32, column(|state| state.counts.negative.to_le_bytes())),
    ];
    let bias = || bias.map(f64::to_le_bytes).concat();
    let totals = || totals.map(u64::to_le_bytes).concat();
    let mut tensors = vec![
        (BIAS, Column { dtype: Dtype::F64, shape: [2], make: &bias }),
        (TOTALS, Column { dtype: Dtype::U64, shape: [2], make: &totals }),
    ];
    tensors.extend(columns.iter().map(|(name, dtype, make)| {
        let column: Column<'_> = Column { dtype: *dtype, shape: slots, make };
        (*name, column)
    }));
    let description =
        serde_json::to_string(&Description::of(features, model, learner)).map_err(SafeTensorError::from)?;
    let metadata = [(METADATA.to_owned(), description)].into_iter().collect();
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

/// A tensor that is made when it is written, so that there is one of them in memory beside the file.
struct Column<'a> {
    dtype: Dtype,
    shape: [usize; 1],
    make: &'a dyn Fn() -> Vec<u8>,
}

impl View for Column<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned((self.make)())
    }

    fn data_len(&self) -> usize {
        self.shape[0] * self.dtype.bitsize() / 8
    }
}

impl Description {
    /// What a model is now.
    pub(super) fn of(features: &FeatureSettings, model: &Model, learner: &Learner) -> Self {
        Self {
            format: FORMAT,
            features: features.clone(),
            learner: learner.settings().clone(),
            labels: model.labels(),
            version: model.version(),
        }
    }
}

/// The name of a model: the BLAKE3 hash of its bytes, in hexadecimal.
pub fn name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// A model from bytes, and the learner that can go on with it.
///
/// # Errors
/// Whatever makes the bytes no model of this program.
pub fn load(bytes: &[u8]) -> Result<(Description, Model, Learner), LoadError> {
    let (description, state) = read(bytes)?;
    let model = Model::new(description.features.bits, &description.learner);
    let learner = fill(&description, &state, &model);
    Ok((description, model, learner))
}

/// Gives a model all that was stored, its number too, and makes the learner that goes on with it.
pub(super) fn fill(description: &Description, state: &LearnerState, model: &Model) -> Learner {
    let learner = Learner::restore(&description.learner, state, model, description.labels);
    model.restore(description.version, description.labels);
    learner
}

/// What a model is, and its numbers, from its bytes.
pub(super) fn read(bytes: &[u8]) -> Result<(Description, LearnerState), LoadError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let entry =
        metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA)).ok_or(LoadError::Foreign)?;
    let format = serde_json::from_str::<serde_json::Value>(entry)?["format"].as_u64().unwrap_or_default();
    if format != u64::from(FORMAT) {
        return Err(LoadError::UnknownFormat(u32::try_from(format).unwrap_or(u32::MAX)));
    }
    let description: Description = serde_json::from_str(entry)?;
    let tensors = SafeTensors::deserialize(bytes)?;
    let slots = description.features.bits.slots();
    let words = |name, dtype| -> Result<Vec<[u8; 4]>, LoadError> {
        Ok(tensor(&tensors, name, dtype, slots)?.as_chunks().0.to_vec())
    };
    let weights: Vec<f32> = words(WEIGHT, Dtype::F32)?.into_iter().map(f32::from_le_bytes).collect();
    let squares: Vec<f32> = words(SQUARES, Dtype::F32)?.into_iter().map(f32::from_le_bytes).collect();
    let positive = words(POSITIVE, Dtype::U32)?.into_iter().map(u32::from_le_bytes);
    let negative = words(NEGATIVE, Dtype::U32)?.into_iter().map(u32::from_le_bytes);
    let counts: Vec<Counts> =
        positive.zip(negative).map(|(positive, negative)| Counts { positive, negative }).collect();
    let mut bias = [0.0; 2];
    for (number, bytes) in bias.iter_mut().zip(tensor(&tensors, BIAS, Dtype::F64, 2)?.as_chunks().0) {
        *number = f64::from_le_bytes(*bytes);
    }
    let mut totals = [0; 2];
    for (number, bytes) in totals.iter_mut().zip(tensor(&tensors, TOTALS, Dtype::U64, 2)?.as_chunks().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(LoadError::Number(WEIGHT, "a number that is not finite"));
    }
    if squares.iter().any(|sum| !sum.is_finite() || *sum < 0.0) {
        return Err(LoadError::Number(SQUARES, "a sum that is not finite or below zero"));
    }
    if !bias.iter().all(|number| number.is_finite()) || bias[1] < 0.0 {
        return Err(LoadError::Number(BIAS, "a number that is not finite or a sum below zero"));
    }
    let sums = [
        counts.iter().map(|c| u64::from(c.positive)).sum::<u64>(),
        counts.iter().map(|c| u64::from(c.negative)).sum(),
    ];
    if sums != totals {
        return Err(LoadError::Number(TOTALS, "other numbers than the sums of the counts"));
    }
    Ok((description, LearnerState { weights, squares, counts, bias, totals }))
}

fn tensor<'a>(
    tensors: &SafeTensors<'a>,
    name: &'static str,
    dtype: Dtype,
    len: usize,
) -> Result<&'a [u8], LoadError> {
    let view = tensors.tensor(name)?;
    if view.dtype() == dtype && view.shape() == [len] { Ok(view.data()) } else { Err(LoadError::Shape(name)) }
}

#[cfg(test)]
mod tests;
