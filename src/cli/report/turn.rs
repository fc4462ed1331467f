//! When a product turned bad, found from its course alone.
//!
//! A score is a mean over everything so far and sinks slowly; the sum of the stars bends at once. The turn is where the
//! sum lies highest above the straight line from nothing to its end: the change point of a cumulative sum (Page 1954).

use super::products::State;

/// A change of the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// The first epoch after it.
    pub(super) epoch: i64,
    /// Mean stars before and after.
    pub(super) means: [f64; 2],
}

/// Where the course turned to the worse, if the means of both sides differ by half a star and each has ten ratings.
pub(super) fn turn(course: &[State]) -> Option<Turn> {
    let sums: Vec<(f64, f64, i64)> = course
        .iter()
        .filter_map(|state| {
            Some((state.ratings as f64, state.rating_mean? * state.ratings as f64, state.epoch))
        })
        .collect();
    let &(count, sum, _) = sums.last()?;
    let slope = sum / count;
    let above = |&(count, sum, _): &(f64, f64, i64)| sum - count * slope;
    let (bend, &(before, sum_before, _)) =
        sums.iter().enumerate().max_by(|(i, a), (j, b)| above(a).total_cmp(&above(b)).then(j.cmp(i)))?;
    let &(_, _, epoch) = sums.get(bend + 1)?;
    let means = [sum_before / before, (sum - sum_before) / (count - before)];
    let clear = before >= 10.0 && count - before >= 10.0 && means[0] - means[1] >= 0.5;
    clear.then_some(Turn { epoch, means })
}

/// Mean stars of the ratings that came between one state and a later one, at the epoch of the later one: a course in
/// about `steps` steps of equally many ratings, ten at least.
pub(super) fn new_stars(course: &[State], steps: u64) -> Vec<(f64, f64)> {
    let last = course.last().map_or(0, |state| state.ratings);
    let step = (last / steps.max(1)).max(10);
    let mut stars = Vec::new();
    let (mut count, mut sum) = (0, 0.0);
    for state in course {
        let Some(mean) = state.rating_mean else { continue };
        let total = mean * state.ratings as f64;
        if state.ratings >= count + step {
            stars.push((state.epoch as f64, (total - sum) / (state.ratings - count) as f64));
            (count, sum) = (state.ratings, total);
        }
    }
    stars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(stars: impl Iterator<Item = f64>) -> Vec<State> {
        let mut sum = 0.0;
        stars
            .enumerate()
            .map(|(place, stars)| {
                sum += stars;
                let ratings = place as u64 + 1;
                let mean = sum / ratings as f64;
                State {
                    epoch: place as i64,
                    reviews: ratings,
                    ratings,
                    rating_mean: Some(mean),
                    negative_share: None,
                    score: mean,
                }
            })
            .collect()
    }

    #[test]
    fn the_turn_is_found_and_a_steady_course_has_none() {
        let turned = course(
            (0..300).map(|place| if place < 200 { [5.0, 4.0][place % 2] } else { [1.0, 2.0][place % 2] }),
        );
        let turn_of = turn(&turned).unwrap();
        assert_eq!(turn_of.epoch, 200);
        assert_eq!(turn_of.means, [4.5, 1.5]);
        assert_eq!(turn(&course((0..300).map(|place| [5.0, 4.0][place % 2]))), None);
        assert_eq!(turn(&[]), None);
        let stars = new_stars(&turned, 30);
        assert_eq!(stars.len(), 30);
        assert_eq!((stars[19].0, stars[20].0), (199.0, 209.0));
        assert!((stars[19].1 - 4.5).abs() < 1e-9 && (stars[20].1 - 1.5).abs() < 1e-9, "{stars:?}");
    }
}
