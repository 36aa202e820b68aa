//! The secrets of the service: one, and while it is being replaced the older ones as well.

use crate::config::Secret;

/// What signs, and what is accepted beside it.
#[derive(Clone)]
pub(super) struct Secrets<'a> {
    newest: &'a str,
    older: Vec<&'a str>,
}

impl<'a> Secrets<'a> {
    /// `None` where there is none.
    pub(super) fn of(text: &'a Secret) -> Option<Self> {
        let mut parts = text.parts();
        Some(Self { newest: parts.next()?, older: parts.collect() })
    }

    #[cfg(test)]
    pub(super) fn new(newest: &'a str, older: &[&'a str]) -> Self {
        Self { newest, older: older.to_vec() }
    }

    pub(super) fn newest(&self) -> &'a [u8] {
        self.newest.as_bytes()
    }

    /// The newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a [u8]> {
        [self.newest].into_iter().chain(self.older.iter().copied()).map(str::as_bytes)
    }
}
