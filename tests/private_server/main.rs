//! The private server: its life (starts, crashes, restarts) and its shape (what a migration meets in it).

mod life;
mod shape;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

/// A new folder that PostgreSQL's account can enter when the tests run as root.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn start(folder: &Path) -> PrivateServer {
    PrivateServer::start(folder, Durability::Relaxed)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn connect(options: PgConnectOptions) -> PgConnection {
    options.connect().await.unwrap()
}

/// Makes a database with one row in it.
async fn keep_a_row(server: &PrivateServer) {
    server.create_database("app", DefaultGrants::Explicit).await.unwrap();
    let mut owner = connect(server.owner("app")).await;
    sqlx::raw_sql("create table kept (n int); insert into kept values (7)")
        .execute(&mut owner)
        .await
        .unwrap();
    owner.close().await.unwrap();
}

/// Looks whether the row is still there.
async fn assert_row_kept(server: &PrivateServer) {
    let mut owner = connect(server.owner("app")).await;
    let kept: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut owner).await.unwrap();
    assert_eq!(kept, 7);
}
