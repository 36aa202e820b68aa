//! What a migration and the service meet: the roles, schemas and grants of a Supabase project.

use blockyard::development::private_server::{DefaultGrants, PrivateServer};
use sqlx::{ConnectOptions, PgConnection};

use super::{connect, folder, start};

/// The SQLSTATE with which a statement fails.
async fn refusal(connection: &mut PgConnection, statement: &'static str) -> String {
    let error = sqlx::raw_sql(statement).execute(connection).await.expect_err(statement);
    let error = error.into_database_error().expect(statement);
    error.code().expect(statement).into_owned()
}

async fn execute(connection: &mut PgConnection, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn yes(connection: &mut PgConnection, question: &'static str) -> bool {
    sqlx::query_scalar(question)
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{question}: {error}"))
}

async fn database(server: &PrivateServer, grants: DefaultGrants) -> PgConnection {
    server.create_database("app", grants).await.unwrap();
    connect(server.owner("app")).await
}

#[tokio::test]
async fn the_owner_is_no_superuser_but_bypasses_rls() {
    let folder = folder();
    let server = start(folder.path()).await;
    let mut owner = database(&server, DefaultGrants::Explicit).await;
    assert!(
        yes(
            &mut owner,
            "select not rolsuper and rolbypassrls and rolcreaterole and rolcreatedb and rolreplication
             from pg_roles where rolname = current_user"
        )
        .await
    );
    for forbidden in [
        "create table auth.mine (n int)",
        "create table storage.mine (n int)",
        "create function auth.mine() returns int language sql as 'select 1'",
        "set role supabase_admin",
        "set role authenticator",
        "set role supabase_auth_admin",
        "alter role postgres superuser",
        "alter default privileges for role supabase_admin in schema public revoke all on tables from anon",
        "copy (select 1) to program 'true'",
    ] {
        assert_eq!(refusal(&mut owner, forbidden).await, "42501", "{forbidden}");
    }
    for allowed in [
        "create schema app",
        "create table public.mine (n int)",
        "create table extensions.mine (n int)",
        "set role authenticated; reset role",
        "set role service_role; reset role",
        "create role blockyard_probe login inherit",
        "grant authenticated to blockyard_probe",
        "alter role blockyard_probe set statement_timeout = '8s'",
    ] {
        execute(&mut owner, allowed).await;
    }
}

#[tokio::test]
async fn roles_have_the_limits_of_a_project() {
    let folder = folder();
    let server = start(folder.path()).await;
    let mut superuser = connect(server.superuser("postgres")).await;
    let settings: Vec<(String, Vec<String>)> = sqlx::query_as(
        "select rolname::text, rolconfig from pg_roles
         where rolname in ('anon', 'authenticated', 'authenticator', 'postgres') order by 1",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    let of = |role: &str| {
        let found = settings.iter().find(|(name, _)| name == role);
        found.map(|(_, config)| config.join("; ")).unwrap()
    };
    assert_eq!(of("anon"), "statement_timeout=3s");
    assert_eq!(of("authenticated"), "statement_timeout=8s");
    assert_eq!(of("authenticator"), "statement_timeout=8s; lock_timeout=8s");
    assert_eq!(of("postgres"), "search_path=\"$user\", public, extensions");
    assert!(
        yes(
            &mut superuser,
            "select bool_and(rolsuper = (rolname = 'supabase_admin')) from pg_roles"
        )
        .await
    );
    assert!(
        yes(
            &mut superuser,
            "select bool_and(rolbypassrls = (rolname = 'service_role'))
             from pg_roles where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')"
        )
        .await
    );
}

#[tokio::test]
async fn authenticator_has_nothing_until_it_becomes_somebody() {
    let folder = folder();
    let server = start(folder.path()).await;
    let mut owner = database(&server, DefaultGrants::Explicit).await;
    execute(&mut owner, "create table mine (n int); grant select on mine to authenticated").await;
    let mut api = connect(server.login("authenticator", "app")).await;
    assert_eq!(refusal(&mut api, "table mine").await, "42501");
    execute(&mut api, "set role authenticated; table mine; reset role").await;
    assert_eq!(refusal(&mut api, "set role postgres").await, "42501");
}

#[tokio::test]
async fn auth_helpers_read_the_claims() {
    let folder = folder();
    let server = start(folder.path()).await;
    let mut owner = database(&server, DefaultGrants::Explicit).await;
    execute(&mut owner, "set role authenticated").await;
    assert!(yes(&mut owner, "select auth.uid() is null and auth.jwt() is null").await);
    execute(
        &mut owner,
        r#"set request.jwt.claims = '{"sub": "00000000-0000-7000-8000-000000000001", "role": "authenticated", "email": "a@b.c"}'"#,
    )
    .await;
    assert!(
        yes(
            &mut owner,
            "select auth.uid() = '00000000-0000-7000-8000-000000000001' and auth.role() = 'authenticated'
                and auth.email() = 'a@b.c' and auth.jwt() ->> 'email' = 'a@b.c'"
        )
        .await
    );
    execute(&mut owner, "set request.jwt.claims = ''").await;
    assert!(yes(&mut owner, "select auth.uid() is null").await);
}

#[tokio::test]
async fn legacy_and_explicit_grants_differ_as_on_supabase() {
    const OBJECTS: &str = "create table t (id serial);
        create function f() returns int language sql as 'select 1'";
    let folder = folder();
    let server = start(folder.path()).await;
    for (name, grants, open) in
        [("legacy", DefaultGrants::Legacy, true), ("explicit", DefaultGrants::Explicit, false)]
    {
        server.create_database(name, grants).await.unwrap();
        let mut owner = connect(server.owner(name)).await;
        execute(&mut owner, OBJECTS).await;
        for role in ["anon", "authenticated", "service_role"] {
            let found: Vec<bool> = sqlx::query_scalar(
                "select has_table_privilege($1, 't', privilege)
                 from unnest(array['select', 'insert', 'update', 'delete']) privilege
                 union all select has_sequence_privilege($1, 't_id_seq', 'usage')
                 union all select coalesce(proacl::text, '') like '%' || $1 || '=X%' from pg_proc where oid = 'f()'::regprocedure",
            )
            .bind(role)
            .fetch_all(&mut owner)
            .await
            .unwrap();
            assert_eq!(found, [open; 6], "{name}, {role}");
            // What both kinds of project leave open.
            let left: bool = sqlx::query_scalar(
                "select has_table_privilege($1, 't', 'truncate') and has_table_privilege($1, 't', 'trigger')
                    and has_sequence_privilege($1, 't_id_seq', 'update')
                    and has_function_privilege($1, 'f()', 'execute')",
            )
            .bind(role)
            .fetch_one(&mut owner)
            .await
            .unwrap();
            assert!(left, "{name}, {role}");
        }
        let mut superuser = connect(server.superuser(name)).await;
        execute(&mut superuser, "create table public.platform (n int)").await;
        assert!(
            yes(&mut superuser, "select has_table_privilege('anon', 'public.platform', 'select')")
                .await
        );
    }
}

#[tokio::test]
async fn nobody_gets_in_without_the_right_password() {
    let folder = folder();
    let server = start(folder.path()).await;
    for role in ["supabase_admin", "postgres", "authenticator"] {
        connect(server.login(role, "postgres")).await;
        for wrong in ["", "postgres", "wrong"] {
            let attempt = server.login(role, "postgres").password(wrong);
            assert!(attempt.connect().await.is_err(), "{role} with {wrong:?}");
        }
    }
    let stranger = server.login("supabase_auth_admin", "postgres");
    assert!(stranger.connect().await.is_err(), "it was not let in");
}

#[tokio::test]
async fn a_role_of_the_migrations_can_be_let_in() {
    let folder = folder();
    let server = start(folder.path()).await;
    let mut owner = database(&server, DefaultGrants::Explicit).await;
    execute(
        &mut owner,
        "create role blockyard_api nologin inherit; grant authenticated to blockyard_api",
    )
    .await;
    assert!(server.login("blockyard_api", "app").connect().await.is_err());
    server.allow_login("blockyard_api").await.unwrap();
    let mut api = connect(server.login("blockyard_api", "app")).await;
    assert!(yes(&mut api, "select pg_has_role('authenticated', 'usage')").await);
    assert_eq!(refusal(&mut api, "set role postgres").await, "42501");
    assert!(server.allow_login("nobody_knows").await.is_err());
}
