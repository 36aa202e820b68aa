//! Versions: numbered without gaps, append-only, one active.

use super::World;
use crate::world::Client;

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
    superuser.ok("alter table block_versions disable trigger block_versions_1_guard").await;
    let second = "insert into block_versions (block_id, version_number, name, block_type, metadata, created_at, is_active)
         select block_id, 2, name, block_type, metadata, created_at, true from block_versions where is_active";
    assert_eq!(superuser.refused(second, "23505").await.constraint, "block_versions_active_key");
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
