//! What lines of cases say by themselves: which transitions they tell of, and what must hold of any.

use std::collections::BTreeMap;

use serde_json::Value;

use super::said::{Command, Said};
use super::setting::Setting;

/// How often each transition was seen, by kind: `severe_review: firing -> resolved (command)`.
pub(crate) type Seen = BTreeMap<String, u64>;

/// Counts the transitions that lines tell of, and says what no lines may tell: two open cases of one subject, a way that
/// the table of states does not have, an acknowledgement that is lost.
pub(crate) fn transitions(
    setting: &Setting,
    commands: &[Said<Command>],
    lines: &[Value],
    seen: &mut Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut cases: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    for (n, line) in lines.iter().enumerate() {
        let id = line["case_id"].as_str().unwrap_or_default();
        let (kind, _) = id.split_once(':').unwrap_or_default();
        let times = if kind == "product_drop" { &setting.drop_times } else { &setting.severe_times };
        if line.get("deleted").is_some() {
            let follows = |next: &Value| next["updated"] == line["epoch"] && subject(next) == subject(line);
            let end = if lines[n..].iter().any(follows) { "followed" } else { "forgotten" };
            match cases.remove(id).map(|case| state(case).to_owned()) {
                Some(before) if before == "resolved" => add(seen, format!("{kind}: resolved -> {end}")),
                before => wrong.push(format!("a tombstone after {before:?}: {line}")),
            }
            continue;
        }
        let before = cases.insert(id, line);
        let now = state(line);
        let open = |case: &&&Value| state(case) != "resolved" && subject(case) == subject(line);
        if cases.values().filter(open).count() > 1 {
            wrong.push(format!("two cases of one subject are open: {line}"));
        }
        let why = line["evidence"]["resolved"].as_str().map_or(String::new(), |why| format!(" ({why})"));
        let way = format!("{} -> {now}{why}", before.map_or("nothing", state));
        if !is_known(&way) {
            wrong.push(format!("{way}: {line}"));
        }
        let epoch = line["updated"].as_u64().unwrap_or_default();
        if now == "acknowledged" && before.is_none_or(|before| state(before) != now) {
            taken.insert(id, epoch);
        }
        if way == "acknowledged -> firing" {
            let lasts = times.ack_expires.is_none_or(|expires| epoch < taken[id] + expires);
            let reopens = |said: &Said<Command>| {
                said.epoch == epoch
                    && said.said.as_ref().is_ok_and(|it| it.action == "reopen" && it.case_id == id)
            };
            if lasts && !commands.iter().any(reopens) {
                wrong.push(format!("the acknowledgement is lost: {line}"));
            }
        }
        for (field, name) in [("note", "noted"), ("step", "another step")] {
            if before.is_some_and(|before| before[field] != line[field] && state(before) == now) {
                add(seen, format!("{kind}: {name} while {now}"));
            }
        }
        if before.is_some_and(|before| before["evidence"]["deliveries"] != line["evidence"]["deliveries"]) {
            add(seen, format!("{kind}: answered"));
        }
        add(seen, format!("{kind}: {way}"));
    }
    wrong
}

fn add(seen: &mut Seen, what: String) {
    *seen.entry(what).or_default() += 1;
}

fn state(case: &Value) -> &str {
    case["state"].as_str().unwrap_or_default()
}

fn subject(line: &Value) -> Option<&str> {
    Some(line["case_id"].as_str()?.rsplit_once(':')?.0)
}

/// The ways of the table in `docs/alerts.md`; a line that changes something else stays in its state.
fn is_known(way: &str) -> bool {
    let (from, to) = way.split_once(" -> ").unwrap_or_default();
    let all = ["pending", "firing", "acknowledged"];
    match from {
        // what happens in one epoch is one line
        "nothing" => all.contains(&to) || to.starts_with("resolved"),
        "resolved" => to.starts_with("resolved") || to == "firing" || to == "acknowledged",
        "pending" => to != "nothing",
        _ => to != "pending",
    }
}

/// The transitions that random cases of a kind must come to.
pub(crate) fn wanted(kind: &str) -> Vec<String> {
    let mut ways = vec![
        "nothing -> pending",
        "nothing -> firing",
        "pending -> firing",
        "pending -> acknowledged",
        "pending -> resolved (retracted)",
        "pending -> resolved (command)",
        "firing -> acknowledged",
        "firing -> resolved (retracted)",
        "firing -> resolved (command)",
        "acknowledged -> firing",
        "acknowledged -> resolved (retracted)",
        "acknowledged -> resolved (command)",
        "resolved -> firing",
        "resolved -> forgotten",
        "resolved -> followed",
        "another step while firing",
        "noted while acknowledged",
        "answered",
    ];
    if kind == "product_drop" {
        ways.extend([
            "pending -> resolved (cleared)",
            "firing -> resolved (cleared)",
            "acknowledged -> resolved (cleared)",
        ]);
    }
    ways.into_iter().map(|way| format!("{kind}: {way}")).collect()
}
