//! A restored learner against one that never stopped, and what is refused.

use super::*;
use crate::learning::{Features, encoding::encode, quality::Origin};
use proptest::{collection::vec, option, prelude::*};

fn features() -> FeatureSettings {
    FeatureSettings { bits: 8.try_into().unwrap(), character_ngrams: false }
}

/// A learner with its model and its figures.
struct Run {
    model: Model,
    learner: Learner,
    prequential: Quality,
    progressive: Quality,
}

type Example = (Vec<u8>, bool);

/// What happens to one of some reviews: its example from now on; then whether the epoch closes.
type Step = (usize, Option<Example>, bool);

impl Run {
    fn new() -> Self {
        let settings = LearnerSettings::default();
        Self {
            model: Model::new(features().bits, &settings),
            learner: Learner::new(&settings),
            prequential: Quality::default(),
            progressive: Quality::default(),
        }
    }

    /// The bits of what was predicted.
    fn step(&mut self, live: &mut [Option<Example>], (review, new, publish): &Step) -> Option<[u64; 2]> {
        fn given(example: Option<&Example>) -> Option<(Features<'_>, bool)> {
            example.map(|(bytes, positive)| (Features(bytes), *positive))
        }
        let old = std::mem::replace(&mut live[*review], new.clone());
        let published = new.as_ref().map(|(bytes, _)| self.model.score(Features(bytes)));
        let own = self.learner.step(&self.model, given(old.as_ref()), given(new.as_ref()));
        let lang = ["en", "de", "und"][review % 3];
        let origin = if review % 2 == 0 { Origin::Stars } else { Origin::Feedback };
        let found = published.zip(own).zip(new.as_ref()).map(|((published, own), (_, positive))| {
            self.prequential.observe(published, *positive, lang, origin);
            self.progressive.observe(own, *positive, lang, origin);
            [published.to_bits(), own.to_bits()]
        });
        if *publish {
            self.learner.publish(&self.model);
        }
        found
    }

    fn snapshot(&self) -> Snapshot {
        let Self { model, learner, prequential, progressive } = self;
        capture(&features(), model, learner, prequential, progressive).unwrap().encode().unwrap()
    }

    /// The same through bytes, into a model that is new.
    fn restored(&self) -> Self {
        let Snapshot { model: bytes, card } = self.snapshot();
        let card = Card::from_json(&card.to_json().unwrap()).unwrap();
        let Self { model, .. } = Self::new();
        let snapshot = Snapshot { model: bytes, card };
        let restored = restore(snapshot, &features(), &LearnerSettings::default(), &model).unwrap();
        let Restored { learner, prequential, progressive } = restored;
        Self { model, learner, prequential, progressive }
    }

    /// All that can be seen of it.
    fn bytes(&mut self) -> (Vec<u8>, Vec<u8>, u64, u64) {
        self.learner.publish(&self.model);
        let Snapshot { model, card } = self.snapshot();
        assert_eq!(store::save(&features(), &self.model, &self.learner).unwrap(), model);
        (model, card.to_json().unwrap(), self.model.version(), self.model.labels())
    }
}

fn example() -> impl Strategy<Value = Example> {
    (vec(0_u32..256, 0..12), any::<bool>()).prop_map(|(mut slots, positive)| {
        let mut bytes = Vec::new();
        slots.sort_unstable();
        encode(&slots, &mut bytes);
        (bytes, positive)
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0_usize..6, option::of(example()), any::<bool>()), 0..40)
}

proptest! {
    #[test]
    fn after_a_restore_all_goes_on_as_if_nothing_had_been(before in steps(), after in steps()) {
        let (mut run, mut live) = (Run::new(), vec![None; 6]);
        for step in &before {
            run.step(&mut live, step);
        }
        if before.last().is_some_and(|(_, _, published)| !published) {
            run.learner.publish(&run.model);
        }
        let (mut copy, mut also_live) = (run.restored(), live.clone());
        for step in &after {
            prop_assert_eq!(run.step(&mut live, step), copy.step(&mut also_live, step));
        }
        prop_assert_eq!(run.bytes(), copy.bytes());
    }
}

#[test]
fn large_counts_and_faded_weights_come_back() {
    let (mut run, mut live) = (Run::new(), vec![None; 6]);
    let mut bytes = Vec::new();
    encode(&[7], &mut bytes);
    for n in 0..70_000 {
        live[0] = None;
        run.step(&mut live, &(0, Some((bytes.clone(), n % 9 != 0)), false));
    }
    run.learner.publish(&run.model);
    let mut copy = run.restored();
    assert_eq!(run.bytes(), copy.bytes());
    let mut also_live = live.clone();
    for _ in 0..3 {
        run.step(&mut live, &(0, Some((bytes.clone(), true)), true));
        copy.step(&mut also_live, &(0, Some((bytes.clone(), true)), true));
    }
    assert_eq!(run.bytes(), copy.bytes());
}

#[test]
fn a_snapshot_is_of_published_steps() {
    let (mut run, mut live) = (Run::new(), vec![None; 6]);
    run.step(&mut live, &(0, Some((vec![1, 0], true)), false));
    let found = capture(&features(), &run.model, &run.learner, &run.prequential, &run.progressive);
    assert!(matches!(found, Err(SaveError::Unpublished)));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (mut run, mut live) = (Run::new(), vec![None; 6]);
    let by = LearnerSettings::default();
    let other = run.snapshot();
    run.step(&mut live, &(0, Some((vec![1, 0], true)), true));
    let refused = |snapshot: Snapshot, features: &FeatureSettings, by: &LearnerSettings| {
        restore(snapshot, features, by, &Model::new(features.bits, by)).unwrap_err()
    };
    let mixed = Snapshot { model: run.snapshot().model, card: other.card };
    assert!(matches!(refused(mixed, &features(), &by), RestoreError::AnotherModel { .. }));
    let mut lying = run.snapshot();
    lying.card.version += 1;
    assert!(matches!(refused(lying, &features(), &by), RestoreError::Contradiction(_)));
    let wide = FeatureSettings { bits: 9.try_into().unwrap(), ..features() };
    assert!(matches!(refused(run.snapshot(), &wide, &by), RestoreError::Settings { .. }));
    let bold = LearnerSettings { rate: 1.0, ..by };
    assert!(matches!(refused(run.snapshot(), &features(), &bold), RestoreError::Settings { .. }));
}

#[test]
fn cards_are_checked() {
    let (mut run, mut live) = (Run::new(), vec![None; 6]);
    run.step(&mut live, &(0, Some((vec![1, 0], true)), true));
    let card = String::from_utf8(run.snapshot().card.to_json().unwrap()).unwrap();
    assert!(card.starts_with(r#"{"format":1,"model":""#), "{card}");
    let altered = |from: &str, to: &str| {
        assert!(card.contains(from), "{card}");
        Card::from_json(card.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    assert!(matches!(altered(r#""format":1"#, r#""format":2"#), RestoreError::UnknownFormat(2)));
    assert!(matches!(altered(r#""labels""#, r#""lebals""#), RestoreError::Card(_)));
    for (from, to) in
        [("[[500,", "[[1000,"), ("[[500,0.0,", "[[500,-1.0,"), (r#""weight":1"#, r#""weight":-1"#)]
    {
        assert!(altered(from, to).to_string().contains("the sums hold"), "{from}");
    }
    assert!(matches!(Card::from_json(b"no card"), Err(RestoreError::Card(_))));
}
