//! Images: their names, the steps of their builds, their logs.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::blocks::register;
use crate::service::{Person, Service};

const NAMES: &[&str] = &[
    "imagenet",
    "acme/imagenet",
    "ghcr.io/acme/image-net",
    "ghcr.io/acme/image__net",
    "ghcr.io/acme/image_net.x---y",
    "localhost:5000",
    "localhost:5000/x",
    "Registry.Example.org/team/x",
    "[2001:db8::1]:5000/x",
    "https://hub.docker.com/r/acme/x",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x",
];

const NO_NAMES: &[&str] = &[
    "",
    "ghcr.io/Acme/x",
    "ghcr.io/acme/x:v1",
    "ghcr.io/acme/x@sha256:0",
    "user:secret@ghcr.io/x",
    "https://user@ghcr.io/x",
    "http://ghcr.io/x",
    "ghcr.io//x",
    "ghcr.io/x/",
    "/x",
    "a b",
    "ghcr.io/-x",
    "ghcr.io/x-",
    "ghcr.io/a___b",
    "ghcr.io/a..b",
    "ghcr.io/a._b",
    "https://under_score/x",
    "localhost:/x",
    "[::1/x",
    "x\n",
];

const TAGS: &[&str] = &["v1.0.0", "latest", "_x", "A-b_c.d", "1"];
const NO_TAGS: &[&str] = &["", ".a", "-a", "a b", "a/b", "a:b", "ü", "a\n"];

async fn add(dan: &Person<'_>) -> String {
    register(dan, "it").await;
    dan.post(
        "/blocks/it/docker-images",
        json!({ "image_tag": "v1", "registry_url": "ghcr.io/acme/x" }),
    )
    .await
    .expect(StatusCode::CREATED)
    .header("location")
    .to_owned()
}

#[tokio::test]
async fn rust_and_the_database_agree_on_names_and_tags() {
    let service = Service::start().await;
    let dan = service.developer().await;
    register(&dan, "it").await;
    let mut owner = service.database.connect().await;
    let (fits, too_long) = ("x".repeat(128), "x".repeat(129));
    let long_name = "x".repeat(264);
    let cases = [
        (
            "registry_url",
            "is_image_name",
            [NAMES, &[&long_name[..263]]].concat(),
            [NO_NAMES, &[&long_name]].concat(),
        ),
        ("image_tag", "is_image_tag", [TAGS, &[&fits]].concat(), [NO_TAGS, &[&too_long]].concat()),
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
                let mut body = json!({ "image_tag": "it", "registry_url": "it" });
                body[column] = json!(value);
                let answer = dan.post("/blocks/it/docker-images", body).await;
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
        }
    }
}

#[tokio::test]
async fn a_build_moves_on_and_back_only_to_be_built_anew() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let location = add(&dan).await;
    assert_eq!(dan.get(&location).await.body["build_status"], "pending");
    for (status, fits) in [
        ("success", true),
        ("success", true),
        ("failed", false),
        ("pending", true),
        ("failed", true),
        ("success", false),
        ("pending", true),
    ] {
        let answer = dan.patch(&location, json!({ "build_status": status })).await;
        if fits {
            assert_eq!(answer.expect(StatusCode::OK).body["build_status"], status);
        } else {
            answer.refused(StatusCode::CONFLICT, "wrong_step");
        }
    }
    let page = dan
        .get("/docker-images?build_status=pending&image_tag=v1&registry_url=ghcr.io/acme/x")
        .await;
    assert_eq!(page.expect(StatusCode::OK).items("image_id").len(), 1);
    let page = dan.get("/docker-images?build_status=success").await;
    assert!(page.expect(StatusCode::OK).items("image_id").is_empty());
}

#[tokio::test]
async fn logs_are_appended_as_text() {
    let service = Service::start().await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    let location = add(&dan).await;
    let logs = format!("{location}/logs");
    let append = |person: &Person<'_>, text: &str| {
        person.request(Method::POST, &logs).raw("text/plain", text).send()
    };
    assert_eq!(dan.get(&logs).await.expect(StatusCode::OK).text, "");
    let first = append(&dan, "Step 1/2 ✓\n").await.expect(StatusCode::OK);
    assert_eq!(first.body["build_logs_bytes"], "Step 1/2 ✓\n".len());
    let second = append(&dan, "Step 2/2\n").await.expect(StatusCode::OK);
    assert_ne!(first.etag(), second.etag());
    let read = vera.get(&logs).await.expect(StatusCode::OK);
    assert_eq!(read.text, "Step 1/2 ✓\nStep 2/2\n");
    assert_eq!(read.header("content-type"), "text/plain; charset=utf-8");
    let revision = read.etag().trim_end_matches('"');
    assert!(second.etag().starts_with(revision), "that of the image");
    vera.request(Method::GET, &logs)
        .header("If-None-Match", read.etag())
        .send()
        .await
        .expect(StatusCode::NOT_MODIFIED);

    // Not in lists, in single ones when asked for.
    let page = dan.get("/docker-images").await.expect(StatusCode::OK);
    assert!(page.body["items"][0].get("build_logs").is_none());
    assert!(dan.get(&location).await.body.get("build_logs").is_none());
    let with = dan.get(&format!("{location}?include=build_logs")).await.expect(StatusCode::OK);
    assert_eq!(with.body["build_logs"], read.text);
    dan.get(&format!("{location}?include=all"))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");

    append(&vera, "x").await.refused(StatusCode::FORBIDDEN, "forbidden");
    append(&dan, "a\0b").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    let both = dan.post(&logs, json!({ "text": "as JSON\n" })).await.expect(StatusCode::OK);
    assert_eq!(both.body["image_id"], with.body["image_id"]);
    assert!(dan.get(&logs).await.text.ends_with("as JSON\n"));
    let faults = dan.post(&logs, json!({ "text": 1, "more": "x" })).await;
    assert_eq!(faults.expect(StatusCode::UNPROCESSABLE_ENTITY).pointers(), ["/more", "/text"]);
    dan.request(Method::POST, &logs)
        .raw("application/xml", "<text/>")
        .send()
        .await
        .refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    dan.request(Method::POST, &logs)
        .raw("text/plain", vec![0xFF, 0xFE])
        .send()
        .await
        .refused(StatusCode::BAD_REQUEST, "malformed");
    dan.request(Method::POST, &logs)
        .header("If-Match", first.etag())
        .raw("text/plain", "x")
        .send()
        .await
        .refused(StatusCode::PRECONDITION_FAILED, "stale");
    for _ in 0..2 {
        dan.request(Method::POST, &logs)
            .header("Idempotency-Key", "once")
            .raw("text/plain", "once\n")
            .send()
            .await
            .expect(StatusCode::OK);
    }
    assert!(dan.get(&logs).await.text.ends_with("2/2\nas JSON\nonce\n"));
    let cleared =
        dan.patch(&location, json!({ "build_status": "pending", "build_logs": null })).await;
    assert_eq!(cleared.expect(StatusCode::OK).body["build_logs_bytes"], 0);
}

#[tokio::test]
async fn logs_have_at_most_ten_mebibytes() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let logs = format!("{}/logs", add(&dan).await);
    let chunk = "x".repeat(2 * 1024 * 1024);
    for _ in 0..5 {
        let request = dan.request(Method::POST, &logs).raw("text/plain", chunk.as_str());
        request.send().await.expect(StatusCode::OK);
    }
    let request = dan.request(Method::POST, &logs).raw("text/plain", "x");
    request.send().await.refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    assert_eq!(dan.get(&logs).await.text.len(), 10 * 1024 * 1024);
    let request = dan.request(Method::POST, &logs).raw("text/plain", format!("{chunk}x"));
    request.send().await.refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
}
