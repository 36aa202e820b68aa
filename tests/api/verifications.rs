//! Verifications: opened, reported once, and what they come to.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::edges::join;
use crate::service::{Person, Service, Setup};
use blockyard::config::Config;

async fn verify(person: &Person<'_>, version: &str, status: &str) -> String {
    person
        .post(&format!("/edges/{version}/verifications"), json!({ "verification_status": status }))
        .await
        .expect(StatusCode::CREATED)
        .id("verification_id")
}

async fn report(person: &Person<'_>, verification: &str, status: &str) {
    let body = json!({ "verification_status": status });
    person.patch(&format!("/verifications/{verification}"), body).await.expect(StatusCode::OK);
}

async fn standing(person: &Person<'_>, version: &str) -> Value {
    let answer = person.get(&format!("/edges/{version}/status")).await;
    let answer = answer.expect(StatusCode::OK);
    assert!(answer.body["why"].is_string());
    answer.body["status"].clone()
}

#[tokio::test]
async fn a_verification_is_opened_then_reported_once() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    let edge = join(&dan, "e").await;
    let opened = dan
        .request(Method::POST, "/edges/e/versions/latest/verifications")
        .send()
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/verifications/{}", opened.id("verification_id"));
    assert_eq!(opened.header("location"), path);
    assert_eq!(opened.body["verification_status"], "pending");
    assert_eq!(opened.body["verified_at"], json!(null));
    assert_eq!(opened.body["verified_by"], json!(null));
    assert_eq!(opened.body["edge_id"], edge);
    assert_eq!(opened.body["version_number"], 1);
    let version = dan.get("/edges/e/versions/1").await.id("version_id");
    assert_eq!(opened.body["edge_version_id"], version);
    let read = dora.get(&path).await.expect(StatusCode::OK);
    assert_eq!(read.body, opened.body);
    assert_eq!(read.etag(), opened.etag());

    let noted =
        dora.patch(&path, json!({ "verification_logs": "step 1" })).await.expect(StatusCode::OK);
    assert_eq!(noted.body["verification_status"], "pending");
    assert_eq!(noted.body["verification_logs"], "step 1");
    let stale = dora
        .request(Method::PATCH, &path)
        .header("If-Match", read.etag())
        .json(json!({ "verification_status": "passed" }));
    stale.send().await.refused(StatusCode::PRECONDITION_FAILED, "stale");

    let once = || {
        let request = dora.request(Method::PATCH, &path).header("Idempotency-Key", "r");
        request.json(json!({ "verification_status": "passed", "verification_logs": "all well" }))
    };
    let reported = once().send().await.expect(StatusCode::OK);
    assert_eq!(reported.body["verification_status"], "passed");
    assert_eq!(reported.body["verification_logs"], "all well");
    let her = dora.get("/auth/me").await.id("user_id");
    assert_eq!(reported.body["verified_by"], her);
    assert!(reported.body["verified_at"].is_string());
    assert_eq!(once().send().await.text, reported.text);

    for body in [
        json!({ "verification_status": "failed" }),
        json!({ "verification_status": "passed" }),
        json!({ "verification_status": "pending" }),
        json!({ "verification_logs": "more" }),
    ] {
        dora.patch(&path, body).await.refused(StatusCode::CONFLICT, "wrong_step");
    }
    assert_eq!(dan.get(&path).await.etag(), reported.etag());
}

#[tokio::test]
async fn only_developers_and_admins_verify_and_everybody_logged_in_reads() {
    let service = Service::start().await;
    let (dan, vera, nobody) = (service.developer().await, service.viewer().await, service.nobody());
    join(&dan, "e").await;
    let of_version = "/edges/e/versions/1/verifications";
    let path = format!("/verifications/{}", verify(&dan, "e/versions/1", "pending").await);
    for read in ["/verifications", of_version, &path, "/edges/e/versions/1/status"] {
        vera.get(read).await.expect(StatusCode::OK);
        nobody.get(read).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let passed = json!({ "verification_status": "passed" });
    for (person, status, code) in [
        (&vera, StatusCode::FORBIDDEN, "forbidden"),
        (&nobody, StatusCode::UNAUTHORIZED, "unauthorized"),
    ] {
        person.post(of_version, json!({})).await.refused(status, code);
        person.post(of_version, passed.clone()).await.refused(status, code);
        person.patch(&path, passed.clone()).await.refused(status, code);
    }
    service.admin().await.patch(&path, passed).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_bad_verification_is_refused_with_all_its_faults() {
    let service = Service::start().await;
    let dan = service.developer().await;
    join(&dan, "e").await;
    let of_version = "/edges/e/versions/1/verifications";
    let refused = dan
        .post(
            of_version,
            json!({ "verification_status": "fine", "verification_logs": 5, "verified_by": "me" }),
        )
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(refused.pointers(), ["/verification_logs", "/verification_status", "/verified_by"]);
    let path = format!("/verifications/{}", verify(&dan, "e/versions/1", "pending").await);
    let refused = dan
        .patch(&path, json!({ "verification_status": null, "edge_version_id": "x" }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/edge_version_id", "/verification_status"]);
    for below in ["e/versions/2", "nothing/versions/1", "e/versions/first"] {
        for read in ["verifications", "status"] {
            dan.get(&format!("/edges/{below}/{read}"))
                .await
                .refused(StatusCode::NOT_FOUND, "not_found");
        }
        dan.post(&format!("/edges/{below}/verifications"), json!({}))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
    for verification in ["0198aa00-0000-7000-8000-000000000000", "x"] {
        let path = format!("/verifications/{verification}");
        dan.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.patch(&path, json!({ "verification_status": "passed" }))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }
    let refused = dan
        .get("/verifications?verification_status=x&status=passed&version=1&edge_version_id=e&verified_by=me&sort=name&limit=0&colour=red&created_after=x")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.pointers(),
        [
            "colour",
            "created_after",
            "edge_version_id",
            "limit",
            "sort",
            "verification_status",
            "version"
        ]
    );
    let refused = dan
        .get("/verifications?verification_status=passed&status=passed")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["status"]);
}

#[tokio::test]
async fn the_newest_report_counts() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    let edge = join(&dan, "e").await;
    let version = "e/versions/1";
    assert_eq!(standing(&dan, version).await, "none");
    let first = verify(&dan, version, "pending").await;
    let second = verify(&dan, version, "pending").await;
    assert_eq!(standing(&dan, version).await, "pending");
    report(&dora, &second, "passed").await;
    // One that is pending beside it revokes nothing.
    assert_eq!(standing(&dan, version).await, "passed");
    let status = dan.get("/edges/e/versions/active/status").await;
    assert_eq!(status.body["verification_id"], second);
    assert_eq!(status.body["edge_id"], edge);
    assert_eq!(status.body["version_number"], 1);
    assert_eq!(status.body["verified_by"], dora.get("/auth/me").await.body["user_id"]);
    let known = dan
        .request(Method::GET, "/edges/e/versions/active/status")
        .header("If-None-Match", status.etag());
    known.send().await.expect(StatusCode::NOT_MODIFIED);
    // Opened earlier, reported later: it is the report that counts.
    report(&dora, &first, "failed").await;
    assert_eq!(standing(&dan, version).await, "failed");
    verify(&dan, version, "pending").await;
    assert_eq!(standing(&dan, version).await, "failed");
    verify(&dan, version, "passed").await;
    assert_eq!(standing(&dan, version).await, "passed");

    dan.patch("/edges/e", json!({ "metadata": { "width": 1 } })).await.expect(StatusCode::OK);
    assert_eq!(standing(&dan, "e/versions/active").await, "none");
    assert_eq!(standing(&dan, version).await, "passed");
}

#[tokio::test]
async fn the_queue_is_filtered_and_paged() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    for edge in ["e", "f"] {
        join(&dan, edge).await;
    }
    let mut pending = Vec::new();
    for version in ["e/versions/1", "f/versions/1", "e/versions/1"] {
        pending.push(Value::from(verify(&dan, version, "pending").await));
    }
    let failed = verify(&dora, "e/versions/1", "failed").await;
    let ids = async |query: &str| {
        let page = dan.get(&format!("/verifications?{query}")).await;
        page.expect(StatusCode::OK).items("verification_id")
    };
    assert_eq!(ids("status=pending&sort=created_at").await, pending);
    assert_eq!(
        ids("verification_status=pending&sort=created_at&edge=E").await,
        [pending[0].clone(), pending[2].clone()]
    );
    assert_eq!(ids("edge=f&version=latest").await, [pending[1].clone()]);
    let version = dan.get("/edges/f/versions/1").await.id("version_id");
    assert_eq!(ids(&format!("edge_version_id={version}")).await, [pending[1].clone()]);
    let her = dora.get("/auth/me").await.id("user_id");
    assert_eq!(ids(&format!("verified_by={her}")).await, [json!(failed.clone())]);
    assert!(ids("created_before=2020-01-01").await.is_empty());
    assert_eq!(ids("created_after=2020-01-01").await.len(), 4);
    assert!(ids("edge=nothing").await.is_empty());

    for sort in ["created_at", "-created_at"] {
        let whole = ids(&format!("sort={sort}")).await;
        let mut seen = Vec::new();
        let mut next = format!("/verifications?limit=1&sort={sort}");
        loop {
            let page = dan.get(&next).await.expect(StatusCode::OK);
            seen.extend(page.items("verification_id"));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            next = format!("/verifications?limit=1&sort={sort}&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
    let of_version =
        dan.get("/edges/e/versions/1/verifications?limit=2").await.expect(StatusCode::OK);
    assert_eq!(of_version.items("verification_id"), [json!(failed), pending[2].clone()]);
    assert!(of_version.body["next_cursor"].is_string());
    // None yet is an empty page, not a missing one.
    dan.patch("/edges/f", json!({ "description": "x" })).await.expect(StatusCode::OK);
    let none = dan.get("/edges/f/versions/2/verifications").await;
    assert!(none.expect(StatusCode::OK).items("verification_id").is_empty());

    // What is archived leaves the queue, and nobody reports on it until it is back.
    dan.delete("/edges/f").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        ids("status=pending&sort=created_at").await,
        [pending[0].clone(), pending[2].clone()]
    );
    let hidden = format!("/verifications/{}", pending[1].as_str().expect("an id"));
    dan.get(&hidden).await.refused(StatusCode::NOT_FOUND, "not_found");
    dan.patch(&hidden, json!({ "verification_status": "passed" }))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn the_history_of_an_edge_tells_of_its_verifications() {
    let service = Service::start().await;
    let (dan, ada) = (service.developer().await, service.admin().await);
    let edge = join(&dan, "e").await;
    let id = verify(&dan, "e/versions/1", "pending").await;
    dan.patch(
        &format!("/verifications/{id}"),
        json!({ "verification_status": "failed", "verification_logs": "secrets of the log" }),
    )
    .await
    .expect(StatusCode::OK);
    let history = ada.get("/edges/e/history").await.expect(StatusCode::OK);
    assert!(!history.text.contains("secrets of the log"));
    let newest = &history.body["items"][0];
    assert_eq!(newest["entity_type"], "verification");
    assert_eq!(newest["action_type"], "UPDATE");
    assert_eq!(newest["entity_id"], id);
    assert_eq!(newest["subject_id"], edge);
    assert_eq!(newest["details"]["after"]["verification_status"], "failed");
}

#[tokio::test]
async fn of_twenty_reports_at_once_one_is_taken() {
    let service = Service::start().await;
    let dan = service.developer().await;
    join(&dan, "e").await;
    let id = verify(&dan, "e/versions/1", "pending").await;
    let path = format!("/verifications/{id}");
    let reports = (0..20).map(|n| {
        let status = if n % 2 == 0 { "passed" } else { "failed" };
        dan.patch(&path, json!({ "verification_status": status }))
    });
    let answers = futures_util::future::join_all(reports).await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((taken.len(), refused.len()), (1, 19));
    for answer in refused {
        answer.refused(StatusCode::CONFLICT, "wrong_step");
    }
}

async fn strict() -> Service {
    let usual = Setup::default();
    let config = Config { require_independent_verifier: true, ..usual.config };
    Service::with(Setup { config, ..usual }).await
}

#[tokio::test]
async fn where_it_is_required_somebody_else_passes_a_version() {
    let service = strict().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    join(&dan, "e").await;
    let of_version = "/edges/e/versions/1/verifications";
    let passed = json!({ "verification_status": "passed" });
    dan.post(of_version, passed.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
    let id = verify(&dan, "e/versions/1", "pending").await;
    let path = format!("/verifications/{id}");
    dan.patch(&path, passed.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
    // Their key is still they, and an admin is bound like everybody else.
    let key =
        dan.post("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED).id("key");
    service
        .with_key(&key)
        .patch(&path, passed.clone())
        .await
        .refused(StatusCode::FORBIDDEN, "own_version");
    let ada = service.admin().await;
    join(&ada, "hers").await;
    ada.post("/edges/hers/versions/1/verifications", passed.clone())
        .await
        .refused(StatusCode::FORBIDDEN, "own_version");
    assert_eq!(standing(&dan, "e/versions/1").await, "pending");
    report(&dora, &id, "passed").await;
    assert_eq!(standing(&dan, "e/versions/1").await, "passed");
    // To say that it does not work is everybody's.
    verify(&dan, "e/versions/1", "failed").await;

    // The author of a version is who wrote it, not who registered the edge.
    dora.patch("/edges/e", json!({ "metadata": { "width": 1 } })).await.expect(StatusCode::OK);
    dora.post("/edges/e/versions/2/verifications", passed)
        .await
        .refused(StatusCode::FORBIDDEN, "own_version");
    verify(&dan, "e/versions/2", "passed").await;
}

#[tokio::test]
async fn the_rule_binds_every_client_and_no_service_switches_it_off() {
    let service = strict().await;
    let dan = service.developer().await;
    join(&dan, "e").await;
    let me = dan.get("/auth/me").await.id("user_id");
    // As Supabase's REST API would.
    let mut client = service.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        r#"select set_config('request.jwt.claims', '{{"sub": "{me}"}}', false); set role authenticated"#
    )))
    .execute(&mut client)
    .await
    .expect("claims");
    let own = "insert into public.edge_verifications (edge_version_id, verification_status)
        select version_id, 'passed' from public.edge_versions";
    let refused = sqlx::raw_sql(own).execute(&mut client).await;
    let error = refused.expect_err("a refusal");
    let error = error.as_database_error().expect("of the database");
    assert_eq!(error.code().as_deref(), Some("42501"));
    assert_eq!(error.constraint(), Some("edge_verifications_independent"));

    let off = "update app.settings set require_independent_verifier = false";
    let on = "select app.require_independent_verifier()";
    for forbidden in [off, on] {
        let refused = sqlx::raw_sql(forbidden).execute(&mut client).await;
        refused.expect_err("authenticated does not reach it");
    }
    let mut login = crate::support::connect(&service.database.service()).await;
    let refused = sqlx::raw_sql(off).execute(&mut login).await;
    refused.expect_err("the service's login may not switch it off");

    // A service that does not ask for it leaves it on; only the owner takes it back.
    let second = Service::on(service.database.clone(), Setup::default());
    let dan = second.developer().await;
    let passed = json!({ "verification_status": "passed" });
    let of_version = "/edges/e/versions/1/verifications";
    dan.post(of_version, passed.clone()).await.refused(StatusCode::FORBIDDEN, "own_version");
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(off).execute(&mut owner).await.expect("the owner's decision");
    dan.post(of_version, passed).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_verification_says_with_which_key_it_was_reported() {
    let service = Service::start().await;
    let (dan, dora) = (service.developer().await, service.colleague().await);
    join(&dan, "e").await;
    let made = dora.post("/api-keys", json!({ "name": "ci" })).await.expect(StatusCode::CREATED);
    let by_key = service.with_key(made.body["key"].as_str().expect("a key"));
    let passed = json!({ "verification_status": "passed" });
    let of_version = "/edges/e/versions/1/verifications";
    let opened = by_key.post(of_version, json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(opened.body["verified_with"], Value::Null, "nothing is reported yet");
    let path = format!("/verifications/{}", opened.id("verification_id"));
    let reported = by_key.patch(&path, passed.clone()).await.expect(StatusCode::OK);
    assert_eq!(reported.body["verified_with"], made.body["api_key_id"]);
    let shown = dan.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown.body["verified_with"], made.body["api_key_id"]);
    let edge = dan.get("/edges/e?include=verifications").await.expect(StatusCode::OK);
    assert_eq!(edge.body["verifications"][0]["verified_with"], made.body["api_key_id"]);

    let by_token = dan.post(of_version, passed).await.expect(StatusCode::CREATED);
    assert_eq!(by_token.body["verified_with"], Value::Null);
    // Over SQL as well, and who claims somebody else's key is nobody.
    let claims = async |username: &str| {
        let me = service.id_of(username).await;
        let mut client = service.database.connect().await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            r#"select set_config('request.jwt.claims', '{{"sub": "{me}", "api_key_id": {}}}', false); set role authenticated;
               insert into public.edge_verifications (edge_version_id, verification_status)
               select version_id, 'failed' from public.edge_versions returning verification_id"#,
            made.body["api_key_id"]
        )))
        .fetch_all(&mut client)
        .await;
        done.map_or(0, |rows| rows.len() - 1)
    };
    assert_eq!(claims("dan").await, 0);
    assert_eq!(claims("dora").await, 1);
    let all = dan.get(of_version).await.expect(StatusCode::OK);
    let all = all.body["items"].as_array().expect("verifications");
    let failed = all.iter().find(|one| one["verification_status"] == "failed").expect("a report");
    assert_eq!(failed["verified_with"], made.body["api_key_id"]);
}
