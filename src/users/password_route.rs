//! `POST /users/{user}/password`.

use actix_web::{HttpRequest, post, web};

use super::queries;
use super::{PASSWORD_IS_NAME, PasswordChange};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::Gatekeeper;
use crate::auth::account::User;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::verbs::{self, Reach, Revision};
use crate::sessions::password;

const CURRENT: &str = "/current_password";

/// Set a password
///
/// One's own takes the current one as well; admins set those of others. All sessions of the user
/// end.
#[utoipa::path(
    operation_id = "set_user_password",
    params(("user" = Reference, Path, description = "Id, username or `me`")),
    request_body = PasswordChange,
    responses((status = 204, description = "The new password counts"))
)]
#[post("/users/{user}/password")]
pub(super) async fn set_password(
    request: HttpRequest,
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    user: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<PasswordChange>,
) -> Result<Reply, Problem> {
    let caller = &change.caller;
    // The current password of a repetition is no longer the current one.
    if let Some(answer) = change.earlier_answer(&db).await? {
        return Ok(answer);
    }
    let owner =
        db.find(caller, "User", async |scope| queries::password_owner(scope, &user).await).await?;
    if !owner.is_unnarrowed {
        return Err(Problem::forbidden());
    }
    let new = &change.body.new_password;
    if new.is_any_of(&[&owner.username, &owner.email]) {
        return Err(Problem::invalid_field("/new_password", PASSWORD_IS_NAME));
    }
    if owner.is_caller {
        let Some(current) = &change.body.current_password else {
            return Err(Problem::invalid_field(CURRENT, "Is required."));
        };
        let attempt = gatekeeper.attempt(&request);
        if !password::is_of(&db, &gatekeeper, owner.user_id, current, &attempt).await? {
            return Err(Problem::invalid_field(CURRENT, "Is not the current password."));
        }
    }
    let hash = gatekeeper.passwords().hash(new).await?;
    verbs::write::<User>(
        &db,
        &change,
        Reach::All,
        async |scope| queries::set_password(scope, owner.user_id, &hash, &change.if_match).await,
        async |scope| Ok(queries::revision(scope, &user).await?.map(Revision::from)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config.service(set_password);
}
