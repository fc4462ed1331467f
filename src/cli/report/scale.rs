//! Axes: where a value lies on the paper, and which values are worth a line.
//!
//! Ticks of numbers lie on 1, 2 or 5 times a power of ten. Ticks of time lie on whole calendar units in UTC, from
//! milliseconds to years. Epochs of records that bear no time are small numbers; they get ticks of numbers.

use crate::records::calendar::{DAY, civil, day_of};

/// A linear map from a domain to the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// The domain.
    pub(super) domain: [f64; 2],
    /// Where its ends lie.
    pub(super) range: [f64; 2],
}

impl Scale {
    /// Where a value lies; a domain of one point lies at the start.
    pub(super) fn at(&self, value: f64) -> f64 {
        let width = self.domain[1] - self.domain[0];
        let share = if width == 0.0 { 0.0 } else { (value - self.domain[0]) / width };
        self.range[0] + share * (self.range[1] - self.range[0])
    }
}

/// Multiples of 1, 2 or 5 times a power of ten within `low` to `high`, about `wanted` of them, and their decimals.
pub(super) fn ticks(low: f64, high: f64, wanted: u32) -> (Vec<f64>, usize) {
    if !low.is_finite() || !high.is_finite() || high <= low {
        return (vec![low], 2);
    }
    let rough = (high - low) / f64::from(wanted.max(1));
    let power = libm::floor(libm::log10(rough)) as i32;
    let base = libm::pow(10.0, f64::from(power));
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * base >= rough * 0.999_999).unwrap_or(10.0);
    let step = factor * base;
    // A little slack, lest rounding loses an end that is itself a multiple.
    let first = libm::ceil(low / step - 1e-9) as i64;
    let last = libm::floor(high / step + 1e-9) as i64;
    let decimals = if factor >= 10.0 { power + 1 } else { power };
    ((first..=last).map(|multiple| multiple as f64 * step).collect(), usize::try_from(-decimals).unwrap_or(0))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Steps below a month, in milliseconds.
const STEPS: [i64; 18] = [
    1,
    10,
    100,
    1_000,
    5_000,
    15_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    15 * DAY,
];

/// Whether an epoch is a time: everything before 1980 is a count.
pub(super) fn is_time(epoch: i64) -> bool {
    epoch >= 3_652 * DAY
}

/// `2 Mar 2026`, or the number of an epoch that is no time.
pub(super) fn date(epoch: i64) -> String {
    if !is_time(epoch) {
        return format!("epoch {epoch}");
    }
    let (year, month, day) = civil(epoch.div_euclid(DAY));
    format!("{day} {} {year}", MONTHS[month as usize - 1])
}

/// Ticks between two epochs with their labels, at most about `wanted`.
pub(super) fn epoch_ticks(from: i64, to: i64, wanted: u32) -> Vec<(i64, String)> {
    if !is_time(from) {
        let (values, _) = ticks(from as f64, to as f64, wanted);
        return values.into_iter().map(|value| (value as i64, format!("{value}"))).collect();
    }
    let rough = (to - from) / i64::from(wanted.max(1));
    match STEPS.into_iter().find(|&step| step >= rough) {
        Some(step) if step < 5 * DAY => (from.div_euclid(step) + i64::from(from % step != 0)
            ..=to.div_euclid(step))
            .map(|multiple| (multiple * step, moment(multiple * step, step)))
            .collect(),
        Some(step) => of_month(from, to, step / DAY),
        None => months(from, to, rough),
    }
}

/// Days 1, 1 + n, ... of every month, without those that crowd the next first.
fn of_month(from: i64, to: i64, every: i64) -> Vec<(i64, String)> {
    (from.div_euclid(DAY)..=to.div_euclid(DAY))
        .filter(|&day| day * DAY >= from)
        .filter_map(|day| {
            let (_, month, of_month) = civil(day);
            let wanted = (of_month - 1) % every == 0 && of_month - 1 + every <= 30;
            wanted.then(|| (day * DAY, format!("{of_month} {}", MONTHS[month as usize - 1])))
        })
        .collect()
}

/// First days of every n-th month.
fn months(from: i64, to: i64, rough: i64) -> Vec<(i64, String)> {
    let every =
        [1, 2, 3, 6, 12, 24, 60, 120].into_iter().find(|every| every * 31 * DAY >= rough).unwrap_or(240);
    let (year, month, _) = civil(from.div_euclid(DAY));
    let mut first = year * 12 + month - 1;
    first -= first % every;
    (0..)
        .map(|place| first + place * every)
        .map(|month| (day_of(month / 12, month % 12 + 1, 1) * DAY, month))
        .skip_while(|&(at, _)| at < from)
        .take_while(|&(at, _)| at <= to)
        .map(|(at, month)| (at, format!("{} {}", MONTHS[(month % 12) as usize], month / 12)))
        .collect()
}

fn moment(at: i64, step: i64) -> String {
    let text = crate::records::calendar::rfc3339(at);
    let (_, month, day) = civil(at.div_euclid(DAY));
    match step {
        DAY.. => format!("{day} {}", MONTHS[month as usize - 1]),
        60_000.. if at % DAY == 0 => format!("{day} {}", MONTHS[month as usize - 1]),
        60_000.. => text[11..16].to_owned(),
        1_000.. => text[11..19].to_owned(),
        _ => text[17..23].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YEAR: i64 = 1_767_225_600_000;

    #[test]
    fn numbers_get_round_ticks() {
        assert_eq!(ticks(0.0, 1.0, 5), (vec![0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0], 1));
        assert_eq!(ticks(0.61, 0.93, 4), (vec![0.7000000000000001, 0.8, 0.9], 1));
        assert_eq!(ticks(1.0, 5.0, 4).0, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ticks(0.0, 12_000.0, 5), (vec![0.0, 5_000.0, 10_000.0], 0));
        assert_eq!(ticks(3.0, 3.0, 5).0, [3.0]);
    }

    #[test]
    fn times_get_ticks_on_whole_units() {
        let labels = |days: i64, wanted| -> Vec<String> {
            epoch_ticks(NEW_YEAR, NEW_YEAR + days * DAY, wanted).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(90, 6), ["1 Jan", "16 Jan", "1 Feb", "16 Feb", "1 Mar", "16 Mar", "1 Apr"]);
        assert_eq!(labels(3, 4), ["1 Jan", "2 Jan", "3 Jan", "4 Jan"]);
        assert_eq!(labels(1, 4), ["1 Jan", "06:00", "12:00", "18:00", "2 Jan"]);
        assert_eq!(labels(800, 5), ["Jan 2026", "Jul 2026", "Jan 2027", "Jul 2027", "Jan 2028"]);
        assert_eq!(epoch_ticks(0, 1_000, 4)[1], (500, "500".to_owned()));
        assert_eq!(date(NEW_YEAR + 60 * DAY), "2 Mar 2026");
        assert_eq!(date(17), "epoch 17");
    }

    #[test]
    fn a_scale_maps_its_ends() {
        let scale = Scale { domain: [1.0, 5.0], range: [300.0, 20.0] };
        assert_eq!((scale.at(1.0), scale.at(3.0), scale.at(5.0)), (300.0, 160.0, 20.0));
        assert_eq!(Scale { domain: [2.0, 2.0], range: [7.0, 9.0] }.at(2.0), 7.0);
    }
}
