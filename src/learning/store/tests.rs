//! A model that is stored and read again; files that are not one, or were altered.

use super::*;
use crate::learning::{Features, Featuriser};
use safetensors::tensor::TensorView;

fn settings() -> FeatureSettings {
    FeatureSettings { bits: 10.try_into().unwrap(), character_ngrams: false }
}

fn teach(model: &Model, learner: &mut Learner, rounds: usize) {
    let mut featuriser = Featuriser::new(&settings());
    for round in 0..rounds {
        for (text, positive) in [("very good", true), ("not good at all", false), ("i like it", true)] {
            let mut bytes = Vec::new();
            featuriser.read("", &format!("{text} {}", round % 7));
            featuriser.features("en", &mut bytes);
            learner.step(model, None, Some((Features(&bytes), positive)));
        }
        learner.publish(model);
    }
}

fn taught() -> (Model, Learner) {
    let by = LearnerSettings::default();
    let (model, mut learner) = (Model::new(settings().bits, &by), Learner::new(&by));
    teach(&model, &mut learner, 20);
    (model, learner)
}

fn bytes((model, learner): &(Model, Learner)) -> Vec<u8> {
    save(&settings(), model, learner).unwrap()
}

#[test]
fn a_model_that_was_stored_goes_on_as_if_nothing_had_been() {
    let mut original = taught();
    let stored = bytes(&original);
    assert_eq!(name(&stored), name(&bytes(&taught())), "equal models have equal names");
    let (description, model, learner) = load(&stored).unwrap();
    assert_eq!((description.version, description.labels, description.features), (20, 60, settings()));
    let mut copy = (model, learner);
    assert_eq!(bytes(&copy), stored);
    teach(&original.0, &mut original.1, 5);
    teach(&copy.0, &mut copy.1, 5);
    assert_eq!(bytes(&copy), bytes(&original));
    assert_ne!(bytes(&copy), stored);
}

#[test]
fn what_is_not_published_is_not_saved() {
    let (model, mut learner) = taught();
    learner.step(&model, None, Some((Features(&[1, 0]), true)));
    assert!(matches!(save(&settings(), &model, &learner), Err(SaveError::Unpublished)));
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(load(b"no model"), Err(LoadError::Format(_))));
    let stored = bytes(&taught());
    assert!(matches!(load(&stored[..stored.len() - 1]), Err(LoadError::Format(_))));
    let tensor = TensorView::new(Dtype::U8, vec![1], &[1]).unwrap();
    let foreign = safetensors::serialize([("weight", tensor)], None).unwrap();
    assert!(matches!(load(&foreign), Err(LoadError::Foreign)));
}

/// The stored bytes with one piece of the header replaced by another of the same length.
fn altered(from: &str, to: &str) -> Vec<u8> {
    let mut stored = bytes(&taught());
    let at = stored.windows(from.len()).position(|piece| piece == from.as_bytes()).unwrap();
    stored[at..at + from.len()].copy_from_slice(to.as_bytes());
    stored
}

#[test]
fn settings_and_numbers_are_checked() {
    assert!(matches!(load(&altered("format\\\":1", "format\\\":2")), Err(LoadError::UnknownFormat(2))));
    assert!(matches!(load(&altered("bits\\\":10", "bits\\\":11")), Err(LoadError::Shape(_))));
    assert!(matches!(load(&altered("labels", "lebals")), Err(LoadError::Metadata(_))));
    let stored = bytes(&taught());
    for (tensor, at) in [(BIAS, 7), (TOTALS, 0), (WEIGHT, 3), (SQUARES, 3)] {
        let mut broken = stored.clone();
        let data =
            SafeTensors::deserialize(&stored).unwrap().tensor(tensor).unwrap().data().as_ptr() as usize;
        let start = data - stored.as_ptr() as usize;
        broken[(start + at).saturating_sub(at.min(1))..=start + at].fill(0xFF);
        let found = load(&broken).map(|_| ());
        assert!(matches!(found, Err(LoadError::Number(..))), "{tensor}: {found:?}");
    }
}
