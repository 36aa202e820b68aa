//! `/users` and everything below it.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

use super::{NewUser, UserList, UserPatch, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::audit::routes::activity as audit_activity;
use crate::audit::{PageOfLogs, Trail};
use crate::auth::Gatekeeper;
use crate::auth::account::User;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::removal::Removal;
use crate::resource::verbs::{self, Revision};

/// Create a user
///
/// For admins.
#[utoipa::path(
    operation_id = "create_user",
    request_body = NewUser,
    responses((status = 201, description = "Created", body = User))
)]
#[post("/users")]
pub async fn create(
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewUser>,
) -> Result<Reply, Problem> {
    let caller = &change.caller;
    let password_hash = match &change.body.password {
        None => None,
        Some(password) => {
            // A hash is work that nobody else may have us do; the insert decides in any case.
            let is_admin = db.run(caller, async |scope| queries::is_admin(scope).await).await?;
            if !is_admin {
                return Err(Problem::forbidden());
            }
            Some(gatekeeper.passwords().hash(password).await?)
        }
    };
    verbs::create(&db, &change, async |scope| {
        queries::create(scope, &change.body, password_hash.as_deref()).await
    })
    .await
}

/// List users
///
/// Admins see all, everybody else themselves.
#[utoipa::path(
    operation_id = "list_users",
    params(UserList),
    responses((status = 200, description = "A page of users", body = Page<User>))
)]
#[get("/users")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<UserList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::User, None);
    let rows = db.run(&caller, async |scope| queries::list(scope, &wanted).await).await?;
    Ok(Page::new(rows, |user| wanted.sort.cursor(user)).respond(&request))
}

/// Read a user
///
/// Admins read everybody, everybody reads themselves (as `me`, by name or by id); others are not
/// found.
#[utoipa::path(
    operation_id = "get_user",
    params(("user" = Reference, Path, description = "Id, username or `me`")),
    responses((status = 200, description = "The user", body = User))
)]
#[get("/users/{user}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    user: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, user.as_str(), async |scope| queries::get(scope, &user).await).await
}

/// Change a user
///
/// Everybody changes their own names, admins those of all, and roles. A demotion acts on the next
/// request of the user.
#[utoipa::path(
    operation_id = "update_user",
    params(("user" = Reference, Path, description = "Id, username or `me`")),
    request_body = UserPatch,
    responses((status = 200, description = "The user after the change", body = User))
)]
#[patch("/users/{user}")]
pub async fn update(
    db: web::Data<Db>,
    user: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<UserPatch>,
) -> Result<Reply, Problem> {
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, &user, &change.body, &change.if_match).await,
        async |scope| Ok(queries::revision(scope, &user).await?.map(Revision::from)),
    )
    .await
}

/// Deactivate a user
///
/// For admins. From the next request on no token and no key of the user is accepted; what the
/// user did stays. With `purge=true` the user is removed, which only one without history can be.
#[utoipa::path(
    operation_id = "deactivate_user",
    params(("user" = Reference, Path, description = "Id, username or `me`"), Removal),
    responses((status = 204, description = "Deactivated, or purged"))
)]
#[delete("/users/{user}")]
pub async fn deactivate(
    db: web::Data<Db>,
    user: web::Path<Reference>,
    Query(removal): Query<Removal>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write::<User>(
        &db,
        &change,
        removal.reach(),
        async |scope| {
            if removal.purge {
                queries::purge(scope, &user, &change.if_match).await
            } else {
                queries::deactivate(scope, &user, &change.if_match).await
            }
        },
        async |scope| Ok(queries::revision(scope, &user).await?.map(Revision::from)),
    )
    .await
}

/// Reactivate a user
///
/// For admins.
#[utoipa::path(
    operation_id = "restore_user",
    params(("user" = Reference, Path, description = "Id or username")),
    responses((status = 200, description = "The user, active again", body = User))
)]
#[post("/users/{user}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    user: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::restore(
        &db,
        &change,
        async |scope| queries::restore(scope, &user, &change.if_match).await,
        async |scope| Ok(queries::revision(scope, &user).await?.map(Revision::from)),
    )
    .await
}

/// What a user did, newest first
///
/// Admins see it of all, everybody else of themselves.
#[utoipa::path(
    operation_id = "list_user_activity",
    params(("user" = Reference, Path, description = "Id, username or `me`"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
)]
#[get("/users/{user}/activity")]
pub async fn activity(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    user: web::Path<Reference>,
    Query(page): Query<PageOfLogs>,
) -> Result<HttpResponse, Problem> {
    let trail = audit_activity(&db, caller.clone(), &user, &page).await?;
    if trail.items.is_empty() && page.cursor.is_none() {
        // Somebody who did nothing yet, or nobody.
        db.find(&caller, "User", async |scope| queries::revision(scope, &user).await).await?;
    }
    Ok(trail.respond(&request))
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(deactivate)
        .service(restore)
        .service(activity);
}
