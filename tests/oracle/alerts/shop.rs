//! Random shops: few products with enough reviews, over weeks, that some turn bad for days and get better again.
//!
//! What is drawn of a product are its rates and its bad spells, and what becomes of the bad reviews of a spell afterwards;
//! the reviews of each day follow from these and a seed. Texts say plainly what they are, so that the model tells them apart
//! after the first days; each has a number in it, so none is a duplicate.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::lines::BASE;
use super::super::log::{Kind, Partition};
use super::cases::{Case, partition, steps, times, workers};
use super::setting::{Setting, Words};
use super::spoken;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// What becomes of the bad reviews of a spell.
#[derive(Clone, Copy, Debug)]
enum After {
    Nothing,
    Deleted,
    Edited,
    Moved,
    Labelled,
}

#[derive(Clone, Debug)]
struct Spell {
    from: u64,
    days: u64,
    /// Of a hundred reviews so many are bad.
    bad: u64,
    after: After,
    /// Hours until then.
    wait: u64,
}

#[derive(Clone, Debug)]
struct Product {
    daily: (u64, u64),
    bad: u64,
    spells: Vec<Spell>,
}

/// All shops.
pub(crate) fn shop() -> impl Strategy<Value = Case> {
    let said = (spoken::commands(), spoken::answers());
    let sales = (vec(product(), 2..4), 26..40_u64, any::<u64>());
    (setting(), sales, said, workers(), any::<prop::sample::Index>()).prop_map(
        |(setting, (products, days, seed), (commands, answers), workers, cut)| Case {
            setting,
            partitions: partitions(&products, days, seed),
            commands,
            answers,
            workers,
            cut,
        },
    )
}

fn product() -> impl Strategy<Value = Product> {
    let after = prop_oneof![
        2 => Just(After::Nothing),
        2 => Just(After::Deleted),
        1 => Just(After::Edited),
        1 => Just(After::Moved),
        1 => Just(After::Labelled),
    ];
    let spell = (14..36_u64, 1..5_u64, 50..101_u64, after, 0..60_u64)
        .prop_map(|(from, days, bad, after, wait)| Spell { from, days, bad, after, wait });
    ((3..6_u64, 1..6_u64), 0..15_u64, vec(spell, 1..4)).prop_map(|((least, more), bad, spells)| Product {
        daily: (least, least + more),
        bad,
        spells,
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    let tests = (3..7_u32, 2..7_u32, 1..5_u32, 3..8_u32, 2..5_u32, 1..4_u32, 1..3_u32);
    // with a small budget of false alarms it matters how many products there are
    let alarms = prop::sample::select(vec![0.02, 0.1, 1.0, 30.0]);
    let limits = (prop_oneof![Just(0.05), Just(0.01)], alarms, 1..4_u32, 1..5_u32);
    let test = (14..30_u32, tests, limits).prop_map(
        |(horizon, (recent, fresh, wide, least, excess, spread, daily), (p, alarms, ewma, cusum))| {
            json!({
                "horizon_days": horizon, "recent_days": recent, "fresh_days": fresh.min(4), "min_reviews": least,
                "min_past": 10 + wide, "min_excess": excess, "spread_excess": spread, "daily_excess": daily,
                "p": p, "z": 2.0, "false_alarms_per_day": alarms, "ewma_limit": ewma, "cusum_limit": cusum,
            })
        },
    );
    let epochs = prop_oneof![Just(6 * HOUR), Just(12 * HOUR)];
    let max_age = prop_oneof![Just(DAY), Just(3 * DAY), Just(10 * DAY)];
    (epochs, max_age, test, times(8 * HOUR), steps(8 * HOUR)).prop_map(
        |(tick, max_age, test, drop_times, steps)| Setting {
            tick,
            epoch_records: 1000,
            max_age,
            sentiment: 0,
            rating: 1_000_000,
            words: Words::None,
            severe_times: drop_times.clone(),
            test,
            drop_times,
            steps,
            learns: true,
        },
    )
}

/// Numbers that follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Lines by the time at which they come.
type Lines = BTreeMap<(u64, u64), Value>;

fn partitions(products: &[Product], days: u64, seed: u64) -> Vec<Partition> {
    let mut random = Random(seed | 1);
    let (mut lines, mut labels, mut number) = ([Lines::new(), Lines::new()], Lines::new(), 0);
    let start = u64::try_from(BASE).expect("after 1970").next_multiple_of(DAY);
    for (place, product) in products.iter().enumerate() {
        for day in 0..days {
            let spell =
                product.spells.iter().find(|spell| (spell.from..spell.from + spell.days).contains(&day));
            let (least, most) = product.daily;
            for _ in 0..least + random.below(most - least + 1) {
                number += 1;
                let at = start + day * DAY + random.below(DAY);
                // some tell of what was a while ago
                let ts = if random.below(12) == 0 { at - random.below(15) * DAY } else { at };
                let bad = random.below(100) < spell.map_or(product.bad, |spell| spell.bad);
                let file = &mut lines[usize::from(number % 3 == 0)];
                let line = review(number, place, bad, ts);
                file.insert((at, number), line);
                let id = format!("r{number}");
                let labelled = |label: &str, ts: u64| {
                    let name = format!("f{number}");
                    json!({ "feedback_id": name, "review_id": id, "label": label, "ts": ts })
                };
                let Some(spell) = spell else { continue };
                if !bad {
                    // people call some of them bad, hours after the model has seen them
                    let ts = at + random.below(36) * HOUR;
                    if random.below(3) == 0 {
                        labels.insert((ts, number), labelled("negative", ts));
                    }
                    continue;
                }
                let later = start + (spell.from + spell.days) * DAY + spell.wait * HOUR;
                match spell.after {
                    After::Nothing => None,
                    After::Deleted => {
                        file.insert((later, number), json!({ "review_id": id, "op": "delete", "ts": later }))
                    }
                    After::Edited => file.insert((later, number), review(number, place, false, at)),
                    After::Moved => {
                        file.insert((later, number), review(number, (place + 1) % products.len(), true, at))
                    }
                    After::Labelled => labels.insert((later, number), labelled("positive", later)),
                };
            }
        }
    }
    let [first, second] = lines.map(|lines| partition_bytes(&lines));
    vec![
        partition(Kind::Review, 0, first),
        partition(Kind::Review, 1, second),
        partition(Kind::Feedback, 0, partition_bytes(&labels)),
    ]
}

fn review(number: u64, product: usize, bad: bool, ts: u64) -> Value {
    let (text, rating) =
        if bad { ("Awful, broken, want a refund", 1) } else { ("Great, works well, very happy", 5) };
    json!({
        "review_id": format!("r{number}"), "product_id": format!("p{product}"), "user_id": format!("u{number}"),
        "rating": rating, "text": format!("{text}, order {number}"), "lang": "en", "ts": ts,
    })
}

fn partition_bytes(lines: &Lines) -> Vec<u8> {
    lines.values().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}
