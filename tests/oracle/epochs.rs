//! The epochs of `clock: event`: a function of one partition's times alone.
//!
//! Record i gets max(e(i-1), M rounded up to the tick, 1), M the largest `ts` so far, itself included; where
//! `epoch_records` records of the partition have that epoch already, it is one more. A `ts` further than `max_jump`
//! past M moves M only if the next record that is not refused lies past that bound too; the first `ts` always
//! moves it. A refused record takes e(i-1) as it is, and counts.

/// 400 days in milliseconds, the default of `max_ts_jump`.
pub(crate) const MAX_JUMP: i64 = 400 * 24 * 60 * 60 * 1000;

/// The epoch of each record of a partition, given its `ts` in milliseconds, or `None` where it is refused.
pub(crate) fn stamp(times: &[Option<i64>], tick: u64, epoch_records: u64, max_jump: i64) -> Vec<u64> {
    let mut epochs: Vec<u64> = Vec::new();
    let mut largest: Option<i64> = None;
    for (i, time) in times.iter().enumerate() {
        let before = epochs.last().copied().unwrap_or(1);
        let Some(ts) = *time else {
            epochs.push(before);
            continue;
        };
        let moves = match largest {
            None => true,
            Some(m) if ts > m + max_jump => {
                times[i + 1..].iter().flatten().next().is_some_and(|&next| next > m + max_jump)
            }
            Some(m) => ts > m,
        };
        if moves {
            largest = Some(ts);
        }
        let ms = u64::try_from(largest.expect("the first ts moves it")).expect("no ts before 1970");
        let mut epoch = before.max(ms.div_ceil(tick) * tick).max(1);
        if epochs.iter().filter(|&&e| e == epoch).count() as u64 >= epoch_records {
            epoch += 1;
        }
        epochs.push(epoch);
    }
    epochs
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn the_largest_ts_is_rounded_up_and_never_goes_back() {
        assert_eq!(
            stamp(&[Some(0), Some(1), Some(100), Some(101), Some(50)], 100, 9, MAX_JUMP),
            [1, 100, 100, 200, 200]
        );
    }

    #[test]
    fn a_full_epoch_goes_one_on() {
        assert_eq!(stamp(&[Some(100); 5], 100, 2, MAX_JUMP), [100, 100, 101, 101, 102]);
        assert_eq!(
            stamp(&[Some(100), Some(100), Some(100), Some(150)], 100, 1, MAX_JUMP),
            [100, 101, 102, 200]
        );
    }

    #[test]
    fn refused_records_take_the_epoch_before_and_count() {
        assert_eq!(stamp(&[None, Some(100), None, Some(100)], 100, 2, MAX_JUMP), [1, 100, 100, 101]);
        assert_eq!(stamp(&[None, None, None, Some(1)], 1, 2, MAX_JUMP), [1, 1, 1, 2]);
    }

    #[test]
    fn a_jump_must_be_confirmed_by_the_next_good_record() {
        let far = 401 * DAY;
        let high = u64::try_from(far).expect("positive");
        assert_eq!(
            stamp(&[Some(0), Some(far), Some(5)], 10, 9, MAX_JUMP),
            [1, 1, 10],
            "alone it moves nothing"
        );
        assert_eq!(stamp(&[Some(0), Some(far), None, Some(far)], 10, 9, MAX_JUMP), [1, high, high, high]);
        assert_eq!(stamp(&[Some(0), Some(far)], 10, 9, MAX_JUMP), [1, 1], "no record after it");
        assert_eq!(
            stamp(&[Some(0), Some(400 * DAY)], DAY.unsigned_abs(), 9, MAX_JUMP)[1],
            (400 * DAY).unsigned_abs()
        );
        assert_eq!(stamp(&[Some(far), Some(5)], 10, 9, MAX_JUMP), [high, high], "the first always moves it");
    }
}
