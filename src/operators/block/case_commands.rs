//! Blocks of commands on cases.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Refusals, RefusedRecord, book_in, check_length, key_rule, time_of};
use crate::{
    engine::{
        clock::{Reading, Stamp},
        ingest::Decoder,
        partition::RawChunk,
    },
    operators::{alerts::Command, row::Place, wiring::Run},
    records::{CaseCommandDecoder, CaseCommandFields, KeyRule},
};

/// A command as it flows to the step that keeps cases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandRow {
    /// xxh3 of the part of the case's id before its opening epoch.
    pub subject_hash: u64,
    /// What it wants.
    pub command: Command,
    /// Where it stands.
    pub place: Place,
}

impl CommandRow {
    /// The part of the case's id before its opening epoch: `kind:subject`. A subject may have colons.
    #[must_use]
    pub fn subject(&self) -> &str {
        subject_of(&self.command.case_id)
    }
}

fn subject_of(case_id: &str) -> &str {
    case_id.rsplit_once(':').map_or(case_id, |(subject, _)| subject)
}

/// Decoded commands.
#[derive(Debug, Default)]
pub struct CommandBlock {
    commands: Vec<Option<Arc<CommandRow>>>,
    refused: Vec<(usize, Arc<RefusedRecord>)>,
}

impl CommandBlock {
    /// The commands of a range of records.
    pub fn in_range(&self, start: usize, end: usize) -> impl Iterator<Item = Arc<CommandRow>> {
        self.commands[start..end].iter().flatten().cloned()
    }
}

impl Refusals for CommandBlock {
    fn refusals(&self) -> &[(usize, Arc<RefusedRecord>)] {
        &self.refused
    }
}

/// Decodes commands, on any worker.
pub struct CommandBlocks {
    /// What the workers share.
    pub run: Arc<Run>,
    /// The source's rank among the sources.
    pub rank: usize,
    /// What its records call our fields.
    pub fields: CaseCommandFields,
    /// Whether the keys of its records are case ids.
    pub keys: bool,
    /// Reused buffers.
    pub decoder: CaseCommandDecoder,
}

impl Decoder for CommandBlocks {
    type Block = CommandBlock;

    fn decode(&mut self, chunk: &RawChunk, partition: u32, readings: &mut Vec<Reading>) -> CommandBlock {
        let mut block = CommandBlock::default();
        for raw in &chunk.records {
            let place = Place { partition, offset: raw.offset };
            let value = chunk.of(raw);
            let decoded = check_length(raw, self.run.max_record_bytes).and_then(|()| {
                if raw.envelope.null {
                    return Err(KeyRule::null_value());
                }
                self.decoder.decode(value, key_rule(self.keys, chunk, raw), &self.fields)
            });
            match decoded {
                Ok(decoded) => {
                    readings.push(Reading { ts: decoded.ts.or_else(|| time_of(raw)), refused: false });
                    block.commands.push(Some(Arc::new(CommandRow {
                        subject_hash: xxh3_64(subject_of(decoded.case_id).as_bytes()),
                        command: Command {
                            command_id: decoded.command_id.to_owned(),
                            case_id: decoded.case_id.to_owned(),
                            action: decoded.action,
                            by: decoded.by.map(str::to_owned),
                            note: decoded.note.map(str::to_owned),
                        },
                        place,
                    })));
                }
                Err(refusal) => {
                    readings.push(Reading { ts: None, refused: true });
                    let refused = RefusedRecord::new(place, chunk, raw, refusal);
                    block.refused.push((block.commands.len(), refused));
                    block.commands.push(None);
                }
            }
        }
        block
    }

    fn stamp(&mut self, _: &mut CommandBlock, stamps: &[Stamp]) {
        book_in(&self.run, self.rank, stamps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_may_have_colons() {
        assert_eq!(subject_of("product_drop:a:b:7"), "product_drop:a:b");
        assert_eq!(subject_of("nothing"), "nothing");
    }
}
