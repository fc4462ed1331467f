//! A rule of the protocol taken away: within the same bounds the walk breaks nothing with it, and without it a property
//! that the docs name beside the test.

use std::fmt::Debug;

use super::explorer::{Model, Property, explore};

const DOCS: &str = include_str!("../../docs/protocol.md");

/// Walks with the rule, then without it; each also for liveness, if told so. One of the properties has to break.
pub(crate) fn must_break<const W: usize, M: Model<W>>(
    name: &str,
    rule: impl Debug,
    with: (&M, bool),
    without: (&M, bool),
    properties: &[Property],
) {
    let whole = explore(with.0, with.1);
    println!("{rule:?} in place: {whole}");
    assert!(whole.violation.is_none(), "{rule:?} in place: {whole}");
    let seen = explore(without.0, without.1);
    println!("{rule:?} taken away: {seen}");
    let broken = seen.violation.expect("a violation").property;
    assert!(properties.contains(&broken), "{rule:?}: {broken:?}");
    assert!(
        DOCS.contains(&format!("| {broken:?} | `{name}` |")),
        "docs/protocol.md: {name} breaks {broken:?}"
    );
}

/// A test for each rule, with the bounds of its walk and the properties that may break first; `caught` is the caller's.
macro_rules! taken_away {
    ($($name:ident: $rule:ident, $bounds:expr, $($property:ident)|+;)+) => {$(
        #[test]
        fn $name() {
            caught(stringify!($name), Rule::$rule, $bounds, &[$(Property::$property),+]);
        }
    )+};
}
pub(crate) use taken_away;
