//! From a plan to a running dataflow: opens sources and sinks, builds every step by its registry entry, runs the workers.
//!
//! Everything that can fail for reasons outside fails before the first worker starts. What the sinks have committed
//! flows back to the sources on one feedback edge.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use thiserror::Error;

use super::{
    options::DEAD_LETTERS,
    plan::{From, Plan},
};
use crate::{
    connect::registry::{OpenError, SourceContext},
    engine::{
        clock::EventClockSettings,
        edge::{Scope, merge},
        intake::{Intake, IntakeError, IntakeSettings},
        log::MemoryLog,
        model_loop::feedback,
        partition::PartitionEntry,
        sink::{Sink, SinkContext, SinkError, Writers, sink},
        workers,
    },
    operators::{
        books::Books,
        publish::publish,
        quality_log::QualityLog,
        registry::EdgeType,
        wiring::{Edge, Languages, Run, SourceInfo, Step, Wiring},
    },
    telemetry::Metrics,
};

/// How a plan is to be run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Worker threads.
    pub workers: usize,
    /// Keep the quality of each epoch.
    pub keep_quality: bool,
    /// Write the sinks; without, everything is computed and nothing written but the model's file.
    pub write_sinks: bool,
}

/// Why a run could not start, or ended early.
#[derive(Debug, Error)]
pub enum RunError {
    /// A source or sink could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The state folder could not be made.
    #[error("cannot make the state folder {folder}: {reason}")]
    State {
        /// The folder.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// The languages cannot be told apart.
    #[error("{0}")]
    Languages(String),
    /// Reading failed.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Writing failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The engine could not start, or a worker ended early.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// Something else that has been logged.
    #[error("the run was aborted; the log says why")]
    Aborted,
}

type OpenSinks = Arc<Vec<Mutex<Option<Box<dyn Sink>>>>>;

/// A plan with its sources and sinks open.
pub struct Assembly {
    plan: Arc<Plan>,
    run: Arc<Run>,
    writers: Arc<Writers>,
    sinks: OpenSinks,
    options: RunOptions,
}

impl Assembly {
    /// Opens sources and sinks.
    ///
    /// # Errors
    /// Something outside cannot be opened.
    pub fn open(plan: Plan, options: RunOptions) -> Result<Self, RunError> {
        let state = plan.options.state_dir();
        std::fs::create_dir_all(&state).map_err(|error| RunError::State {
            folder: state.display().to_string(),
            reason: error.to_string(),
        })?;
        let languages = Languages::new(&plan.options.languages)
            .map_err(|error| RunError::Languages(error.to_string()))?;
        let mut order: Vec<usize> = (0..plan.sources.len()).collect();
        order.sort_by_key(|&source| plan.sources[source].id.as_bytes());
        let mut partitions = Vec::new();
        for (rank, &source) in order.iter().enumerate() {
            let source = &plan.sources[source];
            let max_record_bytes = plan.options.max_record_bytes as usize;
            let context = SourceContext { id: &source.id, state: &state, max_record_bytes };
            for (opened, number) in (source.kind.open)(&source.settings, &context)?.into_iter().zip(0..) {
                partitions.push(PartitionEntry {
                    source: rank,
                    number,
                    name: opened.name,
                    partition: opened.partition,
                });
            }
        }
        let ranks: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(rank, &source)| (source, rank)).collect();
        let infos = plan.sources.iter().enumerate().map(|(n, source)| SourceInfo {
            id: source.id.clone(),
            rank: ranks[&n],
            fields: source.fields.clone(),
        });
        let settings = IntakeSettings {
            clock: EventClockSettings {
                tick: plan.options.epoch.0,
                epoch_records: plan.options.epoch_records,
                max_ts_jump: plan.options.max_ts_jump.0,
            },
            epochs_in_flight: plan.options.epochs_in_flight as usize,
            max_error_ratio: plan.options.max_error_ratio,
        };
        let mut sinks = Vec::new();
        for sink in &plan.sinks {
            sinks.push(Mutex::new(if options.write_sinks {
                Some((sink.kind.open)(&sink.settings)?)
            } else {
                None
            }));
        }
        let unread = !plan.unread_dead_letters().is_empty() && options.write_sinks;
        sinks.push(Mutex::new(if unread {
            Some(crate::connect::file::sink::open(&state.join(DEAD_LETTERS))?)
        } else {
            None
        }));
        let booking = order.iter().map(|&source| booking_steps(&plan, source)).collect();
        let ids = order.iter().map(|&source| plan.sources[source].id.clone()).collect();
        let run = Run::new(
            Arc::new(Intake::new(settings, partitions, Box::new(MemoryLog::default()))),
            infos.collect(),
            Books::new(ids, booking),
            Arc::new(Metrics::default()),
            languages,
            plan.options.max_record_bytes as usize,
            state,
            QualityLog::new(options.keep_quality),
        );
        Ok(Self {
            plan: Arc::new(plan),
            run: Arc::new(run),
            writers: Arc::default(),
            sinks: Arc::new(sinks),
            options,
        })
    }

    /// What the workers of the run share, to watch it and to ask it to stop.
    #[must_use]
    pub fn run_state(&self) -> (Arc<Run>, Arc<Writers>) {
        (Arc::clone(&self.run), Arc::clone(&self.writers))
    }

    /// The ids of the models that are learned.
    #[must_use]
    pub fn learned_models(&self) -> Vec<String> {
        let scoring = self.plan.steps.iter().filter_map(|step| step.learns);
        scoring.map(|step| self.plan.steps[step].id.clone()).collect()
    }

    /// Runs until the input has ended and everything is committed, or the run was asked to stop.
    ///
    /// # Errors
    /// The outside world failed.
    pub fn execute(self) -> Result<(), RunError> {
        let over = Arc::new(AtomicBool::new(false));
        let timeout = Duration::from_millis(self.plan.options.stall_timeout.0);
        workers::watch_for_stalls(
            Arc::clone(&self.run.intake),
            Arc::clone(&self.writers),
            timeout,
            Arc::clone(&over),
        );
        let (plan, run, writers, sinks) = (
            Arc::clone(&self.plan),
            Arc::clone(&self.run),
            Arc::clone(&self.writers),
            Arc::clone(&self.sinks),
        );
        let outcome =
            workers::run(self.options.workers, move |scope| build(scope, &plan, &run, &writers, &sinks));
        over.store(true, Ordering::Release);
        if let Some(error) = self.run.intake.take_failure() {
            return Err(error.into());
        }
        if let Some(error) = self.writers.take_failure() {
            return Err(error.into());
        }
        outcome.map_err(RunError::Engine)?;
        if self.run.intake.aborted() { Err(RunError::Aborted) } else { Ok(()) }
    }
}

/// The steps that book the records of a source: those on the way to the first step that makes a table of them.
fn booking_steps(plan: &Plan, source: usize) -> Vec<usize> {
    let mut on_the_way: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        for from in step.inputs.iter().flatten() {
            let before = match *from {
                From::Source(other) if other == source => Some(Vec::new()),
                From::Step { step, .. } if is_stream(plan.edge_type(from)) => on_the_way.get(&step).cloned(),
                From::Source(_) | From::Step { .. } => None,
            };
            let Some(mut way) = before else { continue };
            way.push(index);
            if step.outputs.contains(&EdgeType::ScoredTable) {
                return way;
            }
            on_the_way.insert(index, way);
        }
    }
    Vec::new()
}

fn is_stream(edge: EdgeType) -> bool {
    matches!(edge, EdgeType::Reviews | EdgeType::Versions)
}

/// Builds the dataflow of one worker.
fn build<'s>(scope: Scope<'s, u64>, plan: &Plan, run: &Arc<Run>, writers: &Arc<Writers>, open: &OpenSinks) {
    let (committed_end, committed) = feedback(scope);
    let mut wiring = Wiring {
        scope,
        run: Arc::clone(run),
        committed,
        loops: BTreeMap::new(),
        decoded: BTreeMap::new(),
        decoded_feedback: BTreeMap::new(),
        refusals_booked: BTreeSet::new(),
    };
    let learned: BTreeSet<usize> = plan.steps.iter().filter_map(|step| step.learns).collect();
    let mut outputs: Vec<Vec<Edge<'s>>> = Vec::with_capacity(plan.steps.len());
    let edge = |outputs: &[Vec<Edge<'s>>], from: &From| match *from {
        From::Source(source) => Edge::Source(source),
        From::Step { step, output } => outputs[step][output].clone(),
    };
    for (index, node) in plan.steps.iter().enumerate() {
        let step = Step {
            index,
            id: &node.id,
            settings: &node.settings,
            demand: &node.demand,
            learns: node.learns.map(|scoring| (scoring, plan.steps[scoring].id.as_str())),
            learned: learned.contains(&index),
        };
        let inputs =
            node.inputs.iter().map(|port| port.iter().map(|from| edge(&outputs, from)).collect()).collect();
        let built = (node.operator.build)(&mut wiring, &step, inputs);
        assert_eq!(
            built.len(),
            node.outputs.len(),
            "step {} built other outputs than its registry entry says",
            node.id
        );
        outputs.push(built);
    }
    let mut done = Vec::new();
    let implicit = (DEAD_LETTERS, plan.unread_dead_letters());
    let sinks = plan
        .sinks
        .iter()
        .map(|node| (node.id.as_str(), node.inputs.clone()))
        .chain([implicit].into_iter().filter(|(_, froms)| !froms.is_empty()));
    for (n, (id, froms)) in sinks.enumerate() {
        let model = froms.iter().find_map(|from| scoring_step(plan, from)).unwrap_or_default();
        let edges = froms.iter().map(|from| edge(&outputs, from)).collect();
        let lines = publish(scope, run, id, model, edges);
        let owner = scope.peers() - 1 - n % scope.peers();
        let context = SinkContext { intake: Arc::clone(&run.intake), writers: Arc::clone(writers), owner };
        let take = || open.get(n).and_then(|sink| sink.lock().unwrap_or_else(PoisonError::into_inner).take());
        done.push(sink(scope, lines, id, context, take));
    }
    committed_end.connect(merge(scope, done));
}

/// The id of the scoring step upstream of an edge.
fn scoring_step<'p>(plan: &'p Plan, from: &From) -> Option<&'p str> {
    let From::Step { step, .. } = *from else { return None };
    let node = &plan.steps[step];
    if node.operator.scores {
        return Some(&node.id);
    }
    node.inputs.iter().flatten().find_map(|from| scoring_step(plan, from))
}
