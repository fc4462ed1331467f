//! Walks every state that a model can reach, breadth first, and tells the shortest way to one that breaks a property.
//!
//! A state is packed into a few words; all of them lie in one vector, which is at once the set (an index by a fixed
//! hash points into it) and the queue. Beside each stands the state it was first reached from: the way to a violation
//! is made from that, by taking the steps again. States are compared in full, so "exhaustive" means it.
//!
//! Liveness: under fairness every run ends in a bottom component of the graph of steps that are no faults, and visits
//! all of it. So "with faults stopped, the goal is reached" is the same as "from every state the goal can be reached
//! over steps that are no faults", and that is what is checked, after all states are known.

use std::fmt;

/// What must hold; `docs/protocol.md` says more of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// The log is one dense sequence, generations never go back.
    S0,
    /// Each shard shows every epoch once, in order, without a gap.
    S1,
    /// What is shown is that of the durable log.
    S2,
    /// A valid checkpoint is covered by the output of every shard.
    S3,
    /// Nothing of an older generation after a newer one's output; the newest checkpoint is whole and true.
    S4,
    /// The hash check never fires falsely.
    S5,
    /// The newest generation is never refused.
    S6,
    /// A generation has one owner.
    S7,
    /// What was once shown, or answered, is never lost nor changed.
    Kept,
    /// When faults stop, everything logged becomes visible.
    L1,
}

/// A transition system of packed states of `W` words.
pub(crate) trait Model<const W: usize> {
    /// A state, unpacked.
    type State: Copy;
    /// What may happen.
    type Step: Copy + fmt::Debug;

    /// Where everything begins.
    fn first(&self) -> Self::State;
    /// Everything that may happen in a state.
    fn steps(&self, state: &Self::State, into: &mut Vec<Self::Step>);
    /// What comes of a step, or the property that it breaks.
    fn take(&self, state: &Self::State, step: Self::Step) -> Result<Self::State, Property>;
    /// A property that is seen in the state itself.
    fn check(&self, state: &Self::State) -> Result<(), Property>;
    /// A state in words; two states that differ only by a symmetry may give the same words.
    fn pack(&self, state: &Self::State) -> [u64; W];
    /// The state of these words.
    fn unpack(&self, words: &[u64; W]) -> Self::State;
    /// Whether a step is a fault, which liveness may not count on.
    fn is_fault(&self, state: &Self::State, step: Self::Step) -> bool;
    /// Whether everything has become visible.
    fn is_goal(&self, state: &Self::State) -> bool;
    /// Noteworthy things that are so in this state, as bits: a guard against a model in which nothing happens.
    fn landmarks(&self, state: &Self::State) -> u32;
    /// A step in words.
    fn describe(&self, state: &Self::State, step: Self::Step) -> String;
}

/// A broken property and the shortest way to it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) property: Property,
    pub(crate) trace: Vec<String>,
}

/// What the walk has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    pub(crate) depth: usize,
    pub(crate) landmarks: u32,
    pub(crate) violation: Option<Violation>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states, {} steps, depth {}", self.states, self.steps, self.depth)?;
        if let Some(violation) = &self.violation {
            write!(f, "; {:?} is broken after:", violation.property)?;
            for step in &violation.trace {
                write!(f, "\n    {step}")?;
            }
        }
        Ok(())
    }
}

const NONE: u32 = u32::MAX;

/// All states, in the order in which they were found.
struct Found<const W: usize> {
    words: Vec<[u64; W]>,
    parents: Vec<u32>,
    index: Vec<u32>,
}

impl<const W: usize> Found<W> {
    fn new() -> Self {
        Found { words: Vec::new(), parents: Vec::new(), index: vec![NONE; 1 << 12] }
    }

    fn hash(words: &[u64; W]) -> usize {
        let mut hash = 0_u64;
        for &word in words {
            hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 29;
        }
        (hash ^ hash >> 32) as usize
    }

    /// The number of a state, and whether it is new.
    fn add(&mut self, words: [u64; W], parent: u32) -> (u32, bool) {
        if self.words.len() * 2 >= self.index.len() {
            self.grow();
        }
        let mask = self.index.len() - 1;
        let mut at = Self::hash(&words) & mask;
        loop {
            let number = self.index[at];
            if number == NONE {
                let new = u32::try_from(self.words.len()).unwrap();
                self.index[at] = new;
                self.words.push(words);
                self.parents.push(parent);
                return (new, true);
            }
            if self.words[number as usize] == words {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mask = self.index.len() * 4 - 1;
        let mut index = vec![NONE; mask + 1];
        let mut number = 0;
        while number < self.words.len() {
            let mut at = Self::hash(&self.words[number]) & mask;
            while index[at] != NONE {
                at = (at + 1) & mask;
            }
            index[at] = number as u32;
            number += 1;
        }
        self.index = index;
    }

    /// The steps to a state.
    fn way<M: Model<W>>(&self, model: &M, to: u32) -> Vec<String> {
        let mut way = Vec::new();
        let mut to = to as usize;
        while self.parents[to] != NONE {
            let from = self.parents[to] as usize;
            let state = model.unpack(&self.words[from]);
            let mut steps = Vec::new();
            model.steps(&state, &mut steps);
            let leads = |&step: &M::Step| {
                model.take(&state, step).is_ok_and(|next| model.pack(&next) == self.words[to])
            };
            let step = steps.into_iter().find(leads).unwrap();
            way.push(model.describe(&state, step));
            to = from;
        }
        way.reverse();
        way
    }
}

/// Walks all states until a property is broken. With `live`, also checks that the goal stays within reach.
pub(crate) fn explore<const W: usize, M: Model<W>>(model: &M, live: bool) -> Seen {
    let mut found = Found::new();
    let first = model.first();
    found.add(model.pack(&first), NONE);
    let mut seen =
        Seen { states: 0, steps: 0, depth: 0, landmarks: model.landmarks(&first), violation: None };
    let (mut steps, mut level_end) = (Vec::new(), 1);
    let (mut edges, mut ends, mut reaches) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < found.words.len() {
        if at == level_end {
            level_end = found.words.len();
            seen.depth += 1;
        }
        let state = model.unpack(&found.words[at]);
        steps.clear();
        model.steps(&state, &mut steps);
        if live {
            reaches.push(model.is_goal(&state));
        }
        for &step in &steps {
            seen.steps += 1;
            let broken = match model.take(&state, step) {
                Err(property) => Some(property),
                Ok(next) => {
                    let (number, new) = found.add(model.pack(&next), at as u32);
                    if live && !model.is_fault(&state, step) {
                        edges.push(number);
                    }
                    if new {
                        seen.landmarks |= model.landmarks(&next);
                        model.check(&next).err()
                    } else {
                        None
                    }
                }
            };
            if let Some(property) = broken {
                let mut trace = found.way(model, at as u32);
                trace.push(model.describe(&state, step));
                seen.violation = Some(Violation { property, trace });
                seen.states = found.words.len();
                return seen;
            }
        }
        if live {
            ends.push(edges.len());
        }
        at += 1;
    }
    seen.states = found.words.len();
    if live && let Some(stuck) = cut_off(&mut reaches, &edges, &ends) {
        seen.violation = Some(Violation { property: Property::L1, trace: found.way(model, stuck) });
    }
    seen
}

/// The first state from which no path of `edges` leads to one that reaches the goal.
fn cut_off(reaches: &mut [bool], edges: &[u32], ends: &[usize]) -> Option<u32> {
    loop {
        let mut changed = false;
        for state in (0..reaches.len()).rev() {
            let from = if state == 0 { 0 } else { ends[state - 1] };
            if !reaches[state] && edges[from..ends[state]].iter().any(|&to| reaches[to as usize]) {
                reaches[state] = true;
                changed = true;
            }
        }
        if !changed {
            return reaches.iter().position(|reach| !reach).map(|state| state as u32);
        }
    }
}
