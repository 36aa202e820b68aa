//! Starts, restarts, and what survives a crash.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blockyard::development::private_server::{DefaultGrants, Durability, Error, PrivateServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use super::{assert_row_kept, connect, folder, keep_a_row, start};

/// Tells the test binary to be a service that waits to be killed.
const CHILD: &str = "BLOCKYARD_TEST_CHILD";

fn postmaster(folder: &Path) -> Pid {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
}

fn lives(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.is_empty())
}

fn wait_for_end(pid: Pid) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while lives(pid) {
        assert!(Instant::now() < deadline, "process {pid} does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A program that runs as the owner of the data, as PostgreSQL itself does.
fn as_owner_of(data: &Path, program: impl Into<PathBuf>) -> Command {
    let mut command = Command::new(program.into());
    if Uid::effective().is_root() {
        let metadata = fs::metadata(data).unwrap();
        command.gid(metadata.gid()).uid(metadata.uid());
    }
    command
}

/// Runs this test binary again as a service on the folder.
fn service(folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "life::a_service_to_kill", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn wait_until_it_serves(service: &mut Child) {
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("serving")), "the service did not start");
}

/// No test of its own: what the others start in another process.
#[tokio::test]
async fn a_service_to_kill() {
    let Some(folder) = env::var_os(CHILD) else {
        return;
    };
    match PrivateServer::start(Path::new(&folder), Durability::Full).await {
        Ok(server) => {
            keep_a_row(&server).await;
            println!("serving");
            std::future::pending::<()>().await;
        }
        Err(error) => println!("refused: {error}"),
    }
}

#[tokio::test]
async fn a_restart_keeps_the_data_the_port_and_the_passwords() {
    let folder = folder();
    let first = start(folder.path()).await;
    assert!(first.is_new());
    keep_a_row(&first).await;
    let login = first.owner("app");
    first.stop().await.unwrap();

    let second = start(folder.path()).await;
    assert!(!second.is_new());
    assert_row_kept(&second).await;
    connect(login).await;
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_postmaster_is_no_obstacle() {
    let folder = folder();
    // Not relaxed: that would lose what was committed last.
    let first = PrivateServer::start(folder.path(), Durability::Full).await.unwrap();
    keep_a_row(&first).await;
    kill(postmaster(folder.path()), Signal::SIGKILL).unwrap();
    first.stop().await.unwrap();

    let second = start(folder.path()).await;
    assert_row_kept(&second).await;
}

#[tokio::test]
async fn a_killed_service_is_followed_at_once() {
    let folder = folder();
    let mut service = service(folder.path()).spawn().unwrap();
    wait_until_it_serves(&mut service);
    let first = postmaster(folder.path());
    service.kill().unwrap();

    let second = start(folder.path()).await;
    assert!(!lives(first), "two postmasters at once");
    assert_row_kept(&second).await;
    service.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_service_takes_its_postmaster_along() {
    let folder = folder();
    let mut service = service(folder.path()).spawn().unwrap();
    wait_until_it_serves(&mut service);
    let postmaster = postmaster(folder.path());
    assert!(lives(postmaster));
    service.kill().unwrap();
    service.wait().unwrap();
    wait_for_end(postmaster);
}

#[tokio::test]
async fn dropping_the_server_ends_it() {
    let folder = folder();
    let server = start(folder.path()).await;
    let postmaster = postmaster(folder.path());
    drop(server);
    wait_for_end(postmaster);
    // The lock may be held a moment longer than the server lives; that is nobody's problem.
    start(folder.path()).await;
}

#[tokio::test]
async fn an_orphaned_postmaster_is_replaced() {
    let folder = folder();
    let first = start(folder.path()).await;
    keep_a_row(&first).await;
    first.stop().await.unwrap();

    let data = folder.path().join("data");
    let bindir = Command::new("pg_config").arg("--bindir").output().unwrap();
    let bindir = String::from_utf8(bindir.stdout).unwrap();
    let mut orphan = as_owner_of(&data, Path::new(bindir.trim()).join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["--unix_socket_directories=", "--listen_addresses="])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !data.join("postmaster.pid").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let second = start(folder.path()).await;
    assert!(orphan.try_wait().unwrap().is_some());
    assert_row_kept(&second).await;
}

#[tokio::test]
async fn a_pid_file_that_names_another_program_is_ignored() {
    let folder = folder();
    start(folder.path()).await.stop().await.unwrap();
    let data = folder.path().join("data");
    let file = data.join("postmaster.pid");

    let mut other = as_owner_of(&data, "sleep").arg("60").spawn().unwrap();
    let text = format!("{}\n{}\n1700000000\n", other.id(), data.display());
    fs::write(&file, text).unwrap();
    start(folder.path()).await.stop().await.unwrap();
    assert!(other.try_wait().unwrap().is_none(), "it was not ours to end");
    other.kill().unwrap();
    other.wait().unwrap();

    fs::write(&file, "").unwrap();
    start(folder.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn the_second_on_one_folder_is_told_who_the_first_is() {
    let folder = folder();
    let first = start(folder.path()).await;
    let refusal = PrivateServer::start(folder.path(), Durability::Relaxed).await.err().unwrap();
    assert!(matches!(refusal, Error::InUse { .. }), "{refusal}");
    let message = refusal.to_string();
    assert!(message.contains(&format!("process {}", std::process::id())));
    assert!(message.contains("Stop that process"));

    let output = service(folder.path()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("in use by process"), "{output}");
    first.stop().await.unwrap();
}

#[tokio::test]
async fn several_servers_run_side_by_side() {
    let folders = [folder(), folder(), folder()];
    let starts = folders.iter().map(|folder| start(folder.path()));
    let servers = futures_util::future::join_all(starts).await;
    for server in &servers {
        connect(server.owner("postgres")).await;
    }
}

#[tokio::test]
async fn a_taken_port_is_exchanged_for_another() {
    let folder = folder();
    start(folder.path()).await.stop().await.unwrap();
    let port: u16 = fs::read_to_string(folder.path().join("port")).unwrap().trim().parse().unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = start(folder.path()).await;
    assert_ne!(server.owner("postgres").get_port(), port);
    connect(server.owner("postgres")).await;
}

#[tokio::test]
async fn half_a_data_directory_is_not_trusted() {
    let folder = folder();
    let partial = folder.path().join("data.partial-1");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("PG_VERSION"), "15").unwrap();
    fs::write(folder.path().join("data.password"), "left").unwrap();
    let server = start(folder.path()).await;
    assert!(server.is_new());
    assert!(!partial.exists());
    assert!(!folder.path().join("data.password").exists());
}

#[tokio::test]
async fn a_first_start_that_was_killed_is_repeated() {
    for milliseconds in [100, 400, 800, 1200] {
        let folder = folder();
        let mut service = service(folder.path()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        service.kill().unwrap();
        start(folder.path()).await.stop().await.unwrap();
        service.wait().unwrap();
    }
}

#[tokio::test]
async fn a_database_is_made_copied_and_removed() {
    let folder = folder();
    let server = start(folder.path()).await;
    keep_a_row(&server).await;
    // Once more is no error: it completes what an interrupted start has begun.
    server.create_database("app", DefaultGrants::Explicit).await.unwrap();
    server.clone_database("app", "od\"d name").await.unwrap();
    let mut copy = connect(server.owner("od\"d name")).await;
    let kept: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut copy).await.unwrap();
    assert_eq!(kept, 7);
    server.drop_database("od\"d name").await.unwrap();
    server.drop_database("od\"d name").await.unwrap();
    assert!(server.clone_database("absent", "other").await.is_err());
}

#[tokio::test]
async fn nobody_else_can_read_the_secret_or_the_data() {
    let folder = folder();
    let _server = start(folder.path()).await;
    let mode = |name| {
        let metadata = fs::metadata(folder.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("secret"), 0o600);
    assert_eq!(mode("postgres.log"), 0o600);
    assert_eq!(mode("data"), 0o700);
}

#[tokio::test]
async fn a_lost_secret_is_explained() {
    let folder = folder();
    start(folder.path()).await.stop().await.unwrap();
    fs::remove_file(folder.path().join("secret")).unwrap();
    let refusal = PrivateServer::start(folder.path(), Durability::Relaxed).await.err().unwrap();
    assert!(matches!(refusal, Error::SecretLost { .. }), "{refusal}");
}

#[tokio::test]
async fn a_failed_start_shows_what_postgres_said() {
    let folder = folder();
    start(folder.path()).await.stop().await.unwrap();
    let settings = folder.path().join("data/postgresql.conf");
    fs::write(settings, "no_such_setting = 1\n").unwrap();
    let refusal = PrivateServer::start(folder.path(), Durability::Relaxed).await.err().unwrap();
    assert!(refusal.to_string().contains("no_such_setting"), "{refusal}");
}

#[tokio::test]
async fn a_folder_without_programs_is_refused_by_name() {
    let folder = folder();
    let output = service(folder.path()).env("BLOCKYARD_PG_BIN", "/nonexistent").output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("BLOCKYARD_PG_BIN points to /nonexistent"), "{output}");
    assert!(output.contains("there is no `initdb` in it"), "{output}");
}

#[tokio::test]
async fn data_of_another_major_are_left_alone() {
    let folder = folder();
    start(folder.path()).await.stop().await.unwrap();
    fs::write(folder.path().join("data/PG_VERSION"), "9\n").unwrap();
    let bindir = Command::new("pg_config").arg("--bindir").output().unwrap();
    let output = service(folder.path())
        .env("BLOCKYARD_PG_BIN", String::from_utf8(bindir.stdout).unwrap().trim())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("written by PostgreSQL 9"), "{output}");
}

#[tokio::test]
async fn root_keeps_the_data_elsewhere_if_postgres_cannot_enter_the_folder() {
    if !Uid::effective().is_root() {
        return;
    }
    let folder = folder();
    // As `/root` is.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let first = start(folder.path()).await;
    keep_a_row(&first).await;
    first.stop().await.unwrap();
    let elsewhere = fs::read_link(folder.path().join("elsewhere")).unwrap();
    assert!(elsewhere.starts_with("/var/lib/blockyard"));

    let second = start(folder.path()).await;
    assert!(!second.is_new());
    assert_row_kept(&second).await;
    second.stop().await.unwrap();

    // Removing the folder is a new beginning, here as anywhere.
    fs::remove_file(folder.path().join("elsewhere")).unwrap();
    let third = start(folder.path()).await;
    assert!(third.is_new());
    third.stop().await.unwrap();
    let new = fs::read_link(folder.path().join("elsewhere")).unwrap();
    assert_ne!(elsewhere, new);
    for place in [elsewhere, new] {
        fs::remove_dir_all(place).unwrap();
    }
}
