//! How long a server that failed is left alone: longer each time, until it has answered again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether a server is asked, and if not, why.
#[derive(Default)]
pub(crate) struct BackOff(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// Not before then.
    until: Option<Instant>,
    why: &'static str,
    /// Whether somebody finds out.
    is_tried: bool,
    has_ended: bool,
}

impl State {
    fn pause(&self) -> Duration {
        (SHORTEST * (1 << self.failures.saturating_sub(1).min(5))).min(LONGEST)
    }
}

impl BackOff {
    /// Asks whether it may be asked now. After a failure one at a time finds out.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn allows(&self) -> Result<(), &'static str> {
        let mut state = self.state();
        match state.until {
            _ if state.has_ended => Err("retired"),
            None => Ok(()),
            Some(until) if Instant::now() < until => Err(state.why),
            Some(_) => {
                state.is_tried = true;
                state.until = Some(Instant::now() + SHORTEST);
                Ok(())
            }
        }
    }

    /// It did not answer as it should. Those who asked at the same time are one failure.
    pub(crate) fn failed(&self, why: &'static str) {
        let mut state = self.state();
        if state.until.is_none() || std::mem::take(&mut state.is_tried) {
            state.failures += 1;
            state.why = why;
            state.until = Some(Instant::now() + state.pause());
        }
    }

    /// It answered.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        if state.failures > 0 {
            *state = State { has_ended: state.has_ended, ..State::default() };
        }
    }

    /// It is never asked again; whether it was until now.
    pub(crate) fn end(&self) -> bool {
        !std::mem::replace(&mut self.state().has_ended, true)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if so much time had gone by.
    fn pass(back_off: &BackOff, time: Duration) {
        let mut state = back_off.state();
        state.until = state.until.and_then(|until| until.checked_sub(time));
    }

    #[test]
    fn it_is_left_alone_for_longer_each_time_until_it_answers() {
        let back_off = BackOff::default();
        assert_eq!(back_off.allows(), Ok(()));
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            back_off.failed("down");
            // Who had asked before it was known.
            pass(&back_off, Duration::from_millis(1000 * seconds - 500));
            assert_eq!(back_off.allows(), Err("down"), "{seconds}");
            pass(&back_off, Duration::from_millis(500));
            assert_eq!(back_off.allows(), Ok(()), "{seconds}");
            assert_eq!(back_off.allows(), Err("down"), "one finds out");
        }
        back_off.succeeded();
        assert_eq!(back_off.allows(), Ok(()));
        back_off.failed("behind");
        back_off.failed("behind");
        pass(&back_off, SHORTEST);
        assert_eq!(back_off.allows(), Ok(()), "two at the same time are one");
        assert!(back_off.end() && !back_off.end());
        back_off.succeeded();
        assert_eq!(back_off.allows(), Err("retired"));
    }
}
