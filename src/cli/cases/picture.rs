//! One case for people: what is known of it, and the negative share of its product as a line of blocks.
//!
//! Each block is the share at the end of an equal part of the time between the first change and the last; the highest
//! block is the highest share of all, the lowest is 0. Where nothing changed, the share stays.

use std::fmt::Write;

use super::time;
use crate::records::{Case, ShareFigures, number::Fraction};

/// Blocks, from nothing to full.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many of them.
const WIDTH: usize = 60;

/// A fraction as percent.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn value(fraction: Fraction) -> f64 {
    fraction.0 as f64 / 1e6
}

fn figures(share: ShareFigures) -> String {
    format!("{} of {} reviews negative ({})", share.negative, share.reviews, percent(value(share.share)))
}

/// A case, line by line.
pub(super) fn case(case: &Case, shares: &[(u64, f64)]) -> String {
    let mut text = format!("{}\n", case.case_id);
    let mut row = |name: &str, what: Option<String>| {
        if let Some(what) = what {
            let _ = writeln!(text, "  {name:<13}{what}");
        }
    };
    let evidence = &case.evidence;
    row("state", Some(format!("{}, {}", case.state.as_str(), case.severity.as_str())));
    row("product", case.product_id.clone());
    row("review", case.review_id.clone());
    row("opened", Some(time(case.opened)));
    row("updated", Some(time(case.updated)));
    row("fired", evidence.fired.map(time));
    row("step", Some(case.step.to_string()));
    row("note", case.note.clone());
    row("by", evidence.by.clone());
    row("method", evidence.method.clone());
    row("before", evidence.before.map(figures));
    row("after", evidence.after.map(figures));
    row("since", evidence.since.and_then(|since| u64::try_from(since).ok()).map(time));
    for (name, figure) in [
        ("z", evidence.z),
        ("surprise", evidence.surprise),
        ("ewma", evidence.ewma),
        ("cusum", evidence.cusum),
    ] {
        row(name, figure.map(|figure| format!("{:.2}", value(figure))));
    }
    row("sentiment", evidence.sentiment.map(|sentiment| format!("{:.3}", value(sentiment))));
    row("stars", evidence.rating.map(|rating| value(rating).to_string()));
    row("grave words", Some(evidence.sections.join(", ")).filter(|sections| !sections.is_empty()));
    row("reviews", Some(evidence.reviews.join(", ")).filter(|reviews| !reviews.is_empty()));
    for (target, result) in &evidence.deliveries {
        row("told", Some(format!("{target}: {}", result.as_str())));
    }
    row("resolved", evidence.resolved.map(|why| why.as_str().to_owned()));
    if let (Some((first, _)), Some((last, now))) = (shares.first(), shares.last()) {
        let _ =
            writeln!(text, "\n  negative share, {} to {}, now {}", time(*first), time(*last), percent(*now));
        let _ = writeln!(text, "  {}", sparkline(shares));
    }
    text
}

/// Shares over time as blocks.
fn sparkline(shares: &[(u64, f64)]) -> String {
    let (Some((first, _)), Some((last, _))) = (shares.first(), shares.last()) else { return String::new() };
    let highest = shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let width = WIDTH.min(shares.len());
    let end = |n: usize| u128::from(*first) + u128::from(last - first) * (n as u128 + 1) / width as u128;
    let block = |n: usize| {
        let known = shares.partition_point(|(epoch, _)| u128::from(*epoch) <= end(n));
        let share = shares[known.saturating_sub(1)].1;
        let height = if highest > 0.0 { share / highest * (BLOCKS.len() - 1) as f64 } else { 0.0 };
        BLOCKS[(height.round() as usize).min(BLOCKS.len() - 1)]
    };
    (0..width).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_rises_is_a_line_that_rises() {
        let shares: Vec<_> = (0..8_u64).map(|n| (1_000 + n, n as f64 / 20.0)).collect();
        assert_eq!(sparkline(&shares), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[(5, 0.0), (9, 0.0)]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        // nothing changes in between: the share stays
        let mut shares = vec![(0, 0.5)];
        shares.extend((900..1_000).map(|epoch| (epoch, 0.25)));
        let line: Vec<char> = sparkline(&shares).chars().collect();
        assert_eq!((line.len(), line[0], line[52], line[59]), (WIDTH, '█', '█', '▅'));
    }
}
