//! Parses YAML into a tree whose nodes know where they stand; JSON is a subset.
//!
//! What is ambiguous or surprising in a configuration is refused, each with its place: keys that stand twice, anchors
//! and aliases, tags, several documents in one file, keys that are no plain words. A fault in the syntax ends the reading;
//! of the others, all are found, and the value is [`Kind::Broken`].

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::{
    diagnostics::Fault,
    document::{Entry, Kind, Node, Span},
    scalar,
};

/// Values nest no deeper than this.
const DEPTH: usize = 64;

/// Parses a text into a tree; its spans start at `base` and belong to the text with index `text`.
pub(super) fn parse(source: &str, text: usize, base: usize) -> (Node, Vec<Fault>) {
    let bytes: Vec<usize> =
        source.char_indices().map(|(byte, _)| byte).chain(std::iter::once(source.len())).collect();
    let mut builder =
        Builder { source, text, base, bytes, parser: Parser::new_from_str(source), faults: Vec::new() };
    let root = match builder.document() {
        Ok(root) => root,
        Err(fault) => {
            builder.faults.push(*fault);
            builder.broken(Span { text, start: base, end: base })
        }
    };
    (root, builder.faults)
}

struct Builder<'a> {
    source: &'a str,
    text: usize,
    base: usize,
    /// Byte offset of each character: the parser counts characters.
    bytes: Vec<usize>,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// What is wrong but lets reading go on.
    faults: Vec<Fault>,
}

type Fatal = Box<Fault>;

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node, Fatal> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => {
                    let nothing =
                        || self.node(Kind::Null, Span { text: self.text, start: self.base, end: self.base });
                    return Ok(root.unwrap_or_else(nothing));
                }
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(Box::new(
                        Fault::new(span, "several documents in one file", "a second document starts here")
                            .help("a topology is one document: remove the `---`, or keep each in a file of its own"),
                    ));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                event => root = Some(self.value(event, span, 0)?),
            }
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fatal> {
        if depth > DEPTH {
            return Err(Box::new(Fault::new(
                span,
                format!("values nest deeper than {DEPTH} levels"),
                "here",
            )));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if anchor > 0 || tag.is_some() {
                    return Ok(self.refuse(span, anchor > 0));
                }
                let plain = style == ScalarStyle::Plain;
                let kind = if plain { scalar::plain(&text) } else { Kind::Text(text.into_owned()) };
                Ok(Node { plain, ..self.node(kind, span) })
            }
            Event::SequenceStart(anchor, tag) => {
                if anchor > 0 || tag.is_some() {
                    self.refuse(span, anchor > 0);
                }
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => {
                            return Ok(self.node(Kind::List(items), self.first_line(span, end)));
                        }
                        (event, span) => items.push(self.value(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                if anchor > 0 || tag.is_some() {
                    self.refuse(span, anchor > 0);
                }
                self.map(span, depth)
            }
            _ => Ok(self.refuse(span, true)),
        }
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Fatal> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(self.node(Kind::Map(entries), self.first_line(span, key_span)));
            }
            let key = match event {
                Event::Scalar(text, _, 0, None) => Some(text.into_owned()),
                other => {
                    self.value(other, key_span, depth + 1)?;
                    self.faults.push(Fault::new(key_span, "a key that is no plain word", "expected a name"));
                    None
                }
            };
            let (event, value_span) = self.next()?;
            let value = self.value(event, value_span, depth + 1)?;
            let Some(key) = key else { continue };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.faults.push(
                    Fault::new(key_span, format!("the key `{key}` stands twice"), "the second one")
                        .also(first.key_span, "the first one")
                        .help("keep one of them"),
                );
                continue;
            }
            entries.push(Entry { key, key_span, value });
        }
    }

    /// Reports an anchor, alias or tag.
    fn refuse(&mut self, span: Span, anchor: bool) -> Node {
        self.faults.push(if anchor {
            Fault::new(span, "anchors and aliases (`&name`, `*name`) are not supported", "expected a value")
                .help("write the value out, or quote it if it is text that starts with `&` or `*`")
        } else {
            Fault::new(span, "tags (`!name`) are not supported", "expected a value without a tag")
                .help("quote the value to make it text: \"5\"")
        });
        self.broken(span)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fatal> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let (start, end) = (self.byte(span.start), self.byte(span.end));
                Ok((event, Span { text: self.text, start, end: end.max(start) }))
            }
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Ok((Event::StreamEnd, Span { text: self.text, start: self.base, end: self.base })),
        }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let start = self.byte(*error.marker());
        let at = start - self.base;
        let line_start = self.source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.source[line_start..].lines().next().unwrap_or_default();
        let help = if error.info().contains("anchor") {
            "quote text that starts with `*` or `&`: \"*.jsonl\""
        } else if line.contains("${") {
            "inside `{ }` and `[ ]` a variable must stand in quotes: \"${NAME}\""
        } else if line.contains('\t') {
            "YAML is indented with spaces, not with tabs"
        } else {
            "check the indentation, the brackets and the quotes of this line and the one before it"
        };
        Fault::new(Span { text: self.text, start, end: start }, "this is not YAML", error.info()).help(help)
    }

    fn byte(&self, marker: Marker) -> usize {
        self.base + self.bytes.get(marker.index()).copied().unwrap_or(self.source.len())
    }

    /// From the start of one event to the end of another, but not past the end of the first line.
    fn first_line(&self, start: Span, end: Span) -> Span {
        let whole = &self.source[start.start - self.base..(end.end - self.base).max(start.start - self.base)];
        let line = whole.lines().next().unwrap_or_default().trim_end();
        Span { text: self.text, start: start.start, end: start.start + line.len() }
    }

    fn node(&self, kind: Kind, span: Span) -> Node {
        Node { kind, span, plain: false, secret: false }
    }

    fn broken(&self, span: Span) -> Node {
        self.node(Kind::Broken, span)
    }
}
