//! Aliases: movable names for versions, their history, and pipelines that follow them.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::{chain, edge, verify};
use crate::service::Service;

#[tokio::test]
async fn an_alias_stands_wherever_a_number_may() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    edge(&service, "e").await;
    for path in ["/blocks/b", "/edges/e"] {
        for rows in [2, 3] {
            dan.patch(path, json!({ "metadata": { "rows": rows } })).await.expect(StatusCode::OK);
        }
        let alias = format!("{path}/aliases/champion");
        dan.get(&alias).await.refused(StatusCode::NOT_FOUND, "not_found");
        let made = dan.put(&alias, json!({ "version": "2" })).await.expect(StatusCode::CREATED);
        assert_eq!(made.body["version_number"], 2);
        assert_eq!(dan.get(made.header("location")).await.body, made.body);
        assert_eq!(dan.get(&alias).await.etag(), made.etag());
        let same = dan.put(&alias, json!({ "version": "2" })).await.expect(StatusCode::OK);
        assert_eq!((&same.body, same.etag()), (&made.body, made.etag()));

        assert_eq!(dan.get(&format!("{path}/versions/champion")).await.body["version_number"], 2);
        let difference =
            dan.get(&format!("{path}/diff?from=champion")).await.expect(StatusCode::OK);
        assert_eq!(difference.body[0]["value"], 3);
        let active = dan.post(&format!("{path}/versions/champion/activate"), json!({})).await;
        assert_eq!(active.expect(StatusCode::OK).body["version_number"], 2);
        let staging = format!("{path}/aliases/staging");
        dan.put(&staging, json!({ "version": "champion" })).await.expect(StatusCode::CREATED);
        for (target, number) in [("latest", 3), ("active", 2), ("1", 1)] {
            let moved = dan.put(&staging, json!({ "version": target })).await;
            assert_eq!(moved.expect(StatusCode::OK).body["version_number"], number);
        }
        if path == "/edges/e" {
            dan.post(
                "/edges/e/versions/champion/verifications",
                json!({ "verification_status": "passed" }),
            )
            .await
            .expect(StatusCode::CREATED);
            let status = dan.get("/edges/e/versions/champion/status").await;
            assert_eq!(status.body["status"], "passed");
            let list = dan.get("/verifications?edge=e&version=champion").await;
            assert_eq!(list.items("version_number"), [2]);
        }
        let shown = dan.get(&format!("{path}?include=aliases")).await.expect(StatusCode::OK);
        assert_eq!(shown.body["aliases"][0], made.body);
        assert_eq!(shown.body["aliases"][1]["alias"], "staging");
        let listed = dan.get(&format!("/{}?include=aliases", &path[1..path.len() - 2])).await;
        assert_eq!(
            listed.expect(StatusCode::OK).body["items"][0]["aliases"],
            shown.body["aliases"]
        );
        let list = dan.get(&format!("{path}/aliases")).await.expect(StatusCode::OK);
        assert_eq!(list.items("alias"), ["staging", "champion"]);

        let history = dan.get(&format!("{staging}/history")).await.expect(StatusCode::OK);
        assert_eq!(history.items("version_number"), [1, 2, 3, 2]);
        dan.delete(&staging).await.expect(StatusCode::NO_CONTENT);
        dan.get(&staging).await.refused(StatusCode::NOT_FOUND, "not_found");
        let history = dan.get(&format!("{staging}/history?limit=2")).await.expect(StatusCode::OK);
        assert_eq!(history.items("version_id")[0], Value::Null);
        assert_eq!(history.items("version_number")[1], 1);
        let next = history.body["next_cursor"].as_str().expect("more");
        let rest =
            dan.get(&format!("{staging}/history?cursor={next}")).await.expect(StatusCode::OK);
        assert_eq!(rest.items("version_number"), [2, 3, 2]);
    }
    let all = dan.get("/aliases?alias=champion").await.expect(StatusCode::OK);
    assert_eq!(all.items("entity_type"), ["edge", "block"]);
}

#[tokio::test]
async fn an_alias_is_not_taken_for_anything_else() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let block = register(&dan, "b").await;
    let mut sql = service.by_sql("dan").await;
    let long = "a".repeat(64);
    for name in [
        "latest",
        "active",
        "1",
        "v1",
        "v12",
        "v1a",
        "Champion",
        "a b",
        "é",
        "-a",
        "_",
        long.as_str(),
        "a.b",
    ] {
        let answer = dan.put(&format!("/blocks/b/aliases/{name}"), json!({ "version": "1" })).await;
        assert!(answer.status.is_client_error() && answer.status != StatusCode::CONFLICT, "{name}");
        let insert = format!(
            "insert into aliases (entity_type, entity_id, alias, version_id)
             select 'block', '{block}', '{name}', current_version_id from blocks"
        );
        assert_eq!(
            sql.run(&insert).await.expect_err(name).constraint,
            "aliases_alias_check",
            "{name}"
        );
    }
    for name in ["vision", "v", "v-1", "latest-2", "a_b", &long[1..]] {
        let path = format!("/blocks/b/aliases/{name}");
        dan.put(&path, json!({ "version": "1" })).await.expect(StatusCode::CREATED);
    }
    for version in ["9", "nobody", "0", ""] {
        let refused = dan.put("/blocks/b/aliases/a", json!({ "version": version })).await;
        let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(refused.pointers(), ["/version"], "{version}");
    }
    dan.put("/blocks/nothing/aliases/a", json!({ "version": "1" }))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    // Of another block's versions none is this one's.
    let other = register(&dan, "other").await;
    let insert = format!(
        "insert into aliases (entity_type, entity_id, alias, version_id)
         select 'block', '{block}', 'x', current_version_id from blocks where block_id = '{other}'"
    );
    assert_eq!(
        sql.run(&insert).await.expect_err("another's").constraint,
        "aliases_version_id_fkey"
    );
    let viewer = service.viewer().await;
    viewer
        .put("/blocks/b/aliases/a", json!({ "version": "1" }))
        .await
        .refused(StatusCode::FORBIDDEN, "forbidden");
    viewer.delete("/blocks/b/aliases/v").await.refused(StatusCode::FORBIDDEN, "forbidden");
}

#[tokio::test]
async fn a_protected_alias_is_moved_by_another_than_the_author() {
    let service = Service::start().await;
    let (dan, dora, ada) =
        (service.developer().await, service.colleague().await, service.admin().await);
    register(&dan, "b").await;
    let alias = "/blocks/b/aliases/champion";
    let protected = |version: &str| json!({ "version": version, "is_protected": true });
    dan.put(alias, protected("1")).await.refused(StatusCode::FORBIDDEN, "own_version");
    dora.put(alias, protected("1")).await.expect(StatusCode::CREATED);
    dan.patch("/blocks/b", json!({ "metadata": { "n": 2 } })).await.expect(StatusCode::OK);
    dora.patch("/blocks/b", json!({ "metadata": { "n": 3 } })).await.expect(StatusCode::OK);
    for (person, version) in [(&dan, "2"), (&dora, "3")] {
        let refused = person.put(alias, json!({ "version": version })).await;
        refused.refused(StatusCode::FORBIDDEN, "own_version");
        // Nor by way of taking the protection away, or the alias.
        let bare = json!({ "version": version, "is_protected": false });
        person.put(alias, bare).await.refused(StatusCode::FORBIDDEN, "own_version");
        person.delete(alias).await.refused(StatusCode::FORBIDDEN, "own_version");
    }
    let mut sql = service.by_sql("dan").await;
    for statement in [
        "update aliases set version_id = v.version_id from block_versions v where v.version_number = 2",
        "update aliases set is_protected = false",
        "update aliases set is_protected = false, version_id = v.version_id from block_versions v where v.version_number = 2",
        "delete from aliases",
        "insert into aliases (entity_type, entity_id, alias, version_id)
         select 'block', block_id, 'champion', version_id from block_versions where version_number = 2
         on conflict (entity_type, entity_id, alias) do update set version_id = excluded.version_id",
        "update alias_moves set version_id = null",
        "delete from alias_moves",
        "insert into alias_moves (entity_type, entity_id, alias) select 'block', block_id, 'champion' from blocks",
    ] {
        assert_eq!(sql.run(statement).await.expect_err(statement).code, "42501", "{statement}");
    }
    let moved = dora.put(alias, json!({ "version": "2" })).await.expect(StatusCode::OK);
    assert_eq!(moved.body["is_protected"], true);
    // Who knows only what was there before does not move it.
    let (before, now) = (moved.etag().to_owned(), dan.put(alias, json!({ "version": "3" })).await);
    let now = now.expect(StatusCode::OK);
    let stale = dora.request(reqwest::Method::PUT, alias).header("If-Match", &before);
    stale
        .json(json!({ "version": "2" }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    let known = dora.request(reqwest::Method::PUT, alias).header("If-Match", now.etag());
    known.json(json!({ "version": "2" })).send().await.expect(StatusCode::OK);
    let missing =
        dora.request(reqwest::Method::PUT, "/blocks/b/aliases/no").header("If-Match", &before);
    missing
        .json(json!({ "version": "2" }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    ada.put(alias, json!({ "version": "2", "is_protected": false })).await.expect(StatusCode::OK);
    dan.put(alias, json!({ "version": "2" })).await.expect(StatusCode::OK);
    let history = dan.get(&format!("{alias}/history")).await.expect(StatusCode::OK);
    assert_eq!(history.items("version_number"), [2, 3, 2, 1]);
}

#[tokio::test]
async fn a_pipeline_follows_an_alias_and_its_lock_says_so() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    chain(&service, &dan).await;
    for path in ["/blocks/a", "/edges/ab"] {
        dan.put(&format!("{path}/aliases/champion"), json!({ "version": "1" }))
            .await
            .expect(StatusCode::CREATED);
        dan.post(&format!("{path}/versions"), json!({ "metadata": { "n": 2 } }))
            .await
            .expect(StatusCode::CREATED);
    }
    let graph = dan.get("/pipelines/p/graph").await.expect(StatusCode::OK);
    let edges = graph.body["edges"].as_array().expect("edges");
    let ab = edges.iter().find(|edge| edge["name"] == "ab").expect("ab");
    let part = format!("/pipelines/p/edges/{}", ab["pipeline_edge_id"].as_str().expect("an id"));
    let block = dan.patch("/pipelines/p/blocks/a", json!({ "block_alias": "champion" })).await;
    assert_eq!(block.expect(StatusCode::OK).body["block_alias"], "champion");
    let edge = dan.patch(&part, json!({ "edge_alias": "champion" })).await.expect(StatusCode::OK);
    assert_eq!(
        (&edge.body["edge_alias"], &edge.body["version_number"]),
        (&json!("champion"), &json!(1))
    );
    assert_eq!(dan.get(&part).await.body, edge.body);
    dan.patch(&part, json!({ "edge_alias": "nobody" }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    let both = dan.patch(&part, json!({ "edge_alias": "champion", "version_number": 1 })).await;
    both.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");

    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let first = run.body["lock_digest"].as_str().expect("a digest").to_owned();
    let lock = dan.get(&format!("/locks/{first}")).await.expect(StatusCode::OK);
    let of = |lock: &Value, list: &str, name: &str| {
        let parts = lock[list].as_array().expect("parts").clone();
        parts.into_iter().find(|part| part["name"] == name).expect("a part")
    };
    assert_eq!(of(&lock.body["lock"], "blocks", "a")["alias"], "champion");
    assert_eq!(of(&lock.body["lock"], "edges", "ab")["alias"], "champion");
    assert_eq!(of(&lock.body["lock"], "blocks", "b")["alias"], Value::Null);

    // The alias moves, and what a run would take with it; a version that has not passed is none to run on.
    dora.put("/blocks/a/aliases/champion", json!({ "version": "2" })).await.expect(StatusCode::OK);
    let ready = dan.get("/pipelines/p/readiness").await;
    assert_eq!(of(&ready.body, "blocks", "a")["version_number"], 2);
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let second = run.body["lock_digest"].as_str().expect("a digest");
    let difference = dan.get(&format!("/locks/{first}/diff/{second}")).await;
    if difference.status == StatusCode::OK {
        assert_eq!(difference.body["summary"], json!(["block a: version 1 → 2"]));
    }
    dora.put("/edges/ab/aliases/champion", json!({ "version": "2" })).await.expect(StatusCode::OK);
    let blocked = dan.post("/pipelines/p/runs", json!({})).await;
    let blocked = blocked.refused(StatusCode::CONFLICT, "not_ready");
    assert_eq!(blocked.body["blockers"][0]["code"], "edge_unverified");
    dora.delete("/blocks/a/aliases/champion").await.refused(StatusCode::CONFLICT, "in_use");
    let mut sql = service.by_sql("dora").await;
    assert_eq!(
        sql.run("delete from aliases").await.expect_err("followed").constraint,
        "aliases_in_use"
    );

    // A whole graph names aliases as well, and says what is wrong with them.
    let body = json!({
        "name": "q",
        "blocks": [{ "block_id": "a", "block_alias": "champion" }, { "block_id": "b", "block_alias": "no" }],
        "edges": [],
    });
    let refused = dan.post("/pipelines", body).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/blocks/1/block_alias"]);
    let back = dan.patch(&part, json!({ "edge_alias": null })).await.expect(StatusCode::OK);
    assert_eq!(back.body["edge_alias"], Value::Null);
    assert_eq!(back.body["version_number"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_and_moves_at_once_run_on_what_the_alias_points_to() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    chain(&service, &dan).await;
    verify(&service, "ab", "passed").await;
    dan.put("/edges/ab/aliases/champion", json!({ "version": "1" }))
        .await
        .expect(StatusCode::CREATED);
    dan.post("/edges/ab/versions", json!({ "metadata": { "n": 2 } }))
        .await
        .expect(StatusCode::CREATED);
    let graph = dan.get("/pipelines/p/graph").await;
    let edges = graph.body["edges"].as_array().expect("edges");
    let ab = edges.iter().find(|edge| edge["name"] == "ab").expect("ab");
    let part = format!("/pipelines/p/edges/{}", ab["pipeline_edge_id"].as_str().expect("an id"));
    dan.patch(&part, json!({ "edge_alias": "champion" })).await.expect(StatusCode::OK);
    // Version 2 never passes: while the alias points to it, nothing runs.
    let moves = async {
        for turn in 0..20 {
            let version = if turn % 2 == 0 { "2" } else { "1" };
            dora.put("/edges/ab/aliases/champion", json!({ "version": version }))
                .await
                .expect(StatusCode::OK);
        }
    };
    let runs = async {
        let mut admitted = 0;
        for _ in 0..20 {
            let run = dan.post("/pipelines/p/runs", json!({})).await;
            admitted += usize::from(run.status == StatusCode::CREATED);
        }
        admitted
    };
    let ((), admitted) = tokio::join!(moves, runs);
    let mut owner = service.by_sql("ada").await;
    let wrong = "select count(*) from pipeline_runs r join pipeline_locks l using (lock_digest),
                 jsonb_array_elements(l.lock -> 'edges') e where e ->> 'name' = 'ab' and e ->> 'version_number' <> '1'";
    assert_eq!(owner.text(wrong).await, "0", "{admitted} runs");
}
