//! `dirigent dlq`: what a topology has refused, by reason, one by one, and sent back once the reason is mended.
//!
//! Dead letters lie where the topology puts them: in topics, in files, or, where no sink reads them, in the state
//! folder. Those of a topic go back to the topic that they came from, in transactions that remember how far they got;
//! those of a file are written to another file, whose lines are the original ones.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{state_table::lines, validate::TopologyArgs};
use crate::{
    connect::kafka::{connection::ConnectionSettings, dead_letters::DeadLetterTopic},
    operators::registry::EdgeType,
    records::DeadLetter,
    telemetry::{LogFormat, Metrics, init_logs},
    topology::{options::DEAD_LETTERS, plan::Plan},
};

/// Arguments of `dlq`.
#[derive(Clone, Debug, clap::Args)]
pub struct DlqArgs {
    #[command(subcommand)]
    command: DlqCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DlqCommand {
    /// Count what was refused, by component and code.
    List(ListArgs),
    /// Print what was refused: where it came from, why, and what it is.
    Show(ShowArgs),
    /// Send the original records back where they came from; what a replay has sent, no other one sends again.
    Replay(ReplayArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ListArgs {
    /// Whose dead letters.
    #[command(flatten)]
    topology: TopologyArgs,
}

#[derive(Clone, Debug, clap::Args)]
struct ShowArgs {
    /// Whose dead letters.
    #[command(flatten)]
    topology: TopologyArgs,
    /// Only those with this code, such as `invalid_field`.
    #[arg(long)]
    code: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20)]
    max: usize,
}

#[derive(Clone, Debug, clap::Args)]
struct ReplayArgs {
    /// Whose dead letters.
    #[command(flatten)]
    topology: TopologyArgs,
    /// Only those with this code.
    #[arg(long)]
    code: Option<String>,
    /// Where the lines of letters that lie in files go.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

/// A dead letter, wherever it lies.
struct Refused {
    component: String,
    stage: String,
    code: String,
    message: String,
    /// `topic/partition/offset`.
    origin: String,
    attempt: u32,
    value: Option<Vec<u8>>,
}

/// Where dead letters of a topology lie.
enum Place {
    Topic(Box<DeadLetterTopic>, String),
    File(PathBuf),
}

/// Runs `dlq`.
#[must_use]
pub fn run(args: &DlqArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    let topology = match &args.command {
        DlqCommand::List(args) => &args.topology,
        DlqCommand::Show(args) => &args.topology,
        DlqCommand::Replay(args) => &args.topology,
    };
    let plan = match topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let done = places(&plan).and_then(|places| match &args.command {
        DlqCommand::List(_) => list(&places),
        DlqCommand::Show(args) => show(&places, args),
        DlqCommand::Replay(args) => replay(&places, args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn places(plan: &Plan) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    let reads = |froms: &[_]| froms.iter().any(|from| plan.edge_type(from) == EdgeType::DeadLetters);
    for sink in plan.sinks.iter().filter(|sink| reads(&sink.inputs)) {
        let setting = |name: &str| sink.settings.get(name).and_then(Value::as_str);
        if let Some(topic) = setting("topic") {
            let connection: ConnectionSettings =
                serde_json::from_value(sink.settings.clone()).map_err(|error| error.to_string())?;
            let letters =
                DeadLetterTopic::connect(connection, topic, &plan.name).map_err(|error| error.to_string())?;
            places.push(Place::Topic(Box::new(letters), topic.to_owned()));
        } else if let Some(path) = setting("path") {
            places.push(Place::File(path.into()));
        }
    }
    if !plan.unread_dead_letters().is_empty() {
        places.push(Place::File(plan.options.state_dir().join(DEAD_LETTERS)));
    }
    Ok(places)
}

/// Gives every letter, place by place.
fn read(places: &[Place], mut each: impl FnMut(Refused)) -> Result<(), String> {
    for place in places {
        match place {
            Place::Topic(topic, _) => topic
                .read(|letter| {
                    let say = |name: &str| letter.says(name).unwrap_or_default().to_owned();
                    each(Refused {
                        component: say("connector.name"),
                        stage: say("stage"),
                        code: say("exception.class.name"),
                        message: say("exception.message"),
                        origin: format!("{}/{}/{}", say("topic"), say("partition"), say("offset")),
                        attempt: letter.attempt(),
                        value: letter.value,
                    });
                })
                .map_err(|error| error.to_string())?,
            Place::File(path) => read_file(path, |letter, bytes| {
                let headers = letter.headers;
                each(Refused {
                    origin: format!("{}/{}/{}", headers.topic, headers.partition, headers.offset),
                    component: headers.component,
                    stage: headers.stage,
                    code: headers.code,
                    message: headers.message,
                    attempt: 1,
                    value: bytes,
                });
            })?,
        }
    }
    Ok(())
}

/// Gives the letters of a file with their original bytes; one that is not there has none.
fn read_file(path: &Path, mut each: impl FnMut(DeadLetter, Option<Vec<u8>>)) -> Result<(), String> {
    let fault = |what: String| format!("cannot read {}: {what}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error.to_string())),
    };
    for (line, n) in BufReader::new(file).lines().zip(1..) {
        let line = line.map_err(|error| fault(error.to_string()))?;
        let letter: DeadLetter =
            serde_json::from_str(&line).map_err(|error| fault(format!("line {n}: {error}")))?;
        let bytes = letter.bytes().map_err(|error| fault(format!("line {n}: {error}")))?;
        each(letter, bytes);
    }
    Ok(())
}

fn list(places: &[Place]) -> Result<(), String> {
    let mut reasons: BTreeMap<(String, String, String), (u64, String)> = BTreeMap::new();
    read(places, |refused| {
        let reason = (refused.component, refused.code, refused.stage);
        let entry = reasons.entry(reason).or_insert_with(|| (0, refused.origin));
        entry.0 += 1;
    })?;
    if reasons.is_empty() {
        println!("nothing was refused");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = reasons
        .into_iter()
        .map(|((component, code, stage), (count, first))| {
            vec![component, code, stage, count.to_string(), first]
        })
        .collect();
    print!("{}", lines(&["component", "code", "stage", "letters", "the first one"], &rows));
    Ok(())
}

fn show(places: &[Place], args: &ShowArgs) -> Result<(), String> {
    let mut left = args.max;
    read(places, |refused| {
        if left == 0 || args.code.as_ref().is_some_and(|code| *code != refused.code) {
            return;
        }
        left -= 1;
        let Refused { component, stage, code, message, origin, attempt, value } = refused;
        let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
        println!("{origin}  {code} ({component}, {stage}{again})");
        println!("  {message}");
        match value {
            None => println!("  no value"),
            Some(value) => match String::from_utf8(value) {
                Ok(text) => println!("  {text}"),
                Err(bytes) => println!("  base64: {}", STANDARD.encode(bytes.as_bytes())),
            },
        }
    })
}

fn replay(places: &[Place], args: &ReplayArgs) -> Result<(), String> {
    let metrics = Metrics::default();
    for place in places {
        match place {
            Place::Topic(topic, name) => {
                let mut codes: Vec<String> = Vec::new();
                topic
                    .read(|letter| codes.extend(letter.says("exception.class.name").map(str::to_owned)))
                    .map_err(|error| error.to_string())?;
                codes.sort();
                codes.dedup();
                codes.retain(|code| args.code.as_ref().is_none_or(|wanted| wanted == code));
                for code in codes {
                    let done = topic.replay(&code, &metrics).map_err(|error| error.to_string())?;
                    println!(
                        "{name}: {code}: {} sent back, {} sent back before, {} left (cut, or their topic is gone)",
                        done.sent, done.before, done.left
                    );
                }
            }
            Place::File(path) => {
                let Some(into) = &args.into else {
                    println!(
                        "{}: a file is no topic that records could go back to: `--into FILE` writes the original lines",
                        path.display()
                    );
                    continue;
                };
                if fs::exists(into).unwrap_or(false) {
                    return Err(format!("{} is there already: give a new file", into.display()));
                }
                let mut written = Vec::new();
                let mut count = 0;
                read_file(path, |letter, bytes| {
                    if args.code.as_ref().is_none_or(|code| *code == letter.headers.code)
                        && letter.headers.truncated.is_none()
                        && let Some(bytes) = bytes
                    {
                        written.extend_from_slice(&bytes);
                        written.push(b'\n');
                        count += 1;
                    }
                })?;
                let fault = |error: std::io::Error| format!("cannot write {}: {error}", into.display());
                File::create(into).and_then(|mut file| file.write_all(&written)).map_err(fault)?;
                println!("{}: {count} lines written to {}", path.display(), into.display());
            }
        }
    }
    Ok(())
}
