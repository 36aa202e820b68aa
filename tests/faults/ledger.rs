//! What the database has, held against what its clients were told.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::support::connect;
use crate::writers::{Entry, Kind};

/// What became of the changes of some rounds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub acknowledged: usize,
    /// Acknowledged, and not there.
    pub lost: usize,
    /// There without all of their rows.
    pub half: usize,
    /// There more than once.
    pub duplicates: usize,
    /// Not acknowledged, and there.
    pub made_unseen: usize,
    /// Not acknowledged, and not there.
    pub not_made: usize,
}

impl Verdict {
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.half += other.half;
        self.duplicates += other.duplicates;
        self.made_unseen += other.made_unseen;
        self.not_made += other.not_made;
    }
}

/// The rows of one change: its audit rows, by what they tell, and what else bears its mark.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Rows {
    audit: Vec<String>,
    versions: i64,
    pipeline_blocks: i64,
}

/// Compares what is in the database with what it should have.
pub struct Ledger {
    owner: PgConnectOptions,
    /// What an undisturbed change of each kind leaves.
    expected: HashMap<Kind, Rows>,
}

impl Ledger {
    /// Learns from `samples`, which nothing disturbed, what each kind of change leaves.
    pub async fn learn(owner: &PgConnectOptions, samples: &[Entry], since: DateTime<Utc>) -> Self {
        let mut connection = connect(owner).await;
        let mut rows = rows(&mut connection, since).await;
        let mut expected = HashMap::new();
        for sample in samples {
            assert!(sample.acknowledged, "{sample:?}");
            let found = rows.remove(&sample.mark).unwrap_or_default();
            assert!(!found.audit.is_empty(), "{sample:?} left nothing");
            expected.insert(sample.kind, found);
        }
        for kind in Kind::ALL {
            assert!(expected.contains_key(&kind), "{kind:?}");
        }
        Self { owner: owner.clone(), expected }
    }

    /// Judges the changes of one round, which began at `since`.
    pub async fn judge(&self, entries: &[Entry], since: DateTime<Utc>) -> Verdict {
        let mut connection = connect(&self.owner).await;
        let mut rows = rows(&mut connection, since).await;
        let mut verdict = Verdict::default();
        for entry in entries {
            let found = rows.remove(&entry.mark).unwrap_or_default();
            let expected = &self.expected[&entry.kind];
            let is_there = found == *expected;
            let is_not = found == Rows::default();
            verdict.acknowledged += usize::from(entry.acknowledged);
            if !is_there && !is_not {
                let more = found.audit.len() > expected.audit.len()
                    || found.versions > expected.versions
                    || found.pipeline_blocks > expected.pipeline_blocks;
                verdict.duplicates += usize::from(more);
                verdict.half += usize::from(!more);
                eprintln!("{entry:?}: {found:?} instead of {expected:?}");
            }
            verdict.lost += usize::from(entry.acknowledged && is_not);
            verdict.made_unseen += usize::from(!entry.acknowledged && is_there);
            verdict.not_made += usize::from(!entry.acknowledged && is_not);
        }
        assert!(rows.is_empty(), "changes of nobody: {rows:?}");
        verdict
    }

    /// Every block has its versions 1 to n without a gap, one of them active, and points to it.
    pub async fn assert_versions(&self) {
        let mut connection = connect(&self.owner).await;
        let wrong: Vec<String> = sqlx::query_scalar(
            "select b.name from blocks b
             left join lateral (
                 select count(*) as n, min(v.version_number) as first, max(v.version_number) as last,
                        count(*) filter (where v.is_active) as active,
                        count(*) filter (where v.is_active and v.version_id = b.current_version_id
                            and v.version_number = b.version_number and v.metadata = b.metadata) as current
                 from block_versions v where v.block_id = b.block_id
             ) v on true
             where (v.n, v.first, v.last, v.active, v.current)
                 is distinct from (b.latest_version_number, 1, b.latest_version_number, 1, 1)",
        )
        .fetch_all(&mut connection)
        .await
        .expect("the blocks");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

async fn rows(connection: &mut PgConnection, since: DateTime<Utc>) -> HashMap<String, Rows> {
    let mut found: HashMap<String, Rows> = HashMap::new();
    let audit: Vec<(String, Vec<String>)> = sqlx::query_as(
        "select details #>> '{request,id}', array_agg(concat_ws(' ', action_type, entity_type, details ->> 'table'))
         from audit_logs where timestamp >= $1 and details #>> '{request,id}' ~ '^w[0-9]+-' group by 1",
    )
    .bind(since)
    .fetch_all(&mut *connection)
    .await
    .expect("the audit trail");
    for (mark, mut rows) in audit {
        rows.sort();
        found.entry(mark).or_default().audit = rows;
    }
    let versions: Vec<(String, i64)> = sqlx::query_as(
        "select metadata ->> 'mark', count(*) from block_versions
         where created_at >= $1 and metadata ? 'mark' group by 1",
    )
    .bind(since)
    .fetch_all(&mut *connection)
    .await
    .expect("the versions");
    for (mark, count) in versions {
        found.entry(mark).or_default().versions = count;
    }
    let parts: Vec<(String, i64)> = sqlx::query_as(
        "select p.name, count(*) from pipelines p join pipeline_blocks pb using (pipeline_id)
         where p.created_at >= $1 and p.name ~ '^w[0-9]+-' group by 1",
    )
    .bind(since)
    .fetch_all(connection)
    .await
    .expect("the pipelines");
    for (mark, count) in parts {
        found.entry(mark).or_default().pipeline_blocks = count;
    }
    found
}
