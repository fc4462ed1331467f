//! The queue of one target: quiet hours, grouping, rate limit, retries. A state machine, the time handed in, in ms since 1970.
//!
//! What waits forms groups; a group is what goes out at once, and what is tried again. One group is under way at a time. A group
//! waits while an earlier one that tells of one of its cases is there, so a target hears of a case in order; groups of other
//! cases pass. Where there are quiet hours, what is critical forms groups of its own.
//!
//! Waiting before another attempt: at least `min`, at most a bound that doubles from twice `min` to `max`, by chance between them
//! (full jitter; Brooker 2015). What a receiver asks for (`Retry-After`) holds for the whole target.

use std::collections::VecDeque;

use super::{
    jitter::Jitter,
    quiet::{Hours, QuietHours},
    settings::{RateLimit, TargetSettings},
};
use crate::{
    connect::receivers::{DeliveryError, Notification},
    records::Severity,
};

/// The most notifications that go out at once.
pub const MAX_GROUP: usize = 100;
/// The longest time that a receiver is left alone for because it asked, in ms.
pub const MAX_RETRY_AFTER: u64 = 3_600_000;

/// What a target is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Deliver this, and say what came of it.
    Deliver(Vec<Notification>),
    /// Nothing before this time.
    At(u64),
    /// Nothing.
    Nothing,
}

/// A notification that will not be sent any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The notification.
    pub notification: Notification,
    /// When it became due, in ms since 1970.
    pub since: u64,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(Clone, Debug)]
struct Waiting {
    notification: Notification,
    since: u64,
    /// It is under way and not due any more: it is not tried again.
    over: bool,
}

#[derive(Clone, Debug)]
struct Group {
    members: Vec<Waiting>,
    attempts: u32,
    /// When it was tried first.
    first: u64,
    not_before: u64,
}

impl Group {
    fn is_critical(&self) -> bool {
        self.members.iter().any(|member| is_critical(&member.notification))
    }

    fn tells_of(&self, case_id: &str) -> bool {
        self.members.iter().any(|member| member.notification.case.case_id == case_id)
    }

    fn done(self) -> impl Iterator<Item = Done> {
        let attempts = self.attempts;
        self.members.into_iter().map(move |w| Done { notification: w.notification, since: w.since, attempts })
    }
}

fn is_critical(notification: &Notification) -> bool {
    notification.case.severity == Severity::Critical
}

/// The queue of one target.
#[derive(Clone, Debug)]
pub struct Queue {
    settings: TargetSettings,
    quiet: Option<Hours>,
    bucket: Option<Bucket>,
    jitter: Jitter,
    waiting: Vec<Waiting>,
    groups: VecDeque<Group>,
    under_way: Option<Group>,
    /// The target asked to be left alone until then.
    left_alone: u64,
}

impl Queue {
    /// An empty queue; `seed` is what its waiting times depend on.
    #[must_use]
    pub fn new(settings: &TargetSettings, seed: u64) -> Self {
        Self {
            quiet: settings.quiet_hours.as_ref().and_then(QuietHours::read),
            bucket: settings.rate_limit.map(Bucket::full),
            settings: settings.clone(),
            jitter: Jitter::new(seed),
            waiting: Vec::new(),
            groups: VecDeque::new(),
            under_way: None,
            left_alone: 0,
        }
    }

    /// How many notifications it has.
    #[must_use]
    pub fn len(&self) -> usize {
        let grouped = self.groups.iter().chain(&self.under_way).map(|group| group.members.len());
        self.waiting.len() + grouped.sum::<usize>()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// This is what is due of a case now: what is new is added; what is not due any more is dropped and given back, but for
    /// what is under way.
    pub fn set(&mut self, case_id: &str, due: Vec<Notification>, now: u64) -> Vec<Done> {
        let goes = |w: &Waiting| {
            w.notification.case.case_id == case_id && !due.iter().any(|d| d.key == w.notification.key)
        };
        let mut dropped = Vec::new();
        for group in &mut self.groups {
            let attempts = group.attempts;
            let gone = group.members.extract_if(.., |w| goes(w));
            dropped.extend(gone.map(|w| Done { notification: w.notification, since: w.since, attempts }));
        }
        self.groups.retain(|group| !group.members.is_empty());
        let gone = self.waiting.extract_if(.., |w| goes(w));
        dropped.extend(gone.map(|w| Done { notification: w.notification, since: w.since, attempts: 0 }));
        for member in self.under_way.iter_mut().flat_map(|group| &mut group.members) {
            member.over |= goes(member);
        }
        for notification in due {
            let grouped = self.groups.iter().chain(&self.under_way).flat_map(|group| &group.members);
            if !grouped.chain(&self.waiting).any(|w| w.notification.key == notification.key) {
                self.waiting.push(Waiting { notification, since: now, over: false });
            }
        }
        dropped
    }

    /// What is to be done now.
    pub fn next(&mut self, now: u64) -> Next {
        if self.under_way.is_some() {
            return Next::Nothing;
        }
        let mut wake = self.form_groups(now);
        let mut look_again = |at: u64| wake = Some(wake.map_or(at, |wake| wake.min(at)));
        let quiet = self.quiet.as_ref().and_then(|quiet| quiet.until(now));
        let mut ready = None;
        for (n, group) in self.groups.iter().enumerate() {
            let blocked =
                self.groups.iter().take(n).any(|earlier| {
                    group.members.iter().any(|w| earlier.tells_of(&w.notification.case.case_id))
                });
            if blocked {
                continue;
            }
            let held = quiet.filter(|_| !group.is_critical());
            let at = group.not_before.max(self.left_alone).max(held.unwrap_or(0));
            if at <= now {
                ready = Some(n);
                break;
            }
            look_again(at);
        }
        let Some(ready) = ready else { return wake.map_or(Next::Nothing, Next::At) };
        if let Some(bucket) = &mut self.bucket
            && let Err(at) = bucket.take(now)
        {
            return Next::At(at);
        }
        let Some(mut group) = self.groups.remove(ready) else { return Next::Nothing };
        if group.attempts == 0 {
            group.first = now;
        }
        group.attempts += 1;
        let notifications = group.members.iter().map(|w| w.notification.clone()).collect();
        self.under_way = Some(group);
        Next::Deliver(notifications)
    }

    /// Moves what has waited for long enough into groups; when to look again at what is left.
    fn form_groups(&mut self, now: u64) -> Option<u64> {
        let quiet = self.quiet.as_ref().and_then(|quiet| quiet.until(now));
        let wait = self.settings.group_wait.0;
        let mut wake: Option<u64> = None;
        let kinds: &[Option<bool>] = if self.quiet.is_some() { &[Some(true), Some(false)] } else { &[None] };
        for kind in kinds {
            let fits = |w: &Waiting| kind.is_none_or(|critical| is_critical(&w.notification) == critical);
            let Some(first) = self.waiting.iter().find(|w| fits(w)).map(|w| w.since) else { continue };
            let held = quiet.filter(|_| *kind != Some(true));
            let at = held.unwrap_or(0).max(first.saturating_add(wait));
            if at > now {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            let members: Vec<Waiting> = self.waiting.extract_if(.., |w| fits(w)).collect();
            let size = if wait == 0 { 1 } else { MAX_GROUP };
            for members in members.chunks(size) {
                let members = members.to_vec();
                self.groups.push_back(Group { members, attempts: 0, first: now, not_before: 0 });
            }
        }
        wake
    }

    /// What is under way has arrived.
    pub fn arrived(&mut self) -> Vec<Done> {
        self.under_way.take().into_iter().flat_map(Group::done).collect()
    }

    /// What is under way has not arrived: what is given up, and what is over by now.
    pub fn failed(&mut self, error: &DeliveryError, now: u64) -> (Vec<Done>, Vec<Done>) {
        let Some(mut group) = self.under_way.take() else { return (Vec::new(), Vec::new()) };
        let DeliveryError::Unavailable { retry_after, .. } = error else {
            return (group.done().collect(), Vec::new());
        };
        let asked = retry_after.map_or(0, |after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        let asked = asked.min(MAX_RETRY_AFTER);
        if asked > 0 {
            self.left_alone = self.left_alone.max(now.saturating_add(asked));
        }
        let attempts = group.attempts;
        let over = group.members.extract_if(.., |w| w.over);
        let over = over.map(|w| Done { notification: w.notification, since: w.since, attempts }).collect();
        let too_old = self.settings.give_up_after.is_some_and(|age| now.saturating_sub(group.first) >= age.0);
        if attempts > self.settings.retries || too_old {
            return (group.done().collect(), over);
        }
        if !group.members.is_empty() {
            let (min, max) = (self.settings.backoff.min.0, self.settings.backoff.max.0);
            let bound = min.saturating_mul(1_u64.checked_shl(attempts).unwrap_or(u64::MAX)).min(max).max(min);
            let wait = self.jitter.between(min, bound).max(asked);
            group.not_before = now.saturating_add(wait);
            // it was there first
            self.groups.push_front(group);
        }
        (Vec::new(), over)
    }
}

/// So many at once, and then so many in a time (a token bucket), in tokens of `per`.
#[derive(Clone, Debug)]
struct Bucket {
    limit: RateLimit,
    /// Tokens times `per`.
    level: u64,
    at: u64,
}

impl Bucket {
    fn full(limit: RateLimit) -> Self {
        Self { limit, level: limit.count.saturating_mul(limit.per.0), at: 0 }
    }

    /// Takes a token, or says when there will be one.
    fn take(&mut self, now: u64) -> Result<(), u64> {
        let RateLimit { count, per } = self.limit;
        let came = now.saturating_sub(self.at).saturating_mul(count);
        self.level = self.level.saturating_add(came).min(count.saturating_mul(per.0));
        self.at = now;
        if let Some(left) = self.level.checked_sub(per.0) {
            self.level = left;
            return Ok(());
        }
        Err(now + (per.0 - self.level).div_ceil(count))
    }
}
