//! What the database refuses, in the words of HTTP.
//!
//! Every rule of the schema has a name (`migrations/`), and the name decides the problem. Rules
//! that name a field say where in the body it is.

use actix_web::http::StatusCode;
use serde_json::Value;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

use super::checks;
use crate::api::problem::Problem;
use crate::auth::{account, keys};

/// Whether a SQLSTATE is that of a statement that waited for a lock, or ran, for too long.
pub(super) fn is_over_time(state: &str) -> bool {
    matches!(state, "55P03" | "57014")
}

/// Whether the connection is gone: broken off, or ended by the server.
pub(super) fn is_loss(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Turns a failure of the database into what its client is told. What only we may know (the
/// statement, internal errors) goes to the log.
pub(super) fn problem(error: &sqlx::Error) -> Problem {
    let sqlx::Error::Database(database) = error else {
        if is_loss(error) {
            tracing::warn!(%error, "the database is out of reach");
            return Problem::unavailable();
        }
        tracing::error!(%error, "a statement failed");
        return Problem::internal();
    };
    let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() else {
        tracing::error!(%error, "a statement failed");
        return Problem::internal();
    };
    by_constraint(postgres).or_else(|| by_state(postgres)).unwrap_or_else(|| {
        let at = match postgres.position() {
            Some(PgErrorPosition::Original(at)) => at,
            _ => 0,
        };
        tracing::error!(
            code = postgres.code(),
            constraint = postgres.constraint(),
            at,
            r#where = postgres.r#where(),
            "{}",
            postgres.message()
        );
        Problem::internal()
    })
}

const FUTURE: &str = "Lies in the future.";

fn by_constraint(error: &PgDatabaseError) -> Option<Problem> {
    let name = error.constraint()?;
    // Our own guards word their refusal for people.
    let said = || format!("{}.", capitalized(error.message()));
    let listed =
        || serde_json::from_str::<Value>(error.detail().unwrap_or("[]")).unwrap_or_default();
    Some(match (error.code(), name) {
        ("28000", "caller_api_key") => Problem::unauthorized(keys::NOT_ACCEPTED),
        ("28000", "caller_console_session") => {
            Problem::unauthorized("The session has ended: sign in again.")
        }
        ("28000", _) => Problem::unauthorized(account::NO_USER),

        ("23505", "users_username_key") => {
            Problem::conflict("username_taken", "There is a user of that name.")
        }
        ("23505", "users_email_key") => {
            Problem::conflict("email_taken", "There is a user with that email address.")
        }
        ("23505", "blocks_name_key") => {
            Problem::conflict("name_taken", "There is a block of that name.")
        }
        ("23505", "edges_name_key") => {
            Problem::conflict("name_taken", "There is an edge of that name.")
        }
        ("23505", "pipelines_name_key") => {
            Problem::conflict("name_taken", "There is a pipeline of that name.")
        }
        ("23505", "embedding_models_name_key") => {
            Problem::conflict("name_taken", "There is an embedding model of that name.")
        }
        ("23505", "taxonomy_categories_name_key") => Problem::conflict(
            "name_taken",
            "There is a category of that name below the same parent.",
        ),
        ("23505", _) => Problem::conflict("already_exists", "There is one like it already."),

        ("22023", "instant_too_new" | "instant_too_old") => {
            Problem::invalid_field(error.column().unwrap_or_default(), error.message())
        }
        ("22023", "embedding_model_unknown") => {
            Problem::invalid_field("/vector/model", error.message())
        }
        ("22023", "search_vector_fault") => {
            Problem::invalid_field("/vector/values", error.message())
        }
        (_, "embeddings_vector_fault") => Problem::invalid_field("/values", error.message()),
        (_, "vectors_unavailable") => {
            Problem::new(StatusCode::NOT_IMPLEMENTED, "vectors_unavailable", error.message())
        }
        ("P0002", "block_not_found") => Problem::not_found("Block"),
        ("P0002", "edge_not_found") => Problem::not_found("Edge"),
        ("P0002", "pipeline_not_found") => Problem::not_found("Pipeline"),
        ("P0002", "version_not_found") => Problem::not_found("Version"),
        ("P0002", "category_not_found") => Problem::not_found("Category"),
        (_, "taxonomy_categories_ambiguous") => Problem::ambiguous(&said(), listed()),
        (_, "taxonomy_categories_too_deep") => Problem::invalid_field("/parent_id", &said()),
        (_, "docker_images_build_logs_check") => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The logs of a build have at most 10 MiB.",
        ),
        (_, faults) if faults.ends_with("_faults") => Problem::faults(
            serde_json::from_str(error.detail().unwrap_or("[]")).unwrap_or_default(),
        ),

        (_, "users_last_admin") => {
            Problem::conflict("last_admin", "The last active admin stays one.")
        }
        (_, "api_keys_revoked" | "api_keys_prolonged" | "api_keys_outlives") => {
            Problem::conflict("key_only_shrinks", &said())
        }
        (_, "api_keys_role_widens") => Problem::invalid_field("/role", &said()),
        (_, "pipeline_runs_not_ready") => Problem::not_ready(&said(), listed()),
        (_, "pipeline_runs_launchable") => Problem::conflict("not_launchable", &said()),
        (_, "pipeline_runs_of_dagster") => Problem::conflict("engine_run", &said()),
        (_, "pipeline_runs_claimed") => Problem::conflict("claimed", &said()),
        (_, in_use) if in_use.ends_with("_in_use") => Problem::in_use(&said(), listed()),
        (_, missing) if missing.ends_with("_missing") => Problem::missing(&said(), listed()),
        (_, archived) if archived.ends_with("_archived") => Problem::conflict("archived", &said()),
        (_, many) if many.ends_with("_too_many") => Problem::conflict("too_many", &said()),
        (_, cycle) if cycle.ends_with("_cycle") => Problem::conflict("cycle", &said()),
        (_, step) if step.ends_with("_status_step") || step.ends_with("_reported") => {
            Problem::conflict("wrong_step", &said())
        }

        (_, own) if own.ends_with("_reviewed") || own.ends_with("_protected") => {
            Problem::new(StatusCode::FORBIDDEN, "own_version", said())
        }
        ("42501", withdrawn) if withdrawn.ends_with("_withdrawn_by") => {
            Problem::new(StatusCode::FORBIDDEN, "forbidden", said())
        }
        (_, withdrawn) if withdrawn.ends_with("_withdrawn") => {
            Problem::conflict("withdrawn", &said())
        }
        (_, "edges_unverified") => Problem::conflict("unverified", &said()),
        (_, reviewed) if reviewed.ends_with("_reviewed_name") => {
            Problem::conflict("reviewed", &said())
        }
        (_, "edge_verifications_independent") => {
            Problem::new(StatusCode::FORBIDDEN, "own_version", said())
        }

        (_, "pipeline_runs_started_at_future") => Problem::invalid_field("/started_at", FUTURE),
        (_, "pipeline_runs_ended_at_future") => Problem::invalid_field("/ended_at", FUTURE),

        ("23503", foreign_key) => by_foreign_key(foreign_key, error),
        ("23514", check) => match checks::words(check) {
            Some(("", words)) => Problem::invalid(words),
            Some((pointer, words)) => Problem::invalid_field(pointer, words),
            // One that the owner has added.
            None => Problem::invalid(format!("It breaks a rule of the database: {check}.")),
        },
        _ => return None,
    })
}

/// A foreign key fails from either side: the thing pointed to is not there, or the thing to be
/// deleted is still pointed to.
fn by_foreign_key(name: &str, error: &PgDatabaseError) -> Problem {
    if error.message().starts_with("update or delete") {
        return Problem::conflict("in_use", "It is still in use, or has history that is kept.");
    }
    let column = name
        .strip_prefix(error.table().unwrap_or_default())
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(|rest| rest.strip_suffix("_fkey"))
        .unwrap_or_default();
    Problem::invalid_field(&format!("/{column}"), "Names nothing that is there.")
}

fn by_state(error: &PgDatabaseError) -> Option<Problem> {
    Some(match error.code() {
        "42501" => Problem::forbidden(),
        // Text that PostgreSQL cannot hold, JSON beyond its bounds.
        "22P02" | "22P05" | "22021" | "22003" | "22001" | "22008" | "22032" | "22030" | "54000"
        | "54001" => Problem::invalid(
            "A value cannot be stored: it has a null character, a lone surrogate, a number out of range, or is nested too deeply.",
        ),
        state if is_over_time(state) => {
            tracing::warn!(code = error.code(), "{}", error.message());
            Problem::busy()
        }
        "25006" => Problem::read_only(),
        code if code.starts_with("08")
            || code.starts_with("53")
            || code.starts_with("57P")
            // Waited too long in a transaction (25P03), or lost to others in every try.
            || code == "25P03"
            || code.starts_with("40") =>
        {
            tracing::warn!(code, "{}", error.message());
            Problem::unavailable()
        }
        _ => return None,
    })
}

fn capitalized(message: &str) -> String {
    let mut characters = message.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}
