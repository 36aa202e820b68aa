//! `blockyard demo`: a small registry to look at, made as everybody makes theirs, and removed again.

use std::collections::BTreeMap;
use std::error::Error;

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Outcome;
use super::asking::{Asked, Question};

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Archive what the demo has made, and nothing else
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    server: Asked,
}

/// What it is made of.
#[derive(Debug, Deserialize)]
struct Registry {
    /// Applied one after the other: the first has everything, the others are what was changed since.
    files: Vec<Value>,
    verifications: Vec<Verification>,
    /// By their pipelines.
    runs: BTreeMap<String, Vec<Run>>,
}

#[derive(Debug, Deserialize)]
struct Verification {
    edge: String,
    said: Value,
}

#[derive(Debug, Deserialize)]
struct Run {
    parameters: Value,
    reports: Vec<Value>,
}

pub(super) async fn demo(arguments: &Demo) -> Outcome {
    let server = &arguments.server;
    if arguments.remove {
        return remove(server).await;
    }
    let registry: Registry = serde_json::from_str(include_str!("registry.json"))?;
    let first = registry.files.first().ok_or("the demo is empty")?;
    let answer = apply(server, first, &["dry_run"]).await?;
    let items = || answer["items"].as_array().into_iter().flatten();
    let is_new = |item: &&Value| item["outcome"] == "created";
    if items().all(|item| is_new(&item)) {
        for file in &registry.files {
            apply(server, file, &[]).await?;
        }
    } else if let Some(missing) = items().find(is_new) {
        let there: Vec<_> = items()
            .filter(|item| !is_new(item))
            .filter_map(|item| {
                Some(format!("{} {}", item["kind"].as_str()?, item["name"].as_str()?))
            })
            .collect();
        let missing = missing["name"].as_str().unwrap_or_default();
        return Err(format!(
            "{} is there already, but {missing} is not: nothing was done. If it is of an earlier demo, \
             `blockyard demo --remove` archives that",
            there.join(", ")
        )
        .into());
    }
    for one in &registry.verifications {
        verify(server, one).await?;
    }
    for (pipeline, runs) in &registry.runs {
        run(server, pipeline, runs).await?;
    }
    println!(
        "The registry has the demo: the pipelines image-training, churn and weekly-scores, and what they are made of.\n\
         See {}\nRemove it: blockyard demo --remove",
        server.place(&["console"])?
    );
    Ok(())
}

async fn remove(server: &Asked) -> Outcome {
    let nothing = json!({ "apiVersion": "blockyard/v1", "owner": "demo" });
    let answer = apply(server, &nothing, &["prune"]).await?;
    let items = answer["items"].as_array().map_or(0, Vec::len);
    println!("archived: {items}");
    Ok(())
}

/// Makes the registry what a file says.
async fn apply(
    server: &Asked,
    file: &Value,
    how: &[&'static str],
) -> Result<Value, Box<dyn Error>> {
    let query = how.iter().map(|name| (*name, true.to_string())).collect();
    change(server, Method::POST, &["apply"], query, file).await
}

async fn change(
    server: &Asked,
    method: Method,
    path: &[&str],
    query: Vec<(&'static str, String)>,
    body: &Value,
) -> Result<Value, Box<dyn Error>> {
    let key = Some(Uuid::new_v4().to_string());
    server.ask(&Question { method, path, query, body: Some(body), key }).await
}

/// Says how an edge was verified, unless somebody has.
async fn verify(server: &Asked, one: &Verification) -> Outcome {
    let path = ["edges", &one.edge];
    let query = vec![("include", "verifications".to_owned())];
    let edge = server.ask(&Question { path: &path, query, ..Question::default() }).await?;
    if edge["verification_status"] == "none" {
        let path = ["edges", &one.edge, "versions", "1", "verifications"];
        change(server, Method::POST, &path, Vec::new(), &one.said).await?;
    }
    Ok(())
}

/// Runs a pipeline as often as it is to have run.
async fn run(server: &Asked, pipeline: &str, runs: &[Run]) -> Outcome {
    let path = ["pipelines", pipeline];
    let found = server.ask(&Question { path: &path, ..Question::default() }).await?;
    let has_run = found["times_run"] != 0;
    for run in runs.iter().filter(|_| !has_run) {
        let path = ["pipelines", pipeline, "runs"];
        let started = json!({ "parameters": run.parameters });
        let started = change(server, Method::POST, &path, Vec::new(), &started).await?;
        let id = started["run_id"].as_str().unwrap_or_default();
        for report in &run.reports {
            change(server, Method::PATCH, &["runs", id], Vec::new(), report).await?;
        }
    }
    Ok(())
}
