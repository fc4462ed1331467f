//! Opens what a run reads and writes: the partitions of all sources in log order, and the sinks where they were left.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    assemble::{RunError, RunOptions, Writes},
    options::DEAD_LETTERS,
    plan::Plan,
    start::State,
};
use crate::{
    connect::{
        file,
        registry::{OpenError, SinkContext, SourceContext},
    },
    engine::{
        Epoch,
        arrivals::Arrivals,
        checkpoint::manifest::Restored,
        log::record::PartitionRecord,
        partition::PartitionEntry,
        sink::{OpenSink, Progress, Writer},
    },
};

/// A sink, or where there is nothing to write, none.
pub(super) struct SinkSlot {
    pub(super) open: Mutex<Option<OpenSink>>,
    /// Where the run begins, and the chain there.
    pub(super) from: Progress,
    /// The sink is new to a state that exists.
    pub(super) fresh: bool,
    /// Its thread, until the dataflow takes it.
    pub(super) writer: Mutex<Option<Writer>>,
}

/// The sinks of a run, that for unread dead letters last.
pub(super) type OpenSinks = Arc<Vec<SinkSlot>>;

impl SinkSlot {
    pub(super) fn is_open(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// The ids of all sinks, that of unread dead letters last.
pub(super) fn sink_ids(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.sinks.iter().map(|sink| sink.id.as_str()).chain([DEAD_LETTERS])
}

/// The sources of a run.
#[derive(Default)]
pub(super) struct OpenSources {
    /// Their partitions, by source, then number.
    pub(super) partitions: Vec<PartitionEntry>,
    /// What identifies each.
    pub(super) found: Vec<PartitionRecord>,
    /// What finds more of them while the run goes on, by rank of the source.
    pub(super) arrivals: Vec<(usize, Box<dyn Arrivals>)>,
}

impl OpenSources {
    /// The ranks of the sources that may get partitions while the run goes on.
    pub(super) fn growing(&self) -> BTreeSet<usize> {
        self.arrivals.iter().map(|(rank, _)| *rank).collect()
    }
}

/// Opens the partitions of all sources.
pub(super) fn open_sources(
    plan: &Plan,
    options: &RunOptions,
    order: &[usize],
    folder: &Path,
    state: Option<&State>,
) -> Result<OpenSources, RunError> {
    let OpenSources { mut partitions, mut found, mut arrivals } = OpenSources::default();
    for (rank, &source) in order.iter().enumerate() {
        let source = &plan.sources[source];
        let known = state.map(|state| state.known(&source.id)).unwrap_or_default();
        let context = SourceContext {
            id: &source.id,
            state: folder,
            max_record_bytes: plan.options.max_record_bytes as usize,
            known: &known,
            durable: state.is_some(),
            reads_on: !matches!(options.writes, Writes::Logged | Writes::Drain),
            disk: &options.disk,
            standard_input: &options.standard_input,
        };
        let opened = (source.kind.open)(&source.settings, &context)?;
        arrivals.extend(opened.arrivals.map(|arrivals| (rank, arrivals)));
        for (opened, number) in opened.partitions.into_iter().zip(0..) {
            let known = known.iter().find(|known| known.record.number == number);
            found.push(PartitionRecord {
                source: source.id.clone(),
                number,
                name: opened.name.clone(),
                identity: opened.identity,
                end: known.and_then(|known| known.record.end),
            });
            partitions.push(PartitionEntry {
                source: rank,
                number,
                name: opened.name,
                partition: opened.partition,
            });
        }
    }
    Ok(OpenSources { partitions, found, arrivals })
}

/// Opens the sinks where they were left, those for unread dead letters last.
pub(super) fn open_sinks(
    plan: &Plan,
    options: &RunOptions,
    folder: &Path,
    generation: u64,
    restored: Option<&Restored>,
    end: Epoch,
) -> Result<Vec<SinkSlot>, RunError> {
    let from_scratch = options.writes == Writes::FromScratch;
    let context = |id| SinkContext { id, state: folder, disk: &options.disk, generation, from_scratch };
    let mut slots = Vec::new();
    for (n, id) in sink_ids(plan).enumerate() {
        let wanted = options.writes != Writes::Nothing
            && (n < plan.sinks.len() || !plan.unread_dead_letters().is_empty());
        let open = match plan.sinks.get(n) {
            _ if !wanted => None,
            Some(sink) => Some((sink.kind.open)(&sink.settings, &context(id))?),
            None => Some(file::sink::open(&folder.join(DEAD_LETTERS), &context(id))?),
        };
        let written = open.as_ref().and_then(|open| open.written);
        let chain = restored.and_then(|restored| restored.manifest.chains.get(id));
        let checkpoint = restored.map_or(0, |restored| restored.manifest.epoch);
        let refuse = |reason: String| {
            RunError::Open(OpenError {
                target: format!("the sink {id}"),
                reason,
                hint: "restore what was removed or changed, or begin anew with --from-scratch".into(),
            })
        };
        let (from, fresh) = match (chain, written) {
            (Some(chain), Some(written)) => {
                if written.epoch < checkpoint {
                    return Err(refuse(format!(
                        "it has written up to epoch {}, and the checkpoint is of epoch {checkpoint}",
                        written.epoch
                    )));
                }
                if written.epoch == checkpoint && written.chain != *chain {
                    return Err(refuse(format!(
                        "its hashes up to epoch {checkpoint} are not those of the checkpoint"
                    )));
                }
                (Progress { epoch: checkpoint, chain: *chain }, false)
            }
            (Some(_), None) if open.is_some() => {
                return Err(refuse(format!(
                    "it has written up to epoch {checkpoint} at least, and its progress is gone"
                )));
            }
            _ if checkpoint > 0 => (Progress { epoch: checkpoint - 1, ..Progress::default() }, true),
            _ => (Progress::default(), false),
        };
        if let Some(written) = written.filter(|written| written.epoch > end) {
            return Err(refuse(format!(
                "it has written up to epoch {}, and the log ends with epoch {end}: a part of the log is gone",
                written.epoch
            )));
        }
        slots.push(SinkSlot { open: Mutex::new(open), from, fresh, writer: Mutex::default() });
    }
    Ok(slots)
}
