//! What is entered, and how it is refused.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Browser, furnished};
use crate::service::{PASSWORD, Service};

#[tokio::test]
async fn a_refusal_stands_at_its_field_beside_what_was_entered() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/blocks/new").await.form("new");
    let entries =
        [("name", " "), ("description:skip", "kept words"), ("metadata:json", "{\"a\": }")];
    let page = browser.submit(&form, &entries).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    page.says("kept words").says(r#"id="new-metadata-fault">Is no JSON"#);
    page.says(r#"aria-describedby="new-metadata-help new-metadata-fault" aria-invalid="true""#);
    let again = page.form("new");
    assert_eq!(again.fields["metadata:json"], "{\"a\": }");
    let page = browser.submit(&again, &[("metadata:json", "{\"a\": 1}")]).await;
    page.says(r#"id="new-name-fault""#);
    let page = browser.submit(&page.form("new"), &[("name", "a")]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.says("There is a block of that name.");
    let page = browser.submit(&page.form("new"), &[("name", "new one")]).await;
    browser.see(page.location()).await.says("new one").says("kept words");
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_not_overwritten() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/blocks/b").await.form("change");
    let colleague = service.colleague().await;
    colleague.patch("/blocks/b", json!({ "description": "theirs" })).await.expect(StatusCode::OK);
    let page = browser.submit(&form, &[("description:clear", "mine")]).await;
    assert_eq!(page.status, StatusCode::PRECONDITION_FAILED, "{}", page.text);
    page.says("mine");
    let page = browser.submit(&page.form("change"), &[]).await;
    browser.see(page.location()).await.says("mine");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_counts_once() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/pipelines/p").await.form("run");
    let first = browser.submit(&form, &[]).await.location().to_owned();
    let second = browser.submit(&form, &[]).await.location().to_owned();
    assert_eq!(first, second);
    let runs = service.developer().await.get("/pipelines/p/runs").await;
    assert_eq!(runs.items("run_id").len(), 2, "that, and the one before");
}

#[tokio::test]
async fn things_are_registered_changed_pointed_to_archived() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let page = browser.see("/console/edges/new").await;
    let made = browser
        .submit(&page.form("new"), &[("name", "join/é"), ("metadata:json", "{\"k\": 1.50}")])
        .await;
    let place = made.location().to_owned();
    let page = browser.see(&place).await;
    page.says("join/é").says("never verified");
    let changed = browser.submit(&page.form("change"), &[("metadata:json", "{\"k\": 2}")]).await;
    browser.see(changed.location()).await.says("Version 2 is active");
    let page = browser.see("/console/edges/join%2F%C3%A9").await;
    let sent = browser.submit(&page.form("candidate"), &[("metadata:json", "{\"k\": 3}")]).await;
    let page = browser.see(sent.location()).await;
    page.says("candidate");
    let sent =
        browser.submit(&page.form("alias"), &[("_alias", "champion"), ("version", "3")]).await;
    let page = browser.see(sent.location()).await;
    page.says("champion");
    browser
        .see("/console/edges/join%2F%C3%A9/diff?from=1&to=3")
        .await
        .says("/metadata/k")
        .says("1.5");
    let version = browser.see("/console/edges/join%2F%C3%A9/versions/3").await;
    let sent = browser.submit(&version.form("withdraw"), &[("reason", "wrong data")]).await;
    let version = browser.see(sent.location()).await;
    version.says("wrong data");
    let sent = browser.submit(&version.form("restore"), &[]).await;
    let version = browser.see(sent.location()).await;
    let sent = browser.submit(&version.form("activate"), &[]).await;
    browser.see(sent.location()).await.says(r#"<span class="state active">"#);
    let page = browser.see(&place).await;
    let sent = browser.submit(&page.form("archive"), &[]).await;
    sent.goes_to("/console/edges");
    assert_eq!(browser.get(&place).await.status, StatusCode::NOT_FOUND);
    let archived = browser.see("/console/edges?archived=true").await;
    let (_, restore) = archived.forms().into_iter().next().expect("a way back");
    let sent = browser.submit(&restore, &[]).await;
    browser.see(sent.location()).await.says("join/é");
}

#[tokio::test]
async fn a_block_that_is_in_use_is_not_archived_and_the_page_says_where() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/blocks/a").await.form("archive");
    let page = browser.submit(&form, &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.says(r#"<a href="/console/pipelines/"#);
}

#[tokio::test]
async fn what_changes_who_may_do_what_takes_the_password_once_more() {
    let service = Service::start().await;
    let ids = furnished(&service).await;
    let mut browser = Browser::of(&service, "ada").await;
    let page = browser.see(&format!("/console/people/{}", ids.vera)).await;
    let form = page.form("change");
    for (password, status) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("wrong", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSWORD, StatusCode::SEE_OTHER),
    ] {
        let page = browser.submit(&form, &[("role", "developer"), ("_password", password)]).await;
        assert_eq!(page.status, status, "{}", page.text);
    }
    let user = service.admin().await.get("/users/vera").await;
    assert_eq!(user.body["role"], "developer");
    // Also for whoever makes the form themselves.
    let forged = [("_form", "x"), ("_call", "PATCH /users/vera"), ("role", "admin")];
    let page = browser.post("/console/people", &forged).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_key_is_shown_once_and_a_password_is_set() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "dan").await;
    let page = browser.see("/console/account").await;
    let shown =
        browser.submit(&page.form("key"), &[("name", "mine"), ("role:skip", "viewer")]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let key = shown
        .text
        .split("<code>")
        .find_map(|part| part.starts_with("by_").then(|| part.split('<').next()))
        .flatten();
    let key = key.expect("a key").to_owned();
    let me = service.with_key(&key).get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me.body["effective_role"], "viewer");
    let page = browser.see("/console/account").await;
    page.says("mine").says_nothing_of(&key);
    let (_, revoke) = page
        .forms()
        .into_iter()
        .find(|(id, _)| id.starts_with("revoke-"))
        .expect("a way to revoke");
    browser.submit(&revoke, &[]).await.goes_to("/console/account?done=1");
    service.with_key(&key).get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
    let entries = [("current_password", PASSWORD), ("new_password", "something else, and long")];
    let sent = browser.submit(&page.form("password"), &entries).await;
    browser
        .get(sent.location())
        .await
        .goes_to("/console/sign-in?then=%2Faccount%3Fdone%3D1&ended=1");
    browser.sign_in("dan", "something else, and long").await.goes_to("/console");
}

#[tokio::test]
async fn a_form_makes_no_other_request_than_one_of_the_api() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "ada").await;
    for call in [
        "",
        "POST",
        "GET /blocks",
        "POST blocks",
        "POST //blocks",
        "POST http://127.0.0.1/blocks",
        "POST /console/sign-out",
        "POST /auth/login",
        "TRACE /blocks",
        "POST /blocks\r\nX: y",
        "POST /blo cks",
    ] {
        let page = browser
            .post("/console/blocks/new", &[("_form", "new"), ("_call", call), ("name", "x")])
            .await;
        assert!(page.status.is_client_error(), "{call:?}: {} {}", page.status, page.text);
    }
    for (name, value) in
        [("_key", "a\nb"), ("_if_match", "\u{7}"), ("_if_match", "no tag"), ("_key", "ü")]
    {
        let call = if name == "_key" { "POST /blocks" } else { "PATCH /blocks/x" };
        let pairs = [("_form", "new"), ("_call", call), (name, value), ("description", "d")];
        let page = browser.post("/console/blocks/new", &pairs).await;
        assert!(page.status.is_client_error(), "{name}: {} {}", page.status, page.text);
    }
    let page = browser
        .request(Method::DELETE, "/console/blocks/new", &[("Sec-Fetch-Site", "same-origin")], &[])
        .await;
    assert!(page.status.is_client_error(), "{}", page.status);
    browser.see("/console").await;
}

#[tokio::test]
async fn what_a_change_would_break_is_told_before_it_is_made() {
    let service = Service::start().await;
    furnished(&service).await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/edges/ab").await.form("change");
    let page = browser.submit(&form, &[("metadata:json", r#"{"k": 7}"#), ("_preview", "1")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.says(r#"class="preview breaking" role="status""#).says("nothing is changed yet");
    page.says("Pipeline p may run now, and might not any more");
    assert_eq!(page.form("change").fields["metadata:json"], r#"{"k": 7}"#);
    browser.see("/console/edges/ab").await.says("Version 1 is active");
    let page = browser.submit(&form, &[("metadata:json", "{"), ("_preview", "1")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.says("Is no JSON");
    // Of a block that a pipeline has pinned nothing is other there.
    let form = browser.see("/console/blocks/b").await.form("change");
    let page = browser.submit(&form, &[("description:clear", "new"), ("_preview", "1")]).await;
    page.says(r#"class="preview safe""#);
    let form = browser.see("/console/blocks/a").await.form("change");
    let page = browser.submit(&form, &[("description:clear", "new"), ("_preview", "1")]).await;
    page.says(r#"class="preview warn""#);
    // So may a pipeline's own changes be asked for.
    let own = browser.see("/console/pipelines/p").await;
    let page = browser.submit(&own.form("graph"), &[("edges:json", "[]"), ("_preview", "1")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.says(r#"class="preview warn""#);
    let page = browser.submit(&own.form("change"), &[("name", "other"), ("_preview", "1")]).await;
    page.says(r#"class="preview"#);
    browser.see("/console/pipelines/p").await.says("It may run now");
    // What cannot be told is not asked for.
    let form = browser.see("/console/blocks/b").await.form("candidate");
    let page = browser.submit(&form, &[("_preview", "1")]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_run_asks_for_what_its_pipeline_takes() {
    let service = Service::start().await;
    furnished(&service).await;
    let schema = json!({
        "type": "object", "required": ["date"], "additionalProperties": false,
        "properties": {
            "date": { "type": "string", "format": "date", "title": "Day" },
            "epochs": { "type": "integer", "minimum": 1, "default": 90 },
            "dry": { "type": "boolean" },
            "size": { "enum": ["small", "large", 3] },
            "tags": { "type": "array" },
        },
    });
    let dan = service.developer().await;
    dan.patch("/pipelines/p", json!({ "parameters_schema": schema })).await.expect(StatusCode::OK);
    let mut browser = Browser::of(&service, "dan").await;
    let page = browser.see("/console/pipelines/p").await;
    page.says("Day (date)");
    let form = page.form("run");
    assert_eq!(form.fields["parameters/epochs:json"], "90");
    let date = ("parameters/date:text", "2026-11-22");
    for (name, value, fault) in [
        ("parameters/epochs:json", "0", "run-parameters/epochs-fault"),
        ("parameters/epochs:json", "many", "Is no JSON"),
        ("parameters/tags:json", "3", "run-parameters/tags-fault"),
    ] {
        let page = browser.submit(&form, &[date, (name, value)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
        page.says(fault);
        assert_eq!(page.form("run").fields[name], value);
    }
    let more = [date, ("parameters/dry:json", "true"), ("parameters/size:json", "3")];
    let sent = browser.submit(&form, &more).await;
    let run = sent.location().trim_start_matches("/console").to_owned();
    let run = dan.get(&run).await.expect(StatusCode::OK);
    let told = json!({ "date": "2026-11-22", "epochs": 90, "dry": true, "size": 3 });
    assert_eq!(run.body["parameters"], told);
    // The schema is changed there as well, and taken away.
    let form = browser.see("/console/pipelines/p").await.form("change");
    browser.submit(&form, &[("parameters_schema:null", "")]).await.location();
    let page = browser.see("/console/pipelines/p").await;
    assert!(page.form("run").fields.contains_key("parameters:json"));
}
