//! What is there and not here, brought over in portions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

use super::api::{Api, Model, Run, Version};
use super::content;
use super::wanted::{Wanted, run_of, runs};
use crate::api::name::{self, Name};
use crate::cli::import::landing::{Arrival, Landing, Standing};
use crate::cli::import::numbers::{Numbers, Pointed};
use crate::cli::import::report::Report;

/// So many versions are read, and then written: what a sudden end makes the next run read again.
const PORTION: usize = 250;

/// From there to here.
pub(super) struct Journey<'a> {
    api: &'a Api,
    source: &'a str,
    landing: Landing<'a>,
    /// Of the models.
    numbers: Numbers,
    /// The newest version of each model that was here before, by the key of its name.
    newest: HashMap<String, u64>,
    /// Of each dataset that was looked for: the digests that are here; `None` of one that cannot be.
    datasets: HashMap<String, Option<HashSet<String>>>,
    pub report: Report,
}

impl<'a> Journey<'a> {
    pub fn new(api: &'a Api, source: &'a str, landing: Landing<'a>, report: Report) -> Self {
        let (numbers, newest, datasets) = (Numbers::default(), HashMap::new(), HashMap::new());
        Self { api, source, landing, numbers, newest, datasets, report }
    }

    /// What is not here yet, wave by wave: of no model two versions in the same.
    pub fn missing<'w>(
        &mut self,
        wanted: &'w [Wanted],
        standings: &HashMap<String, Standing>,
    ) -> Vec<Vec<(&'w Model, &'w Version)>> {
        let mut waves: Vec<Vec<_>> = Vec::new();
        for Wanted { model, versions } in wanted {
            let standing = standings.get(&name::key(&model.name));
            if let Some(Standing::Present(present)) = standing {
                let newest = present.keys().filter_map(|it| it.parse().ok()).max();
                self.newest.extend(newest.map(|it| (name::key(&model.name), it)));
            }
            let versions = versions.values().map(|it| (it.version.to_string(), it));
            let report = &mut self.report;
            let missing = self.numbers.missing("model", &model.name, standing, versions, report);
            for (wave, version) in missing.into_iter().enumerate() {
                if waves.len() <= wave {
                    waves.push(Vec::new());
                }
                waves[wave].push((model, version));
            }
        }
        waves
    }

    pub async fn bring(&mut self, waves: &[Vec<(&Model, &Version)>]) -> Result<(), Box<dyn Error>> {
        let total: usize = waves.iter().map(Vec::len).sum();
        let mut done = 0;
        for portion in waves.iter().flat_map(|wave| wave.chunks(PORTION)) {
            let versions = portion.iter().map(|(_, version)| *version);
            let runs = runs(self.api, versions, &mut self.report).await?;
            self.bring_datasets(&runs).await?;
            let arrivals = portion
                .iter()
                .map(|(model, version)| {
                    let known =
                        |name: &str| matches!(self.datasets.get(&name::key(name)), Some(Some(_)));
                    let run = run_of(version, &runs);
                    content::version(self.source, model, version, run, known, &mut self.report)
                })
                .collect();
            let is_late = |it: &Arrival| {
                let newest = self.newest.get(&name::key(&it.name));
                newest.is_some_and(|newest| it.version.parse().is_ok_and(|it: u64| it < *newest))
            };
            self.numbers.land(&self.landing, arrivals, is_late, &mut self.report).await?;
            done += portion.len();
            eprintln!("{done} of {total} versions");
        }
        Ok(())
    }

    /// The datasets that these runs have read, before what depends on them.
    async fn bring_datasets(&mut self, runs: &HashMap<String, Run>) -> Result<(), Box<dyn Error>> {
        let mut inputs: Vec<_> = runs.values().collect();
        inputs.sort_by_key(|run| run.info.get("start_time").map(ToString::to_string));
        let inputs: Vec<_> = inputs
            .into_iter()
            .flat_map(|run| &run.inputs.dataset_inputs)
            .map(|it| &it.dataset)
            .collect();
        let mut looked_for = HashSet::new();
        let mut unknown = Vec::new();
        for dataset in &inputs {
            let key = name::key(&dataset.name);
            if self.datasets.contains_key(&key) || !looked_for.insert(key.clone()) {
                continue;
            }
            let why = match Name::parse(&dataset.name) {
                Err(why) => why.into_owned(),
                Ok(_) if self.numbers.is_asked_for(&dataset.name) => {
                    "a model has its name".to_owned()
                }
                Ok(_) => {
                    unknown.push((dataset.name.clone(), "dataset"));
                    continue;
                }
            };
            self.report.left_out("dataset", &dataset.name, None, why);
            self.datasets.insert(key, None);
        }
        for (key, standing) in self.landing.standings(unknown.clone()).await? {
            let present = match standing {
                Standing::Absent => Some(HashSet::new()),
                Standing::Present(versions) => Some(versions.into_keys().collect()),
                Standing::Foreign(why) => {
                    let named = unknown.iter().find(|(name, _)| name::key(name) == key);
                    let named = named.map_or(key.as_str(), |(name, _)| name);
                    self.report.left_out("dataset", named, None, why);
                    None
                }
            };
            self.datasets.insert(key, present);
        }
        // Of each the digests that are not here, one of each name a time.
        let mut waiting: BTreeMap<String, Vec<Arrival>> = BTreeMap::new();
        for dataset in inputs {
            let key = name::key(&dataset.name);
            if let Some(Some(digests)) = self.datasets.get_mut(&key)
                && digests.insert(dataset.digest.clone())
            {
                waiting.entry(key).or_default().push(content::dataset(self.source, dataset));
            }
        }
        while !waiting.is_empty() {
            let wave: Vec<Arrival> = waiting.values_mut().map(|of_one| of_one.remove(0)).collect();
            waiting.retain(|_, of_one| !of_one.is_empty());
            let sent: Vec<(String, String)> =
                wave.iter().map(|it| (name::key(&it.name), it.version.clone())).collect();
            let landed = self.landing.land("dataset", wave, &mut self.report).await?;
            for it in &landed {
                self.report.imported.versions += usize::from(it.is_changed);
                self.report.imported.things += usize::from(it.is_changed && it.number == 1);
            }
            let landed: HashSet<(String, String)> =
                landed.into_iter().map(|it| (name::key(&it.name), it.version)).collect();
            for (key, digest) in sent {
                if !landed.contains(&(key.clone(), digest.clone()))
                    && let Some(Some(digests)) = self.datasets.get_mut(&key)
                {
                    digests.remove(&digest);
                    if digests.is_empty() {
                        self.datasets.insert(key, None);
                    }
                }
            }
        }
        Ok(())
    }

    /// Points the aliases to where they point in the MLflow.
    pub async fn aliases(&mut self, wanted: &[Wanted]) -> Result<(), Box<dyn Error>> {
        let pointed = wanted.iter().map(|Wanted { model, .. }| Pointed {
            name: model.name.clone(),
            aliases: (model.aliases.iter())
                .map(|it| (it.alias.clone(), it.version.to_string()))
                .collect(),
        });
        self.numbers.point(&self.landing, pointed, &mut self.report).await
    }
}
