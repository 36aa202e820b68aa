//! Repositories: which URLs and branches there are, in Rust and in the database alike.

use reqwest::StatusCode;
use serde_json::json;

use crate::blocks::register;
use crate::service::Service;

const URLS: &[&str] = &[
    "https://github.com/acme/x",
    "https://github.com/acme/x.git",
    "https://git.example.org:8443/a/b%20c",
    "https://[2001:db8::1]:8443/a",
    "https://host/path/with@sign",
    "ssh://git@github.com/acme/x.git",
    "ssh://github.com:22/acme/x",
    "git@github.com:acme/x.git",
    "git@host:/srv/x.git",
];

const NO_URLS: &[&str] = &[
    "",
    "github.com/acme/x",
    "http://github.com/acme/x",
    "file:///etc/passwd",
    "https://",
    "https://github.com",
    "https://github.com/",
    "https:///path",
    "https://user@github.com/acme/x",
    "https://user:secret@github.com/acme/x",
    "https://token@github.com:443/x",
    "https://github.com/x?access_token=secret",
    "https://github.com/x#secret",
    "https://github.com/a b",
    "https://github.com/a\nb",
    "https://github.com\\@evil/x",
    "https://-host/x",
    "https://host:port/x",
    "https://host:123456/x",
    "https://hö.st/x",
    "HTTPS://github.com/x",
    "ssh://git:secret@github.com/x",
    "ssh://-oProxyCommand=x@host/x",
    "ssh://-oProxyCommand=x/x",
    "git@github.com/acme/x",
    "git@host:",
    "git@host:-x",
    "git@ho st:x",
    "root@github.com:acme/x",
    "ext::sh -c whoami",
    " https://github.com/acme/x",
];

/// As `git check-ref-format --branch` says.
const BRANCHES: &[&str] = &[
    "main",
    "release/2.0",
    "a@b",
    "ünïcödé",
    "a-",
    "a.b",
    "lock",
    "a.lockx",
    "head",
    "(x)",
    "a{b}",
    "x@",
    "a\u{a0}b",
];

const NO_BRANCHES: &[&str] = &[
    "", "-a", "/a", "a/", "a//b", ".a", "a/.b", "a.", "a..b", "a.lock", "a.lock/b", "a b", "a~b",
    "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a@{b", "@", "HEAD", "a\tb", "a\u{7f}b",
];

#[tokio::test]
async fn rust_and_the_database_agree_on_urls_and_branches() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    let mut owner = service.database.connect().await;
    let long_url = format!("https://host/{}", "x".repeat(1988));
    let (fits, too_long) = ("x".repeat(255), "x".repeat(256));
    let cases = [
        (
            "repo_url",
            "is_repo_url",
            [URLS, &[&long_url[..2000]]].concat(),
            [NO_URLS, &[&long_url]].concat(),
        ),
        (
            "branch",
            "is_branch",
            [BRANCHES, &[&fits]].concat(),
            [NO_BRANCHES, &[&too_long]].concat(),
        ),
    ];
    for (column, function, good, bad) in cases {
        for (values, admitted) in [(good, true), (bad, false)] {
            for value in values {
                let known: bool =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select app.{function}($1)")))
                        .bind(value)
                        .fetch_one(&mut owner)
                        .await
                        .expect("an answer");
                assert_eq!(known, admitted, "{function}({value:?})");
                let mut body = json!({ "repo_url": "https://a/b", "branch": "main" });
                body[column] = json!(value);
                let answer = dan.post("/blocks/it/code-repos", body).await;
                if admitted {
                    answer.expect(StatusCode::CREATED);
                } else {
                    let path = format!("/{column}");
                    assert_eq!(
                        answer.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(),
                        [path],
                        "{value:?}"
                    );
                }
            }
            sqlx::query("delete from code_repos").execute(&mut owner).await.expect("none");
        }
    }
}

#[tokio::test]
async fn the_branch_is_main_when_missing_and_filters_are_exact() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    let url = "https://github.com/acme/x";
    let made = dan
        .post("/blocks/it/code-repos", json!({ "repo_url": url }))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(made.body["branch"], "main");
    assert_eq!(made.body["entity_type"], "block");
    dan.post("/blocks/it/code-repos", json!({ "repo_url": url, "branch": "dev" }))
        .await
        .expect(StatusCode::CREATED);
    for (query, found) in [
        (format!("repo_url={url}"), 2),
        (format!("repo_url={url}&branch=dev"), 1),
        ("branch=Dev".to_owned(), 0),
        ("entity_type=edge".to_owned(), 0),
        ("entity_type=block".to_owned(), 2),
    ] {
        let page = dan.get(&format!("/code-repos?{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.items("branch").len(), found, "{query}");
    }
    // A branch cannot be cleared.
    let location = made.header("location");
    let refused = dan.patch(location, json!({ "branch": null })).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/branch"]);
    dan.patch(location, json!({ "branch": "dev" }))
        .await
        .refused(StatusCode::CONFLICT, "already_exists");
}
