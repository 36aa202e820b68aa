//! Who comes in, and how long they stay.

use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Browser;
use crate::service::{JWT_SECRET, PASSWORD, Service, Setup};

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_door_and_back() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    let page = browser.get("/console/blocks?q=x%20y").await;
    page.goes_to("/console/sign-in?then=%2Fblocks%3Fq%3Dx%2520y");
    let wrong = browser.sign_in("dan", "another password").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    wrong.says("The username or the password is wrong.").says(r#"value="dan""#);
    assert!(browser.cookie.is_none());
    let pairs = [("username", "dan"), ("password", PASSWORD), ("then", "/blocks?q=x%20y")];
    let page = browser.post("/console/sign-in", &pairs).await;
    page.goes_to("/console/blocks?q=x%20y");
    let set = page.headers["set-cookie"].to_str().expect("a text");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/console"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains("Max-Age"), "{set}");
    browser.see("/console/blocks").await;
}

#[tokio::test]
async fn nobody_is_led_away_from_the_console() {
    let service = Service::start().await;
    let elsewhere = ["//evil.example", "https://evil.example", "\\\\evil.example", "/../blocks"];
    for then in elsewhere.into_iter().chain(["/x\r\nSet-Cookie: a=b", "/ü"]) {
        let mut browser = Browser::new(&service);
        let pairs = [("username", "dan"), ("password", PASSWORD), ("then", then)];
        let page = browser.post("/console/sign-in", &pairs).await;
        assert!(page.location().starts_with("/console"), "{}", page.location());
    }
}

#[tokio::test]
async fn a_session_counts_in_the_console_and_nowhere_else() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "dan").await;
    for path in ["/blocks", "/auth/me", "/consolex", "/docs/../blocks"] {
        let page = browser.get(path).await;
        assert!(page.status.is_client_error(), "{path}: {} {}", page.status, page.text);
    }
    let body = [("name", "x")];
    let page = browser.post("/blocks", &body).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    // And within the console nothing else does.
    let key = service.admin().await.post("/api-keys", json!({ "name": "k" })).await;
    let key = key.expect(StatusCode::CREATED).id("key");
    let mut nobody = Browser::new(&service);
    let page = nobody.request(Method::GET, "/console/blocks", &[("X-API-Key", &key)], &[]).await;
    page.goes_to("/console/sign-in?then=%2Fblocks");
    let page = browser.request(Method::GET, "/console/people", &[("X-API-Key", &key)], &[]).await;
    page.says("dan@example.org").says_nothing_of("dora@example.org");
}

#[tokio::test]
async fn a_cookie_that_somebody_has_put_there_is_worth_nothing() {
    let service = Service::start().await;
    let mut thief = Browser::of(&service, "vera").await;
    let planted = thief.cookie.clone();
    let mut victim = Browser::new(&service);
    victim.cookie.clone_from(&planted);
    victim.sign_in("ada", PASSWORD).await.goes_to("/console");
    assert_ne!(victim.cookie, planted);
    victim.see("/console/people").await;
    thief.get("/console").await.goes_to("/console/sign-in?ended=1");
    for made_up in ["", "x", &"A".repeat(43), &"A".repeat(10_000)] {
        let mut browser = Browser::new(&service);
        browser.cookie = Some(format!("blockyard_console={made_up}"));
        assert!(browser.get("/console").await.location().starts_with("/console/sign-in"));
    }
}

#[tokio::test]
async fn signing_out_ends_a_session_for_whoever_has_its_cookie() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "dan").await;
    let stolen = browser.cookie.clone();
    browser.post("/console/sign-out", &[]).await.goes_to("/console/sign-in");
    assert!(browser.cookie.is_none());
    browser.cookie = stolen;
    browser.get("/console").await.goes_to("/console/sign-in?ended=1");
}

#[tokio::test]
async fn another_role_another_password_and_deactivation_end_every_session() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let changes = [
        ("dan", "PATCH", "", json!({ "role": "viewer" })),
        ("dora", "POST", "/password", json!({ "new_password": "a new and longer one" })),
        ("vera", "DELETE", "", json!(null)),
    ];
    for (username, method, below, body) in changes {
        let mut browser = Browser::of(&service, username).await;
        browser.see("/console").await;
        let path = format!("/users/{username}{below}");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = ada.request(method, &path);
        let answer = if body.is_null() { request } else { request.json(body) }.send().await;
        assert!(answer.status.is_success(), "{}", answer.text);
        browser.get("/console/blocks").await.goes_to("/console/sign-in?then=%2Fblocks&ended=1");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let service = Service::start().await;
    let mut owner = service.database.connect().await;
    for age in
        ["expires_at = now() - interval '1 second'", "last_seen_at = now() - interval '13 hours'"]
    {
        let mut browser = Browser::of(&service, "dan").await;
        browser.see("/console").await;
        let sql = format!("update app.console_sessions set {age}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.expect("older");
        browser.get("/console").await.goes_to("/console/sign-in?ended=1");
    }
    let mut browser = Browser::of(&service, "dan").await;
    let left: i64 =
        sqlx::query_scalar("select count(*) from app.console_sessions where expires_at < now()")
            .fetch_one(&mut owner)
            .await
            .expect("a number");
    assert_eq!(left, 0, "who signs in sweeps");
    sqlx::query("update app.console_sessions set last_seen_at = now() - interval '2 hours'")
        .execute(&mut owner)
        .await
        .expect("older");
    browser.see("/console").await;
    let seen: bool = sqlx::query_scalar(
        "select bool_or(last_seen_at > now() - interval '1 minute') from app.console_sessions",
    )
    .fetch_one(&mut owner)
    .await
    .expect("an answer");
    assert!(seen, "a look keeps it");
}

/// An access token as Supabase Auth makes them, signed with the secret that the service has too.
fn token_of(user: &str, seconds: i64) -> String {
    let now = chrono::Utc::now().timestamp();
    let claims = json!({
        "iss": SUPABASE, "sub": user, "aud": "authenticated", "role": "authenticated",
        "iat": now - 3600, "exp": now + seconds,
    });
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("a token")
}

const SUPABASE: &str = "https://ref.supabase.co/auth/v1";

#[tokio::test]
async fn a_token_of_supabase_signs_in_until_it_expires() {
    let mut setup = Setup::default();
    setup.config.jwt_trusted_issuers = vec![SUPABASE.to_owned()];
    let service = Service::with(setup).await;
    let mut owner = service.database.connect().await;
    let mut browser = Browser::new(&service);
    browser.see("/console/sign-in?then=/blocks").await.says(r#"name="token""#);
    let dan = service.id_of("dan").await;
    let token = token_of(&dan, 600);
    let padded = format!(" {token}\n");
    let page = browser.post("/console/sign-in", &[("token", &padded), ("then", "/blocks")]).await;
    page.goes_to("/console/blocks");
    browser.see("/console/account").await.says("dan@example.org");
    let left: f64 = sqlx::query_scalar(
        "select extract(epoch from expires_at - now())::double precision from app.console_sessions",
    )
    .fetch_one(&mut owner)
    .await
    .expect("one session");
    assert!((0.0..=600.0).contains(&left), "{left}");
    // It counts no longer than the account does.
    service.admin().await.delete("/users/dan").await.expect(StatusCode::NO_CONTENT);
    browser.get("/console").await.goes_to("/console/sign-in?ended=1");
    let (mut forged, nobody) = (token_of(&dan, 600), "01a20575-84d9-79db-a493-fbb455308177");
    forged.pop();
    for refused in [token, token_of(&dan, -600), token_of(nobody, 600), forged, "x".to_owned()] {
        let page = browser.post("/console/sign-in", &[("token", &refused)]).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{}", page.text);
        page.says(r#"role="alert""#)
            .says("<details open>")
            .says_nothing_of(&format!("value=\"{refused}"));
        assert!(browser.cookie.is_none());
    }
}

#[tokio::test]
async fn where_nobody_elses_tokens_count_none_is_asked_for() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    browser.see("/console/sign-in").await.says_nothing_of(r#"name="token""#);
    let token = token_of(&service.id_of("dan").await, 600);
    let page = browser.post("/console/sign-in", &[("token", &token)]).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_signs_out_there() {
    let service = Service::start().await;
    let mut home = Browser::of(&service, "dan").await;
    let mut office = Browser::of(&service, "dan").await;
    let mut other = Browser::of(&service, "dora").await;
    let page = home.see("/console/account").await;
    page.says("this one").says("127.0.0.1");
    let end =
        page.text.split("action=\"").find(|part| part.contains("/end\"")).expect("another session");
    let end = end.split('"').next().expect("an address").to_owned();
    let page = other.post(&end, &[]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "{}", page.text);
    office.see("/console").await;
    home.post(&end, &[]).await.goes_to("/console/account?done=1");
    office.get("/console").await.goes_to("/console/sign-in?ended=1");
    home.see("/console").await;
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "ada").await;
    let form = browser.see("/console/blocks/new").await.form("new");
    let mut pairs: Vec<_> =
        form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.retain(|(name, _)| *name != "name");
    pairs.push(("name", "forged"));
    let host = service.address.to_string();
    let own = format!("http://{host}");
    let elsewhere: [&[(&str, &str)]; 6] = [
        &[],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &own)],
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
        &[("Origin", &own), ("Host", "evil.example")],
    ];
    for headers in elsewhere {
        for path in
            ["/console/blocks/new", "/console/sign-out", "/console/sign-in", "/console/theme"]
        {
            let page = browser.request(Method::POST, path, headers, &pairs).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            page.says("nothing was done");
        }
    }
    service.developer().await.get("/blocks/forged").await.expect(StatusCode::NOT_FOUND);
    let page =
        browser.request(Method::POST, "/console/blocks/new", &[("Origin", &own)], &pairs).await;
    assert!(page.location().starts_with("/console/blocks/"));
}

#[tokio::test]
async fn whoever_tries_passwords_waits_whichever_way_they_try() {
    let mut setup = Setup::default();
    setup.config.login_account_limit = 3;
    let service = Service::with(setup).await;
    let mut browser = Browser::new(&service);
    for _ in 0..2 {
        assert_eq!(browser.sign_in("dan", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let wrong = json!({ "username": "dan", "password": "wrong" });
    service.nobody().post("/auth/login", wrong).await.expect(StatusCode::UNAUTHORIZED);
    let page = browser.sign_in("dan", PASSWORD).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{}", page.text);
    assert!(browser.cookie.is_none());
}

#[tokio::test]
async fn behind_a_proxy_links_and_the_cookie_have_its_prefix_and_are_secure() {
    let mut setup = Setup::default();
    setup.config.trust_forwarded_for = true;
    let service = Service::with(setup).await;
    let mut browser = Browser::new(&service);
    let proxy = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/registry"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let pairs = [("username", "dan"), ("password", PASSWORD)];
    let page = browser.request(Method::POST, "/console/sign-in", &proxy, &pairs).await;
    page.goes_to("/registry/console");
    let set = page.headers["set-cookie"].to_str().expect("a text").to_owned();
    assert!(set.starts_with("__Secure-blockyard_console="), "{set}");
    assert!(set.contains("; Path=/registry/console;") && set.ends_with("; Secure"), "{set}");
    browser.cookie = set.split(';').next().map(str::to_owned);
    let page = browser.request(Method::GET, "/console/blocks", &proxy, &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(r#"href="/registry/console/pipelines""#).says_nothing_of(r#""/console"#);
    assert!(page.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn the_audit_trail_says_what_the_console_did() {
    let service = Service::start().await;
    let mut browser = Browser::of(&service, "dan").await;
    let form = browser.see("/console/blocks/new").await.form("new");
    let made = browser.submit(&form, &[("name", "traced")]).await;
    assert!(made.location().starts_with("/console/blocks/"));
    let log = service.admin().await.get("/audit-logs?entity_type=block&action_type=CREATE").await;
    let log = &log.expect(StatusCode::OK).body["items"][0];
    assert_eq!(log["username"], "dan");
    assert_eq!(log["details"]["by"], "console");
    assert_eq!(log["details"]["request"]["method"], "POST");
    assert_eq!(log["details"]["request"]["path"], "/blocks");
    let reads = service.admin().await.get("/audit-logs?action_type=READ").await;
    assert_eq!(
        reads.items("username").iter().filter(|name| *name == "dan").count(),
        0,
        "a page records no look"
    );
}
