//! Places outside where two parts of a topology would meet: two writers of one file, a file that is read and written, a
//! file that the run itself keeps, one standard input for two.
//!
//! A run replaces what its sinks write, so each of these would lose somebody's records. What counts as one place,
//! `connect::place` says.

use super::{
    declared::{Components, Declared},
    diagnostics::Fault,
    document::Span,
    edges::Wired,
    options::{DEAD_LETTERS, Options, REPORT},
    owner::OWNER,
    plan::{From, unread_dead_letters},
    start::{LOCK, LOG},
};
use crate::{
    connect::{
        file::{SPOOL, progress},
        place::Place,
        receivers::registry::ReceiverKind,
        registry::{SinkKind, SourceKind, Target},
    },
    engine::checkpoint::builder::CHECKPOINTS,
    operators::wiring::MODELS,
};

/// A sink with its place, and where that stands.
struct Writer<'a> {
    id: &'a str,
    target: Target,
    span: Span,
    /// Whether it is written with others of its kind, and its kind has a place for the log.
    has_log: Option<bool>,
    /// Whether it is a sink: a target is told by itself.
    is_sink: bool,
}

impl Writer<'_> {
    /// The cluster that it writes to, if it does.
    fn cluster(&self) -> Option<&str> {
        match &self.target.place {
            Place::Topic { cluster, .. } if self.is_sink => Some(cluster),
            Place::Topic { .. } | Place::File(_) | Place::StandardInput => None,
        }
    }
}

/// All places where two would meet. `whole` says that every edge to the sinks is known, so that what no sink reads is too.
pub(super) fn meetings(
    components: &Components<'_>,
    wired: &Wired,
    options: Option<&Options>,
    state: Span,
    whole: bool,
    faults: &mut Vec<Fault>,
) {
    let mut writers = writers(&components.sinks);
    writers.extend(told(&components.targets));
    for (n, writer) in writers.iter().enumerate() {
        if let Some(first) = writers[..n].iter().find(|first| first.target.place == writer.target.place) {
            faults.push(two_writers(first, writer));
        }
    }
    for (n, writer) in writers.iter().enumerate() {
        let first = writers[..n].iter().find(|first| first.cluster().is_some());
        if let Some(first) =
            first.filter(|first| writer.cluster().is_some() && first.cluster() != writer.cluster())
        {
            faults.push(two_clusters(first, writer));
        }
    }
    for (n, writer) in writers.iter().enumerate() {
        let other = |first: &&Writer<'_>| first.has_log.is_some_and(|has| writer.has_log == Some(!has));
        if let Some(first) = writers[..n].iter().find(other) {
            faults.push(two_deliveries(first, writer));
        }
    }
    for source in components.sources.iter().filter(|source| source.healthy) {
        for writer in &writers {
            if let Some(span) = reads(source, &writer.target.place) {
                faults.push(written_and_read(writer, source.id, span));
            }
        }
    }
    standard_input(&components.sources, faults);
    let Some(options) = options else { return };
    let unread = if whole { unread_dead_letters(&wired.steps, &wired.sinks) } else { Vec::new() };
    let refused = !unread.is_empty();
    if refused && options.location().is_some() {
        faults.push(need_a_sink(state, wired, &unread));
    }
    let letters = Place::file(&options.state_dir().join(DEAD_LETTERS));
    for writer in &writers {
        if let Some(what) = kept(&writer.target.place, options, refused.then_some(&letters)) {
            let message = format!(
                "`{}` writes to {}, where the run itself keeps {what}",
                writer.id, writer.target.words
            );
            faults.push(
                Fault::new(writer.span, message, "is the run's own").help("give the sink another place"),
            );
        }
    }
    for source in components.sources.iter().filter(|source| source.healthy && refused) {
        if let Some(span) = reads(source, &letters) {
            let message = format!(
                "`{}` reads {DEAD_LETTERS} in the folder of state, where this run puts what it refuses",
                source.id
            );
            faults.push(
                Fault::new(span, message, "would be replaced before it is read")
                    .help("copy that file first, or let a sink take the dead letters of this topology"),
            );
        }
    }
}

fn writers<'a>(sinks: &'a [Declared<'a, SinkKind>]) -> Vec<Writer<'a>> {
    let healthy = sinks.iter().filter(|sink| sink.healthy);
    let writer = |sink: &'a Declared<'a, SinkKind>| {
        let target = (sink.kind?.target)(&sink.settings);
        let span = place_of(sink, target.setting);
        let kind = sink.kind?;
        let has_log = kind.together.then(|| (kind.log)(&sink.settings).is_some());
        Some(Writer { id: sink.id, target, span, has_log, is_sink: true })
    };
    healthy.filter_map(writer).collect()
}

/// The targets that write somewhere.
fn told<'a>(targets: &'a [Declared<'a, ReceiverKind>]) -> impl Iterator<Item = Writer<'a>> {
    targets.iter().filter(|target| target.healthy).filter_map(|declared| {
        let target = (declared.kind?.target)(&declared.settings)?;
        let span = place_of(declared, target.setting);
        Some(Writer { id: declared.id, target, span, has_log: None, is_sink: false })
    })
}

/// Where a setting stands.
fn place_of<K>(component: &Declared<'_, K>, setting: &str) -> Span {
    component.node.get(setting).map_or(component.span, |node| node.span)
}

/// Where the setting stands by which a source reads a place.
fn reads(source: &Declared<'_, SourceKind>, place: &Place) -> Option<Span> {
    (source.kind?.reads)(&source.settings, place).map(|setting| place_of(source, setting))
}

fn two_writers(first: &Writer<'_>, second: &Writer<'_>) -> Fault {
    let message = format!("`{}` and `{}` write to one place: {}", first.id, second.id, first.target.words);
    Fault::new(second.span, message, "the second writer")
        .also(first.span, "the first writer")
        .help("give each a place of its own")
}

fn two_clusters(first: &Writer<'_>, second: &Writer<'_>) -> Fault {
    let message = format!(
        "`{}` and `{}` write to two clusters: what an epoch gives is one transaction, which one cluster has",
        first.id, second.id
    );
    Fault::new(second.span, message, "on the second cluster")
        .also(first.span, "on the first cluster")
        .help("give both sinks the same `bootstrap_servers`; a second topology, of another name, may write elsewhere")
}

fn two_deliveries(first: &Writer<'_>, second: &Writer<'_>) -> Fault {
    let words = |once: bool| if once { "exactly once" } else { "at least once" };
    let (one, other) = (first.has_log == Some(true), second.has_log == Some(true));
    let message = format!(
        "`{}` is written {} and `{}` {}: what an epoch gives is written in one act, and its log lies in one place",
        first.id,
        words(one),
        second.id,
        words(other)
    );
    Fault::new(second.span, message, words(other))
        .also(first.span, words(one))
        .help("give all these sinks the same `delivery`; a second topology, of another name, may have the other one")
}

fn written_and_read(writer: &Writer<'_>, source: &str, read: Span) -> Fault {
    let message = format!("`{}` writes to {}, which `{source}` reads", writer.id, writer.target.words);
    Fault::new(writer.span, message, "written here")
        .also(read, "read here")
        .help("a run replaces what its sinks write: give the sink a place that no source reads")
}

/// With a remote `state` there is no place for refused records beside it.
fn need_a_sink(state: Span, wired: &Wired, unread: &[From]) -> Fault {
    let names: Vec<String> = unread
        .iter()
        .filter_map(|from| match *from {
            From::Step { step, output } => {
                let step = &wired.steps[step];
                Some(format!("{}.{}", step.id, step.operator.outputs[output].name?))
            }
            From::Source(_) => None,
        })
        .collect();
    let names = names.join(", ");
    Fault::new(state, format!("`state` is remote, and no sink reads what is refused: {names}"), "is remote")
        .help(format!("add a sink for refused records, such as {{ type: file, inputs: [{names}], path: out/refused.jsonl }}"))
}

/// What the run keeps at a place in its folder of state, in words.
fn kept(place: &Place, options: &Options, letters: Option<&Place>) -> Option<&'static str> {
    let state = options.state_dir();
    if letters == Some(place) {
        return Some("refused records that no sink reads");
    }
    let files = [
        (REPORT, "its report"),
        (LOG, "the epoch log"),
        (LOCK, "its lock"),
        (OWNER, "what ties it to a remote state"),
    ];
    if let Some((_, what)) = files.into_iter().find(|(file, _)| *place == Place::file(&state.join(file))) {
        return Some(what);
    }
    let folders = [
        (MODELS, "stored models"),
        (SPOOL, "copies of standard input"),
        (CHECKPOINTS, "checkpoints"),
        (progress::FOLDER, "the progress of sinks"),
    ];
    folders.into_iter().find(|(folder, _)| place.lies_in(&state.join(folder))).map(|(_, what)| what)
}

/// Standard input ends for all when the first has read it.
fn standard_input(sources: &[Declared<'_, SourceKind>], faults: &mut Vec<Fault>) {
    let healthy = sources.iter().filter(|source| source.healthy);
    let mut readers = healthy.filter_map(|source| Some((source.id, reads(source, &Place::StandardInput)?)));
    let Some((first, first_span)) = readers.next() else { return };
    for (id, span) in readers {
        faults.push(
            Fault::new(span, format!("`{first}` and `{id}` both read standard input"), "the second reader")
                .also(first_span, "the first reader")
                .help("only one source can read it: give the other a file"),
        );
    }
}
