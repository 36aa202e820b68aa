//! The limit of open files, of which every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is open beside the connections of clients: logs, libraries' own, listeners.
const RESERVE: u64 = 64;

/// Raises the limit as far as the system lets us, and says how many of `wanted` connections of
/// clients fit into it beside those to the database. Without a file left to accept with, a server
/// is as good as gone.
pub(super) fn connections_within(wanted: u32, database_connections: u32) -> u32 {
    let beside = RESERVE + u64::from(database_connections);
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => {
            let asked = hard.min(u64::from(wanted) + beside).max(soft);
            match setrlimit(Resource::RLIMIT_NOFILE, asked, hard) {
                Ok(()) => asked,
                Err(_) => soft,
            }
        }
        Err(_) => return wanted,
    };
    let fitting = u32::try_from(allowed.saturating_sub(beside).max(1)).unwrap_or(u32::MAX);
    if fitting < wanted {
        tracing::warn!(
            "MAX_CONNECTIONS={wanted} is more than the {allowed} open files of this process leave room for: {fitting}"
        );
    }
    wanted.min(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_connections_as_there_can_be_files() {
        assert_eq!(connections_within(10, 10), 10);
        let fitting = connections_within(u32::MAX, 10);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        assert!(u64::from(fitting) + RESERVE + 10 <= soft);
        assert!(soft == hard || fitting == u32::MAX);
    }
}
