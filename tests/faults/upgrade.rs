//! An upgrade as docs/operations.md tells it: the migration runs under load and with data, the old program serves on
//! meanwhile, and the new one takes its place.

use std::sync::atomic::Ordering;
use std::time::Instant;

use blockyard::db::migrate::{MIGRATOR, newest};
use chrono::Utc;
use futures_util::future::join_all;
use futures_util::join;
use nix::sys::signal::Signal;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, SqlStr};

use crate::outages::{LONGEST_ANSWER, Stage, WARM, until};
use crate::support::connect;
use crate::writers::{self, Kind, Round, Tally, WRITERS, Writer};

/// What a release adds to tables that are being written: columns, an index, a table with its policy.
const NEXT: &str = "
    alter table public.blocks add column upgraded_note text;
    alter table public.block_versions add column upgraded_note text;
    alter table public.pipelines add column upgraded_at timestamptz not null default now();
    create index block_versions_upgraded_note_idx on public.block_versions (upgraded_note);
    create table public.upgrades (block_id uuid primary key references public.blocks);
    alter table public.upgrades enable row level security;
    revoke all on public.upgrades from public, anon, authenticated, service_role;
    grant select on public.upgrades to authenticated;
    create policy upgrades_select on public.upgrades for select to authenticated using (true);
    insert into public.upgrades select block_id from public.blocks;
";

/// What `blockyard migrate` of a next version runs: the migrations of this one and [`NEXT`].
pub async fn migrate_to_next(owner: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut migrations = MIGRATOR.migrations.to_vec();
    let (version, kind) = (newest() + 1, MigrationType::Simple);
    migrations.push(Migration::new(version, "next".into(), kind, SqlStr::from_static(NEXT), false));
    let mut next = Migrator::with_migrations(migrations);
    next.table_name = MIGRATOR.table_name.clone();
    next.create_schemas = MIGRATOR.create_schemas.clone();
    let mut connection = connect(owner).await;
    next.run(&mut connection).await?;
    Ok(connection.close().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_program_serves_through_the_migration_and_the_next_takes_over() {
    let mut stage = Stage::set().await;
    let since = Utc::now();
    let tally = Tally::default();
    let round = Round::new(&tally, false);
    let token = stage.token.clone();
    let mut crew: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, stage.program.url(""), &token)).collect();
    let load = join_all(crew.iter_mut().map(|writer| writer.write(&round)));
    let onlooker = writers::look_on(stage.program.url(""), &token, &round);
    let upgrade = async {
        until("no change is acknowledged", || round.acknowledged() >= WARM).await;
        let begun = Instant::now();
        let outcome = migrate_to_next(stage.cluster.owner()).await;
        let (took, before) = (begun.elapsed(), round.acknowledged());
        until("it does not serve on", || round.acknowledged() >= before + WARM).await;
        round.done.store(true, Ordering::Relaxed);
        (outcome, took)
    };
    let (_, (), (outcome, took)) = join!(load, onlooker, upgrade);
    outcome.expect("the next migration");

    let entries = round.entries.into_inner().expect("entries");
    let verdict = stage.ledger.judge(&entries, since).await;
    println!("\na migration under load");
    println!("  took                        {took:.2?}");
    println!("  acknowledged changes        {}", verdict.acknowledged);
    println!("  longest answer              {:.2?}", tally.slowest());
    assert!(tally.slowest() < LONGEST_ANSWER, "{:?}", tally.slowest());
    let wrong = tally.wrong.into_inner().expect("wrong");
    assert!(wrong.is_empty(), "{wrong:#?}");
    let statuses = tally.statuses.into_inner().expect("statuses");
    println!("  {statuses:?}");
    assert!(
        statuses.keys().all(|status| status.starts_with('2')),
        "a request failed: {statuses:?}"
    );
    assert_eq!(verdict.acknowledged, entries.len());
    assert_eq!((verdict.lost, verdict.half, verdict.duplicates), (0, 0, 0));
    stage.ledger.assert_versions().await;
    stage.program.assert_no_errors();

    // An instance of the old program that starts now would not know what it serves.
    stage.program.signal(Signal::SIGTERM);
    assert_eq!(stage.program.ended().await, 0);
    let refusal = stage.program.refusal();
    assert!(refusal.contains("is ahead"), "{refusal}");

    // The next program knows the migration. It stands for it: this one, told that there is none.
    let mut owner = connect(stage.cluster.owner()).await;
    sqlx::query("delete from app._sqlx_migrations where version = $1")
        .bind(newest() + 1)
        .execute(&mut owner)
        .await
        .expect("a record");
    stage.program.restart();
    let (tally, since) = (Tally::default(), Utc::now());
    let round = Round::new(&tally, false);
    for kind in Kind::ALL {
        assert!(crew[0].change(kind, &round).await, "{kind:?}");
    }
    let entries = round.entries.into_inner().expect("entries");
    assert_eq!(stage.ledger.judge(&entries, since).await.acknowledged, entries.len());
    stage.ledger.assert_versions().await;
}
