//! What holds for every client: numbering, the gate, the audit trail, secrets, roles.

mod archived;
mod audit;
mod claims;
mod gate;
mod graph;
mod people;
mod secrets;
mod unseen;
mod versions;

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::support::Database;
use crate::world::{self, Client};

struct World {
    database: Database,
    owner: Client,
    admin: String,
    developer: String,
    viewer: String,
}

impl World {
    async fn new() -> Self {
        let database = Database::new().await;
        let mut connection = world::create(&database).await;
        Self {
            admin: world::person(&mut connection, "root", "admin").await,
            developer: world::person(&mut connection, "dev", "developer").await,
            viewer: world::person(&mut connection, "eye", "viewer").await,
            owner: Client::owner(&database).await,
            database,
        }
    }

    async fn developer(&self) -> Client {
        Client::user(&self.database, &self.developer).await
    }

    async fn admin(&self) -> Client {
        Client::user(&self.database, &self.admin).await
    }

    /// A ready pipeline made by the developer: ids of pipeline, edge, source, target.
    async fn pipeline(&mut self, tag: &str) -> [String; 4] {
        let act = format!("select test.act_as('{}')", self.developer);
        self.owner.ok(&act).await;
        let made =
            self.owner.text(&format!("select to_jsonb(p) from test.pipeline('{tag}') p")).await;
        self.owner.ok("select test.act_as(null)").await;
        let made: Value = serde_json::from_str(&made).unwrap();
        ["pipeline", "edge", "source", "target"].map(|it| made[it].as_str().unwrap().to_owned())
    }
}

/// Long enough for a statement to have come to where it waits.
async fn a_moment() {
    sleep(Duration::from_millis(150)).await;
}
