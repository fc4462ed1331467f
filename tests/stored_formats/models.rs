//! Stored models of every format there has been: each folder of `tests/stored_formats/models` holds a model that was written
//! when its format was new, made-up reviews, and the probability that it gave to each. This version must read it, give
//! the same probabilities to the bit, go on learning from it, and write the same bytes again.
//!
//! `DIRIGENT_BLESS=1` writes the model and the probabilities of the present format anew: only when that was not released
//! yet. Older ones cannot be made again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use dirigent::{
    learning::{FeatureSettings, Features, Featuriser, Learner, LearnerSettings, Model, store},
    records::{DecodedReview, KeyRule, Lang, ReviewDecoder, ReviewFields},
};

/// The format that this version writes.
const PRESENT: &str = "format-1";

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored_formats/models").join(format)
}

/// The features of each review, and whether its stars are positive (4 and 5), negative (1 and 2) or neither.
fn examples(format: &str, settings: &FeatureSettings) -> Vec<(Vec<u8>, Option<bool>)> {
    let lines = fs::read(folder(format).join("reviews.jsonl")).expect("reviews");
    let (mut decoder, mut featuriser) = (ReviewDecoder::default(), Featuriser::new(settings));
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let fields = ReviewFields::default();
            let Ok(DecodedReview::Upsert(review)) = decoder.decode(line, KeyRule::Ignore, &fields) else {
                panic!("no review: {}", line.escape_ascii());
            };
            let mut features = Vec::new();
            featuriser.read(review.title_normalised, review.text_normalised);
            featuriser.features(review.lang.unwrap_or(Lang::UND).as_str(), &mut features);
            let stars = review.rating.expect("stars");
            (features, (stars != 3_000_000).then_some(stars > 3_000_000))
        })
        .collect()
}

/// A model of every setting that is no default, with an example that was learned and removed.
fn learned() -> Vec<u8> {
    let features = FeatureSettings { bits: 8.try_into().expect("bits"), character_ngrams: true };
    let settings = LearnerSettings {
        rate: 0.6,
        caution: 0.03,
        smoothing: 0.75,
        floor: 0.5,
        trust: 0.25,
        bias_rate: 0.2,
    };
    let (model, mut learner) = (Model::new(features.bits, &settings), Learner::new(&settings));
    let examples = examples(PRESENT, &features);
    for epoch in examples.chunks(8) {
        for (features, positive) in epoch {
            if let Some(positive) = positive {
                learner.step(&model, None, Some((Features(features), *positive)));
            }
        }
        learner.publish(&model);
    }
    let learned = examples.iter().find_map(|(features, positive)| positive.map(|p| (Features(features), p)));
    learner.step(&model, learned, None);
    learner.publish(&model);
    store::save(&features, &model, &learner).expect("a model")
}

fn probabilities(format: &str, bytes: &[u8]) -> Vec<f64> {
    let (description, model, _) = store::load(bytes).expect("a model");
    let examples = examples(format, &description.features);
    examples.iter().map(|(features, _)| model.score(Features(features))).collect()
}

fn bless() {
    let model = learned();
    let told = serde_json::to_string_pretty(&probabilities(PRESENT, &model)).expect("numbers") + "\n";
    fs::write(folder(PRESENT).join("model.safetensors"), model).expect("the model is written");
    fs::write(folder(PRESENT).join("probabilities.json"), told).expect("the probabilities are written");
}

#[test]
fn every_format_is_still_read() {
    if std::env::var_os("DIRIGENT_BLESS").is_some() {
        bless();
    }
    let folders = fs::read_dir(folder("")).expect("the folder of formats").flatten();
    let mut formats: Vec<String> = folders
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    formats.sort();
    assert!(formats.iter().any(|format| format == PRESENT), "{formats:?}");
    for format in &formats {
        let stored = fs::read(folder(format).join("model.safetensors")).expect("a stored model");
        let expected: Vec<f64> =
            serde_json::from_slice(&fs::read(folder(format).join("probabilities.json")).expect("numbers"))
                .expect("probabilities");
        assert_eq!(probabilities(format, &stored), expected, "{format}");
        let mut told = expected.clone();
        told.sort_by(f64::total_cmp);
        assert!(told[0] < 0.4 && told[told.len() - 1] > 0.6, "{format} tells nothing apart: {told:?}");
    }
}

#[test]
fn the_present_format_is_written_to_the_byte() {
    let stored = fs::read(folder(PRESENT).join("model.safetensors")).expect("a stored model");
    let (description, model, mut learner) = store::load(&stored).expect("a model");
    let again = |learner: &Learner| store::save(&description.features, &model, learner).expect("a model");
    assert!(again(&learner) == stored, "the model that was read is not written as it was");
    assert_eq!(format!("format-{}", description.format), PRESENT);
    assert_eq!((description.version, description.features.character_ngrams), (7, true));

    // what was read can be learned on, and taken back
    let examples = examples(PRESENT, &description.features);
    let (last, positive) = examples.iter().rfind(|(_, positive)| positive.is_some()).expect("an example");
    let before = model.score(Features(last));
    learner.step(&model, None, Some((Features(last), positive.expect("a label"))));
    assert_eq!(learner.publish(&model), 8);
    assert_ne!(model.score(Features(last)), before);
    assert_ne!(again(&learner), stored);
}
