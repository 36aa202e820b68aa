//! `blockyard import dvc`: what a checkout tracks with DVC, version by version in their order.

mod content;
mod form;
mod git;
mod gto;
mod journey;
mod objects;
mod past;
mod snapshot;
mod wanted;

use std::error::Error;
use std::path::PathBuf;

use clap::Args;

use self::content::Origin;
use self::git::Git;
use self::journey::Journey;
use self::objects::Objects;
use self::past::Version;
use self::wanted::{Wanted, wanted};
use super::landing::{Arrival, Landing};
use super::report::Report;
use super::{Manner, Since, plan, repos};

const NEVER: &[&str] = &[
    "the files themselves (their digests are in dvc.md5, dvc.etag …)",
    "addresses and credentials of remotes, and the rest of .dvc/config (the name of the remote is in dvc.remote)",
    "stages as edges and dvc.yaml as a pipeline (the stage that made a version is in dvc.stage, what it read in dvc.deps)",
    "plots, experiments (refs/exps), other branches, what is not committed",
];

#[derive(Debug, Args)]
pub(in crate::cli) struct Dvc {
    /// A git checkout, of which the branch that is checked out is read as it is committed
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Only the artifact of this name, or the output at this path; can be said several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Only versions that were committed since then (a day, or a time)
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    #[command(flatten)]
    manner: Manner,
}

pub(super) async fn import(arguments: &Dvc) -> Result<(), Box<dyn Error>> {
    let git = Git::open(&arguments.folder)?;
    let manner = &arguments.manner;
    let remote = git.remote()?;
    let source = match (&manner.source, &remote) {
        (Some(source), _) => source.clone(),
        (None, Some(remote)) => repos::place(remote),
        (None, None) => git.top().display().to_string(),
    };
    let mut report = Report {
        source: source.clone(),
        is_dry_run: manner.dry_run || manner.plan.is_some(),
        never_carried: NEVER,
        ..Report::default()
    };
    let repo = match remote.as_deref().map(repos::without_secrets) {
        Some(url) => repos::repo(&url, git.branch()?.as_deref(), (&source, None), &mut report),
        None => None,
    };
    let mut objects = git.objects()?;
    let mut wanted = wanted(&git, &mut objects, &mut report)?;
    if let Some(since) = arguments.since {
        for it in &mut wanted {
            newer(&mut objects, &mut it.versions, since)?;
        }
    }
    for name in arguments.names.iter().filter(|name| !wanted.iter().any(|it| it.name == **name)) {
        report.left_out("block", name, None, "the checkout has nothing of that name");
    }
    let is_asked_for = |it: &&Wanted| {
        !it.versions.is_empty()
            && (arguments.names.is_empty() || arguments.names.contains(&it.name))
    };
    let asked: Vec<&Wanted> = wanted.iter().filter(is_asked_for).collect();
    report.found.things = asked.len();
    report.found.versions = asked.iter().map(|it| it.versions.len()).sum();
    let origin = Origin { source: &source, repo: repo.as_ref() };
    if let Some(path) = &manner.plan {
        let arrivals = planned(&mut objects, &origin, &wanted, &asked, &mut report)?;
        plan::write(path, arrivals, &mut report)?;
        return manner.tell(&report);
    }
    let landing = Landing::new(manner.server()?, "dvc", &source);
    let things = wanted.iter().map(|it| (it.name.clone(), it.kind)).collect();
    let standings = landing.standings(things).await?;
    let mut journey = Journey::new(objects, origin, &wanted, &standings, landing, report);
    let missing = journey.missing(&asked);
    if !manner.dry_run {
        journey.bring(&missing).await?;
        journey.aliases(&asked).await?;
    }
    manner.tell(&journey.report)
}

/// Leaves those that were committed since then.
fn newer(
    objects: &mut Objects,
    versions: &mut Vec<Version>,
    Since(since): Since,
) -> Result<(), Box<dyn Error>> {
    for version in std::mem::take(versions) {
        if objects.commit(&version.commit)?.at >= since.timestamp() {
            versions.push(version);
        }
    }
    Ok(())
}

/// A file has each thing once: the newest version of each.
fn planned(
    objects: &mut Objects,
    origin: &Origin<'_>,
    wanted: &[Wanted],
    asked: &[&Wanted],
    report: &mut Report,
) -> Result<Vec<Arrival>, Box<dyn Error>> {
    let mut arrivals = Vec::new();
    for &it in asked {
        let Some((newest, older)) = it.versions.split_last() else { continue };
        let known = |name: &str| asked.iter().any(|it| it.name == name);
        let mut arrival = content::version(objects, origin, wanted, (it, newest), known, report)?;
        let older = older.iter().map(|it| it.id.clone());
        let aliases = it.aliases.iter().map(|(alias, id)| (alias.as_str(), id.clone()));
        plan::alone(&mut arrival, older, aliases, report);
        arrivals.push(arrival);
    }
    Ok(arrivals)
}
