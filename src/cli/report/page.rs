//! The picture of a run: one HTML file without scripts or anything from outside, light and dark.

use std::fmt::Write as _;

use super::chart::{Chart, Curve};
use super::data::{Books, Epoch, Quality, Report};
use super::products::{Change, Products, Ranked, State};
use super::scale::date;
use super::slices;
use super::table::{fixed, thousands, verdict};
use super::turn::{new_stars, turn};

/// Labels from which on a fading measure says something.
const SETTLED_LABELS: u64 = 500;

/// The page; `course` is that of the product that fell most.
pub(super) fn page(report: &Report, products: &Products, course: &[State]) -> String {
    let mut body = String::new();
    cards(&mut body, report, products);
    accuracy(&mut body, report);
    if let Some(fall) = products.falls.first() {
        fallen(&mut body, fall, course);
    }
    body.push_str("<div class=\"pair\">");
    ranking(&mut body, "Best products", &products.best);
    ranking(&mut body, "Worst products", &products.worst);
    body.push_str("</div><div class=\"pair\">");
    changes(&mut body, "Fell most", &products.falls);
    changes(&mut body, "Rose most", &products.rises);
    body.push_str("</div>");
    for slices in slices::of(report) {
        let columns: Vec<&str> = ["measured"].into_iter().chain(slices.columns.iter().copied()).collect();
        table(&mut body, &escape(&slices.title), &columns, &slices.html());
    }
    books(&mut body, &report.books);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Dirigent: {name}</title><style>{}</style></head><body><main>\
         <header><h1>{name}</h1><p>What a run of Dirigent made of its input</p></header>{body}</main></body></html>\n",
        include_str!("page.css"),
        name = escape(&report.name),
    )
}

/// Text from outside as text in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn cards(out: &mut String, report: &Report, products: &Products) {
    let mut card = |value: String, what: &str| {
        let _ = write!(out, "<div><b>{value}</b><span>{what}</span></div>");
    };
    card(thousands(report.records), "records");
    if let Some(seconds) = report.seconds.filter(|&seconds| seconds > 0.0) {
        card(thousands((report.records as f64 / seconds) as u64), "records a second");
    }
    card(thousands(products.live as u64), "products with reviews");
    if let Some(model) = &report.model {
        card(thousands(model.labels), "labels learned");
        let accuracy = model.prequential_fading.as_ref().and_then(|quality| quality.figures.accuracy);
        if let Some(accuracy) = accuracy {
            card(format!("{:.1} %", accuracy * 100.0), "accuracy of late (prequential, fading)");
        }
    }
    let balanced = report.books.difference() == 0;
    card(
        if balanced { "\u{2713}" } else { "\u{2717}" }.to_owned(),
        if balanced { "books balance" } else { "books do not balance" },
    );
    *out = format!("<section class=\"cards\">{out}</section>");
}

fn accuracy(out: &mut String, report: &Report) {
    let curve = |name, class, quality: fn(&Epoch) -> Option<&Quality>| Curve {
        name,
        class,
        points: report
            .epochs
            .iter()
            .filter_map(|epoch| Some((epoch.epoch as f64, quality(epoch)?.figures.accuracy? * 100.0)))
            .collect(),
        steps: false,
    };
    let curves = vec![
        curve("prequential: as published", "one", |epoch| epoch.prequential_fading.as_ref()),
        curve("progressive: before learning", "two", |epoch| epoch.progressive_fading.as_ref()),
    ];
    // The first labels make wild figures; the axis is laid out for what comes after them.
    let settled =
        report.epochs.iter().find(|epoch| epoch.labels >= SETTLED_LABELS).map_or(0, |epoch| epoch.epoch);
    let values = || {
        curves
            .iter()
            .flat_map(|curve| &curve.points)
            .filter(|point| point.0 >= settled as f64)
            .map(|point| point.1)
    };
    let (Some(low), Some(high)) = (values().reduce(f64::min), values().reduce(f64::max)) else { return };
    let domain = [(libm::floor(low / 5.0) * 5.0).max(0.0), (libm::ceil((high + 0.5) / 5.0) * 5.0).min(100.0)];
    let description = "Accuracy over time";
    let chart = Chart {
        id: "accuracy",
        description,
        unit: "accuracy, fading, %",
        suffix: " %",
        domain,
        mark: None,
        curves,
    };
    if let Some(svg) = chart.svg() {
        section(
            out,
            "Accuracy while it learns",
            "Share of reviews judged right, older ones counting less and less (factor 0.999 a label). The published \
             score comes from the model of an earlier epoch; the learner\u{2019}s own guess just before it learns is one \
             epoch fresher.",
            &svg,
        );
    }
}

fn fallen(out: &mut String, fall: &Change, course: &[State]) {
    let turn = turn(course);
    let score = course.iter().map(|state| (state.epoch as f64, state.score)).collect();
    let mark = turn.map(|turn| (turn.epoch, format!("turned bad: {}", date(turn.epoch))));
    let description = format!("Score of {} over time", fall.product);
    let chart = Chart {
        id: "fallen",
        description: &description,
        unit: "stars, 1 to 5",
        suffix: "",
        domain: [1.0, 5.0],
        mark,
        curves: vec![
            Curve {
                name: "stars of its new reviews",
                class: "two",
                points: new_stars(course, 60),
                steps: false,
            },
            Curve { name: "score", class: "one", points: score, steps: true },
        ],
    };
    let Some(svg) = chart.svg() else { return };
    let mut text = format!(
        "From {:.2} on {} to {:.2} after {} reviews.",
        fall.from.score,
        date(fall.from.epoch),
        fall.to.score,
        thousands(fall.to.reviews),
    );
    if let Some(turn) = turn {
        let _ = write!(
            text,
            " Its reviews gave {:.1} stars on average until {}, {:.1} since: the day is found from the sum of its stars.",
            turn.means[0],
            date(turn.epoch),
            turn.means[1],
        );
    }
    section(out, &format!("The largest fall: {}", escape(&fall.product)), &text, &svg);
}

fn section(out: &mut String, title: &str, text: &str, content: &str) {
    let _ = write!(out, "<section><h2>{title}</h2><p>{text}</p>{content}</section>");
}

fn ranking(out: &mut String, title: &str, list: &[Ranked]) {
    let mut rows = String::new();
    for Ranked { product, state } in list {
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{:.2}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(product),
            state.score,
            fixed(state.rating_mean, 2),
            thousands(state.reviews),
            state
                .negative_share
                .map_or_else(|| "\u{2013}".to_owned(), |share| format!("{:.0} %", share * 100.0)),
        );
    }
    table(out, title, &["product", "score", "stars", "reviews", "negative"], &rows);
}

fn changes(out: &mut String, title: &str, list: &[Change]) {
    let mut rows = String::new();
    for change in list {
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{:+.2}</td><td>{:.2}</td><td>{:.2}</td><td>{}</td></tr>",
            escape(&change.product),
            change.by(),
            change.from.score,
            change.to.score,
            date(change.from.epoch),
        );
    }
    table(out, title, &["product", "change", "from", "to", "since"], &rows);
}

fn table(out: &mut String, title: &str, columns: &[&str], rows: &str) {
    let mut head = String::new();
    for column in columns {
        let _ = write!(head, "<th scope=\"col\">{column}</th>");
    }
    let rows = if rows.is_empty() { "<tr><td class=\"none\">none</td></tr>" } else { rows };
    let _ = write!(
        out,
        "<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    );
}

fn books(out: &mut String, books: &Books) {
    let mut bar = String::new();
    let mut rows = String::new();
    for (place, (end, count)) in books.ends().into_iter().enumerate() {
        let share = count as f64 * 100.0 / (books.read.max(1)) as f64;
        let _ = write!(
            bar,
            "<i class=\"end{place}\" style=\"width:{share:.3}%\" title=\"{end}: {}\"></i>",
            thousands(count)
        );
        let parts: Vec<String> =
            books.parts(end).map(|(part, count)| format!("{} {}", escape(part), thousands(count))).collect();
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><i class=\"key end{place}\"></i>{end}</th><td>{}</td><td>{share:.2} %</td><td class=\"parts\">{}</td></tr>",
            thousands(count),
            parts.join(", "),
        );
    }
    let class = if books.difference() == 0 { "balanced" } else { "mismatch" };
    let _ = write!(
        out,
        "<section><h2>The books</h2><p>Where each of the {} input records ended.</p><div class=\"bar\">{bar}</div>\
         <div class=\"scroll\"><table class=\"books\"><tbody>{rows}</tbody></table></div><p class=\"{class}\">{}</p></section>",
        thousands(books.read),
        verdict(books),
    );
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_nothing_from_outside() {
        let html = page(&example::report(), &example::products(), &example::course());
        for part in [
            "Accuracy while it learns",
            "The largest fall: product-00003",
            "turned bad: 2 Mar 2026",
            "balanced",
        ] {
            assert!(html.contains(part), "{part}");
        }
        for foreign in ["<script", "http:", "https:", "src=", "@import", "NaN"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        for tag in ["section", "table", "svg", "div", "p"] {
            let opened =
                html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn an_empty_run_has_a_page_and_names_are_escaped() {
        let report = Report { name: "<b>\"x\"".to_owned(), ..Report::default() };
        let html = page(&report, &Products::default(), &[]);
        assert!(html.contains("&lt;b&gt;&quot;x&quot;") && !html.contains("<b>\"x"));
    }
}
