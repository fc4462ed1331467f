//! A plan as an SVG picture, readable on light and dark ground, without a font or a program of its own.

use super::{
    Arrow, Picture, Role,
    layout::{Layout, layout},
};
use crate::topology::plan::Plan;

const BOX: (f64, f64) = (148.0, 46.0);
/// From one column to the next, and from one row to the next.
const STEP: (f64, f64) = (296.0, 74.0);
const MARGIN: f64 = 24.0;
/// Between two lines of a label.
const LINE: f64 = 12.0;
/// Height of the title above the boxes.
const HEAD: f64 = 40.0;

const STYLE: &str = "
    text { font-family: system-ui, sans-serif; fill: #111827; text-anchor: middle }
    .ground { fill: #ffffff }
    .title { font-size: 15px; font-weight: 600; text-anchor: start }
    .id { font-size: 13px; font-weight: 600 }
    .about { font-size: 11px; fill: #4b5563 }
    .flow { font-size: 10px; fill: #4b5563; stroke: #ffffff; stroke-width: 4px; paint-order: stroke }
    .beside { text-anchor: start }
    rect.box { stroke-width: 1.5 }
    .source { fill: #dbeafe; stroke: #2563eb }
    .step { fill: #ede9fe; stroke: #7c3aed }
    .inserted { fill: #ffffff; stroke: #7c3aed; stroke-dasharray: 6 4 }
    .sink { fill: #dcfce7; stroke: #16a34a }
    .unread { fill: #ffffff; stroke: #dc2626; stroke-dasharray: 6 4 }
    path.arrow { fill: none; stroke: #6b7280; stroke-width: 1.5 }
    path.back { stroke: #7c3aed; stroke-dasharray: 3 4 }
    .head { fill: #6b7280 }
    .backhead { fill: #7c3aed }
    @media (prefers-color-scheme: dark) {
      text { fill: #f3f4f6 }
      .ground { fill: #111827 }
      .about, .flow { fill: #d1d5db }
      .flow { stroke: #111827 }
      .source { fill: #1e3a5f; stroke: #60a5fa }
      .step { fill: #3b2a63; stroke: #a78bfa }
      .inserted { fill: #111827; stroke: #a78bfa }
      .sink { fill: #14432a; stroke: #4ade80 }
      .unread { fill: #111827; stroke: #f87171 }
      path.arrow { stroke: #9ca3af }
      path.back { stroke: #a78bfa }
      .head { fill: #9ca3af }
      .backhead { fill: #a78bfa }
    }
  ";

/// The picture.
#[must_use]
pub fn svg(plan: &Plan) -> String {
    let picture = Picture::new(plan);
    let layout = layout(&picture);
    let backs = picture.arrows.iter().filter(|arrow| arrow.back).count();
    let lanes = 26.0 * row(backs);
    let columns = row(layout.width.max(1));
    let width = 2.0 * MARGIN + (columns - 1.0) * STEP.0 + BOX.0;
    let bottom = HEAD + MARGIN + layout.height * STEP.1 + BOX.1;
    let height = bottom + lanes + MARGIN;

    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"Topology {}\">\n",
        escape(&picture.name)
    );
    text += &format!("  <style>{STYLE}</style>\n");
    for (id, class) in [("tip", "head"), ("backtip", "backhead")] {
        text += &format!(
            "  <marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" d=\"M0 0L8 4L0 8z\"/></marker>\n"
        );
    }
    text += &format!("  <rect class=\"ground\" width=\"{width:.0}\" height=\"{height:.0}\"/>\n");
    text += &format!(
        "  <text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>\n",
        MARGIN + 6.0,
        escape(&picture.name)
    );

    let mut lane = bottom;
    for (index, arrow) in picture.arrows.iter().enumerate() {
        if arrow.back {
            lane += 26.0;
            text += &way_back(&layout, arrow, lane);
        } else {
            text += &way(&layout, arrow, &layout.bends[index]);
        }
    }
    text += &labels(&picture, &layout);
    for (index, block) in picture.blocks.iter().enumerate() {
        let (x, y) = corner(layout.columns[index], layout.rows[index]);
        let round = if matches!(block.role, Role::Source | Role::Sink) { BOX.1 / 2.0 } else { 8.0 };
        let middle = x + BOX.0 / 2.0;
        text += &format!(
            "  <rect class=\"box {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{}\" height=\"{}\" rx=\"{round}\"/>\n",
            block.role.class(),
            BOX.0,
            BOX.1
        );
        text += &format!(
            "  <text class=\"id\" x=\"{middle:.1}\" y=\"{:.1}\"{}>{}</text>\n",
            y + 20.0,
            squeezed(&block.id),
            escape(&block.id)
        );
        text += &format!(
            "  <text class=\"about\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>\n",
            y + 36.0,
            escape(&block.about)
        );
    }
    text + "</svg>\n"
}

/// Upper left corner of a box.
fn corner(column: usize, down: f64) -> (f64, f64) {
    (MARGIN + row(column) * STEP.0, HEAD + MARGIN + down * STEP.1)
}

/// An arrow with the data, through its bends.
fn way(layout: &Layout, arrow: &Arrow, bends: &[(usize, f64)]) -> String {
    let half = BOX.1 / 2.0;
    let (x, y) = corner(layout.columns[arrow.from], layout.rows[arrow.from]);
    let (mut x, mut y) = (x + BOX.0, y + half);
    let mut path = format!("M{x:.1} {y:.1}");
    let mut curve = |to_x: f64, to_y: f64, x: &mut f64, y: &mut f64| {
        let middle = (*x + to_x) / 2.0;
        path += &format!("C{middle:.1} {y:.1} {middle:.1} {to_y:.1} {to_x:.1} {to_y:.1}");
        (*x, *y) = (to_x, to_y);
    };
    for &(column, row) in bends {
        let (left, top) = corner(column, row);
        curve(left, top + half, &mut x, &mut y);
        // Straight past the boxes of this column.
        curve(left + BOX.0, top + half, &mut x, &mut y);
    }
    let (left, top) = corner(layout.columns[arrow.to], layout.rows[arrow.to]);
    curve(left, top + half, &mut x, &mut y);
    format!("  <path class=\"arrow\" d=\"{path}\" marker-end=\"url(#tip)\"/>\n")
}

/// The way of a model back to the step that scores with it: below everything.
fn way_back(layout: &Layout, arrow: &Arrow, lane: f64) -> String {
    let (from_x, from_y) = corner(layout.columns[arrow.from], layout.rows[arrow.from]);
    let (to_x, to_y) = corner(layout.columns[arrow.to], layout.rows[arrow.to]);
    let (start_x, start_y) = (from_x + BOX.0, from_y + BOX.1 - 10.0);
    let (end_x, end_y) = (to_x, to_y + BOX.1 - 10.0);
    let path = format!(
        "M{start_x:.1} {start_y:.1}h14V{:.1}q0 8 -8 8H{:.1}q-8 0 -8 -8V{end_y:.1}H{end_x:.1}",
        lane - 8.0,
        end_x - 10.0
    );
    let middle = f64::midpoint(start_x, end_x);
    format!(
        "  <path class=\"arrow back\" d=\"{path}\" marker-end=\"url(#backtip)\"/>\n  <text class=\"flow\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>\n",
        lane + 4.0,
        escape(&arrow.label)
    )
}

/// What flows, once for each box and type, right of the box it leaves: what goes up above the arrows, what goes down below.
fn labels(picture: &Picture, layout: &Layout) -> String {
    let mut text = String::new();
    for from in 0..picture.blocks.len() {
        // How far each type's arrow goes down on its way to the next column.
        let mut flows: Vec<(f64, &str)> = Vec::new();
        for (index, arrow) in
            picture.arrows.iter().enumerate().filter(|(_, arrow)| !arrow.back && arrow.from == from)
        {
            let next = layout.bends[index].first().map_or(layout.rows[arrow.to], |bend| bend.1);
            let down = next - layout.rows[from];
            match flows.iter_mut().find(|(_, label)| *label == arrow.label) {
                Some((most, _)) => *most = most.max(down),
                None => flows.push((down, &arrow.label)),
            }
        }
        flows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let above = usize::from(flows.len() > 1 || flows.iter().any(|(down, _)| *down > -0.01));
        let (x, y) = corner(layout.columns[from], layout.rows[from]);
        let (x, y) = (x + BOX.0 + 6.0, y + BOX.1 / 2.0);
        let lines = |label: &str| match label.split_once(", ") {
            Some((first, second)) => vec![format!("{first},"), second.to_owned()],
            None => vec![label.to_owned()],
        };
        let (upper, lower) = flows.split_at(above.min(flows.len()));
        let upper: Vec<String> = upper.iter().flat_map(|(_, label)| lines(label)).collect();
        let lower: Vec<String> = lower.iter().flat_map(|(_, label)| lines(label)).collect();
        let upper = upper.iter().rev().enumerate().map(|(up, line)| (y - 6.0 - LINE * row(up), line));
        let lower = lower.iter().enumerate().map(|(down, line)| (y + 14.0 + LINE * row(down), line));
        for (y, line) in upper.chain(lower) {
            text +=
                &format!("  <text class=\"flow beside\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escape(line));
        }
    }
    text
}

/// Small counts: the number is exact.
fn row(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

/// A long id is squeezed into its box.
fn squeezed(id: &str) -> String {
    if id.chars().count() > 18 {
        format!(" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", BOX.0 - 12.0)
    } else {
        String::new()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
