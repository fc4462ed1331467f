//! What is wrong with a topology, all of it at once: each fault with its place, what was expected and what to do.
//!
//! Inside the folder a `Fault` is a message with a `Span`; [`TopologyErrors`] pairs it with the text it points
//! into, so that it can be drawn with file, line and caret. A fault in a value that a `--set` option gave points into that option.
//! Values that came from environment variables are never printed: they may be secrets.

use std::{fmt, sync::Arc};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity};

use super::document::{Document, Span};

/// A fault with its place.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Where.
    pub(super) span: Span,
    /// What is wrong.
    pub(super) message: String,
    /// What was expected, at the caret.
    pub(super) label: String,
    /// What to do.
    pub(super) help: Option<String>,
    /// Other places that belong to it.
    pub(super) also: Vec<(Span, String)>,
    /// JSON pointer of the value, where the fault lies in one.
    pub(super) pointer: String,
}

impl Fault {
    /// A fault at a place.
    pub(super) fn new(span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            help: None,
            also: Vec::new(),
            pointer: String::new(),
        }
    }

    /// Adds what to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    pub(super) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// Says in which value the fault lies.
    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }
}

/// A fault with the text it points into.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    message: String,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
    severity: Severity,
    source: Option<Arc<NamedSource<String>>>,
}

/// Something in a topology that is allowed but looks like a mistake.
pub type Warning = Diagnosis;

impl Diagnosis {
    /// A fault that has no place in a text.
    pub(super) fn without_source(message: String, help: Option<String>) -> Self {
        Self { message, labels: Vec::new(), help, severity: Severity::Error, source: None }
    }

    /// Draws it: in colours for a terminal, else plain.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
        let mut text = String::new();
        // Writing to a string fails only if the spans lie outside the text; the message alone is then what is left.
        match handler.without_syntax_highlighting().render_report(&mut text, self) {
            Ok(()) => text,
            Err(_) => format!("{self}\n"),
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnosis {}

impl Diagnostic for Diagnosis {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_deref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Everything that is wrong with a topology, in order of position; not empty.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct TopologyErrors {
    /// The errors.
    pub errors: Vec<Diagnosis>,
    /// The warnings beside them.
    pub warnings: Vec<Warning>,
}

impl TopologyErrors {
    /// Draws all of them, warnings first.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        self.warnings.iter().chain(&self.errors).map(|diagnosis| diagnosis.render(colours)).collect()
    }
}

/// Pairs faults with the texts they point into, in order of position, each once.
pub(super) fn diagnose(document: &Document, mut faults: Vec<Fault>, severity: Severity) -> Vec<Diagnosis> {
    faults.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
    faults.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    let sources: Vec<Arc<NamedSource<String>>> =
        document.texts.iter().map(|text| Arc::new(NamedSource::new(&text.name, text.text.clone()))).collect();
    let diagnose = |fault: Fault| {
        // The first label is the primary one: the line and column in the head are its own.
        let place = |span: Span, label: &str| {
            (Some(document.redact(label)).filter(|label| !label.is_empty()), span.start, span.len())
        };
        let (label, start, len) = place(fault.span, &fault.label);
        let mut labels = vec![LabeledSpan::new_primary_with_span(label, (start, len))];
        for (span, label) in fault.also.iter().filter(|(span, _)| span.text == fault.span.text) {
            let (label, start, len) = place(*span, label);
            labels.push(LabeledSpan::new(label, start, len));
        }
        Diagnosis {
            message: document.redact(&fault.message),
            labels,
            help: fault.help.as_deref().map(|help| document.redact(help)),
            severity,
            source: sources.get(fault.span.text).cloned(),
        }
    };
    faults.into_iter().map(diagnose).collect()
}

/// The known name that is nearest to an unknown one, if any is near enough to be what was meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let best =
        known.into_iter().map(|known| (distance(known), known)).min_by_key(|(distance, _)| *distance)?;
    (best.0 <= 1 + name.chars().count() / 4).then_some(best.1)
}

/// A hint: the nearest known name, or all of them.
pub(super) fn suggest(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known here: {}", list(known)),
    }
}

/// Names as a list for people.
pub(super) fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
