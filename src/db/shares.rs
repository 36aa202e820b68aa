//! Whose turn it is: one caller holds at most half of the connections, and a tenth while their requests
//! are slow, so that the others are served meanwhile, and PostgreSQL has time for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// From here on a request is slow, unless the database is so far away that none is much quicker.
const SLOW: Duration = Duration::from_millis(50);
/// So many times what the quickest request takes, most of which is the way there and back.
const FAR: u64 = 10;
/// A caller is known by about so many of their last requests.
const REMEMBERED: u64 = 8;

/// What each caller may still take, of those who hold something or wait for it.
#[derive(Clone)]
pub(super) struct Shares {
    each: u32,
    /// Of `each`, when the caller is slow.
    weight: u32,
    /// In microseconds, as all that is measured here.
    quickest: Arc<AtomicU64>,
    own: Arc<Mutex<HashMap<u128, Arc<Own>>>>,
}

/// One caller's.
struct Own {
    /// Who has it is the next to take; the others queue behind them.
    turn: tokio::sync::Mutex<()>,
    left: Arc<Semaphore>,
    /// How long their last requests took: a moving average.
    typical: AtomicU64,
}

impl Shares {
    /// Of a pool of so many connections.
    pub(super) fn of(connections: usize) -> Self {
        let each = u32::try_from(connections.div_ceil(2)).unwrap_or(u32::MAX);
        let slow = u32::try_from(connections / 10).unwrap_or(u32::MAX).max(1);
        Self {
            each,
            weight: each.div_ceil(slow),
            quickest: Arc::new(AtomicU64::new(u64::MAX)),
            own: Arc::default(),
        }
    }

    /// Takes a connection's worth of what is the caller's; `None` when all of it is still taken after `wait`.
    pub(super) async fn take(&self, caller: u128, wait: Duration) -> Option<Share> {
        let own = self.own_of(caller);
        let mut share = Share { shares: self.clone(), caller, own, permit: None, since: None };
        share.permit = Some(timeout(wait, self.turn(&share.own)).await.ok()??);
        Some(share)
    }

    async fn turn(&self, own: &Own) -> Option<OwnedSemaphorePermit> {
        // What they take is decided when it is their turn: by then more is known of the caller.
        let _turn = own.turn.lock().await;
        let weight = if self.is_slow(own) { self.weight } else { 1 };
        Arc::clone(&own.left).acquire_many_owned(weight).await.ok()
    }

    fn is_slow(&self, own: &Own) -> bool {
        let far = self.quickest.load(Ordering::Relaxed).saturating_mul(FAR);
        own.typical.load(Ordering::Relaxed) > far.max(microseconds(SLOW))
    }

    fn own_of(&self, caller: u128) -> Arc<Own> {
        let anew = || Own {
            turn: tokio::sync::Mutex::default(),
            left: Arc::new(Semaphore::new(self.each as usize)),
            typical: AtomicU64::new(0),
        };
        Arc::clone(self.own().entry(caller).or_insert_with(|| Arc::new(anew())))
    }

    fn own(&self) -> MutexGuard<'_, HashMap<u128, Arc<Own>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's right to one connection, or their waiting for it.
pub(super) struct Share {
    shares: Shares,
    caller: u128,
    own: Arc<Own>,
    permit: Option<OwnedSemaphorePermit>,
    since: Option<Instant>,
}

impl Share {
    /// They have the connection: until the share is dropped it is they who keep it busy.
    pub(super) fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(since) = self.since {
            let took = microseconds(since.elapsed());
            self.shares.quickest.fetch_min(took, Ordering::Relaxed);
            let typical = self.own.typical.load(Ordering::Relaxed);
            let typical = (typical * (REMEMBERED - 1)).saturating_add(took) / REMEMBERED;
            self.own.typical.store(typical, Ordering::Relaxed);
        }
        self.permit.take();
        let mut own = self.shares.own();
        // Nobody else holds or awaits any of it: the caller is forgotten.
        if own.get(&self.caller).is_some_and(|of_caller| Arc::strong_count(of_caller) == 2) {
            own.remove(&self.caller);
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    /// Keeps a connection for so long.
    async fn ask(shares: &Shares, caller: u128, milliseconds: u64) {
        let mut share = shares.take(caller, Duration::from_mins(1)).await.expect("a share");
        share.begin();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test]
    async fn a_caller_holds_half_and_no_more() {
        let shares = Shares::of(4);
        let first = shares.take(1, SOON).await.expect("a share");
        let _second = shares.take(1, SOON).await.expect("a share");
        assert!(shares.take(1, SOON).await.is_none());
        assert!(shares.take(2, SOON).await.is_some(), "of somebody else");
        drop(first);
        assert!(shares.take(1, SOON).await.is_some());
    }

    /// How many they may hold now.
    async fn held_at_once(shares: &Shares, caller: u128) -> usize {
        let mut held = Vec::new();
        while let Some(share) = shares.take(caller, SOON).await {
            held.push(share);
        }
        held.len()
    }

    #[tokio::test]
    async fn a_slow_caller_holds_a_tenth_until_they_are_quick_again() {
        for (connections, tenth) in [(10, 1), (1, 1), (2, 1), (40, 4)] {
            let shares = Shares::of(connections);
            ask(&shares, 2, 1).await;
            // As long as others of their requests wait.
            let _waiting = shares.own_of(1);
            for _ in 0..3 {
                ask(&shares, 1, 250).await;
            }
            assert_eq!(held_at_once(&shares, 1).await, tenth, "of {connections}");
            assert_eq!(held_at_once(&shares, 2).await, connections.div_ceil(2), "somebody else");
            for _ in 0..20 {
                ask(&shares, 1, 1).await;
            }
            assert_eq!(held_at_once(&shares, 1).await, connections.div_ceil(2), "of {connections}");
        }
    }

    #[tokio::test]
    async fn who_is_slow_while_they_wait_takes_all_when_it_is_their_turn() {
        let shares = Shares::of(10);
        ask(&shares, 2, 1).await;
        let most = AtomicU64::new(0);
        let now = AtomicU64::new(0);
        let begun = Instant::now();
        let asked = (0..20).map(|_| async {
            let mut share = shares.take(1, Duration::from_mins(1)).await.expect("a share");
            share.begin();
            let at_once = now.fetch_add(1, Ordering::Relaxed) + 1;
            // By then the first have been answered.
            if begun.elapsed() > Duration::from_millis(350) {
                most.fetch_max(at_once, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
            now.fetch_sub(1, Ordering::Relaxed);
        });
        futures_util::future::join_all(asked).await;
        assert_eq!(most.into_inner(), 1);
        assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn who_is_far_from_the_database_is_not_slow() {
        let shares = Shares::of(10);
        let _waiting = shares.own_of(1);
        for _ in 0..20 {
            ask(&shares, 1, 60).await;
        }
        assert_eq!(held_at_once(&shares, 1).await, 5);
    }

    #[tokio::test]
    async fn who_is_gone_is_forgotten() {
        let shares = Shares::of(1);
        let held = shares.take(1, SOON).await;
        assert!(shares.take(1, SOON).await.is_none(), "a pool of one has one share");
        let waiting = shares.take(1, Duration::from_mins(1));
        assert!(timeout(SOON, waiting).await.is_err(), "who leaves while they wait");
        assert_eq!(shares.own().len(), 1);
        drop(held);
        assert!(shares.own().is_empty());
    }
}
