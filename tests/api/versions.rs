//! Whatever changes appends a version; an older one can be made active again.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::blocks::register;
use crate::service::Service;

#[tokio::test]
async fn every_change_appends_a_version_and_no_change_appends_none() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = register(&dan, "b").await;
    let path = format!("/blocks/{id}");
    let mut number = 1;
    for change in [
        json!({ "metadata": { "rows": 2 } }),
        json!({ "description": "words" }),
        json!({ "name": "c" }),
        json!({ "block_type": "model" }),
        json!({ "name": "d", "description": null, "metadata": {} }),
    ] {
        let changed = dan.patch(&path, change.clone()).await.expect(StatusCode::OK);
        number += 1;
        assert_eq!(changed.body["version_number"], number, "{change}");
        for (column, value) in change.as_object().expect("an object") {
            assert_eq!(changed.body[column], *value);
        }
        let same = dan.patch(&path, change).await.expect(StatusCode::OK);
        assert_eq!(same.body, changed.body);
        assert_eq!(same.etag(), changed.etag());
        let empty = dan.patch(&path, json!({})).await.expect(StatusCode::OK);
        assert_eq!(empty.etag(), changed.etag());
    }
    let versions = dan.get(&format!("{path}/versions")).await.expect(StatusCode::OK);
    assert_eq!(versions.items("version_number"), [6, 5, 4, 3, 2, 1]);
    assert_eq!(versions.items("name"), ["d", "c", "c", "b", "b", "b"]);
    assert_eq!(versions.items("is_active"), [true, false, false, false, false, false]);
    let logged =
        service.admin().await.get("/audit-logs?entity_type=metadata").await.expect(StatusCode::OK);
    assert_eq!(logged.items("action_type").len(), 6);
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_whole() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    let body = json!({ "name": null, "block_type": null, "metadata": null, "description": {}, "version_number": 9 });
    let refused = dan.patch(&path, body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.pointers(),
        ["/block_type", "/description", "/metadata", "/name", "/version_number"]
    );
    assert_eq!(dan.get(&path).await.body["version_number"], 1);
}

#[tokio::test]
async fn an_older_version_comes_back_without_its_name() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    dan.patch(&path, json!({ "name": "c", "description": "words", "metadata": { "rows": 2 } }))
        .await
        .expect(StatusCode::OK);
    let activated = dan
        .request(Method::POST, &format!("{path}/versions/1/activate"))
        .send()
        .await
        .expect(StatusCode::OK);
    assert_eq!(activated.body["name"], "c");
    assert_eq!(activated.body["description"], json!(null));
    assert_eq!(activated.body["metadata"], json!({ "rows": 1 }));
    assert_eq!(activated.body["version_number"], 1);
    assert_eq!(activated.body["latest_version_number"], 2);
    let again = dan
        .post(&format!("{path}/versions/active/activate"), json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again.etag(), activated.etag());

    let versions = dan.get(&format!("{path}/versions")).await.expect(StatusCode::OK);
    assert_eq!(versions.items("is_active"), [false, true]);
    for (which, number) in [("active", 1), ("latest", 2), ("2", 2)] {
        let version = dan.get(&format!("{path}/versions/{which}")).await.expect(StatusCode::OK);
        assert_eq!(version.body["version_number"], number, "{which}");
    }
    for missing in ["3", "0", "-1", "first", "99999999999999999999"] {
        dan.get(&format!("{path}/versions/{missing}"))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
        dan.post(&format!("{path}/versions/{missing}/activate"), json!({}))
            .await
            .refused(StatusCode::NOT_FOUND, "not_found");
    }

    let next = dan.patch(&path, json!({ "name": "d" })).await.expect(StatusCode::OK);
    assert_eq!(next.body["version_number"], 3);
    assert_eq!(next.body["metadata"], json!({ "rows": 1 }));
    let latest = dan
        .post(&format!("{path}/versions/latest/activate"), json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(latest.etag(), next.etag());
}

#[tokio::test]
async fn versions_are_paged_newest_first() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    for rows in 2..=5 {
        dan.patch(&path, json!({ "metadata": { "rows": rows } })).await.expect(StatusCode::OK);
    }
    let page = dan.get(&format!("{path}/versions?limit=2")).await.expect(StatusCode::OK);
    assert_eq!(page.items("version_number"), [5, 4]);
    let cursor = page.id("next_cursor");
    let page =
        dan.get(&format!("{path}/versions?limit=3&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(page.items("version_number"), [3, 2, 1]);
    assert_eq!(page.body["next_cursor"], json!(null));
    let refused = dan
        .get(&format!("{path}/versions?cursor=x"))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["cursor"]);
}

#[tokio::test]
async fn two_versions_differ_by_a_json_patch() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let path = format!("/blocks/{}", register(&dan, "b").await);
    dan.patch(&path, json!({ "name": "c", "metadata": { "rows": 2, "a/b": [1] } }))
        .await
        .expect(StatusCode::OK);
    let diff = dan.get(&format!("{path}/diff?from=1")).await.expect(StatusCode::OK);
    assert_eq!(diff.header("content-type"), "application/json-patch+json");
    let mut document = dan.get(&format!("{path}/versions/1")).await.body;
    let patch: json_patch::Patch = serde_json::from_value(diff.body).expect("a patch");
    json_patch::patch(&mut document, &patch).expect("it applies");
    assert_eq!(document["name"], "c");
    assert_eq!(document["metadata"], json!({ "rows": 2, "a/b": [1] }));
    let same = dan.get(&format!("{path}/diff?from=latest&to=2")).await.expect(StatusCode::OK);
    assert_eq!(same.body, json!([]));
    let refused = dan.get(&format!("{path}/diff")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["from"]);
    dan.get(&format!("{path}/diff?from=1&to=9")).await.refused(StatusCode::NOT_FOUND, "not_found");
}
