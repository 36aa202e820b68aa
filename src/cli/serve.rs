//! `blockyard serve`: on the database of the configuration, or on a private one.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::time::Duration;

use actix_web::web;
use nix::sys::socket::{Shutdown, shutdown};
use sqlx::postgres::PgConnectOptions;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::{Outcome, open_files};
use crate::auth::Gatekeeper;
use crate::config::Config;
use crate::db::{Db, Login, login_check};
use crate::development::{self, Development};
use crate::engine::Engine;
use crate::service::drain::Drain;
use crate::{server, telemetry};

/// How long a connection to the database is kept that nobody needs.
const IDLE: Duration = Duration::from_mins(1);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long the thread that accepts takes to hear that it shall not; it complains about a listener
/// that ends before.
const HEARD: Duration = Duration::from_millis(50);
/// How long busy clients are told to connect elsewhere before idle connections are closed.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

pub(super) async fn serve(mut config: Config) -> Outcome {
    let login = config.service_login()?;
    config.replica_login()?;
    if login.is_some() {
        config.check_for_serving()?;
    }
    let _telemetry = telemetry::serve(&config)?;
    for (name, meant) in Config::misspelt() {
        tracing::warn!("{name} is set, which nothing reads: {meant} may be meant");
    }
    config.max_connections =
        open_files::connections_within(config.max_connections, config.database_connections);
    let mut stop = Stop::listen()?;
    // First what fails at once: a port that is taken is no reason to start a database.
    let listener = listen(&config).await?;
    match login {
        Some(login) => {
            let check = login_check::check(&login, config.allow_privileged_login);
            match stop.unless_asked(check).await {
                Ok(outcome) => outcome?,
                Err(_) => return Ok(()),
            }
            answer(listener, &config, login, &mut stop).await
        }
        None => develop(&mut config, listener, &mut stop).await,
    }
}

/// On a private database, which ends with the service.
async fn develop(config: &mut Config, listener: TcpListener, stop: &mut Stop) -> Outcome {
    let address = listener.local_addr()?;
    // Nobody distributes requests among private databases.
    config.shutdown_delay_seconds = 0;
    let dir = config.blockyard_dir.clone();
    let Ok(development) = stop.unless_asked(Development::start(&dir)).await else {
        return Ok(());
    };
    let development = development?;
    let outcome = match development::provide_secret(config) {
        Ok(()) => {
            println!("{}", development.greeting(address, config));
            answer(listener, config, development.login(), stop).await
        }
        Err(error) => Err(error.into()),
    };
    development.stop().await?;
    outcome
}

/// Answers requests until it is asked to stop, then those that are being served; asked once
/// more, not even those.
async fn answer(
    listener: TcpListener,
    config: &Config,
    login: PgConnectOptions,
    stop: &mut Stop,
) -> Outcome {
    let size = config.database_connections.try_into()?;
    let wait = Duration::from_secs(config.database_wait_seconds.into());
    let mut db = Db::new(Login::new(login, config.service_login_file()), size, wait)?;
    // Nobody waits for it: it may be down, and what it is shows when it is first asked.
    if let Some(replica) = config.replica_login()? {
        db = db.with_replica(Login::new(replica, config.replica_login_file()))?;
    }
    let address = listener.local_addr()?;
    let gatekeeper = Gatekeeper::new(config)?;
    server::prepare(config, &db).await?;
    let housekeeping = tokio::spawn(keep_house(db.clone()));
    let drain = Drain::default();
    let door = listener.try_clone()?;
    let engine = web::Data::new(Engine::start(config, &db)?);
    let server = server::start(listener, config, db, gatekeeper, &drain, engine.clone())?;
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    tracing::info!(%address, "serving");
    let asked = match stop.unless_asked(&mut server).await {
        Ok(outcome) => return Ok(outcome?),
        Err(asked) => asked,
    };
    tracing::info!("stopping");
    housekeeping.abort();
    let leave = async {
        if asked == Asked::ToTerminate {
            drain.announce();
            sleep(Duration::from_secs(config.shutdown_delay_seconds)).await;
            handle.pause().await;
            sleep(HEARD).await;
            refuse_connections(&door);
            // Clients in the middle of their work learn it from an answer, not from a connection
            // that ends under their next request.
            drain.close_connections();
            sleep(LAST_ANSWERS).await;
        }
        handle.stop(true).await;
    };
    let orderly = async {
        let ((), outcome) = tokio::join!(leave, &mut server);
        Box::pin(engine.resign()).await;
        outcome
    };
    if let Ok(outcome) = stop.unless_asked(orderly).await {
        outcome?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Whoever connects is refused at once, instead of waiting for a server that no longer accepts.
/// Where a system cannot do this to a socket that listens, its end does it a moment later.
fn refuse_connections(door: &TcpListener) {
    if let Err(error) = shutdown(door.as_raw_fd(), Shutdown::Both) {
        tracing::debug!(%error, "closing the listener");
    }
}

/// Now, and once a day. What fails is tried again the next day: the audit trail has a default
/// partition, and an old key does no harm. Connections are looked after all the time.
async fn keep_house(db: Db) {
    let mut days = tokio::time::interval(Duration::from_hours(24));
    let mut moments = tokio::time::interval(IDLE / 4);
    loop {
        tokio::select! {
            _ = days.tick() => {
                if let Err(problem) = db.keep_house().await {
                    tracing::warn!(%problem, "housekeeping failed");
                }
            }
            _ = moments.tick() => db.close_idle(IDLE),
        }
    }
}

/// Who wants us to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Somebody at a terminal, who waits for it.
    ToInterrupt,
    /// A platform, which first leads requests elsewhere.
    ToTerminate,
}

/// Ctrl-C and SIGTERM. Heard from the very start, so that a private database is always stopped.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// What comes out of `work`, unless we are asked to stop before.
    async fn unless_asked<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Asked> {
        tokio::select! {
            outcome = work => Ok(outcome),
            _ = self.interrupt.recv() => Err(Asked::ToInterrupt),
            _ = self.terminate.recv() => Err(Asked::ToTerminate),
        }
    }
}

async fn listen(config: &Config) -> Result<TcpListener, Box<dyn Error>> {
    let place = (config.host.as_str(), config.port);
    let addresses = tokio::net::lookup_host(place).await.map_err(|error| {
        format!(
            "HOST={} is no address of this machine ({error}); 127.0.0.1 and 0.0.0.0 always are",
            config.host
        )
    })?;
    let mut outcome = Err(io::Error::other("no address"));
    for address in addresses {
        outcome = bind(address);
        if outcome.is_ok() {
            break;
        }
    }
    Ok(outcome.map_err(|error| refusal(config, &error))?)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    // A restart must not wait for connections of the last life to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// What to change, in the words of the configuration.
fn refusal(config: &Config, error: &io::Error) -> String {
    let (host, port) = (&config.host, config.port);
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} on {host} is taken by another program; set PORT to a free one, such as PORT={}",
            port.saturating_add(1)
        ),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} needs more rights than this user has; set PORT to 1024 or more")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("HOST={host} is no address of this machine; 127.0.0.1 and 0.0.0.0 always are")
        }
        _ => format!("cannot listen on {host}:{port} (HOST, PORT): {error}"),
    }
}
