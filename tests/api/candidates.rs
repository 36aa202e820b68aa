//! A version is written, checked and then put to use: candidates, review, withdrawal.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::blocks::register;
use crate::pipelines::{chain, edge, verify};
use crate::service::Service;

#[tokio::test]
async fn a_candidate_is_a_version_that_is_not_in_use() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    edge(&service, "e").await;
    for (path, what) in [("/blocks/b", "block"), ("/edges/e", "edge")] {
        let before = dan.get(path).await;
        let candidate = dan
            .post(&format!("{path}/versions"), json!({ "metadata": { "rows": 2 } }))
            .await
            .expect(StatusCode::CREATED);
        assert_eq!(candidate.body["version_number"], 2);
        assert_eq!(candidate.body["is_active"], false);
        assert_eq!(candidate.body["activated_at"], Value::Null);
        assert_eq!(candidate.body["metadata"], json!({ "rows": 2 }));
        assert_eq!(candidate.body["description"], before.body["description"]);
        assert_eq!(dan.get(candidate.header("location")).await.body, candidate.body);
        assert_eq!(dan.get(&format!("{path}/versions/latest")).await.body, candidate.body);

        let after = dan.get(path).await;
        assert_eq!(after.body["metadata"], before.body["metadata"]);
        assert_eq!(after.body["version_number"], 1);
        assert_eq!(after.body["latest_version_number"], 2);
        assert_ne!(after.etag(), before.etag(), "the number is another");
        let difference = dan.get(&format!("{path}/diff?from=active&to=2")).await;
        assert_eq!(difference.body[0]["path"], "/metadata/rows");

        // What is changed meanwhile comes after it.
        let changed = dan.patch(path, json!({ "metadata": { "rows": 3 } })).await;
        assert_eq!(changed.expect(StatusCode::OK).body["version_number"], 3);
        let active = dan.post(&format!("{path}/versions/2/activate"), json!({})).await;
        let active = active.expect(StatusCode::OK);
        assert_eq!(active.body["version_number"], 2);
        assert_eq!(active.body["metadata"], json!({ "rows": 2 }));
        let version = dan.get(&format!("{path}/versions/2")).await;
        assert_eq!(version.body["activated_at"], active.body["updated_at"]);

        let logged = service.admin().await.get(&format!("{path}/history")).await;
        let logged = logged.expect(StatusCode::OK);
        let numbers: Vec<_> = logged.body["items"]
            .as_array()
            .expect("rows")
            .iter()
            .filter(|row| row["action_type"] == "CREATE" && row["entity_type"] == "metadata")
            .map(|row| row["details"]["after"]["version_number"].clone())
            .collect();
        assert_eq!(numbers, [3, 2, 1], "{what}");
    }
}

#[tokio::test]
async fn a_candidate_is_appended_by_sql_as_well_and_to_nothing_else() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let block = register(&dan, "b").await;
    let edge = edge(&service, "e").await;
    let dan_id = service.id_of("dan").await;
    let mut sql = service.by_sql("dan").await;
    let mut viewer = service.by_sql("vera").await;
    for (kind, id, type_column) in [("block", &block, "block_type,"), ("edge", &edge, "")] {
        let table = format!("{kind}_versions");
        let insert = format!(
            "insert into {table} ({kind}_id, metadata) select '{id}', jsonb_build_object('n', n) from generate_series(2, 4) n"
        );
        assert_eq!(sql.run(&insert).await.expect("three candidates"), 3);
        let numbers = sql
            .text(&format!(
                "select string_agg(version_number || metadata::text || is_active || name, ' ' order by version_number)
                 from {table} where {kind}_id = '{id}' and version_number > 1"
            ))
            .await;
        let name = &kind[..1];
        assert_eq!(
            numbers,
            format!("2{{\"n\": 2}}false{name} 3{{\"n\": 3}}false{name} 4{{\"n\": 4}}false{name}")
        );
        assert_eq!(viewer.run(&insert).await.expect_err("no writer").code, "42501");
        // Numbers, names, activity and authors are nobody's to say.
        for column in [
            "version_number",
            "version_id",
            "is_active",
            "created_by",
            "created_at",
            "name",
            "activated_at",
        ] {
            let forged = format!(
                "insert into {table} ({kind}_id, metadata, {column}) select '{id}', '{{}}', {column} from {table} limit 1"
            );
            assert_eq!(sql.run(&forged).await.expect_err(column).code, "42501", "{column}");
        }
        // A trigger of one's own is no way around: what it inserts is numbered as well.
        sql.ok(&format!(
            "create temporary table t (id uuid); create function pg_temp.f() returns trigger language plpgsql as
             $$ begin insert into public.{table} ({kind}_id, metadata) values (new.id, '{{\"n\": 5}}'); return null; end $$;
             create trigger x after insert on t for each row execute function pg_temp.f();
             insert into t values ('{id}'); drop table t; drop function pg_temp.f()"
        ))
        .await;
        let newest = format!(
            "select version_number || ' ' || is_active || ' ' || created_by from {table}
             where {kind}_id = '{id}' order by version_number desc limit 1"
        );
        assert_eq!(sql.text(&newest).await, format!("5 false {dan_id}"));
        let large = format!(
            "insert into {table} ({kind}_id, {type_column} metadata) values ('{id}', {} jsonb_build_object('n', 1e400::numeric))",
            if kind == "block" { "'model'," } else { "" }
        );
        assert_eq!(
            sql.run(&large).await.expect_err("no double").constraint,
            format!("{table}_metadata_faults")
        );
    }
    dan.delete("/blocks/b").await.expect(StatusCode::NO_CONTENT);
    let late =
        format!("insert into block_versions (block_id, metadata) values ('{block}', '{{}}')");
    assert_eq!(sql.run(&late).await.expect_err("archived").constraint, "blocks_archived");
    let mut colleague = service.by_sql("dora").await;
    assert_eq!(
        colleague.run(&late).await.expect_err("out of sight").constraint,
        "block_versions_block_id_fkey"
    );
}

#[tokio::test]
async fn what_is_reviewed_changes_by_two_people() {
    let service = Service::start().await;
    let (dan, dora, ada) =
        (service.developer().await, service.colleague().await, service.admin().await);
    register(&dan, "b").await;
    edge(&service, "e").await;
    verify(&service, "e", "passed").await;
    let reviewed = json!({ "activation": "reviewed" });
    dora.patch("/blocks/b", reviewed.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
    for path in ["/blocks/b", "/edges/e"] {
        let tightened = ada.patch(path, reviewed.clone()).await.expect(StatusCode::OK);
        assert_eq!(tightened.body["activation"], "reviewed");
        assert_eq!(tightened.body["latest_version_number"], 1, "no version");

        let changed = dan.patch(path, json!({ "metadata": { "rows": 2 } })).await;
        let changed = changed.expect(StatusCode::OK);
        assert_eq!(changed.body["version_number"], 1);
        assert_eq!(changed.body["metadata"], tightened.body["metadata"]);
        assert_eq!(changed.body["candidate"]["version_number"], 2);
        assert_eq!(changed.body["candidate"]["metadata"], json!({ "rows": 2 }));
        let same = dan.patch(path, json!({ "description": tightened.body["description"] })).await;
        let same = same.expect(StatusCode::OK);
        assert_eq!((&same.body, same.etag()), (&changed.body, changed.etag()), "no other");
        dan.patch(path, json!({ "name": "other" })).await.refused(StatusCode::CONFLICT, "reviewed");

        let activate = format!("{path}/versions/2/activate");
        dan.post(&activate, json!({})).await.refused(StatusCode::FORBIDDEN, "own_version");
        if path == "/edges/e" {
            dora.post(&activate, json!({})).await.refused(StatusCode::CONFLICT, "unverified");
            for status in ["failed", "passed"] {
                dan.post(
                    &format!("{path}/versions/2/verifications"),
                    json!({ "verification_status": status }),
                )
                .await
                .expect(StatusCode::CREATED);
            }
        }
        let active = dora.post(&activate, json!({})).await.expect(StatusCode::OK);
        assert_eq!(active.body["version_number"], 2);
        assert_eq!(active.body["metadata"], json!({ "rows": 2 }));

        // The way back: not for developers, nor for an admin who waits for a candidate of their own.
        let open = json!({ "activation": "open" });
        dan.patch(path, open.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
        ada.patch(path, json!({ "metadata": { "rows": 3 } })).await.expect(StatusCode::OK);
        ada.patch(path, open.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
        ada.post(&format!("{path}/versions/3/activate"), json!({}))
            .await
            .refused(StatusCode::FORBIDDEN, "own_version");
        if path == "/edges/e" {
            dan.post(
                &format!("{path}/versions/3/verifications"),
                json!({ "verification_status": "passed" }),
            )
            .await
            .expect(StatusCode::CREATED);
        }
        dan.post(&format!("{path}/versions/3/activate"), json!({})).await.expect(StatusCode::OK);
        let opened = ada.patch(path, open).await.expect(StatusCode::OK);
        assert_eq!(opened.body["activation"], "open");
        let history = ada.get(&format!("{path}/history")).await.expect(StatusCode::OK);
        let modes: Vec<_> = history.body["items"]
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(|row| row["details"]["after"].get("activation"))
            .collect();
        assert_eq!(modes, ["open", "reviewed", "open"], "{path}");
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_shows_no_candidate_of_somebody_else() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "b").await;
    edge(&service, "e").await;
    for path in ["/blocks/b", "/edges/e"] {
        let admin = service.admin().await;
        admin
            .patch(path, json!({ "activation": "reviewed", "metadata": { "keep": 1 } }))
            .await
            .expect(StatusCode::OK);
        admin.post(&format!("{path}/versions/latest/activate"), json!({})).await;
        let metadata = dan.get(path).await.body["metadata"].clone();
        let made =
            admin.patch(path, json!({ "metadata": { "other": 1 } })).await.expect(StatusCode::OK);
        assert_eq!(made.body["candidate"]["metadata"], json!({ "other": 1 }));
        let nothing = dan.patch(path, json!({ "metadata": metadata })).await.expect(StatusCode::OK);
        assert_eq!(nothing.body.get("candidate"), None, "{path}: {}", nothing.body);
    }
}

#[tokio::test]
async fn nobody_gets_past_a_review_by_sql_or_by_key() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let edge_id = edge(&service, "e").await;
    verify(&service, "e", "passed").await;
    ada.patch("/edges/e", json!({ "activation": "reviewed" })).await.expect(StatusCode::OK);
    let mut sql = service.by_sql("dan").await;
    sql.ok("update edges set metadata = '{\"n\": 2}'").await;
    let active = "select version_number || metadata::text from edges";
    assert_eq!(sql.text(active).await, "1{}");
    let activate = "update edges set current_version_id = v.version_id from edge_versions v where v.version_number = 2";
    assert_eq!(sql.run(activate).await.expect_err("the author").constraint, "edges_reviewed");
    let mut dora = service.by_sql("dora").await;
    assert_eq!(dora.run(activate).await.expect_err("no pass").constraint, "edges_unverified");
    // A pass that is revoked is none; nor does an old snapshot see one.
    for (status, refused) in [("passed", false), ("failed", true)] {
        sql.ok(&format!(
            "insert into edge_verifications (edge_version_id, verification_status)
             select version_id, '{status}' from edge_versions where version_number = 2"
        ))
        .await;
        if refused {
            assert_eq!(
                dora.run(activate).await.expect_err("revoked").constraint,
                "edges_unverified"
            );
        }
    }
    let snapshot = format!("begin isolation level repeatable read; {activate}");
    assert_eq!(dora.run(&snapshot).await.expect_err("an old look").code, "25000");
    dora.ok("rollback").await;
    // Neither by loosening and activating at once, nor by a key of the author's.
    for statement in [
        "update edges set activation = 'open'",
        "update edges set activation = 'open', metadata = '{\"n\": 9}'",
        "update edges set activation = 'open', current_version_id = v.version_id from edge_versions v where v.version_number = 2",
    ] {
        for username in ["dan", "dora"] {
            let refusal = service.by_sql(username).await.run(statement).await.expect_err(statement);
            assert_eq!(refusal.code, "42501", "{username}: {statement}");
        }
    }
    let key = dan.post("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED);
    let key = service.with_key(key.body["key"].as_str().expect("a key"));
    key.post(&format!("/edges/{edge_id}/versions/2/activate"), json!({}))
        .await
        .refused(StatusCode::FORBIDDEN, "own_version");
    assert_eq!(sql.text(active).await, "1{}");
}

#[tokio::test]
async fn a_pass_activates_when_it_is_asked_to() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    chain(&service, &dan).await;
    service
        .admin()
        .await
        .patch("/edges/ab", json!({ "activation": "reviewed" }))
        .await
        .expect(StatusCode::OK);
    // The working day: a new version is written, checked and put to use, and the pipeline is ready all along.
    let ready = async || {
        let readiness = dan.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
        assert_eq!(readiness.body["ready"], true);
        let edges = readiness.body["edges"].as_array().expect("edges").clone();
        edges.into_iter().find(|edge| edge["name"] == "ab").expect("ab")["version_number"].clone()
    };
    dan.patch("/edges/ab", json!({ "metadata": { "n": 2 } })).await.expect(StatusCode::OK);
    assert_eq!(ready().await, 1);
    let passed = json!({ "verification_status": "passed", "activate_when_passed": true });
    let path = "/edges/ab/versions/latest/verifications";
    dan.post(path, passed.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
    assert_eq!(ready().await, 1, "neither passed nor activated");
    let status = dan.get("/edges/ab/versions/latest/status").await;
    assert_eq!(status.body["status"], "none");
    dora.post(path, passed).await.expect(StatusCode::CREATED);
    assert_eq!(ready().await, 2);

    // Opened for later: it acts when it is reported, and only when that says passed.
    dan.patch("/edges/ab", json!({ "metadata": { "n": 3 } })).await.expect(StatusCode::OK);
    let opened = dan.post(path, json!({ "activate_when_passed": true })).await;
    let opened = opened.expect(StatusCode::CREATED);
    assert_eq!(opened.body["activate_when_passed"], true);
    let report = format!("/verifications/{}", opened.id("verification_id"));
    dora.patch(&report, json!({ "verification_status": "failed" })).await.expect(StatusCode::OK);
    assert_eq!(ready().await, 2);
    let opened = dan.post(path, json!({})).await.expect(StatusCode::CREATED);
    let report = format!("/verifications/{}", opened.id("verification_id"));
    let passed = json!({ "verification_status": "passed", "activate_when_passed": true });
    dora.patch(&report, passed).await.expect(StatusCode::OK);
    assert_eq!(ready().await, 3);
}

#[tokio::test]
async fn what_is_withdrawn_is_not_run_on() {
    let service = Service::start().await;
    let (dan, dora, ada) =
        (service.developer().await, service.colleague().await, service.admin().await);
    chain(&service, &dan).await;
    for (path, code) in
        [("/blocks/a", "block_version_withdrawn"), ("/edges/ab", "edge_version_withdrawn")]
    {
        let withdraw = format!("{path}/versions/1/withdraw");
        dan.post(&withdraw, json!({ "reason": "  " }))
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        let reason = json!({ "reason": "Trained on the test set" });
        let withdrawn = dora.post(&withdraw, reason.clone()).await.expect(StatusCode::OK);
        assert_eq!(withdrawn.body["withdrawn_reason"], "Trained on the test set");
        assert!(withdrawn.body["withdrawn_at"].is_string());
        let run = dan.post("/pipelines/p/runs", json!({})).await;
        let run = run.refused(StatusCode::CONFLICT, "not_ready");
        assert_eq!(run.body["blockers"][0]["code"], code);
        let detail = run.body["blockers"][0]["detail"].as_str().expect("words");
        assert!(detail.contains("Trained on the test set"), "{detail}");

        // Nothing comes to point to it.
        dan.patch(path, json!({ "metadata": { "n": 2 } })).await.expect(StatusCode::OK);
        dan.post(&format!("{path}/versions/1/activate"), json!({}))
            .await
            .refused(StatusCode::CONFLICT, "withdrawn");
        dan.put(&format!("{path}/aliases/champion"), json!({ "version": "1" }))
            .await
            .refused(StatusCode::CONFLICT, "withdrawn");
        // It can be read and compared.
        dan.get(&format!("{path}/versions/1")).await.expect(StatusCode::OK);
        dan.get(&format!("{path}/diff?from=1&to=2")).await.expect(StatusCode::OK);

        let restore = format!("{path}/versions/1/restore");
        dan.post(&restore, json!({})).await.refused(StatusCode::FORBIDDEN, "forbidden");
        let by = if path == "/blocks/a" { &dora } else { &ada };
        let back = by.post(&restore, json!({})).await.expect(StatusCode::OK);
        assert_eq!(back.body["withdrawn_reason"], Value::Null);
        assert_eq!(back.body["withdrawn_by"], Value::Null);
        dan.post(&format!("{path}/versions/1/activate"), json!({})).await.expect(StatusCode::OK);
    }
    dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    dora.post("/blocks/a/versions/1/withdraw", json!({ "reason": "no" }))
        .await
        .expect(StatusCode::OK);
    let pin = json!({ "version_number": 1 });
    let refused = dan.patch("/pipelines/p/blocks/a", pin).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/version_number"]);
    let mut sql = service.by_sql("dan").await;
    let pin = "update pipeline_blocks pb set block_version_id = v.version_id from block_versions v join blocks b using (block_id)
               where b.name = 'a' and pb.block_id = b.block_id and v.version_number = 1";
    assert_eq!(sql.run(pin).await.expect_err("withdrawn").constraint, "pipeline_blocks_withdrawn");
    for statement in [
        "update block_versions set withdrawn_reason = null where withdrawn_reason is not null",
        "update block_versions set withdrawn_reason = 'another' where withdrawn_reason is not null",
        "update block_versions set withdrawn_by = null",
        "update block_versions set metadata = '{}'",
    ] {
        assert_eq!(sql.run(statement).await.expect_err(statement).code, "42501", "{statement}");
    }
}
