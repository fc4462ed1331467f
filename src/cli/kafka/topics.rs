//! `dirigent topics`: makes the topics of a topology, or shows what they are like.
//!
//! Making is idempotent: what is there stays as it is, and where it differs from what it should be, that is told.

use std::process::ExitCode;

use super::{WITHIN, refuse};
use crate::{
    cli::{
        output,
        validate::{EXIT_CONFIG, TopologyArgs},
    },
    connect::kafka::{
        error::ClusterError,
        topics::{Cluster, TopicDescription, TopicToMake},
        wanted::WantedTopic,
    },
    telemetry::{LogFormat, init_logs},
    topology::{kafka_topics::ClusterTopics, plan::Plan},
};

/// How many partitions a topic gets whose number nothing else says.
const PARTITIONS: u32 = 6;

/// Arguments of `topics`.
#[derive(Clone, Debug, clap::Args)]
pub struct TopicsArgs {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum TopicsCommand {
    /// Make the topics of a topology that are not there, and say where the others differ.
    Create(CreateArgs),
    /// Show the topics of a topology: what they are like, where they begin and end.
    Show(ShowArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct CreateArgs {
    /// Whose topics.
    #[command(flatten)]
    topology: TopologyArgs,
    /// Partitions of the topics of sources and sinks.
    #[arg(long, value_name = "N", default_value_t = PARTITIONS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: u32,
    /// Replicas of each topic [default: three, or one a broker where there are fewer].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    replication: Option<u32>,
}

#[derive(Clone, Debug, clap::Args)]
struct ShowArgs {
    /// Whose topics.
    #[command(flatten)]
    topology: TopologyArgs,
}

/// Runs `topics`: 0; 78 where a topic is such that a run would lose or double records, or the topology is wrong; 1 where a cluster
/// cannot be used.
#[must_use]
pub fn run(args: &TopicsArgs) -> ExitCode {
    init_logs(LogFormat::Text);
    match &args.command {
        TopicsCommand::Create(args) => {
            with_clusters(&args.topology, |cluster, wanted| create(args, cluster, wanted))
        }
        TopicsCommand::Show(args) => with_clusters(&args.topology, show),
    }
}

/// What became of a topic, or what it is like.
struct Row {
    topic: String,
    used: String,
    told: String,
}

/// Whether nothing was found that breaks a run.
type Sound = bool;

fn with_clusters(
    topology: &TopologyArgs,
    each: impl Fn(&Cluster, &ClusterTopics) -> Result<(Vec<Row>, Sound), ClusterError>,
) -> ExitCode {
    let plan = match topology.load() {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let clusters = plan.kafka_topics();
    if clusters.is_empty() {
        println!("{} has neither a source nor a sink in Kafka", topology.topology.display());
        return ExitCode::SUCCESS;
    }
    let (mut rows, mut sound) = (Vec::new(), true);
    for topics in &clusters {
        let told = Cluster::connect(&topics.connection, WITHIN).and_then(|cluster| each(&cluster, topics));
        match told {
            Ok((more, is_sound)) => {
                rows.extend(more);
                sound &= is_sound;
            }
            Err(error) => return refuse(&error),
        }
        for pattern in &topics.patterns {
            eprintln!("note: {pattern}: they are not looked at");
        }
    }
    let written = output::write(None, &table(&rows));
    if sound { written } else { ExitCode::from(EXIT_CONFIG) }
}

fn create(
    args: &CreateArgs,
    cluster: &Cluster,
    topics: &ClusterTopics,
) -> Result<(Vec<Row>, Sound), ClusterError> {
    let brokers = cluster.brokers()?;
    let found = describe(cluster, topics)?;
    let mut to_make: Vec<TopicToMake> = Vec::new();
    for (wanted, found) in topics.topics.iter().zip(&found) {
        if found.is_none() && !to_make.iter().any(|other| other.name == wanted.name) {
            to_make.push(wanted.to_make(brokers, args.partitions, args.replication));
        }
    }
    let made = cluster.create(&to_make)?;
    let is_new = |name: &str| to_make.iter().zip(&made).any(|(topic, made)| *made && topic.name == name);
    let (mut rows, mut sound) = (Vec::new(), true);
    for (wanted, found) in topics.topics.iter().zip(describe(cluster, topics)?) {
        let Some(found) = found else { return Err(cluster.no_topic(&format!("find `{}`", wanted.name))) };
        let new = is_new(&wanted.name);
        // what was asked for by an option is no difference
        if !new {
            sound &= tell_differences(wanted, &found, brokers);
        }
        let told = format!("{}, {}", if new { "made" } else { "is there" }, shape(&found));
        rows.push(Row { topic: wanted.name.clone(), used: used(wanted), told });
    }
    Ok((rows, sound))
}

fn show(cluster: &Cluster, topics: &ClusterTopics) -> Result<(Vec<Row>, Sound), ClusterError> {
    let brokers = cluster.brokers()?;
    let (mut rows, mut sound) = (Vec::new(), true);
    for (wanted, found) in topics.topics.iter().zip(describe(cluster, topics)?) {
        let told = match &found {
            None => "is not there".to_owned(),
            Some(found) => {
                sound &= tell_differences(wanted, found, brokers);
                let mut offsets = 0;
                for partition in 0..found.partitions {
                    let ends = cluster.watermarks(&found.name, partition)?;
                    offsets += ends.high - ends.low;
                }
                let settings = format!("cleanup.policy {}", found.setting("cleanup.policy"));
                format!("{}, {offsets} offsets, {settings}, id {}", shape(found), found.id)
            }
        };
        rows.push(Row { topic: wanted.name.clone(), used: used(wanted), told });
    }
    Ok((rows, sound))
}

/// Looks at the topics of a topology, with `validate --connect`: says what is missing and what differs.
///
/// # Errors
/// The exit code where a cluster cannot be used.
pub(in crate::cli) fn check(plan: &Plan) -> Result<(Vec<String>, Sound), ExitCode> {
    let (mut told, mut sound) = (Vec::new(), true);
    for topics in plan.kafka_topics() {
        let mut look = || -> Result<(), ClusterError> {
            let cluster = Cluster::connect(&topics.connection, WITHIN)?;
            let brokers = cluster.brokers()?;
            for (wanted, found) in topics.topics.iter().zip(describe(&cluster, &topics)?) {
                match found {
                    Some(found) => sound &= tell_differences(wanted, &found, brokers),
                    None if wanted.is_made_by_runs() => {}
                    None => {
                        sound = false;
                        eprintln!(
                            "error: there is no topic `{}` ({}): `dirigent topics create` makes it",
                            wanted.name, wanted.user
                        );
                    }
                }
            }
            told.push(format!("{}: {} topics", topics.connection.bootstrap_servers, topics.topics.len()));
            Ok(())
        };
        look().map_err(|error| refuse(&error))?;
    }
    Ok((told, sound))
}

fn describe(
    cluster: &Cluster,
    topics: &ClusterTopics,
) -> Result<Vec<Option<TopicDescription>>, ClusterError> {
    let names: Vec<&str> = topics.topics.iter().map(|topic| topic.name.as_str()).collect();
    cluster.describe(&names)
}

/// Says how a topic differs from what it should be; whether a run can use it.
fn tell_differences(wanted: &WantedTopic, found: &TopicDescription, brokers: usize) -> Sound {
    let differences = wanted.differences(found, brokers);
    for difference in &differences {
        let kind = if difference.breaks { "error" } else { "warning" };
        eprintln!("{kind}: `{}` ({}): {}: {}", wanted.name, wanted.user, difference.what, difference.why);
    }
    !differences.iter().any(|difference| difference.breaks)
}

fn used(wanted: &WantedTopic) -> String {
    format!("{}, {}", wanted.kind(), wanted.user)
}

fn shape(found: &TopicDescription) -> String {
    let count = |n: u32, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    format!("{}, {}", count(found.partitions, "partition"), count(found.replication, "replica"))
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (topic, used) = (width(|row| &row.topic), width(|row| &row.used));
    rows.iter().map(|row| format!("{:topic$}  {:used$}  {}\n", row.topic, row.used, row.told)).collect()
}
