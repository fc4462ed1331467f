//! What steps store, for whoever looks at it from outside: the collections by id and version, and the files of models.

use super::{alerts::StoredCase, kept_learner, row::Review, stored_feedback::StoredFeedback};
use crate::{
    engine::checkpoint::{Stored, table::State},
    learning::{
        snapshot::{self, Card, Snapshot},
        store,
    },
};

/// All collections that this version reads.
pub const COLLECTIONS: &[State] =
    &[state_of::<Review>(), state_of::<StoredFeedback>(), state_of::<StoredCase>()];

const fn state_of<R: Stored>() -> State {
    State { id: R::ID, version: R::VERSION, columns: R::COLUMNS }
}

/// The collection with this id and version, if this version of the program reads it.
#[must_use]
pub fn collection(id: &str, version: u32) -> Option<State> {
    COLLECTIONS.iter().copied().find(|state| state.id == id && state.version == version)
}

/// A model in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StoredModel {
    /// Its version.
    pub version: u64,
    /// How many labels it has learned.
    pub labels: u64,
    /// BLAKE3 of its file.
    pub hash: String,
}

/// The names, within its step, of the files that a model is kept in: itself, its card, and what its step keeps.
pub const MODEL_FILES: [&str; 3] = [kept_learner::MODEL, kept_learner::CARD, kept_learner::STEP];

/// What a card says of its model.
///
/// # Errors
/// It cannot be read.
pub fn model(card: &[u8]) -> Result<StoredModel, String> {
    let card = Card::from_json(card).map_err(|error| error.to_string())?;
    Ok(StoredModel { version: card.version, labels: card.labels, hash: card.model })
}

/// Whether the three files of [`MODEL_FILES`] can be read and belong together.
///
/// # Errors
/// What is wrong with them.
pub fn check_learner([model, card, step]: [Vec<u8>; 3]) -> Result<(), String> {
    let card = Card::from_json(&card).map_err(|error| error.to_string())?;
    snapshot::check(&Snapshot { model, card }).map_err(|error| error.to_string())?;
    kept_learner::check_step(&step).map_err(|error| format!("{}: {error}", kept_learner::STEP))
}

/// Whether these are the bytes of a model of this name.
///
/// # Errors
/// What is wrong with them.
pub fn check_model(name: &str, bytes: &[u8]) -> Result<(), String> {
    let found = store::name(bytes);
    if found != name {
        return Err(format!("its hash is {found}, which should be its name"));
    }
    store::load(bytes).map(drop).map_err(|error| error.to_string())
}
