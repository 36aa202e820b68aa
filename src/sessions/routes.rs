//! `/auth/…`: log in, stay logged in, log out.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::password::{self, Login, wrong_credentials};
use super::queries::{self, Me, NewSession, Rotation};
use crate::api::body::Body;
use crate::api::entity::Entity;
use crate::api::fields::FromFields;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::text::Text;
use crate::auth::Gatekeeper;
use crate::auth::account::User;
use crate::auth::caller::Caller;
use crate::auth::opaque_token::OpaqueToken;
use crate::db::Db;

/// A refresh token that is presented.
#[derive(Debug, ToSchema, FromFields)]
#[schema(as = RefreshToken)]
#[schema(example = json!({ "refresh_token": "q0bX8rRk7w2mYt1uZs9vJc4nHd6fLe3gPa5iTo0yKxM" }))]
pub struct Session {
    #[schema(value_type = String, max_length = 256)]
    pub refresh_token: Text<256>,
}

/// What a client needs to call in the name of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMWEy….c2lnbmF0dXJl",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": "q0bX8rRk7w2mYt1uZs9vJc4nHd6fLe3gPa5iTo0yKxM",
    "user": {
        "user_id": "01a20575-84d9-79db-a493-fbb455308177",
        "username": "ada",
        "email": "ada@example.org",
        "role": "developer",
        "is_active": true,
        "created_at": "2026-11-22T10:00:00Z",
        "updated_at": "2026-11-22T10:00:00Z"
    }
}))]
pub struct Tokens {
    /// Send it as `Authorization: Bearer`; Supabase's REST API takes it as well.
    pub access_token: String,
    /// `bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u32,
    /// Exchange it at `POST /auth/refresh`, once.
    pub refresh_token: String,
    pub user: User,
}

fn tokens(
    gatekeeper: &Gatekeeper,
    session_id: Uuid,
    refresh_token: &OpaqueToken,
    user: User,
) -> Result<HttpResponse, Problem> {
    let (access_token, expires_in) = gatekeeper.access_token(user.user_id, session_id)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Tokens {
        access_token,
        token_type: "bearer",
        expires_in,
        refresh_token: refresh_token.to_string(),
        user,
    }))
}

/// Log in
///
/// After too many attempts at one account, or from one address, it takes some time until the
/// next is looked at.
#[utoipa::path(
    operation_id = "login",
    request_body = Login,
    responses((status = 200, description = "Logged in", body = Tokens))
)]
#[post("/auth/login")]
pub async fn login(
    request: HttpRequest,
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    Query(NoParams): Query<NoParams>,
    Body(login): Body<Login>,
) -> Result<HttpResponse, Problem> {
    let attempt = gatekeeper.attempt(&request);
    let proven = password::prove(&db, &gatekeeper, &login, &attempt).await?;
    let refresh_token = OpaqueToken::random();
    let session = NewSession {
        session_id: Uuid::now_v7(),
        token_digest: &refresh_token.digest(),
        lifetime_seconds: gatekeeper.refresh_token_seconds(),
    };
    let user = queries::finish_login(&db, proven.account, &proven.hash, &attempt, &session)
        .await?
        .ok_or_else(wrong_credentials)?;
    tokens(&gatekeeper, session.session_id, &refresh_token, user)
}

/// Exchange a refresh token for new tokens
///
/// Each refresh token is good for one exchange. One that comes a second time was stolen, or its
/// copy was: the whole session ends.
#[utoipa::path(
    operation_id = "refresh_tokens",
    request_body = Session,
    responses((status = 200, description = "New tokens", body = Tokens))
)]
#[post("/auth/refresh")]
pub async fn refresh(
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    Query(NoParams): Query<NoParams>,
    Body(session): Body<Session>,
) -> Result<HttpResponse, Problem> {
    let ended = || Problem::unauthorized("The session has ended: log in again.");
    let old: OpaqueToken = session.refresh_token.as_str().parse().map_err(|()| ended())?;
    let new = OpaqueToken::random();
    let lifetime = gatekeeper.refresh_token_seconds();
    match queries::rotate_refresh_token(&db, &old.digest(), &new.digest(), lifetime).await? {
        Rotation::Rotated { session_id, user } => tokens(&gatekeeper, session_id, &new, user),
        Rotation::Refused => Err(ended()),
    }
}

/// Log out
///
/// Ends the session of the refresh token, if there is one. An access token stays good until it
/// expires.
#[utoipa::path(
    operation_id = "logout",
    request_body = Session,
    responses((status = 204, description = "There is no such session, or no longer"))
)]
#[post("/auth/logout")]
pub async fn logout(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    Body(session): Body<Session>,
) -> Result<HttpResponse, Problem> {
    if let Ok(token) = session.refresh_token.as_str().parse::<OpaqueToken>() {
        queries::end_session(&db, &token.digest()).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Who am I?
///
/// The account behind the token or the key, with the role that counts for this request; with an API
/// key also which one it is.
#[utoipa::path(
    operation_id = "get_me",
    responses((status = 200, description = "The caller", body = Me))
)]
#[get("/auth/me")]
pub async fn me(
    db: web::Data<Db>,
    caller: Caller,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::User, Some("me"));
    let me = db.find(&caller, "User", async |scope| queries::me(scope).await).await?;
    Ok(Reply::ok(&me)?.compound_revision(me.updated_at))
}

pub fn configure(config: &mut impl Router) {
    config.service(login).service(refresh).service(logout).service(me);
}
