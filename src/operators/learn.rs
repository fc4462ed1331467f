//! `learn`: one learner, in log order, from the labels of accepted live reviews.
//!
//! Its examples are a function of the table it reads. Each change of a review's example from one epoch's close to the
//! next is one step, at the place in the log of the record that caused it: the counts of the old example are removed, the
//! new one is predicted, counted and learned. An epoch with at least one step publishes a version. The first label of a
//! published prediction judges it (prequential); the learner's own prediction is judged at every step (progressive).

mod figures;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    examples::{Change, example, origin},
    kept_learner::{self, KeptLearner},
    quality_log::quality_record,
    registry::{Demand, EdgeType, Operator, Output, OutputType, Port, Settings, StateFormat, parse},
    row::Scored,
    sentiment::SentimentSettings,
    wiring::{Edge, Learned, MODELS, Run, Step, Wiring},
};
use crate::{
    engine::{
        Epoch,
        checkpoint::parts::Part,
        duration::Millis,
        edge::{Update, updates},
        keyed::{KeptStep, runs},
        model_loop::{OWNER, Owner, owned},
    },
    learning::{FeatureSettings, Features, LearnerSettings, Model, quality::Window, store},
    records::{ModelRecord, Role, number::micro_to_f64},
    telemetry::{ModelMeter, StepMeter},
};

/// Settings of `learn`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearnSettings {
    /// The id of the scoring transform whose model this is.
    pub model: String,
    /// With `clock: wall`, how often the output `models` has a record of a model that learns, in epoch time.
    #[serde(default = "publish_every")]
    pub publish_every: Millis,
}

fn publish_every() -> Millis {
    Millis(600_000)
}

/// The registry entry.
pub const OPERATOR: Operator = Operator {
    name: "learn",
    summary: "Learns from stars and feedback in log order: predict, score the prediction, learn, publish at the close of the epoch.",
    settings: Settings::of::<LearnSettings>(),
    ports: &[Port { name: "reviews", accepts: &[EdgeType::ScoredTable], many: false, optional: false }],
    outputs: &[Output { name: Some("models"), edge: OutputType::Fixed(EdgeType::Models) }],
    state: Some(StateFormat { id: "model", version: 1 }),
    inserts: false,
    scores: false,
    learns: Some("model"),
    escalates: None,
    demand: |_| Demand { keep_features: true, ..Demand::default() },
    build,
};

fn build<'s>(wiring: &mut Wiring<'s>, step: &Step<'_>, mut inputs: Vec<Vec<Edge<'s>>>) -> Vec<Edge<'s>> {
    let Some(Edge::Scored(table)) = inputs.swap_remove(0).pop() else { return Vec::new() };
    let Some(Learned { scoring, id: model_id, settings: layout }) = step.learns else { return Vec::new() };
    // its own demand says nothing of the layout: what is asked for goes up the stream, to the step that decodes
    let features = parse::<SentimentSettings>(layout).unwrap_or_default().features();
    let publish_every =
        parse::<LearnSettings>(step.settings).map_or(publish_every(), |own| own.publish_every).0;
    let settings = LearnerSettings::default();
    // readers see its numbers: every epoch of this run is after the checkpoint's, whose rows come before any of them
    let model = wiring.run.model(scoring, || Model::new(features.bits, &settings));
    let kept = if wiring.scope.index() == OWNER {
        kept_learner::restore(&wiring.run, step.id, &features, &settings, &model)
    } else {
        KeptLearner::new(&settings)
    };
    // a learner that could not be restored has ended the run: it knows nothing of what may have to be removed
    let unrestored = wiring.run.intake.aborted();
    let learn = Learn {
        run: Arc::clone(&wiring.run),
        id: step.id.to_owned(),
        meter: wiring.meter(step),
        shown: wiring.run.metrics.model(model_id),
        model_id: model_id.to_owned(),
        model,
        features,
        publish_every: wiring.run.intake.is_live().then_some(publish_every),
        kept,
        unrestored,
    };
    if wiring.scope.index() == OWNER {
        learn.shown.published(learn.model.version(), learn.model.labels());
    }
    wiring.run.intake.occupy(OWNER);
    // what is restored was learned when it came to be
    let news = wiring.run.news(updates(table), step.id, wiring.meter(step));
    let (closed, models) = owned(wiring.scope, news, step.id, &wiring.run.intake, learn);
    if let Some(end) = wiring.loops.remove(&scoring) {
        end.connect(closed);
    }
    vec![Edge::Models(models)]
}

/// Every how many versions the figures in the metrics are renewed.
const SHOW_EVERY: u64 = 16;

struct Learn {
    run: Arc<Run>,
    id: String,
    meter: StepMeter,
    shown: Arc<ModelMeter>,
    model_id: String,
    model: Arc<Model>,
    features: FeatureSettings,
    /// How often a record is given, in ms of epoch time.
    publish_every: Option<u64>,
    /// All that a checkpoint has to hold.
    kept: KeptLearner,
    /// The run was over before it began.
    unrestored: bool,
}

impl Owner<Update<Scored>, ModelRecord> for Learn {
    fn close(&mut self, epoch: Epoch, rows: &mut Vec<Update<Scored>>, give: &mut dyn FnMut(ModelRecord)) {
        if self.unrestored {
            return;
        }
        self.meter.received(rows.len());
        self.meter.keeps(self.model.slots() as u64, (self.model.bytes() + self.kept.learner.bytes()) as u64);
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
            self.kept.learner.publish(&self.model);
            self.shown.published(self.model.version(), self.model.labels());
            if self.model.version() % SHOW_EVERY == 1 {
                self.show();
            }
            self.run.quality.record(
                epoch,
                self.model.version(),
                &self.kept.prequential,
                &self.kept.progressive,
            );
            if self.publish_every.is_some_and(|every| epoch / every > self.kept.published / every) {
                self.kept.published = epoch;
                let record = self.record(epoch, None);
                self.give(record, give);
            }
        }
    }

    fn end(&mut self, epoch: Epoch, give: &mut dyn FnMut(ModelRecord)) {
        if self.unrestored {
            return;
        }
        self.show();
        match self.write_file() {
            Ok(file) => {
                let record = self.record(epoch, Some(file));
                self.give(record, give);
            }
            Err(error) => {
                tracing::error!(model = self.model_id, %error, "cannot write the model's file");
                self.run.intake.abort();
            }
        }
    }
}

impl KeptStep for Learn {
    fn part(&mut self, _: Epoch) -> Part {
        self.show();
        kept_learner::part(&self.id, &self.features, &self.model, &self.kept)
    }
}

impl Learn {
    /// The record of the model at an epoch; its file's hash and path where there is one.
    fn record(&self, epoch: Epoch, file: Option<(String, String)>) -> ModelRecord {
        let (hash, url) = file.unzip();
        ModelRecord {
            model: self.model_id.clone(),
            version: self.model.version(),
            role: Role::Champion,
            hash,
            url,
            labels: self.model.labels(),
            epoch,
            prequential: quality_record(&self.kept.prequential, Window::Total),
            prequential_fading: quality_record(&self.kept.prequential, Window::Fading),
            progressive: quality_record(&self.kept.progressive, Window::Total),
            progressive_fading: quality_record(&self.kept.progressive, Window::Fading),
        }
    }

    fn give(&mut self, record: ModelRecord, give: &mut dyn FnMut(ModelRecord)) {
        self.run.quality.publish(&record, &self.kept.prequential, &self.kept.progressive);
        self.meter.sent(1);
        give(record);
    }

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
            self.kept.unlabelled.remove(&old.review.place());
        }
        let Some(new) = new else { return };
        match example(new) {
            Some((_, positive)) => {
                let judged = same_version && (had_label || self.kept.unlabelled.remove(&new.review.place()));
                if !judged {
                    let published = micro_to_f64(new.review.head().sentiment.into());
                    self.kept.prequential.observe(
                        published,
                        positive,
                        new.review.lang().as_str(),
                        origin(new),
                    );
                }
            }
            None if same_version && had_label => {
                self.kept.unlabelled.insert(new.review.place());
            }
            None => {}
        }
    }

    fn step(&mut self, change: &Change) {
        let (old, new) = (change.old.as_ref().and_then(example), change.new.as_ref().and_then(example));
        let predicted = self.kept.learner.step(&self.model, old, new);
        if let (Some(probability), Some((_, positive)), Some(row)) = (predicted, new, &change.new) {
            self.kept.progressive.observe(probability, positive, row.review.lang().as_str(), origin(row));
        }
    }

    /// Writes the model under the name of its content; its hash and its path below the state.
    fn write_file(&self) -> Result<(String, String), Box<dyn std::error::Error>> {
        let bytes = store::save(&self.features, &self.model, &self.kept.learner)?;
        let hash = store::name(&bytes);
        let url = kept_learner::stored_at(&hash);
        self.run.store.make_folder(MODELS)?;
        self.run.store.put(&url, &bytes)?;
        Ok((hash, url))
    }
}
