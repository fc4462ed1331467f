//! A learner in a checkpoint: the file of its model, a card with its figures, and the predictions that are judged.
//!
//! Numbers are copied while the epoch is closed; files are made of them elsewhere. What a learner would count or learn
//! of live reviews is not here: they come back by their own step, and it takes no notice of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    row::Place,
    wiring::{MODELS, Run},
};
use crate::{
    engine::{
        Epoch,
        checkpoint::parts::{FilesPart, MadeFile, Part},
        intake::IntakeError,
    },
    learning::{
        FeatureSettings, Learner, LearnerSettings, Model,
        quality::Quality,
        snapshot::{self, Card, Snapshot},
    },
};

pub(super) const MODEL: &str = "model.safetensors";
pub(super) const CARD: &str = "card.json";
pub(super) const STEP: &str = "step.json";

/// What a learner goes on with.
pub(super) struct KeptLearner {
    pub(super) learner: Learner,
    pub(super) prequential: Quality,
    pub(super) progressive: Quality,
    /// Live versions whose prediction has been judged, and which have no label now: a label that comes is not the first.
    pub(super) unlabelled: BTreeSet<Place>,
    /// The epoch of the last record that was given in time; 0 before the first.
    pub(super) published: Epoch,
}

/// What a step keeps beside its learner. Its JSON is the stored form.
#[derive(Debug, Serialize, Deserialize)]
struct StepState {
    unlabelled: Vec<Place>,
    published: Epoch,
}

impl KeptLearner {
    /// A learner that has seen nothing.
    pub(super) fn new(settings: &LearnerSettings) -> Self {
        Self {
            learner: Learner::new(settings),
            prequential: Quality::default(),
            progressive: Quality::default(),
            unlabelled: BTreeSet::new(),
            published: 0,
        }
    }
}

/// The part of a learner's step: its files are made of what is copied here.
pub(super) fn part(step: &str, features: &FeatureSettings, model: &Model, kept: &KeptLearner) -> Part {
    let captured = snapshot::capture(features, model, &kept.learner, &kept.prequential, &kept.progressive);
    let state =
        StepState { unlabelled: kept.unlabelled.iter().copied().collect(), published: kept.published };
    let make = move || {
        let snapshot =
            captured.map_err(|error| error.to_string())?.encode().map_err(|error| error.to_string())?;
        let card = snapshot.card.to_json().map_err(|error| error.to_string())?;
        let state = serde_json::to_vec(&state).map_err(|error| error.to_string())?;
        let file = |name: &str, bytes| MadeFile { name: name.to_owned(), bytes, lies_at: None };
        let published = Some(stored_at(&snapshot.card.model));
        let model = MadeFile { lies_at: published, ..file(MODEL, snapshot.model) };
        Ok(vec![model, file(CARD, card), file(STEP, state)])
    };
    Part::Files(FilesPart { step: step.to_owned(), make: Box::new(make) })
}

/// Where below the state a published model lies, by its name.
pub(super) fn stored_at(model: &str) -> String {
    format!("{MODELS}/{model}.safetensors")
}

/// Whether what a step keeps beside its learner can be read.
pub(super) fn check_step(bytes: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<StepState>(bytes).map(drop)
}

/// The learner that a run goes on with, and its numbers in the model; a new one where there is no checkpoint. A
/// checkpoint that cannot be read fails the run.
pub(super) fn restore(
    run: &Run,
    step: &str,
    features: &FeatureSettings,
    settings: &LearnerSettings,
    model: &Model,
) -> KeptLearner {
    match read(run, step, features, settings, model) {
        Ok(kept) => kept.unwrap_or_else(|| KeptLearner::new(settings)),
        Err(error) => {
            run.intake.fail(IntakeError::Restore(format!("the model of {step}: {error}")));
            KeptLearner::new(settings)
        }
    }
}

fn read(
    run: &Run,
    step: &str,
    features: &FeatureSettings,
    settings: &LearnerSettings,
    model: &Model,
) -> Result<Option<KeptLearner>, Box<dyn std::error::Error>> {
    let Some(restored) = &run.restored else { return Ok(None) };
    let file = |name: &str| {
        restored.whole(step, name)?.ok_or_else(|| format!("the checkpoint has no {name} of it").into())
    };
    let file = |name| -> Result<Vec<u8>, Box<dyn std::error::Error>> { file(name) };
    let snapshot = Snapshot { model: file(MODEL)?, card: Card::from_json(&file(CARD)?)? };
    let StepState { unlabelled, published } = serde_json::from_slice(&file(STEP)?)?;
    let snapshot::Restored { learner, prequential, progressive } =
        snapshot::restore(snapshot, features, settings, model)?;
    Ok(Some(KeptLearner {
        learner,
        prequential,
        progressive,
        unlabelled: unlabelled.into_iter().collect(),
        published,
    }))
}
