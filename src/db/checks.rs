//! The words of the database's checks. The service says nearly all of them itself, before; what comes
//! through it all the same is refused in these.

/// The name of each check, where in a body that is which it checks, and what it asks for. A test
/// holds the names against the catalog.
pub const CHECKS: &[(&str, &str, &str)] = &[
    ("alias_moves_alias_check", "/alias", ALIAS),
    ("aliases_alias_check", "/alias", ALIAS),
    (
        "api_keys_encrypted_api_key_check",
        "",
        "The digest of a key must be `sha256:` and a SHA-256 in hex.",
    ),
    ("api_keys_expires_at_late_check", "/expires_at", LATE),
    ("api_keys_expires_at_past_check", "/expires_at", "Lies in the past."),
    ("api_keys_key_prefix_check", "", "The prefix of a key must be 4 to 32 letters and digits."),
    ("api_keys_name_check", "/name", NAME),
    ("api_keys_role_check", "/role", ROLE),
    ("block_vector_representations_taxonomy_filter_check", "/taxonomy_filter", OBJECT),
    (
        "block_vector_representations_vector_db_check",
        "/vector_db",
        "Must be a line of 1 to 100 characters.",
    ),
    (
        "block_vector_representations_vector_key_check",
        "/vector_key",
        "Must be a line of 1 to 1000 characters.",
    ),
    ("block_versions_activated_at_check", "/activated_at", "Is missing: the version is active."),
    ("block_versions_description_check", "/description", DESCRIPTION),
    ("block_versions_metadata_check", "/metadata", OBJECT),
    ("block_versions_version_number_check", "/version_number", VERSION),
    (
        "block_versions_withdrawn_at_check",
        "/withdrawn_at",
        "Belongs to a reason, and to nothing else.",
    ),
    (
        "block_versions_withdrawn_reason_check",
        "/withdrawn_reason",
        "Must be a line of 1 to 1000 characters.",
    ),
    ("blocks_description_check", "/description", DESCRIPTION),
    ("blocks_metadata_check", "/metadata", OBJECT),
    ("blocks_name_check", "/name", NAME),
    (
        "code_repos_branch_check",
        "/branch",
        "Must be the name of a Git branch, of at most 255 characters.",
    ),
    (
        "code_repos_repo_url_check",
        "/repo_url",
        "Must be https://host/path, ssh://user@host/path or git@host:path, of at most 2000 characters.",
    ),
    (
        "console_sessions_idle_seconds_check",
        "",
        "A session ends after some time in which nobody looks.",
    ),
    ("console_sessions_token_digest_check", "", "The digest of a token must have 32 bytes."),
    (
        "console_sessions_user_agent_check",
        "",
        "What a browser calls itself is told in 300 characters at most.",
    ),
    (
        "dependencies_dependency_detail_check",
        "/dependency_detail",
        "Must have at most 2000 characters.",
    ),
    (
        "dependencies_depends_on_check",
        "",
        "An internal dependency needs depends_on_type and depends_on_id, an external one needs \
         dependency_detail and neither of the two.",
    ),
    (
        "dependencies_self_check",
        "/depends_on_id",
        "Must be something else: nothing depends on itself.",
    ),
    (
        "dependencies_version_constraint_check",
        "/version_constraint",
        "Must be a line of 1 to 200 characters.",
    ),
    (
        "dependencies_internal_version_constraint_check",
        "/version_constraint",
        "Must be comparisons with commas between, such as >=2,<5, =3 or !=4; * for all versions; or @ and an alias.",
    ),
    (
        "docker_images_appended_logs_check",
        "/build_logs",
        "Is appended to the logs of an image that is there.",
    ),
    ("docker_images_build_logs_check", "/build_logs", LOGS),
    (
        "docker_images_image_digest_check",
        "/image_digest",
        "Must be sha256: or blake3: and 64, or sha512: and 128 of the digits 0 to 9 and a to f.",
    ),
    (
        "docker_images_image_tag_check",
        "/image_tag",
        "Must be a tag: 1 to 128 letters, digits, `_`, `.` and `-`.",
    ),
    (
        "docker_images_registry_url_check",
        "/registry_url",
        "Must be a registry or a repository in one, as registry.example.org:5000/team/name, of at most 263 characters.",
    ),
    ("edge_vector_representations_taxonomy_filter_check", "/taxonomy_filter", OBJECT),
    (
        "edge_vector_representations_vector_db_check",
        "/vector_db",
        "Must be a line of 1 to 100 characters.",
    ),
    (
        "edge_vector_representations_vector_key_check",
        "/vector_key",
        "Must be a line of 1 to 1000 characters.",
    ),
    ("edge_verifications_verification_logs_check", "/verification_logs", LOGS),
    (
        "edge_verifications_verified_at_check",
        "/verified_at",
        "Belongs to an outcome, and only to one.",
    ),
    ("edge_versions_activated_at_check", "/activated_at", "Is missing: the version is active."),
    ("edge_versions_description_check", "/description", DESCRIPTION),
    ("edge_versions_metadata_check", "/metadata", OBJECT),
    ("edge_versions_version_number_check", "/version_number", VERSION),
    (
        "edge_versions_withdrawn_at_check",
        "/withdrawn_at",
        "Belongs to a reason, and to nothing else.",
    ),
    (
        "edge_versions_withdrawn_reason_check",
        "/withdrawn_reason",
        "Must be a line of 1 to 1000 characters.",
    ),
    ("edges_description_check", "/description", DESCRIPTION),
    ("edges_metadata_check", "/metadata", OBJECT),
    ("edges_name_check", "/name", NAME),
    ("engine_engine_id_check", "", "There is one row of the engine."),
    ("idempotency_keys_fingerprint_check", "", "The fingerprint of a request must have 32 bytes."),
    ("idempotency_keys_key_check", "", "An Idempotency-Key must have 1 to 255 characters."),
    (
        "managed_entity_type_check",
        "/entity_type",
        "Files manage blocks, edges, pipelines and categories.",
    ),
    ("managed_fields_check", "/fields", "Must be an object of lines of 1 to 100 characters."),
    ("managed_owner_check", "/owner", "Must be a line of 1 to 100 characters."),
    ("outbox_event_check", "", "An event belongs to lineage, and lineage has one."),
    ("outbox_task_check", "", "Must be launch, cancel or lineage."),
    ("pipeline_blocks_pin_check", "", PIN),
    ("pipeline_edges_pin_check", "", PIN),
    ("pipeline_edges_self_check", "/target_block_id", "Must be another block than the source."),
    ("pipeline_locks_lock_digest_check", "/lock_digest", DIGEST),
    ("pipeline_runs_begun_check", "/started_at", "Is missing: the run has started."),
    ("pipeline_runs_claim_check", "/claim", "Must have 1 to 200 characters."),
    ("pipeline_runs_claimed_by_check", "", "Who has a run is told in 210 characters at most."),
    (
        "pipeline_runs_dagster_run_id_check",
        "",
        "What Dagster calls a run must have at most 255 characters.",
    ),
    ("pipeline_runs_ended_at_early_check", "/ended_at", EARLY),
    ("pipeline_runs_ended_at_late_check", "/ended_at", LATE),
    ("pipeline_runs_failure_check", "/failure", "Must have 1 to 10000 characters."),
    ("pipeline_runs_lock_digest_check", "/lock_digest", DIGEST),
    ("pipeline_runs_order_check", "/ended_at", "Lies before started_at."),
    ("pipeline_runs_outcome_check", "/ended_at", "Belongs to an outcome, and an outcome has one."),
    (
        "pipeline_runs_parameters_check",
        "/parameters",
        "Must be a JSON object, of at most 65536 bytes as it is printed.",
    ),
    ("pipeline_runs_started_at_early_check", "/started_at", EARLY),
    ("pipeline_runs_started_at_late_check", "/started_at", LATE),
    ("pipelines_dagster_pipeline_config_check", "/dagster_pipeline_config", OBJECT),
    ("pipelines_description_check", "/description", DESCRIPTION),
    ("pipelines_parameters_schema_check", "/parameters_schema", OBJECT),
    ("embedding_models_dimensions_check", "/dimensions", "Must be a whole number from 1 to 4000."),
    ("embedding_models_name_check", "/name", NAME),
    (
        "embeddings_source_digest_check",
        "/source_digest",
        "Must be sha256: and 64 hexadecimal digits.",
    ),
    ("pipelines_name_check", "/name", NAME),
    ("refresh_tokens_token_digest_check", "", "The digest of a token must have 32 bytes."),
    ("settings_settings_id_check", "", "There is one row of settings."),
    ("taxonomy_categories_name_check", "/name", NAME),
    ("taxonomy_categories_parent_id_check", "/parent_id", "Must be another category."),
    ("users_email_check", "/email", "Must be an email address, of at most 254 characters."),
    ("users_password_hash_check", "/password", "Must be hashed by Argon2id."),
    ("users_role_check", "/role", ROLE),
    (
        "users_username_check",
        "/username",
        "Must be 1 to 100 letters, digits, `.`, `_` and `-`, begin with a letter or a digit, and be neither `me` nor look like an id.",
    ),
];

const ALIAS: &str = "Must be 1 to 63 small letters, digits, `_` and `-`, a letter first, and neither latest, active nor v with a digit behind it.";
const DESCRIPTION: &str = "Must have at most 10000 characters.";
const DIGEST: &str = "Must be a SHA-256 in hex: 64 digits.";
// The bounds of `app.earliest_time()` and `app.latest_time()`.
const EARLY: &str = "Lies too far back: at least 2000-01-01T00:00:00.000000Z.";
const LATE: &str = "Lies too far ahead: at most 9999-12-31T23:59:59.999999Z.";
const LOGS: &str = "Must have at most 10 MiB.";
const NAME: &str = "Must be a name: 1 to 200 characters without space around them, none of them control or invisible ones, and not in the form of an id.";
const OBJECT: &str = "Must be a JSON object.";
const PIN: &str = "Follows either one version or an alias.";
const ROLE: &str = "Must be viewer, developer or admin.";
const VERSION: &str = "Must be 1 or more.";

/// Where a check looks, and what it asks for.
pub(super) fn words(check: &str) -> Option<(&'static str, &'static str)> {
    let (_, pointer, words) = CHECKS.iter().find(|(name, ..)| *name == check)?;
    Some((pointer, words))
}
