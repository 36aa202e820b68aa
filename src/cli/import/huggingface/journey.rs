//! What is there and not here, brought over in portions.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use serde_json::json;

use super::api::{Api, Kind};
use super::wanted::{self, Called, Revision, Wanted};
use crate::api::name;
use crate::cli::import::landing::{Arrival, Landing, Standing};
use crate::cli::import::report::Report;
use crate::versions::AliasName;

/// So many versions are read, and then written: what a sudden end makes the next run read again.
const PORTION: usize = 50;

/// From there to here.
pub(super) struct Journey<'a> {
    api: &'a Api,
    source: &'a str,
    called: &'a Called,
    landing: Landing<'a>,
    /// Of each repository that is here, which revision has which number.
    numbers: HashMap<(Kind, String), BTreeMap<String, i64>>,
    pub report: Report,
}

impl<'a> Journey<'a> {
    pub fn new(
        api: &'a Api,
        source: &'a str,
        called: &'a Called,
        landing: Landing<'a>,
        report: Report,
    ) -> Self {
        Self { api, source, called, landing, numbers: HashMap::new(), report }
    }

    /// What is not here yet, wave by wave: of no repository two versions in the same, and datasets
    /// before the models that name them.
    pub fn missing<'w>(
        &mut self,
        wanted: &'w [Wanted],
        standings: &HashMap<String, Standing>,
    ) -> Vec<Vec<(&'w Wanted, &'w Revision)>> {
        let mut waves: BTreeMap<(usize, Kind), Vec<_>> = BTreeMap::new();
        for it in wanted {
            let key = name::key(&it.id);
            let present = match standings.get(&key) {
                Some(Standing::Foreign(why)) => {
                    self.report.left_out(it.kind.word(), &it.id, None, why);
                    continue;
                }
                Some(Standing::Present(present)) => present.clone(),
                Some(Standing::Absent) | None => BTreeMap::new(),
            };
            let is_new = present.is_empty();
            let missing = it.revisions.iter().filter(|it| !present.contains_key(&it.sha));
            let mut count = 0;
            for (wave, revision) in missing.enumerate() {
                waves.entry((wave, it.kind)).or_default().push((it, revision));
                count += 1;
            }
            if self.report.is_dry_run {
                self.report.imported.versions += count;
                self.report.imported.things += usize::from(is_new && count > 0);
            }
            self.report.present.things += usize::from(!is_new);
            self.report.present.versions += it.revisions.len() - count;
            self.numbers.insert((it.kind, key), present);
        }
        waves.into_values().collect()
    }

    pub async fn bring(
        &mut self,
        waves: &[Vec<(&Wanted, &Revision)>],
    ) -> Result<(), Box<dyn Error>> {
        let total: usize = waves.iter().map(Vec::len).sum();
        let mut done = 0;
        for portion in waves.iter().flat_map(|wave| wave.chunks(PORTION)) {
            let mut arrivals: Vec<Arrival> = Vec::new();
            let mut kinds = HashMap::new();
            for (it, revision) in portion {
                // What is here or comes along.
                let known = |kind: Kind, id: &str| {
                    let id = self.called.get(&(kind, name::key(id)))?;
                    let key = name::key(id);
                    let is_known = kinds.get(&key) == Some(&kind)
                        || self.numbers.get(&(kind, key)).is_some_and(|it| !it.is_empty());
                    is_known.then(|| id.clone())
                };
                let arrival =
                    wanted::arrival(self.api, self.source, it, revision, known, &mut self.report);
                arrivals.extend(arrival.await?);
                kinds.insert(name::key(&it.id), it.kind);
            }
            let landed = self.landing.land("version of", arrivals, &mut self.report).await?;
            for it in landed {
                let key = name::key(&it.name);
                let Some(kind) = kinds.get(&key) else { continue };
                let numbers = self.numbers.entry((*kind, key)).or_default();
                self.report.imported.things += usize::from(numbers.is_empty());
                self.report.imported.versions += usize::from(it.is_changed);
                numbers.insert(it.version, it.number);
            }
            done += portion.len();
            eprintln!("{done} of {total} versions");
        }
        Ok(())
    }

    /// Tags and branches, once what they mean has its number.
    pub async fn aliases(&mut self, wanted: &[Wanted]) -> Result<(), Box<dyn Error>> {
        let mut arrivals = Vec::new();
        for Wanted { kind, id, refs, .. } in wanted {
            let Some(numbers) = self.numbers.get(&(*kind, name::key(id))) else { continue };
            let mut aliases = json!({});
            for (alias, sha) in refs {
                match (alias.parse::<AliasName>(), numbers.get(sha)) {
                    (Err(why), _) => self.report.left_out("alias of", id, Some(alias), why),
                    (Ok(_), Some(number)) if *number > 0 => aliases[alias] = (*number).into(),
                    (Ok(_), _) => {
                        let why = format!("revision {sha}, to which it points, is not here");
                        self.report.left_out("alias of", id, Some(alias), why);
                    }
                }
            }
            if aliases != json!({}) {
                arrivals.push(Arrival {
                    name: id.clone(),
                    version: String::new(),
                    block: json!({ "name": id, "aliases": aliases }),
                });
            }
        }
        let landed = self.landing.land("aliases of", arrivals, &mut self.report).await?;
        self.report.aliases_changed = landed.iter().filter(|it| it.is_changed).count();
        Ok(())
    }
}
