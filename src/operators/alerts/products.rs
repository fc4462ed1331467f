//! What changes in the history of each product in an epoch, and which of its reviews are severe. Keyed by product.
//!
//! The history is no part of a checkpoint: it is made anew from the rows that come at the epoch that a run goes on from, of
//! which nothing is told. How many products there are is told to every worker, as a change of their number: how much a
//! share must be up depends on it.

use std::sync::Arc;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{
    machine::Level,
    readings::{NAMED, Told, severe_review},
    settings::AlertsSettings,
};
use crate::{
    engine::{
        Epoch,
        edge::Update,
        keyed::{EpochStep, runs},
    },
    learning::{
        outliers::{Counts, Series, day_of},
        severity::Lexicon,
    },
    operators::{row::Scored, wiring::Run},
    records::{CaseKind, Sentiment, number::round_micro},
    telemetry::StepMeter,
};

/// What the next stage hears.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Heard {
    /// So many products more, or fewer; to this worker.
    Products(u64, i64),
    /// The history of a product has changed.
    Changed(Box<Changed>),
    /// How a review stands; from this worker.
    Review(u64, Box<Told>),
}

impl Heard {
    /// The worker that it goes to.
    pub(super) fn worker(&self) -> u64 {
        match self {
            Self::Products(worker, _) | Self::Review(worker, _) => *worker,
            Self::Changed(changed) => changed.worker,
        }
    }
}

/// A product whose history has changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) worker: u64,
    pub(super) product_id: Arc<str>,
    pub(super) series: Series,
    /// The history before, where negative reviews were taken away.
    pub(super) before: Option<Series>,
    /// The new negative reviews that weigh most: the lowest sentiments, ties by id.
    pub(super) reviews: Vec<String>,
    /// The newest version of the model that scored one of these.
    pub(super) version: u64,
    /// Whether some new negative review is young enough to open a case.
    pub(super) young: bool,
}

struct Product {
    hash: u64,
    id: Arc<str>,
    series: Series,
}

/// The histories of the products of one worker.
pub(super) struct Products {
    run: Arc<Run>,
    meter: StepMeter,
    settings: AlertsSettings,
    /// Highest sentiment and most stars of a severe review, in 1e-6.
    severe: (u32, u32),
    lexicon: Option<Lexicon>,
    scored_by: String,
    worker: u64,
    workers: u64,
    products: HashTable<Product>,
    /// Bytes of ids and histories.
    bytes: usize,
    order: Vec<(u64, u32)>,
}

impl Products {
    pub(super) fn new(
        run: &Arc<Run>,
        settings: &AlertsSettings,
        scored_by: &str,
        meter: StepMeter,
        (worker, workers): (usize, usize),
    ) -> Self {
        let micro = |value: f64| u32::try_from(round_micro(value)).unwrap_or(0);
        Self {
            run: Arc::clone(run),
            meter,
            settings: settings.clone(),
            severe: (micro(settings.severe_review.sentiment), micro(settings.severe_review.rating)),
            lexicon: settings.severe_review.lexicon.lexicon(),
            scored_by: scored_by.to_owned(),
            worker: worker as u64,
            workers: workers as u64,
            products: HashTable::new(),
            bytes: 0,
            order: Vec::new(),
        }
    }

    /// Whether a review is young enough at an epoch to open a case.
    fn young(&self, row: &Scored, epoch: Epoch) -> bool {
        let oldest = epoch.saturating_sub(self.settings.max_age.0);
        u64::try_from(row.review.head().ts).unwrap_or(0) >= oldest
    }

    fn is_severe(&self, row: &Scored) -> bool {
        let (sentiment, rating) = self.severe;
        let head = row.review.head();
        head.sentiment <= sentiment
            && (!head.sections.is_empty() || row.review.rating().is_some_and(|stars| stars <= rating))
            && is_negative(row)
    }

    /// Tells of the severe reviews among the changes of a product: of those that came, and of those that are gone.
    fn tell_of_reviews(&self, epoch: Epoch, rows: &[&Update<Scored>], give: &mut dyn FnMut(Heard)) {
        let severe = |sign: isize| {
            let these = rows.iter().filter(move |(_, _, diff)| diff.signum() == sign);
            these.map(|(row, _, _)| row).filter(|row| self.is_severe(row))
        };
        let mut tell = |row: &Scored, level: Level| {
            let firing = (level == Level::Firing)
                .then(|| Box::new(severe_review(row, self.lexicon.as_ref(), &self.scored_by)));
            let (name, product_id) = (row.review.id().into(), row.review.product().into());
            let told = Told { kind: CaseKind::SevereReview, name, product_id, level, firing };
            give(Heard::Review(self.worker, Box::new(told)));
        };
        for row in severe(1).filter(|row| self.young(row, epoch)) {
            tell(row, Level::Firing);
        }
        for row in severe(-1) {
            if !severe(1).any(|new| new.review.id_bytes() == row.review.id_bytes()) {
                tell(row, Level::Gone);
            }
        }
    }

    /// Takes the changes of one product; how many products there are more.
    fn product(&mut self, epoch: Epoch, rows: &[&Update<Scored>], give: &mut dyn FnMut(Heard)) -> i64 {
        let first = &rows[0].0.review;
        let (hash, id) = (first.head().product_hash, first.product());
        let today = day_of(epoch.cast_signed());
        let kept_from = self.settings.product_drop.test.kept_from(today);
        let entry = self.products.entry(hash, |p| p.hash == hash && *p.id == *id, |p| p.hash);
        let mut entry = entry.or_insert_with(|| Product { hash, id: id.into(), series: Series::default() });
        let product = entry.get_mut();
        let (was_there, bytes_before) = (!product.series.is_empty(), allocated(product));
        let negatives: isize =
            rows.iter().filter(|(row, _, _)| is_negative(row)).map(|(_, _, diff)| *diff).sum();
        // what comes at the restored epoch is told to nobody
        let is_news = !self.run.is_restored(epoch);
        let before = (is_news && negatives < 0).then(|| product.series.clone());
        for (row, _, diff) in rows {
            let day = day_of(row.review.head().ts);
            product.series.add(day, Counts::of(is_negative(row), *diff as i64), kept_from);
        }
        let told = is_news.then(|| (Arc::clone(&product.id), product.series.clone()));
        let (is_there, bytes_after) = (!product.series.is_empty(), allocated(product));
        if is_there {
            self.bytes += bytes_after;
        } else {
            entry.remove();
        }
        if was_there {
            self.bytes -= bytes_before;
        }
        if let Some((product_id, series)) = told {
            self.tell_of_reviews(epoch, rows, give);
            let mut newest: Vec<&Scored> = rows
                .iter()
                .filter(|(row, _, diff)| *diff > 0 && is_negative(row) && self.young(row, epoch))
                .map(|(row, _, _)| row)
                .collect();
            newest.sort_unstable_by_key(|row| (row.review.head().sentiment, row.review.id_bytes()));
            let named = &newest[..newest.len().min(NAMED)];
            give(Heard::Changed(Box::new(Changed {
                worker: self.worker,
                product_id,
                series,
                before,
                reviews: named.iter().map(|row| row.review.id().to_owned()).collect(),
                version: named.iter().map(|row| row.review.head().version).max().unwrap_or(0),
                young: !newest.is_empty(),
            })));
        }
        i64::from(is_there) - i64::from(was_there)
    }
}

fn is_negative(row: &Scored) -> bool {
    row.effective_label() == Sentiment::Negative
}

/// Bytes of the allocations of a product: of its id with two counts of references, and of its history.
fn allocated(product: &Product) -> usize {
    let id = (2 * size_of::<usize>() + product.id.len()).next_multiple_of(align_of::<usize>());
    id + product.series.allocated()
}

impl EpochStep<Update<Scored>, Heard> for Products {
    fn close(&mut self, epoch: Epoch, rows: &mut Vec<Update<Scored>>, give: &mut dyn FnMut(Heard)) {
        self.meter.received(rows.len());
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let counts = rows.iter().zip(0..).filter(|((row, _, diff), _)| row.accepted() && *diff != 0);
        order.extend(counts.map(|((row, _, _), n)| (row.review.head().product_hash, n)));
        order.sort_unstable();
        let mut more = 0;
        for run in runs(&mut order, |o| o.0) {
            let product = |n: u32| rows[n as usize].0.review.product_bytes();
            // equal hashes of different products must not be taken for one
            if run.iter().any(|o| product(o.1) != product(run[0].1)) {
                run.sort_by(|a, b| product(a.1).cmp(product(b.1)));
            }
            for one in runs(run, |o| product(o.1)) {
                let changes: Vec<&Update<Scored>> = one.iter().map(|(_, n)| &rows[*n as usize]).collect();
                more += self.product(epoch, &changes, give);
            }
        }
        self.order = order;
        if more != 0 {
            (0..self.workers).for_each(|worker| give(Heard::Products(worker, more)));
        }
        let bytes = self.products.allocation_size() + self.bytes;
        self.meter.keeps(self.products.len() as u64, bytes as u64);
    }
}
