//! PostgreSQL ends under load, and the service does: what was acknowledged is there, once and
//! whole, and the service goes on by itself.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use futures_util::join;

use crate::cluster::{Cluster, End};
use crate::ledger::{Ledger, Verdict};
use crate::program::Program;
use crate::rounds;
use crate::writers::{self, Kind, Round, Tally, WRITERS, Writer};

/// How many changes are acknowledged before something breaks.
pub const WARM: usize = 5 * WRITERS;
/// Longer than this nobody waits for an answer, whatever breaks (`lock_timeout` is 5 s).
pub const LONGEST_ANSWER: Duration = Duration::from_secs(20);
/// A service that does not come back at all is told from a slow machine.
const LONGEST_OUTAGE: Duration = Duration::from_mins(1);

/// What all rounds of one kind add up to.
#[derive(Default)]
struct Summary {
    rounds: usize,
    tally: Tally,
    verdict: Verdict,
    outages: Vec<Duration>,
}

impl Summary {
    fn print(&self, title: &str) {
        let mut outages: Vec<_> = self.outages.iter().map(Duration::as_secs_f64).collect();
        outages.sort_by(f64::total_cmp);
        let verdict = &self.verdict;
        println!("\n{title}");
        println!("  rounds                      {}", self.rounds);
        println!("  acknowledged changes        {}", verdict.acknowledged);
        println!("    lost                      {}", verdict.lost);
        println!("    half                      {}", verdict.half);
        println!("    more than once            {}", verdict.duplicates);
        println!(
            "  not acknowledged            {}, of which {} were made",
            verdict.made_unseen + verdict.not_made,
            verdict.made_unseen
        );
        println!("  answered from the key       {}", self.tally.replayed.load(Ordering::Relaxed));
        println!("  longest answer              {:.2?}", self.tally.slowest());
        println!(
            "  until all writers went on   median {:.2} s, longest {:.2} s",
            outages.get(outages.len() / 2).copied().unwrap_or_default(),
            outages.last().copied().unwrap_or_default()
        );
        for (status, count) in &*self.tally.statuses.lock().expect("statuses") {
            println!("  {status:<27} {count}");
        }
    }

    fn assert_nothing_wrong(&self) {
        let wrong = self.tally.wrong.lock().expect("wrong");
        assert!(wrong.is_empty(), "{} answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
        let Verdict { lost, half, duplicates, .. } = self.verdict;
        assert_eq!((lost, half, duplicates), (0, 0, 0));
        assert!(self.tally.slowest() < LONGEST_ANSWER, "{:?}", self.tally.slowest());
    }
}

/// Waits for something that must come.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONGEST_OUTAGE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A service with something to write on, and the book of what its changes leave.
pub struct Stage {
    pub cluster: Cluster,
    pub program: Program,
    pub token: String,
    pub ledger: Ledger,
}

impl Stage {
    pub async fn set() -> Self {
        let cluster = Cluster::start().await;
        let program = Program::start(cluster.service(), &[]);
        let token = program.token("dan").await;
        writers::prepare(&program, &token).await;
        let (tally, begun) = (Tally::default(), Utc::now() - TimeDelta::seconds(1));
        let round = Round::new(&tally, false);
        let mut writer = Writer::new(0, program.url(""), &token);
        for kind in Kind::ALL {
            writer.change(kind, &round).await;
        }
        // Its pipeline gets the first of the two graphs again, as every writer expects.
        writer.change(Kind::Rewire, &round).await;
        let samples = round.entries.into_inner().expect("entries");
        let ledger = Ledger::learn(cluster.owner(), &samples, begun).await;
        Self { cluster, program, token, ledger }
    }
}

/// One round: load, an end, a comeback, more load; then the books are compared.
async fn play<'a>(
    stage: &mut Stage,
    writers: &mut [Writer<'a>],
    summary: &mut Summary,
    end: Option<End>,
) {
    let begun = Utc::now();
    let round = Round::new(&summary.tally, end.is_none());
    let address = stage.program.url("");
    let token = stage.token.clone();
    let load = join_all(writers.iter_mut().map(|writer| writer.write(&round)));
    let breaking = async {
        until("nothing is acknowledged", || round.acknowledged() >= WARM).await;
        // Not always at the same point of their work.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..200))).await;
        let back = match end {
            Some(end) => {
                stage.cluster.end(end).await;
                // Gone for a moment, or for longer than a connection is trusted without a try.
                let pause = [0, 300, 1500][rand::random_range(0..3)];
                if end != End::OneBackend {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                stage.cluster.bring_back(end).await
            }
            None => {
                stage.program.kill();
                stage.program.restart()
            }
        };
        round.back.set(back).expect("once a round");
        until("not all writers go on", || round.recovered() == WRITERS).await;
        round.done.store(true, Ordering::Relaxed);
    };
    join!(load, breaking, writers::look_on(address, &token, &round));
    let Round { entries, outages, .. } = round;
    let entries = entries.into_inner().expect("entries");
    stage.cluster.settle().await;
    let verdict = stage.ledger.judge(&entries, begun).await;
    stage.ledger.assert_versions().await;
    let longest = outages.into_inner().expect("outages").into_iter().max();
    summary.rounds += 1;
    summary.verdict.add(verdict);
    summary.outages.extend(longest);
    println!("  round {}: {end:?}, {verdict:?}, on after {longest:.2?}", summary.rounds);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_ends_under_load() {
    let mut stage = Stage::set().await;
    let token = stage.token.clone();
    let mut writers: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, stage.program.url(""), &token)).collect();
    let mut summary = Summary::default();
    for end in End::ALL.into_iter().cycle().take(rounds(End::ALL.len())) {
        play(&mut stage, &mut writers, &mut summary, Some(end)).await;
    }
    summary.print("PostgreSQL ends under load (killed, immediate, fast, one backend)");
    summary.assert_nothing_wrong();
    stage.program.assert_no_errors();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_killed_under_load() {
    let mut stage = Stage::set().await;
    let token = stage.token.clone();
    let mut writers: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, stage.program.url(""), &token)).collect();
    let mut summary = Summary::default();
    for _ in 0..rounds(2) {
        play(&mut stage, &mut writers, &mut summary, None).await;
    }
    summary.print("The service is killed under load and started again");
    summary.assert_nothing_wrong();
    stage.program.assert_no_errors();
}
