//! No cycle, no reference to nowhere, nothing archived that is in use.

use serde_json::Value;

use super::{World, a_moment};

/// Two clients write the halves of a cycle at once; the second waits for the first and is refused.
async fn two_halves(world: &World, first: &str, second: &str, constraint: &str) {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let mut one = world.developer().await;
        let mut other = world.developer().await;
        // Rolled back at the end, so that each isolation level meets the same beginning.
        let begin = format!("begin isolation level {isolation}; select count(*) from users");
        one.ok(&begin).await;
        other.ok(&begin).await;
        one.ok(first).await;
        let statement = second.to_owned();
        let waiting = tokio::spawn(async move { (other.run(&statement).await, other) });
        a_moment().await;
        assert!(!waiting.is_finished(), "{second}: does not wait");
        one.ok("commit").await;
        let (outcome, mut other) = waiting.await.unwrap();
        let refusal = outcome.unwrap_err();
        if isolation == "read committed" {
            assert_eq!(refusal.constraint, constraint, "{refusal:?}");
        } else {
            assert_eq!(refusal.code, "40001", "{refusal:?}");
        }
        other.ok("rollback").await;
        // In order it is refused as well; then undo the first half.
        assert_eq!(one.refused(second, "23514").await.constraint, constraint);
        one.ok("update taxonomy_categories set parent_id = null; delete from dependencies; delete from pipeline_edges")
            .await;
    }
}

#[tokio::test]
async fn no_cycle_of_categories() {
    let mut world = World::new().await;
    world.owner.ok("select test.category('a'), test.category('b'), test.category('c')").await;
    let below = |child: &str, parent: &str| {
        format!(
            "update taxonomy_categories set parent_id =
                (select category_id from taxonomy_categories where name = '{parent}') where name = '{child}'"
        )
    };
    two_halves(&world, &below("a", "b"), &below("b", "a"), "taxonomy_categories_cycle").await;
    let mut developer = world.developer().await;
    developer.refused(&below("a", "a"), "23514").await;
    developer.ok(&below("a", "b")).await;
    developer.ok(&below("b", "c")).await;
    let refusal = developer.refused(&below("c", "a"), "23514").await;
    assert_eq!(refusal.constraint, "taxonomy_categories_cycle");
    world.owner.refused(&below("c", "a"), "23514").await;
}

#[tokio::test]
async fn a_live_category_has_a_live_parent() {
    let mut world = World::new().await;
    world.owner.ok("select test.category('top')").await;
    world
        .owner
        .ok("select test.category('below', (select category_id from taxonomy_categories))")
        .await;
    let mut admin = world.admin().await;
    let set = |name: &str, when: &str| {
        format!("update taxonomy_categories set archived_at = {when} where name = '{name}'")
    };
    admin.refused(&set("top", "now()"), "23503").await;
    admin.ok(&set("below", "now()")).await;
    admin.ok(&set("top", "now()")).await;
    let refusal = admin.refused(&set("below", "null"), "23514").await;
    assert_eq!(refusal.constraint, "taxonomy_categories_archived");
    let under = "insert into taxonomy_categories (name, parent_id)
        select 'new', category_id from taxonomy_categories where name = 'top'";
    admin.refused(under, "23503").await;
    admin.ok(&set("top", "null")).await;
    admin.ok(&set("below", "null")).await;
}

#[tokio::test]
async fn no_cycle_of_dependencies() {
    let mut world = World::new().await;
    world.owner.ok("select test.block('a'), test.edge('b'), test.block('c')").await;
    let depends = |from: &str, to: &str| {
        let id = |name| {
            format!(
                "coalesce((select block_id from blocks where name = '{name}'), (select edge_id from edges where name = '{name}'))"
            )
        };
        let kind = |name| if name == "b" { "edge" } else { "block" };
        format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('{}', {}, 'internal', '{}', {})",
            kind(from), id(from), kind(to), id(to)
        )
    };
    two_halves(&world, &depends("a", "b"), &depends("b", "a"), "dependencies_cycle").await;
    let mut developer = world.developer().await;
    developer.refused(&depends("a", "a"), "23514").await;
    developer.ok(&depends("a", "b")).await;
    developer.ok(&depends("b", "c")).await;
    assert_eq!(
        developer.refused(&depends("c", "a"), "23514").await.constraint,
        "dependencies_cycle"
    );
    world.owner.refused(&depends("c", "a"), "23514").await;
    // Nor by turning one that was external.
    developer
        .ok("insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail)
             select 'block', block_id, 'external', 'numpy' from blocks where name = 'c'")
        .await;
    let turn = "update dependencies set dependency_type = 'internal', depends_on_type = 'block',
        depends_on_id = (select block_id from blocks where name = 'a') where dependency_type = 'external'";
    assert_eq!(developer.refused(turn, "23514").await.constraint, "dependencies_cycle");
}

#[tokio::test]
async fn no_cycle_in_a_pipeline() {
    let mut world = World::new().await;
    let [pipeline, edge, source, target] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    developer.ok("delete from pipeline_edges").await;
    let join = |from: &str, to: &str| {
        format!(
            "insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
             values ('{pipeline}', '{edge}', '{from}', '{to}')"
        )
    };
    two_halves(&world, &join(&source, &target), &join(&target, &source), "pipeline_edges_cycle")
        .await;
    developer.refused(&join(&source, &source), "23514").await;
    // All at once.
    let both =
        format!("{}, ('{pipeline}', '{edge}', '{target}', '{source}')", join(&source, &target));
    assert_eq!(developer.refused(&both, "23514").await.constraint, "pipeline_edges_cycle");
    // Only blocks of this pipeline.
    let stranger = world.owner.text("test.block('stranger')").await;
    let refusal = developer.refused(&join(&source, &stranger), "23503").await;
    assert_eq!(refusal.constraint, "pipeline_edges_target_fkey");
}

/// Against a search that walks every path: of random graphs, the same have a cycle, and what is
/// found is one.
#[tokio::test]
async fn a_cycle_is_found_when_there_is_one() {
    let mut world = World::new().await;
    world.owner.ok("select setseed(0.5)").await;
    let told = "(
        with recursive graph as (
            select g, array_agg((0.5 + random() * 9)::int) as s, array_agg((0.5 + random() * 9)::int) as t
            from generate_series(1, 600) as g, generate_series(1, 1 + g % 12)
            group by g
        ), edge as (
            select g, source, target from graph, unnest(s, t) as e (source, target)
        ), walk as (
            select g, source, target from edge
            union
            select w.g, w.source, e.target from walk w join edge e on e.g = w.g and e.source = w.target
        ), found as (
            select
                g,
                exists (select from walk w where w.g = graph.g and w.source = w.target) as is_cyclic,
                (select array_agg(ltrim(right(id::text, 2), '0')::int order by place)
                 from unnest(app.find_cycle(
                    array(select lpad(n::text, 32, '0')::uuid from unnest(s) as n),
                    array(select lpad(n::text, 32, '0')::uuid from unnest(t) as n))) with ordinality as c (id, place)) as cycle
            from graph
        )
        select concat_ws(' ',
            count(*) filter (where is_cyclic) between 100 and 500,
            bool_and(is_cyclic = (cycle is not null)),
            bool_and(cycle[1] = cycle[cardinality(cycle)] and cardinality(cycle) > 1),
            bool_and((
                select bool_and(exists (select from edge e where e.g = found.g and e.source = cycle[i] and e.target = cycle[i + 1]))
                from generate_series(1, cardinality(cycle) - 1) as i)))
        from found)";
    assert_eq!(world.owner.text(told).await, "t t t t");
}

#[tokio::test]
async fn no_reference_leads_nowhere() {
    let mut world = World::new().await;
    let [_, edge, source, target] = world.pipeline("it").await;
    let mut developer = world.developer().await;
    let nowhere = "00000000-0000-7000-8000-000000000000";
    for (kind, id) in [("block", nowhere), ("edge", nowhere), ("edge", &source), ("block", &edge)] {
        for statement in [
            format!("insert into code_repos (entity_type, entity_id, repo_url) values ('{kind}', '{id}', 'https://example.com/x')"),
            format!("insert into docker_images (entity_type, entity_id, image_tag, registry_url) values ('{kind}', '{id}', 'v1', 'example.com/x')"),
            format!("insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail) values ('{kind}', '{id}', 'external', 'x')"),
            format!(
                "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
                 values ('block', '{target}', 'internal', '{kind}', '{id}')"
            ),
        ] {
            developer.refused(&statement, "23503").await;
            world.owner.refused(&statement, "23503").await;
        }
    }
    developer
        .refused(
            &format!("insert into dependencies (entity_type, entity_id, dependency_type, dependency_detail) values ('block', '{target}', 'internal', 'x')"),
            "23514",
        )
        .await;
    // What hangs on a thing goes with it.
    developer
        .ok("insert into blocks (name, block_type) values ('short', 'model');
             insert into code_repos (entity_type, entity_id, repo_url) select 'block', block_id, 'https://example.com/x' from blocks where name = 'short'")
        .await;
    world.admin().await.ok("delete from blocks where name = 'short'").await;
    assert_eq!(world.owner.text("select count(*) from code_repos").await, "0");
}

#[tokio::test]
async fn what_is_in_use_is_not_archived() {
    let mut world = World::new().await;
    let [pipeline, edge, source, target] = world.pipeline("it").await;
    let needed = world.owner.text("test.block('needed')").await;
    let top = world.owner.text("test.category('top')").await;
    let below = world.owner.text(&format!("test.category('below', '{top}')")).await;
    let mut admin = world.admin().await;
    admin
        .ok(&format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('block', '{target}', 'internal', 'block', '{needed}')"
        ))
        .await;
    let archive = |table: &str, key: &str, id: &str| {
        format!("update {table} set archived_at = now() where {key} = '{id}'")
    };
    for (table, key, id, user, name) in [
        ("blocks", "block_id", &source, &pipeline, "it pipeline"),
        ("blocks", "block_id", &needed, &target, "it target"),
        ("edges", "edge_id", &edge, &pipeline, "it pipeline"),
        ("taxonomy_categories", "category_id", &top, &below, "below"),
    ] {
        let refusal = admin.refused(&archive(table, key, id), "23503").await;
        assert_eq!(refusal.constraint, format!("{table}_in_use"));
        let users: Value = serde_json::from_str(&refusal.detail).unwrap();
        assert_eq!(users[0]["entity_id"], user.as_str());
        assert_eq!(users[0]["name"], name);
        world.owner.refused(&archive(table, key, id), "23503").await;
        // Nor is it purged from under its users.
        if table != "taxonomy_categories" {
            admin.refused(&format!("delete from {table} where {key} = '{id}'"), "23503").await;
        }
    }
    // An old snapshot does not see the newest user: it may not decide.
    admin.ok("begin isolation level repeatable read; select 1").await;
    let unused = world.owner.text("test.block('unused')").await;
    admin.refused(&archive("blocks", "block_id", &source), "25000").await;
    admin.ok("rollback").await;
    // Nothing begins to use what is archived, also when both happen at once.
    admin.ok(&format!("begin; {}", archive("blocks", "block_id", &unused))).await;
    for statement in [
        format!(
            "insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
             values ('block', '{source}', 'internal', 'block', '{unused}')"
        ),
        format!("insert into pipeline_blocks (pipeline_id, block_id) values ('{pipeline}', '{unused}')"),
    ] {
        let mut developer = world.developer().await;
        let later = statement.clone();
        let waiting = tokio::spawn(async move { developer.run(&later).await });
        a_moment().await;
        assert!(!waiting.is_finished(), "{statement}: does not wait");
        admin.ok("commit").await;
        assert_eq!(waiting.await.unwrap().unwrap_err().code, "23503");
        world.developer().await.refused(&statement, "23503").await;
        admin
            .ok(&format!(
                "update blocks set archived_at = null where block_id = '{unused}'"
            ))
            .await;
        // Not in one go: that would be one transaction.
        admin
            .ok(&format!("begin; {}", archive("blocks", "block_id", &unused)))
            .await;
    }
}

#[tokio::test]
async fn an_archived_name_is_free_and_its_owner_comes_back_only_when_it_still_is() {
    let mut world = World::new().await;
    let mut developer = world.developer().await;
    for (table, columns) in [
        ("blocks", "(name, block_type) values ('it', 'model')"),
        ("edges", "(name) values ('it')"),
        ("pipelines", "(name) values ('it')"),
        ("taxonomy_categories", "(name) values ('it')"),
    ] {
        developer
            .ok(&format!(
                "insert into {table} {columns};
                 update {table} set archived_at = now() where name = 'it';
                 insert into {table} {columns}"
            ))
            .await;
        let restore =
            format!("update {table} set archived_at = null where archived_at is not null");
        developer.refused(&restore, "23505").await;
        if table != "taxonomy_categories" {
            let change =
                format!("update {table} set description = 'x' where archived_at is not null");
            assert_eq!(
                developer.refused(&change, "23514").await.constraint,
                format!("{table}_archived")
            );
        }
        world.owner.ok(&format!("delete from {table} where archived_at is null")).await;
        developer.ok(&restore).await;
    }
}
