//! The model's figures as rows: over all labels, then by language, for the table and the page.
//!
//! A language of few labels says nothing about the model, so it is left out; how many labels were left out is said below.

use std::fmt::Write as _;

use super::data::{Classes, Report};
use super::page::escape;
use super::table::{clean, fixed, thousands};
use crate::learning::quality::ENOUGH_LABELS;

/// A table of figures.
#[derive(Debug)]
pub(super) struct Slices {
    /// What it is about.
    pub(super) title: String,
    /// What its figures are; none is wider than the width.
    pub(super) columns: Vec<&'static str>,
    width: usize,
    rows: Vec<Row>,
    /// By measure: labels of languages that are not shown.
    left_out: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// One language of the row above.
    part: bool,
    figures: Vec<String>,
}

/// The tables of a report: quality, and how the classes fared.
pub(super) fn of(report: &Report) -> Vec<Slices> {
    let mut tables = Vec::new();
    if let Some(model) = &report.model {
        let title = format!("Quality of {}@{}", model.model, model.version);
        let columns = ["accuracy", "log loss", "AUC", "Brier", "ECE", "macro F1"];
        let mut quality = Slices::new(title, &columns, 10);
        for (name, measured) in model.measures() {
            let figures = |of: [Option<f64>; 6]| of.map(|figure| fixed(figure, 3)).into();
            let parts = measured.by_lang.iter().flatten();
            let parts = parts.map(|(lang, part)| (lang, part.labels, figures(part.figures())));
            quality.add(name, figures(measured.figures()), parts);
        }
        tables.push(quality);
    }
    if let Some(classes) = &report.classes {
        let columns = ["neg recall", "neg prec.", "negatives", "pos recall", "pos prec.", "positives"];
        let mut fared = Slices::new("Negative and positive".to_owned(), &columns, 11);
        for (name, measured) in classes.measures() {
            let figures = |of: &Classes| {
                let class = |class: &super::data::Class| {
                    [fixed(class.recall, 3), fixed(class.precision, 3), thousands(class.labels)]
                };
                [class(&of.negative), class(&of.positive)].concat()
            };
            let parts = measured.by_lang.iter();
            let parts = parts.map(|(lang, part)| (lang, Some(part.labels()), figures(part)));
            fared.add(name, figures(measured), parts);
        }
        tables.push(fared);
    }
    tables
}

impl Slices {
    fn new(title: String, columns: &[&'static str], width: usize) -> Self {
        Self { title, columns: columns.into(), width, rows: Vec::new(), left_out: Vec::new() }
    }

    /// Adds a measure with its parts: language, labels where known, figures.
    fn add<'a>(
        &mut self,
        name: &'static str,
        figures: Vec<String>,
        parts: impl Iterator<Item = (&'a String, Option<u64>, Vec<String>)>,
    ) {
        self.rows.push(Row { name: name.to_owned(), part: false, figures });
        let mut left_out = 0;
        for (lang, labels, figures) in parts {
            match labels {
                Some(few) if few < ENOUGH_LABELS => left_out += few,
                _ => self.rows.push(Row { name: lang.clone(), part: true, figures }),
            }
        }
        // a fading measure is over the same labels as the one that does not fade
        if left_out > 0 && !name.ends_with("fading") {
            self.left_out.push((name, left_out));
        }
    }

    /// What is not shown, in words.
    fn note(&self) -> Option<String> {
        let counts: Vec<String> =
            self.left_out.iter().map(|(name, labels)| format!("{} {name}", thousands(*labels))).collect();
        let counts = counts.join(", ");
        (!counts.is_empty())
            .then(|| format!("left out, in languages of fewer than {ENOUGH_LABELS} labels each: {counts}"))
    }

    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let mut out = format!("\n{:<30}", clean(&self.title, 29));
        let width = self.width;
        for column in &self.columns {
            let _ = write!(out, "{column:>width$}");
        }
        out.push('\n');
        for row in &self.rows {
            let name = format!("{}{}", if row.part { "  " } else { "" }, clean(&row.name, 20));
            let _ = write!(out, "  {name:<28}");
            for figure in &row.figures {
                let _ = write!(out, "{figure:>width$}");
            }
            out.push('\n');
        }
        if let Some(note) = self.note() {
            let _ = writeln!(out, "  {note}");
        }
        out
    }

    /// The rows as HTML.
    pub(super) fn html(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let class = if row.part { "part" } else { "all" };
            let _ = write!(out, "<tr class=\"{class}\"><th scope=\"row\">{}</th>", escape(&row.name));
            for figure in &row.figures {
                let _ = write!(out, "<td>{figure}</td>");
            }
            out.push_str("</tr>");
        }
        if let Some(note) = self.note() {
            let _ =
                write!(out, "<tr><td class=\"none\" colspan=\"{}\">{note}</td></tr>", self.columns.len() + 1);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn languages_of_few_labels_are_left_out_and_counted() {
        let report = example::report();
        for slices in of(&report) {
            for shown in [slices.text(), slices.html()] {
                assert!(shown.contains("de") && shown.contains("en"), "{shown}");
                assert!(!shown.contains("und<") && !shown.contains("und "), "{shown}");
                let note =
                    "left out, in languages of fewer than 100 labels each: 99 prequential, 100 progressive";
                assert!(shown.contains(note), "{shown}");
                assert_eq!(shown.matches("left out").count(), 1);
            }
        }
    }

    #[test]
    fn a_report_that_does_not_say_how_many_shows_all() {
        let mut report = example::report();
        let measures = [&mut report.model.as_mut().unwrap().prequential];
        for part in measures.into_iter().flatten().flat_map(|measure| measure.by_lang.iter_mut().flatten()) {
            part.1.labels = None;
        }
        assert!(of(&report)[0].text().contains("    und "));
    }
}
