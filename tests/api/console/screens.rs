//! Every screen, as every role.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Browser, Form, furnished, screens};
use crate::metrics::Series;
use crate::service::Service;

#[tokio::test]
async fn every_role_sees_every_screen_and_is_offered_nothing_that_it_may_not_do() {
    let service = Service::start().await;
    let ids = furnished(&service).await;
    for (username, role) in [("vera", "viewer"), ("dora", "developer"), ("ada", "admin")] {
        let mut browser = Browser::of(&service, username).await;
        let mut offered: BTreeMap<String, Form> = BTreeMap::new();
        for place in screens(&ids) {
            let page = browser.get(&place).await;
            // (Accounts of others are not there for those who may not see them.)
            let is_hidden = role == "developer" && place.ends_with(&ids.vera);
            let expected = if is_hidden { StatusCode::NOT_FOUND } else { StatusCode::OK };
            assert_eq!(page.status, expected, "{role} {place}: {}", page.text);
            assert_eq!(page.headers["cache-control"], "no-store", "{place}");
            for (id, form) in page.forms() {
                offered.insert(format!("{} {id}", form.fields["_call"]), form);
            }
        }
        let calls: Vec<&str> = offered.values().map(|form| form.fields["_call"].as_str()).collect();
        if role == "viewer" {
            let own = ["POST /api-keys", "POST /users/me/password"];
            assert!(calls.iter().all(|call| own.contains(call)), "{calls:?}");
        } else {
            assert!(calls.contains(&"POST /blocks") && calls.len() > 20, "{role}: {calls:?}");
        }
        // Whatever else is wrong with a form that is sent as it stands: its sender may send it. (What makes an
        // account or a thing go comes last.)
        let mut forms: Vec<_> = offered.values().collect();
        forms.sort_by_key(|form| form.fields["_call"].starts_with("DELETE"));
        for form in forms {
            if form.fields["_call"].contains("/password") {
                continue;
            }
            let page = browser.submit(form, &[("_password", crate::service::PASSWORD)]).await;
            assert_ne!(page.status, StatusCode::FORBIDDEN, "{role} {form:?}: {}", page.text);
            assert!(page.status.as_u16() < 500, "{role} {form:?}: {}", page.text);
        }
        // The next finds everything as it was.
        let admin = service.admin().await;
        for kind in ["pipelines", "blocks", "edges"] {
            let archived =
                admin.get(&format!("/{kind}?archived=true")).await.expect(StatusCode::OK);
            let column = format!("{}_id", kind.trim_end_matches('s'));
            for id in archived.items(&column) {
                let id = id.as_str().expect("an id");
                admin.post(&format!("/{kind}/{id}/restore"), json!({})).await;
            }
        }
    }
}

#[tokio::test]
async fn a_page_tells_with_which_requests_the_same_is_had() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "vera").await;
    let page = browser.see("/console/pipelines/p").await;
    let told: Vec<_> = page.text.match_indices("curl -H").collect();
    assert_eq!(told.len(), 2, "{}", page.text);
    page.says(&format!("http://{}/pipelines/p?include=blocks%2Cedges%2Cruns", service.address));
}

#[tokio::test]
async fn a_page_says_why_a_pipeline_may_not_run_and_mends_it() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dora").await;
    browser.see("/console/verify").await.says("e, version 1").says("never verified");
    let page = browser.see("/console/pipelines/q").await;
    page.says("It may not run").says("was never verified");
    assert!(!page.forms().contains_key("run"));
    let (_, verify) =
        page.forms().into_iter().find(|(id, _)| id.starts_with("verify-")).expect("a remedy");
    let sent = browser
        .submit(
            &verify,
            &[("verification_status", "passed"), ("verification_logs:skip", "it works")],
        )
        .await;
    let page = browser.see(sent.location()).await;
    page.says("It may run");
    let run = browser
        .submit(&page.form("run"), &[("parameters:json", r#"{"date": "2026-11-22"}"#)])
        .await;
    let page = browser.see(run.location()).await;
    page.says("queued").says("2026-11-22");
    let report = browser
        .submit(&page.form("report"), &[("status", "failure"), ("failure:skip", "no memory")])
        .await;
    browser.see(report.location()).await.says("no memory");
    browser.see("/console").await.says("Runs that failed last").says("no memory");
    browser.see("/console/verify").await.says("every edge that a pipeline would take is verified");
}

#[tokio::test]
async fn a_link_shows_what_was_so_at_an_instant_and_nothing_can_be_changed_there() {
    let service = Service::start().await;
    furnished(&service).await;
    let dan = service.developer().await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let then: String = sqlx::query_scalar(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    )
    .fetch_one(&mut service.database.connect().await)
    .await
    .expect("a time");
    dan.patch("/blocks/b", json!({ "description": "new words" })).await.expect(StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let mut browser = Browser::of(&service, "dan").await;
    browser.see("/console/blocks/b").await.says("new words");
    let page = browser.see(&format!("/console/blocks/b?as_of={then}")).await;
    page.says_nothing_of("new words").says("Back to now");
    assert!(page.forms().is_empty(), "{:?}", page.forms());
    let page = browser.see(&format!("/console/pipelines/p?as_of={then}")).await;
    page.says(&format!("as_of={}", then.replace(':', "%3A")));
    assert!(page.forms().is_empty());
}

#[tokio::test]
async fn lists_go_on_where_a_page_ends() {
    let service = Service::start().await;
    let dan = service.developer().await;
    for number in 0..55 {
        let body = json!({ "name": format!("block-{number:02}"), "block_type": "model" });
        dan.post("/blocks", body).await.expect(StatusCode::CREATED);
    }
    let mut browser = Browser::of(&service, "vera").await;
    let page = browser.see("/console/blocks?sort=name&q=").await;
    page.says("block-49").says_nothing_of("block-50");
    let next =
        page.text.split("href=\"").find(|part| part.contains("cursor=")).expect("a next page");
    let next = super::plain(next.split('"').next().expect("an address"));
    browser.see(&next).await.says("block-50").says("block-54").says_nothing_of("block-49");
}

#[tokio::test]
async fn a_browser_is_led_to_the_console_and_a_program_is_greeted() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    let accepts = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = browser.request(Method::GET, "/", &accepts, &[]).await;
    page.goes_to("/console");
    assert_eq!(page.headers["vary"], "Accept");
    let greeting = service.nobody().get("/").await.expect(StatusCode::OK);
    assert_eq!(greeting.body["docs"], "/docs");
    let asset = browser.get("/console/sign-in").await;
    let style =
        asset.text.split("href=\"").find(|part| part.contains("console.css")).expect("a style");
    let style = browser.see(style.split('"').next().expect("an address")).await;
    assert_eq!(style.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    let other = browser.get("/console/assets/0000000000000000/console.css").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_version_says_what_is_other_beside_its_verification() {
    let service = Service::start().await;
    furnished(&service).await;
    let dan = service.developer().await;
    dan.patch("/edges/ab", json!({ "metadata": { "k": 7 } })).await.expect(StatusCode::OK);
    let mut browser = Browser::of(&service, "dora").await;
    let page = browser.see("/console/edges/ab/versions/2").await;
    page.says("What differs from version 1").says("/metadata/k");
    page.form("verify");
    let page = browser.see("/console/edges/ab/versions/1").await;
    page.says("What differs from version 2, the active one").says("removed");
}

#[tokio::test]
async fn the_audit_trail_is_had_as_a_file() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "ada").await;
    let page = browser.see("/console/audit?entity_type=block&action_type=CREATE").await;
    page.says("/console/audit/export?entity_type=block&#38;action_type=CREATE");
    let file = browser.see("/console/audit/export?entity_type=block&action_type=CREATE").await;
    assert_eq!(file.headers["content-type"], "application/jsonl");
    assert_eq!(file.headers["cache-control"], "no-store");
    let rows: Vec<serde_json::Value> =
        file.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(rows.len() >= 3, "{}", file.text);
    assert!(rows.iter().all(|row| row["entity_type"] == "block" && row["action_type"] == "CREATE"));
}

/// Beside the one that looks who is signed in.
/// How often the service took a connection to its database: once for each read, which is one statement.
async fn connections_taken(service: &Service) -> f64 {
    Series::of(service).await.value("blockyard_database_connection_wait_seconds_count")
}

#[tokio::test]
async fn a_page_asks_little_of_the_database_and_is_small() {
    let service = Service::start().await;
    let ids = furnished(&service).await;
    let mut browser = Browser::of(&service, "ada").await;
    for place in screens(&ids).iter().filter(|place| !place.ends_with("/drawing")) {
        let before = connections_taken(&service).await;
        let page = browser.see(place).await;
        let taken = connections_taken(&service).await - before;
        let asked = page.text.matches("<pre tabindex=\"0\"><code>curl ").count();
        assert!(asked <= 3, "{place} asks {asked} times");
        // Beside them: who is asking, and what no route has.
        assert!(taken - asked as f64 <= 2.0, "{place}: {taken} statements for {asked} reads");
        assert!(page.text.len() < 40_000, "{place} has {} bytes", page.text.len());
    }
}
