//! Versions: numbered without gaps, append-only, one active.

use super::{World, a_moment};
use crate::support::Database;
use crate::world::{self, Client};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_writers_leave_no_gap_and_one_active_version() {
    let mut world = World::new().await;
    for (table, versions, key) in
        [("blocks", "block_versions", "block_id"), ("edges", "edge_versions", "edge_id")]
    {
        let id = match table {
            "blocks" => world.owner.text("test.block('contended')").await,
            _ => world.owner.text("test.edge('contended')").await,
        };
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..50 {
            let mut client = world.developer().await;
            let change =
                format!("update {table} set metadata = '{{\"n\": {n}}}' where {key} = '{id}'");
            writers.spawn(async move { assert_eq!(client.ok(&change).await, 1) });
        }
        while let Some(outcome) = writers.join_next().await {
            outcome.unwrap();
        }
        let found = world
            .owner
            .text(&format!(
                "select string_agg(v.version_number::text, ' ' order by v.version_number)
                    || ', ' || count(distinct v.metadata)
                    || ', active ' || count(*) filter (where is_active)
                    || ', number ' || max(v.version_number) filter (where is_active)
                    || ', pointed to ' || bool_or(version_id = p.current_version_id) filter (where v.is_active)
                    || ', latest ' || max(p.latest_version_number)
                 from {versions} v join {table} p using ({key}) where {key} = '{id}'"
            ))
            .await;
        let numbers: Vec<String> = (1..=51).map(|n| n.to_string()).collect();
        let numbers = numbers.join(" ");
        assert_eq!(
            found,
            format!("{numbers}, 51, active 1, number 51, pointed to true, latest 51")
        );
    }
}

#[tokio::test]
async fn versions_are_append_only_also_for_the_owner() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    for (table, versions, key, make) in [
        ("blocks", "block_versions", "block_id", "block"),
        ("edges", "edge_versions", "edge_id", "edge"),
    ] {
        let id = world.owner.text(&format!("test.{make}('it')")).await;
        let other = world.owner.text(&format!("test.{make}('other')")).await;
        let change = format!("update {table} set description = 'new' where {key} = '{id}'");
        developer.ok(&change).await;
        let kind = if table == "blocks" { ", block_type" } else { "" };
        let copy = format!(
            "insert into {versions} ({key}, version_number, name{kind}, metadata, created_at, is_active)
             select {key}, version_number + 1, name{kind}, metadata, created_at, false
             from {versions} where {key} = '{id}' and is_active"
        );
        for statement in [
            copy.as_str(),
            &format!("update {versions} set metadata = '{{\"forged\": 1}}' where {key} = '{id}'"),
            &format!(
                "update {versions} set version_number = version_number + 10 where {key} = '{id}'"
            ),
            &format!(
                "update {versions} set created_by = null, created_at = now() where {key} = '{id}'"
            ),
            &format!(
                "update {versions} set is_active = true where {key} = '{id}' and version_number = 1"
            ),
            &format!("update {versions} set is_active = false where {key} = '{id}' and is_active"),
            &format!("delete from {versions} where {key} = '{id}'"),
            &format!("truncate {versions} cascade"),
            &format!("truncate {table} cascade"),
        ] {
            world.owner.refused(statement, "42501").await;
            developer.refused(statement, "42501").await;
        }
        // The pointer stays among the versions of its own thing, and at one that there is.
        for version in [
            format!("(select current_version_id from {table} where {key} = '{other}')"),
            "gen_random_uuid()".to_owned(),
        ] {
            let point =
                format!("update {table} set current_version_id = {version} where {key} = '{id}'");
            let refusal = developer.refused(&point, "23503").await;
            assert_eq!(refusal.constraint, format!("{table}_current_version_id_fkey"));
            world.owner.refused(&point, "23503").await;
        }
        let both = format!(
            "update {table} set description = 'newer', current_version_id =
                (select version_id from {versions} where {key} = '{id}' and version_number = 1)
             where {key} = '{id}'"
        );
        let refusal = developer.refused(&both, "23514").await;
        assert_eq!(refusal.constraint, format!("{table}_change_or_activate"));
        // An older one comes back whole, and the numbers go on from the latest.
        let back = format!(
            "update {table} set current_version_id =
                (select version_id from {versions} where {key} = '{id}' and version_number = 1)
             where {key} = '{id}'"
        );
        developer.ok(&back).await;
        developer
            .ok(&format!("update {table} set description = 'third' where {key} = '{id}'"))
            .await;
        let numbers = developer
            .text(&format!(
                "select string_agg(version_number || coalesce(description, '-') || is_active, ' ' order by version_number)
                 from {versions} where {key} = '{id}'"
            ))
            .await;
        assert_eq!(numbers, "1-false 2newfalse 3thirdtrue");
    }
}

#[tokio::test]
async fn the_pointer_holds_even_when_triggers_sleep() {
    let mut world = World::new().await;
    let [_, _, source, target] = world.pipeline("it").await;
    let mut superuser = Client::superuser(&world.database).await;
    superuser.ok("alter table blocks disable trigger blocks_1_versions").await;
    let swap = format!(
        "update blocks set current_version_id =
            (select current_version_id from blocks where block_id = '{target}')
         where block_id = '{source}'"
    );
    let refusal = superuser.refused(&swap, "23503").await;
    assert_eq!(refusal.constraint, "blocks_current_version_id_fkey");
    superuser.ok("alter table block_versions disable trigger block_versions_1_append").await;
    let second = "insert into block_versions (block_id, version_number, name, block_type, metadata, created_at, is_active, activated_at)
         select block_id, 2, name, block_type, metadata, created_at, true, created_at from block_versions where is_active";
    assert_eq!(superuser.refused(second, "23505").await.constraint, "block_versions_active_key");
}

/// What is said of a version while somebody activates it comes before or after, never beside.
#[tokio::test]
async fn no_version_is_activated_beside_its_withdrawal_or_failure() {
    let mut world = World::new().await;
    world.owner.ok("select test.block('it'), test.edge('it')").await;
    let mut dan = world.developer().await;
    for (table, versions, said, constraint) in [
        (
            "blocks",
            "block_versions",
            "update block_versions set withdrawn_reason = 'bad' where version_number = 2",
            "blocks_withdrawn",
        ),
        (
            "edges",
            "edge_versions",
            "update edge_versions set withdrawn_reason = 'bad' where version_number = 2",
            "edges_withdrawn",
        ),
        (
            "edges",
            "edge_versions",
            "insert into edge_verifications (edge_version_id, verification_status)
             select version_id, 'failed' from edge_versions where version_number = 3",
            "edges_unverified",
        ),
    ] {
        let key = if table == "blocks" { "block_id" } else { "edge_id" };
        let number = if constraint == "edges_unverified" { 3 } else { 2 };
        dan.ok(&format!("insert into {versions} ({key}, metadata) select {key}, '{{\"n\": {number}}}' from {table}")).await;
        let mut other = world.admin().await;
        if number == 3 {
            other
                .ok("insert into edge_verifications (edge_version_id, verification_status)
                     select version_id, 'passed' from edge_versions where version_number = 3")
                .await;
            other.ok("update edges set activation = 'reviewed'").await;
        }
        other.ok("begin").await;
        other.ok(said).await;
        let mut third = world.admin().await;
        let activate = format!(
            "update {table} set current_version_id = (select version_id from {versions} where version_number = {number})"
        );
        let waiting = tokio::spawn(async move { third.run(&activate).await });
        a_moment().await;
        assert!(!waiting.is_finished(), "{said}: it does not wait");
        other.ok("commit").await;
        let refusal = waiting.await.unwrap().expect_err(said);
        assert_eq!(refusal.constraint, constraint, "{said}");
    }
}

#[tokio::test]
async fn the_numbers_of_versions_are_not_set_by_anybody() {
    let mut world = World::new().await;
    world.owner.ok("select test.block('it'), test.edge('it')").await;
    for table in ["blocks", "edges"] {
        for column in ["version_number", "latest_version_number"] {
            let statement = format!("update {table} set {column} = 7");
            world.owner.refused(&statement, "42501").await;
            world.admin().await.refused(&statement, "42501").await;
        }
        world.owner.ok(&format!("update {table} set metadata = '{{\"n\": 1}}'")).await;
        assert_eq!(world.owner.text(&format!("select version_number from {table}")).await, "2");
    }
}

/// Ordinary columns, so that a change of something else does not compute them: nobody can make them wrong.
#[tokio::test]
async fn what_a_name_is_found_by_follows_from_it_whoever_writes() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    let wrong = |table: &str| {
        format!(
            "select count(*) from {table} where (name_key, search)
             is distinct from (app.name_key(name) collate \"C\", app.search_vector(name, description))"
        )
    };
    for (table, kind, value) in
        [("blocks", ", block_type", ", 'model'"), ("edges", "", ""), ("pipelines", "", "")]
    {
        developer
            .ok(&format!("insert into {table} (name{kind}) values (' Ada/Llama2 '{value})"))
            .await;
        // What the owner sends for them is replaced, by `copy` as well.
        world
            .owner
            .ok(&format!(
                "insert into {table} (name{kind}, name_key, search) values ('Sent'{value}, 'x', 'x')"
            ))
            .await;
        let copy = format!("copy {table} (name{kind}, name_key, search) from stdin");
        let mut connection = world.database.connect().await;
        let mut copied = connection.copy_in_raw(&copy).await.unwrap();
        let kind = if kind.is_empty() { "" } else { "\tmodel" };
        copied.send(format!("Copied{kind}\tx\tx\n").as_bytes()).await.unwrap();
        assert_eq!(copied.finish().await.unwrap(), 1);
        assert_eq!(world.owner.text(&wrong(table)).await, "0", "{table}");
        for statement in [
            "set name = 'LLAMA/Ada2'",
            "set description = 'Of words'",
            "set name = 'Ada/llama2', description = null",
        ] {
            developer.ok(&format!("update {table} {statement} where name_key ~ 'ada'")).await;
            assert_eq!(world.owner.text(&wrong(table)).await, "0", "{table} {statement}");
        }
        for column in ["name_key = 'x'", "search = 'x'", "name_key = default"] {
            let statement = format!("update {table} set {column}");
            developer.refused(&statement, "42501").await;
            world.owner.refused(&statement, "42501").await;
        }
    }
}

/// The columns that users change; where the versions are; what changes each.
const CHANGES: &str = "
    select p.table_name::text, p.column_name::text, case c.udt_name
        when 'text' then quote_literal('changed')
        when 'jsonb' then quote_literal('{\"changed\": true}')
        when 'block_type' then quote_literal('model')
        else c.udt_name end
    from information_schema.column_privileges p
    join information_schema.columns c using (table_schema, table_name, column_name)
    where p.table_schema = 'public' and p.table_name in ('blocks', 'edges')
      and p.grantee = 'authenticated' and p.privilege_type = 'UPDATE'
      -- The pointer, the archive and the review are no content.
      and p.column_name not in ('current_version_id', 'archived_at', 'activation')
    order by 1, 2";

#[tokio::test]
async fn each_column_that_changes_is_in_the_versions_and_comes_back() {
    let database = Database::new().await;
    let mut owner = world::create(&database).await;
    let changes: Vec<(String, String, String)> =
        sqlx::query_as(CHANGES).fetch_all(&mut owner).await.unwrap();
    assert!(changes.len() >= 7, "{changes:?}");
    for (table, column, value) in changes {
        let thing = table.trim_end_matches('s');
        let kind = if table == "blocks" { ", block_type" } else { "" };
        let kind_value = if table == "blocks" { ", 'dataset'" } else { "" };
        let sql = format!(
            "with made as (insert into {table} (name{kind}) values ('{thing} {column}'{kind_value}) returning *)
             select {thing}_id::text, current_version_id::text, to_jsonb(made) ->> '{column}' from made"
        );
        let (id, first, before): (String, String, Option<String>) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap();
        let sql = format!(
            "update {table} set {column} = {value} where {thing}_id = '{id}' returning latest_version_number, current_version_id::text"
        );
        let (latest, second): (i32, String) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap();
        assert_eq!(latest, 2, "a change of {table}.{column} makes no version");
        let sql = format!(
            "select (to_jsonb(a) ->> '{column}') is distinct from (to_jsonb(b) ->> '{column}') and to_jsonb(a) ? '{column}'
             from {thing}_versions a, {thing}_versions b where a.version_id = '{first}' and b.version_id = '{second}'"
        );
        let (kept,): (bool,) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap();
        assert!(kept, "the versions of {table} do not keep {column}");
        let sql = format!(
            "with back as (update {table} set current_version_id = '{first}' where {thing}_id = '{id}' returning *)
             select to_jsonb(back) ->> '{column}' from back"
        );
        let (after,): (Option<String>,) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap();
        // The name stays: what is called otherwise by now may not take its old name back.
        let wanted = if column == "name" { Some("changed".to_owned()) } else { before };
        assert_eq!(after, wanted, "activation does not bring {table}.{column} back");
    }
}
