//! `dirigent consume`: prints the records of a topic, one a line.
//!
//! A line is the value as it stands; with `--headers` it is an object of everything that a record has, in the form that
//! dead letters have in files. Partitions are read side by side: their records come in the order of each, in no order
//! between them. Nothing is committed to any group.

use std::{
    io::{self, ErrorKind, IsTerminal, Write, stdout},
    ops::ControlFlow,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use serde_json::{Map, Value};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{
    WITHIN,
    arguments::BrokerArgs,
    rate::{Moved, Rate},
    refuse,
};
use crate::{
    connect::kafka::{
        client::ClientState,
        connection::{ConnectionSettings, Role},
        error::{ClusterError, is_final},
        topics::Cluster,
    },
    telemetry::{LogFormat, init_logs},
};

/// How long is waited for a record before anything else is looked at.
const WAIT: Duration = Duration::from_millis(50);

/// Arguments of `consume`.
#[derive(Clone, Debug, clap::Args)]
pub struct ConsumeArgs {
    /// The topic.
    #[arg(long)]
    pub topic: String,
    /// How the brokers are reached.
    #[command(flatten)]
    pub brokers: BrokerArgs,
    /// Begin with the oldest records; else with those that come from now on.
    #[arg(long)]
    pub from_beginning: bool,
    /// End where the topic ends now; else go on until Ctrl-C.
    #[arg(long)]
    pub to_end: bool,
    /// End after this many records.
    #[arg(long, value_name = "N")]
    pub max: Option<u64>,
    /// Print key, headers, place and time beside the value, as JSON.
    #[arg(long)]
    pub headers: bool,
    /// Read what is not committed, too, and what was aborted.
    #[arg(long)]
    pub read_uncommitted: bool,
}

/// Runs `consume`: 0 at its end or on Ctrl-C; 1 on failure; 64 and 78 as everywhere.
#[must_use]
pub fn run(args: &ConsumeArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    let outcome = args.brokers.settings().and_then(|settings| {
        consume(args, &settings).map_err(|failure| match failure {
            Failure::Cluster(error) => refuse(&error),
            Failure::Output(error) => {
                eprintln!("cannot write standard output: {error}");
                ExitCode::FAILURE
            }
        })
    });
    match outcome {
        Ok(told) => {
            eprintln!("{told}");
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

enum Failure {
    Cluster(ClusterError),
    Output(io::Error),
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// A partition, and up to where it is read.
struct Reading {
    partition: i32,
    end: i64,
}

fn consume(args: &ConsumeArgs, settings: &ConnectionSettings) -> Result<String, Failure> {
    let topic = args.topic.as_str();
    let doing = format!("read `{topic}`");
    let cluster = Cluster::connect(settings, WITHIN)?;
    let Some(found) = cluster.describe(&[topic])?.into_iter().flatten().next() else {
        return Err(cluster.no_topic(&doing).into());
    };
    let mut assigned = TopicPartitionList::new();
    let mut open: Vec<Reading> = Vec::new();
    for partition in 0..found.partitions {
        let ends = cluster.watermarks(topic, partition)?;
        let number = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        let start = if args.from_beginning { ends.low } else { ends.high };
        if args.to_end && start == ends.high {
            continue;
        }
        open.push(Reading { partition, end: if args.to_end { number(ends.high) } else { i64::MAX } });
        assigned
            .add_partition_offset(topic, partition, Offset::Offset(number(start)))
            .map_err(|error| cluster.explain(&doing, &error))?;
    }
    drop(cluster);
    // a group is asked for, and never joined
    let (mut config, state) = settings.client(Role::Consumer { group: "dirigent-consume" })?;
    if args.read_uncommitted {
        config.set("isolation.level", "read_uncommitted");
    }
    let failed = |error: KafkaError| Failure::from(state.explain(&doing, &error));
    let consumer: BaseConsumer<ClientState> = config.create_with_context(state.clone()).map_err(failed)?;
    consumer.assign(&assigned).map_err(failed)?;
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // without it, the signal ends the process as it always does
        let _ = signal_hook::flag::register(signal, Arc::clone(&stopped));
    }
    let max = args.max.unwrap_or(u64::MAX);
    let mut rate = Rate::new("read", args.max, !stdout().is_terminal());
    let mut moved = Moved::default();
    let mut out = io::BufWriter::with_capacity(1 << 16, stdout().lock());
    while !open.is_empty() && moved.records < max && !stopped.load(Ordering::Relaxed) {
        let next = match consumer.poll(Duration::ZERO) {
            Some(next) => Some(next),
            // everything that was there is shown before anything is waited for
            None => {
                if flush(&mut out).map_err(Failure::Output)?.is_break() {
                    break;
                }
                rate.show(moved, moved.records);
                if args.to_end {
                    // records of transactions have offsets and are never handed out: only the position tells the end
                    let positions = consumer.position().map_err(failed)?;
                    open.retain(|reading| {
                        let position = positions.find_partition(topic, reading.partition);
                        let position = position.map(|found| found.offset());
                        !matches!(position, Some(Offset::Offset(at)) if at >= reading.end)
                    });
                    if open.is_empty() {
                        break;
                    }
                }
                consumer.poll(WAIT)
            }
        };
        let record = match next {
            Some(Ok(record)) => record,
            Some(Err(error)) if is_final(&error) => return Err(failed(error)),
            // a broker that is gone may come back; the client has said so
            Some(Err(_)) | None => continue,
        };
        let (partition, offset) = (record.partition(), record.offset());
        if open.iter().any(|reading| reading.partition == partition && offset < reading.end) {
            moved.records += 1;
            moved.bytes += (record.payload_len() + record.key_len()) as u64;
            if line(&mut out, &record, args.headers).map_err(Failure::Output)?.is_break() {
                break;
            }
        }
        open.retain(|reading| reading.partition != partition || offset + 1 < reading.end);
        rate.show(moved, moved.records);
    }
    let _ = flush(&mut out).map_err(Failure::Output)?;
    Ok(rate.finish(moved))
}

/// Writes a record.
fn line(out: &mut impl Write, record: &BorrowedMessage<'_>, whole: bool) -> io::Result<ControlFlow<()>> {
    let mut text = match (whole, record.payload()) {
        (true, _) => described(record).to_string().into_bytes(),
        (false, value) => value.unwrap_or(b"null").to_vec(),
    };
    text.push(b'\n');
    read_on(out.write_all(&text))
}

fn flush(out: &mut impl Write) -> io::Result<ControlFlow<()>> {
    read_on(out.flush())
}

/// A reader that has seen enough, such as `head`, is no failure.
fn read_on(written: io::Result<()>) -> io::Result<ControlFlow<()>> {
    match written {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// Everything that a record has. What is no UTF-8 stands under a name that ends in `_base64`.
fn described(record: &BorrowedMessage<'_>) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, bytes: Option<&[u8]>| match bytes.map(|bytes| (bytes, str::from_utf8(bytes))) {
        None => drop(all.insert(name.to_owned(), Value::Null)),
        Some((_, Ok(text))) => drop(all.insert(name.to_owned(), text.into())),
        Some((bytes, Err(_))) => {
            drop(all.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()));
        }
    };
    put("key", record.key());
    put("value", record.payload());
    let mut headers = Map::new();
    for header in record.headers().into_iter().flat_map(Headers::iter) {
        let value = header.value.map(|value| String::from_utf8_lossy(value).into_owned());
        headers.insert(header.key.to_owned(), value.into());
    }
    all.insert("headers".to_owned(), headers.into());
    all.insert("partition".to_owned(), record.partition().into());
    all.insert("offset".to_owned(), record.offset().into());
    all.insert("timestamp".to_owned(), record.timestamp().to_millis().into());
    all.into()
}
