//! The learner against its sequential reference, on made-up reviews with edits and removals, each epoch scored by the
//! newest version published before it.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod sequential_learner;

use dirigent::learning::{FeatureSettings, Features, Featuriser, Learner, LearnerSettings, Model};
use proptest::prelude::*;
use sequential_learner::{Review, reference};

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
