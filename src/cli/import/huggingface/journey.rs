//! What is there and not here, brought over in portions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

use super::api::{Api, Kind};
use super::wanted::{self, Called, Revision, Wanted};
use crate::api::name;
use crate::cli::import::landing::{Arrival, Landing, Standing};
use crate::cli::import::numbers::{Numbers, Pointed};
use crate::cli::import::report::Report;

/// So many versions are read, and then written: what a sudden end makes the next run read again.
const PORTION: usize = 50;

/// From there to here.
pub(super) struct Journey<'a> {
    api: &'a Api,
    source: &'a str,
    called: &'a Called,
    landing: Landing<'a>,
    numbers: Numbers,
    /// Of each repository, by the key of its name.
    kinds: HashMap<String, Kind>,
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
        let (numbers, kinds) = (Numbers::default(), HashMap::new());
        Self { api, source, called, landing, numbers, kinds, report }
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
            self.kinds.insert(name::key(&it.id), it.kind);
            let standing = standings.get(&name::key(&it.id));
            let revisions = it.revisions.iter().map(|revision| (revision.sha.clone(), revision));
            let (what, report) = (it.kind.word(), &mut self.report);
            let missing = self.numbers.missing(what, &it.id, standing, revisions, report);
            for (wave, revision) in missing.into_iter().enumerate() {
                waves.entry((wave, it.kind)).or_default().push((it, revision));
            }
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
            let mut coming = HashSet::new();
            for (it, revision) in portion {
                // What is here or comes along.
                let known = |kind: Kind, id: &str| {
                    let id = self.called.get(&(kind, name::key(id)))?;
                    let key = name::key(id);
                    let is_known = self.kinds.get(&key) == Some(&kind)
                        && (coming.contains(&key) || self.numbers.has(id));
                    is_known.then(|| id.clone())
                };
                let arrival =
                    wanted::arrival(self.api, self.source, it, revision, known, &mut self.report);
                arrivals.extend(arrival.await?);
                coming.insert(name::key(&it.id));
            }
            self.numbers.land(&self.landing, arrivals, |_| false, &mut self.report).await?;
            done += portion.len();
            eprintln!("{done} of {total} versions");
        }
        Ok(())
    }

    /// Tags and branches, once what they mean has its number.
    pub async fn aliases(&mut self, wanted: &[Wanted]) -> Result<(), Box<dyn Error>> {
        let pointed = wanted.iter().map(|Wanted { id, refs, .. }| Pointed {
            name: id.clone(),
            aliases: refs.iter().map(|(alias, sha)| (alias.clone(), sha.clone())).collect(),
        });
        self.numbers.point(&self.landing, pointed, &mut self.report).await
    }
}
