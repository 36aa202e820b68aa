//! Whose turn it is: one caller holds at most half of the connections, however slow their requests
//! are, so that the others are served meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What each caller may still take, of those who hold something or wait for it.
#[derive(Clone)]
pub(super) struct Shares {
    each: usize,
    left: Arc<Mutex<HashMap<u128, Arc<Semaphore>>>>,
}

impl Shares {
    /// Of a pool of so many connections.
    pub(super) fn of(connections: usize) -> Self {
        Self { each: connections.div_ceil(2), left: Arc::default() }
    }

    /// Takes a connection's worth of what is the caller's; `None` when all of it is still taken after `wait`.
    pub(super) async fn take(&self, caller: u128, wait: Duration) -> Option<Share> {
        let mut share = Share { shares: self.clone(), caller, permit: None };
        let whole = || Arc::new(Semaphore::new(self.each));
        let left = Arc::clone(self.left().entry(caller).or_insert_with(whole));
        share.permit = Some(timeout(wait, left.acquire_owned()).await.ok()?.ok()?);
        Some(share)
    }

    fn left(&self) -> MutexGuard<'_, HashMap<u128, Arc<Semaphore>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's right to one connection, or their waiting for it.
pub(super) struct Share {
    shares: Shares,
    caller: u128,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.permit.take();
        let mut left = self.shares.left();
        // Nobody else holds or awaits any of it: the caller is forgotten.
        if left.get(&self.caller).is_some_and(|own| Arc::strong_count(own) == 1) {
            left.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

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

    #[tokio::test]
    async fn who_is_gone_is_forgotten() {
        let shares = Shares::of(1);
        let held = shares.take(1, SOON).await;
        assert!(shares.take(1, SOON).await.is_none(), "a pool of one has one share");
        let waiting = shares.take(1, Duration::from_mins(1));
        assert!(timeout(SOON, waiting).await.is_err(), "who leaves while they wait");
        assert_eq!(shares.left().len(), 1);
        drop(held);
        assert!(shares.left().is_empty());
    }
}
