use super::{AuditReads, Config, LogFormat, Scores};

const STRONG: &str = "k3J9sPq0Zx7Vb2Nn5Mm8LdRtYuIoEwAf";

fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(variables).map_err(|faults| faults.to_string())
}

#[test]
fn nothing_set_is_development_on_the_loopback() {
    let config = read(&[("DATABASE_URL", ""), ("PATH", "/bin")]).unwrap();
    assert!(config.service_login().unwrap().is_none());
    assert_eq!(config.host, "127.0.0.1");
    assert_eq!(config.port, 8000);
}

#[test]
fn values_are_read() {
    let config = read(&[
        ("PORT", " 9000 "),
        ("AUDIT_READS", "all"),
        ("LOG_FORMAT", "json"),
        ("JWT_TRUSTED_ISSUERS", "a, b,"),
    ])
    .unwrap();
    assert_eq!(config.port, 9000);
    assert_eq!(config.audit_reads, AuditReads::All);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.jwt_trusted_issuers, ["a", "b"]);
    assert_eq!(config.host, "127.0.0.1", "a port alone opens nothing");
}

#[test]
fn a_platform_is_listened_to_everywhere() {
    let url = ("DATABASE_URL", "postgres://u:p@localhost/d");
    assert_eq!(read(&[url, ("PORT", "80")]).unwrap().host, "0.0.0.0");
    assert_eq!(read(&[url]).unwrap().host, "127.0.0.1");
    let given = [url, ("PORT", "80"), ("HOST", "::1")];
    assert_eq!(read(&given).unwrap().host, "::1");
}

#[test]
fn every_fault_is_named_at_once_with_what_it_must_be() {
    let faults =
        read(&[("PORT", "eighty"), ("AUDIT_READS", "some"), ("TRUST_FORWARDED_FOR", "yes")])
            .unwrap_err();
    assert!(faults.contains("PORT must be a port"), "{faults}");
    assert!(faults.contains("AUDIT_READS must be sensitive or all"), "{faults}");
    assert!(faults.contains("TRUST_FORWARDED_FOR must be true or false"), "{faults}");
    let faults =
        read(&[("BODY_LIMIT", "0"), ("JWT_JWKS_URL", "http://example.org/keys")]).unwrap_err();
    assert!(faults.contains("BODY_LIMIT"), "{faults}");
    assert!(faults.contains("JWT_JWKS_URL"), "{faults}");
}

#[test]
fn a_token_goes_over_tls_or_nowhere_else() {
    let with = |url: &str, token: bool| {
        let token = if token { "user:0123" } else { "" };
        read(&[("DAGSTER_URL", url), ("DAGSTER_API_TOKEN", token)]).is_ok()
    };
    assert!(with("http://dagster:3000", false) && with("https://o.dagster.cloud/prod", true));
    assert!(with("http://127.0.0.1:3000", true) && !with("http://dagster:3000", true));
    assert!(!with("dagster:3000", false) && !with("file:///etc/passwd", false));
}

#[test]
fn origins_are_exact_or_all() {
    let origins = |text: &str| {
        read(&[("CORS_ALLOWED_ORIGINS", text)]).map(|config| config.cors_allowed_origins)
    };
    assert_eq!(origins("").unwrap(), Vec::<String>::new());
    assert_eq!(origins("*").unwrap(), ["*"]);
    let two = origins("https://a.example.org, http://localhost:5173").unwrap();
    assert_eq!(two, ["https://a.example.org", "http://localhost:5173"]);
    for wrong in ["*,https://a.example.org", "https://a.example.org/", "a.org"] {
        let faults = origins(wrong).unwrap_err();
        assert!(faults.contains("CORS_ALLOWED_ORIGINS must be"), "{faults}");
    }
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let off = read(&[
        ("RATE_LIMIT_CALLER", "0"),
        ("RATE_LIMIT_ADDRESS", "4294967295"),
        ("KEEP_ALIVE_SECONDS", "0"),
        ("WORKERS", "3"),
    ])
    .unwrap();
    assert_eq!((off.rate_limit_caller, off.workers), (0, 3));
    for (name, value) in [
        ("RATE_LIMIT_CALLER", "-1"),
        ("RATE_LIMIT_ADDRESS", "4294967296"),
        ("MAX_CONNECTIONS", "0"),
        ("WORKERS", "1025"),
        ("HEADER_SECONDS", "0"),
        ("BODY_SECONDS", "0"),
        ("BODY_SECONDS", "60"),
        ("REQUEST_SECONDS", "30"),
    ] {
        let faults = read(&[(name, value)]).unwrap_err();
        assert!(faults.contains("must be a whole number"), "{faults}");
    }
}

#[test]
fn weak_secrets_are_refused_by_name_and_never_shown() {
    let weak = [
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "changemechangemechangemechangemechangeme-1234567890",
        "super-secret-jwt-token-with-at-least-32-characters-long",
    ];
    for secret in weak {
        let config = read(&[("JWT_SECRET", secret)]).unwrap();
        let faults = config.check_for_serving().unwrap_err().to_string();
        assert!(faults.contains("JWT_SECRET"), "{faults}");
        assert!(!faults.contains(secret), "{faults}");
        assert!(!format!("{config:?}").contains(secret));
    }
    let faults = Config::default().check_for_serving().unwrap_err().to_string();
    assert!(faults.contains("JWT_SECRET is not set"), "{faults}");
    let strong = read(&[("JWT_SECRET", STRONG)]).unwrap();
    strong.check_for_serving().unwrap();
}

#[test]
fn a_database_elsewhere_must_prove_who_it_is() {
    let login = |url: &str| {
        let config = read(&[("DATABASE_URL", url)]).unwrap();
        config.service_login().map_err(|fault| fault.to_string())
    };
    for mode in ["disable", "prefer", "require", "verify-ca"] {
        let refusal = login(&format!("postgres://u:hidden@db.org/d?sslmode={mode}")).unwrap_err();
        assert!(refusal.contains("DATABASE_URL goes to db.org"), "{refusal}");
        assert!(!refusal.contains("hidden"), "{refusal}");
    }
    for url in ["postgres://u:p@db.org/d", "postgres://u:p@db.org/d?sslmode=verify-full"] {
        let mode = login(url).unwrap().unwrap().get_ssl_mode();
        assert!(matches!(mode, sqlx::postgres::PgSslMode::VerifyFull));
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "%2Fvar%2Frun"] {
        login(&format!("postgres://u:p@{host}/d?sslmode=disable")).unwrap();
    }
    for url in ["mysql://u:hidden@db.org/d", "db.org", "postgres://u:hidden@db.org:x/d"] {
        let refusal = login(url).unwrap_err();
        assert!(refusal.contains("DATABASE_URL"), "{refusal}");
        assert!(!refusal.contains("hidden"), "{refusal}");
    }
    let opted_out = read(&[
        ("DATABASE_URL", "postgres://u:p@db.org/d?sslmode=disable"),
        ("ALLOW_INSECURE_DATABASE", "true"),
    ]);
    opted_out.unwrap().service_login().unwrap();
}

#[test]
fn the_owner_falls_back_on_the_services_url() {
    let config = read(&[("DATABASE_URL", "postgres://one:p@localhost/d")]).unwrap();
    assert_eq!(config.owner_login().unwrap().unwrap().get_username(), "one");
    let config = read(&[
        ("DATABASE_URL", "postgres://one:p@localhost/d"),
        ("MIGRATE_DATABASE_URL", "postgres://two:p@localhost/d"),
    ])
    .unwrap();
    assert_eq!(config.owner_login().unwrap().unwrap().get_username(), "two");
}

#[test]
fn a_replica_of_nothing_is_refused() {
    let config = read(&[("DATABASE_REPLICA_URL", "postgres://one:p@localhost/d")]).unwrap();
    let fault = config.replica_login().unwrap_err().to_string();
    assert!(fault.contains("DATABASE_REPLICA_URL is a replica of"), "{fault}");
    assert!(read(&[]).unwrap().replica_login().unwrap().is_none());
}

#[test]
fn every_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = file("url", "postgres://one:p@localhost/d\n");
    let replica = file("replica", "postgres://one:p@localhost:5433/d\n");
    let owner = file("owner", "postgres://two:p@localhost/d\r\n");
    let secret = file("secret", &format!("{STRONG}\n{STRONG}x\n"));
    let token = file("token", "a token for metrics\n\n");
    let headers = file("headers", "api-key=1\n");
    let dagster = file("dagster", "user:0123\n");
    let events = file("events", "0123456789abcdef0123456789abcdef\n");
    let lineage = file("lineage", "a key\n");
    let stores = r#"[{ "name": "docs", "kind": "qdrant", "url": "http://127.0.0.1:6333", "collection": "docs" }]"#;
    let stores = file("stores", stores);
    let config = read(&[
        ("DATABASE_URL_FILE", &url),
        ("DATABASE_REPLICA_URL_FILE", &replica),
        ("MIGRATE_DATABASE_URL_FILE", &owner),
        ("JWT_SECRET_FILE", &secret),
        ("METRICS_TOKEN_FILE", &token),
        ("OTEL_EXPORTER_OTLP_HEADERS_FILE", &headers),
        ("DAGSTER_API_TOKEN_FILE", &dagster),
        ("DAGSTER_EVENTS_SECRET_FILE", &events),
        ("OPENLINEAGE_API_KEY_FILE", &lineage),
        ("VECTOR_STORES_FILE", &stores),
        ("PORT", "80"),
    ])
    .unwrap();
    assert_eq!(config.service_login().unwrap().unwrap().get_username(), "one");
    assert_eq!(config.service_login_file().unwrap().read().unwrap().get_username(), "one");
    assert_eq!(config.replica_login().unwrap().unwrap().get_port(), 5433);
    assert_eq!(config.replica_login_file().unwrap().read().unwrap().get_port(), 5433);
    assert_eq!(config.owner_login().unwrap().unwrap().get_username(), "two");
    assert_eq!(config.host, "0.0.0.0", "as with the variable itself");
    config.check_for_serving().unwrap();
    assert_eq!(config.vector_stores().unwrap().len(), 1);
    assert_eq!(config.jwt_secret.unwrap().parts().count(), 2);
    assert_eq!(config.metrics_token.as_deref(), Some("a token for metrics"));
    assert_eq!(config.otel_exporter_otlp_headers.as_deref(), Some("api-key=1"));
    assert_eq!(config.dagster_api_token.as_deref(), Some("user:0123"));
    assert_eq!(config.dagster_events_secret.as_deref().map(str::len), Some(32));
    assert_eq!(config.openlineage_api_key.as_deref(), Some("a key"));
    // All that are secret, and no others.
    let secrets = super::settings::SETTINGS.iter().flat_map(|group| group.settings);
    let secrets: Vec<_> = secrets.filter(|setting| setting.is_secret).map(|it| it.name).collect();
    assert_eq!(secrets.len(), 10, "{secrets:?}");
    assert!(read(&[("LOG_LEVEL_FILE", "/nowhere")]).is_ok(), "no variable of ours");
}

#[test]
fn a_file_that_holds_no_secret_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let refusal = |path: &str| read(&[("JWT_SECRET_FILE", path)]).unwrap_err();
    let missing = refusal(&path("missing"));
    assert!(missing.contains("JWT_SECRET_FILE names the file"), "{missing}");
    assert!(missing.contains(&path("missing")) && missing.contains("No such file"), "{missing}");
    std::fs::write(path("empty"), " \n").unwrap();
    assert!(refusal(&path("empty")).contains("is empty"));
    assert!(refusal(folder.path().to_str().unwrap()).contains("cannot be read"));
    std::fs::write(path("long"), "x".repeat(100_000)).unwrap();
    assert!(refusal(&path("long")).contains("too long"));
    std::fs::write(path("bytes"), [0xff, 0xfe]).unwrap();
    assert!(refusal(&path("bytes")).contains("cannot be read"));
    let both = read(&[("JWT_SECRET_FILE", &path("empty")), ("JWT_SECRET", STRONG)]).unwrap_err();
    assert!(both.contains("JWT_SECRET_FILE and JWT_SECRET are both set"), "{both}");
    assert!(!both.contains(STRONG), "{both}");
    // An empty variable counts as not set.
    std::fs::write(path("strong"), STRONG).unwrap();
    read(&[("JWT_SECRET_FILE", &path("strong")), ("JWT_SECRET", "")]).unwrap();
}

#[test]
fn each_of_several_secrets_must_be_strong() {
    let several = |text: &str| read(&[("JWT_SECRET", text)]).unwrap().check_for_serving();
    several(&format!("{STRONG} {STRONG}x")).unwrap();
    let faults = several(&format!("{STRONG} short")).unwrap_err().to_string();
    assert!(faults.contains("number 2 of several"), "{faults}");
    assert!(!faults.contains(STRONG), "{faults}");
}

/// What the documents say holds without a variable is what holds.
#[test]
fn the_default_that_is_told_is_the_default() {
    let nothing_set = format!("{:?}", read(&[]).unwrap());
    let mut tried = 0;
    for setting in super::settings::SETTINGS.iter().flat_map(|group| group.settings) {
        let is_another_variable =
            setting.default.starts_with(|first: char| first.is_ascii_uppercase());
        // What is not set of OpenTelemetry's own, its SDK decides.
        let is_the_sdks = setting.name.starts_with("OTEL_");
        if setting.default.is_empty() || is_another_variable || is_the_sdks {
            continue;
        }
        let told = read(&[(setting.name, setting.default)]).unwrap();
        assert_eq!(format!("{told:?}"), nothing_set, "{}", setting.name);
        tried += 1;
    }
    assert!(tried >= 25, "{tried}");
}

#[test]
fn vector_stores_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from-a-file\n").unwrap();
    let text = serde_json::json!([
        { "name": "docs", "kind": "chroma", "url": "http://chroma:8000/", "collection": "docs", "timeout_seconds": 2 },
        { "name": "q-2", "kind": "qdrant", "url": "https://qdrant:6333", "collection": "a", "scores": "distance",
          "vector_db": "Qdrant", "key_file": file.path() },
    ]);
    let config = read(&[("VECTOR_STORES", &text.to_string())]).unwrap();
    let stores = config.vector_stores().unwrap();
    assert_eq!((&*stores[0].url, &*stores[0].vector_db), ("http://chroma:8000", "docs"));
    assert_eq!((stores[0].timeout_seconds, stores[1].timeout_seconds), (2, 5));
    assert_eq!((stores[0].scores, stores[1].scores), (Scores::Distance, Scores::Distance));
    assert_eq!(stores[1].key.as_deref(), Some("from-a-file"));
    let shown = format!("{config:?} {stores:?}");
    assert!(!shown.contains("from-a-file") && !shown.contains("key_file"), "{shown}");
}

#[test]
fn what_is_wrong_with_vector_stores_is_said_without_what_stands_there() {
    let fine = r#""name": "a", "kind": "pinecone", "url": "https://x""#;
    for (stores, wanted) in [
        ("hunter2".to_owned(), "must be a JSON list of objects; it is none at line 1, column"),
        (r#"{"hunter2": 1}"#.to_owned(), "must be a JSON list of objects"),
        (r#"["hunter2"]"#.to_owned(), "must be a JSON list of objects"),
        ("[{}]".to_owned(), "(store 1) must have a kind"),
        (format!("[{{{fine}}}, {{{fine}}}]"), "(store 2) has the name of another"),
        (format!(r#"[{{{fine}, "key": "hunter2 "}}]"#), "as its key"),
        (
            format!(r#"[{{{fine}, "key": "hunter2", "key_file": "/x"}}]"#),
            "has both key and key_file",
        ),
        (format!(r#"[{{{fine}, "key_file": "/not/there"}}]"#), "/not/there, which cannot be read"),
        (format!(r#"[{{{fine}, "collection": "hunter2"}}]"#), "does not take: collection"),
        (format!(r#"[{{{fine}, "Hunter2": 1}}]"#), "does not take: …"),
        (
            format!(r#"[{{{fine}, "scores": "hunter2"}}]"#),
            "one of distance and similarity as its scores",
        ),
        (format!(r#"[{{{fine}, "timeout_seconds": 31}}]"#), "from 1 to 30 as its timeout_seconds"),
        (
            r#"[{"name": "A b", "kind": "hunter2", "url": 3}]"#.to_owned(),
            "one of chroma, qdrant, pinecone and weaviate",
        ),
        (
            r#"[{"name": "a", "kind": "qdrant", "url": "https://x"}]"#.to_owned(),
            "must have a collection",
        ),
    ] {
        let faults = read(&[("VECTOR_STORES", &stores)]).unwrap_err();
        assert!(faults.contains(wanted), "{stores}: {faults}");
        assert!(!faults.to_lowercase().contains("hunter2"), "{faults}");
    }
    for (url, key) in [
        ("ftp://x", ""),
        ("file:///etc/passwd", ""),
        ("https://user:hunter2@x", ""),
        ("https://x?a=b", ""),
        ("https://x#a", ""),
        ("http://x", r#", "key": "k""#),
    ] {
        let stores = format!(r#"[{{"name": "a", "kind": "pinecone", "url": "{url}"{key}}}]"#);
        let faults = read(&[("VECTOR_STORES", &stores)]).unwrap_err();
        assert!(
            faults.contains("http or https address") && !faults.contains("hunter2"),
            "{faults}"
        );
    }
    let local = r#"[{"name": "a", "kind": "pinecone", "url": "http://127.0.0.1:1", "key": "k"}]"#;
    read(&[("VECTOR_STORES", local)]).unwrap();
    let faults = read(&[("VECTOR_STORES_TIMEOUT_SECONDS", "0")]).unwrap_err();
    assert!(faults.contains("must be a whole number of seconds from 1 to 30"), "{faults}");
}
