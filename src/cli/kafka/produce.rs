//! `dirigent produce`: writes the lines of a file to a topic, each a record with its key.
//!
//! A line that is no JSON, or has no such field, goes without a key: whoever reads the topic decides about it. A full queue is
//! waited for. The producer is idempotent, so a retry neither doubles nor reorders; a run that is ended and begun again writes the
//! file again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flate2::read::MultiGzDecoder;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::Value;
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
        error::ClusterError,
        topics::Cluster,
    },
    telemetry::{LogFormat, init_logs},
};

/// How long is waited for a place in the queue before the queue is looked at again.
const FULL: Duration = Duration::from_millis(10);

/// Arguments of `produce`.
#[derive(Clone, Debug, clap::Args)]
pub struct ProduceArgs {
    /// The file, one record a line; .gz and .zst are unpacked, - is standard input.
    pub file: PathBuf,
    /// The topic.
    #[arg(long)]
    pub topic: String,
    /// How the brokers are reached.
    #[command(flatten)]
    pub brokers: BrokerArgs,
    /// The field of each line that is the key of its record.
    #[arg(long, value_name = "FIELD", default_value = "review_id")]
    pub key: String,
    /// Records without keys.
    #[arg(long, conflicts_with = "key")]
    pub no_key: bool,
    /// Write no more than this many records a second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
}

/// Runs `produce`: 0 when the brokers have taken every record, or those until Ctrl-C; 1 on failure; 64 and 78 as everywhere.
#[must_use]
pub fn run(args: &ProduceArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    let outcome = args.brokers.settings().and_then(|settings| {
        produce(args, &settings).map_err(|failure| match failure {
            Failure::Cluster(error) => refuse(&error),
            Failure::Input(error) => {
                eprintln!("cannot read {}: {error}", args.file.display());
                ExitCode::FAILURE
            }
        })
    });
    match outcome {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

enum Failure {
    Cluster(ClusterError),
    Input(io::Error),
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

fn produce(args: &ProduceArgs, settings: &ConnectionSettings) -> Result<String, Failure> {
    let topic = args.topic.as_str();
    let doing = format!("write to `{topic}`");
    let read = Arc::new(AtomicU64::new(0));
    let (mut lines, size) = open(&args.file, &read).map_err(Failure::Input)?;
    // a producer would wait for a topic that is not there until its records are given up
    let cluster = Cluster::connect(settings, WITHIN)?;
    if cluster.describe(&[topic])?.iter().flatten().next().is_none() {
        return Err(cluster.no_topic(&doing).into());
    }
    drop(cluster);
    let (config, state) = settings.client(Role::Producer { transactional_id: None })?;
    let producer: BaseProducer<ClientState> =
        config.create_with_context(state.clone()).map_err(|error| state.explain(&doing, &error))?;
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // without it, the signal ends the process as it always does
        let _ = signal_hook::flag::register(signal, Arc::clone(&stopped));
    }
    let mut rate = Rate::new("written", size, true);
    let moved = || {
        let (records, bytes) = state.delivered();
        Moved { records, bytes }
    };
    let started = Instant::now();
    let (mut line, mut sent) = (Vec::new(), 0_u64);
    while !stopped.load(Ordering::Relaxed) {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(Failure::Input)? == 0 {
            break;
        }
        let value = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        if value.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let key = if args.no_key { None } else { key_of(value, &args.key) };
        loop {
            let record = BaseRecord::to(topic).payload(value);
            let record = match &key {
                Some(key) => record.key(key.as_bytes()),
                None => record,
            };
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    producer.poll(FULL);
                    rate.show(moved(), read.load(Ordering::Relaxed));
                }
                Err((error, _)) => return Err(state.explain(&doing, &error).into()),
            }
            given_up(&state, &doing)?;
        }
        sent += 1;
        producer.poll(Duration::ZERO);
        if let Some(limit) = args.rate {
            let due = Duration::from_secs_f64(sent as f64 / f64::from(limit));
            while let Some(early) = due.checked_sub(started.elapsed()).filter(|early| !early.is_zero()) {
                producer.poll(Duration::ZERO);
                thread::sleep(early.min(FULL));
            }
        }
        rate.show(moved(), read.load(Ordering::Relaxed));
    }
    while producer.in_flight_count() > 0 {
        producer.poll(FULL);
        rate.show(moved(), read.load(Ordering::Relaxed));
        given_up(&state, &doing)?;
    }
    given_up(&state, &doing)?;
    Ok(format!("{} to `{topic}`", rate.finish(moved())))
}

/// Fails once a record has been given up.
fn given_up(state: &ClientState, doing: &str) -> Result<(), ClusterError> {
    match state.undelivered() {
        Some((_, error)) => Err(state.explain(doing, &error)),
        None => Ok(()),
    }
}

/// The key of a line: a field of its object, if that is a text or a whole number.
fn key_of(line: &[u8], field: &str) -> Option<String> {
    match serde_json::from_slice::<Value>(line).ok()?.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Counts what is read, before unpacking.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buffer)?;
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The lines of a file, and its size.
fn open(path: &Path, read: &Arc<AtomicU64>) -> io::Result<(Box<dyn BufRead>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(stdin().lock())), None));
    }
    let file = File::open(path)?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let counted = Counted(file, Arc::clone(read));
    let lines: Box<dyn BufRead> = match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(counted))),
        Some("zst") => Box::new(BufReader::with_capacity(1 << 16, zstd::Decoder::new(counted)?)),
        _ => Box::new(BufReader::with_capacity(1 << 16, counted)),
    };
    Ok((lines, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_a_field_that_can_be_one() {
        for (line, key) in [
            (r#"{"review_id":"r1","x":2}"#, Some("r1")),
            (r#"{"review_id":17}"#, Some("17")),
            (r#"{"review_id":"\u00e4"}"#, Some("ä")),
            (r#"{"review_id":""}"#, None),
            (r#"{"review_id":1.5}"#, None),
            (r#"{"review_id":null}"#, None),
            (r#"{"id":"r1"}"#, None),
            (r#"["review_id"]"#, None),
            ("{", None),
        ] {
            assert_eq!(key_of(line.as_bytes(), "review_id").as_deref(), key, "{line}");
        }
    }
}
