//! The life of an edge: registered, read, listed, changed, rolled back, archived, restored, purged.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::service::{Person, Service};

pub async fn join(person: &Person<'_>, name: &str) -> String {
    person
        .post("/edges", json!({ "name": name, "metadata": { "width": 224 } }))
        .await
        .expect(StatusCode::CREATED)
        .id("edge_id")
}

#[tokio::test]
async fn an_edge_is_registered_with_its_first_version() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": " resize ", "description": "scales", "metadata": { "width": 224, "a": [1, null] } });
    let created = dan.post("/edges", body).await.expect(StatusCode::CREATED);
    assert_eq!(created.body["name"], "resize");
    assert_eq!(created.body["description"], "scales");
    assert_eq!(created.body["metadata"], json!({ "width": 224, "a": [1, null] }));
    assert_eq!(created.body["version_number"], 1);
    assert_eq!(created.body["latest_version_number"], 1);
    let me = dan.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(created.body["created_by"], me.body["user_id"]);
    let location = created.header("location");
    assert_eq!(location, format!("/edges/{}", created.id("edge_id")));

    let read = dan.get(location).await.expect(StatusCode::OK);
    assert_eq!(read.body, created.body);
    assert_eq!(read.etag(), created.etag());
    for absent in ["versions", "verifications", "verification_status"] {
        assert_eq!(read.body.get(absent), None);
    }
    let by_name = dan.get("/edges/ReSize").await.expect(StatusCode::OK);
    assert_eq!(by_name.body, created.body);

    let bare = dan.post("/edges", json!({ "name": "bare" })).await;
    assert_eq!(bare.expect(StatusCode::CREATED).body["metadata"], json!({}));
}

#[tokio::test]
async fn only_developers_and_admins_write_and_everybody_logged_in_reads() {
    let service = Service::start().await;
    let path = format!("/edges/{}", join(&service.developer().await, "e").await);
    let reads = [
        path.clone(),
        format!("{path}?include=versions,verifications"),
        "/edges".to_owned(),
        format!("{path}/versions"),
        format!("{path}/versions/1"),
        format!("{path}/diff?from=1"),
        format!("{path}/history"),
    ];
    let writes = [
        (Method::POST, "/edges".to_owned(), json!({ "name": "f" })),
        (Method::PATCH, path.clone(), json!({ "name": "f" })),
        (Method::DELETE, path.clone(), json!({})),
        (Method::POST, format!("{path}/versions/1/activate"), json!({})),
        (Method::POST, format!("{path}/restore"), json!({})),
    ];
    let (vera, nobody) = (service.viewer().await, service.nobody());
    for read in &reads {
        vera.get(read).await.expect(StatusCode::OK);
        nobody.get(read).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    for (method, path, body) in writes {
        let asked = |person: &Person<'_>| person.request(method.clone(), &path).json(body.clone());
        asked(&vera).send().await.refused(StatusCode::FORBIDDEN, "forbidden");
        asked(&nobody).send().await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let ada = service.admin().await;
    join(&ada, "f").await;
    ada.patch(&path, json!({ "description": "x" })).await.expect(StatusCode::OK);
    // Whose edge it is decides who archives it.
    let dora = service.colleague().await;
    dora.patch(&path, json!({ "description": "y" })).await.expect(StatusCode::OK);
    dora.delete(&path).await.refused(StatusCode::FORBIDDEN, "forbidden");
}

#[tokio::test]
async fn a_bad_edge_is_told_all_its_faults_at_once() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "", "description": 5, "metadata": [], "block_type": "model", "version_number": 7 });
    let refused =
        dan.post("/edges", body).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        refused.pointers(),
        ["/block_type", "/description", "/metadata", "/name", "/version_number"]
    );
    let path = format!("/edges/{}", join(&dan, "e").await);
    let refused = dan
        .patch(&path, json!({ "name": null, "metadata": null, "edge_id": "x" }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/edge_id", "/metadata", "/name"]);
    let refused = dan
        .get("/edges?limit=0&sort=size&cursor=%%&block_type=model&include=all&archived=maybe&created_after=now")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.pointers(),
        ["archived", "block_type", "created_after", "cursor", "include", "limit", "sort"]
    );
    dan.post("/edges", json!({ "name": "E" })).await.refused(StatusCode::CONFLICT, "name_taken");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for edge in ["0198aa00-0000-7000-8000-000000000000", "nothing", "%00"] {
        let path = format!("/edges/{edge}");
        for read in ["", "/versions", "/versions/1", "/diff?from=1"] {
            dan.get(&format!("{path}{read}")).await.refused(StatusCode::NOT_FOUND, "not_found");
        }
        dan.patch(&path, json!({ "name": "x" })).await.refused(StatusCode::NOT_FOUND, "not_found");
        dan.delete(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        for write in ["/restore", "/versions/1/activate"] {
            dan.post(&format!("{path}{write}"), json!({}))
                .await
                .refused(StatusCode::NOT_FOUND, "not_found");
        }
    }
    let missing = dan.get("/edges/nothing").await;
    assert_eq!(missing.body["detail"], "Edge not found");
}

#[tokio::test]
async fn every_change_appends_a_version_and_an_older_one_comes_back() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/edges/{}", join(&dan, "e").await);
    let mut number = 1;
    for change in [
        json!({ "metadata": { "width": 256 } }),
        json!({ "description": "words" }),
        json!({ "name": "f" }),
    ] {
        number += 1;
        let changed = dan.patch(&path, change.clone()).await;
        let changed = changed.expect(StatusCode::OK);
        assert_eq!(changed.body["version_number"], number, "{change}");
        let same = dan.patch(&path, change).await.expect(StatusCode::OK);
        assert_eq!(same.etag(), changed.etag());
    }
    let versions = dan.get(&format!("{path}/versions?limit=3")).await;
    let versions = versions.expect(StatusCode::OK);
    assert_eq!(versions.items("version_number"), [4, 3, 2]);
    assert_eq!(versions.items("is_active"), [true, false, false]);
    let cursor = versions.id("next_cursor");
    let rest =
        dan.get(&format!("{path}/versions?limit=3&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(rest.items("version_number"), [1]);

    let back = dan
        .request(Method::POST, &format!("{path}/versions/1/activate"))
        .send()
        .await
        .expect(StatusCode::OK);
    assert_eq!(back.body["name"], "f");
    assert_eq!(back.body["description"], json!(null));
    assert_eq!(back.body["metadata"], json!({ "width": 224 }));
    assert_eq!(back.body["version_number"], 1);
    assert_eq!(back.body["latest_version_number"], 4);
    for (which, number) in [("active", 1), ("latest", 4), ("2", 2)] {
        let version = dan.get(&format!("{path}/versions/{which}")).await;
        assert_eq!(version.expect(StatusCode::OK).body["version_number"], number);
    }
    let again = dan
        .post(&format!("{path}/versions/active/activate"), json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again.etag(), back.etag());
    let latest = dan
        .post(&format!("{path}/versions/latest/activate"), json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(latest.body["version_number"], 4);
    dan.post(&format!("{path}/versions/9/activate"), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");

    let diff = dan.get(&format!("{path}/diff?from=1&to=latest")).await.expect(StatusCode::OK);
    assert_eq!(diff.header("content-type"), "application/json-patch+json");
    let mut document = dan.get(&format!("{path}/versions/1")).await.body;
    let patch: json_patch::Patch = serde_json::from_value(diff.body).expect("a patch");
    json_patch::patch(&mut document, &patch).expect("it applies");
    assert_eq!(document["name"], "f");
    assert_eq!(document["metadata"], json!({ "width": 256 }));
}

#[tokio::test]
async fn a_tag_guards_the_change_and_a_key_repeats_it() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/edges/{}", join(&dan, "e").await);
    let read = dan.get(&path).await.expect(StatusCode::OK);
    let known = dan.request(Method::GET, &path).header("If-None-Match", read.etag()).send().await;
    known.expect(StatusCode::NOT_MODIFIED);
    let change = || {
        let request = dan.request(Method::PATCH, &path).header("If-Match", read.etag());
        request.header("Idempotency-Key", "k").json(json!({ "description": "x" }))
    };
    let changed = change().send().await.expect(StatusCode::OK);
    let again = change().send().await.expect(StatusCode::OK);
    assert_eq!(again.text, changed.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    for (method, below) in [
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/versions/1/activate"),
        (Method::POST, "/restore"),
    ] {
        let stale = dan
            .request(method, &format!("{path}{below}"))
            .header("If-Match", read.etag())
            .json(json!({}));
        stale.send().await.refused(StatusCode::PRECONDITION_FAILED, "stale");
    }
}

#[tokio::test]
async fn archiving_hides_frees_the_name_and_can_be_undone_but_not_purging() {
    let service = Service::start().await;
    let (dan, ada, vera) =
        (service.developer().await, service.admin().await, service.viewer().await);
    let path = format!("/edges/{}", join(&dan, "e").await);
    dan.delete("/edges/e").await.expect(StatusCode::NO_CONTENT);
    for person in [&dan, &ada, &vera] {
        person.get(&path).await.refused(StatusCode::NOT_FOUND, "not_found");
        for read in ["/versions", "/versions/1", "/diff?from=1"] {
            person.get(&format!("{path}{read}")).await.refused(StatusCode::NOT_FOUND, "not_found");
        }
        assert!(person.get("/edges").await.items("name").is_empty());
    }
    assert_eq!(dan.get("/edges?archived=true").await.items("name"), ["e"]);
    assert!(vera.get("/edges?archived=true").await.items("name").is_empty());

    let second = join(&dan, "E").await;
    let restore = format!("{path}/restore");
    dan.post(&restore, json!({})).await.refused(StatusCode::CONFLICT, "name_taken");
    dan.delete(&format!("/edges/{second}")).await.expect(StatusCode::NO_CONTENT);
    service
        .colleague()
        .await
        .post(&restore, json!({}))
        .await
        .refused(StatusCode::NOT_FOUND, "not_found");
    dan.post(&restore, json!({})).await.expect(StatusCode::OK);
    dan.get(&path).await.expect(StatusCode::OK);

    // With its verifications.
    dan.post(&format!("{path}/versions/1/verifications"), json!({}))
        .await
        .expect(StatusCode::CREATED);
    let purge = format!("{path}?purge=true");
    dan.delete(&purge).await.refused(StatusCode::FORBIDDEN, "forbidden");
    ada.delete(&purge).await.expect(StatusCode::NO_CONTENT);
    ada.post(&restore, json!({})).await.refused(StatusCode::NOT_FOUND, "not_found");
    let history = ada.get(&format!("{path}/history")).await;
    let history = history.expect(StatusCode::OK);
    assert_eq!(history.items("action_type")[0], "DELETE");
    for kind in ["edge", "metadata", "verification"] {
        assert!(history.items("entity_type").contains(&json!(kind)), "{kind}");
    }
}

#[tokio::test]
async fn what_a_live_pipeline_uses_is_not_archived() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let edge = join(&dan, "e").await;
    let mut owner = service.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into blocks (name, block_type) values ('a', 'dataset'), ('b', 'model');
        insert into pipelines (name) values ('p');
        insert into pipeline_blocks (pipeline_id, block_id) select pipeline_id, block_id from pipelines, blocks;
        insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
        select p.pipeline_id, '{edge}', a.block_id, b.block_id from pipelines p, blocks a, blocks b
        where a.name = 'a' and b.name = 'b'"
    )))
    .execute(&mut owner)
    .await
    .expect("a pipeline");
    let refused = dan.delete("/edges/e").await;
    let refused = refused.refused(StatusCode::CONFLICT, "in_use");
    assert_eq!(refused.body["used_by"][0]["name"], "p");
}

#[tokio::test]
async fn a_list_is_filtered_sorted_paged_and_shown_with_its_parts() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for (name, description) in [
        ("Zoom", "enlarges photographs"),
        ("alpha", "a running blend"),
        ("Mix", "blends photographs"),
        ("crop_tree-v2", "cuts"),
    ] {
        let body = json!({ "name": name, "description": description });
        dan.post("/edges", body).await.expect(StatusCode::CREATED);
    }
    let names = async |query: &str| {
        dan.get(&format!("/edges?{query}")).await.expect(StatusCode::OK).items("name")
    };
    assert_eq!(names("").await, ["crop_tree-v2", "Mix", "alpha", "Zoom"]);
    assert_eq!(names("sort=name").await, ["alpha", "crop_tree-v2", "Mix", "Zoom"]);
    assert_eq!(names("name=mIX").await, ["Mix"]);
    assert_eq!(names("q=photograph&sort=created_at").await, ["Zoom", "Mix"]);
    assert_eq!(names("q=blend%20-run").await, ["Mix"]);
    assert!(names("created_before=2020-01-01").await.is_empty());
    assert_eq!(names("created_after=2020-01-01").await.len(), 4);
    dan.patch("/edges/Zoom", json!({ "metadata": { "by": 2 } })).await.expect(StatusCode::OK);
    assert_eq!(names("sort=-updated_at&limit=1").await, ["Zoom"]);

    for sort in ["", "&sort=created_at", "&sort=name", "&sort=-name", "&sort=updated_at"] {
        let whole = names(&format!("limit=200{sort}")).await;
        let mut seen = Vec::new();
        let mut next = format!("/edges?limit=1{sort}");
        loop {
            let page = dan.get(&next).await.expect(StatusCode::OK);
            seen.extend(page.items("name"));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            next = format!("/edges?limit=1{sort}&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }

    let one = "/edges/Zoom?include=versions,verifications";
    let shown = dan.get(one).await.expect(StatusCode::OK);
    assert_eq!(shown.body["versions"][0]["version_number"], 2);
    assert_eq!(shown.body["versions"][1]["version_number"], 1);
    assert_eq!(shown.body["verifications"], json!([]));
    assert_eq!(shown.body["verification_status"], "none");
    let verified = dan
        .post(
            "/edges/Zoom/versions/active/verifications",
            json!({ "verification_status": "passed", "verification_logs": "long" }),
        )
        .await
        .expect(StatusCode::CREATED);
    let again = dan.get(one).await.expect(StatusCode::OK);
    // The edge has not changed, but what is shown along with it has.
    assert_ne!(again.etag(), shown.etag());
    assert_eq!(again.body["updated_at"], shown.body["updated_at"]);
    let newest = &again.body["verifications"][0];
    assert_eq!(newest["verification_id"], verified.body["verification_id"]);
    assert_eq!(newest["verification_status"], "passed");
    assert_eq!(newest["version_number"], 2);
    assert_eq!(newest.get("verification_logs"), None);
    assert_eq!(again.body["verification_status"], "passed");
    let listed = dan.get("/edges?include=verifications&sort=-name").await.expect(StatusCode::OK);
    assert_eq!(listed.items("verification_status"), ["passed", "none", "none", "none"]);
    // Another version is in use now, and has no proof.
    dan.patch("/edges/Zoom", json!({ "metadata": { "by": 3 } })).await.expect(StatusCode::OK);
    let changed = dan.get(one).await.expect(StatusCode::OK);
    assert_eq!(changed.body["verification_status"], "none");
}
