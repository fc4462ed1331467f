//! A plan as a Mermaid flowchart, for Markdown files.

use super::{Picture, Role};
use crate::topology::plan::Plan;

/// The flowchart.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let picture = Picture::new(plan);
    let mut text = String::from("flowchart LR\n");
    for (index, block) in picture.blocks.iter().enumerate() {
        let (open, close) = match block.role {
            Role::Source | Role::Sink => ("([", "])"),
            Role::Step | Role::Inserted => ("[", "]"),
            Role::Unread => ("[(", ")]"),
        };
        let label = escape(&format!("{}<br/>{}", block.id, block.about));
        text += &format!("  n{index}{open}\"{label}\"{close}:::{}\n", block.role.class());
    }
    for arrow in &picture.arrows {
        let line = if arrow.back { "-.->" } else { "-->" };
        text += &format!("  n{} {line}|\"{}\"| n{}\n", arrow.from, escape(&arrow.label), arrow.to);
    }
    text += "  classDef source fill:#dbeafe,stroke:#2563eb,color:#111827\n";
    text += "  classDef step fill:#ede9fe,stroke:#7c3aed,color:#111827\n";
    text += "  classDef inserted fill:#f5f3ff,stroke:#7c3aed,color:#111827,stroke-dasharray:5 4\n";
    text += "  classDef sink fill:#dcfce7,stroke:#16a34a,color:#111827\n";
    text += "  classDef unread fill:#fee2e2,stroke:#dc2626,color:#111827,stroke-dasharray:5 4\n";
    text
}

/// Angle brackets are markup inside labels, but for the line break that is meant.
fn escape(label: &str) -> String {
    label.replace('<', "#lt;").replace('>', "#gt;").replace("#lt;br/#gt;", "<br/>")
}
