//! What is stored, as tables for people.

use crate::records::calendar::rfc3339;
use crate::topology::stored::summary::Summary;

/// Lines of cells under their names: the first column to the left, and others that are texts; numbers to the right.
pub(super) fn lines(head: &[&str], rows: &[Vec<String>]) -> String {
    let all =
        || std::iter::once(head.iter().map(|name| (*name).to_owned()).collect()).chain(rows.iter().cloned());
    let width = |column: usize| all().map(|row: Vec<String>| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let is_number = |cell: &str| !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit());
    let to_the_right: Vec<bool> = (0..head.len())
        .map(|column| {
            !rows.is_empty() && rows.iter().all(|row| is_number(&row[column]) || row[column] == "-")
        })
        .collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let room = " ".repeat(widths[column] - cell.chars().count());
            if to_the_right[column] { format!("{room}{cell}") } else { format!("{cell}{room}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text += &format!("  {}\n", line.trim_end());
    }
    text
}

fn number(n: impl Into<Option<u64>>) -> String {
    n.into().map_or_else(|| "-".to_owned(), |n| n.to_string())
}

/// An epoch as a time; a dash for none.
fn time(epoch: u64) -> String {
    i64::try_from(epoch).ok().filter(|epoch| *epoch > 0).map_or_else(|| "-".to_owned(), rfc3339)
}

/// The tables.
pub(super) fn table(summary: &Summary) -> String {
    let Summary { name, folder, store, generation, log, checkpoints, steps, sinks, positions } = summary;
    let times = if *generation == 1 { "once" } else { "times" };
    let started = if *generation == 1 { times.to_owned() } else { format!("{generation} {times}") };
    let elsewhere = if store == folder { String::new() } else { format!(" and {store}") };
    let mut text = format!("{name}: state in {folder}{elsewhere}, started {started}\n");
    text += &format!(
        "\nlog: {} epochs ({} to {}), {} records, {} bytes{}{}\n",
        log.epochs,
        number(log.first),
        number(log.last),
        log.records,
        log.bytes,
        if log.truncated > 0 { format!(", truncated up to {}", log.truncated) } else { String::new() },
        if log.torn > 0 { format!(", {} bytes of a torn end", log.torn) } else { String::new() },
    );
    text += "\ncheckpoints\n";
    let rows = checkpoints.iter().map(|checkpoint| {
        vec![
            number(checkpoint.epoch),
            time(checkpoint.epoch),
            number(checkpoint.generation),
            number(checkpoint.files as u64),
            number(checkpoint.bytes),
            checkpoint.problem.clone().unwrap_or_else(|| checkpoint.path.clone()),
        ]
    });
    text +=
        &lines(&["epoch", "epoch time", "generation", "files", "bytes", "folder"], &rows.collect::<Vec<_>>());
    text += "\nsteps, in the newest checkpoint\n";
    let rows = steps.iter().map(|step| {
        let model = step.model.as_ref();
        vec![
            step.step.clone(),
            format!("{} {}", step.state, step.version),
            number(step.rows),
            number(step.changes),
            number(step.bytes),
            format!("{} + {} + {}", step.bases, step.deltas, step.others),
            model.map(|m| format!("version {}, {} labels", m.version, m.labels)).unwrap_or_default(),
        ]
    });
    text += &lines(
        &["step", "state", "rows", "changes", "bytes", "bases + deltas + others", "model"],
        &rows.collect::<Vec<_>>(),
    );
    text += "\nsinks\n";
    let rows = sinks.iter().map(|sink| {
        vec![
            sink.sink.clone(),
            number(sink.epoch),
            number(sink.bytes),
            sink.chain[..12].to_owned(),
            sink.problem.clone().unwrap_or_else(|| sink.path.clone()),
        ]
    });
    text += &lines(&["sink", "epoch", "bytes", "chain", "file"], &rows.collect::<Vec<_>>());
    text += "\npartitions\n";
    let rows = positions.iter().map(|partition| {
        vec![
            partition.partition.clone(),
            number(partition.checkpoint),
            number(partition.logged),
            number(partition.bytes),
            partition.name.clone(),
        ]
    });
    text +=
        &lines(&["partition", "in the checkpoint", "in the log", "bytes", "file"], &rows.collect::<Vec<_>>());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_texts_to_the_left() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = lines(&["a", "bytes", "file"], &[row(["x", "7", "out/x"]), row(["long", "123456", "y"])]);
        assert_eq!(text, "  a      bytes  file\n  x          7  out/x\n  long  123456  y\n");
        assert_eq!((time(0), time(1_000)), ("-".to_owned(), "1970-01-01T00:00:01.000Z".to_owned()));
    }
}
