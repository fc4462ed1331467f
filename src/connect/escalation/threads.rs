//! The threads of an escalation: one reads committed cases, one appends outcomes, and each target has its own, so that a receiver
//! that hangs holds up nobody else. The stream waits for none of them.
//!
//! Where cases or outcomes cannot be read or written, it is tried again for as long as the run goes on. At the end of a run what
//! is under way is waited for a little, and what is known by then is appended; the rest comes again with the next run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    dispatch::Dispatch,
    planner::{CaseLine, Planner},
    queue::Queue,
    settings::TargetSettings,
};
use crate::{
    connect::{
        ends::{Appended, AppendedRecord, Committed},
        receivers::Receiver,
        registry::OpenError,
    },
    engine::{
        threads::{ThreadError, spawn},
        wall::WallClock,
    },
    records::{DeliveryOutcome, DeliveryResult},
    telemetry::DeliveryMeter,
};

/// How long is waited where nothing has come.
const POLL: Duration = Duration::from_millis(20);
/// How long is waited where something does not work.
const TROUBLE: Duration = Duration::from_secs(1);
/// The longest that anybody sleeps: the clock may have been set.
const LONGEST: Duration = Duration::from_secs(30);
/// How long the end of a run waits for what is under way, and then for what is to be appended.
const PATIENCE: Duration = Duration::from_secs(2);

/// A target and its receiver.
pub struct Target {
    /// Its id.
    pub id: String,
    /// When and how often it is called.
    pub settings: TargetSettings,
    /// Who calls it.
    pub receiver: Box<dyn Receiver>,
}

/// What an escalation is made of.
pub struct Setup {
    /// The name of the topology.
    pub topology: String,
    /// The targets of each step.
    pub steps: Vec<Vec<String>>,
    /// All targets.
    pub targets: Vec<Target>,
    /// What reads the committed cases.
    pub cases: Box<dyn Committed>,
    /// Where outcomes are appended.
    pub outcomes: Box<dyn Appended>,
    /// What time it is.
    pub clock: WallClock,
    /// What waiting times depend on, by chance.
    pub seed: u64,
    /// What counts.
    pub meter: Arc<DeliveryMeter>,
}

struct State {
    dispatch: Dispatch,
    /// What became of earlier notifications is known.
    recalled: bool,
    stopped: bool,
    /// Targets that have a delivery under way.
    under_way: usize,
    /// Outcomes that are being appended.
    appending: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    clock: WallClock,
    meter: Arc<DeliveryMeter>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits for a time, or until the run ends.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while !state.stopped && Instant::now() < until {
            state = self.wait(state, until.saturating_duration_since(Instant::now()));
        }
    }

    /// Something has changed: who waits looks again, and it is shown.
    fn tell(&self, state: &State) {
        self.meter.pending(state.dispatch.pending());
        self.changed.notify_all();
    }
}

/// An escalation that is under way.
pub struct Escalation {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts an escalation.
///
/// # Errors
/// The system gives no threads; those that have been started end.
pub fn start(setup: Setup) -> Result<Escalation, ThreadError> {
    let not_resolved: BTreeSet<String> =
        setup.targets.iter().filter(|t| !t.settings.send_resolved).map(|t| t.id.clone()).collect();
    let planner = Planner::new(setup.steps, not_resolved);
    let queue = |(n, target): (u64, &Target)| {
        (target.id.clone(), Queue::new(&target.settings, setup.seed.wrapping_add(n)))
    };
    let queues: BTreeMap<String, Queue> = (0..).zip(&setup.targets).map(queue).collect();
    let dispatch = Dispatch::new(&setup.topology, planner, queues);
    let state = State { dispatch, recalled: false, stopped: false, under_way: 0, appending: false };
    setup.meter.pending(state.dispatch.pending());
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        changed: Condvar::new(),
        clock: setup.clock,
        meter: setup.meter,
    });
    let mut started = Escalation { shared: Arc::clone(&shared), threads: Vec::new() };
    let (cases, outcomes) = (setup.cases, setup.outcomes);
    let reading = Arc::clone(&shared);
    let appending = Arc::clone(&shared);
    let mut begun = vec![
        spawn("escalation", move || follow(&reading, cases)),
        spawn("outcomes", move || append(&appending, outcomes)),
    ];
    for Target { id, receiver, .. } in setup.targets {
        let shared = Arc::clone(&shared);
        begun.push(spawn("deliveries", move || deliver(&shared, &id, receiver)));
    }
    for thread in begun {
        match thread {
            Ok(thread) => started.threads.push(thread),
            Err(error) => {
                started.stop();
                return Err(error);
            }
        }
    }
    Ok(started)
}

impl Escalation {
    /// Ends it: nothing new goes out. What is under way, and what has to be appended, is waited for a little.
    pub fn stop(self) {
        let Self { shared, threads } = self;
        let mut state = shared.lock();
        state.stopped = true;
        shared.changed.notify_all();
        for _ in 0..2 {
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until
                && (state.under_way > 0 || state.appending || !state.dispatch.outcomes.is_empty())
            {
                state = shared.wait(state, until.saturating_duration_since(Instant::now()));
            }
        }
        drop(state);
        // one whose receiver hangs is left behind
        for thread in threads.into_iter().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

/// Reads cases, once earlier outcomes are known.
fn follow(shared: &Shared, mut cases: Box<dyn Committed>) {
    let mut state = shared.lock();
    while !state.recalled && !state.stopped {
        state = shared.wait(state, LONGEST);
    }
    drop(state);
    while !shared.stopped() {
        match cases.read() {
            Ok((lines, caught_up)) => {
                let nothing = lines.is_empty();
                let mut state = shared.lock();
                let lines = lines.iter().filter_map(CaseLine::of).collect();
                state.dispatch.see(lines, caught_up, shared.clock.now());
                if nothing && caught_up {
                    drop(state);
                    shared.pause(POLL);
                } else {
                    shared.tell(&state);
                }
            }
            Err(error) => trouble(shared, &error),
        }
    }
}

fn trouble(shared: &Shared, error: &OpenError) {
    tracing::warn!("{error}; it is tried again");
    shared.pause(TROUBLE);
}

/// Reads what became of earlier notifications, then appends outcomes as they become known.
fn append(shared: &Shared, mut outcomes: Box<dyn Appended>) {
    let earlier = loop {
        match outcomes.read_all() {
            // what is no outcome, the step that reads it refuses
            Ok(earlier) => {
                break earlier.iter().filter_map(|one| serde_json::from_slice(one).ok()).collect::<Vec<_>>();
            }
            Err(error) => trouble(shared, &error),
        }
        if shared.stopped() {
            return;
        }
    };
    let mut state = shared.lock();
    state.dispatch.recall(&earlier);
    state.recalled = true;
    shared.tell(&state);
    drop((state, earlier));
    loop {
        let mut state = shared.lock();
        while state.dispatch.outcomes.is_empty() {
            if state.stopped && state.under_way == 0 {
                return;
            }
            state = shared.wait(state, LONGEST);
        }
        let known = std::mem::take(&mut state.dispatch.outcomes);
        state.appending = true;
        drop(state);
        for (outcome, due_for) in &known {
            let arrived = outcome.result == DeliveryResult::Delivered;
            shared.meter.ended(&outcome.target, outcome.result.as_str(), arrived.then_some(*due_for));
        }
        let known: Vec<_> = known.iter().map(|(outcome, _)| record(outcome)).collect();
        let since = Instant::now();
        while let Err(error) = outcomes.append(&known) {
            tracing::warn!("{error}; it is tried again");
            // what is not appended goes out again with the next run
            if shared.stopped() && since.elapsed() > PATIENCE {
                return;
            }
            shared.pause(TROUBLE);
            std::thread::sleep(POLL);
        }
        let mut state = shared.lock();
        state.appending = false;
        shared.tell(&state);
    }
}

/// An outcome as it is appended.
fn record(outcome: &DeliveryOutcome) -> AppendedRecord {
    // nothing in it can fail to serialize: keys are strings, numbers are finite
    let value = serde_json::to_vec(outcome).unwrap_or_default();
    AppendedRecord { key: outcome.case_id.clone(), value }
}

/// Delivers what is due to one target.
fn deliver(shared: &Shared, target: &str, mut receiver: Box<dyn Receiver>) {
    let mut state = shared.lock();
    while !state.stopped {
        let now = shared.clock.now();
        let delivery = match state.dispatch.next(target, now) {
            Ok(delivery) => delivery,
            Err(wake) => {
                let wait = wake.map_or(LONGEST, |at| Duration::from_millis(at.saturating_sub(now).max(1)));
                state = shared.wait(state, wait.min(LONGEST));
                continue;
            }
        };
        state.under_way += 1;
        drop(state);
        let result = receiver.deliver(&delivery);
        if let Err(error) = &result {
            tracing::warn!(target_id = target, delivery = delivery.key, "not delivered: {error}");
        }
        state = shared.lock();
        state.under_way -= 1;
        state.dispatch.answered(target, &result, shared.clock.now());
        shared.tell(&state);
    }
}
