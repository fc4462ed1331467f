//! What changes in the history of each product in an epoch, and which of its reviews are severe. Keyed by product.
//!
//! The history is no part of a checkpoint: it is made anew from the rows that come at the epoch that a run goes on from, of
//! which nothing is told. How many products there are is told to every worker, as a change of their number: how much a
//! share must be up depends on it.
//!
//! Of most products nobody has to hear. One is told of from the epoch on in which it may open a case: where a young negative review
//! has come and its share would be too high even if there were no other product. What is told of one that has no case
//! changes nothing, so it does not matter that a run that goes on from a checkpoint tells of those only that have one there.

use std::{collections::BTreeSet, sync::Arc};

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    machine::Level,
    readings::{NAMED, Told, severe_review},
    settings::AlertsSettings,
    stored::StoredCase,
};
use crate::{
    engine::{
        Epoch,
        edge::Update,
        keyed::{EpochStep, runs},
    },
    learning::{
        outliers::{Counts, Limits, Series, day_of, fires},
        severity::Lexicon,
    },
    operators::{
        row::Scored,
        wiring::{Run, Step},
    },
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
    /// Its history, with its name.
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
    products: HashTable<Series>,
    /// Hashes of the products that are told of.
    watched: BTreeSet<u64>,
    /// The limits with one product, the lowest.
    lowest: Limits,
    /// Bytes of histories.
    bytes: usize,
    order: Vec<(u64, u32)>,
}

impl Products {
    pub(super) fn new(
        run: &Arc<Run>,
        settings: &AlertsSettings,
        step: &Step<'_>,
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
            scored_by: step.scored_by.to_owned(),
            worker: worker as u64,
            workers: workers as u64,
            products: HashTable::new(),
            // an earlier run has told of those that have a case
            watched: run.kept(step.id).iter().filter_map(StoredCase::product_drop).collect(),
            lowest: settings.product_drop.test.limits(1),
            bytes: 0,
            order: Vec::new(),
        }
    }

    fn is_severe(&self, row: &Scored) -> bool {
        let (sentiment, rating) = self.severe;
        let head = row.review.head();
        head.sentiment <= sentiment
            && (!head.sections.is_empty() || row.review.rating().is_some_and(|stars| stars <= rating))
            && is_negative(row)
    }

    /// Tells of the severe reviews among the changes of a product: of those that came, which open a case if they are young, and of
    /// those that are gone.
    fn tell_of_reviews(&self, oldest: Epoch, rows: &[&Update<Scored>], give: &mut dyn FnMut(Heard)) {
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
        let was_severe = |row: &Scored| severe(-1).any(|old| old.review.id_bytes() == row.review.id_bytes());
        for row in severe(1) {
            if is_young(row, oldest) {
                tell(row, Level::Firing);
            } else if !was_severe(row) {
                // it may have been moved here from a product that tells that it is gone
                tell(row, Level::Between);
            }
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
        let is_it = |known: &Series| known.name() == id.as_bytes();
        let mut entry = self
            .products
            .entry(hash, is_it, |known| xxh3_64(known.name()))
            .or_insert_with(|| Series::named(id));
        let series = entry.get_mut();
        let (was_there, bytes_before) = (!series.is_empty(), series.allocated());
        // what comes at the restored epoch is told to nobody
        let is_news = !self.run.is_restored(epoch);
        let mut is_watched = is_news && self.watched.contains(&hash);
        let negatives: isize =
            rows.iter().filter(|(row, _, _)| is_negative(row)).map(|(_, _, diff)| *diff).sum();
        let before = (is_watched && negatives < 0).then(|| series.clone());
        for (row, _, diff) in rows {
            let day = day_of(row.review.head().ts);
            series.add(day, Counts::of(is_negative(row), *diff as i64), kept_from);
        }
        let oldest = epoch.saturating_sub(self.settings.max_age.0);
        let mut newest: Vec<&Scored> = Vec::new();
        if is_news {
            let new =
                |(row, _, diff): &&&Update<Scored>| *diff > 0 && is_negative(row) && is_young(row, oldest);
            newest.extend(rows.iter().filter(new).map(|(row, _, _)| row));
            if !is_watched && !newest.is_empty() && fires(series, today, &self.lowest) {
                is_watched = self.watched.insert(hash);
            }
        }
        let told = is_watched.then(|| series.clone());
        let (is_there, bytes_after) = (!series.is_empty(), series.allocated());
        if is_there {
            self.bytes += bytes_after;
        } else {
            entry.remove();
        }
        if was_there {
            self.bytes -= bytes_before;
        }
        if is_news {
            self.tell_of_reviews(oldest, rows, give);
        }
        if let Some(series) = told {
            newest.sort_unstable_by_key(|row| (row.review.head().sentiment, row.review.id_bytes()));
            let named = &newest[..newest.len().min(NAMED)];
            give(Heard::Changed(Box::new(Changed {
                worker: self.worker,
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

/// Whether a review is young enough to open a case.
fn is_young(row: &Scored, oldest: Epoch) -> bool {
    u64::try_from(row.review.head().ts).unwrap_or(0) >= oldest
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
