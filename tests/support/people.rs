//! Who uses the service in the tests.

use std::sync::OnceLock;

use blockyard::auth::passwords::{self, NewPassword};
use sqlx::postgres::PgConnectOptions;

pub const PASSWORD: &str = "correct horse battery staple";

/// Ada (admin), Dan and Dora (developers), Vera (viewer), all with [`PASSWORD`].
pub async fn people(owner: &PgConnectOptions) {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| {
        let password = NewPassword::parse(PASSWORD).expect("a good password");
        passwords::hash(&password).expect("a hash")
    });
    let mut owner = super::connect(owner).await;
    for (username, role) in
        [("ada", "admin"), ("dan", "developer"), ("dora", "developer"), ("vera", "viewer")]
    {
        sqlx::query("insert into users (username, email, role, password_hash) values ($1, $1 || '@example.org', $2, $3)")
            .bind(username)
            .bind(role)
            .bind(hash)
            .execute(&mut owner)
            .await
            .expect("a user");
    }
}
