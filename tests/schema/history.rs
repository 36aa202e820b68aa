//! The history: what the database keeps of every change, and what of it whom it shows.

use serde_json::json;
use sqlx::{query_as, query_scalar};

use crate::support::Database;
use crate::world::{self, Client};

/// A database with a developer and somebody who only looks; their ids.
async fn registry() -> (Database, String, String) {
    let database = Database::new().await;
    let mut owner = world::create(&database).await;
    let dan = world::person(&mut owner, "dan", "developer").await;
    let vera = world::person(&mut owner, "vera", "viewer").await;
    (database, dan, vera)
}

const NOW: &str = "clock_timestamp()";

async fn look_at(client: &mut Client, instant: &str) {
    client.ok(&format!("set app.as_of = '{instant}'")).await;
}

#[tokio::test]
async fn the_past_shows_what_the_caller_would_have_seen() {
    let (database, dan, vera) = registry().await;
    let claims = |id: &str| json!({ "sub": id }).to_string();
    // Changes come by Supabase's REST API, the past is read by the service.
    let mut by_dan = Client::user(&database, &dan).await;
    let mut dan = Client::service(&database, &claims(&dan)).await;
    let mut vera = Client::service(&database, &claims(&vera)).await;
    by_dan
        .ok("insert into blocks (name, block_type, metadata) values ('one', 'model', '{\"n\": 1}')")
        .await;
    let first = dan.text(NOW).await;
    by_dan.ok("update blocks set name = 'two', metadata = '{\"n\": 2}' where name = 'one'").await;
    let second = dan.text(NOW).await;
    by_dan.ok("update blocks set archived_at = now() where name = 'two'").await;
    let third = dan.text(NOW).await;

    let shown = "select coalesce(string_agg(name || ' ' || (metadata ->> 'n') || ' ' || version_number, ','), '') from past.blocks";
    for (instant, to_dan, to_vera) in
        [(&first, "one 1 1", "one 1 1"), (&second, "two 2 2", "two 2 2"), (&third, "two 2 2", "")]
    {
        look_at(&mut dan, instant).await;
        look_at(&mut vera, instant).await;
        assert_eq!(dan.text(shown).await, to_dan, "{instant}");
        assert_eq!(vera.text(shown).await, to_vera, "{instant}");
    }
    look_at(&mut vera, &first).await;
    assert_eq!(vera.text("select count(*) from past.block_versions").await, "1");
    assert_eq!(
        vera.text("select string_agg(is_active::text, '') from past.block_versions").await,
        "true"
    );
    // What is kept is nobody's to read or write, and nobody is not shown anything.
    for statement in [
        "select from past.blocks",
        "select from app.blocks_history",
        "insert into app.changes values (now())",
        "delete from past.blocks",
        "update past.blocks set name = 'three'",
    ] {
        by_dan.refused(statement, "42501").await;
    }
    for statement in [
        "select from app.blocks_history",
        "delete from past.blocks",
        "update past.blocks set name = 'three'",
    ] {
        dan.refused(statement, "42501").await;
    }
    let mut nobody = Client::service(&database, "{}").await;
    look_at(&mut nobody, &first).await;
    assert_eq!(nobody.text("select count(*) from past.blocks").await, "0");
}

#[tokio::test]
async fn history_is_append_only() {
    let (database, dan, _) = registry().await;
    let mut dan = Client::user(&database, &dan).await;
    dan.ok("insert into blocks (name, block_type) values ('one', 'model')").await;
    let mut owner = Client::owner(&database).await;
    owner.refused("delete from app.blocks_history", "42501").await;
    owner.refused("truncate app.blocks_history", "42501").await;
    owner.refused("update app.blocks_history set name = 'two'", "42501").await;
    owner.refused("delete from app.changes", "42501").await;
    owner.refused("update app.changes set changed_at = now()", "42501").await;
}

#[tokio::test]
async fn a_transaction_is_one_instant_and_one_row_of_each_thing() {
    let (database, dan, _) = registry().await;
    let mut dan = Client::user(&database, &dan).await;
    dan.ok("begin; \
            insert into blocks (name, block_type) values ('one', 'model'), ('other', 'model'); \
            update blocks set description = 'a' where name = 'one'; \
            update blocks set description = 'b' where name = 'one'; \
            insert into blocks (name, block_type) values ('gone', 'model'); \
            commit")
        .await;
    let mut owner = database.connect().await;
    let rows: Vec<(String, Option<String>, bool)> = query_as(
        "select name, description, changed_at = max(changed_at) over () from app.blocks_history order by name",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let row = |name: &str, description: Option<&str>| {
        (name.to_owned(), description.map(str::to_owned), true)
    };
    assert_eq!(rows, [row("gone", None), row("one", Some("b")), row("other", None)]);
    // What changes nothing leaves nothing.
    dan.ok("update blocks set description = 'b' where name = 'one'").await;
    let count: i64 = query_scalar("select count(*) from app.blocks_history")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(count, 3);
}

#[tokio::test]
async fn an_instant_that_open_transactions_can_change_is_refused() {
    let (database, dan, _) = registry().await;
    let mut one = Client::user(&database, &dan).await;
    let mut two = Client::user(&database, &dan).await;
    let mut owner = Client::owner(&database).await;
    two.ok("insert into blocks (name, block_type) values ('b', 'model')").await;
    // As if it were between its instant and its commit.
    one.ok("begin; insert into blocks (name, block_type) values ('a', 'model'); set constraints blocks_history immediate").await;
    two.ok("update blocks set description = 'two' where name = 'b'").await;
    let now = owner.text(NOW).await;
    let refusal = owner.refused(&format!("select app.look_back('{now}')"), "22023").await;
    assert_eq!(refusal.constraint, "instant_too_new");
    let newest = owner.text("app.newest_instant()").await;
    owner.ok(&format!("select app.look_back('{newest}')")).await;
    // It builds on what the other has committed since its own instant.
    one.ok("update blocks set description = 'one' where name = 'b'; commit").await;
    owner.ok(&format!("select app.look_back('{now}')")).await;
    let last = "select description from app.blocks_history where name = 'b' order by changed_at desc limit 1";
    assert_eq!(owner.text(last).await, "one");
    let future = owner.text("clock_timestamp() + interval '1 second'").await;
    owner.refused(&format!("select app.look_back('{future}')"), "22023").await;
    let refusal = owner.refused("select app.look_back('2020-01-01')", "22023").await;
    assert_eq!(refusal.constraint, "instant_too_old");
}

#[tokio::test]
async fn instants_go_forward_though_the_clock_goes_back() {
    let (database, dan, _) = registry().await;
    let mut dan = Client::user(&database, &dan).await;
    dan.ok("insert into blocks (name, block_type) values ('one', 'model')").await;
    // The last change was made while the clock was an hour ahead.
    let mut owner = Client::owner(&database).await;
    owner.ok("insert into app.changes values (clock_timestamp() + interval '1 hour')").await;
    dan.ok("update blocks set description = 'later' where name = 'one'").await;
    let is_later = "select changed_at > clock_timestamp() + interval '59 minutes' and changed_at = (select max(changed_at) from app.changes) \
                    from app.blocks_history order by changed_at desc limit 1";
    assert_eq!(owner.text(is_later).await, "true");
}

#[tokio::test]
async fn what_is_purged_keeps_its_name_and_loses_its_content() {
    let (database, id, _) = registry().await;
    let mut dan = Client::user(&database, &id).await;
    dan.ok("insert into blocks (name, block_type, metadata) values ('one', 'model', '{\"secret\": 1}')").await;
    let then = dan.text(NOW).await;
    let mut owner = Client::owner(&database).await;
    owner.ok("delete from blocks").await;
    owner.ok(&format!("set request.jwt.claims = '{{\"sub\": \"{id}\"}}'")).await;
    owner.ok(&format!("set app.as_of = '{then}'")).await;
    assert_eq!(owner.text("select name || metadata from past.blocks").await, "one{}");
    assert_eq!(owner.text("select count(*) from past.purged").await, "1");
    let everywhere = "select count(*) from app.blocks_history h where h::text like '%secret%'";
    assert_eq!(owner.text(everywhere).await, "0");
}

#[tokio::test]
async fn what_a_pipeline_had_is_told_alike_when_it_has_been_purged_since() {
    let (database, id, _) = registry().await;
    let mut dan = Client::user(&database, &id).await;
    dan.ok("insert into blocks (name, block_type, description, metadata) values ('a', 'model', 'secret', '{\"n\": 1}'), ('b', 'model', '', '{}')")
        .await;
    dan.ok("insert into edges (name) values ('e')").await;
    dan.ok("insert into pipelines (name) values ('p')").await;
    dan.ok("insert into pipeline_blocks (pipeline_id, block_id) select pipeline_id, block_id from pipelines, blocks").await;
    dan.ok("insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
            select p.pipeline_id, e.edge_id, a.block_id, b.block_id from pipelines p, edges e, blocks a, blocks b where a.name = 'a' and b.name = 'b'")
        .await;
    let then = dan.text(NOW).await;
    let mut owner = Client::owner(&database).await;
    let told = |schema: &str| {
        format!(
            "select {schema}.lock_digest({schema2}.pipeline_lock(p.pipeline_id)) || ' ' || (select string_agg(k.code || k.version_number, ',') \
                 from {schema2}.blockers(p.pipeline_id) as k) from {of}.pipelines p",
            schema = "app",
            schema2 = schema,
            of = if schema == "app" { "public" } else { schema }
        )
    };
    let before = owner.text(&told("app")).await;
    assert!(before.contains("edge_unverified1"), "{before}");
    owner.ok("delete from pipeline_edges; delete from edges; delete from pipeline_blocks; delete from blocks where name = 'a'").await;
    owner
        .ok(&format!("set request.jwt.claims = '{{\"sub\": \"{id}\"}}'; set app.as_of = '{then}'"))
        .await;
    assert_eq!(owner.text(&told("past")).await, before);
    let content =
        "select count(*) from app.blocks_history h where h.name = 'a' and h::text like '%secret%'";
    assert_eq!(owner.text(content).await, "0");
}

#[tokio::test]
async fn nobody_stops_the_history_by_locks_of_their_own() {
    let (database, dan, vera) = registry().await;
    let mut dan = Client::user(&database, &dan).await;
    let mut vera = Client::user(&database, &vera).await;
    let mut owner = Client::owner(&database).await;
    dan.ok("insert into blocks (name, block_type) values ('one', 'model')").await;
    let then = owner.text(NOW).await;
    vera.ok("select pg_advisory_lock_shared((411003::bigint << 44) | 1)").await;
    owner.ok(&format!("select app.look_back('{then}')")).await;
    // All the moments that the next changes could name.
    vera.ok("select pg_advisory_lock((411003::bigint << 44) | (date_part('epoch', clock_timestamp()) * 1000)::bigint + i) \
             from generate_series(-10, 1000) as i")
        .await;
    dan.ok("set lock_timeout = '10ms'").await;
    dan.ok("update blocks set description = 'two'").await;
    let now = owner.text(NOW).await;
    owner.ok(&format!("select app.look_back('{now}')")).await;
}

#[tokio::test]
async fn the_last_word_on_a_withdrawal_is_the_last_one_in_its_history() {
    let (database, dan, _) = registry().await;
    let mut one = Client::user(&database, &dan).await;
    let mut two = Client::user(&database, &dan).await;
    let mut owner = Client::owner(&database).await;
    one.ok("insert into blocks (name, block_type) values ('a', 'model'), ('other', 'model')").await;
    one.ok("insert into block_versions (block_id, metadata) select block_id, '{\"n\": 2}' from blocks where name = 'a'").await;
    one.ok("begin; set constraints all immediate; insert into pipelines (name) values ('early')")
        .await;
    let withdraw = |reason: &str| {
        format!("update block_versions set withdrawn_reason = '{reason}' where version_number = 2")
    };
    two.ok(&withdraw("first")).await;
    one.ok(&withdraw("last")).await;
    one.ok("commit").await;
    let told =
        "select withdrawn_reason from app.withdrawals_history order by changed_at desc limit 1";
    assert_eq!(owner.text(told).await, "last");
}

/// Nothing in the past reads the present by mistake, and no column is missing.
#[tokio::test]
async fn the_past_is_a_whole_copy() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    let astray: Vec<(String, String)> = query_as(
        "with kept as (
             select string_agg(relname, '|') as names from pg_class where relnamespace = 'past'::regnamespace
         ), bodies as (
             select proname::text as name, prosrc as body from pg_proc where pronamespace = 'past'::regnamespace
             union all
             select relname, pg_get_viewdef(oid) from pg_class
             where relnamespace = 'past'::regnamespace and exists (
                 select from pg_class p where p.relnamespace = 'app'::regnamespace and p.relname = pg_class.relname)
         )
         select name, found[1] from bodies, kept, regexp_matches(body, '\\m(?:public|app)\\.(?:' || names || ')\\M', 'g') as found",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(astray, []);
    let different: Vec<String> = query_scalar(
        "with columns as (
             select n.nspname, c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ',' order by a.attnum) as all
             from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
             where a.attnum > 0 and not a.attisdropped and n.nspname in ('past', 'public', 'app') and c.relkind in ('r', 'v')
             group by 1, 2
         )
         select p.relname::text from columns p
         join columns o on o.relname = p.relname and o.nspname <> 'past'
         where p.nspname = 'past' and p.all <> o.all",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(different, [""; 0]);
}
