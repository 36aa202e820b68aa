//! What the migrations say of roles and privileges is made so again.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{Error, Owner};
use crate::db::privileges::{self, Difference};

/// What is granted may wait for the role that is made before it.
const PASSES: usize = 3;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All that the migrations say.
    All,
    /// The service's role: where there is no schema, or not the one that this program knows.
    Role,
}

/// What was mended, and what could not be.
#[derive(Debug, Default)]
pub struct Mended {
    pub done: Vec<Difference>,
    /// With what the database said, where there was a statement to try.
    pub left: Vec<(Difference, Option<String>)>,
}

impl Owner {
    /// What differs from the migrations.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn differences(&mut self, reach: Reach) -> Result<Vec<Difference>, Error> {
        let differences = match reach {
            Reach::All => privileges::differences(&mut self.connection).await,
            Reach::Role => privileges::differences_of_role(&mut self.connection).await,
        };
        differences.map_err(Error::of)
    }

    /// Mends what differs. Each statement stands for itself: one that is refused stops no other.
    ///
    /// # Errors
    /// See [`Error`]; what could not be mended is no error.
    pub async fn mend(&mut self, reach: Reach) -> Result<Mended, Error> {
        let mut mended = Mended::default();
        let mut refusals = BTreeMap::new();
        let mut differences = self.differences(reach).await?;
        for _ in 0..PASSES {
            let mut is_changed = false;
            for difference in differences {
                let Some(statement) = difference.mend.clone() else { continue };
                // The statements are PostgreSQL's own: format() has quoted what is in them.
                match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connection).await {
                    Ok(_) => {
                        is_changed = true;
                        mended.done.push(difference);
                    }
                    Err(sqlx::Error::Database(refusal)) => {
                        refusals.insert(difference.sentence, refusal.message().to_owned());
                    }
                    Err(error) => return Err(Error::of(error)),
                }
            }
            differences = self.differences(reach).await?;
            if !is_changed || differences.is_empty() {
                break;
            }
        }
        // A revoke of what another role has granted is taken without a word, and changes nothing.
        mended.done.retain(|done| !differences.iter().any(|left| left.sentence == done.sentence));
        let left = differences.into_iter().map(|difference| {
            let said = refusals.remove(&difference.sentence);
            (difference, said)
        });
        mended.left = left.collect();
        Ok(mended)
    }
}
