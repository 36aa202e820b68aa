//! Every variable, described once.

mod telemetry;
mod vector_stores;

use super::setting::{Group, Setting, secret, setting};

/// All of them.
pub const SETTINGS: &[Group] = &[
    Group {
        title: "Database",
        settings: &[
            secret(
                "DATABASE_URL",
                "",
                "a URL such as postgres://blockyard_api:password@host:5432/postgres",
                "The database, as the role blockyard_api. Without it a private PostgreSQL is started in BLOCKYARD_DIR.",
            ),
            secret(
                "DATABASE_REPLICA_URL",
                "",
                "a URL such as postgres://blockyard_api:password@replica:5432/postgres",
                "A streaming replica of that server, which answers what it can of what is only read; same database and role.",
            ),
            secret(
                "MIGRATE_DATABASE_URL",
                "DATABASE_URL",
                "a URL such as postgres://postgres:password@host:5432/postgres",
                "The owner's login, for migrate, check, user and login-role; direct or through a session pooler.",
            ),
            setting(
                "DATABASE_CA",
                "",
                "a PEM certificate, or the path of a file that holds one",
                "The authority that vouches for the database's certificate; Supabase has its own.",
            ),
            setting(
                "DATABASE_CONNECTIONS",
                "10",
                "a whole number from 1 to 10000",
                "How many connections one instance keeps at most.",
            ),
            setting(
                "DATABASE_WAIT_SECONDS",
                "3",
                "a whole number of seconds from 1 on",
                "How long a request waits for a connection before it is answered with 503.",
            ),
            setting(
                "ALLOW_INSECURE_DATABASE",
                "false",
                "true or false",
                "Connect to another machine without verify-full: only where nobody can listen on the way.",
            ),
            setting(
                "ALLOW_PRIVILEGED_LOGIN",
                "false",
                "true or false",
                "Serve over a login that row-level security does not bind. The service then protects the data alone.",
            ),
        ],
    },
    Group {
        title: "Identity",
        settings: &[
            secret(
                "JWT_SECRET",
                "",
                "at least 32 random bytes (`openssl rand -base64 48` makes them), or several such with white space between",
                "Signs access tokens (HS256); of several the first signs, and all are accepted. Supabase's JWT secret, if its REST API shall accept them as well. Required with DATABASE_URL.",
            ),
            setting(
                "JWT_JWKS_URL",
                "",
                "an https URL (http only to this machine)",
                "Further keys (ES256, RS256) whose tokens are accepted: https://<ref>.supabase.co/auth/v1/.well-known/jwks.json.",
            ),
            setting("JWT_ISSUER", "blockyard", "a text", "`iss` of our tokens."),
            setting(
                "JWT_TRUSTED_ISSUERS",
                "",
                "a list with commas between",
                "Issuers whose tokens are accepted beside our own; the keys of JWT_JWKS_URL sign for these only.",
            ),
            setting(
                "ACCESS_TOKEN_SECONDS",
                "900",
                "a whole number of seconds from 1 to 604800 (a week)",
                "How long an access token is valid.",
            ),
            setting(
                "REFRESH_TOKEN_SECONDS",
                "2592000",
                "a whole number of seconds from 1 on",
                "How long a refresh token is valid.",
            ),
            setting(
                "LOGIN_ACCOUNT_LIMIT",
                "10",
                "a whole number from 1 on",
                "Failed logins of one account within the window before 429.",
            ),
            setting(
                "LOGIN_ADDRESS_LIMIT",
                "50",
                "a whole number from 1 on",
                "Failed logins from one address within the window before 429.",
            ),
            setting(
                "LOGIN_WINDOW_SECONDS",
                "900",
                "a whole number of seconds from 1 on",
                "That window.",
            ),
        ],
    },
    Group {
        title: "Network",
        settings: &[
            setting(
                "HOST",
                "127.0.0.1",
                "an address or a name of this machine",
                "Where to listen. 0.0.0.0 when PORT and DATABASE_URL are set, as a platform does.",
            ),
            setting(
                "PORT",
                "8000",
                "a port, 0 to 65535 (0 takes a free one)",
                "The port to listen on.",
            ),
            setting(
                "TRUST_FORWARDED_FOR",
                "false",
                "true or false",
                "Take the client's address from X-Forwarded-For and its scheme from X-Forwarded-Proto: only behind a proxy that sets them.",
            ),
            setting(
                "CORS_ALLOWED_ORIGINS",
                "",
                "origins such as https://app.example.org with commas between, or *",
                "Whose pages may use the API from a browser.",
            ),
            setting(
                "RATE_LIMIT_CALLER",
                "3000000",
                "a whole number (0 for no limit)",
                "Requests a minute that one caller may send to one instance; more get 429.",
            ),
            setting(
                "RATE_LIMIT_ADDRESS",
                "3000000",
                "a whole number (0 for no limit)",
                "The same for one address, an IPv6 network of 64 bits being one.",
            ),
            setting(
                "MAX_CONNECTIONS",
                "10000",
                "a whole number from 1 on",
                "Connections of clients at once; further ones wait to be accepted. Fewer where the open files of the process are limited to less.",
            ),
            setting(
                "WORKERS",
                "0",
                "a whole number up to 1024 (0 for one a core)",
                "Threads that serve requests.",
            ),
            setting(
                "HEADER_SECONDS",
                "10",
                "a whole number of seconds from 1 on",
                "How long the head of a request may take to arrive.",
            ),
            setting(
                "BODY_LIMIT",
                "2097152",
                "a whole number of bytes from 1024 on",
                "The largest request body; larger ones get 413.",
            ),
            setting(
                "APPLY_BODY_LIMIT",
                "16777216",
                "a whole number of bytes from 1024 on",
                "The largest file that `POST /apply` takes; larger ones get 413.",
            ),
            setting(
                "BODY_SECONDS",
                "30",
                "a whole number of seconds from 1 on",
                "How long a body may take to arrive before 408.",
            ),
            setting(
                "REQUEST_SECONDS",
                "60",
                "a whole number of seconds, more than BODY_SECONDS",
                "How long a whole request may take before 503, whatever it waits for.",
            ),
            setting(
                "KEEP_ALIVE_SECONDS",
                "75",
                "a whole number of seconds (0 closes after each answer)",
                "How long a connection may be idle between requests. Longer than the proxy in front keeps it.",
            ),
            setting(
                "SHUTDOWN_DELAY_SECONDS",
                "5",
                "a whole number of seconds",
                "How long requests are still accepted after SIGTERM, while readiness is denied. Not after Ctrl-C.",
            ),
            setting(
                "SHUTDOWN_SECONDS",
                "20",
                "a whole number of seconds",
                "How long requests that are being served may take after that.",
            ),
        ],
    },
    Group {
        title: "Rules",
        settings: &[setting(
            "REQUIRE_INDEPENDENT_VERIFIER",
            "false",
            "true or false",
            "Keep the author of an edge version from passing it. Held by the database from then on; only its owner switches it off.",
        )],
    },
    Group {
        title: "Dagster and lineage",
        settings: &[
            setting(
                "DAGSTER_URL",
                "",
                "an http or https URL (with DAGSTER_API_TOKEN https, or http to this machine)",
                "The Dagster that runs pipelines: its webserver, or https://<org>.dagster.cloud/<deployment>. Without it runs are recorded by hand.",
            ),
            setting(
                "DAGSTER_PUBLIC_URL",
                "",
                "an http or https URL",
                "Where people reach Dagster's pages, when DAGSTER_URL is an address of the inner network.",
            ),
            secret(
                "DAGSTER_API_TOKEN",
                "",
                "a user token of Dagster+",
                "Sent as Dagster-Cloud-Api-Token. Dagster itself asks for none: only this service may reach its port.",
            ),
            setting(
                "DAGSTER_LOCATIONS",
                "blockyard",
                "names of code locations with commas between",
                "Where runs may be launched; the first is that of pipelines that name none.",
            ),
            setting(
                "DAGSTER_TIMEOUT_SECONDS",
                "30",
                "a whole number of seconds from 1 to 300",
                "How long Dagster may take to answer. No client waits for it but those who ask for steps and logs.",
            ),
            setting(
                "DAGSTER_CANCEL_SECONDS",
                "60",
                "a whole number of seconds from 1 on",
                "How long a run that is asked to end may take, before it is marked as canceled by force.",
            ),
            setting(
                "DAGSTER_LOST_SECONDS",
                "604800",
                "a whole number of seconds from 60 on",
                "How long a run without max_runtime_seconds may go on before it counts as lost.",
            ),
            secret(
                "DAGSTER_EVENTS_SECRET",
                "",
                "at least 32 characters (`openssl rand -hex 32` makes them)",
                "Signs what the code location sends to POST /dagster/events; the same there. Without it none is taken, and runs are seen a few seconds later.",
            ),
            setting(
                "OPENLINEAGE_URL",
                "",
                "an http or https URL (with OPENLINEAGE_API_KEY https, or http to this machine)",
                "Who is sent the OpenLineage events of runs; `/api/v1/lineage` is added.",
            ),
            secret("OPENLINEAGE_API_KEY", "", "a text", "Sent along as Authorization: Bearer."),
            setting(
                "OPENLINEAGE_NAMESPACE",
                "blockyard",
                "a text",
                "The namespace of the jobs and datasets in these events.",
            ),
        ],
    },
    vector_stores::GROUP,
    Group {
        title: "Audit and logs",
        settings: &[
            setting(
                "AUDIT_READS",
                "sensitive",
                "sensitive or all",
                "Which reads the audit trail records: of users, API keys and itself, or all.",
            ),
            setting(
                "LOG_LEVEL",
                "info",
                "error, warn, info, debug, trace, or directives such as info,sqlx=debug",
                "What is logged.",
            ),
            setting("LOG_FORMAT", "pretty", "pretty or json", "How a line looks."),
            setting(
                "LOG_FILE",
                "logs/app.log",
                "a path, or off",
                "Beside standard output; a new file every 10 MB, old ones are kept for 10 days.",
            ),
        ],
    },
    telemetry::GROUP,
    Group {
        title: "Development",
        settings: &[
            setting(
                "BLOCKYARD_DIR",
                ".blockyard",
                "a folder",
                "Where the private PostgreSQL lives.",
            ),
            setting(
                "BLOCKYARD_PG_BIN",
                "",
                "the folder that holds `initdb` and `postgres`",
                "Which PostgreSQL the private one is; without it the newest that is found.",
            ),
        ],
    },
];

/// The description of a variable, if it is ours.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().flat_map(|group| group.settings).find(|setting| setting.name == name)
}
