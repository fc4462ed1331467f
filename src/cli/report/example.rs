//! A made-up run for the tests of the table and the page.

use super::data::Report;
use super::products::{Change, Products, Ranked, State};

const DAY: i64 = 86_400_000;
const START: i64 = 1_767_225_600_000;

/// A report whose books balance.
pub(super) fn report() -> Report {
    let quality = |accuracy: f64, labels: u64, parts: &str| {
        format!(
            r#"{{"accuracy":{accuracy},"log_loss":0.2413,"auc":0.961,"brier":0.0712,"ece":null,"macro_f1":0.894,"labels":{labels},"by_lang":{{{parts}}}}}"#
        )
    };
    let parts = |few: u64| {
        let [de, en] = [quality(0.902, 22_000, ""), quality(0.916, 100, "")];
        format!(r#""de":{de},"en":{en},"tlh":{},"und":{}"#, quality(0.5, 60, ""), quality(0.5, few, ""))
    };
    let class = |labels: u64, recall: f64| {
        format!(r#"{{"labels":{labels},"predicted":{labels},"recall":{recall},"precision":0.731}}"#)
    };
    let both = |negative: u64, parts: &str| {
        let (negative, positive) = (class(negative, 0.722), class(9 * negative, 0.967));
        format!(r#"{{"negative":{negative},"positive":{positive},"by_lang":{{{parts}}}}}"#)
    };
    let classes = |few: u64| {
        let few = format!(r#"{{"negative":{},"positive":{}}}"#, class(few - 30, 0.5), class(30, 0.5));
        let rare = format!(r#"{{"negative":{},"positive":{}}}"#, class(50, 0.5), class(10, 0.5));
        both(8_990, &format!(r#""de":{},"en":{},"tlh":{rare},"und":{few}"#, both(2_200, ""), both(10, "")))
    };
    let epochs: Vec<String> = (0..900_i64)
        .map(|step| {
            let accuracy = 0.92 - 0.42 / (1.0 + step as f64 / 18.0) + ((step * 7_919) % 13 - 6) as f64 * 0.0012;
            format!(
                r#"{{"epoch":{},"labels":{},"version":{step},"prequential_fading":{{"accuracy":{:.4}}},"progressive_fading":{{"accuracy":{:.4}}}}}"#,
                START + step * DAY / 10,
                step * 100,
                accuracy - 0.004,
                accuracy,
            )
        })
        .collect();
    let json = format!(
        r#"{{"name":"demo","records":102000,"seconds":4.25,
            "books":{{"in":102000,"applied":96180,"superseded":820,"deleted":961,
                "dropped":{{"unchanged":1480,"unknown":41}},
                "dead_letter":{{"empty_text":61,"invalid_field":240,"malformed_json":180}},"pending":2037}},
            "model":{{"model":"sentiment","version":899,"labels":89900,"prequential":{},"prequential_fading":{},
                "progressive":{},"progressive_fading":{}}},
            "classes":{{"prequential":{},"progressive":{}}},
            "epochs":[{}]}}"#,
        quality(0.9021, 89_900, &parts(39)),
        quality(0.9144, 89_900, &parts(39)),
        quality(0.9058, 89_900, &parts(40)),
        quality(0.9171, 89_900, &parts(40)),
        classes(39),
        classes(40),
        epochs.join(","),
    );
    serde_json::from_str(&json).unwrap()
}

/// The course of a product that turns bad after 60 of 90 days.
pub(super) fn course() -> Vec<State> {
    let mut sum = 0.0;
    (1..=1_800_u64)
        .map(|ratings| {
            let bad = ratings > 1_200;
            sum += if bad {
                [1.0, 2.0, 1.0][ratings as usize % 3]
            } else {
                [5.0, 4.0, 5.0, 4.0][ratings as usize % 4]
            };
            let mean = sum / ratings as f64;
            State {
                epoch: START + ratings as i64 * DAY / 20,
                reviews: ratings,
                ratings,
                rating_mean: Some(mean),
                negative_share: Some(if bad { 0.31 } else { 0.05 }),
                score: (35.0 + sum) / (10.0 + ratings as f64),
            }
        })
        .collect()
}

/// Findings with the fallen product in front.
pub(super) fn products() -> Products {
    let course = course();
    let (high, last) = (course[900], course[1_799]);
    let ranked = |rank: u64, score: f64| Ranked {
        product: format!("product-{rank:05}"),
        state: State { score, reviews: 40 * rank, rating_mean: Some(score + 0.02), ..last },
    };
    let change = |product: &str, from: f64, to: f64| Change {
        product: product.to_owned(),
        from: State { score: from, ..high },
        to: State { score: to, reviews: 1_234, ..last },
    };
    Products {
        live: 1_998,
        best: (1..=5).map(|rank| ranked(rank * 17, 4.75 - rank as f64 * 0.03)).collect(),
        worst: (1..=5).map(|rank| ranked(rank * 23, 1.81 + rank as f64 * 0.05)).collect(),
        falls: vec![
            Change { product: "product-00003".to_owned(), from: high, to: last },
            change("an id that is much longer than there is room for", 3.9, 3.42),
        ],
        rises: vec![change("product-00640", 2.2, 2.61)],
    }
}
