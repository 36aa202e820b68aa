//! What an MLflow has of what is asked for, and its runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::api::{Api, Model, Run, Version};
use crate::cli::import::Since;
use crate::cli::import::names::Names;
use crate::cli::import::report::{Gap, Report};

/// So many runs are asked for at a time.
const SIDE_BY_SIDE: usize = 8;

/// A model, and its versions by their numbers.
pub(super) struct Wanted {
    pub model: Model,
    pub versions: BTreeMap<u64, Version>,
}

/// What the MLflow has of what is asked for, and may have in a registry.
pub(super) async fn wanted(
    api: &Api,
    names: &[String],
    since: Option<Since>,
    report: &mut Report,
) -> Result<Vec<Wanted>, Box<dyn Error>> {
    let (mut models, mut versions) = (Vec::new(), Vec::new());
    if names.is_empty() {
        models = api.models(None, report).await?;
        versions = api.versions(None, report).await?;
    }
    for name in names {
        let found = api.models(Some(name), report).await?;
        if found.is_empty() {
            report.left_out("model", name, None, "the MLflow has no model of that name");
        }
        models.extend(found);
        versions.extend(api.versions(Some(name), report).await?);
    }
    let mut by_name: HashMap<String, BTreeMap<u64, Version>> = HashMap::new();
    for version in versions {
        by_name.entry(version.name.clone()).or_default().insert(version.version, version);
    }
    models.sort_by(|one, other| one.name.cmp(&other.name));
    models.dedup_by(|one, other| one.name == other.name);
    let mut taken = Names::default();
    let mut wanted = Vec::new();
    for model in models {
        let Some(mut versions) = by_name.remove(&model.name) else {
            report.left_out("model", &model.name, None, "it has no version");
            continue;
        };
        if !taken.take("model", &model.name, report) {
            continue;
        }
        gaps(&model, &versions, report);
        if let Some(Since(since)) = since {
            let since = u64::try_from(since.timestamp_millis()).unwrap_or(0);
            versions.retain(|_, version| version.creation_timestamp.is_none_or(|at| at >= since));
        }
        wanted.push(Wanted { model, versions });
    }
    Ok(wanted)
}

/// The numbers below the highest that nothing has.
fn gaps(model: &Model, versions: &BTreeMap<u64, Version>, report: &mut Report) {
    // A number out of all bounds is no reason to count to it.
    const MOST: usize = 10_000;
    let highest = versions.keys().next_back().copied().unwrap_or(0);
    let missing = (1..highest).filter(|number| !versions.contains_key(number));
    let missing: Vec<u64> = missing.take(MOST).collect();
    if !missing.is_empty() {
        report.gaps.push(Gap { name: model.name.clone(), missing });
    }
}

/// The runs of these versions, each asked for once.
pub(super) async fn runs(
    api: &Api,
    versions: impl Iterator<Item = &Version>,
    report: &mut Report,
) -> Result<HashMap<String, Run>, Box<dyn Error>> {
    let ids: HashSet<&String> = versions
        .filter_map(|version| version.run_id.as_ref())
        .filter(|id| !id.is_empty())
        .collect();
    let found: Vec<(&String, Option<Run>)> = stream::iter(ids)
        .map(async |id| Ok::<_, Box<dyn Error>>((id, api.run(id).await?)))
        .buffer_unordered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    let mut runs = HashMap::new();
    for (id, run) in found {
        match run {
            Some(run) => {
                run.note_unknown(report);
                runs.insert(id.clone(), run);
            }
            None => report.left_out("run", id, None, "the MLflow does not have it any more"),
        }
    }
    Ok(runs)
}

pub(super) fn run_of<'a>(version: &Version, runs: &'a HashMap<String, Run>) -> Option<&'a Run> {
    runs.get(version.run_id.as_ref()?)
}
