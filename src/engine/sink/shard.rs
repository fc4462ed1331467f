//! What is written of a shard: the epochs that all of its sinks have closed, several at once where they have queued up.
//!
//! A run that replays gives epochs that stand in the output already: they are not written again, but they are hashed, and
//! at the last of them the chain must have the recorded value. A difference ends the run: it is either damage or something
//! that is not a function of log and input.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use super::{
    super::{Epoch, sink_meter::SinkMeter},
    chain::Chain,
    writer::{Batch, Member, OpenSink, Output, Progress, Sink, SinkError, WriterContext},
};

/// One sink of a shard while it is written.
pub(super) struct Open {
    member: Member,
    meter: Arc<SinkMeter>,
    /// What stood there at the start, as long as the run is not past it.
    recorded: Option<Progress>,
    at: Progress,
    /// Closed, and not written.
    pub(super) queue: VecDeque<Batch>,
    chains: Vec<(Epoch, Chain)>,
    text: Vec<u8>,
    records: u64,
}

impl Open {
    /// The last epoch that is closed.
    fn closed(&self) -> Epoch {
        self.queue.back().map_or(self.at.epoch, |batch| batch.epoch)
    }

    /// Takes what is closed up to an epoch; whether anything of it is to be written.
    fn take(&mut self, up_to: Epoch) -> Result<bool, SinkError> {
        self.text.clear();
        self.records = 0;
        let mut fresh = false;
        while let Some(batch) = self.queue.pop_front_if(|batch| batch.epoch <= up_to) {
            let chain = self.at.chain.after(batch.epoch, &batch.text);
            self.at = Progress { epoch: batch.epoch, chain };
            if batch.checkpoint {
                self.chains.push((batch.epoch, chain));
            }
            match self.recorded {
                Some(recorded) if batch.epoch < recorded.epoch => {}
                Some(recorded) => {
                    if recorded != self.at {
                        return Err(SinkError::Differs {
                            sink: self.member.name.clone(),
                            epoch: recorded.epoch,
                            recorded: recorded.chain,
                            found: chain,
                        });
                    }
                    self.recorded = None;
                }
                None => {
                    fresh = true;
                    self.records += batch.records;
                    self.text.extend_from_slice(&batch.text);
                }
            }
        }
        Ok(fresh)
    }
}

/// A shard while it is written.
pub(super) struct Shard<'c> {
    context: &'c WriterContext,
    sink: Box<dyn Sink>,
    pub(super) members: Vec<Open>,
}

impl<'c> Shard<'c> {
    pub(super) fn new(open: OpenSink, context: &'c WriterContext) -> Self {
        let member = |(member, written): (&Member, Option<Progress>)| Open {
            meter: context.writers.meter(&member.name),
            recorded: written.filter(|written| written.epoch > member.from.epoch),
            at: member.from,
            member: member.clone(),
            queue: VecDeque::new(),
            chains: Vec::new(),
            text: Vec::new(),
            records: 0,
        };
        let members = context.members.iter().zip(open.written).map(member).collect();
        Self { context, sink: open.sink, members }
    }

    /// Writes what all have closed; the last epoch that is written, if there is a new one.
    pub(super) fn write(&mut self) -> Result<Option<Epoch>, SinkError> {
        let closed = self.members.iter().map(Open::closed).min().unwrap_or(0);
        let mut fresh = false;
        if self.members.iter().all(|member| member.queue.front().is_none_or(|batch| batch.epoch > closed)) {
            return Ok(None);
        }
        for member in &mut self.members {
            fresh |= member.take(closed)?;
        }
        let writers = &self.context.writers;
        if fresh {
            let outputs: Vec<Output<'_>> = self
                .members
                .iter()
                .map(|open| Output { text: &open.text, progress: open.recorded.unwrap_or(open.at) })
                .collect();
            writers.writing.fetch_add(1, Ordering::AcqRel);
            let outcome = self.sink.commit(&outputs);
            writers.writing.fetch_sub(1, Ordering::AcqRel);
            outcome?;
        }
        for open in &mut self.members {
            if fresh {
                writers.written_bytes.fetch_add(open.text.len() as u64, Ordering::Relaxed);
                open.meter.wrote(open.records);
            }
            writers.advance(open.member.number, open.at.epoch, &mut open.chains);
        }
        Ok(Some(closed))
    }
}
