//! The learner against its sequential reference: on made-up reviews with edits and removals, each epoch scored by the
//! newest version published before it; and every sentiment and version that the binary publishes of a real file.

mod sequential_learner;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use dirigent::{
    learning::{FeatureSettings, Features, Featuriser, Learner, LearnerSettings, Model},
    records::{DecodedReview, KeyRule, ReviewDecoder, ReviewFields},
};
use proptest::prelude::*;
use sequential_learner::{Review, reference};
use serde_json::Value;

const WORDS: &str = "good bad not never don't nicht kein ohne the a battery akku größe 'quoted' it's 2 unbelievable so \
    extraordinarily-overpriced donaudampfschifffahrtsgesellschaft great! why? café, end. don’t no…yes fine😀 naïve";

fn library(reviews: &[Review]) -> Vec<f64> {
    let (features, learning) = (FeatureSettings::default(), LearnerSettings::default());
    let (model, mut learner) = (Model::new(features.bits, &learning), Learner::new(&learning));
    let mut featuriser = Featuriser::new(&features);
    let mut encoded = |review: &Review| {
        let mut bytes = Vec::new();
        featuriser.read(&review.title, &review.text);
        featuriser.features(&review.lang, &mut bytes);
        bytes
    };
    let encoded: Vec<Vec<u8>> = reviews.iter().map(&mut encoded).collect();
    let example = |at: usize| reviews[at].label.map(|label| (Features(&encoded[at]), label));
    let (mut sentiments, mut at) = (Vec::new(), 0);
    for epoch in reviews.chunk_by(|a, b| a.epoch == b.epoch) {
        let here = at..at + epoch.len();
        sentiments.extend(here.clone().map(|at| model.score(Features(&encoded[at]))));
        for now in here {
            learner.step(&model, reviews[now].replaces.and_then(example), example(now));
        }
        learner.publish(&model);
        at += epoch.len();
    }
    sentiments
}

fn text(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(WORDS.split(' ').collect::<Vec<_>>()), words)
        .prop_map(|words| words.join(" "))
}

/// Reviews of 12 ids; a version replaces the one before it of the same id.
fn reviews() -> impl Strategy<Value = Vec<Review>> {
    let lang = prop::sample::select(&["en", "de", "und", "fr"][..]);
    let one = (0..12_usize, 0..2_u64, text(0..4), text(1..40), lang, any::<Option<bool>>());
    proptest::collection::vec(one, 1..120).prop_map(|rows| {
        let (mut reviews, mut last, mut epoch) = (Vec::new(), [None; 12], 0);
        for (at, (id, step, title, text, lang, label)) in rows.into_iter().enumerate() {
            epoch += step;
            let lang = lang.to_owned();
            reviews.push(Review { epoch, title, text, lang, label, replaces: last[id].replace(at) });
        }
        reviews
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_sentiment_agrees_to_six_decimals(reviews in reviews()) {
        for (at, (mine, theirs)) in reference(&reviews).into_iter().zip(library(&reviews)).enumerate() {
            prop_assert!((mine - theirs).abs() < 5e-7, "review {at}: {mine} and {theirs}");
        }
    }
}

/// The real reviews, or `None` with a line that says so; with `CI=true` they must be there.
fn real_reviews(name: &str) -> Option<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("DIRIGENT_DATA").map_or_else(beside, PathBuf::from);
    let Ok(file) = std::fs::File::open(folder.join("reviews").join(name)) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no data at {}", folder.display());
        println!("skipped: no data at {}", folder.display());
        return None;
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
    Some(bytes)
}

const TOPOLOGY: &str = r"
name: reference
clock: event
epoch: 500ms
sources:
  reviews: { type: file, path: reviews.jsonl }
transforms:
  clean: { type: clean, inputs: [reviews] }
  sentiment: { type: sentiment, inputs: [clean] }
  unique: { type: deduplicate, inputs: [sentiment] }
  learn: { type: learn, inputs: [unique], model: sentiment }
sinks:
  scored: { type: file, inputs: [unique], path: scored.jsonl }
  models: { type: file, inputs: [learn.models], path: models.jsonl }
";

/// Reviews without users have no duplicates, and these have no edits: log order is the order of the lines.
#[test]
fn the_binary_publishes_what_the_reference_predicts() {
    let Some(lines) = real_reviews("en_womens_clothing.jsonl.gz") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("reviews.jsonl"), &lines).expect("written");
    std::fs::write(folder.path().join("t.yaml"), TOPOLOGY).expect("written");
    let run = Command::new(env!("CARGO_BIN_EXE_dirigent"))
        .args(["run", "t.yaml", "--workers", "2"])
        .current_dir(folder.path())
        .output()
        .expect("runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let scored = std::fs::read_to_string(folder.path().join("scored.jsonl")).expect("an output");
    let scored: BTreeMap<u64, Value> = scored
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| (line["origin"]["offset"].as_u64().expect("an offset"), line))
        .collect();
    let mut decoder = ReviewDecoder::default();
    let (mut reviews, mut offset) = (Vec::new(), 0);
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if let Some(published) = scored.get(&offset) {
            let decoded = decoder.decode(line, KeyRule::Ignore, &ReviewFields::default()).expect("accepted");
            let DecodedReview::Upsert(review) = decoded else { panic!("a delete at {offset}") };
            reviews.push(Review {
                epoch: published["epoch"].as_u64().expect("an epoch"),
                title: review.title_normalised.into(),
                text: review.text_normalised.into(),
                lang: published["lang"].as_str().expect("a language").into(),
                label: match review.rating {
                    Some(4_000_000..) => Some(true),
                    Some(..=2_000_000) => Some(false),
                    _ => None,
                },
                replaces: None,
            });
        }
        offset += line.len() as u64;
    }
    assert_eq!(
        (reviews.len(), reviews.len() > 20_000),
        (scored.len(), true),
        "every published review is predicted"
    );
    let (mut version, mut labelled, mut epoch) = (0, false, 0);
    for ((review, predicted), published) in reviews.iter().zip(reference(&reviews)).zip(scored.values()) {
        if review.epoch != epoch {
            (version, labelled, epoch) = (version + u64::from(labelled), false, review.epoch);
        }
        labelled |= review.label.is_some();
        let sentiment = published["sentiment"].as_f64().expect("a sentiment");
        assert!(
            (predicted - sentiment).abs() < 1.000_001e-6 / 2.0,
            "{published}: the reference says {predicted}"
        );
        assert_eq!(published["model"]["sentiment"], format!("sentiment@{version}"), "{published}");
    }
    assert!(version > 20, "{version} versions");
}
