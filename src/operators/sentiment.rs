//! `sentiment`: scores each version of a review with the newest model published in an earlier epoch.
//!
//! Records of epoch E wait until the learner has closed every epoch before E; then they are scored where they were
//! decoded, and one row a version is made. The stored score goes with the version for ever: a retraction carries
//! exactly what was once added.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    block::{BlockReview, ReviewChunk},
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, SettingsFault, parse},
    row::{Review, Version, VersionKind},
    wiring::{Edge, Step, Wiring},
};
use crate::{
    engine::{
        edge::merge,
        model_loop::{feedback, gated},
    },
    learning::{FeatureSettings, Features, LearnerSettings, Model, SlotBits},
    records::{Sentiment, number::round_micro},
};

/// Settings of `sentiment`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SentimentSettings {
    /// Slots of the hashed feature space, a power of two. One slot takes 16 bytes.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub slots: u32,
    /// Character 3-5-grams inside the word border beside word 1-2-grams: about six times the work.
    pub characters: bool,
}

impl SentimentSettings {
    /// The layout of features that they ask for.
    #[must_use]
    pub fn features(&self) -> FeatureSettings {
        FeatureSettings {
            bits: SlotBits::try_from(self.slots.ilog2()).unwrap_or_default(),
            character_ngrams: self.characters,
        }
    }
}

impl Default for SentimentSettings {
    fn default() -> Self {
        Self { slots: 1 << 20, characters: false }
    }
}

fn check(value: &Value) -> Vec<SettingsFault> {
    match parse::<SentimentSettings>(value) {
        Err(fault) => vec![fault],
        Ok(settings) if !settings.slots.is_power_of_two() => vec![SettingsFault {
            pointer: "/slots".into(),
            message: format!("{} is not a power of two", settings.slots),
            hint: format!("use {}, the next one", settings.slots.next_power_of_two()),
        }],
        Ok(_) => Vec::new(),
    }
}

fn demand(value: &Value) -> Demand {
    let settings: SentimentSettings = parse(value).unwrap_or_default();
    Demand {
        features: Some(json!({"slots": settings.slots, "characters": settings.characters})),
        ..Demand::default()
    }
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "sentiment",
    summary: "Scores each version of a review with the newest model version published in an earlier epoch: 0 is negative, 1 positive.",
    settings: Settings { schema: || schema_for!(SentimentSettings), check, texts: &[] },
    ports: &[Port { name: "reviews", accepts: &[EdgeType::Reviews], many: true, optional: false }],
    outputs: &[Output { name: None, edge: OutputType::Fixed(EdgeType::Versions) }],
    state: None,
    inserts: false,
    scores: true,
    learns: None,
    escalates: None,
    demand,
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let settings: SentimentSettings = parse(step.settings).unwrap_or_default();
    let chunks = inputs.swap_remove(0).into_iter().filter_map(|edge| match edge {
        Edge::Reviews(stream) => Some(stream),
        _ => None,
    });
    let chunks = merge(wiring.scope, chunks.collect());
    let model =
        wiring.run.model(step.index, || Model::new(settings.features().bits, &LearnerSettings::default()));
    let gate = if step.learned {
        let (end, gate) = feedback(wiring.scope);
        wiring.loops.insert(step.index, end);
        gate
    } else {
        // nobody writes this model: a gate that is open from the start
        merge(wiring.scope, Vec::new())
    };
    let (meter, shown) = (wiring.meter(step), wiring.run.metrics.model(step.id));
    let mut predictions = shown.predictions();
    let keep_features = step.demand.keep_features;
    vec![Edge::Versions(gated(wiring.scope, chunks, gate, step.id, move |_, chunk: ReviewChunk, give| {
        let mut n = 0;
        let bytes = &chunk.chunk.block.bytes;
        let mut reviews = chunk.reviews().peekable();
        while let Some((_, review, kind)) = reviews.next() {
            n += 1;
            if let Some((_, next, _)) = reviews.peek() {
                model.prefetch(Features(&bytes[next.features.0..next.features.1]));
            }
            let review = score(&model, bytes, review, kind, keep_features);
            if kind == VersionKind::Upsert {
                let sentiment = review.head().sentiment;
                predictions.count(class(Sentiment::of_micro(sentiment)), sentiment);
            }
            give(Version { review, kind });
        }
        meter.received(n);
        meter.sent(n);
        shown.add(&mut predictions);
    }))]
}

/// The place of a label among the classes that predictions are counted by.
fn class(label: Sentiment) -> usize {
    match label {
        Sentiment::Negative => 0,
        Sentiment::Neutral => 1,
        Sentiment::Positive => 2,
    }
}

/// The row of a version, scored if it is one.
fn score(
    model: &Model,
    bytes: &[u8],
    review: &BlockReview,
    kind: VersionKind,
    keep_features: bool,
) -> Review {
    let mut head = review.head;
    if kind == VersionKind::Upsert {
        let features = Features(&bytes[review.features.0..review.features.1]);
        head.sentiment = round_micro(model.score(features)) as u32;
        head.version = model.version();
    }
    let end = if keep_features { review.features.1 } else { review.bytes.1 };
    Review::new(head, &bytes[review.bytes.0..end])
}
