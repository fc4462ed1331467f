//! Probabilities of what is far out, and the limits that go with them. Pure `libm`, sums in a fixed order.

use std::f64::consts::SQRT_2;

/// The probability that a standard normal number is at least `z`.
pub(super) fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The number that a standard normal one exceeds with probability `tail`, not below 0.
pub(super) fn normal_limit(tail: f64) -> f64 {
    falling(normal_tail, tail)
}

/// The probability of at least `k` of `n` where `past_k` of `past_n` were seen before.
///
/// It is the exact binomial tail, averaged over what the past leaves open about the share (Jeffreys' prior, Beta(1/2, 1/2)):
/// the beta-binomial tail. With a long past it is the binomial tail at the past's share; with a short one it is larger, so a
/// product that has shown little is not held against it.
pub(super) fn binomial_tail(k: u64, n: u64, past_k: u64, past_n: u64) -> f64 {
    let (k, n) = (k as f64, n as f64);
    let a = past_k as f64 + 0.5;
    let b = (past_n - past_k.min(past_n)) as f64 + 0.5;
    let beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    // ln of n over k is -ln((n + 1) B(k + 1, n - k + 1))
    let ways = -(libm::log(n + 1.0) + beta(k + 1.0, n - k + 1.0));
    let mut term = libm::exp(ways + beta(k + a, n - k + b) - beta(a, b));
    let (mut sum, mut i) = (0.0, k);
    while i <= n && term > sum * 1e-17 {
        sum += term;
        term *= (n - i) / (i + 1.0) * (i + a) / (n - i - 1.0 + b);
        i += 1.0;
    }
    if sum > 1.0 { 1.0 } else { sum }
}

/// The limit in standard deviations at which a one-sided cumulative sum with this slack, on standard normal numbers without
/// a change, crosses it once in `1 / rate` numbers on average: Siegmund's approximation (1985, Sequential Analysis, 2.57)
/// `ARL = (exp(2kb) - 2kb - 1) / 2k^2` with `b = h + 1.166`, solved for `h`.
pub(super) fn cusum_limit(slack: f64, rate: f64) -> f64 {
    let between = |h: f64| {
        let twice = 2.0 * slack * (h + 1.166);
        2.0 * slack * slack / (libm::exp(twice) - twice - 1.0)
    };
    falling(between, rate)
}

/// Where a falling function from 0 on comes down to a value; 0 where it starts below it, 40 where it stays above.
fn falling(function: impl Fn(f64) -> f64, value: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if function(middle) > value {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found / expected - 1.0).abs() < relative, "{found}, not {expected}");
    }

    #[test]
    fn normal_tails_are_those_of_the_tables() {
        near(normal_tail(1.959_963_984_540_054), 0.025, 1e-12);
        near(normal_limit(0.025), 1.959_963_984_540_054, 1e-12);
        near(normal_limit(1.349_898_031_630_094_6e-3), 3.0, 1e-12);
        assert!(normal_limit(0.7) < 1e-12);
    }

    #[test]
    fn with_a_long_past_it_is_the_binomial_tail() {
        // at least 3 of 4 at one half: (4 + 1) / 16; at least 2 of 3 at one fifth: 3 * 0.04 * 0.8 + 0.008
        let past = 1_000_000;
        near(binomial_tail(3, 4, past / 2, past), 5.0 / 16.0, 1e-5);
        near(binomial_tail(2, 3, past / 5, past), 0.104, 1e-4);
        near(binomial_tail(20, 20, past / 10, past), 1e-20, 1e-2);
    }

    #[test]
    fn with_a_short_past_it_is_the_beta_binomial_tail() {
        // without a past, Beta(1/2, 1/2): two of two has the mean of p^2, 3/8; with 1 of 2 seen before it is
        // (3/2 * 5/2) / (3 * 4)
        near(binomial_tail(2, 2, 0, 0), 3.0 / 8.0, 1e-12);
        near(binomial_tail(2, 2, 1, 2), 3.75 / 12.0, 1e-12);
        near(binomial_tail(0, 30, 1, 20), 1.0, 1e-12);
    }

    #[test]
    fn limits_of_cumulative_sums_are_siegmunds() {
        // h = 5, k = 1/2: 2 (exp(6.166) - 7.166) = 938.2 (Siegmund), 930 (tables)
        near(cusum_limit(0.5, 1.0 / 938.21), 5.0, 1e-4);
        near(cusum_limit(0.5, 1.0 / 338.0), 4.0, 2e-3);
    }
}
