//! What ties steps together beside their edges: a learner to the step it learns for, and readers to what decodes for them.

use std::collections::BTreeMap;

use super::{
    declared::Components,
    diagnostics::{Fault, suggest},
    document::Node,
    edges::Wired,
    plan::{From, StepNode},
    references::References,
};
use crate::operators::registry::{Demand, Record};

/// A learner names a scoring transform upstream of it, and no model has two learners.
pub(super) fn learners(
    components: &Components<'_>,
    references: &References,
    wired: &mut Wired,
    faults: &mut Vec<Fault>,
) {
    let mut learned: BTreeMap<usize, usize> = BTreeMap::new();
    for index in 0..wired.steps.len() {
        let (Some(setting), Some(declared)) = (wired.steps[index].operator.learns, wired.declared[index])
        else {
            continue;
        };
        let transform = &components.transforms[declared];
        let Some(wanted) = transform.node.get(setting).and_then(Node::as_text) else { continue };
        let span = transform.node.get(setting).map_or(transform.span, |node| node.span);
        let scoring: Vec<usize> =
            (0..wired.steps.len()).filter(|&step| wired.steps[step].operator.scores).collect();
        let ids: Vec<&str> = scoring.iter().map(|&step| wired.steps[step].id.as_str()).collect();
        let Some(step) = scoring.iter().copied().find(|&step| wired.steps[step].id == wanted) else {
            let fault = match components.transforms.iter().find(|transform| transform.id == wanted) {
                // Its type is unknown, which has been reported.
                Some(other) if other.kind.is_none_or(|kind| kind.scores) => continue,
                Some(_) => Fault::new(
                    span,
                    format!("`{}` would learn for `{wanted}`, which scores nothing", transform.id),
                    "expected a scoring transform",
                ),
                None => Fault::new(
                    span,
                    format!("`{}` would learn for `{wanted}`, which is no transform", transform.id),
                    "expected the id of a scoring transform",
                ),
            };
            faults.push(fault.help(suggest(wanted, &ids)));
            continue;
        };
        let before = upstream(&wired.steps, index);
        if !before.contains(&step) {
            let whole =
                |step: &usize| wired.declared[*step].is_none_or(|at| references.is_whole(components, at));
            if before.iter().chain(&[index]).all(whole) {
                let message =
                    format!("`{}` would learn for `{wanted}`, whose scores it does not read", transform.id);
                faults.push(
                    Fault::new(span, message, "not upstream of it")
                        .help(format!("let `{}` read what comes from `{wanted}`", transform.id)),
                );
            }
            continue;
        }
        if let Some(first) = learned.insert(step, declared) {
            let first = &components.transforms[first];
            faults.push(
                Fault::new(
                    span,
                    format!(
                        "the model of `{wanted}` has two learners, `{}` and `{}`",
                        first.id, transform.id
                    ),
                    "the second learner",
                )
                .also(first.node.get(setting).map_or(first.span, |node| node.span), "the first learner")
                .help("keep one of them, or give the other a scoring transform of its own"),
            );
        }
        wired.steps[index].learns = Some(step);
    }
}

/// All steps that a step reads from, near and far.
fn upstream(steps: &[StepNode], of: usize) -> Vec<usize> {
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        for from in steps[found[next]].inputs.iter().flatten() {
            if let From::Step { step, .. } = from
                && !found.contains(step)
            {
                found.push(*step);
            }
        }
        next += 1;
    }
    found.remove(0);
    found
}

/// Refuses a second lexicon: a review is looked up in one.
fn one_lexicon(components: &Components<'_>, wired: &Wired, faults: &mut Vec<Fault>) {
    let mut first = None;
    for (step, declared) in wired.steps.iter().zip(&wired.declared) {
        let (Some(lexicon), Some(declared)) = (&step.demand.lexicon, declared) else { continue };
        let (known, by) = *first.get_or_insert((lexicon, *declared));
        if known != lexicon {
            let [one, other] = [by, *declared].map(|index| &components.transforms[index]);
            let message = format!("`{}` and `{}` have different lexicons", one.id, other.id);
            faults.push(
                Fault::new(other.span, message, "a second one")
                    .also(one.span, "the first")
                    .help("give both the same; put the sections of one into the other"),
            );
        }
    }
}

/// Adds up what steps need of decoded reviews, from the last step to the first, and over all that read one source:
/// it is decoded once.
pub(super) fn demands(components: &Components<'_>, wired: &mut Wired, faults: &mut Vec<Fault>) {
    let mut broken = false;
    for (step, declared) in wired.steps.iter_mut().zip(&wired.declared) {
        // Settings with a fault are not for the operator to read.
        if declared.is_none_or(|index| components.transforms[index].healthy) {
            step.demand = (step.operator.demand)(&step.settings);
        } else {
            broken = true;
        }
    }
    one_lexicon(components, wired, faults);
    // Of each step, the declared transform whose wish for features reached it first.
    let mut wishes: Vec<Option<usize>> = (0..wired.steps.len())
        .map(|step| wired.declared[step].filter(|_| wired.steps[step].demand.features.is_some()))
        .collect();
    let mut refuse = |decoder: &str, conflict: String, one: Option<usize>, other: Option<usize>| {
        let (Some(one), Some(other), false) = (one, other, broken) else { return };
        let (one, other) = (&components.transforms[one], &components.transforms[other]);
        let message = format!("`{decoder}` cannot serve both `{}` and `{}`", one.id, other.id);
        faults.push(
            Fault::new(one.span, message, "one of the two")
                .also(other.span, "the other")
                .help(format!("{conflict}; give both the same settings, or each a source of its own")),
        );
    };
    for index in (0..wired.steps.len()).rev() {
        let demand = wired.steps[index].demand.clone();
        let mut before: Vec<usize> = Vec::new();
        for from in wired.steps[index].inputs.iter().flatten() {
            if let From::Step { step, .. } = from
                && !before.contains(step)
            {
                before.push(*step);
            }
        }
        for step in before {
            match wired.steps[step].demand.merge(&demand) {
                Ok(()) => wishes[step] = wishes[step].or(wishes[index]),
                Err(conflict) => refuse(&wired.steps[step].id, conflict, wishes[index], wishes[step]),
            }
        }
    }
    for (index, source) in components.sources.iter().enumerate() {
        if source.record != Some(Record::Review) {
            continue;
        }
        let reads = |step: &StepNode| {
            step.inputs.iter().flatten().any(|from| matches!(from, From::Source(read) if *read == index))
        };
        let readers: Vec<usize> = (0..wired.steps.len()).filter(|&step| reads(&wired.steps[step])).collect();
        let (mut whole, mut wish) = (Demand::default(), None);
        for &reader in &readers {
            match whole.merge(&wired.steps[reader].demand) {
                Ok(()) => wish = wish.or(wishes[reader]),
                Err(conflict) => refuse(source.id, conflict, wish, wishes[reader]),
            }
        }
        for &reader in &readers {
            wired.steps[reader].demand = whole.clone();
        }
    }
    // what a learner reads was made for the step that scores
    for index in 0..wired.steps.len() {
        if let Some(scoring) = wired.steps[index].learns {
            wired.steps[index].demand.features = wired.steps[scoring].demand.features.clone();
        }
    }
}
