//! Holds the binary to the oracle on random cases: every line, every book, with two numbers of workers.
//!
//! `DIRIGENT_CASES` sets how many cases (48), `DIRIGENT_SEED` which ones (0); a case that fails is shrunk and shown
//! with its files.

mod oracle;

use std::cell::Cell;
use std::fmt::Write as _;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use oracle::cases::{self, Case};
use oracle::{compare, drive};

fn number(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// What is wrong with the binary on this case; `Ok(false)` where the contract does not decide the case.
fn judge(case: &Case, directory: &std::path::Path) -> Result<bool, String> {
    let output = drive::run(&case.setting, &case.partitions, case.workers.0, directory)?;
    let again = drive::run(&case.setting, &case.partitions, case.workers.1, directory)?;
    for (kind, a, b) in [("output", &output.files, &again.files), ("model", &output.models, &again.models)] {
        if a.keys().ne(b.keys()) {
            return Err(format!("{kind} files differ: {:?} and {:?}", a.keys(), b.keys()));
        }
        if let Some((name, _)) = a.iter().find(|(name, bytes)| b[*name] != **bytes) {
            return Err(format!("{kind} file {name} differs between {:?} workers", case.workers));
        }
    }
    match compare::complaints(&case.setting, &case.partitions, &output) {
        None => Ok(false),
        Some(wrong) if wrong.is_empty() => Ok(true),
        Some(wrong) => Err(wrong.join("\n")),
    }
}

fn show(case: &Case) -> String {
    let mut text = format!("workers {:?}\n{}", case.workers, drive::topology(&case.setting));
    for partition in &case.partitions {
        let _ = writeln!(text, "--- {}\n{}", partition.path, String::from_utf8_lossy(&partition.bytes));
    }
    text
}

#[test]
fn the_binary_writes_what_the_oracle_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let case_directory = directory.path().join("case");
    let config = Config {
        cases: number("DIRIGENT_CASES", 48),
        max_shrink_time: 90_000,
        max_shrink_iters: 600,
        failure_persistence: None,
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("DIRIGENT_SEED", 0).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (judged, undecided) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&cases::case(), |case| {
        let decided = judge(&case, &case_directory).map_err(TestCaseError::fail)?;
        let counter = if decided { &judged } else { &undecided };
        counter.set(counter.get() + 1);
        Ok(())
    });
    match result {
        Ok(()) => assert!(judged.get() > undecided.get() * 4, "too few cases were judged"),
        Err(TestError::Fail(why, case)) => panic!("{}\n{why}", show(&case)),
        Err(other) => panic!("{other}"),
    }
}
