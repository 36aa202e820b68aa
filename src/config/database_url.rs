//! URLs of databases as people and platforms write them, and what is wrong with the others.

use url::{ParseError, Url};

use super::fault::Fault;

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// Reads the URL that `variable` holds.
///
/// # Errors
/// Which part of it cannot be read. Never shows it: there is a password in it.
pub(super) fn read(variable: &str, text: &str) -> Result<Url, Fault> {
    let fault = |what: &str| Fault::new(variable, what);
    if text.starts_with(['"', '\'']) {
        return Err(fault("begins with a quotation mark; the URL stands alone"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Fault::unusable(variable));
    };
    if !SCHEMES.contains(&scheme) {
        return Err(fault(&format!("begins with {scheme}://; write postgres:// instead")));
    }
    // The last @ ends the password, unless it comes after what ends the address.
    let (before, after) = rest.rsplit_once('@').unwrap_or(("", rest));
    if before.contains(['/', '?', '#', '[', ']', ' ', '\\']) && !is_path(before) {
        return Err(fault(
            "has a password (or a user) with characters that mean something else in a URL. \
             Write them percent-encoded: %2F for /, %3F for ?, %23 for #, %5B and %5D for [ and ], %40 for @, %25 for %",
        ));
    }
    let address = after.split(['/', '?']).next().unwrap_or_default();
    if address.contains(',') {
        return Err(fault("names several servers; name the one that takes writes"));
    }
    // `…@/database?host=/cloudsql/…`: a socket, which the parser wants a host for.
    let with_host = (address.is_empty() && names_socket(after))
        .then(|| format!("{scheme}://{before}@localhost{after}"));
    Url::parse(with_host.as_deref().unwrap_or(text)).map_err(|error| match error {
        ParseError::InvalidPort => {
            fault("has a port that is none, after the last : of its address")
        }
        ParseError::EmptyHost => fault("names no server between @ and the database"),
        error => fault(&format!("has an address that cannot be read ({error})")),
    })
}

/// Whether an @ was only met far behind the address, as in `host/database?application_name=a@b`.
fn is_path(before: &str) -> bool {
    before.split_once(['/', '?']).is_some_and(|(address, _)| address.contains('@'))
}

fn names_socket(after: &str) -> bool {
    after
        .split_once('?')
        .is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("host=")))
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::postgres::PgConnectOptions;

    use super::read;

    #[test]
    fn the_part_that_cannot_be_read_is_named_and_the_password_is_not() {
        for (url, word) in [
            ("postgres://api:pA55/w#rd?[1]:@xyz0@db.example.org:5432/postgres", "%2F"),
            ("postgres://api:123#pA55@db.example.org/postgres", "%23"),
            ("postgres://api:pA55 w@db.example.org/postgres", "percent-encoded"),
            ("postgres://api:pA55@db.example.org:54x2/postgres", "port"),
            ("postgres://api:pA55@/postgres", "server"),
            ("postgres://api:pA55@a:5432,b:5432/postgres", "several servers"),
            ("postgres://api:pA55@[::1/postgres", "address"),
            ("jdbc:postgresql://db.example.org/postgres?user=api&password=pA55", "jdbc:postgresql"),
            ("postgresql+psycopg://api:pA55@db.example.org/postgres", "write postgres://"),
            ("\"postgres://api:pA55@db.example.org/postgres\"", "quotation mark"),
            ("host=db.example.org password=pA55", "must be a URL"),
        ] {
            let fault = read("DATABASE_URL", url).expect_err(url).to_string();
            assert!(fault.starts_with("DATABASE_URL "), "{fault}");
            assert!(fault.contains(word), "{url}: {fault}");
            assert!(!fault.contains("pA55"), "{fault}");
        }
    }

    #[test]
    fn what_platforms_give_is_read() {
        for url in [
            "postgres://api:p%2Fw%40@db.example.org/postgres",
            "postgresql://api:pw@db.example.org:5432/postgres?sslmode=require&channel_binding=require",
            "postgres://api.ref:pw@aws-0-eu.pooler.example.org:6543/postgres?pgbouncer=true",
            "postgres://api:p@ss@db.example.org/postgres",
            "postgres://api:pw@[::1]:5432/postgres",
            "postgres://api:pw@/postgres?host=/cloudsql/project:region:instance",
            "postgres://api:pw@%2Fvar%2Frun%2Fpostgresql/postgres",
            "postgres://api:pw@db.example.org/postgres?application_name=a@b",
        ] {
            read("DATABASE_URL", url).expect(url);
        }
    }

    #[test]
    fn a_socket_needs_no_host() {
        let url = "postgres://api:pw@/registry?host=/cloudsql/project:region:instance";
        let login = PgConnectOptions::from_url(&read("DATABASE_URL", url).unwrap()).unwrap();
        let socket = login.get_socket().map(|path| path.display().to_string());
        assert_eq!(socket.as_deref(), Some("/cloudsql/project:region:instance"));
        assert_eq!((login.get_username(), login.get_database()), ("api", Some("registry")));
    }
}
