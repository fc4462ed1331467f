//! `learn`: one learner, in log order, from the labels of accepted live reviews.
//!
//! Its examples are a function of the table it reads. Each change of a review's example from one epoch's close to the
//! next is one step, at the place in the log of the record that caused it: the counts of the old example are removed, the
//! new one is predicted, counted and learned. An epoch with at least one step publishes a version. The first label of a
//! published prediction judges it (prequential); the learner's own prediction is judged at every step (progressive).

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    quality_log::quality_record,
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse},
    row::{Place, Scored},
    sentiment::SentimentSettings,
    wiring::{Edge, MODELS, Run, Step, Wiring},
};
use crate::{
    engine::{
        Epoch,
        edge::{Update, updates},
        keyed::runs,
        model_loop::{OWNER, Owner, owned},
    },
    learning::{
        FeatureSettings, Features, Learner, LearnerSettings, Model,
        quality::{ENOUGH_LABELS, Figures, Labels, Origin, Quality, Window},
        store,
    },
    records::{ModelRecord, Role, Sentiment, number::micro_to_f64},
    telemetry::{ModelMeter, SliceFigures, StepMeter},
};

/// Settings of `learn`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearnSettings {
    /// The id of the scoring transform whose model this is.
    pub model: String,
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "learn",
    summary: "Learns from stars and feedback in log order: predict, score the prediction, learn, publish at the close of the epoch.",
    settings: Settings::of::<LearnSettings>(),
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false }],
    outputs: &[Output { name: Some("models"), edge: OutputType::Fixed(EdgeType::Models) }],
    state: Some(StateFormat { id: "model", version: 1 }),
    inserts: false,
    scores: false,
    learns: Some("model"),
    demand: |_| Demand { keep_features: true, ..Demand::default() },
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let Some((scoring, model_id)) = step.learns else { return Vec::new() };
    let layout = step.demand.features.as_ref().and_then(|layout| parse::<SentimentSettings>(layout).ok());
    let features = layout.unwrap_or_default().features();
    let settings = LearnerSettings::default();
    let learn = Learn {
        run: Arc::clone(&wiring.run),
        meter: wiring.meter(step),
        shown: wiring.run.metrics.model(model_id),
        model_id: model_id.to_owned(),
        model: wiring.run.model(scoring, || Model::new(features.bits, &settings)),
        learner: Learner::new(&settings),
        features,
        prequential: Quality::default(),
        progressive: Quality::default(),
        unlabelled: BTreeSet::new(),
    };
    if wiring.scope.index() == OWNER {
        learn.shown.published(learn.model.version(), learn.model.labels());
    }
    wiring.run.intake.occupy(OWNER);
    let (closed, models) = owned(wiring.scope, updates(table), step.id, learn);
    if let Some(end) = wiring.loops.remove(&scoring) {
        end.connect(closed);
    }
    vec![Edge::Models(models)]
}

/// Every how many versions the figures in the metrics are renewed.
const SHOW_EVERY: u64 = 16;
/// How many languages the metrics show at most: tags come from outside.
const SHOW_LANGUAGES: usize = 16;

struct Learn {
    run: Arc<Run>,
    meter: StepMeter,
    shown: Arc<ModelMeter>,
    model_id: String,
    model: Arc<Model>,
    learner: Learner,
    features: FeatureSettings,
    prequential: Quality,
    progressive: Quality,
    /// Live versions whose prediction has been judged, and which have no label now: a label that comes is not the first.
    unlabelled: BTreeSet<Place>,
}

/// What an epoch did to the example of one review.
struct Change {
    place: Place,
    old: Option<Scored>,
    new: Option<Scored>,
}

impl Change {
    fn review_id(&self) -> &[u8] {
        self.new.as_ref().or(self.old.as_ref()).map_or(&[], |row| row.review.id_bytes())
    }
}

/// The label that a row teaches: feedback beats stars; neutral feedback and three stars teach nothing.
fn example(row: &Scored) -> Option<(Features<'_>, bool)> {
    let positive = if !row.accepted() {
        None
    } else if let Some(label) = &row.label {
        match label.label {
            Sentiment::Positive => Some(true),
            Sentiment::Negative => Some(false),
            Sentiment::Neutral => None,
        }
    } else {
        match row.review.rating() {
            Some(4_000_000..) => Some(true),
            Some(..=2_000_000) => Some(false),
            _ => None,
        }
    };
    positive.map(|positive| (Features(row.review.features()), positive))
}

impl Owner<Update<Scored>, ModelRecord> for Learn {
    fn close(&mut self, epoch: Epoch, rows: &mut Vec<Update<Scored>>) {
        self.meter.received(rows.len());
        let mut steps = self.changes(rows);
        // in log order; at one place removals first, then by id
        steps.sort_by(|a, b| {
            let order = |change: &Change| (change.place, change.new.as_ref().and_then(example).is_some());
            order(a).cmp(&order(b)).then_with(|| a.review_id().cmp(b.review_id()))
        });
        for (n, change) in steps.iter().enumerate() {
            if let Some(next) = steps.get(n + 1) {
                for row in [&next.old, &next.new].into_iter().flatten() {
                    self.model.prefetch(Features(row.review.features()));
                }
            }
            self.step(change);
        }
        if !steps.is_empty() {
            self.learner.publish(&self.model);
            self.shown.published(self.model.version(), self.model.labels());
            if self.model.version() % SHOW_EVERY == 1 {
                self.show();
            }
            self.run.quality.record(epoch, self.model.version(), &self.prequential, &self.progressive);
        }
    }

    fn end(&mut self, give: &mut dyn FnMut(Epoch, ModelRecord)) {
        self.show();
        let epoch = self.run.intake.durable();
        if epoch == 0 || self.run.intake.limit() != Epoch::MAX || self.run.intake.aborted() {
            return;
        }
        let (hash, url) = match self.write_file() {
            Ok((hash, url)) => (Some(hash), Some(url)),
            Err(error) => {
                tracing::error!(model = self.model_id, %error, "cannot write the model's file");
                self.run.intake.abort();
                return;
            }
        };
        let record = ModelRecord {
            model: self.model_id.clone(),
            version: self.model.version(),
            role: Role::Champion,
            hash,
            url,
            labels: self.model.labels(),
            epoch,
            prequential: quality_record(&self.prequential, Window::Total),
            prequential_fading: quality_record(&self.prequential, Window::Fading),
            progressive: quality_record(&self.progressive, Window::Total),
            progressive_fading: quality_record(&self.progressive, Window::Fading),
        };
        self.run.quality.publish(&record, &self.prequential, &self.progressive);
        self.meter.sent(1);
        give(epoch, record);
    }
}

impl Learn {
    /// The reviews whose example differs between the close of the epoch before and this one.
    fn changes(&mut self, rows: &mut [Update<Scored>]) -> Vec<Change> {
        let key = |row: &Scored| row.review.head().id_hash;
        rows.sort_by(|(a, _, x), (b, _, y)| {
            key(a).cmp(&key(b)).then_with(|| a.review.id_bytes().cmp(b.review.id_bytes())).then(x.cmp(y))
        });
        let mut changes = Vec::new();
        for run in runs(rows, |(row, _, _)| key(row)) {
            // equal hashes are sorted by id: split there
            for one in run.chunk_by(|a, b| a.0.review.id_bytes() == b.0.review.id_bytes()) {
                let place = one.iter().map(|(row, _, _)| row.cause).max().unwrap_or_default();
                let old = one.iter().find(|(_, _, diff)| *diff < 0).map(|(row, _, _)| row.clone());
                let new = one.iter().find(|(_, _, diff)| *diff > 0).map(|(row, _, _)| row.clone());
                self.follow_predictions(old.as_ref(), new.as_ref());
                let same = |a: (Features<'_>, bool), b: (Features<'_>, bool)| a.0.0 == b.0.0 && a.1 == b.1;
                let changed = match (old.as_ref().and_then(example), new.as_ref().and_then(example)) {
                    (None, None) => false,
                    (Some(a), Some(b)) => !same(a, b),
                    _ => true,
                };
                if changed {
                    changes.push(Change { place, old, new });
                }
            }
        }
        changes
    }

    /// Judges a published prediction by the first label that came for it.
    fn follow_predictions(&mut self, old: Option<&Scored>, new: Option<&Scored>) {
        let same_version = matches!((old, new), (Some(a), Some(b)) if a.review.place() == b.review.place());
        let had_label = old.and_then(example).is_some();
        if let Some(old) = old.filter(|_| !same_version) {
            self.unlabelled.remove(&old.review.place());
        }
        let Some(new) = new else { return };
        match example(new) {
            Some((_, positive)) => {
                let judged = same_version && (had_label || self.unlabelled.remove(&new.review.place()));
                if !judged {
                    let published = micro_to_f64(new.review.head().sentiment.into());
                    self.prequential.observe(published, positive, new.review.lang().as_str(), origin(new));
                }
            }
            None if same_version && had_label => {
                self.unlabelled.insert(new.review.place());
            }
            None => {}
        }
    }

    fn step(&mut self, change: &Change) {
        let (old, new) = (change.old.as_ref().and_then(example), change.new.as_ref().and_then(example));
        let predicted = self.learner.step(&self.model, old, new);
        if let (Some(probability), Some((_, positive)), Some(row)) = (predicted, new, &change.new) {
            self.progressive.observe(probability, positive, row.review.lang().as_str(), origin(row));
        }
    }

    /// Shows the figures in the metrics: of all labels, and of the languages that have most of them.
    fn show(&self) {
        let fading = self.prequential.figures(Labels::All, Window::Fading);
        let mut langs: Vec<_> = fading
            .by_lang
            .into_iter()
            .map(|(lang, figures)| (self.prequential.observations_of(&lang), lang, figures))
            .filter(|(labels, ..)| *labels >= ENOUGH_LABELS)
            .collect();
        langs.sort_by(|(a, x, _), (b, y, _)| b.cmp(a).then_with(|| x.cmp(y)));
        langs.truncate(SHOW_LANGUAGES);
        let slices = langs.into_iter().map(|(_, lang, figures)| (lang, figures));
        let slices = [(String::new(), fading.figures)].into_iter().chain(slices);
        self.shown.judged(slices.map(|(lang, figures)| slice(lang, &figures)).collect());
    }

    /// Writes the model under the name of its content; its hash and its path within the state folder.
    fn write_file(&self) -> Result<(String, String), Box<dyn std::error::Error>> {
        let bytes = store::save(&self.features, &self.model, &self.learner)?;
        let hash = store::name(&bytes);
        let url = format!("{MODELS}/{hash}.safetensors");
        std::fs::create_dir_all(self.run.state.join(MODELS))?;
        std::fs::write(self.run.state.join(&url), bytes)?;
        Ok((hash, url))
    }
}

fn slice(lang: String, figures: &Figures) -> SliceFigures {
    let Figures { accuracy, log_loss, brier, ece, .. } = *figures;
    SliceFigures { lang, accuracy, log_loss, brier, ece }
}

fn origin(row: &Scored) -> Origin {
    if row.label.is_some() { Origin::Feedback } else { Origin::Stars }
}
