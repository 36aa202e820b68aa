//! `/apply` and `/export`.

use std::time::Duration;

use actix_web::{get, post, web};

use super::body::GivenFile;
use super::categories::Categories;
use super::changing::Changing;
use super::comparison::Comparison;
use super::described::RegistryFileMembers;
use super::export::Exported;
use super::found::Found;
use super::given::RegistryFile;
use super::renaming::Renaming;
use super::{Applied, Manner, Outcome, queries};
use crate::api::entity::Entity;
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Transaction};
use crate::preview;
use crate::resource::change::Change;

/// Its statements are thousands, each of which has the time that every statement has. (What a request may
/// take in all, `REQUEST_SECONDS` says.)
const LONGEST: Duration = Duration::from_mins(5);

/// Make the registry what a file says
///
/// All of it in one transaction, or nothing: the order is found out here, and what a thing mentions is in
/// the file or there already. What the file does not name stays as it is. Each change is made as its own
/// operation makes it: by the caller's rights, against every rule, as a new version of what has versions,
/// as a candidate where changes are reviewed. Applied once more it changes nothing.
///
/// With `owner` the file manages what it names, member by member: another file that says otherwise is
/// refused with 409 `managed` until it takes over by `force`.
///
/// As `text/csv` it is a table of blocks, with the columns `name`, `renamed_from`, `type`, `description`,
/// `activation`, `categories` (`;` between), `metadata` (a JSON object) and `metadata/…` for single members
/// of it; an empty cell says nothing. The first row is `/blocks/0`. What `GET /blocks` answers as CSV is
/// such a table.
#[utoipa::path(
    operation_id = "apply",
    params(Manner),
    request_body(content((RegistryFileMembers = "application/json"), (String = "text/csv"))),
    responses(
        (status = 200, description = "What it came to", body = Applied),
        (status = 412, description = "The plan is of another file, or what it has read is not so any more", content_type = "application/problem+json", body = Problem)
    )
)]
#[post("/apply")]
pub async fn apply(
    db: web::Data<Db>,
    Query(manner): Query<Manner>,
    change: Change<GivenFile>,
) -> Result<Reply, Problem> {
    let (GivenFile(file), db) = (&change.body, db.for_long_work(LONGEST));
    if manner.prune && file.owner.is_none() {
        let words = "Is required to prune: what it manages and the file names no more is archived.";
        return Err(Problem::invalid_field("/owner", words));
    }
    if manner.dry_run {
        let work = async |trial: &mut Transaction<'_>| apply_in(trial, file, &manner).await;
        return Reply::ok(&db.trial(&change.caller, work).await?);
    }
    change
        .make_together(&db, async |transaction| {
            Ok(Reply::ok(&apply_in(transaction, file, &manner).await?)?)
        })
        .await
}

async fn apply_in(
    transaction: &mut Transaction<'_>,
    file: &RegistryFile,
    manner: &Manner,
) -> Result<Applied, Failure> {
    queries::enter(transaction).await?;
    let owner = file.owner.as_ref().map(|owner| owner.as_str());
    let categories = Categories::of(queries::categories(transaction).await?, &file.items)?;
    let mut found = Found::of(transaction, &file.items, owner, &categories).await?;
    let renaming = Renaming::of(&file.items, &found)?;
    renaming.rename(&mut found);
    let comparison = Comparison::of(file, &found, &renaming, &categories, manner)?;
    if manner.plan.as_ref().is_some_and(|plan| *plan != comparison.plan) {
        return Err(Problem::stale().into());
    }
    if let (Some(refusal), false) = (comparison.refusal(), manner.dry_run) {
        return Err(refusal.into());
    }
    let touched = comparison.touched();
    let (reached, all_asked) = match touched.as_slice() {
        [] => (Vec::new(), true),
        touched => preview::queries::affected(transaction, touched).await?,
    };
    let before = preview::queries::states(transaction, &reached).await?;
    let items = Changing::of(&comparison, &found).make(transaction, owner, manner.force).await?;
    let after = preview::queries::states(transaction, &reached).await?;
    let outlook = preview::verdict::of(&before, &after, reached.len(), all_asked, Vec::new())?;
    Ok(Applied {
        dry_run: manner.dry_run,
        has_changes: items.iter().any(|item| item.outcome != Outcome::Unchanged),
        plan: comparison.plan,
        items,
        verdict: outlook.verdict,
        reasons: outlook.reasons,
        pipelines: outlook.pipelines,
        pipelines_checked: outlook.pipelines_checked,
    })
}

/// Show the registry as a file
///
/// What is in use, as `POST /apply` takes it: sorted, without ids and times, and without what is as it
/// would be anyway, so that the same registry is the same file. Users, keys, runs, verifications and
/// versions that are not in use are in no file.
#[utoipa::path(
    operation_id = "export",
    params(Exported),
    responses((status = 200, description = "The file", body = RegistryFileMembers))
)]
#[get("/export")]
pub async fn export_file(
    db: web::Data<Db>,
    caller: Caller,
    Query(exported): Query<Exported>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let file =
        db.snapshot(&caller, async |scope| super::export::file(scope, &exported).await).await?;
    Reply::ok(&file)
}

pub fn configure(config: &mut impl Router) {
    config.service(apply).service(export_file);
}
