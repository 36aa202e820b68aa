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
const NO_TAGS: &[&str] = &["", ".a", "-a", "a b", "a/b", "a:b", "ü", "a\n", "v1@sha256:0"];

/// The hexadecimal digits of a digest.
fn hex(digits: usize) -> String {
    "0123456789abcdef".chars().cycle().take(digits).collect()
}

fn digests() -> Vec<String> {
    vec![
        format!("sha256:{}", hex(64)),
        format!("blake3:{}", hex(64)),
        format!("sha512:{}", hex(128)),
    ]
}

fn no_digests() -> Vec<String> {
    let whole = format!("sha256:{}", hex(64));
    vec![
        String::new(),
        "sha256:".to_owned(),
        hex(64),
        whole.to_uppercase(),
        whole.replace('f', "F"),
        whole.replace('f', "g"),
        whole.replace("256", "512"),
        whole.replace("sha256", "md5"),
        whole.replace("sha256", "sha384"),
        whole[..70].to_owned(),
        format!("{whole}0"),
        format!("{whole}\n"),
        format!(" {whole}"),
        format!("v1@{whole}"),
        format!("ghcr.io/acme/x@{whole}"),
    ]
}

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
    let (digests, no_digests) = (digests(), no_digests());
    let cases = [
        (
            "registry_url",
            "is_image_name",
            [NAMES, &[&long_name[..263]]].concat(),
            [NO_NAMES, &[&long_name]].concat(),
        ),
        ("image_tag", "is_image_tag", [TAGS, &[&fits]].concat(), [NO_TAGS, &[&too_long]].concat()),
        (
            "image_digest",
            "is_image_digest",
            digests.iter().map(String::as_str).collect(),
            no_digests.iter().map(String::as_str).collect(),
        ),
    ];
    let mut number = 0;
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
                number += 1;
                let mut body = json!({ "image_tag": format!("it{number}"), "registry_url": "it" });
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
async fn a_digest_is_kept_found_locked_and_missed() {
    let service = Service::start().await;
    let (dan, vera) = (service.developer().await, service.viewer().await);
    register(&dan, "it").await;
    let digest = format!("sha256:{}", hex(64));
    let image =
        json!({ "image_tag": "v1", "registry_url": "ghcr.io/acme/x", "image_digest": digest });
    let location = dan.post("/blocks/it/docker-images", image).await.expect(StatusCode::CREATED);
    let location = location.header("location").to_owned();
    dan.post("/blocks/it/docker-images", json!({ "image_tag": "v2", "registry_url": "localhost" }))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(vera.get(&location).await.body["image_digest"], digest);
    let found = vera.get(&format!("/docker-images?image_digest={digest}")).await;
    assert_eq!(found.expect(StatusCode::OK).items("image_tag"), ["v1"]);

    dan.post("/pipelines", json!({ "name": "p", "blocks": [{ "block_id": "it" }] }))
        .await
        .expect(StatusCode::CREATED);
    let readiness = vera.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    let warning = |image: &str| {
        json!({
            "code": "image_without_digest",
            "entity_type": "block",
            "entity_id": readiness.body["blocks"][0]["block_id"],
            "name": "it",
            "version_id": readiness.body["blocks"][0]["version_id"],
            "version_number": 1,
            "impact": format!("/impact?node=block:{}", readiness.body["blocks"][0]["block_id"].as_str().expect("an id")),
            "detail": format!("The image {image} has no digest, and its tag can be moved: give its image_digest."),
        })
    };
    assert_eq!(readiness.body["ready"], true, "{}", readiness.text);
    assert_eq!(readiness.body["warnings"], json!([warning("localhost:v2")]));
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let first = run.id("lock_digest");
    let lock = vera.get(&format!("/locks/{first}")).await.expect(StatusCode::OK);
    assert_eq!(
        lock.body["lock"]["blocks"][0]["images"],
        json!([
            { "registry_url": "ghcr.io/acme/x", "image_tag": "v1", "image_digest": digest },
            { "registry_url": "localhost", "image_tag": "v2", "image_digest": null },
        ])
    );

    // The tag was moved: another digest, another revision, another lock, a row in the trail.
    let before = dan.get(&location).await.etag().to_owned();
    let moved = format!("sha512:{}", hex(128));
    let answer = dan.patch(&location, json!({ "image_digest": moved })).await;
    assert_ne!(answer.expect(StatusCode::OK).etag(), before);
    let run = dan.post("/pipelines/p/runs", json!({})).await.expect(StatusCode::CREATED);
    let second = run.id("lock_digest");
    let diff = vera.get(&format!("/locks/diff?a={first}&b={second}")).await;
    assert_eq!(
        diff.expect(StatusCode::OK).body["summary"],
        json!([format!(
            "block it: images ghcr.io/acme/x:v1@{digest}, localhost:v2 → ghcr.io/acme/x:v1@{moved}, localhost:v2"
        )])
    );
    let trail = service.admin().await.get("/audit-logs?entity_type=docker_image&limit=1").await;
    let after = &trail.expect(StatusCode::OK).body["items"][0]["details"]["after"];
    assert_eq!(after["image_digest"], moved);

    dan.patch(&location, json!({ "image_digest": null })).await.expect(StatusCode::OK);
    let readiness = vera.get("/pipelines/p/readiness").await.expect(StatusCode::OK);
    assert_eq!(
        readiness.body["warnings"],
        json!([warning("ghcr.io/acme/x:v1"), warning("localhost:v2")])
    );
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

/// What is appended is kept beside what is there, which is not written anew for it.
#[tokio::test]
async fn an_append_costs_what_is_appended() {
    const MEBIBYTE: usize = 1024 * 1024;
    let service = Service::start().await;
    let dan = service.developer().await;
    let location = add(&dan).await;
    let logs = format!("{location}/logs");
    let append = async |text: &str| {
        let request = dan.request(Method::POST, &logs).raw("text/plain", text);
        let answer = request.send().await.expect(StatusCode::OK);
        answer.body["build_logs_bytes"].as_u64().expect("a number")
    };
    let mut owner = service.database.connect().await;
    // The lengths of what is stored as a whole, and of each part beside it.
    let mut stored = async || -> (i32, Vec<i32>) {
        let lengths = "select coalesce(octet_length(build_logs), 0), array(
                select octet_length(text) from app.appended_logs a where a.image_id = i.image_id order by number)
            from docker_images i";
        sqlx::query_as(lengths).fetch_one(&mut owner).await.expect("lengths")
    };
    let length = 8 * MEBIBYTE as i32;
    let mut other = service.database.connect().await;
    sqlx::query("update docker_images set build_logs = repeat('x', $1)")
        .bind(length)
        .execute(&mut other)
        .await
        .expect("logs");
    for text in ["1", "2", "3"] {
        append(text).await;
    }
    assert_eq!(stored().await, (length, vec![3]), "short ones share a part");
    append(&"y".repeat(10_000)).await;
    assert_eq!(append("z").await, length as u64 + 10_004);
    assert_eq!(append("").await, length as u64 + 10_004, "nothing more");
    assert_eq!(stored().await, (length, vec![10_003, 1]));
    assert!(dan.get(&logs).await.text.ends_with("yyz"));

    // A megabyte of them is put where it belongs, and so is all when the build moves on.
    append(&"y".repeat(MEBIBYTE)).await;
    let whole = length + 10_004 + MEBIBYTE as i32;
    assert_eq!(stored().await, (whole, vec![]));
    append("end").await;
    let done = dan.patch(&location, json!({ "build_status": "success" })).await;
    assert_eq!(done.expect(StatusCode::OK).body["build_logs_bytes"], whole + 3);
    assert_eq!(stored().await, (whole + 3, vec![]));

    // Who writes the logs takes back what was appended, though the rest is as it was.
    dan.patch(&location, json!({ "build_logs": "short" })).await.expect(StatusCode::OK);
    append(" and more").await;
    let before = dan.get(&location).await.etag().to_owned();
    let same = dan.patch(&location, json!({ "build_logs": "short" })).await;
    assert_ne!(same.expect(StatusCode::OK).etag(), before);
    assert_eq!(dan.get(&logs).await.text, "short");
    append("er").await;
    dan.patch(&location, json!({ "build_logs": "long", "build_status": "pending" }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(dan.get(&logs).await.text, "long");

    // The trail knows of each, by length and digest.
    let trail = service.admin().await.get("/audit-logs?entity_type=docker_image&limit=2").await;
    let details = &trail.expect(StatusCode::OK).body["items"][1]["details"];
    assert_eq!(
        (&details["before"], &details["after"]["build_logs"]["bytes"]),
        (&json!({ "build_logs": { "bytes": 5 } }), &json!(7)),
        "{details}"
    );
    assert_eq!(details["after"]["build_logs"]["appended"]["bytes"], 2);

    // Over SQL as well; nothing of two at once is lost.
    let appends = (0..40).map(|n| {
        let database = &service.database;
        async move {
            let mut client = database.connect().await;
            let append = format!("update docker_images set appended_logs = '[{n}]'");
            sqlx::raw_sql(sqlx::AssertSqlSafe(append))
                .execute(&mut client)
                .await
                .expect("appended");
        }
    });
    futures_util::future::join_all(appends).await;
    let text = dan.get(&logs).await.text;
    assert!((0..40).all(|n| text.matches(&format!("[{n}]")).count() == 1), "{text}");
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
