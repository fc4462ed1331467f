//! The machine by hand, and what the tests of it are made of.

use super::*;
use crate::{engine::duration::Millis, operators::registry::EscalationStep, records::CaseEvent};

mod interleavings;
mod replay;

fn subject() -> Subject {
    let name = "p".to_owned();
    Subject { kind: CaseKind::ProductDrop, product_id: Some(name.clone()), review_id: None, name }
}

fn reading(level: Level, method: &str) -> Reading {
    let evidence = Evidence { method: Some(method.to_owned()), ..Evidence::default() };
    Reading { level, severity: Severity::Warning, evidence }
}

fn command(id: u8, case_id: &str, action: CaseAction) -> Command {
    let note = (action == CaseAction::Note).then(|| format!("note {id}"));
    let by = Some("ann".to_owned());
    Command { command_id: id.to_string(), case_id: case_id.to_owned(), action, by, note }
}

/// Steps that are due after so long, with one or two targets each; the first one's are the third one's, too.
fn steps(waits: &[u64]) -> Vec<EscalationStep> {
    let targets = [vec!["a", "b"], vec!["c"], vec!["b", "a"], vec![]];
    let step = |(wait, targets): (&u64, &Vec<&str>)| EscalationStep {
        after: Millis(*wait),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
    };
    waits.iter().zip(&targets).map(step).collect()
}

fn answer(case: &Case, target: &str, step: u32, result: DeliveryResult) -> Answer {
    Answer {
        case_id: case.case_id.clone(),
        fired: case.evidence.fired.unwrap_or(0),
        target: target.to_owned(),
        event: CaseEvent::Firing,
        step,
        result,
    }
}

fn settings() -> CaseSettings {
    CaseSettings {
        hold: Millis(10),
        keep_firing_for: Millis(20),
        cooldown: Millis(100),
        ack_expires: Some(Millis(50)),
        reopen_within: Millis(1_000),
        steps: steps(&[0, 30]),
    }
}

/// State and step after each of these inputs at their epochs.
fn run(inputs: &[(Epoch, Option<Level>, Option<CaseAction>)]) -> Vec<(CaseState, u32, Option<Epoch>)> {
    let mut machine = Machine::new(subject());
    let mut found = Vec::new();
    for (n, (epoch, level, action)) in inputs.iter().enumerate() {
        let id = machine.case().map(|case| case.case_id.clone()).unwrap_or_default();
        let commands: Vec<Command> = action.iter().map(|action| command(n as u8, &id, *action)).collect();
        let outcome =
            machine.step(*epoch, level.map(|level| reading(level, "m")), &commands, &[], &settings());
        let case = machine.case().unwrap();
        found.push((case.state, case.step, outcome.wake));
    }
    found
}

#[test]
fn a_case_goes_its_way() {
    use CaseState::{Acknowledged, Firing, Pending, Resolved};
    let found = run(&[
        (1_000, Some(Level::Firing), None),
        (1_010, None, None),
        (1_040, None, None),
        (1_045, Some(Level::Between), Some(CaseAction::Ack)),
        (1_095, None, None),
        (1_100, Some(Level::Clear), None),
        (1_120, None, None),
        (1_130, Some(Level::Firing), None),
        (1_220, None, None),
    ]);
    let expected = [
        (Pending, 0, Some(1_010)),
        (Firing, 1, Some(1_040)),
        (Firing, 2, None),
        (Acknowledged, 2, Some(1_095)),
        (Firing, 1, Some(1_125)),
        (Firing, 1, Some(1_120)),
        (Resolved, 1, Some(2_120)),
        (Resolved, 1, Some(1_220)),
        (Pending, 0, Some(1_230)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_gone_resolves_at_once_and_says_why() {
    let mut machine = Machine::new(subject());
    machine.step(1_000, Some(reading(Level::Firing, "first")), &[], &[], &settings());
    machine.step(1_010, None, &[], &[], &settings());
    let case = machine.step(1_011, Some(reading(Level::Gone, "")), &[], &[], &settings()).case.unwrap();
    assert_eq!((case.state, case.evidence.resolved), (CaseState::Resolved, Some(Resolution::Retracted)));
    assert_eq!((case.evidence.method.as_deref(), case.updated), (Some("first"), 1_011));
    let again = command(1, &case.case_id, CaseAction::Reopen);
    let reopened = machine.step(1_012, None, &[again], &[], &settings()).case.unwrap();
    assert_eq!(
        (reopened.state, reopened.case_id, reopened.evidence.resolved),
        (CaseState::Firing, case.case_id, None)
    );
    let later = machine.step(1_500, None, &[], &[], &settings());
    assert_eq!(
        later.case.map(|case| case.state),
        Some(CaseState::Firing),
        "a step is due, and nothing clears it"
    );
}

#[test]
fn commands_that_come_twice_or_name_another_case_do_nothing() {
    let mut machine = Machine::new(subject());
    let settings = CaseSettings { hold: Millis(0), ..settings() };
    let case = machine.step(5, Some(reading(Level::Firing, "m")), &[], &[], &settings).case.unwrap();
    assert_eq!((&*case.case_id, case.step), ("product_drop:p:5", 1));
    let other = command(1, "product_drop:p:6", CaseAction::Ack);
    assert_eq!(machine.step(6, None, &[other], &[], &settings).case, None);
    let ack = command(2, "product_drop:p:5", CaseAction::Ack);
    assert!(machine.step(7, None, std::slice::from_ref(&ack), &[], &settings).case.is_some());
    machine.step(57, None, &[], &[], &settings);
    assert_eq!(machine.case().map(|case| case.state), Some(CaseState::Firing));
    assert_eq!(machine.step(58, None, &[ack], &[], &settings).case, None);
    let note = command(3, "product_drop:p:5", CaseAction::Note);
    let noted = machine.step(59, None, &[note], &[], &settings).case.unwrap();
    assert_eq!((noted.note.as_deref(), noted.state), (Some("note 3"), CaseState::Firing));
}

#[test]
fn where_every_target_has_failed_the_next_step_is_due_at_once() {
    let mut machine = Machine::new(subject());
    let settings = CaseSettings { hold: Millis(0), ..settings() };
    let case = machine.step(5, Some(reading(Level::Firing, "m")), &[], &[], &settings).case.unwrap();
    assert_eq!((case.evidence.fired, case.step), (Some(5), 1));
    let failed = |target| answer(&case, target, 1, DeliveryResult::Failed);
    let one = machine.step(6, None, &[], &[failed("a")], &settings);
    assert_eq!((one.heard, one.case.unwrap().step), (vec![true], 1));
    let again = machine.step(7, None, &[], &[failed("a")], &settings);
    assert_eq!((again.heard, again.case), (vec![false], None), "it was heard");
    let both = machine.step(8, None, &[], &[failed("b")], &settings).case.unwrap();
    assert_eq!(both.step, 2);
    let told = BTreeMap::from(["a", "b"].map(|target| (target.to_owned(), DeliveryResult::Failed)));
    assert_eq!(both.evidence.deliveries, told);
    let due = machine.step(35, None, &[], &[], &settings);
    assert_eq!(due.case, None, "the second step was due before its time");

    // another firing begins anew, and answers to the one before are late
    let id = &case.case_id;
    let over = [command(1, id, CaseAction::Resolve), command(2, id, CaseAction::Reopen)];
    let anew = machine.step(40, None, &over, &[failed("a")], &settings);
    assert_eq!(anew.heard, [false]);
    let anew = anew.case.unwrap();
    assert_eq!((anew.evidence.fired, anew.step, anew.evidence.deliveries.len()), (Some(40), 1, 0));
}

#[test]
fn a_checkpoint_goes_on_and_what_is_over_is_forgotten() {
    let mut machine = Machine::new(subject());
    machine.step(1_000, Some(reading(Level::Firing, "m")), &[], &[], &settings());
    let stored = serde_json::to_vec(&machine).unwrap();
    assert_eq!(serde_json::from_slice::<Machine>(&stored).unwrap(), machine);
    machine.step(1_005, Some(reading(Level::Clear, "")), &[], &[], &settings());
    assert!(!machine.is_forgotten());
    assert_eq!(machine.step(2_005, None, &[], &[], &settings()), Outcome::default());
    assert!(machine.is_forgotten());
}
