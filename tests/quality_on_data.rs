//! What the learner reaches on real reviews, single pass: the prediction of each example just before it is learned, and
//! (prequential) that of the version of up to 1,000 labels earlier. The bars are what other learners reach on the same
//! streams; the figures here must not be worse.
//!
//! Reads `DIRIGENT_DATA`, or `../shared/data` beside the crate; skips, with a line that says so, where neither is there,
//! but fails with `CI=true`. Text is only folded, not cleaned, so figures differ from a run's in the fourth decimal.

use dirigent::learning::quality::{Labels, Origin, Quality, Window};
use dirigent::learning::{FeatureSettings, Features, Featuriser, Learner, LearnerSettings, Model};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

struct Example {
    hash: u64,
    key: (String, String),
    features: Vec<u8>,
    label: bool,
}

fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("DIRIGENT_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no data at {}", folder.display());
    println!("skipped: no data at {}", folder.display());
    None
}

fn rows(path: &Path) -> Vec<serde_json::Value> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect()
}

fn normalised(text: Option<&str>) -> String {
    let words: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    caseless::default_case_fold_str(&words.join(" ").nfkc().collect::<String>()).nfkc().collect()
}

/// The labelled reviews of a set in the order of the file; feedback beats stars.
fn examples(folder: &Path, set: &str) -> Vec<Example> {
    let feedback: BTreeMap<String, Option<bool>> = rows(&folder.join(format!("feedback/{set}.jsonl.gz")))
        .iter()
        .map(|row| {
            let label = match row["label"].as_str() {
                Some("positive") => Some(true),
                Some("negative") => Some(false),
                _ => None,
            };
            (row["review_id"].as_str().unwrap_or_default().to_owned(), label)
        })
        .collect();
    let mut featuriser = Featuriser::new(&FeatureSettings::default());
    rows(&folder.join(format!("reviews/{set}.jsonl.gz")))
        .iter()
        .filter_map(|row| {
            let id = row["review_id"].as_str()?;
            let label = match (feedback.get(id), row["rating"].as_f64()) {
                (Some(label), _) => (*label)?,
                (None, Some(stars)) if stars >= 4.0 => true,
                (None, Some(stars)) if stars <= 2.0 => false,
                _ => return None,
            };
            let key = (normalised(row["title"].as_str()), normalised(row["text"].as_str()));
            let mut features = Vec::new();
            featuriser.read(&key.0, &key.1);
            featuriser.features(row["lang"].as_str()?, &mut features);
            Some(Example { hash: xxh3_64(id.as_bytes()), key, features, label })
        })
        .collect()
}

/// Accuracy, log loss and macro F1, learned example by example, or scored by the version before each `epoch` of them.
fn single_pass(examples: &[Example], epoch: Option<usize>) -> [f64; 3] {
    let (features, settings) = (FeatureSettings::default(), LearnerSettings::default());
    let (model, mut learner) = (Model::new(features.bits, &settings), Learner::new(&settings));
    let mut quality = Quality::default();
    for chunk in examples.chunks(epoch.unwrap_or(1)) {
        let published: Vec<f64> =
            chunk.iter().map(|example| model.score(Features(&example.features))).collect();
        for (example, published) in chunk.iter().zip(published) {
            let progressive = learner.step(&model, None, Some((Features(&example.features), example.label)));
            let probability =
                if epoch.is_some() { published } else { progressive.expect("a new example is predicted") };
            quality.observe(probability, example.label, "", Origin::Stars);
        }
        learner.publish(&model);
    }
    let figures = quality.figures(Labels::All, Window::Total).figures;
    [figures.accuracy, figures.log_loss, figures.macro_f1].map(|figure| figure.expect("there are examples"))
}

fn check(set: &str, hashed_order: bool, [accuracy, log_loss, macro_f1]: [f64; 3]) {
    let Some(folder) = data() else { return };
    let mut examples = examples(&folder, set);
    if hashed_order {
        let mut seen = BTreeSet::new();
        examples.retain(|example| seen.insert(example.key.clone()));
        examples.sort_by_key(|example| example.hash);
    }
    let found = single_pass(&examples, None);
    println!(
        "{set}, {} examples: progressive {found:?}, 1,000 back {:?}",
        examples.len(),
        single_pass(&examples, Some(1000))
    );
    assert!(found[0] >= accuracy && found[1] <= log_loss && found[2] >= macro_f1, "{set}: {found:?}");
}

#[test]
fn clothing_in_hashed_order() {
    check("en_womens_clothing", true, [0.948, 0.130, 0.865]);
}

#[test]
fn app_reviews_in_hashed_order() {
    check("en_appreview_75k", true, [0.920, 0.214, 0.916]);
}

#[test]
fn clothing_in_file_order() {
    check("en_womens_clothing", false, [0.932, 0.179, 0.0]);
}

#[test]
fn german_posts_in_file_order() {
    check("de_mobasa", false, [0.920, 0.245, 0.0]);
}

#[test]
fn drug_reviews_in_file_order() {
    check("en_druglib", false, [0.827, 0.423, 0.0]);
}
