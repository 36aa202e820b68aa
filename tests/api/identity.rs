//! Who is calling: sessions, users, passwords and API keys.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Answer, PASSWORD, Person, Service, Setup};
use crate::support::connect;
use blockyard::config::Config;

const ANOTHER: &str = "wrong donkey accumulator clip";

async fn login(service: &Service, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password });
    service.nobody().post("/auth/login", body).await
}

async fn refresh(service: &Service, token: &str) -> Answer {
    let body = json!({ "refresh_token": token });
    service.nobody().post("/auth/refresh", body).await
}

fn with_limits(account: u32, address: u32) -> Setup {
    let mut setup = Setup::default();
    setup.config = Config {
        login_account_limit: account,
        login_address_limit: address,
        ..setup.config
    };
    setup
}

async fn issue(person: &Person<'_>, body: Value) -> Answer {
    person
        .post("/api-keys", body)
        .await
        .expect(StatusCode::CREATED)
}

async fn owner(service: &Service, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(&mut connect(&service.database.owner()).await)
        .await
        .expect("a statement");
}

#[tokio::test]
async fn a_login_by_name_or_email_address_opens_a_session() {
    let service = Service::start().await;
    for name in ["dan", "DAN", "dan@example.org"] {
        let answer = login(&service, name, PASSWORD).await.expect(StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body["token_type"], "bearer");
        assert_eq!(answer.body["expires_in"], 900);
        assert_eq!(answer.body["user"]["username"], "dan");
        assert!(!answer.text.contains("password"), "{}", answer.text);
        let token = answer.id("access_token");
        let me = service.with_token(&token).get("/auth/me").await;
        let me = me.expect(StatusCode::OK);
        assert_eq!(me.body["user_id"], answer.body["user"]["user_id"]);
        assert_eq!(me.body["effective_role"], "developer");
        assert_eq!(me.body["api_key_id"], Value::Null);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let service = Service::start().await;
    let wrong = login(&service, "dan", ANOTHER).await;
    let unknown = login(&service, "nobody", PASSWORD).await;
    let mut bodies = Vec::new();
    for answer in [wrong, unknown] {
        let answer = answer.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
        let mut body = answer.body;
        body["request_id"].take();
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    login(&service, "dan\u{0}", PASSWORD)
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn too_many_attempts_at_an_account_have_to_wait() {
    let service = Service::with(with_limits(3, 1000)).await;
    for name in ["dan", "dan@example.org", "nobody"] {
        login(&service, name, ANOTHER).await;
    }
    login(&service, "dan", PASSWORD)
        .await
        .expect(StatusCode::OK);
    for _ in 0..3 {
        login(&service, "dan", ANOTHER)
            .await
            .expect(StatusCode::UNAUTHORIZED);
    }
    for name in ["dan", "dan@example.org"] {
        let answer = login(&service, name, PASSWORD)
            .await
            .refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
        let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=900).contains(&seconds));
    }
    login(&service, "dora", PASSWORD)
        .await
        .expect(StatusCode::OK);
    for _ in 0..3 {
        login(&service, "nobody", ANOTHER).await;
    }
    login(&service, "nobody", ANOTHER)
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn too_many_attempts_from_an_address_have_to_wait() {
    let service = Service::with(with_limits(1000, 3)).await;
    for name in ["a", "b", "c"] {
        login(&service, name, ANOTHER).await;
    }
    login(&service, "dan", PASSWORD)
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_copy_ends_the_session() {
    let service = Service::start().await;
    let first = login(&service, "dan", PASSWORD).await.id("refresh_token");
    let second = refresh(&service, &first).await.expect(StatusCode::OK);
    assert_eq!(second.header("cache-control"), "no-store");
    let me = service.with_token(&second.id("access_token"));
    me.get("/auth/me").await.expect(StatusCode::OK);
    let third = refresh(&service, &second.id("refresh_token")).await;
    let third = third.expect(StatusCode::OK).id("refresh_token");
    refresh(&service, &first)
        .await
        .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    refresh(&service, &third)
        .await
        .expect(StatusCode::UNAUTHORIZED);
    for nonsense in ["", "x", &"A".repeat(43)] {
        refresh(&service, nonsense)
            .await
            .expect(StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_logout_ends_the_session_and_never_fails() {
    let service = Service::start().await;
    let token = login(&service, "dan", PASSWORD).await.id("refresh_token");
    for token in [token.as_str(), &token, "nonsense"] {
        let body = json!({ "refresh_token": token });
        let answer = service.nobody().post("/auth/logout", body).await;
        answer.expect(StatusCode::NO_CONTENT);
    }
    refresh(&service, &token)
        .await
        .expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_identities_or_none_are_refused() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let key = issue(&dan, json!({ "name": "k" })).await.id("key");
    dan.request(Method::GET, "/auth/me")
        .header("X-API-Key", &key)
        .send()
        .await
        .refused(StatusCode::BAD_REQUEST, "two_identities");
    let nobody = service.nobody();
    let answer = nobody.get("/auth/me").await;
    let answer = answer.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    for value in [
        "Basic YTpi",
        "Bearer",
        "Bearer x.y.z",
        "Bearer by_00000000_x",
    ] {
        nobody
            .request(Method::GET, "/auth/me")
            .header("Authorization", value)
            .send()
            .await
            .refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

#[tokio::test]
async fn an_admin_manages_users() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let body = json!({ "username": "eve", "email": "eve@example.org", "password": ANOTHER });
    let eve = ada.post("/users", body.clone()).await;
    let eve = eve.expect(StatusCode::CREATED);
    assert_eq!(eve.body["role"], "viewer");
    assert!(!eve.text.contains("password"), "{}", eve.text);
    assert_eq!(
        eve.header("location"),
        format!("/users/{}", eve.id("user_id"))
    );
    ada.post("/users", body)
        .await
        .refused(StatusCode::CONFLICT, "username_taken");
    let token = login(&service, "eve", ANOTHER).await.expect(StatusCode::OK);
    let as_eve = service.with_token(&token.id("access_token"));

    let promoted = ada
        .request(Method::PATCH, "/users/eve")
        .header("If-Match", eve.etag())
        .json(json!({ "role": "developer" }))
        .send()
        .await
        .expect(StatusCode::OK);
    let me = as_eve.get("/auth/me").await;
    assert_eq!(me.body["effective_role"], "developer");
    ada.request(Method::PATCH, "/users/eve")
        .header("If-Match", eve.etag())
        .json(json!({ "role": "admin" }))
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    let same = ada
        .patch("/users/eve", json!({ "role": "developer" }))
        .await;
    assert_eq!(same.etag(), promoted.etag());

    ada.delete("/users/eve")
        .await
        .expect(StatusCode::NO_CONTENT);
    ada.delete("/users/eve")
        .await
        .expect(StatusCode::NO_CONTENT);
    as_eve
        .get("/auth/me")
        .await
        .expect(StatusCode::UNAUTHORIZED);
    refresh(&service, &token.id("refresh_token"))
        .await
        .expect(StatusCode::UNAUTHORIZED);
    login(&service, "eve", ANOTHER)
        .await
        .refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    let restored = ada.post("/users/eve/restore", json!({})).await;
    assert_eq!(restored.expect(StatusCode::OK).body["is_active"], true);
    login(&service, "eve", ANOTHER).await.expect(StatusCode::OK);
    // She has read herself, so she has history.
    ada.delete("/users/eve?purge=true")
        .await
        .refused(StatusCode::CONFLICT, "in_use");
    let body = json!({ "username": "tmp", "email": "tmp@example.org" });
    ada.post("/users", body).await.expect(StatusCode::CREATED);
    ada.delete("/users/tmp?purge=true")
        .await
        .expect(StatusCode::NO_CONTENT);
    ada.get("/users/tmp").await.expect(StatusCode::NOT_FOUND);
    for last in ["/users/me", "/users/ada?purge=true"] {
        ada.delete(last)
            .await
            .refused(StatusCode::CONFLICT, "last_admin");
    }
    ada.patch("/users/me", json!({ "role": "viewer" }))
        .await
        .refused(StatusCode::CONFLICT, "last_admin");
}

#[tokio::test]
async fn all_faults_of_a_user_are_told_at_once() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let body = json!({
        "username": "a b", "email": "x", "role": "king", "password": "short", "is_active": false
    });
    let answer = ada.post("/users", body).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(
        answer.pointers(),
        ["/email", "/is_active", "/password", "/role", "/username"]
    );
    let body =
        json!({ "username": "a", "email": "LONG@example.org", "password": "long@EXAMPLE.org" });
    let answer = ada.post("/users", body).await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers(), ["/password"]);
}

#[tokio::test]
async fn users_who_are_no_admins_see_and_change_only_themselves() {
    let service = Service::start().await;
    let dan = service.developer().await;
    assert_eq!(dan.get("/users").await.items("username"), ["dan"]);
    for path in ["/users/dan", "/users/me"] {
        let me = dan.get(path).await.expect(StatusCode::OK);
        assert_eq!(me.body["username"], "dan");
    }
    dan.get("/users/ada").await.expect(StatusCode::NOT_FOUND);
    dan.get("/users/ada/activity")
        .await
        .expect(StatusCode::NOT_FOUND);
    dan.patch("/users/ada", json!({ "email": "x@y" }))
        .await
        .expect(StatusCode::NOT_FOUND);
    for change in [json!({ "role": "admin" }), json!({ "is_active": false })] {
        dan.patch("/users/me", change)
            .await
            .refused(StatusCode::FORBIDDEN, "forbidden");
    }
    for path in ["/users/me", "/users/me?purge=true"] {
        dan.delete(path)
            .await
            .refused(StatusCode::FORBIDDEN, "forbidden");
    }
    dan.post("/users/me/restore", json!({}))
        .await
        .expect(StatusCode::FORBIDDEN);
    for password in [None, Some(ANOTHER)] {
        let body = json!({ "username": "x", "email": "x@y", "password": password });
        dan.post("/users", body)
            .await
            .refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let changed = dan
        .patch("/users/me", json!({ "username": "daniel" }))
        .await;
    assert_eq!(changed.expect(StatusCode::OK).body["username"], "daniel");
    dan.patch("/users/me", json!({ "email": "ADA@example.org" }))
        .await
        .refused(StatusCode::CONFLICT, "email_taken");
}

#[tokio::test]
async fn the_list_of_users_is_filtered_ordered_and_paged() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let names = async |query: &str| {
        let answer = ada.get(&format!("/users?{query}")).await;
        answer.expect(StatusCode::OK).items("username")
    };
    assert_eq!(names("sort=username").await, ["ada", "dan", "dora", "vera"]);
    assert_eq!(
        names("sort=-username&role=developer").await,
        ["dora", "dan"]
    );
    assert_eq!(names("username=DAN").await, ["dan"]);
    assert_eq!(names("email=Vera@example.org").await, ["vera"]);
    assert_eq!(names("q=RA&sort=username").await, ["dora", "vera"]);
    assert_eq!(names("q=%25").await, [] as [&str; 0]);
    assert_eq!(names("is_active=false").await, [] as [&str; 0]);
    for sort in ["username", "-username", "created_at", "-created_at"] {
        let all = names(&format!("sort={sort}")).await;
        let mut seen = Vec::new();
        let mut query = format!("sort={sort}&limit=1");
        loop {
            let page = ada.get(&format!("/users?{query}")).await;
            let page = page.expect(StatusCode::OK);
            seen.extend(page.items("username"));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            query = format!("sort={sort}&limit=1&cursor={cursor}");
        }
        assert_eq!(seen, all, "{sort}");
    }
    ada.get("/users?sort=password_hash")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_password_is_changed_with_the_current_one_and_ends_all_sessions() {
    let service = Service::with(with_limits(3, 1000)).await;
    let dan = service.developer().await;
    let session = login(&service, "dan", PASSWORD).await.id("refresh_token");
    let change = |current: Option<&str>, new: &str| json!({ "current_password": current, "new_password": new });
    for (body, pointer) in [
        (change(None, ANOTHER), "/current_password"),
        (change(Some(ANOTHER), ANOTHER), "/current_password"),
        (change(Some(PASSWORD), "short"), "/new_password"),
        (change(Some(PASSWORD), "Dan@Example.org"), "/new_password"),
    ] {
        let answer = dan.post("/users/me/password", body).await;
        let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        assert_eq!(answer.pointers(), [pointer]);
    }
    for _ in 0..2 {
        let request = dan
            .request(Method::POST, "/users/me/password")
            .header("Idempotency-Key", "once");
        let body = change(Some(PASSWORD), ANOTHER);
        let answer = request.json(body).send().await;
        answer.expect(StatusCode::NO_CONTENT);
    }
    refresh(&service, &session)
        .await
        .expect(StatusCode::UNAUTHORIZED);
    login(&service, "dan", PASSWORD)
        .await
        .expect(StatusCode::UNAUTHORIZED);
    login(&service, "dan", ANOTHER).await.expect(StatusCode::OK);
    // It is no way round the throttle.
    for _ in 0..3 {
        dan.post("/users/me/password", change(Some(PASSWORD), PASSWORD))
            .await
            .expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    dan.post("/users/me/password", change(Some(ANOTHER), PASSWORD))
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);
    login(&service, "dan", ANOTHER)
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);

    let ada = service.admin().await;
    ada.post("/users/vera/password", change(None, ANOTHER))
        .await
        .expect(StatusCode::NO_CONTENT);
    login(&service, "vera", ANOTHER)
        .await
        .expect(StatusCode::OK);
    ada.post("/users/me/password", change(None, ANOTHER))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    dan.post("/users/ada/password", change(None, ANOTHER))
        .await
        .expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_that_is_stored_gives_a_password_or_a_key_away() {
    let service = Service::start().await;
    let ada = service.admin().await;
    let mut secrets = vec![ANOTHER.to_owned()];
    for body in [
        (
            "/users",
            json!({ "username": "eve", "email": "e@e", "password": ANOTHER }),
        ),
        ("/api-keys", json!({ "name": "k" })),
    ] {
        let request = ada.request(Method::POST, body.0);
        let answer = request
            .header("Idempotency-Key", body.0)
            .json(body.1)
            .send()
            .await;
        let answer = answer.expect(StatusCode::CREATED);
        secrets.extend(answer.body["key"].as_str().map(|key| key[12..].to_owned()));
    }
    assert_eq!(secrets.len(), 2);
    let mut connection = connect(&service.database.owner()).await;
    let dump: String = sqlx::query_scalar(
        "select string_agg(t, ' ') from (
            select audit_logs::text from audit_logs
            union all select i::text from app.idempotency_keys i
            union all select u::text from users u
            union all select k::text from api_keys k) as all_rows (t)",
    )
    .fetch_one(&mut connection)
    .await
    .expect("rows");
    for secret in secrets {
        assert!(!dump.contains(&secret));
    }
    let hash: String = sqlx::query_scalar("select password_hash from users where username = 'eve'")
        .fetch_one(&mut connection)
        .await
        .expect("a hash");
    assert_eq!(dump.matches(&hash).count(), 1);
    let read = ada.get("/users/eve").await.text + &ada.get("/api-keys").await.text;
    for name in ["password", "hash", "encrypted", "digest"] {
        assert!(!read.contains(name), "{name}");
    }
}

#[tokio::test]
async fn a_key_acts_for_its_user_until_it_is_revoked() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let made = issue(&dan, json!({ "name": "ci" })).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let (key, id) = (made.id("key"), made.id("api_key_id"));
    assert!(key.starts_with(&made.id("key_prefix")));
    for person in [service.with_key(&key), service.with_token(&key)] {
        let me = person.get("/auth/me").await.expect(StatusCode::OK);
        assert_eq!(me.body["username"], "dan");
        assert_eq!(me.body["api_key_id"], id);
    }
    let path = format!("/api-keys/{id}");
    let read = dan.get(&path).await.expect(StatusCode::OK);
    assert!(read.body["last_used_at"].is_string());
    assert!(!read.text.contains(&key));
    service
        .colleague()
        .await
        .get(&path)
        .await
        .expect(StatusCode::NOT_FOUND);
    service
        .admin()
        .await
        .get(&path)
        .await
        .expect(StatusCode::OK);
    for _ in 0..2 {
        dan.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    let refused = service.with_key(&key).get("/auth/me").await;
    refused.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    let path = format!("{path}/rotate");
    dan.post(&path, json!({}))
        .await
        .refused(StatusCode::CONFLICT, "key_ended");
}

#[tokio::test]
async fn a_repetition_shows_the_same_key_which_nothing_has_kept() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let make = async |person: &Person<'_>, name: &str| {
        let request = person.request(Method::POST, "/api-keys");
        let request = request.header("Idempotency-Key", "k");
        request.json(json!({ "name": name })).send().await
    };
    let first = make(&dan, "ci").await.expect(StatusCode::CREATED);
    let again = make(&dan, "ci").await.expect(StatusCode::CREATED);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("cache-control"), "no-store");
    // The same user, by that very key.
    let by_key = make(&service.with_key(&first.id("key")), "ci").await;
    assert_eq!(by_key.expect(StatusCode::CREATED).body, first.body);
    let other = make(&service.colleague().await, "ci").await;
    assert_ne!(other.expect(StatusCode::CREATED).id("key"), first.id("key"));
    make(&dan, "else")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(dan.get("/api-keys").await.items("name"), ["ci"]);
}

#[tokio::test]
async fn a_narrowed_key_neither_writes_nor_manages_the_account() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let made = issue(&dan, json!({ "name": "reader", "role": "viewer" })).await;
    let reader = service.with_key(&made.id("key"));
    let me = reader.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me.body["role"], "developer");
    assert_eq!(me.body["effective_role"], "viewer");
    let path = format!("/api-keys/{}", made.id("api_key_id"));
    let rotation = format!("{path}/rotate");
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    for answer in [
        reader
            .post("/blocks", json!({ "name": "b", "block_type": "model" }))
            .await,
        reader.post("/api-keys", json!({ "name": "wider" })).await,
        reader.patch(&path, json!({ "name": "x" })).await,
        reader.post(&rotation, json!({})).await,
        reader.delete(&path).await,
        reader.patch("/users/me", json!({ "email": "x@y" })).await,
        reader.post("/users/me/password", body).await,
    ] {
        answer.refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let answer = dan
        .post("/api-keys", json!({ "name": "x", "role": "admin" }))
        .await;
    let answer = answer.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    assert_eq!(answer.pointers(), ["/role"]);
}

#[tokio::test]
async fn a_key_can_replace_and_revoke_itself() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "ci", "expires_at": "2099-01-01T00:00:00Z" });
    let old = issue(&dan, body).await;
    let rotate = async |key: &str, id: &str, body: Value, once: bool| {
        let path = format!("/api-keys/{id}/rotate");
        let person = service.with_key(key);
        let mut request = person.request(Method::POST, &path).json(body);
        if once {
            request = request.header("Idempotency-Key", "rotate");
        }
        request.send().await
    };
    let body = json!({ "grace_seconds": 600 });
    let second = rotate(&old.id("key"), &old.id("api_key_id"), body.clone(), true).await;
    let second = second.expect(StatusCode::CREATED);
    assert_eq!(second.body["name"], "ci");
    assert_eq!(second.body["expires_at"], "2099-01-01T00:00:00Z");
    assert_ne!(second.body["api_key_id"], old.body["api_key_id"]);
    let again = rotate(&old.id("key"), &old.id("api_key_id"), body, true).await;
    assert_eq!(again.expect(StatusCode::CREATED).body, second.body);

    let third = rotate(&second.id("key"), &second.id("api_key_id"), json!({}), true).await;
    // The same Idempotency-Key with another request.
    third.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let third = rotate(
        &second.id("key"),
        &second.id("api_key_id"),
        json!({}),
        false,
    )
    .await;
    let third = third.expect(StatusCode::CREATED);
    let second = service.with_key(&second.id("key")).get("/auth/me").await;
    second.expect(StatusCode::UNAUTHORIZED);
    let key = service.with_key(&third.id("key"));
    let request = key.request(
        Method::DELETE,
        &format!("/api-keys/{}", third.id("api_key_id")),
    );
    let answer = request.header("Idempotency-Key", "end").send().await;
    answer.expect(StatusCode::NO_CONTENT);
    key.get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_life_of_a_key_only_shrinks() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let body = json!({ "name": "ci", "expires_at": "2099-01-01T00:00:00Z" });
    let made = issue(&dan, body).await;
    let path = format!("/api-keys/{}", made.id("api_key_id"));
    let earlier = json!({ "expires_at": "2098-01-01T00:00:00Z", "name": "nightly" });
    let changed = dan.patch(&path, earlier).await.expect(StatusCode::OK);
    assert_eq!(changed.body["name"], "nightly");
    dan.patch(&path, json!({ "expires_at": "2099-01-01T00:00:00Z" }))
        .await
        .refused(StatusCode::CONFLICT, "key_only_shrinks");
    dan.patch(&path, json!({ "expires_at": null }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    dan.post(
        "/api-keys",
        json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" }),
    )
    .await
    .expect(StatusCode::UNPROCESSABLE_ENTITY);
    // Nor does a key make one that outlives it.
    let key = service.with_key(&made.id("key"));
    for immortal in [
        json!({ "name": "x" }),
        json!({ "name": "x", "expires_at": "2098-06-01T00:00:00Z" }),
    ] {
        key.post("/api-keys", immortal)
            .await
            .refused(StatusCode::CONFLICT, "key_only_shrinks");
    }
    issue(
        &key,
        json!({ "name": "x", "expires_at": "2097-01-01T00:00:00Z" }),
    )
    .await;
    owner(
        &service,
        "alter table api_keys disable trigger user;
         update api_keys set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'",
    )
    .await;
    key.get("/auth/me").await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn admins_make_keys_for_others_and_nobody_else_does() {
    let service = Service::start().await;
    let (ada, dan) = (service.admin().await, service.developer().await);
    let vera = ada.get("/users/vera").await.id("user_id");
    for role in [None, Some("admin")] {
        let body = json!({ "name": "x", "user_id": vera, "role": role });
        dan.post("/api-keys", body)
            .await
            .refused(StatusCode::FORBIDDEN, "forbidden");
    }
    let made = issue(&ada, json!({ "name": "service", "user_id": vera })).await;
    let me = service.with_key(&made.id("key")).get("/auth/me").await;
    assert_eq!(me.body["username"], "vera");
    let nobody = "01a20575-84d9-79db-a493-fbb455308177";
    let answer = ada
        .post("/api-keys", json!({ "name": "x", "user_id": nobody }))
        .await;
    assert_eq!(
        answer.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(),
        ["/user_id"]
    );
    issue(&dan, json!({ "name": "his" })).await;
    assert_eq!(ada.get("/api-keys").await.items("name"), ["his", "service"]);
    let path = format!("/api-keys?user_id={vera}&is_active=true");
    assert_eq!(ada.get(&path).await.items("name"), ["service"]);
    assert_eq!(dan.get(&path).await.items("name"), [] as [&str; 0]);
}

#[tokio::test]
async fn reads_of_users_and_keys_and_all_activity_are_on_record() {
    let service = Service::start().await;
    let (ada, dan) = (service.admin().await, service.developer().await);
    let me = dan.get("/users/me").await.id("user_id");
    let key = issue(&dan, json!({ "name": "ci" })).await.id("api_key_id");
    dan.get(&format!("/api-keys/{key}"))
        .await
        .expect(StatusCode::OK);
    dan.get("/users").await.expect(StatusCode::OK);
    for person in [&dan, &ada] {
        let activity = person.get("/users/dan/activity").await;
        let activity = activity.expect(StatusCode::OK);
        let seen: Vec<_> = activity.body["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|log| log["entity_type"] != "audit_log")
            .map(|log| {
                (
                    log["action_type"].clone(),
                    log["entity_type"].clone(),
                    log["entity_id"].clone(),
                )
            })
            .collect();
        let expected = [
            (json!("READ"), json!("user"), Value::Null),
            (json!("READ"), json!("api_key"), json!(key)),
            (json!("CREATE"), json!("api_key"), json!(key)),
            (json!("READ"), json!("user"), json!(me)),
        ];
        assert_eq!(seen, expected);
    }
    let idle = ada.get("/users/dora/activity").await.expect(StatusCode::OK);
    assert_eq!(idle.items("log_id").len(), 0);
    ada.get("/users/none/activity")
        .await
        .expect(StatusCode::NOT_FOUND);
}
