//! What breaks, broken on purpose: the real program as a process of its own, on a PostgreSQL that
//! writes to the disk what it acknowledges.
//!
//! `cargo test` breaks each thing a few times. `just faults` does it 50 times and shows what it
//! measures.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/listening.rs"]
mod listening;

mod clients;
mod clocks;
mod cluster;
mod dagster;
mod interposer;
mod ledger;
mod outages;
mod pool;
mod program;
mod proxy;
mod replica;
mod several;
mod standby;
mod stop;
mod upgrade;
mod wire;
mod writers;

/// How often something breaks: `usually`, unless `BLOCKYARD_FAULT_ROUNDS` says it.
fn rounds(usually: usize) -> usize {
    std::env::var("BLOCKYARD_FAULT_ROUNDS")
        .ok()
        .map_or(usually, |text| text.parse().expect("a number of rounds"))
}
