//! Planner and queues by hand, and in a world whose receivers do as they like.

mod world;

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use self::world::{Answer, Change, World, case};
use super::{
    planner::{CaseLine, Planner, key},
    queue::{Next, Queue},
    settings::{Backoff, RateLimit, TargetSettings},
};
use crate::{
    connect::receivers::{DeliveryError, Event, Notification},
    engine::duration::Millis,
    records::{CaseState, DeliveryOutcome, DeliveryResult, Severity},
};

fn outcome(
    key: &str,
    case_id: &str,
    fired: u64,
    target: &str,
    event: Event,
    result: DeliveryResult,
) -> DeliveryOutcome {
    DeliveryOutcome {
        delivery_id: key.to_owned(),
        case_id: case_id.to_owned(),
        fired,
        target: target.to_owned(),
        event,
        step: 1,
        result,
        attempts: 1,
        reason: None,
        ts: None,
        case: None,
    }
}

fn steps() -> Vec<Vec<String>> {
    [vec!["shop"], vec!["boss", "shop"]].map(|step| step.into_iter().map(str::to_owned).collect()).into()
}

#[test]
fn what_is_due_follows_from_the_last_line_and_the_outcomes() {
    let mut planner = Planner::new(steps(), BTreeSet::from(["boss".to_owned()]));
    let due = |planner: &Planner| -> Vec<String> {
        planner.due("drift:m:5").into_iter().map(|(_, notification)| notification.key).collect()
    };
    let id = "drift:m:5";
    let see = |planner: &mut Planner, state, fired, step| {
        planner.see(CaseLine::Case(Box::new(case(id, state, fired, step, Severity::Warning))));
    };
    see(&mut planner, CaseState::Pending, None, 0);
    assert_eq!(due(&planner), Vec::<String>::new());
    see(&mut planner, CaseState::Firing, Some(7), 1);
    assert_eq!(due(&planner), ["drift:m:5/7/firing/1/shop"]);
    see(&mut planner, CaseState::Firing, Some(7), 2);
    let all = ["drift:m:5/7/firing/1/shop", "drift:m:5/7/firing/2/boss", "drift:m:5/7/firing/2/shop"];
    assert_eq!(due(&planner), all);
    for (n, target) in [(0, "shop"), (1, "boss")] {
        planner.hear(&outcome(all[n], id, 7, target, Event::Firing, DeliveryResult::Delivered));
    }
    assert_eq!(due(&planner), all[2..]);
    see(&mut planner, CaseState::Acknowledged, Some(7), 2);
    assert_eq!(due(&planner), ["drift:m:5/7/acknowledged/boss", "drift:m:5/7/acknowledged/shop"]);
    see(&mut planner, CaseState::Resolved, Some(7), 2);
    assert_eq!(due(&planner), ["drift:m:5/7/resolved/shop"], "boss is not to hear of it");
    // a line that says the same again
    see(&mut planner, CaseState::Resolved, Some(7), 2);
    planner.hear(&outcome(&due(&planner)[0], id, 7, "shop", Event::Resolved, DeliveryResult::Failed));
    assert_eq!(due(&planner), Vec::<String>::new());
    // fired again: from the start
    see(&mut planner, CaseState::Firing, Some(9), 1);
    assert_eq!(due(&planner), [key(id, 9, Event::Firing, 1, "shop")]);
    // over before anybody was told
    see(&mut planner, CaseState::Resolved, Some(9), 1);
    assert_eq!(due(&planner), Vec::<String>::new());
    planner.see(CaseLine::Gone(id.to_owned()));
    assert_eq!(planner.cases().count(), 0);
}

fn notification(case_id: &str, fired: u64, severity: Severity) -> Notification {
    let case = case(case_id, CaseState::Firing, Some(fired), 1, severity);
    Notification { key: key(case_id, fired, Event::Firing, 1, "shop"), event: Event::Firing, step: 1, case }
}

fn away(seconds: u64) -> DeliveryError {
    let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
    DeliveryError::Unavailable { reason: "away".to_owned(), retry_after }
}

fn ids(next: Next) -> Vec<String> {
    match next {
        Next::Deliver(all) => all.into_iter().map(|n| n.case.case_id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_waits_for_others_and_is_tried_again_as_one() {
    let settings = TargetSettings { group_wait: Millis(1_000), ..TargetSettings::default() };
    let mut queue = Queue::new(&settings, 1);
    queue.set("a", vec![notification("a", 1, Severity::Warning)], 0);
    assert_eq!(queue.next(0), Next::At(1_000));
    queue.set("b", vec![notification("b", 1, Severity::Warning)], 900);
    assert_eq!(ids(queue.next(1_000)), ["a", "b"]);
    assert_eq!(queue.next(1_000), Next::Nothing, "one is under way");
    assert_eq!(queue.failed(&away(0), 1_100), (vec![], vec![]));
    let Next::At(at) = queue.next(1_100) else { panic!("it waits") };
    assert!((2_100..=3_100).contains(&at), "{at}");
    // what is over is not called again
    let dropped = queue.set("a", vec![], 1_200);
    assert_eq!(dropped.iter().map(|done| done.attempts).collect::<Vec<_>>(), [1]);
    assert_eq!(ids(queue.next(at)), ["b"]);
    // under way when it is over: not dropped, and not tried again
    assert_eq!(queue.set("b", vec![], at), []);
    let (given_up, over) = queue.failed(&away(0), at + 1);
    assert_eq!((given_up.len(), over.len(), queue.len()), (0, 1, 0));
}

#[test]
fn what_a_receiver_asks_for_holds_for_all_and_what_it_refuses_is_given_up() {
    let settings = TargetSettings { retries: 1, ..TargetSettings::default() };
    let mut queue = Queue::new(&settings, 1);
    for id in ["a", "b", "c"] {
        queue.set(id, vec![notification(id, 1, Severity::Warning)], 0);
    }
    assert_eq!(ids(queue.next(0)), ["a"]);
    queue.failed(&away(60), 0);
    assert_eq!(queue.next(59_999), Next::At(60_000));
    assert_eq!(ids(queue.next(60_000)), ["a"]);
    let (given_up, _) = queue.failed(&away(0), 60_000);
    assert_eq!((given_up.len(), given_up[0].attempts), (1, 2));
    assert_eq!(ids(queue.next(60_000)), ["b"]);
    let refused = DeliveryError::Refused { reason: "400".to_owned() };
    assert_eq!(queue.failed(&refused, 60_000).0.len(), 1);
    assert_eq!(ids(queue.next(60_000)), ["c"]);
    assert_eq!((queue.arrived().len(), queue.is_empty()), (1, true));
}

#[test]
fn no_more_go_out_than_may() {
    let rate_limit = Some(RateLimit { count: 2, per: Millis(1_000) });
    let mut queue = Queue::new(&TargetSettings { rate_limit, ..TargetSettings::default() }, 1);
    for id in ["a", "b", "c"] {
        queue.set(id, vec![notification(id, 1, Severity::Warning)], 5_000);
    }
    for id in ["a", "b"] {
        assert_eq!(ids(queue.next(5_000)), [id]);
        queue.arrived();
    }
    assert_eq!(queue.next(5_000), Next::At(5_500));
    assert_eq!(ids(queue.next(5_500)), ["c"]);
}

fn target() -> impl Strategy<Value = TargetSettings> {
    (
        prop::option::weighted(0.4, (0_u8..24, 1_u8..24)),
        prop::option::weighted(0.4, (1_u64..4, 1_u64..100)),
        prop_oneof![Just(0_u64), 1_u64..90],
        0_u32..4,
        prop::option::weighted(0.3, 1_u64..200),
        prop::bool::ANY,
    )
        .prop_map(|(quiet, rate, wait, retries, age, send_resolved)| TargetSettings {
            quiet_hours: quiet.map(|(from, hours)| world::quiet(from, hours)),
            rate_limit: rate.map(|(count, per)| RateLimit { count, per: Millis(per * 1_000) }),
            group_wait: Millis(wait * 1_000),
            retries,
            give_up_after: age.map(|age| Millis(age * 1_000)),
            backoff: Backoff { min: Millis(1_000), max: Millis(20_000) },
            send_resolved,
        })
}

fn change() -> impl Strategy<Value = (u64, u8, Change)> {
    let change = prop_oneof![
        4 => Just(Change::Fire),
        3 => Just(Change::Step),
        2 => Just(Change::Acknowledge),
        3 => Just(Change::Resolve),
        1 => Just(Change::Forget),
        1 => Just(Change::SayAgain),
        1 => prop::bool::ANY.prop_map(|compacted| Change::Restart { compacted }),
    ];
    (prop_oneof![0_u64..5, 0_u64..20_000], 0_u8..3, change)
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        5 => Just(Answer::Taken),
        2 => Just(Answer::Away),
        1 => Just(Answer::Lost),
        1 => (1_u64..50).prop_map(Answer::Busy),
        1 => Just(Answer::Refused),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_receivers_do_everybody_is_told_in_order(
        targets in prop::collection::vec(target(), 3),
        changes in prop::collection::vec(change(), 1..40),
        answers in prop::collection::vec((answer(), 0_u64..40), 1..60),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(targets, answers, seed);
        for (after, which, change) in changes {
            world.run_for(after);
            world.change(which, change);
        }
        world.settle();
        world.check();
    }
}
