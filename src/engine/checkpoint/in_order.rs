//! Work on several threads whose results are taken one after the other, in the order of the work.
//!
//! Results wait in a short queue, so a slow taker holds the threads back. Limit: of works that take very different times
//! the results of the shorter ones wait in memory for a longer one before them.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
};

/// Does `work` on 0 to `count - 1`, on so many threads, while `prepare` runs on this one; then gives every result to
/// `take`, in order. The first error of either ends it. Each thread has something of its own that it keeps from one work
/// to the next.
pub(super) fn in_order<S: Default, T: Send, P, E>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
    prepare: impl FnOnce() -> Result<P, E>,
    mut take: impl FnMut(&mut P, usize, T) -> Result<(), E>,
) -> Result<P, E> {
    let next = AtomicUsize::new(0);
    let (give, results) = sync_channel(threads);
    thread::scope(|scope| {
        // taken into the scope: threads that still have results end once nobody waits for these
        let results = results;
        for _ in 0..threads.min(count) {
            let (give, next, work) = (give.clone(), &next, &work);
            scope.spawn(move || {
                let mut own = S::default();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count || give.send((n, work(&mut own, n))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(give);
        let mut prepared = prepare()?;
        let (mut early, mut due) = (BTreeMap::new(), 0);
        for (n, result) in results {
            early.insert(n, result);
            while let Some(result) = early.remove(&due) {
                take(&mut prepared, due, result)?;
                due += 1;
            }
        }
        Ok(prepared)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_taken_in_order() {
        for threads in 1..5 {
            let squares = in_order(
                100,
                threads,
                |made: &mut usize, n| {
                    *made += 1;
                    assert!(*made <= n + 1);
                    n * n
                },
                || Ok::<_, ()>(Vec::new()),
                |taken: &mut Vec<(usize, usize)>, n, square| {
                    taken.push((n, square));
                    Ok(())
                },
            );
            assert_eq!(squares, Ok((0..100).map(|n| (n, n * n)).collect()), "{threads} threads");
        }
        assert_eq!(in_order(0, 2, |(): &mut (), n| n, || Ok::<_, ()>(7), |_, _, _| Err(())), Ok(7));
    }

    #[test]
    fn an_error_ends_it() {
        let taken = AtomicUsize::new(0);
        let take = |_: &mut (), n, _| {
            taken.fetch_add(1, Ordering::Relaxed);
            if n == 3 { Err("no room") } else { Ok(()) }
        };
        assert_eq!(in_order(1000, 2, |(): &mut (), n| n, || Ok(()), take), Err("no room"));
        assert_eq!(taken.load(Ordering::Relaxed), 4);
        assert_eq!(
            in_order(1000, 2, |(): &mut (), n| n, || Err::<(), _>("not ready"), |_, _, _| Ok(())),
            Err("not ready")
        );
    }
}
