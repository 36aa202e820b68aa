//! `POST /users/{user}/password`.

use actix_web::{HttpRequest, post, web};

use super::queries::{self, PasswordOwner};
use super::{PASSWORD_IS_NAME, PasswordChange};
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::Gatekeeper;
use crate::auth::account::User;
use crate::auth::passwords::Password;
use crate::auth::throttle::Attempt;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::verbs::{self, Reach, Revision};
use crate::sessions::queries as sessions;

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
    let password = &change.body.new_password;
    if password.is_any_of(&[&owner.username, &owner.email]) {
        return Err(Problem::invalid_field("/new_password", PASSWORD_IS_NAME));
    }
    if owner.is_caller {
        let Some(current) = &change.body.current_password else {
            return Err(Problem::invalid_field(CURRENT, "Is required."));
        };
        let attempt = gatekeeper.attempt(&request);
        check(&db, &gatekeeper, &owner, current, &attempt).await?;
    }
    let hash = gatekeeper.passwords().hash(password).await?;
    verbs::write::<User>(
        &db,
        &change,
        Reach::All,
        async |scope| queries::set_password(scope, owner.user_id, &hash, &change.if_match).await,
        async |scope| Ok(queries::revision(scope, &user).await?.map(Revision::from)),
    )
    .await
}

/// Counted like a login, so that whoever has stolen a token cannot try passwords here.
async fn check(
    db: &Db,
    gatekeeper: &Gatekeeper,
    owner: &PasswordOwner,
    current: &Password,
    attempt: &Attempt,
) -> Result<(), Problem> {
    let found = sessions::password_of(db, owner.user_id, attempt).await?;
    if let Some(seconds) = found.retry_after_seconds {
        return Err(Problem::too_many_attempts(seconds));
    }
    let hash = found.password_hash.as_deref();
    if !gatekeeper.passwords().verify(current, hash).await? {
        return Err(Problem::invalid_field(CURRENT, "Is not the current password."));
    }
    sessions::forgive_attempts(db, owner.user_id, attempt).await
}

pub fn configure(config: &mut impl Router) {
    config.service(set_password);
}
