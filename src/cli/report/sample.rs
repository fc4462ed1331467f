//! Fewer points that look the same: largest triangle, three buckets (Steinarsson 2013).
//!
//! The ends stay; the points between are cut into buckets, and of each bucket the one stays that makes the largest
//! triangle with the point kept before it and the mean of the bucket behind it. Ties go to the earlier point.

/// A point of a curve.
pub(super) type Point = (f64, f64);

/// At most `limit` (at least 3) of the points, in their order.
pub(super) fn sample(points: &[Point], limit: usize) -> Vec<Point> {
    let limit = limit.max(3);
    if points.len() <= limit {
        return points.to_vec();
    }
    let inner = points.len() - 2;
    let buckets = limit - 2;
    let bounds = |bucket: usize| 1 + bucket * inner / buckets;
    let mut kept = Vec::with_capacity(limit);
    kept.push(points[0]);
    for bucket in 0..buckets {
        let behind = if bucket + 1 == buckets {
            points[points.len() - 1]
        } else {
            mean(&points[bounds(bucket + 1)..bounds(bucket + 2)])
        };
        let before = kept[kept.len() - 1];
        let mut best = (-1.0, points[bounds(bucket)]);
        for &point in &points[bounds(bucket)..bounds(bucket + 1)] {
            let area = ((before.0 - behind.0) * (point.1 - before.1)
                - (before.0 - point.0) * (behind.1 - before.1))
                .abs();
            if area > best.0 {
                best = (area, point);
            }
        }
        kept.push(best.1);
    }
    kept.push(points[points.len() - 1]);
    kept
}

fn mean(points: &[Point]) -> Point {
    let count = points.len() as f64;
    (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| point.1).sum::<f64>() / count,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_peaks_stay() {
        let mut points: Vec<Point> = (0..10_000).map(|x| (f64::from(x), 0.0)).collect();
        points[4_321].1 = 9.0;
        let kept = sample(&points, 600);
        assert_eq!(kept.len(), 600);
        assert_eq!((kept[0], kept[599]), (points[0], points[9_999]));
        assert!(kept.contains(&(4_321.0, 9.0)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(kept, sample(&points, 600));
    }

    #[test]
    fn few_points_all_stay() {
        let points = [(0.0, 1.0), (1.0, 2.0)];
        assert_eq!(sample(&points, 600), points);
        assert_eq!(sample(&[], 600), []);
        for count in 4..200 {
            let points: Vec<Point> = (0..count).map(|x| (f64::from(x), f64::from(x % 7))).collect();
            assert_eq!(sample(&points, 3).len(), 3);
        }
    }
}
