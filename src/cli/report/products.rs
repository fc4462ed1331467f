//! What became of the products: their scores at the end, and what changed most on the way.
//!
//! The file of product scores may have a million lines, so of each product only the last state and its extremes are
//! kept; the course of the one that is drawn is read in a second pass. An extreme counts only from
//! [`ENOUGH_REVIEWS`] reviews on: before that a score moves because it is young. Ties go to the smaller id.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use miette::{Context, IntoDiagnostic};
use serde::Deserialize;

/// From how many reviews on a product is ranked and its score said to have changed.
pub(super) const ENOUGH_REVIEWS: u64 = 20;
/// How many products a list has.
pub(super) const LISTED: usize = 5;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    #[serde(default)]
    epoch: i64,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    reviews: u64,
    #[serde(default)]
    ratings: u64,
    rating_mean: Option<f64>,
    negative_share: Option<f64>,
    score: Option<f64>,
}

/// A product's state at an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// The epoch.
    pub epoch: i64,
    /// Accepted reviews.
    pub reviews: u64,
    /// Those with stars.
    pub ratings: u64,
    /// Mean of the stars.
    pub rating_mean: Option<f64>,
    /// Share of negative reviews.
    pub negative_share: Option<f64>,
    /// The score, 1 to 5.
    pub score: f64,
}

/// A product's last state and its extremes.
#[derive(Debug, Clone, Copy)]
struct Course {
    last: State,
    highest: Option<State>,
    lowest: Option<State>,
}

/// A product and its state at the end.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The product's id.
    pub product: String,
    /// Its last state.
    pub state: State,
}

/// A product whose score went from one state to another.
#[derive(Debug, Clone)]
pub struct Change {
    /// The product's id.
    pub product: String,
    /// The extreme.
    pub from: State,
    /// The end.
    pub to: State,
}

impl Change {
    /// The difference of the scores.
    #[must_use]
    pub fn by(&self) -> f64 {
        self.to.score - self.from.score
    }
}

/// The findings in a file of product scores.
#[derive(Debug, Clone, Default)]
pub struct Products {
    /// Products with reviews at the end.
    pub live: usize,
    /// The highest scores, the highest first.
    pub best: Vec<Ranked>,
    /// The lowest scores, the lowest first.
    pub worst: Vec<Ranked>,
    /// The largest falls from the highest state to the end, the largest first.
    pub falls: Vec<Change>,
    /// The largest rises from the lowest state to the end, the largest first.
    pub rises: Vec<Change>,
}

/// Reads the file of product scores once.
///
/// # Errors
/// A file that cannot be read, or a line that is no product score.
pub(super) fn read(path: &Path) -> miette::Result<Products> {
    let mut courses: BTreeMap<String, Course> = BTreeMap::new();
    for_each(
        path,
        |_| true,
        |product, state| {
            let Some(state) = state else {
                courses.remove(product);
                return;
            };
            let settled = (state.reviews >= ENOUGH_REVIEWS).then_some(state);
            match courses.get_mut(product) {
                Some(course) => {
                    course.last = state;
                    course.highest = extreme(course.highest, settled, |new, old| new > old);
                    course.lowest = extreme(course.lowest, settled, |new, old| new < old);
                }
                None => {
                    courses.insert(
                        product.to_owned(),
                        Course { last: state, highest: settled, lowest: settled },
                    );
                }
            }
        },
    )?;
    Ok(findings(&courses))
}

/// Reads every state of one product, in order.
///
/// # Errors
/// As [`read`].
pub(super) fn course_of(path: &Path, product: &str) -> miette::Result<Vec<State>> {
    let finder = memchr::memmem::Finder::new(product.as_bytes());
    let plain = !product.contains(['"', '\\', '/']) && product.is_ascii();
    let mut states = Vec::new();
    // An id that may be escaped is searched for by parsing every line.
    for_each(
        path,
        |line| !plain || finder.find(line).is_some(),
        |id, state| {
            if id == product {
                states.extend(state);
            }
        },
    )?;
    Ok(states)
}

fn extreme(old: Option<State>, new: Option<State>, beats: impl Fn(f64, f64) -> bool) -> Option<State> {
    match (old, new) {
        (Some(old), Some(new)) if !beats(new.score, old.score) => Some(old),
        (old, new) => new.or(old),
    }
}

/// Hands every line that `wanted` lets through to `visit`; no state is a tombstone.
fn for_each(
    path: &Path,
    wanted: impl Fn(&[u8]) -> bool,
    mut visit: impl FnMut(&str, Option<State>),
) -> miette::Result<()> {
    let file =
        File::open(path).into_diagnostic().wrap_err_with(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes);
        if read.into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))? == 0 {
            break;
        }
        if bytes.trim_ascii().is_empty() || !wanted(&bytes) {
            continue;
        }
        let line: Line<'_> = serde_json::from_slice(&bytes)
            .into_diagnostic()
            .wrap_err_with(|| format!("{}, line {number}: not a product score", path.display()))?;
        let state = line.score.filter(|_| !line.deleted).map(|score| State {
            epoch: line.epoch,
            reviews: line.reviews,
            ratings: line.ratings,
            rating_mean: line.rating_mean,
            negative_share: line.negative_share,
            score,
        });
        visit(&line.product_id, state);
    }
    Ok(())
}

fn findings(courses: &BTreeMap<String, Course>) -> Products {
    let settled = || courses.iter().filter(|(_, course)| course.last.reviews >= ENOUGH_REVIEWS);
    let ranked = |sign: f64| {
        let mut list: Vec<_> = settled().collect();
        list.sort_by(|(_, a), (_, b)| (sign * a.last.score).total_cmp(&(sign * b.last.score)));
        list.truncate(LISTED);
        list.into_iter()
            .map(|(product, course)| Ranked { product: product.clone(), state: course.last })
            .collect()
    };
    let changes = |sign: f64, extreme: fn(&Course) -> Option<State>| {
        let mut list: Vec<Change> = settled()
            .filter_map(|(product, course)| {
                Some(Change { product: product.clone(), from: extreme(course)?, to: course.last })
            })
            .filter(|change| sign * change.by() < 0.0)
            .collect();
        list.sort_by(|a, b| (sign * a.by()).total_cmp(&(sign * b.by())));
        list.truncate(LISTED);
        list
    };
    Products {
        live: courses.len(),
        best: ranked(-1.0),
        worst: ranked(1.0),
        falls: changes(1.0, |course| course.highest),
        rises: changes(-1.0, |course| course.lowest),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(lines: &[String]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
        file
    }

    fn line(product: &str, epoch: i64, reviews: u64, score: f64) -> String {
        format!(
            r#"{{"product_id":"{product}","epoch":{epoch},"reviews":{reviews},"ratings":{reviews},"rating_mean":{score},"score":{score}}}"#
        )
    }

    #[test]
    fn the_last_line_counts_and_young_scores_are_no_extremes() {
        let file = file(&[
            line("a", 1, 3, 5.0),
            line("a", 2, 20, 4.0),
            line("b", 2, 30, 2.0),
            line("c", 2, 50, 4.9),
            line("a", 3, 40, 3.0),
            line("b", 4, 60, 3.5),
            r#"{"product_id":"c","epoch":5,"deleted":true}"#.to_owned(),
            line("young", 6, 2, 1.0),
        ]);
        let products = read(file.path()).unwrap();
        assert_eq!(products.live, 3);
        assert_eq!(
            products.best.iter().map(|ranked| ranked.product.as_str()).collect::<Vec<_>>(),
            ["b", "a"]
        );
        assert_eq!(products.worst[0].product, "a");
        assert_eq!(products.falls.len(), 1);
        assert_eq!((products.falls[0].from.epoch, products.falls[0].by()), (2, -1.0));
        assert_eq!((products.rises[0].product.as_str(), products.rises[0].by()), ("b", 1.5));
        let course = course_of(file.path(), "a").unwrap();
        assert_eq!(course.iter().map(|state| state.score).collect::<Vec<_>>(), [5.0, 4.0, 3.0]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let file = file(&[line("a", 1, 3, 5.0), "{".to_owned()]);
        let error = format!("{:?}", read(file.path()).unwrap_err());
        assert!(error.contains("line 2"), "{error}");
    }
}
