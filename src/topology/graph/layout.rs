//! Where the boxes of a picture stand: in columns from left to right, by the method of Sugiyama, Tagawa and Toda (1981).
//!
//! A box's column is its longest way from a source; sources move right to their first reader. An arrow over several
//! columns gets a bend in each of them, which takes a row like a box does, so no arrow runs through a box. Rows follow
//! the mean of the rows before them; ties by the plan's order.

use super::{Picture, Role};

/// Rows are counted in this unit; a box takes one.
#[derive(Debug)]
pub(super) struct Layout {
    /// Column of each box.
    pub(super) columns: Vec<usize>,
    /// Row of each box.
    pub(super) rows: Vec<f64>,
    /// Of each arrow, the bends on its way: column and row.
    pub(super) bends: Vec<Vec<(usize, f64)>>,
    /// How many columns there are.
    pub(super) width: usize,
    /// The lowest row.
    pub(super) height: f64,
}

/// Lays a picture out.
pub(super) fn layout(picture: &Picture) -> Layout {
    let columns = columns(picture);
    let width = columns.iter().max().map_or(0, |last| last + 1);

    // Boxes first, then the bends of each arrow; `links` joins each with the one before it.
    let mut column_of = columns.clone();
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut bends: Vec<Vec<usize>> = Vec::new();
    for arrow in &picture.arrows {
        let mut own = Vec::new();
        if !arrow.back {
            let mut last = arrow.from;
            for column in columns[arrow.from] + 1..columns[arrow.to] {
                column_of.push(column);
                links.push((last, column_of.len() - 1));
                last = column_of.len() - 1;
                own.push(last);
            }
            links.push((last, arrow.to));
        }
        bends.push(own);
    }

    let mut rows = vec![0.0; column_of.len()];
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); width];
    for (item, &column) in column_of.iter().enumerate() {
        layers[column].push(item);
    }
    for layer in &layers {
        layer.iter().enumerate().for_each(|(row, &item)| rows[item] = row_number(row));
    }
    // A few sweeps settle pictures of this size; there is no need to find the best.
    for sweep in 0..12 {
        let rightwards = sweep % 2 == 0;
        for step in 0..width {
            let layer = &mut layers[if rightwards { step } else { width - 1 - step }];
            let wish = |item: usize| {
                let near: Vec<f64> = links
                    .iter()
                    .filter_map(|&(a, b)| match (rightwards, item) {
                        (true, item) if item == b => Some(rows[a]),
                        (false, item) if item == a => Some(rows[b]),
                        _ => None,
                    })
                    .collect();
                if near.is_empty() { rows[item] } else { near.iter().sum::<f64>() / row_number(near.len()) }
            };
            let mut wishes: Vec<(f64, usize)> = layer.iter().map(|&item| (wish(item), item)).collect();
            wishes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            *layer = wishes.iter().map(|&(_, item)| item).collect();
            place(&wishes, &mut rows);
        }
    }
    let top = rows.iter().copied().fold(f64::INFINITY, f64::min);
    rows.iter_mut().for_each(|row| *row -= top);
    let height = rows.iter().copied().fold(0.0, f64::max);
    let bends =
        bends.into_iter().map(|own| own.into_iter().map(|item| (column_of[item], rows[item])).collect());
    Layout { bends: bends.collect(), rows: rows[..columns.len()].to_vec(), columns, width, height }
}

/// Gives the items of one column, in order, rows near what they wish for and at least one apart.
fn place(wishes: &[(f64, usize)], rows: &mut [f64]) {
    let mut lowest = f64::NEG_INFINITY;
    let mut drift = 0.0;
    for &(wish, item) in wishes {
        rows[item] = wish.max(lowest);
        drift += rows[item] - wish;
        lowest = rows[item] + 1.0;
    }
    // Making room pushes down only: share it out.
    let shift = drift / row_number(wishes.len().max(1));
    wishes.iter().for_each(|&(_, item)| rows[item] -= shift);
}

fn columns(picture: &Picture) -> Vec<usize> {
    let mut columns = vec![0; picture.blocks.len()];
    // Arrows forward point from boxes placed earlier, so as many rounds as boxes are always enough.
    for _ in 0..picture.blocks.len() {
        for arrow in picture.arrows.iter().filter(|arrow| !arrow.back) {
            columns[arrow.to] = columns[arrow.to].max(columns[arrow.from] + 1);
        }
    }
    for (index, block) in picture.blocks.iter().enumerate() {
        if block.role == Role::Source {
            let readers =
                picture.arrows.iter().filter(|arrow| arrow.from == index).map(|arrow| columns[arrow.to]);
            columns[index] = readers.min().map_or(0, |first| first - 1);
        }
    }
    columns
}

/// Pictures have few rows: the number is exact.
fn row_number(row: usize) -> f64 {
    u32::try_from(row).map_or(f64::MAX, f64::from)
}
