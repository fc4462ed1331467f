//! Opens what a run reads and writes: the partitions of all sources in log order, and the sinks where they were left.

use std::{collections::BTreeSet, path::Path, sync::Mutex};

use serde_json::Value;

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
        checkpoint::restored::Restored,
        log::record::PartitionRecord,
        partition::PartitionEntry,
        sink::{OpenSink, Progress, Writer},
    },
};

/// A sink where it was left.
pub(super) struct SinkSlot {
    /// Whether there is anything to write.
    pub(super) is_open: bool,
    /// Where the run begins, and the chain there.
    pub(super) from: Progress,
    /// The sink is new to a state that exists.
    pub(super) fresh: bool,
    /// Its way to the thread that writes it, until the dataflow takes it.
    pub(super) writer: Mutex<Option<Writer>>,
}

/// The sinks of a run.
pub(super) struct OpenSinks {
    /// All of them, that for unread dead letters last.
    pub(super) slots: Vec<SinkSlot>,
    /// What is written in one act each, with the numbers of its sinks, until their threads take it.
    pub(super) shards: Mutex<Vec<(Vec<usize>, OpenSink)>>,
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
            metrics: &options.metrics,
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
                start: known.map_or(opened.start, |known| known.record.start),
                topic: opened.topic,
                end: known.and_then(|known| known.record.end),
            });
            let address = found[found.len() - 1].address();
            partitions.push(PartitionEntry {
                source: rank,
                number,
                name: opened.name,
                address,
                partition: opened.partition,
            });
        }
    }
    Ok(OpenSources { partitions, found, arrivals })
}

/// Which sinks are written in one act: those of a kind that says so, and each other one by itself.
fn acts(plan: &Plan, wanted: &[bool]) -> Vec<Vec<usize>> {
    let mut acts: Vec<Vec<usize>> = Vec::new();
    for (n, _) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted) {
        let kind = plan.sinks.get(n).map(|sink| sink.kind).filter(|kind| kind.together);
        let same = |act: &&mut Vec<usize>| {
            kind.is_some_and(|kind| {
                plan.sinks.get(act[0]).is_some_and(|first| std::ptr::eq(first.kind, kind))
            })
        };
        match acts.iter_mut().find(same) {
            Some(act) => act.push(n),
            None => acts.push(vec![n]),
        }
    }
    acts
}

/// Opens the sinks where they were left, those for unread dead letters last.
pub(super) fn open_sinks(
    plan: &Plan,
    options: &RunOptions,
    folder: &Path,
    generation: u64,
    log_at: u64,
    restored: Option<&Restored>,
    end: Epoch,
) -> Result<OpenSinks, RunError> {
    let from_scratch = options.writes == Writes::FromScratch;
    let context = SinkContext {
        state: folder,
        disk: &options.disk,
        name: &plan.name,
        generation,
        log_at,
        interrupt: &options.interrupt,
        metrics: &options.metrics,
        from_scratch,
    };
    let ids: Vec<&str> = sink_ids(plan).collect();
    let wanted = |n| {
        options.writes != Writes::Nothing && (n < plan.sinks.len() || !plan.unread_dead_letters().is_empty())
    };
    let wanted: Vec<bool> = (0..ids.len()).map(wanted).collect();
    let mut written = vec![None; ids.len()];
    let mut shards = Vec::new();
    for act in acts(plan, &wanted) {
        let open = match plan.sinks.get(act[0]) {
            Some(first) => {
                let members: Vec<(&str, &Value)> =
                    act.iter().map(|n| (ids[*n], &plan.sinks[*n].settings)).collect();
                (first.kind.open)(&members, &context)?
            }
            None => file::sink::open(DEAD_LETTERS, &folder.join(DEAD_LETTERS), &context)?,
        };
        for (n, progress) in act.iter().zip(&open.written) {
            written[*n] = *progress;
        }
        shards.push((act, open));
    }
    let slot = |((id, written), is_open): ((&&str, Option<Progress>), bool)| {
        let (from, fresh) = begins(id, is_open, written, restored, end)?;
        Ok(SinkSlot { is_open, from, fresh, writer: Mutex::default() })
    };
    let slots = ids.iter().zip(written).zip(wanted).map(slot).collect::<Result<_, RunError>>()?;
    Ok(OpenSinks { slots, shards: Mutex::new(shards) })
}

/// Where a sink begins, and whether it is new to a state that exists.
fn begins(
    id: &str,
    is_open: bool,
    written: Option<Progress>,
    restored: Option<&Restored>,
    end: Epoch,
) -> Result<(Progress, bool), RunError> {
    let chain = restored.and_then(|restored| restored.manifest.chains.get(id));
    let checkpoint = restored.map_or(0, |restored| restored.manifest.epoch);
    let refuse = |reason: String| {
        Err(RunError::Open(OpenError {
            target: format!("the sink {id}"),
            reason,
            hint: "restore what was removed or changed, or begin anew with --from-scratch".into(),
        }))
    };
    if let Some(written) = written.filter(|written| written.epoch > end) {
        return refuse(format!(
            "it has written up to epoch {}, and the log ends with epoch {end}: a part of the log is gone",
            written.epoch
        ));
    }
    match (chain, written) {
        (Some(_), Some(written)) if written.epoch < checkpoint => refuse(format!(
            "it has written up to epoch {}, and the checkpoint is of epoch {checkpoint}",
            written.epoch
        )),
        (Some(chain), Some(written)) if written.epoch == checkpoint && written.chain != *chain => {
            refuse(format!("its hashes up to epoch {checkpoint} are not those of the checkpoint"))
        }
        (Some(chain), Some(_)) => Ok((Progress { epoch: checkpoint, chain: *chain }, false)),
        (Some(_), None) if is_open => {
            refuse(format!("it has written up to epoch {checkpoint} at least, and its progress is gone"))
        }
        _ if checkpoint > 0 => Ok((Progress { epoch: checkpoint - 1, ..Progress::default() }, true)),
        _ => Ok((Progress::default(), false)),
    }
}
