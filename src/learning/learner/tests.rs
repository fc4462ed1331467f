//! What readers see of a learner, and that it learns.

use super::*;
use crate::learning::{
    counts::Counts,
    encoding::{SlotBits, encode},
};
use proptest::prelude::*;

const SLOTS: u32 = 1 << 8;

fn model(settings: &LearnerSettings) -> Model {
    Model::new(SlotBits::try_from(8).unwrap(), settings)
}

fn encoded(slots: &[u32]) -> Vec<u8> {
    let (mut sorted, mut bytes) = (slots.to_vec(), Vec::new());
    sorted.sort_unstable();
    encode(&sorted, &mut bytes);
    bytes
}

fn example() -> impl Strategy<Value = (Vec<u8>, bool)> {
    (proptest::collection::vec(0..SLOTS, 0..12).prop_map(|slots| encoded(&slots)), any::<bool>())
}

fn given((bytes, positive): &(Vec<u8>, bool)) -> Option<(Features<'_>, bool)> {
    Some((Features(bytes), *positive))
}

#[test]
fn readers_see_bias_and_classes_only_when_published() {
    let settings = LearnerSettings::default();
    let (model, mut learner) = (model(&settings), Learner::new(&settings));
    let good = (encoded(&[1, 2, 3]), true);
    assert_eq!(learner.step(&model, None, given(&good)), Some(0.5));
    assert!(learner.sums().is_none());
    let progressive = learner.step(&model, None, given(&good)).unwrap();
    assert_eq!(learner.publish(&model), 1);
    assert!(0.5 < progressive && progressive < model.score(Features(&good.0)));
    assert_eq!((model.version(), model.labels()), (1, 2));
}

#[test]
fn an_example_that_only_goes_is_not_predicted() {
    let settings = LearnerSettings::default();
    let (model, mut learner) = (model(&settings), Learner::new(&settings));
    let example = (encoded(&[4, 4, 9]), false);
    learner.step(&model, None, given(&example));
    assert_eq!(learner.step(&model, given(&example), None), None);
    learner.publish(&model);
    assert_eq!(learner.totals, [0, 0]);
    assert_eq!(model.labels(), 1, "labels learned, not labels live");
}

#[test]
fn it_learns_what_parts_the_classes() {
    let settings = LearnerSettings::default();
    let (model, mut learner) = (model(&settings), Learner::new(&settings));
    let (good, bad) = ((encoded(&[1, 5]), true), (encoded(&[2, 5]), false));
    for _ in 0..50 {
        learner.step(&model, None, given(&good));
        learner.step(&model, None, given(&bad));
    }
    learner.publish(&model);
    assert!(model.score(Features(&good.0)) > 0.95);
    assert!(model.score(Features(&bad.0)) < 0.05);
}

proptest! {
    /// Steps come from a list of reviews whose example changes, goes or comes again and again.
    #[test]
    fn counts_are_those_of_the_examples_that_are_left(
        steps in proptest::collection::vec((0_usize..6, proptest::option::of(example())), 0..60),
    ) {
        let settings = LearnerSettings::default();
        let (model, mut learner) = (model(&settings), Learner::new(&settings));
        let mut live = vec![None; 6];
        for (review, new) in steps {
            let old: Option<(Vec<u8>, bool)> = std::mem::replace(&mut live[review], new);
            learner.step(&model, old.as_ref().and_then(given), live[review].as_ref().and_then(given));
        }
        learner.publish(&model);
        let (fresh_model, mut fresh) = (super::tests::model(&settings), Learner::new(&settings));
        for example in live.iter().flatten() {
            fresh.step(&fresh_model, None, given(example));
        }
        fresh.publish(&fresh_model);
        let counts = |learner: &Learner, model: &Model| -> Vec<Counts> {
            learner.slots(model).map(|slot| slot.counts).collect()
        };
        prop_assert_eq!(counts(&learner, &model), counts(&fresh, &fresh_model));
        prop_assert_eq!(learner.totals, fresh.totals);
        let ratios = |model: &Model| -> Vec<u32> {
            model.slots.iter().map(|slot| unpack(slot.read.load(Relaxed)).1).collect()
        };
        prop_assert_eq!(ratios(&model), ratios(&fresh_model));
    }

    #[test]
    fn the_same_steps_give_the_same_bits(examples in proptest::collection::vec(example(), 0..40)) {
        let settings = LearnerSettings::default();
        let run = || {
            let (model, mut learner) = (model(&settings), Learner::new(&settings));
            let predicted: Vec<u64> = examples
                .iter()
                .map(|example| learner.step(&model, None, given(example)).unwrap().to_bits())
                .collect();
            let words = |slot: &super::super::model::Slot| (slot.read.load(Relaxed), slot.learn.load(Relaxed));
            (predicted, model.slots.iter().map(words).collect::<Vec<_>>())
        };
        prop_assert_eq!(run(), run());
    }
}
