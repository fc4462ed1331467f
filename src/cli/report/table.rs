//! The closing table of a run, for a terminal: plain text of at most 100 columns.

use std::fmt::Write as _;

use super::data::{Books, Report};
use super::products::{Change, ENOUGH_REVIEWS, Products, Ranked};
use super::scale::date;
use super::slices::{self, Slices};

/// Widest product id that is shown whole.
const ID_WIDTH: usize = 28;

/// The table: best and worst products, what changed most, quality of the model, the books.
#[must_use]
pub fn summary_table(report: &Report, products: &Products) -> String {
    let mut out = String::new();
    let _ = write!(out, "{}: {} records", clean(&report.name, 40), thousands(report.records));
    if let Some(seconds) = report.seconds.filter(|&seconds| seconds > 0.0) {
        let rate = (report.records as f64 / seconds) as u64;
        let _ = write!(out, " in {seconds:.1} s, {} a second", thousands(rate));
    }
    let _ = writeln!(out, "; {} products", thousands(products.live as u64));
    ranking(&mut out, "Best products", &products.best);
    ranking(&mut out, "Worst products", &products.worst);
    changes(&mut out, "Fell most", &products.falls);
    changes(&mut out, "Rose most", &products.rises);
    out.push_str(&quality_table(report));
    books(&mut out, &report.books);
    out
}

/// The part of the table that says how well the model did; empty without a model.
#[must_use]
pub fn quality_table(report: &Report) -> String {
    let mut out: String = slices::of(report).iter().map(Slices::text).collect();
    if let Some(model) = &report.model {
        let _ = writeln!(out, "  {} labels learned", thousands(model.labels));
    }
    out
}

fn heading(out: &mut String, title: &str, columns: &str) {
    let _ = writeln!(out, "\n{title:<30}{columns}");
}

fn ranking(out: &mut String, title: &str, list: &[Ranked]) {
    heading(out, title, " score  stars  reviews  negative");
    for Ranked { product, state } in list {
        let _ = writeln!(
            out,
            "  {:<28}{:>6.2}{:>7}{:>9}{:>10}",
            clean(product, ID_WIDTH),
            state.score,
            fixed(state.rating_mean, 2),
            thousands(state.reviews),
            state.negative_share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
        );
    }
    if list.is_empty() {
        let _ = writeln!(out, "  none with {ENOUGH_REVIEWS} reviews");
    }
}

fn changes(out: &mut String, title: &str, list: &[Change]) {
    heading(out, title, "change   from     to  reviews  since");
    for change in list {
        let _ = writeln!(
            out,
            "  {:<28}{:>+6.2}{:>7.2}{:>7.2}{:>9}  {}",
            clean(&change.product, ID_WIDTH),
            change.by(),
            change.from.score,
            change.to.score,
            thousands(change.to.reviews),
            date(change.from.epoch),
        );
    }
    if list.is_empty() {
        let _ = writeln!(out, "  none");
    }
}

fn books(out: &mut String, books: &Books) {
    let _ = writeln!(out, "\n{:<30}{:>14}", "The books", "records");
    let _ = writeln!(out, "  {:<28}{:>14}", "in", thousands(books.read));
    for (end, count) in books.ends() {
        let _ = writeln!(out, "  {end:<28}{:>14}{}", thousands(count), parts(books, end));
    }
    let _ = writeln!(out, "  {}", verdict(books));
}

/// The parts of an end, within the line.
fn parts(books: &Books, end: &str) -> String {
    let mut text = String::new();
    for (place, (part, count)) in books.parts(end).enumerate() {
        let next =
            format!("{}{} {}", if place == 0 { "  " } else { ", " }, clean(part, 20), thousands(count));
        if text.chars().count() + next.chars().count() > 50 {
            text.push_str(", ...");
            break;
        }
        text.push_str(&next);
    }
    text
}

/// Whether the books balance, in words.
pub(super) fn verdict(books: &Books) -> String {
    match books.difference() {
        0 => "\u{2713} in = applied + superseded + deleted + dropped + dead letters + pending".to_owned(),
        more if more > 0 => format!("MISMATCH: {more} more records told than read"),
        less => format!("MISMATCH: {} records are not accounted for", -less),
    }
}

/// A figure with fixed decimals, a dash for none.
pub(super) fn fixed(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.decimals$}"))
}

/// A count with commas between thousands.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text from outside, without control characters and cut to a width.
pub(super) fn clean(text: &str, width: usize) -> String {
    let safe = text.chars().map(|letter| if letter.is_control() { '?' } else { letter });
    if text.chars().count() <= width {
        return safe.collect();
    }
    safe.take(width - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_table_is_aligned_and_fits() {
        let table = summary_table(&example::report(), &example::products());
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        insta::assert_snapshot!(table);
    }

    #[test]
    fn books_that_do_not_balance_are_shouted_about() {
        let mut report = example::report();
        report.books.pending += 1;
        assert!(summary_table(&report, &Products::default()).contains("MISMATCH: 1 more"));
        report.books.read += 3;
        assert!(summary_table(&report, &Products::default()).contains("MISMATCH: 2 records are not"));
    }

    #[test]
    fn ids_from_outside_cannot_break_the_table() {
        assert_eq!(clean("a\u{1b}[31m\n", 28), "a?[31m?");
        assert_eq!(clean(&"x".repeat(300), 28).chars().count(), 28);
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
    }
}
