//! Ids and references: what can be read has an id of its own, every reference of `inputs` means a source or an output,
//! and no step feeds itself.

use super::{
    declared::{Components, Declared, Reference},
    diagnostics::{Fault, list, suggest},
    document::Span,
};
use crate::operators::registry::{OPERATORS, Operator};

/// What a reference means; indices are those of the declared components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upstream {
    /// A source.
    Source(usize),
    /// An output of a transform.
    Transform {
        /// The transform.
        index: usize,
        /// The index of the output; unknown where the transform's type is.
        output: Option<usize>,
    },
}

/// What the items of `inputs` mean, in order; `None` where a fault has been reported.
pub(super) type Inputs = Vec<Option<Upstream>>;

/// The edges of a topology as declared.
#[derive(Debug)]
pub(super) struct References {
    /// Of each transform.
    pub(super) transforms: Vec<Inputs>,
    /// Of each sink.
    pub(super) sinks: Vec<Inputs>,
    /// The transforms in topological order, ties by declaration; those of a cycle stand last.
    pub(super) order: Vec<usize>,
}

impl References {
    /// Whether everything that a transform reads is known.
    pub(super) fn is_whole(&self, components: &Components<'_>, transform: usize) -> bool {
        components.transforms[transform].inputs_whole
            && self.transforms[transform].iter().all(Option::is_some)
    }

    /// Whether everything that anybody reads is known.
    pub(super) fn are_whole(&self, components: &Components<'_>) -> bool {
        let sinks = components.sinks.iter().zip(&self.sinks);
        (0..self.transforms.len()).all(|transform| self.is_whole(components, transform))
            && sinks.into_iter().all(|(sink, inputs)| sink.inputs_whole && inputs.iter().all(Option::is_some))
    }
}

/// Resolves all references.
pub(super) fn resolve(components: &Components<'_>, faults: &mut Vec<Fault>) -> References {
    unique(components, faults);
    let transforms: Vec<Inputs> =
        components.transforms.iter().map(|reader| inputs(components, reader, faults)).collect();
    let sinks = components.sinks.iter().map(|reader| inputs(components, reader, faults)).collect();
    let order = order(components, &transforms, faults);
    References { transforms, sinks, order }
}

/// What can be read has one name. A sink may share it: nothing reads a sink.
fn unique(components: &Components<'_>, faults: &mut Vec<Fault>) {
    for transform in &components.transforms {
        if let Some(source) = components.sources.iter().find(|source| source.id == transform.id) {
            let message = format!("the id `{}` is taken", transform.id);
            faults.push(
                Fault::new(transform.span, message, "a transform with the id of a source")
                    .also(source.span, "the source")
                    .help("`inputs` could mean either: rename one of them"),
            );
        }
    }
}

fn inputs<'a, K>(components: &Components<'a>, reader: &Declared<'a, K>, faults: &mut Vec<Fault>) -> Inputs {
    let mut seen: Vec<&str> = Vec::new();
    let mut resolve = |reference: &Reference<'a>| {
        if seen.contains(&reference.text) {
            faults.push(
                Fault::new(
                    reference.span,
                    format!("`{}` reads `{}` twice", reader.id, reference.text),
                    "again here",
                )
                .help("remove one of them"),
            );
            return None;
        }
        seen.push(reference.text);
        meaning(components, reader.id, reference).map_err(|fault| faults.push(*fault)).ok()
    };
    reader.inputs.iter().map(&mut resolve).collect()
}

fn meaning(
    components: &Components<'_>,
    reader: &str,
    reference: &Reference<'_>,
) -> Result<Upstream, Box<Fault>> {
    let (id, output) =
        reference.text.split_once('.').map_or((reference.text, None), |(id, out)| (id, Some(out)));
    if let Some(index) = components.sources.iter().position(|source| source.id == id) {
        return match output {
            None => Ok(Upstream::Source(index)),
            Some(_) => Err(Box::new(
                Fault::new(
                    reference.span,
                    format!("`{id}` is a source and has one output"),
                    "no such output",
                )
                .help(format!("read `{id}`; refused records leave by the steps that refuse them")),
            )),
        };
    }
    if let Some(index) = components.transforms.iter().position(|transform| transform.id == id) {
        let Some(operator) = components.transforms[index].kind else {
            return Ok(Upstream::Transform { index, output: None });
        };
        return match operator.outputs.iter().position(|known| known.name == output) {
            Some(output) => Ok(Upstream::Transform { index, output: Some(output) }),
            None => Err(Box::new(unknown_output(id, operator, output, reference.span))),
        };
    }
    let sink = components.sinks.iter().any(|sink| sink.id == id);
    if sink {
        return Err(Box::new(
            Fault::new(
                reference.span,
                format!("`{reader}` reads `{id}`, which is a sink"),
                "nothing leaves a sink",
            )
            .help("read what the sink reads"),
        ));
    }
    let ids = components.sources.iter().map(|c| c.id).chain(components.transforms.iter().map(|c| c.id));
    let ids: Vec<&str> = ids.filter(|id| *id != reader).collect();
    Err(Box::new(
        Fault::new(
            reference.span,
            format!("`{reader}` reads `{id}`, which does not exist"),
            "expected the id of a source or a transform",
        )
        .help(suggest(id, &ids)),
    ))
}

fn unknown_output(id: &str, operator: &Operator, output: Option<&str>, span: Span) -> Fault {
    let references: Vec<String> = operator
        .outputs
        .iter()
        .map(|output| output.name.map_or_else(|| id.to_owned(), |name| format!("{id}.{name}")))
        .collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let Some(output) = output else {
        return Fault::new(span, format!("`{id}` has no default output"), "expected a named output")
            .help(format!("a `{}` gives {}", operator.name, list(&references)));
    };
    let fault = Fault::new(
        span,
        format!("`{id}` has no output `{output}`"),
        format!("expected {}", list(&references)),
    );
    if OPERATORS.iter().any(|operator| operator.inserts && operator.name == output) {
        return fault.help(format!("this step is put in by itself where a table is needed: read `{id}`"));
    }
    let full = format!("{id}.{output}");
    match super::diagnostics::nearest(&full, references.iter().copied()) {
        Some(nearest) => fault.help(format!("did you mean `{nearest}`?")),
        None => fault.help(format!("a `{}` gives {}", operator.name, list(&references))),
    }
}

/// Topological order by taking, again and again, the first declared transform whose inputs are all there.
fn order(components: &Components<'_>, inputs: &[Inputs], faults: &mut Vec<Fault>) -> Vec<usize> {
    let upstream = |index: usize| {
        inputs[index].iter().flatten().filter_map(|upstream| match upstream {
            Upstream::Transform { index, .. } => Some(*index),
            Upstream::Source(_) => None,
        })
    };
    let mut order = Vec::with_capacity(inputs.len());
    let mut placed = vec![false; inputs.len()];
    while let Some(next) =
        (0..inputs.len()).find(|&index| !placed[index] && upstream(index).all(|before| placed[before]))
    {
        placed[next] = true;
        order.push(next);
    }
    // What is left waits for a cycle. Each is found by walking upstream among what is left until a step comes twice.
    let mut told = vec![false; inputs.len()];
    for start in (0..inputs.len()).filter(|&index| !placed[index]) {
        let mut path = vec![start];
        let cycle = loop {
            // Every step left has an input that is left: else it would have been placed.
            let Some(before) = upstream(path[path.len() - 1]).find(|&before| !placed[before]) else {
                break &[][..];
            };
            if let Some(at) = path.iter().position(|&step| step == before) {
                break &path[at..];
            }
            path.push(before);
        };
        if cycle.is_empty() || cycle.iter().any(|&step| told[step]) {
            continue;
        }
        cycle.iter().for_each(|&step| told[step] = true);
        faults.push(circle(components, inputs, cycle));
    }
    order.extend((0..inputs.len()).filter(|&index| !placed[index]));
    order
}

/// Tells a cycle in the direction of the data, from the step declared first.
fn circle(components: &Components<'_>, inputs: &[Inputs], upstream: &[usize]) -> Fault {
    let mut steps: Vec<usize> = upstream.iter().rev().copied().collect();
    let first = (0..steps.len()).min_by_key(|&at| steps[at]).unwrap_or(0);
    steps.rotate_left(first);
    let mut ids: Vec<&str> = steps.iter().map(|&step| components.transforms[step].id).collect();
    ids.push(ids[0]);
    let (head, tail) = (steps[0], steps[steps.len() - 1]);
    let closing = inputs[head]
        .iter()
        .position(|input| matches!(input, Some(Upstream::Transform { index, .. }) if *index == tail));
    let reader = &components.transforms[head];
    let span = closing.and_then(|at| reader.inputs.get(at)).map_or(reader.span, |reference| reference.span);
    Fault::new(
        span,
        format!("the steps feed each other in a circle: {}", ids.join(" -> ")),
        "this closes the circle",
    )
    .help("data flows one way: read from a step before the circle")
}
