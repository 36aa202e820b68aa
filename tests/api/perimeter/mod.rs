//! What surrounds a request: how many, from where, by which pages, how long, how large.

mod cors;
mod limits;
mod prefix;
mod rate_limits;
mod security_headers;

use blockyard::config::Config;

use crate::service::{Service, Setup};

/// A service whose configuration differs by what `change` does.
async fn service_with(change: impl FnOnce(&mut Config)) -> Service {
    let mut setup = Setup::default();
    change(&mut setup.config);
    Service::with(setup).await
}
