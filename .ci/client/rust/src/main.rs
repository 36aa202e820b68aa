//! From a login to a run, with the client that progenitor has generated.

#![allow(clippy::all, unused, mismatched_lifetime_syntaxes, reason = "generated")]

use std::error::Error;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use futures::TryStreamExt;
use generated::{Client, types};
use progenitor_client::{ByteStream, ResponseValue};
use types::{BlockType, NewPipelineBlock, NewPipelineEdge, RunStatus, VerificationStatus};

/// progenitor reads no JSON of another media type than its own.
async fn problem(refusal: ResponseValue<ByteStream>) -> Result<types::Problem, Box<dyn Error>> {
    let parts: Vec<_> = refusal.into_inner_stream().try_collect().await?;
    Ok(serde_json::from_slice(&parts.concat())?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("BLOCKYARD_URL")?;
    let password = std::env::var("BLOCKYARD_PASSWORD")?;
    let anonymous = Client::new(&url);
    let login = anonymous.login().body_map(|body| body.username("admin").password(password));
    let token = login.send().await?.into_inner().access_token;
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("Authorization", format!("Bearer {token}").parse()?);
    let http = reqwest::Client::builder().default_headers(headers).build()?;
    let client = Client::new_with_client(&url, http);
    assert_eq!(client.get_me().send().await?.username, "admin");

    let metadata = serde_json::json!({ "rows": 891, "columns": ["age", "fare"], "none": null });
    let metadata: types::Metadata = serde_json::from_value(metadata)?;
    let dataset = client
        .create_block()
        .body_map(|body| {
            body.name("rust/passengers").block_type(BlockType::Dataset).metadata(metadata.clone())
        })
        .send()
        .await?;
    assert_eq!(dataset.metadata.0, metadata.0);
    let model = || {
        client
            .create_block()
            .body_map(|body| body.name("rust/survival").block_type(BlockType::Model))
    };
    model().send().await?;
    let Err(progenitor_client::Error::ErrorResponse(taken)) = model().send().await else {
        panic!("a name is taken");
    };
    assert_eq!(problem(taken).await?.code, "name_taken");

    client.create_edge().body_map(|body| body.name("rust/train")).send().await?;
    let source = NewPipelineBlock::builder().block_id("rust/passengers").try_into()?;
    let target = NewPipelineBlock::builder().block_id("rust/survival").try_into()?;
    let edge: NewPipelineEdge = NewPipelineEdge::builder()
        .edge_id("rust/train")
        .source_block_id("rust/passengers")
        .target_block_id("rust/survival")
        .try_into()?;
    let blocks: Vec<NewPipelineBlock> = vec![source, target];
    client
        .create_pipeline()
        .body_map(|body| body.name("rust/nightly").blocks(blocks).edges(vec![edge]))
        .send()
        .await?;
    let start = || client.create_pipeline_run().pipeline("rust/nightly");
    let Err(progenitor_client::Error::ErrorResponse(refused)) = start().send().await else {
        panic!("the edge is not verified");
    };
    assert_eq!(problem(refused).await?.blockers[0].code, "edge_unverified");
    client
        .create_verification()
        .edge("rust/train")
        .version("active")
        .idempotency_key("rust-1")
        .body_map(|body| body.verification_status(VerificationStatus::Passed))
        .send()
        .await?;
    assert!(client.get_pipeline_readiness().pipeline("rust/nightly").send().await?.ready);
    let run = start().send().await?;
    let done = client
        .report_run()
        .run_id(run.run_id)
        .body_map(|body| body.status(RunStatus::Success))
        .send()
        .await?;
    assert_eq!(done.status, RunStatus::Success);
    assert!(done.ended_at.is_some());
    Ok(())
}
