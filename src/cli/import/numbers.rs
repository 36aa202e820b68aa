//! Which version of the source has which number here: what is missing, what has come, and where aliases point.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use serde_json::json;

use super::landing::{Arrival, Landing, Standing};
use super::report::Report;
use crate::api::name;
use crate::versions::AliasName;

/// Of each thing, by the key of its name, the source's versions that are here.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<String, BTreeMap<String, i64>>);

/// Where the aliases of a thing point, by the words of the source.
pub(super) struct Pointed {
    pub name: String,
    /// Alias, and version of the source.
    pub aliases: Vec<(String, String)>,
}

/// What was in use of a thing before a version landed that is not its newest.
struct Before {
    name: String,
    /// What lands, as the source calls it.
    version: String,
    /// What was in use.
    number: i64,
}

impl Numbers {
    /// Those of a thing's versions that are not here; none of what has a name that something else
    /// has here, which is told.
    pub fn missing<V>(
        &mut self,
        what: &'static str,
        name: &str,
        standing: Option<&Standing>,
        versions: impl IntoIterator<Item = (String, V)>,
        report: &mut Report,
    ) -> Vec<V> {
        let present = match standing {
            Some(Standing::Foreign(why)) => {
                report.left_out(what, name, None, why);
                return Vec::new();
            }
            Some(Standing::Present(present)) => present.clone(),
            Some(Standing::Absent) | None => BTreeMap::new(),
        };
        let is_new = present.is_empty();
        let mut missing = Vec::new();
        for (version, it) in versions {
            if present.contains_key(&version) {
                report.present.versions += 1;
            } else {
                missing.push(it);
            }
        }
        report.present.things += usize::from(!is_new);
        if report.is_dry_run {
            report.imported.versions += missing.len();
            report.imported.things += usize::from(is_new && !missing.is_empty());
        }
        self.0.insert(name::key(name), present);
        missing
    }

    /// Whether it was asked for, here or not.
    pub fn is_asked_for(&self, name: &str) -> bool {
        self.0.contains_key(&name::key(name))
    }

    /// Whether a version of it is here.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(&name::key(name)).is_some_and(|numbers| !numbers.is_empty())
    }

    /// Lands versions, and counts them. Of those that are late, newer ones being here already, what
    /// was in use before stays in use.
    pub async fn land(
        &mut self,
        landing: &Landing<'_>,
        arrivals: Vec<Arrival>,
        is_late: impl Fn(&Arrival) -> bool,
        report: &mut Report,
    ) -> Result<(), Box<dyn Error>> {
        let mut before = Vec::new();
        for Arrival { name, version, .. } in arrivals.iter().filter(|it| is_late(it)) {
            if let Some(number) = landing.in_use(name).await? {
                before.push(Before { name: name.clone(), version: version.clone(), number });
            }
        }
        for it in landing.land("version of", arrivals, report).await? {
            let numbers = self.0.entry(name::key(&it.name)).or_default();
            report.imported.things += usize::from(numbers.is_empty());
            report.imported.versions += usize::from(it.is_changed);
            numbers.insert(it.version, it.number);
        }
        self.put_back(landing, before, report).await
    }

    /// Puts to use again what was, where that is what has landed.
    async fn put_back(
        &self,
        landing: &Landing<'_>,
        before: Vec<Before>,
        report: &mut Report,
    ) -> Result<(), Box<dyn Error>> {
        let mut arrivals = Vec::new();
        for Before { name, version, number } in before {
            let landed = self.0.get(&name::key(&name)).and_then(|it| it.get(&version)).copied();
            // Else it was refused, or somebody has decided otherwise since.
            if landed.is_some() && landing.in_use(&name).await? == landed {
                let block = json!({ "name": name, "active": number });
                arrivals.push(Arrival { name, version: String::new(), block });
            }
        }
        landing.point("version in use of", arrivals, report).await.map(drop)
    }

    /// Points aliases to where they point at the source; what cannot be is told.
    pub async fn point(
        &self,
        landing: &Landing<'_>,
        pointed: impl IntoIterator<Item = Pointed>,
        report: &mut Report,
    ) -> Result<(), Box<dyn Error>> {
        let mut arrivals = Vec::new();
        for Pointed { name, aliases } in pointed {
            let Some(numbers) = self.0.get(&name::key(&name)) else { continue };
            let number = |version: &str| numbers.get(version).copied().filter(|it| *it > 0);
            let mut told = json!({});
            for (alias, version) in aliases {
                match (alias.parse::<AliasName>(), number(&version)) {
                    (Err(why), _) => report.left_out("alias of", &name, Some(&alias), why),
                    (Ok(_), Some(number)) => told[alias] = number.into(),
                    (Ok(_), None) => {
                        let why = format!("version {version}, to which it points, is not here");
                        report.left_out("alias of", &name, Some(&alias), why);
                    }
                }
            }
            if told != json!({}) {
                let block = json!({ "name": name, "aliases": told });
                arrivals.push(Arrival { name, version: String::new(), block });
            }
        }
        let landed = landing.point("aliases of", arrivals, report).await?;
        report.aliases_changed = landed.iter().filter(|it| it.is_changed).count();
        Ok(())
    }
}
