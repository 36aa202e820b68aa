//! What is refused changes nothing, tells nothing, and costs little; and says what is in the way.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query_scalar};

use crate::service::{Service, Setup};
use crate::world;
use blockyard::config::Config;

/// A digest of all that is stored, but for the record of reads.
async fn everything(owner: &mut PgConnection) -> String {
    let tables: Vec<String> = query_scalar(
        "select c.oid::regclass::text from pg_class c
         where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p')
           and not c.relispartition and c.relname not in ('_sqlx_migrations', 'refresh_tokens', 'login_attempts', 'guards')
         order by 1",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("the catalog");
    let parts: Vec<String> = tables
        .iter()
        .map(|table| {
            let only = if table == "audit_logs" { "where action_type <> 'READ'" } else { "" };
            format!("(select coalesce(md5(string_agg(t::text, '' order by t::text)), '') from {table} t {only})")
        })
        .collect();
    query_scalar(AssertSqlSafe(format!("select {}", parts.join(" || ' ' || "))))
        .fetch_one(owner)
        .await
        .expect("a digest")
}

/// One of everything, made by Dan; their ids by what they are.
async fn furnished(service: &Service) -> (PgConnection, Value) {
    let mut owner = world::create(&service.database).await;
    let dan = service.id_of("dan").await;
    let things = world::furnish(&mut owner, Some(&dan)).await;
    (owner, things)
}

#[actix_web::test]
async fn a_refusal_leaves_nothing_done() {
    let service = Service::start().await;
    let (mut owner, things) = furnished(&service).await;
    let dan = service.id_of("dan").await;
    let of = |thing: &str| things[thing].as_str().expect("an id").to_owned();
    let developer = service.developer().await;
    for parent in ["category", "loose_category", "archived_category"] {
        let mut insert = owner.begin().await.expect("a transaction");
        // Also below an archived one, as it may have come from before.
        let statement = format!(
            "insert into taxonomy_categories (name, parent_id) values ('below {parent}', null);
             set constraints all immediate;
             alter table taxonomy_categories disable trigger user;
             update taxonomy_categories set parent_id = '{}' where name = 'below {parent}';
             alter table taxonomy_categories enable trigger user",
            of(parent)
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *insert).await.expect("a child");
        insert.commit().await.expect("a commit");
    }
    let document: Value =
        serde_json::from_str(include_str!("../../openapi.json")).expect("a document");
    let (viewer, colleague) = (service.viewer().await, service.colleague().await);
    let mut before = everything(&mut owner).await;
    let (mut refused, mut done) = (0, 0);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in ["delete", "patch", "post", "put"] {
            let operation = &operations[method];
            if operation.is_null() || path.starts_with("/auth") {
                continue;
            }
            let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                .as_str()
                .map(|name| {
                    &document["components"]["schemas"][name.rsplit('/').next().unwrap_or_default()]
                });
            let body = schema.map_or(Value::Null, |schema| schema["example"].clone());
            let queries: &[&str] = match method {
                "delete" if path.contains("categor") => {
                    &["", "?purge=true", "?reparent=true", "?purge=true&reparent=true"]
                }
                "delete" => &["", "?purge=true"],
                _ => &[""],
            };
            for prefix in ["", "loose_", "archived_"] {
                let mut address = path.replace("{version}", "1").replace("{user}", &dan);
                for (parameter, thing) in [
                    ("block", "block"),
                    ("edge", "edge"),
                    ("pipeline", "pipeline"),
                    ("category", "category"),
                    ("pipeline_edge", "pipeline_edge"),
                    ("run_id", "run"),
                    ("repo_id", "repo"),
                    ("image_id", "image"),
                    ("dependency_id", "dependency"),
                    ("verification", "verification"),
                    ("vector_id", "block_vector"),
                    ("api_key_id", "key"),
                ] {
                    let id = things[format!("{prefix}{thing}")].as_str().or(things[thing].as_str());
                    address = address.replace(&format!("{{{parameter}}}"), id.expect("an id"));
                }
                for query in queries {
                    for (who, if_match) in [
                        (&viewer, "*"),
                        (&colleague, "*"),
                        (&colleague, "\"1\""),
                        (&developer, "\"1\""),
                    ] {
                        let method =
                            Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                        let what = format!("{method} {address}{query} {if_match}");
                        let request = who.request(method, &format!("{address}{query}"));
                        let request = request.header("If-Match", if_match);
                        let request =
                            if body.is_null() { request } else { request.json(body.clone()) };
                        let answer = request.send().await;
                        let after = everything(&mut owner).await;
                        assert_ne!(
                            answer.status,
                            StatusCode::INTERNAL_SERVER_ERROR,
                            "{what}: {}",
                            answer.text
                        );
                        if answer.status.is_client_error() {
                            assert_eq!(after, before, "{what}: {}", answer.text);
                            refused += 1;
                        } else {
                            done += 1;
                        }
                        before = after;
                    }
                }
            }
        }
    }
    println!("{refused} refused, {done} done");
    assert!(refused > 300 && done > 10, "{refused} refused, {done} done");
}

#[actix_web::test]
async fn who_reads_by_an_address_learns_no_id_by_it() {
    let service = Service::start().await;
    let mut owner = service.database.connect().await;
    let mut ids: Vec<String> = query_scalar("select user_id::text from users order by username")
        .fetch_all(&mut owner)
        .await
        .expect("ids");
    let own = ids.pop().expect("vera's");
    let viewer = service.viewer().await;
    // (Names are no secret: `who.rs`.)
    for name in ["ada@example.org", "DAN@example.org", "dora@example.org", "nobody", "me", "vera"] {
        for path in ["", "/activity"] {
            viewer.get(&format!("/users/{name}{path}")).await;
        }
    }
    let trail = viewer.get("/users/me/activity?limit=200").await.expect(StatusCode::OK);
    assert!(trail.items("log_id").len() >= 12, "{}", trail.text);
    assert!(trail.text.contains(&own), "{}", trail.text);
    for id in &ids {
        assert!(!trail.text.contains(id), "{}", trail.text);
    }
    // Whom somebody may see, the trail names.
    service.admin().await.get("/users/dan").await.expect(StatusCode::OK);
    let named: i64 = query_scalar(
        "select count(*) from audit_logs where action_type = 'READ' and entity_id = (select user_id from users where username = 'dan')",
    )
    .fetch_one(&mut owner)
    .await
    .expect("a number");
    assert_eq!(named, 1);
}

#[actix_web::test]
async fn refused_logins_leave_no_rows_however_many_they_are() {
    let setup = Setup::default();
    let config = Config { login_account_limit: 3, login_address_limit: 8, ..setup.config };
    let service = Service::with(Setup { config, ..setup }).await;
    let mut owner = service.database.connect().await;
    let rows = "select count(*) from app.login_attempts";
    let position = "select (pg_stat_get_xact_tuples_inserted('app.login_attempts'::regclass) + sum(failures))::bigint from app.login_attempts";
    let mut statuses = Vec::new();
    let mut counts = Vec::new();
    for number in 0..40 {
        let guess =
            json!({ "username": format!("invented-{number}"), "password": "wrong wrong wrong" });
        statuses.push(service.nobody().post("/auth/login", guess).await.status);
        let count: i64 = query_scalar(rows).fetch_one(&mut owner).await.expect("a number");
        let failures: i64 = query_scalar(position).fetch_one(&mut owner).await.expect("a number");
        counts.push((count, failures));
    }
    assert_eq!(statuses[..8], [StatusCode::UNAUTHORIZED; 8]);
    assert_eq!(statuses[8..], [StatusCode::TOO_MANY_REQUESTS; 32]);
    // Eight accounts and the address; from the first refusal on nothing changes any more.
    assert_eq!(counts[7].0, 9);
    assert!(counts[8..].iter().all(|count| *count == counts[8] && count.0 == 9), "{counts:?}");

    // What is over goes with the next attempts, and when the house is kept.
    sqlx::raw_sql("update app.login_attempts set window_ends = now() - interval '1 second'")
        .execute(&mut owner)
        .await
        .expect("the owner may");
    let guess = json!({ "username": "invented-again", "password": "wrong wrong wrong" });
    let answer = service.nobody().post("/auth/login", guess).await;
    answer.expect(StatusCode::UNAUTHORIZED);
    let left: i64 = query_scalar(rows).fetch_one(&mut owner).await.expect("a number");
    assert_eq!(left, 2);
    let right = json!({ "username": "dan", "password": crate::service::PASSWORD });
    service.nobody().post("/auth/login", right).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn what_stands_below_a_thing_is_not_there_without_it() {
    let service = Service::start().await;
    let viewer = service.viewer().await;
    let document: Value =
        serde_json::from_str(include_str!("../../openapi.json")).expect("a document");
    let mut asked = 0;
    // Nothing is registered yet: no row makes PostgreSQL ask for the condition.
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let thing = path.split('/').nth(2).unwrap_or_default();
        if operations["get"].is_null() || !thing.starts_with('{') || path.contains("{user}") {
            continue;
        }
        // Each its own: what somebody has asked for is in their trail, and so has a history for them.
        for unknown in [format!("0198aa00-0000-7000-8000-{asked:012}"), "nothing".to_owned()] {
            let by_id_only =
                thing.ends_with("_id}") || matches!(thing, "{verification}" | "{lock_digest}");
            if by_id_only && unknown == "nothing" {
                continue;
            }
            let unknown = if thing == "{lock_digest}" { "0".repeat(64) } else { unknown };
            let address = path
                .replacen(thing, &unknown, 1)
                .replace("{version}", "1")
                .replace("{block}", &unknown)
                .replace("{pipeline_edge}", "0198aa00-0000-7000-8000-000000000000");
            let query = match path {
                path if path.ends_with("/diff") => "?from=1&to=1",
                path if path.ends_with("/filter") => "?for=qdrant",
                _ => "",
            };
            let answer = viewer.get(&format!("{address}{query}")).await;
            answer.refused(StatusCode::NOT_FOUND, "not_found");
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}

#[actix_web::test]
async fn what_is_in_use_says_by_what_whatever_would_take_it_away() {
    let service = Service::start().await;
    let mut owner = world::create(&service.database).await;
    let (developer, admin) = (service.developer().await, service.admin().await);
    let name = |name: &str| json!({ "name": name });
    for block in ["a", "b", "c", "d"] {
        let block = json!({ "name": block, "block_type": "dataset" });
        developer.post("/blocks", block).await.expect(StatusCode::CREATED);
    }
    for edge in ["e", "f"] {
        developer.post("/edges", name(edge)).await.expect(StatusCode::CREATED);
    }
    let pipeline = json!({ "name": "p", "blocks": [{ "block_id": "a" }, { "block_id": "b" }],
        "edges": [{ "edge_id": "e", "source_block_id": "a", "target_block_id": "b" }] });
    let pipeline =
        developer.post("/pipelines", pipeline).await.expect(StatusCode::CREATED).id("pipeline_id");
    for (on_type, on) in [("block", "c"), ("edge", "f")] {
        let dependency = json!({ "entity_type": "block", "entity_id": "d", "dependency_type": "internal",
            "depends_on_type": on_type, "depends_on_id": on });
        developer.post("/dependencies", dependency).await.expect(StatusCode::CREATED);
    }
    developer.post("/taxonomy-categories", name("top")).await.expect(StatusCode::CREATED);
    let below = json!({ "name": "below", "parent_id": "top" });
    developer.post("/taxonomy-categories", below).await.expect(StatusCode::CREATED);
    let filtered = json!({ "block_id": "d", "vector_db": "db", "vector_key": "key", "taxonomy_filter": { "any": ["below"] } });
    developer.post("/block-vector-representations", filtered).await.expect(StatusCode::CREATED);
    let check = async |address: &str, used_by: &[(&str, &str)]| {
        let refused = admin.delete(address).await.refused(StatusCode::CONFLICT, "in_use");
        let mut found: Vec<(String, String)> = refused.body["used_by"]
            .as_array()
            .unwrap_or_else(|| panic!("{address}: {}", refused.text))
            .iter()
            .map(|user| {
                assert!(user["entity_id"].is_string(), "{user}");
                let text = |member: &str| user[member].as_str().unwrap_or_default().to_owned();
                (text("entity_type"), text("name"))
            })
            .collect();
        found.sort();
        let wanted: Vec<_> =
            used_by.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect();
        assert_eq!(found, wanted, "{address}");
    };
    check("/pipelines/p/blocks/a", &[("edge", "e")]).await;
    check("/pipelines/p/blocks/b", &[("edge", "e")]).await;
    for purge in ["", "?purge=true"] {
        check(&format!("/blocks/a{purge}"), &[("pipeline", "p")]).await;
        check(&format!("/blocks/c{purge}"), &[("block", "d")]).await;
        check(&format!("/edges/e{purge}"), &[("pipeline", "p")]).await;
        check(&format!("/edges/f{purge}"), &[("block", "d")]).await;
        check(&format!("/taxonomy-categories/top{purge}"), &[("taxonomy", "below")]).await;
        check(&format!("/taxonomy-categories/below{purge}"), &[("vector", "key")]).await;
    }
    // What is archived lets a thing be archived, and keeps it from being purged.
    developer.delete("/pipelines/p").await.expect(StatusCode::NO_CONTENT);
    developer.delete("/blocks/d").await.expect(StatusCode::NO_CONTENT);
    let ids = |list: &str| format!("/{list}?archived=true&sort=name");
    for address in ["/blocks/a", "/blocks/c", "/edges/e", "/edges/f", "/taxonomy-categories/below"]
    {
        developer.delete(address).await.expect(StatusCode::NO_CONTENT);
    }
    let blocks = admin.get(&ids("blocks")).await.items("block_id");
    let edges = admin.get(&ids("edges")).await.items("edge_id");
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    check(&format!("/blocks/{}?purge=true", id(&blocks[0])), &[("pipeline", "p")]).await;
    check(&format!("/blocks/{}?purge=true", id(&blocks[1])), &[("block", "d")]).await;
    check(&format!("/edges/{}?purge=true", id(&edges[0])), &[("pipeline", "p")]).await;
    check(&format!("/edges/{}?purge=true", id(&edges[1])), &[("block", "d")]).await;
    check("/taxonomy-categories/top?purge=true", &[("taxonomy", "below")]).await;
    let traces =
        admin.delete("/users/dan?purge=true").await.refused(StatusCode::CONFLICT, "in_use");
    let traces = traces.body["used_by"].as_array().expect("traces").clone();
    assert!(traces.len() == 20 && traces.iter().any(|it| it["name"] == "p"), "{traces:?}");

    // By any other way as well; and once nothing uses it, it goes, a pipeline with its edges among it.
    let refused = sqlx::raw_sql("delete from blocks where name = 'a'").execute(&mut owner).await;
    let refused = refused.expect_err("in use").into_database_error().expect("an answer");
    assert_eq!(refused.constraint(), Some("blocks_in_use"));
    let gone = StatusCode::NO_CONTENT;
    admin.delete(&format!("/pipelines/{pipeline}?purge=true")).await.expect(gone);
    for block in [&blocks[2], &blocks[0], &blocks[1]] {
        admin.delete(&format!("/blocks/{}?purge=true", id(block))).await.expect(gone);
    }
    for edge in &edges {
        admin.delete(&format!("/edges/{}?purge=true", id(edge))).await.expect(gone);
    }
    admin.delete("/taxonomy-categories/top?purge=true&reparent=true").await.expect(gone);
}

/// Each block depends on all before it: half of n² dependencies, and 2ⁿ ways to the last one.
async fn complete_graph(service: &Service, blocks: u32) {
    let mut owner = service.database.connect().await;
    let statement = format!(
        "insert into blocks (name, block_type) select 'n' || lpad(n::text, 4, '0'), 'dataset' from generate_series(1, {blocks}) as n;
         alter table dependencies disable trigger dependencies_1_guard;
         insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
         select 'block', a.block_id, 'internal', 'block', b.block_id from blocks a join blocks b on b.name < a.name;
         set constraints all immediate;
         alter table dependencies enable trigger dependencies_1_guard;
         analyze dependencies; analyze blocks"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.expect("a graph");
}

#[actix_web::test]
async fn many_ways_to_a_thing_are_walked_once() {
    for blocks in [60_u32, 120] {
        let service = Service::start().await;
        complete_graph(&service, blocks).await;
        let viewer = service.viewer().await;
        let begun = Instant::now();
        let mut path = "/blocks/n0001/dependents?recursive=true&limit=50".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = viewer.get(&path).await.expect(StatusCode::OK);
            assert!(page.items("depth").iter().all(|depth| *depth == 1), "{}", page.text);
            assert!(
                page.items("path")
                    .iter()
                    .all(|path| path.as_array().is_some_and(|it| it.len() == 1))
            );
            seen.extend(page.items("name").iter().map(ToString::to_string));
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            path = format!("/blocks/n0001/dependents?recursive=true&limit=50&cursor={cursor}");
        }
        let took = begun.elapsed();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), blocks as usize - 1);
        let spilled: i64 =
            query_scalar("select coalesce(sum(temp_bytes), 0)::bigint from pg_stat_database")
                .fetch_one(&mut service.database.connect().await)
                .await
                .expect("a number");
        println!("{blocks} blocks: {took:?} for all pages, {spilled} bytes of temporary files");
        assert!(took < Duration::from_secs(5), "{blocks} blocks: {took:?}");
    }
}

#[actix_web::test]
async fn a_long_way_is_walked_to_its_end() {
    let service = Service::start().await;
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(
        "insert into blocks (name, block_type) select 'n' || lpad(n::text, 4, '0'), 'dataset' from generate_series(1, 400) as n;
         alter table dependencies disable trigger dependencies_1_guard;
         insert into dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id)
         select 'block', a.block_id, 'internal', 'block', b.block_id
         from (select *, lag(block_id) over (order by name) as before from blocks) a join blocks b on b.block_id = a.before;
         set constraints all immediate;
         alter table dependencies enable trigger dependencies_1_guard",
    )
    .execute(&mut owner)
    .await
    .expect("a chain");
    let viewer = service.viewer().await;
    let (mut path, mut depth) = ("/blocks/n0001/dependents?recursive=true&limit=200".to_owned(), 0);
    loop {
        let page = viewer.get(&path).await.expect(StatusCode::OK);
        for item in page.body["items"].as_array().expect("items") {
            depth += 1;
            assert_eq!(item["depth"], depth);
            let steps = item["path"].as_array().expect("a path");
            assert_eq!(steps.len(), depth);
            assert_eq!(steps[0]["name"], "n0002");
            assert_eq!(steps[depth - 1]["name"], item["name"]);
        }
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/blocks/n0001/dependents?recursive=true&limit=200&cursor={cursor}");
    }
    assert_eq!(depth, 399);
    let direct = viewer.get("/blocks/n0001/dependents").await.items("name");
    assert_eq!(direct, [json!("n0002")]);
}

#[actix_web::test]
async fn a_lock_over_http_is_seen_with_its_pipeline() {
    let service = Service::start().await;
    let (_, things) = furnished(&service).await;
    let of = |thing: &str| things[thing].as_str().expect("an id").to_owned();
    let (lock, pipeline, run) = (of("lock"), of("pipeline"), of("run"));
    let addresses = [format!("/locks/{lock}"), format!("/locks/diff?a={lock}&b={lock}")];
    let (developer, colleague) = (service.developer().await, service.colleague().await);
    let (viewer, admin) = (service.viewer().await, service.admin().await);
    for address in &addresses {
        for who in [&developer, &colleague, &viewer, &admin] {
            who.get(address).await.expect(StatusCode::OK);
        }
    }
    developer
        .patch(&format!("/runs/{run}"), json!({ "status": "canceled" }))
        .await
        .expect(StatusCode::OK);
    developer.delete(&format!("/pipelines/{pipeline}")).await.expect(StatusCode::NO_CONTENT);
    for address in &addresses {
        for who in [&developer, &admin] {
            who.get(address).await.expect(StatusCode::OK);
        }
        for who in [&colleague, &viewer] {
            who.get(address).await.refused(StatusCode::NOT_FOUND, "not_found");
        }
    }
    admin.delete(&format!("/pipelines/{pipeline}?purge=true")).await.expect(StatusCode::NO_CONTENT);
    for address in &addresses {
        admin.get(address).await.expect(StatusCode::OK);
        developer.get(address).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}
