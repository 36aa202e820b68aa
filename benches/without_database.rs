//! What a request costs in the service itself, without the database: `cargo bench`.
//!
//! What PostgreSQL does (canonical JSON, digests, the search for cycles in a graph) is measured by
//! `just bench-growth`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::body::to_bytes;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blockyard::api::fields;
use blockyard::api::page::Rows;
use blockyard::api::problem::{Fault, Problem};
use blockyard::api::raw_json::JsonObject;
use blockyard::api::time::DateTime;
use blockyard::auth::Gatekeeper;
use blockyard::auth::caller::Caller;
use blockyard::blocks::{Block, BlockPatch, BlockType};
use blockyard::config::{Config, Secret};
use blockyard::pipelines::NewPipeline;
use blockyard::resource::listing::Position;
use blockyard::resource::verbs;
use blockyard::versions::Activation;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use uuid::Uuid;

const SECRET: &str = "a secret of forty bytes, as is proper ...";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn bytes_of(runtime: &Runtime, response: HttpResponse) -> web::Bytes {
    runtime
        .block_on(to_bytes(response.into_body()))
        .unwrap_or_else(|_| panic!("a body in memory can be read"))
}

/// An access token, as a login makes it.
fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": Config::default().jwt_issuer, "sub": Uuid::now_v7(), "aud": "authenticated", "role": "authenticated",
        "iat": now, "exp": now + 3600, "jti": Uuid::now_v7(), "session_id": Uuid::now_v7(), "aal": "aal1",
        "is_anonymous": false,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

/// An API key with a right checksum; whose it is, only the database would say.
fn api_key() -> String {
    let secret = [7_u8; 32];
    let checksum =
        Sha256::new().chain_update(b"blockyard api key prefix").chain_update(secret).finalize();
    let prefix = checksum[..4].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    format!("by_{prefix}_{}", URL_SAFE_NO_PAD.encode(secret))
}

fn request(header: (header::HeaderName, String)) -> HttpRequest {
    let config = Config { jwt_secret: Some(Secret::from(SECRET.to_owned())), ..Config::default() };
    let gatekeeper = Gatekeeper::new(&config).unwrap_or_else(|unfit| panic!("{unfit}"));
    TestRequest::get()
        .uri("/blocks/019a0000-0000-7001-8000-100000000001")
        .insert_header(header)
        .app_data(web::Data::new(gatekeeper))
        .to_http_request()
}

fn identify(runtime: &Runtime, request: &HttpRequest) -> Caller {
    runtime
        .block_on(Caller::from_request(request, &mut Payload::None))
        .unwrap_or_else(|problem| panic!("{problem}"))
}

fn callers(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("who is calling");
    let with_token = request((header::AUTHORIZATION, format!("Bearer {}", token())));
    group.bench_function("access token (HS256)", |b| {
        b.iter(|| identify(&runtime, black_box(&with_token)));
    });
    let with_key = request((header::HeaderName::from_static("x-api-key"), api_key()));
    group.bench_function("API key", |b| {
        b.iter(|| identify(&runtime, black_box(&with_key)));
    });
    group.finish();
}

fn problems(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("a refusal as problem+json");
    let missing = Problem::not_found("Block");
    group.bench_function("404", |b| {
        b.iter(|| bytes_of(&runtime, black_box(&missing).error_response()));
    });
    let faults = (0..20)
        .map(|at| Fault {
            pointer: format!("/blocks/{at}/block_id"),
            detail: "Names no block that is there.".to_owned(),
        })
        .collect();
    let invalid = Problem::faults(faults);
    group.bench_function("422 with 20 faults", |b| {
        b.iter(|| bytes_of(&runtime, black_box(&invalid).error_response()));
    });
    group.finish();
}

fn block(number: usize) -> Block {
    let metadata: JsonObject = serde_json::from_value(json!({
        "format": "parquet", "uri": format!("s3://registry/{number}/v3"), "rows": 5_000_000, "license": "apache-2.0",
        "digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "tags": ["team-3", "stage-2"], "metrics": {"accuracy": 0.93, "loss": 1.25},
    }))
    .unwrap();
    let now: DateTime = "2026-11-28T12:00:00Z".parse().expect("a time");
    Block {
        block_id: Uuid::now_v7(),
        name: format!("imagenet-large-{number}"),
        block_type: BlockType::Dataset,
        description: Some(
            "Images of street scenes for the nightly training, revision 3.".to_owned(),
        ),
        metadata: metadata.as_json().clone(),
        created_at: now,
        updated_at: now,
        created_by: Some(Uuid::now_v7()),
        created_by_username: Some("ada".to_owned()),
        archived_at: None,
        purged_at: None,
        current_version_id: Uuid::now_v7(),
        version_number: 3,
        activation: Activation::Open,
        latest_version_number: 3,
        aliases: None,
        candidate: None,
        used_by: None,
        versions: None,
        categories: None,
    }
}

fn answers(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("an answer as JSON");
    let one = block(1);
    group.bench_function("one block", |b| {
        b.iter(|| verbs::shown(black_box(&one)).unwrap_or_else(|problem| panic!("{problem}")));
    });
    let plain = TestRequest::get().uri("/blocks?limit=50").to_http_request();
    let position = Position::default();
    // One more than the page has, as the statement brings it.
    let rows = || (0..51).map(block).collect::<Vec<_>>();
    group.bench_function("a list of 50 blocks", |b| {
        b.iter_batched(
            rows,
            |blocks| {
                let mut rows = Rows::none(position.limit);
                for block in blocks {
                    rows.push(block).unwrap_or_else(|problem| panic!("{problem}"));
                }
                bytes_of(&runtime, verbs::paged(rows, &position, &plain))
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn graph(blocks: usize) -> Vec<u8> {
    let parts: Vec<_> = (0..blocks).map(|at| json!({"block_id": format!("block-{at}")})).collect();
    let edges: Vec<_> = (1..blocks)
        .map(|at| {
            json!({
                "edge_id": format!("edge-{at}"), "source_block_id": format!("block-{}", at - 1),
                "target_block_id": format!("block-{at}"), "version_number": 1,
            })
        })
        .collect();
    serde_json::to_vec(&json!({"name": "nightly-training", "blocks": parts, "edges": edges}))
        .unwrap()
}

fn bodies(c: &mut Criterion) {
    let mut group = c.benchmark_group("a body read and checked");
    let change = serde_json::to_vec(&json!({
        "description": "Images of street scenes.",
        "metadata": {"rows": 5_000_000, "tags": ["team-3"], "metrics": {"accuracy": 0.93}},
    }))
    .unwrap();
    group.bench_function("a change of a block", |b| {
        b.iter(|| fields::read::<BlockPatch>(black_box(&change)).unwrap());
    });
    for blocks in [20, 200, 500] {
        let body = graph(blocks);
        group.bench_function(format!("a pipeline of {blocks} blocks"), |b| {
            b.iter(|| fields::read::<NewPipeline>(black_box(&body)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, callers, problems, answers, bodies);
criterion_main!(benches);
