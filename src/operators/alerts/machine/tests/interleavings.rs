//! Any interleaving of readings, commands, answers and idle epochs, against a replay of the whole history at each epoch.

use proptest::prelude::*;

use super::{super::*, command, reading, replay, steps, subject};
use crate::{engine::duration::Millis, records::CaseEvent};

fn levels() -> impl Strategy<Value = Option<Level>> {
    prop_oneof![
        6 => Just(None),
        3 => Just(Some(Level::Firing)),
        2 => Just(Some(Level::Between)),
        2 => Just(Some(Level::Clear)),
        1 => Just(Some(Level::Gone)),
    ]
}

/// Answers: to the case that is there or not, to this firing or not, of whom, about what.
fn answers() -> impl Strategy<Value = Vec<(bool, bool, u8, u8, u8, u8)>> {
    let answer = (prop::bool::weighted(0.9), prop::bool::weighted(0.9), 0_u8..3, 0_u8..6, 0_u8..5, 0_u8..4);
    prop_oneof![2 => Just(Vec::new()), 2 => proptest::collection::vec(answer, 1..4)]
}

/// Commands of any id, most of them to the case that is there.
fn commands() -> impl Strategy<Value = Vec<(u8, u8, CaseAction)>> {
    let action = prop_oneof![
        3 => Just(CaseAction::Ack),
        1 => Just(CaseAction::Resolve),
        1 => Just(CaseAction::Note),
        2 => Just(CaseAction::Reopen),
    ];
    prop_oneof![
        3 => Just(Vec::new()),
        2 => proptest::collection::vec((0_u8..40, 0_u8..8, action), 1..3),
    ]
}

prop_compose! {
    fn times()(
        hold in 0_u64..4,
        keep in 0_u64..5,
        cooldown in 0_u64..7,
        expires in proptest::option::of(0_u64..6),
        reopen in 0_u64..9,
        waits in proptest::collection::vec(0_u64..9, 0..4),
    ) -> CaseSettings {
        CaseSettings {
            hold: Millis(hold),
            keep_firing_for: Millis(keep),
            cooldown: Millis(cooldown),
            ack_expires: expires.map(Millis),
            reopen_within: Millis(reopen),
            steps: steps(&waits),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_interleaving_gives_what_a_replay_gives(
        inputs in proptest::collection::vec((1_u64..4, levels(), commands(), answers()), 1..40),
        settings in times(),
    ) {
        let (mut awake, mut sleepy) = (Machine::new(subject()), Machine::new(subject()));
        let mut history: Vec<replay::Entry> = Vec::new();
        let (mut epoch, mut wake) = (1_000, None);
        let mut ids = Vec::new();
        for (n, (gap, level, wanted, became)) in inputs.into_iter().enumerate() {
            epoch += gap;
            let reading = level.map(|level| reading(level, &n.to_string()));
            let named = |to: u8| match (to, awake.case()) {
                (0, _) => "product_drop:p:1".to_owned(),
                (1, _) => ids.first().cloned().unwrap_or_default(),
                (_, case) => case.map(|case| case.case_id.clone()).unwrap_or_default(),
            };
            let commands: Vec<Command> =
                wanted.into_iter().map(|(id, to, action)| command(id, &named(to), action)).collect();
            let before = awake.case().cloned();
            let heard = |(this, now, target, event, step, result): (bool, bool, u8, u8, u8, u8)| {
                let fired = before.as_ref().and_then(|case| case.evidence.fired).unwrap_or(0);
                Answer {
                    case_id: named(if this { 2 } else { 1 }),
                    fired: if now { fired } else { fired.saturating_sub(1) },
                    target: ["a", "b", "c"][usize::from(target)].to_owned(),
                    event: if event > 2 { CaseEvent::Firing } else { CaseEvent::ALL[usize::from(event)] },
                    step: u32::from(step),
                    result: if result > 2 { DeliveryResult::Failed } else { DeliveryResult::ALL[usize::from(result)] },
                }
            };
            let answers: Vec<Answer> = became.into_iter().map(heard).collect();
            let outcome = awake.step(epoch, reading.clone(), &commands, &answers, &settings);
            history.push(replay::Entry {
                epoch,
                reading: reading.clone(),
                commands: commands.clone(),
                answers: answers.clone(),
            });

            // the naive reference
            let replayed = replay::cases(&history, &settings);
            prop_assert_eq!(outcome.case.as_ref(), replayed.last().and_then(Option::as_ref), "at {}", epoch);

            // it sleeps where nothing comes, until the time it was promised
            let due = wake.is_some_and(|wake| wake <= epoch);
            if reading.is_some() || !commands.is_empty() || !answers.is_empty() || due {
                let slept = sleepy.step(epoch, reading, &commands, &answers, &settings);
                prop_assert_eq!(&slept, &outcome);
                wake = slept.wake;
            } else {
                prop_assert_eq!(outcome.case.as_ref(), None, "nothing was due at {}", epoch);
            }
            prop_assert!(outcome.wake.is_none_or(|wake| wake > epoch));

            // one case is open at most, and no id comes twice
            if let Some(case) = outcome.case.filter(|case| ids.last() != Some(&case.case_id)) {
                prop_assert!(!ids.contains(&case.case_id));
                prop_assert!(before.is_none_or(|before| before.state == CaseState::Resolved));
                ids.push(case.case_id);
            }
        }
    }

    #[test]
    fn an_acknowledgement_is_never_lost(
        levels in proptest::collection::vec(levels(), 1..30),
        settings in times(),
    ) {
        let mut machine = Machine::new(subject());
        machine.step(100, Some(reading(Level::Firing, "m")), &[], &[], &settings);
        let id = machine.case().unwrap().case_id.clone();
        machine.step(101, Some(reading(Level::Firing, "m")), &[command(1, &id, CaseAction::Ack)], &[], &settings);
        for (epoch, level) in (102..).zip(levels) {
            let state = machine.case().unwrap().state;
            let expired = settings.ack_expires.is_some_and(|expires| epoch > 101 + expires.0);
            if state != CaseState::Acknowledged {
                prop_assert!(expired || state == CaseState::Resolved, "{:?} before {}", state, epoch);
                break;
            }
            let level = level.filter(|level| *level != Level::Gone);
            machine.step(epoch, level.map(|level| reading(level, "m")), &[], &[], &settings);
        }
    }
}
