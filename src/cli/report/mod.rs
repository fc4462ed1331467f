//! What a run ends with: a table for the terminal and a picture in one HTML file.
//!
//! Both are made from the report file of a run and its file of product scores alone, so they can be made again at any
//! time. Nothing in them depends on when they are made.
//!
//! # Layout
//! `data` and `products` read, `turn` finds the day a product turned bad, `table` writes the table; `page` writes the
//! picture with `chart`, `scale` and `sample`. `slices`: the figures of both, by language.

mod chart;
mod data;
#[cfg(test)]
mod example;
mod page;
mod products;
mod sample;
mod scale;
mod slices;
mod table;
mod turn;

use std::path::Path;

use miette::{Context, IntoDiagnostic};

pub use data::{Books, Class, ClassReport, Classes, Epoch, Model, Quality, Report};
pub use products::{Change, Products, Ranked, State};
pub use table::{quality_table, summary_table};

/// How well the model of a run did, from what `--report` wrote, for a terminal.
///
/// # Errors
/// A file that cannot be read, or is not of its form.
pub fn read_quality(report: &Path) -> miette::Result<String> {
    Ok(quality_table(&data::read(report)?))
}

/// Writes the picture of a run to `html` and returns its closing table.
///
/// `report` is what `--report` wrote, `products` the file of product scores.
///
/// # Errors
/// A file that cannot be read, is not of its form, or cannot be written.
pub fn write_report(report: &Path, products: &Path, html: &Path) -> miette::Result<String> {
    let report = data::read(report)?;
    let findings = products::read(products)?;
    let course = match findings.falls.first() {
        Some(fall) => products::course_of(products, &fall.product)?,
        None => Vec::new(),
    };
    if let Some(folder) = html.parent() {
        std::fs::create_dir_all(folder)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(html, page::page(&report, &findings, &course))
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", html.display()))?;
    Ok(summary_table(&report, &findings))
}
