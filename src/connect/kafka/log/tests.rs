//! What a truncation leaves in the topic counts for the next start as what stood there before did.

use std::collections::VecDeque;

use super::{super::log_topic::last_nonce, *};
use crate::connect::kafka::log_writer::behind;
use crate::engine::{
    Epoch,
    log::record::{CheckpointRecord, EpochRecord, Identity, PartitionRecord, Start},
};

fn start(nonce: &str, anew: bool) -> Body {
    Body::Generation(Start { name: "t".into(), nonce: Some(nonce.into()), anew, ..Start::default() })
}

fn partition(number: u32) -> Body {
    Body::Partition(PartitionRecord {
        source: "s".into(),
        number,
        name: format!("t/{number}"),
        identity: Identity { bytes: 0, hash: String::new() },
        start: 0,
        topic: None,
        end: None,
    })
}

fn epoch(epoch: Epoch) -> Body {
    Body::Epoch(EpochRecord { epoch, bindings: [("s/0".into(), epoch * 10)].into(), commands: Vec::new() })
}

fn checkpoint(epoch: Epoch) -> Body {
    Body::Checkpoint(CheckpointRecord { epoch, path: format!("c/{epoch}"), manifest: String::new() })
}

/// A topic with a log, and a run that writes there.
#[derive(Default)]
struct Topic {
    placed: VecDeque<Placed>,
    seq: u64,
    end: u64,
}

impl Topic {
    fn append(&mut self, generation: u64, bodies: Vec<Body>) {
        for body in bodies {
            self.seq += 1;
            // markers of transactions lie between the records
            self.end += 2;
            self.placed.push_back((self.end, LogRecord { seq: self.seq, generation, body }));
        }
    }

    /// What counts for a start.
    fn counting(&self) -> LogContents {
        let contents = counting(self.placed.iter().cloned().collect::<Vec<_>>().as_slice());
        check(&contents.records).unwrap_or_else(|(n, reason)| panic!("record {n}: {reason}"));
        contents
    }

    /// Truncates as a run of this generation does that found `contents`; the brokers may not remove what they are told to.
    fn truncate(&mut self, contents: &LogContents, generation: u64, through: Epoch, removes: bool) {
        let (cut, kept) = behind(contents, &self.placed, through, (generation, self.seq));
        self.append(generation, vec![Body::Truncated { through, kept }]);
        if removes {
            self.placed.drain(..cut);
        }
    }
}

/// Epochs, checkpoints, numbers of partitions, generations of the starts, where it is truncated.
fn said(contents: &LogContents) -> (Vec<Epoch>, Vec<Epoch>, Vec<u32>, Vec<u64>, Epoch) {
    let of =
        |body: fn(&LogRecord) -> Option<u64>| contents.records.iter().filter_map(body).collect::<Vec<_>>();
    let checkpoints = of(|record| match &record.body {
        Body::Checkpoint(checkpoint) => Some(checkpoint.epoch),
        _ => None,
    });
    let starts = of(|record| matches!(record.body, Body::Generation(_)).then_some(record.generation));
    let partitions = contents.partitions().map(|partition| partition.number).collect();
    (
        contents.epochs().map(|epoch| epoch.epoch).collect(),
        checkpoints,
        partitions,
        starts,
        contents.truncated(),
    )
}

fn first_run() -> Topic {
    let mut topic = Topic::default();
    topic.append(
        1,
        vec![Body::Claim { nonce: "n".into() }, start("n", false), partition(0), epoch(3), epoch(5)],
    );
    topic.append(1, vec![checkpoint(5), epoch(7), partition(1), epoch(8), checkpoint(8), epoch(9)]);
    topic
}

#[test]
fn what_is_behind_a_truncation_is_kept_as_far_as_it_is_needed() {
    for removes in [true, false] {
        let mut topic = first_run();
        let whole = said(&topic.counting());
        assert_eq!(whole, (vec![3, 5, 7, 8, 9], vec![5, 8], vec![0, 1], vec![1], 0));
        topic.truncate(&LogContents::default(), 1, 5, removes);
        let (epochs, checkpoints, partitions, starts, truncated) = said(&topic.counting());
        assert_eq!((checkpoints, partitions, starts, truncated), (vec![5, 8], vec![0, 1], vec![1], 5));
        assert_eq!(epochs, if removes { vec![7, 8, 9] } else { vec![3, 5, 7, 8, 9] });
        assert_eq!(last_nonce(topic.placed.make_contiguous()), Some("n"));
    }
}

#[test]
fn a_truncation_passes_on_what_the_one_before_it_kept() {
    let mut topic = first_run();
    topic.truncate(&LogContents::default(), 1, 5, true);
    let found = topic.counting();
    // the next start, which truncates twice
    topic.append(
        2,
        vec![Body::Claim { nonce: "m".into() }, start("m", false), epoch(11), checkpoint(11), epoch(12)],
    );
    topic.truncate(&found, 2, 8, true);
    let last = last_nonce(topic.placed.make_contiguous());
    assert_eq!(last, Some("m"), "the mark keeps the first start, and stands behind the second");
    assert_eq!(
        said(&topic.counting()),
        (vec![9, 11, 12], vec![8, 11], vec![0, 1], vec![1, 2], 8),
        "the first start is needed as long as an epoch of it is"
    );
    let found = topic.counting();
    topic.append(2, vec![checkpoint(12)]);
    topic.truncate(&found, 2, 12, true);
    assert_eq!(said(&topic.counting()), (vec![], vec![12], vec![0, 1], vec![2], 12));
    assert_eq!(topic.counting().last_epoch(), 12);
}

#[test]
fn nothing_before_a_start_from_scratch_counts() {
    let mut topic = first_run();
    topic.truncate(&LogContents::default(), 1, 5, true);
    topic.append(2, vec![Body::Claim { nonce: "m".into() }, start("m", true), partition(0), epoch(2)]);
    assert_eq!(said(&topic.counting()), (vec![2], vec![], vec![0], vec![2], 0));
}
