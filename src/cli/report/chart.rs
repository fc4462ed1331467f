//! A line chart as inline SVG, coloured by the style sheet of the page.
//!
//! The paper is 960 by 320 units. Values outside the vertical domain are cut off at the frame, and curves are thinned
//! to [`POINTS`] points.

use std::fmt::Write as _;

use super::page::escape;
use super::sample::{Point, sample};
use super::scale::{Scale, epoch_ticks, ticks};

/// Points of a curve, at most.
pub(super) const POINTS: usize = 600;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
/// Edges of the frame: left, top, right, bottom.
const FRAME: [f64; 4] = [62.0, 34.0, 944.0, 280.0];

/// One curve.
#[derive(Debug)]
pub(super) struct Curve {
    /// In the legend.
    pub(super) name: &'static str,
    /// Class in the style sheet.
    pub(super) class: &'static str,
    /// Epoch and value, by epoch.
    pub(super) points: Vec<Point>,
    /// Whether a value holds until the next one.
    pub(super) steps: bool,
}

/// What is drawn.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    /// Tells one chart's frame from another's on the page.
    pub(super) id: &'static str,
    /// What it shows, for those who cannot see it.
    pub(super) description: &'a str,
    /// What the vertical axis shows, with its unit.
    pub(super) unit: &'static str,
    /// What is written behind a number at the vertical axis.
    pub(super) suffix: &'static str,
    /// Lowest and highest value shown.
    pub(super) domain: [f64; 2],
    /// An epoch to mark, with what happened.
    pub(super) mark: Option<(i64, String)>,
    /// The curves.
    pub(super) curves: Vec<Curve>,
}

impl Chart<'_> {
    /// The SVG; nothing without two points of time.
    pub(super) fn svg(&self) -> Option<String> {
        let epochs = || self.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0));
        let (from, to) = (epochs().reduce(f64::min)?, epochs().reduce(f64::max)?);
        if from >= to {
            return None;
        }
        let across = Scale { domain: [from, to], range: [FRAME[0], FRAME[2]] };
        let up = Scale { domain: self.domain, range: [FRAME[3], FRAME[1]] };
        let mut svg = String::new();
        let _ = write!(
            svg,
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}"><clipPath id="{}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>"#,
            escape(self.description),
            self.id,
            FRAME[0],
            FRAME[1] - 2.0,
            FRAME[2] - FRAME[0],
            FRAME[3] - FRAME[1] + 4.0,
        );
        self.axes(&mut svg, across, up);
        for curve in &self.curves {
            let _ = write!(
                svg,
                r##"<path class="curve {}" clip-path="url(#{})" d="{}"/>"##,
                curve.class,
                self.id,
                outline(curve, across, up)
            );
        }
        self.mark(&mut svg, across);
        self.legend(&mut svg);
        svg.push_str("</svg>");
        Some(svg)
    }

    fn axes(&self, svg: &mut String, across: Scale, up: Scale) {
        let (values, decimals) = ticks(self.domain[0], self.domain[1], 5);
        for value in values {
            let y = up.at(value);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{}" x2="{}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" text-anchor="end" x="{}" y="{:.1}">{value:.decimals$}{}</text>"#,
                FRAME[0],
                FRAME[2],
                FRAME[0] - 8.0,
                y + 4.0,
                self.suffix,
            );
        }
        for (epoch, label) in epoch_ticks(across.domain[0] as i64, across.domain[1] as i64, 7) {
            let x = across.at(epoch as f64);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{}"/><text class="tick" text-anchor="middle" x="{x:.1}" y="{}">{label}</text>"#,
                FRAME[1],
                FRAME[3] + 5.0,
                FRAME[3] + 22.0,
            );
        }
        let _ = write!(
            svg,
            r#"<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text class="unit" x="{}" y="16">{}</text><text class="unit" text-anchor="end" x="{}" y="{}">{}</text>"#,
            FRAME[0],
            FRAME[2],
            8,
            self.unit,
            FRAME[2],
            HEIGHT - 2.0,
            if super::scale::is_time(across.domain[0] as i64) { "epoch, UTC" } else { "epoch" },
            y = FRAME[3],
        );
    }

    fn mark(&self, svg: &mut String, across: Scale) {
        let Some((epoch, what)) = &self.mark else { return };
        let x = across.at(*epoch as f64);
        // The words stand on the side with more room.
        let (anchor, shift) = if x > (FRAME[0] + FRAME[2]) / 2.0 { ("end", -8.0) } else { ("start", 8.0) };
        let _ = write!(
            svg,
            r#"<line class="mark" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{}"/><text class="marked" text-anchor="{anchor}" x="{:.1}" y="{}">{}</text>"#,
            FRAME[1],
            FRAME[3],
            x + shift,
            FRAME[3] - 12.0,
            escape(what),
        );
    }

    fn legend(&self, svg: &mut String) {
        // From the right end, with room for 7 units a letter.
        let mut x = FRAME[2];
        for curve in self.curves.iter().rev() {
            x -= 7.0 * curve.name.chars().count() as f64;
            let _ = write!(
                svg,
                r#"<line class="curve {}" x1="{:.0}" x2="{:.0}" y1="12" y2="12"/><text class="legend" x="{x:.0}" y="16">{}</text>"#,
                curve.class,
                x - 26.0,
                x - 8.0,
                curve.name,
            );
            x -= 44.0;
        }
    }
}

fn outline(curve: &Curve, across: Scale, up: Scale) -> String {
    let mut path = String::new();
    for (place, (epoch, value)) in sample(&curve.points, POINTS).into_iter().enumerate() {
        let (x, y) = (across.at(epoch), up.at(value));
        let _ = match place {
            0 => write!(path, "M{x:.1} {y:.1}"),
            _ if curve.steps => write!(path, "H{x:.1}V{y:.1}"),
            _ => write!(path, "L{x:.1} {y:.1}"),
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<Point>) -> Chart<'static> {
        Chart {
            id: "c",
            description: "a < b",
            unit: "stars",
            suffix: "",
            domain: [1.0, 5.0],
            mark: Some((5, "here".to_owned())),
            curves: vec![Curve { name: "score", class: "one", points, steps: true }],
        }
    }

    #[test]
    fn a_curve_is_drawn_within_its_limits() {
        let svg = chart((0..5_000).map(|x| (f64::from(x), 3.0 + f64::from(x % 2))).collect()).svg().unwrap();
        assert!(svg.contains("a &lt; b") && svg.contains("here"));
        assert_eq!(svg.matches('H').count(), POINTS - 1);
        assert!(svg.contains("M62.0 157.0"));
    }

    #[test]
    fn without_two_points_of_time_there_is_no_chart() {
        assert!(chart(vec![]).svg().is_none());
        assert!(chart(vec![(1.0, 2.0), (1.0, 3.0)]).svg().is_none());
    }
}
