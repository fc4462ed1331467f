//! A learner as a checkpoint keeps it: the file of its model, as it is published, and a card in JSON with the sums behind
//! its figures of quality.
//!
//! The file holds all numbers of a model whose steps are published, so a snapshot is taken at the close of an epoch. It
//! is taken in two phases: [`capture`] copies the numbers while nobody learns, [`Captured::encode`] makes bytes of them
//! on any thread. A restored learner makes the same further steps with the same bits as the one that was captured.

use super::{
    FeatureSettings, Learner, LearnerSettings, Model,
    learner::LearnerState,
    quality::Quality,
    store::{self, Description, LoadError, SaveError},
};
use serde::{Deserialize, Serialize};

/// Version of the card's format.
const FORMAT: u32 = 1;

/// The numbers of a learner at the close of an epoch.
#[derive(Debug)]
pub struct Captured {
    description: Description,
    model: Vec<u8>,
    prequential: Quality,
    progressive: Quality,
}

/// A learner as bytes.
#[derive(Debug)]
pub struct Snapshot {
    /// The file of its model, in the format of [`store`].
    pub model: Vec<u8>,
    /// What lies beside it.
    pub card: Card,
}

/// What a model is, and how good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of the card's format.
    pub format: u32,
    /// The name of the model's file: the BLAKE3 hash of its bytes.
    pub model: String,
    /// The version of the model.
    pub version: u64,
    /// How many labels it has learned.
    pub labels: u64,
    /// What it makes of a text.
    pub features: FeatureSettings,
    /// How it learns.
    pub learner: LearnerSettings,
    /// The sums behind the figures of published predictions.
    pub prequential: Quality,
    /// The sums behind the figures of the learner's own predictions.
    pub progressive: Quality,
}

/// Why no snapshot was made.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// JSON has no such numbers.
    #[error("a sum behind the figures of quality is not finite")]
    NotFinite,
}

/// Why a learner cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file of the model.
    #[error(transparent)]
    Model(#[from] LoadError),
    /// No card.
    #[error("the card cannot be read: {0}")]
    Card(#[from] serde_json::Error),
    /// Written by another version of the program.
    #[error("the card has format {0}, this program reads format {FORMAT}")]
    UnknownFormat(u64),
    /// The card and the file are not of one model.
    #[error("the card is that of the model {card}, the file that of {file}")]
    AnotherModel {
        /// What the card says.
        card: String,
        /// The hash of the file.
        file: String,
    },
    /// What the card says of the model is not what its file says.
    #[error("the card and the file of the model {0} say different things")]
    Contradiction(String),
    /// It was learned with other settings than those it should go on with.
    #[error("the model was learned with {found}, but it should go on with {expected}")]
    Settings {
        /// Those it was learned with, in JSON.
        found: String,
        /// Those of the topology, in JSON.
        expected: String,
    },
}

/// Copies the numbers of a learner and its model, at the close of an epoch.
///
/// # Errors
/// If the learner has steps that are not published.
pub fn capture(
    features: &FeatureSettings,
    model: &Model,
    learner: &Learner,
    prequential: &Quality,
    progressive: &Quality,
) -> Result<Captured, SaveError> {
    Ok(Captured {
        description: Description::of(features, model, learner),
        model: store::save(features, model, learner)?,
        prequential: prequential.clone(),
        progressive: progressive.clone(),
    })
}

impl Captured {
    /// The bytes of what was captured.
    ///
    /// # Errors
    /// If a number is not finite, or safetensors refuses.
    pub fn encode(self) -> Result<Snapshot, SnapshotError> {
        if !self.prequential.is_finite() || !self.progressive.is_finite() {
            return Err(SnapshotError::NotFinite);
        }
        let model = self.model;
        let Description { features, learner, labels, version, .. } = self.description;
        let card = Card {
            format: FORMAT,
            model: store::name(&model),
            version,
            labels,
            features,
            learner,
            prequential: self.prequential,
            progressive: self.progressive,
        };
        Ok(Snapshot { model, card })
    }
}

impl Card {
    /// The card as JSON. Equal cards give equal bytes.
    ///
    /// # Errors
    /// If serde refuses.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The card from JSON.
    ///
    /// # Errors
    /// If it is no card, or one of another format.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RestoreError> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Head {
            format: u64,
        }
        let Head { format } = serde_json::from_slice(bytes)?;
        if format != u64::from(FORMAT) {
            return Err(RestoreError::UnknownFormat(format));
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// A learner that goes on where one was captured.
#[derive(Debug)]
pub struct Restored {
    /// The learner.
    pub learner: Learner,
    /// The figures of published predictions.
    pub prequential: Quality,
    /// The figures of the learner's own predictions.
    pub progressive: Quality,
}

/// Fills a model that nobody reads yet, with its number, and makes the learner that goes on with it.
///
/// # Errors
/// If file and card are not of one model, are damaged or of another version, or the settings are not those given.
pub fn restore(
    snapshot: Snapshot,
    features: &FeatureSettings,
    settings: &LearnerSettings,
    model: &Model,
) -> Result<Restored, RestoreError> {
    let (description, state) = read(&snapshot)?;
    let card = snapshot.card;
    if (&card.features, &card.learner) != (features, settings) || model.slots.len() != state.weights.len() {
        let json = |features: &FeatureSettings, learner: &LearnerSettings| {
            serde_json::json!({ "features": features, "learner": learner }).to_string()
        };
        let (found, expected) = (json(&card.features, &card.learner), json(features, settings));
        return Err(RestoreError::Settings { found, expected });
    }
    let learner = store::fill(&description, &state, model);
    Ok(Restored { learner, prequential: card.prequential, progressive: card.progressive })
}

/// Whether file and card can be read, and are of one model.
///
/// # Errors
/// What is wrong with them.
pub fn check(snapshot: &Snapshot) -> Result<(), RestoreError> {
    read(snapshot).map(drop)
}

fn read(Snapshot { model, card }: &Snapshot) -> Result<(Description, LearnerState), RestoreError> {
    let file = store::name(model);
    if card.model != file {
        return Err(RestoreError::AnotherModel { card: card.model.clone(), file });
    }
    let (description, state) = store::read(model)?;
    let said = (card.version, card.labels, &card.features, &card.learner);
    if said != (description.version, description.labels, &description.features, &description.learner) {
        return Err(RestoreError::Contradiction(file));
    }
    Ok((description, state))
}

#[cfg(test)]
mod tests;
