//! What one review of about 70 words costs in each kernel: words and features, scoring, learning, quality.

use criterion::{Criterion, criterion_group, criterion_main};
use dirigent::learning::quality::{Origin, Quality};
use dirigent::learning::{FeatureSettings, Features, Featuriser, Languages, Learner, LearnerSettings, Model};
use std::hint::black_box;

/// Texts of 50 to 90 words of a vocabulary of 20,000, the first of them far more frequent than the last.
fn texts(n: usize) -> Vec<String> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % below
    };
    let mut text = || {
        let words = 50 + next(41);
        let word = |rank: u64| {
            let letters = 2 + rank % 9;
            (0..letters)
                .map(|i| char::from(b'a' + (rank.wrapping_mul(7 + i * i) % 26) as u8))
                .collect::<String>()
        };
        (0..words)
            .map(|_| {
                let top = next(20_000) + 1;
                word(next(top))
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..n).map(|_| text()).collect()
}

fn kernels(criterion: &mut Criterion) {
    let (settings, learning) = (FeatureSettings::default(), LearnerSettings::default());
    let texts = texts(4096);
    let mut featuriser = Featuriser::new(&settings);
    let mut buffer = Vec::new();
    let mut at = 0;
    let mut next = move || {
        at = (at + 1) % 4096;
        at
    };
    criterion.bench_function("words", |bench| bench.iter(|| featuriser.read("", black_box(&texts[next()]))));
    criterion.bench_function("words and features", |bench| {
        bench.iter(|| {
            featuriser.read("", black_box(&texts[next()]));
            buffer.clear();
            featuriser.features("en", &mut buffer);
            buffer.len()
        });
    });
    if let Ok(languages) = Languages::new(&["en".to_owned(), "de".to_owned()]) {
        let text =
            "the battery of this one is not as good as it was when i got it for my birthday last year ";
        featuriser.read("", text);
        criterion.bench_function("language by function words", |bench| {
            bench.iter(|| featuriser.detect(&languages, "", black_box(text)).len());
        });
    }
    let encoded: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| {
            let mut bytes = Vec::new();
            featuriser.read("", text);
            featuriser.features("en", &mut bytes);
            bytes
        })
        .collect();
    let features: usize = encoded.iter().map(|bytes| Features(bytes).into_iter().count()).sum();
    println!(
        "{} features and {} bytes a text",
        features / 4096,
        encoded.iter().map(Vec::len).sum::<usize>() / 4096
    );
    let (model, mut learner) = (Model::new(settings.bits, &learning), Learner::new(&learning));
    criterion.bench_function("learn", |bench| {
        bench.iter(|| {
            let at = next();
            learner.step(&model, None, Some((Features(&encoded[at]), at % 5 != 0)))
        });
    });
    learner.publish(&model);
    criterion.bench_function("score", |bench| bench.iter(|| model.score(Features(&encoded[next()]))));
    let mut quality = Quality::default();
    criterion.bench_function("quality", |bench| {
        bench.iter(|| {
            let at = next();
            quality.observe(at as f64 / 4096.0, at % 3 != 0, "en", Origin::Stars);
        });
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
