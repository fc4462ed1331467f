//! A plan as DOT text, for Graphviz.

use super::{Picture, Role};
use crate::topology::plan::Plan;

/// The digraph.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let picture = Picture::new(plan);
    let mut text = format!("digraph \"{}\" {{\n", picture.name);
    text += "  rankdir=LR;\n";
    text += "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=11];\n";
    text += "  edge [fontname=\"sans-serif\", fontsize=9];\n";
    for (index, block) in picture.blocks.iter().enumerate() {
        let look = match block.role {
            Role::Source => "fillcolor=\"#dbeafe\", color=\"#2563eb\"",
            Role::Step => "fillcolor=\"#ede9fe\", color=\"#7c3aed\"",
            Role::Inserted => "fillcolor=\"#f5f3ff\", color=\"#7c3aed\", style=\"rounded,filled,dashed\"",
            Role::Sink => "fillcolor=\"#dcfce7\", color=\"#16a34a\"",
            Role::Unread => "fillcolor=\"#fee2e2\", color=\"#dc2626\", style=\"rounded,filled,dashed\"",
        };
        text += &format!("  n{index} [label=\"{}\\n{}\", {look}];\n", block.id, block.about);
    }
    for arrow in &picture.arrows {
        // A way back must not push its target behind its start.
        let look = if arrow.back { ", style=dashed, constraint=false" } else { "" };
        text += &format!("  n{} -> n{} [label=\"{}\"{look}];\n", arrow.from, arrow.to, arrow.label);
    }
    text + "}\n"
}
