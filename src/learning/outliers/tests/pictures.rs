//! The picture of `docs/alerts.md`: the negative share of one product and the days on which either rule fires.
//!
//! `UPDATE_PICTURES=1 cargo test --lib outliers::tests::pictures` writes it anew.

use std::{env, fmt::Write as _, fs, path::Path};

use super::{
    super::OutlierSettings,
    random::Random,
    shop::{Day, FIRST, Product},
};

const DAYS: u32 = 80;
const TURN: u32 = 50;

fn days() -> Vec<Day> {
    let limits = OutlierSettings::default().limits(1_000);
    let mut random = Random(7);
    let share = |day: u32| if day < FIRST + TURN { 0.1 } else { 0.1 + 0.008 * f64::from(day - FIRST - TURN) };
    let mut product = Product::new(|_| 25.0, share, &mut random);
    (0..DAYS).map(|day| product.day(FIRST + day, Some(&limits), 0, &mut random)).collect()
}

fn picture(days: &[Day]) -> String {
    let (left, top, right, bottom) = (56.0, 40.0, 940.0, 270.0);
    let x = |day: usize| left + (right - left) * (day as f64 + 0.5) / days.len() as f64;
    let y = |share: f64| bottom - (bottom - top) * share / 0.6;
    let mut svg = String::from(concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 336" font-family="sans-serif" font-size="13">"#,
        "\n<title>Share of negative reviews by day, and the days on which each rule fires</title>\n",
        r##"<rect width="960" height="336" fill="#fff"/>"##,
        "\n",
    ));
    for percent in [0, 20, 40, 60] {
        let at = y(f64::from(percent) / 100.0);
        let _ = writeln!(
            svg,
            r##"<path d="M{left} {at:.1}H{right}" stroke="#ddd"/><text x="48" y="{:.1}" text-anchor="end" fill="#555">{percent} %</text>"##,
            at + 4.0
        );
    }
    for day in (0..days.len()).step_by(10) {
        let _ = writeln!(
            svg,
            r##"<text x="{:.1}" y="{}" text-anchor="middle" fill="#555">{day}</text>"##,
            x(day),
            bottom + 18.0
        );
    }
    let turn = x(TURN as usize);
    let _ = writeln!(
        svg,
        r##"<path d="M{turn:.1} {top}V{bottom}" stroke="#888" stroke-dasharray="4 4"/><text x="{:.1}" y="{top}" text-anchor="end" fill="#555">the decline begins</text>"##,
        turn - 6.0
    );
    let shares = days.iter().map(|day| day.negatives as f64 / day.reviews.max(1) as f64);
    let points: Vec<String> =
        shares.enumerate().map(|(day, share)| format!("{:.1},{:.1}", x(day), y(share))).collect();
    let _ = writeln!(
        svg,
        r##"<polyline fill="none" stroke="#1f5fa8" stroke-width="2" points="{}"/>"##,
        points.join(" ")
    );
    let mut row = |name: &str, colour: &str, at: f64, fires: &dyn Fn(&Day) -> bool| {
        let _ = writeln!(svg, r##"<text x="{left}" y="{:.1}" fill="{colour}">{name}</text>"##, at + 4.0);
        for (day, _) in days.iter().enumerate().filter(|(_, day)| fires(day)) {
            let _ = writeln!(svg, r##"<circle cx="{:.1}" cy="{at}" r="4" fill="{colour}"/>"##, x(day));
        }
    };
    row("Dirigent", "#c0392b", 306.0, &|day| day.fired_after.is_some());
    row("three standard deviations", "#b8860b", 324.0, &|day| day.plain);
    svg + "</svg>\n"
}

#[test]
fn the_picture_shows_these_days() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.svg");
    let days = days();
    assert!(days[..TURN as usize].iter().all(|day| day.fired_after.is_none()));
    let picture = picture(&days);
    if env::var_os("UPDATE_PICTURES").is_some() {
        fs::write(&file, &picture).unwrap();
    }
    let again = "run `UPDATE_PICTURES=1 cargo test --lib outliers` and commit docs/alerts.svg";
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == picture,
        "docs/alerts.svg is another picture: {again}"
    );
}
