//! From a plan to what can be run: opens state, sources and sinks.
//!
//! Everything that can fail for reasons outside fails before the first worker starts. What the sinks have committed
//! flows back to the sources on one feedback edge.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{
    build::booking_steps,
    deliveries,
    open::{OpenSinks, OpenSources, open_sinks, open_sources, sink_ids},
    options::Clock,
    parts::{as_logged, only_logged},
    plan::Plan,
    start::State,
    start_figures::{Phase, PhaseTimer},
};
pub use super::{run_error::RunError, start_figures::StartFigures};
use crate::{
    connect::{escalation::Setup, standard_input::StandardInput},
    engine::{
        arrivals::Arrivals,
        checkpoint::announce::Announcements,
        clock::EventClockSettings,
        disk::{Disk, Lock},
        intake::{Beginning, ClockSettings, Intake, IntakeError, IntakeSettings},
        log::{EpochLog, memory::MemoryLog},
        sink::Writers,
        wall::WallClock,
    },
    operators::{
        books::Books,
        quality_log::QualityLog,
        wiring::{Languages, Run, SourceInfo},
    },
    telemetry::Metrics,
};

/// How a plan is to be run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Worker threads.
    pub workers: usize,
    /// Keep the quality of each epoch.
    pub keep_quality: bool,
    /// What is written.
    pub writes: Writes,
    /// What the state, the log and the outputs lie on.
    pub disk: Arc<dyn Disk>,
    /// What `clock: wall` cuts epochs by.
    pub wall: WallClock,
    /// What a source that reads `-` takes.
    pub standard_input: StandardInput,
    /// A run of the same name elsewhere is ended, not waited for.
    pub takeover: bool,
    /// Set when the run is told to end before it has begun.
    pub interrupt: Arc<AtomicBool>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing but the model's file; everything is computed all the same.
    Nothing,
    /// Everything, going on where the last run left off.
    On,
    /// Everything, in place of what stands there.
    FromScratch,
    /// Everything that the log has, and nothing after it: a replay.
    Logged,
    /// What the log has beyond its last checkpoint, then a checkpoint, and nothing new.
    Drain,
}

/// A plan with its sources and sinks open.
pub struct Assembly {
    pub(super) plan: Arc<Plan>,
    pub(super) run: Arc<Run>,
    pub(super) writers: Arc<Writers>,
    pub(super) sinks: Arc<OpenSinks>,
    pub(super) arrivals: Vec<(usize, Box<dyn Arrivals>)>,
    pub(super) options: RunOptions,
    pub(super) generation: u64,
    pub(super) log: Arc<dyn EpochLog>,
    /// Who is told of cases.
    pub(super) escalation: Option<Setup>,
    /// Nobody else may write here as long as this is held.
    _lock: Option<Box<dyn Lock>>,
    /// What the run goes on from, in figures.
    pub start: StartFigures,
}

impl Assembly {
    /// Opens state, sources and sinks.
    ///
    /// # Errors
    /// Something outside cannot be opened, or is not what the last run left.
    pub fn open(plan: Plan, options: RunOptions) -> Result<Self, RunError> {
        let folder = plan.options.state_dir();
        let disk = Arc::clone(&options.disk);
        let store = plan.options.checkpoint_store(&disk)?;
        let languages = Languages::new(&plan.options.languages)
            .map_err(|error| RunError::Languages(error.to_string()))?;
        let durable = options.writes != Writes::Nothing;
        let mut phase = PhaseTimer::start();
        let mut state = if durable {
            Some(State::open(&disk, &store, &plan, &options)?)
        } else {
            disk.make_folder(&folder).map_err(|error| RunError::State {
                folder: folder.display().to_string(),
                reason: error.to_string(),
            })?;
            None
        };
        let generation = state.as_ref().map_or(1, |state| state.generation);
        phase.over(Phase::Log);
        state.as_mut().map_or(Ok(()), State::find_checkpoint)?;
        phase.over(Phase::Checkpoint);
        let mut order: Vec<usize> = (0..plan.sources.len()).collect();
        order.sort_by_key(|&source| plan.sources[source].id.as_bytes());
        let sources = open_sources(&plan, &options, &order, &folder, state.as_ref())?;
        phase.over(Phase::Sources);
        let growing = sources.growing();
        let OpenSources { mut partitions, mut found, arrivals } = sources;
        let (mut lock, mut read_again) = (None, 0);
        let source_ids: Vec<String> = order.iter().map(|&source| plan.sources[source].id.clone()).collect();
        if let Some(state) = state.as_ref().filter(|_| options.writes == Writes::Logged) {
            // what has come since, after those that are known, is not a part of the log
            let known =
                |source: &str, number| state.known(source).iter().any(|known| known.record.number == number);
            partitions.retain(|entry| known(&source_ids[entry.source], entry.number));
            found.retain(|found| known(&found.source, found.number));
        }
        let (log, restored, mut beginning, end): (Arc<dyn EpochLog>, _, _, _) = match state {
            None => (Arc::new(MemoryLog::default()), None, Beginning::default(), 0),
            Some(state) => {
                let (resumed, held) = state.resume(&plan, &found)?;
                (lock, read_again) = (Some(held), resumed.read_again);
                let log = resumed.needed.beside(resumed.log, options.metrics.cluster());
                (log, resumed.restored, resumed.beginning, resumed.end)
            }
        };
        partitions = match options.writes {
            Writes::Logged => only_logged(partitions, &source_ids, plan.options.clock, &mut beginning),
            _ => as_logged(partitions, &source_ids, &beginning),
        };
        if options.writes == Writes::Drain {
            beginning.limit = Some(end);
        }
        for (entry, position) in partitions.iter_mut().zip(&beginning.positions) {
            if position.offset > 0 {
                entry.partition.seek(position.offset).map_err(IntakeError::Source)?;
            }
        }
        beginning.growing = growing;
        phase.over(Phase::Checkpoint);
        let sinks =
            open_sinks(&plan, &options, &folder, generation, log.begins_at(), restored.as_ref(), end)?;
        let escalation = deliveries::open(&plan, &options, &folder, generation)?;
        phase.over(Phase::Sinks);
        let start = StartFigures {
            generation,
            checkpoint: beginning.after,
            replayed: beginning.replay.len(),
            read_again,
            skipped: partitions.iter().map(|entry| entry.partition.skipped()).sum(),
            took: phase.took,
        };
        let writers: Arc<Writers> = Arc::default();
        let ids = sink_ids(&plan).zip(&sinks.slots).filter(|(_, slot)| slot.is_open);
        writers.expect(ids.map(|(id, _)| id.to_owned()));
        let settings = IntakeSettings {
            clock: match plan.options.clock {
                Clock::Event => ClockSettings::Event(EventClockSettings {
                    tick: plan.options.epoch.0,
                    epoch_records: plan.options.epoch_records,
                    max_ts_jump: plan.options.max_ts_jump.0,
                }),
                Clock::Wall => ClockSettings::Wall { idle: plan.options.idle_epoch.0 },
            },
            epochs_in_flight: plan.options.epochs_in_flight as usize,
            max_error_ratio: plan.options.max_error_ratio,
        };
        let ranks: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(rank, &source)| (source, rank)).collect();
        let infos = plan.sources.iter().enumerate().map(|(n, source)| SourceInfo {
            id: source.id.clone(),
            rank: ranks[&n],
            fields: source.fields.clone(),
            keys: (source.kind.keys)(&source.settings),
        });
        let booking = order.iter().map(|&source| booking_steps(&plan, source)).collect();
        let every = durable.then(|| Duration::from_millis(plan.options.checkpoint.0));
        let intake = Intake::new(
            settings,
            partitions,
            &source_ids,
            beginning,
            Arc::clone(&log),
            Announcements::new(every, options.workers),
        );
        let books = Books::new(source_ids, booking, durable);
        if let Some(restored) = &restored {
            books.restore(&restored.manifest.notes);
        }
        let metrics = Arc::clone(&options.metrics);
        metrics.checkpoints().goes_on_from(start.checkpoint);
        let run = Run::new(
            Arc::new(intake),
            infos.collect(),
            books,
            metrics,
            languages,
            plan.options.max_record_bytes as usize,
            folder,
            store,
            restored,
            durable,
            QualityLog::new(options.keep_quality),
        );
        Ok(Self {
            plan: Arc::new(plan),
            run: Arc::new(run),
            writers,
            sinks: Arc::new(sinks),
            arrivals,
            options,
            generation,
            log,
            escalation,
            _lock: lock,
            start,
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
}
