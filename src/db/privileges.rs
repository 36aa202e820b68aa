//! What the migrations say of roles, rights, row-level security, policies and triggers, held against a database.
//!
//! A dump does not bring the roles of its server, and what is granted to a role that is not there is lost; what
//! somebody granted by hand is in no file. `privileges.tsv` has what a database has that was just
//! migrated, a fact a line; a test of the schema holds it against the migrations.

use std::collections::BTreeSet;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

/// Object, fact and the statement that makes it so, of a database that was just migrated.
const EXPECTED: &str = include_str!("../../sql/db/privileges.tsv");

/// The partitions of a month are like the one that takes what no month has.
const MONTHS: &str = "table app.audit_logs_";
const NO_MONTH: &str = "table app.audit_logs_default";

/// Something that is so in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: `table public.blocks`.
    pub object: String,
    /// It, in words: `anon has SELECT on table public.blocks`.
    pub fact: String,
    /// What makes it so, where a statement can.
    pub give: Option<String>,
    /// What undoes it, where it should not be so unless the migrations say so.
    pub take: Option<String>,
}

/// A fact that the migrations do not give, or that they give and is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub sentence: String,
    /// The statement that mends it, where one can.
    pub mend: Option<String>,
}

/// The facts of a database.
///
/// # Errors
/// Those of the database.
pub async fn facts(connection: &mut PgConnection) -> sqlx::Result<Vec<Fact>> {
    let mut transaction = connection.begin().await?;
    // So that names are written in full; for this transaction only, since a pooler may stand between.
    sqlx::raw_sql("set local search_path = pg_catalog").execute(&mut *transaction).await?;
    let facts =
        sqlx::query_file_as!(Fact, "sql/db/privileges.sql").fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(facts)
}

/// What differs from the migrations; nothing else is looked at.
///
/// # Errors
/// Those of the database.
pub async fn differences(connection: &mut PgConnection) -> sqlx::Result<Vec<Difference>> {
    Ok(compare(&expected(), &facts(connection).await?))
}

/// What differs of the service's role alone: all there is to look at before there is a schema.
///
/// # Errors
/// Those of the database.
pub async fn differences_of_role(connection: &mut PgConnection) -> sqlx::Result<Vec<Difference>> {
    let is_role = |fact: &Fact| fact.object.starts_with("role ");
    let expected: Vec<_> = expected().into_iter().filter(is_role).collect();
    let found: Vec<_> = facts(connection).await?.into_iter().filter(is_role).collect();
    Ok(compare(&expected, &found))
}

fn expected() -> Vec<Fact> {
    let lines = EXPECTED.lines().map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        Fact {
            object: fields.next().unwrap_or_default(),
            fact: fields.next().unwrap_or_default(),
            give: fields.next().filter(|give| !give.is_empty()),
            take: None,
        }
    });
    lines.collect()
}

/// The tables that the migrations make, with their schemas.
pub fn tables() -> Vec<String> {
    let is_there = |fact: Fact| fact.fact.strip_prefix("there is a table ").map(str::to_owned);
    expected().into_iter().filter_map(is_there).collect()
}

fn is_month(object: &str) -> bool {
    object.strip_prefix(MONTHS).is_some_and(|month| {
        !month.is_empty() && month.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

/// What the migrations give, the months that are there included.
fn with_months(expected: &[Fact], objects: &BTreeSet<&str>) -> Vec<Fact> {
    let mut all = expected.to_vec();
    for month in objects.iter().filter(|object| is_month(object)) {
        let like = |text: &str| text.replace(NO_MONTH, month);
        let facts = expected.iter().filter(|fact| fact.object == NO_MONTH).map(|fact| Fact {
            object: like(&fact.object),
            fact: like(&fact.fact),
            give: fact.give.as_deref().map(like),
            take: None,
        });
        all.extend(facts);
    }
    all
}

fn compare(expected: &[Fact], found: &[Fact]) -> Vec<Difference> {
    let objects: BTreeSet<&str> = found.iter().map(|fact| fact.object.as_str()).collect();
    let here: BTreeSet<&str> = found.iter().map(|fact| fact.fact.as_str()).collect();
    let expected = with_months(expected, &objects);
    let wanted: BTreeSet<&str> = expected.iter().map(|fact| fact.fact.as_str()).collect();
    let ours: BTreeSet<&str> = expected.iter().map(|fact| fact.object.as_str()).collect();

    // A project has tables of its own in `public`; in `app` all is ours.
    let is_ours = |object: &str| {
        ours.contains(object)
            || !(object.starts_with("table public.") || object.starts_with("sequence public."))
    };
    let too_much = found
        .iter()
        .filter(|fact| fact.take.is_some() && is_ours(&fact.object))
        .filter(|fact| !wanted.contains(fact.fact.as_str()))
        .map(|fact| Difference {
            sentence: format!("not given by the migrations: {}", fact.fact),
            mend: fact.take.clone(),
        });
    // Of what is not there, that is all there is to say.
    let is_there = |fact: &Fact| objects.contains(fact.object.as_str());
    let missing = expected
        .iter()
        .filter(|fact| !here.contains(fact.fact.as_str()))
        .filter(|fact| is_there(fact) || fact.fact == format!("there is a {}", fact.object))
        .map(|fact| Difference {
            sentence: format!("missing, though the migrations give it: {}", fact.fact),
            mend: fact.give.clone(),
        });
    // A role is made before anything is granted to it; what is open is closed before what is missing is given.
    let (first, missing): (Vec<_>, Vec<_>) =
        missing.partition(|difference| difference.sentence.contains("there is a role"));
    first.into_iter().chain(too_much).chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(object: &str, fact: &str) -> Fact {
        let statement = |verb: &str| Some(format!("{verb} {fact}"));
        Fact {
            object: object.to_owned(),
            fact: fact.to_owned(),
            give: statement("give"),
            take: statement("take"),
        }
    }

    fn there_is(object: &str) -> Fact {
        Fact { give: None, take: None, ..fact(object, &format!("there is a {object}")) }
    }

    fn sentences(expected: &[Fact], found: &[Fact]) -> Vec<String> {
        compare(expected, found).into_iter().map(|difference| difference.sentence).collect()
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_told_with_its_mend() {
        let table = "table public.blocks";
        let expected = [there_is(table), fact(table, "ada reads")];
        assert_eq!(compare(&expected, &expected), []);
        let found = [there_is(table), fact(table, "bob reads")];
        let told = compare(&expected, &found);
        let mends: Vec<_> = told.iter().map(|told| told.mend.as_deref().unwrap()).collect();
        assert_eq!(mends, ["take bob reads", "give ada reads"]);
        assert_eq!(
            sentences(&expected, &[]),
            [format!("missing, though the migrations give it: there is a {table}")]
        );
    }

    #[test]
    fn tables_of_the_project_are_not_looked_at() {
        let of_others = [fact("table public.theirs", "anon reads")];
        assert_eq!(compare(&[], &of_others), []);
        assert_eq!(compare(&[], &[fact("table app.theirs", "anon reads")]).len(), 1);
    }

    #[test]
    fn a_month_is_like_the_partition_of_no_month() {
        let right = |table: &str| fact(table, &format!("trigger of {table}"));
        let month = "table app.audit_logs_2031_01";
        let expected = [there_is(NO_MONTH), right(NO_MONTH)];
        let as_it_is = [&expected[..], &[there_is(month), right(month)]].concat();
        assert_eq!(compare(&expected, &as_it_is), []);
        let lost = [&expected[..], &[there_is(month)]].concat();
        assert!(
            sentences(&expected, &lost)[0].ends_with("trigger of table app.audit_logs_2031_01")
        );
        assert!(!is_month(NO_MONTH));
    }
}
