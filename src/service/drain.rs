//! How far the service is on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const ANNOUNCED: u8 = 1;
const CLOSING: u8 = 2;

/// What the requests must know of an end that was asked for; all copies are one.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<AtomicU8>);

impl Drain {
    /// From now on readiness is denied, and everything else is served as before: whoever sends
    /// requests here has the time to notice.
    pub fn announce(&self) {
        self.0.fetch_max(ANNOUNCED, Ordering::Relaxed);
    }

    /// From now on each answer is the last of its connection.
    pub fn close_connections(&self) {
        self.0.fetch_max(CLOSING, Ordering::Relaxed);
    }

    pub(crate) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ANNOUNCED
    }

    pub(crate) fn closes_connections(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= CLOSING
    }
}
