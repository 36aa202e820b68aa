//! Names, metadata, logs and addresses that would be something else in a page.

use reqwest::StatusCode;
use serde_json::json;

use super::{Browser, furnished, screens};
use crate::service::Service;

const MARKUP: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;{{7*7}}</textarea></pre>";

#[tokio::test]
async fn markup_in_the_registry_stays_text_in_every_screen() {
    let service = Service::start().await;
    let ids = furnished(&service).await;
    let dan = service.developer().await;
    let metadata = json!({ MARKUP: { MARKUP: [MARKUP] }, "rows": MARKUP });
    let change = json!({ "name": MARKUP, "description": MARKUP, "metadata": metadata });
    for path in ["/blocks/a", "/edges/e"] {
        dan.patch(path, change.clone()).await.expect(StatusCode::OK);
    }
    let change = json!({ "name": MARKUP, "description": MARKUP, "dagster_pipeline_config": { "tags": { "x": MARKUP } } });
    dan.patch("/pipelines/p", change).await.expect(StatusCode::OK);
    let report = json!({ "verification_status": "failed", "verification_logs": MARKUP });
    let edge = dan.get("/edges?name=ab").await.body["items"][0]["edge_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    dan.post(&format!("/edges/{edge}/versions/1/verifications"), report)
        .await
        .expect(StatusCode::CREATED);
    dan.patch(&format!("/taxonomy-categories/{}", ids.category), json!({ "name": MARKUP }))
        .await
        .expect(StatusCode::OK);
    dan.patch(&format!("/runs/{}", ids.run), json!({ "status": "failure", "failure": MARKUP }))
        .await
        .expect(StatusCode::OK);
    dan.post("/api-keys", json!({ "name": MARKUP })).await.expect(StatusCode::CREATED);
    let block = dan.get("/blocks?q=script").await.body["items"][0]["block_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let e = dan.get("/edges?q=script").await.body["items"][0]["edge_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let withdraw = format!("/blocks/{block}/versions/1/withdraw");
    dan.post(&withdraw, json!({ "reason": MARKUP })).await.expect(StatusCode::OK);
    let mut browser = Browser::of(&service, "ada").await;
    let places = screens(&ids).into_iter().map(|place| {
        place
            .replace("/blocks/a", &format!("/blocks/{block}"))
            .replace("/edges/e", &format!("/edges/{e}"))
            .replace("/pipelines/p", &format!("/pipelines/{}", ids.p))
    });
    let mut told = 0;
    for place in places.chain([
        "/console/search?q=script".to_owned(),
        "/console/blocks?q=%22%3E%3Cscript%3E".to_owned(),
    ]) {
        let page = browser.get(&place).await;
        assert_eq!(page.status, StatusCode::OK, "{place}: {}", page.text);
        for live in ["<script>alert", "<img src=x", "onerror=alert(2)>", "</textarea></pre>"] {
            assert!(!page.text.contains(live), "{place} has {live}: {}", page.text);
        }
        told += usize::from(page.text.contains("alert(1)"));
    }
    assert!(told > 15, "it is shown all the same: {told}");
}

#[tokio::test]
async fn addresses_of_nothing_are_told_apart_from_faults() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "vera").await;
    for (place, status) in [
        ("/console/nothing", 404),
        ("/console/blocks/%FF", 404),
        ("/console/blocks/none", 404),
        ("/console/blocks/..%2F..%2Fusers", 404),
        ("/console/runs/none", 404),
        ("/console/blocks?cursor=x", 422),
        ("/console/blocks?sort=x", 422),
        ("/console/pipelines?as_of=x", 422),
        ("/console/lineage", 422),
        ("/console/impact?node=x:y", 422),
    ] {
        let page = browser.get(place).await;
        assert_eq!(page.status.as_u16(), status, "{place}: {}", page.text);
        page.says("<h1>").says("To the start");
        assert!(page.headers["content-type"].to_str().expect("a text").starts_with("text/html"));
    }
}

#[tokio::test]
async fn no_page_loads_or_runs_anything_that_is_not_ours() {
    let service = Service::start().await;
    let ids = furnished(&service).await;
    let mut browser = Browser::of(&service, "ada").await;
    for place in screens(&ids).into_iter().filter(|place| !place.contains("/drawing")) {
        let page = browser.see(&place).await;
        let policy = page.headers["content-security-policy"].to_str().expect("a text");
        assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(page.headers["referrer-policy"], "same-origin");
        for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!page.text.contains(inline), "{place}: {inline}");
        }
        let scripts: Vec<_> = page.text.match_indices("<script ").collect();
        assert_eq!(scripts.len(), 1, "{place}");
        for address in page.text.split(" src=\"").skip(1) {
            assert!(address.starts_with("/console/"), "{place}: {address}");
        }
    }
}

#[test]
fn no_template_switches_escaping_off() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).expect("templates") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let text = std::fs::read_to_string(&path).expect("a template");
            for way in ["|safe", "| safe", "escape(", "|e(", "autoescape"] {
                assert!(!text.contains(way), "{}: {way}", path.display());
            }
            pages += 1;
        }
    }
    assert!(pages > 25, "{pages}");
}
