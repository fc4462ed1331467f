//! The picture of a plan: as Mermaid or DOT text, or as an SVG drawn here.
//!
//! All forms draw one picture: boxes and typed edges, in the plan's order, so a picture changes only when the
//! topology does. Steps that the resolver put in are dashed; so is the way of a model from its learner to the step that
//! scores with it, and the file that takes refused records nobody reads.

mod dot;
mod layout;
mod mermaid;
mod svg;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;

use super::plan::{From, Plan};

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Source,
    Step,
    /// A step that the resolver put in.
    Inserted,
    Sink,
    /// The file of refused records that no sink reads.
    Unread,
}

impl Role {
    /// Its name in styles.
    fn class(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Step => "step",
            Self::Inserted => "inserted",
            Self::Sink => "sink",
            Self::Unread => "unread",
        }
    }
}

/// A box.
#[derive(Debug)]
struct Block {
    role: Role,
    /// First line.
    id: String,
    /// Second line.
    about: String,
}

/// An arrow.
#[derive(Debug)]
struct Arrow {
    from: usize,
    to: usize,
    /// What flows.
    label: String,
    /// A model on its way back, against the direction of the data.
    back: bool,
}

/// Boxes and arrows.
#[derive(Debug)]
struct Picture {
    name: String,
    blocks: Vec<Block>,
    arrows: Vec<Arrow>,
}

impl Picture {
    fn new(plan: &Plan) -> Self {
        let mut blocks = Vec::new();
        for source in &plan.sources {
            let about = format!("{} · {}", source.kind.name, source.record.name());
            blocks.push(Block { role: Role::Source, id: source.id.clone(), about });
        }
        for step in &plan.steps {
            let role = if step.inserted { Role::Inserted } else { Role::Step };
            blocks.push(Block { role, id: step.id.clone(), about: step.operator.name.to_owned() });
        }
        for sink in &plan.sinks {
            blocks.push(Block { role: Role::Sink, id: sink.id.clone(), about: sink.kind.name.to_owned() });
        }
        let steps = plan.sources.len();
        let sinks = steps + plan.steps.len();
        let block = |from: &From| match *from {
            From::Source(source) => source,
            From::Step { step, .. } => steps + step,
        };
        let mut arrows = Vec::new();
        let mut arrow = |from: &From, to: usize| {
            let label = plan.edge_type(from).to_string();
            arrows.push(Arrow { from: block(from), to, label, back: false });
        };
        for (index, step) in plan.steps.iter().enumerate() {
            step.inputs.iter().flatten().for_each(|from| arrow(from, steps + index));
        }
        for (index, sink) in plan.sinks.iter().enumerate() {
            sink.inputs.iter().for_each(|from| arrow(from, sinks + index));
        }
        let unread = plan.unread_dead_letters();
        if !unread.is_empty() {
            unread.iter().for_each(|from| arrow(from, blocks.len()));
            blocks.push(Block {
                role: Role::Unread,
                id: "dead-letters.jsonl".into(),
                about: "in the state folder".into(),
            });
        }
        for (index, step) in plan.steps.iter().enumerate() {
            if let Some(scoring) = step.learns {
                let label = "versions of its model".to_owned();
                arrows.push(Arrow { from: steps + index, to: steps + scoring, label, back: true });
            }
        }
        Self { name: plan.name.clone(), blocks, arrows }
    }
}
