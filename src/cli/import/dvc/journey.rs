//! What is there and not here, brought over in portions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

use super::content::{self, Origin};
use super::objects::Objects;
use super::past::Version;
use super::wanted::Wanted;
use crate::api::name;
use crate::cli::import::landing::{Arrival, Landing, Standing};
use crate::cli::import::numbers::{Numbers, Pointed};
use crate::cli::import::report::Report;

/// So many versions are read, and then written: what a sudden end makes the next run read again.
const PORTION: usize = 250;

/// From there to here.
pub(super) struct Journey<'a> {
    objects: Objects,
    origin: Origin<'a>,
    wanted: &'a [Wanted],
    standings: &'a HashMap<String, Standing>,
    landing: Landing<'a>,
    numbers: Numbers,
    /// Things, and versions of these that come after newer ones: releases of an older line.
    late: HashSet<(&'a str, &'a str)>,
    pub report: Report,
}

impl<'a> Journey<'a> {
    pub fn new(
        objects: Objects,
        origin: Origin<'a>,
        wanted: &'a [Wanted],
        standings: &'a HashMap<String, Standing>,
        landing: Landing<'a>,
        report: Report,
    ) -> Self {
        let (numbers, late) = (Numbers::default(), HashSet::new());
        Self { objects, origin, wanted, standings, landing, numbers, late, report }
    }

    /// What is not here yet, wave by wave: of no thing two versions in the same, and what was read
    /// before what was made of it.
    pub fn missing(&mut self, asked: &[&'a Wanted]) -> Vec<Vec<(&'a Wanted, &'a Version)>> {
        let mut waves: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        let mut asked = asked.to_vec();
        asked.sort_by_key(|it| it.rank);
        for it in asked {
            let standing = self.standings.get(&name::key(&it.name));
            let versions = it.versions.iter().map(|version| (version.id.clone(), version));
            let report = &mut self.report;
            let missing = self.numbers.missing(it.kind, &it.name, standing, versions, report);
            if let Some(Standing::Present(present)) = standing {
                let newest = it.order.iter().rposition(|id| present.contains_key(id));
                let older = &it.order[..newest.unwrap_or_default()];
                let late = older.iter().filter(|id| !present.contains_key(*id));
                self.late.extend(late.map(|id| (it.name.as_str(), id.as_str())));
            }
            for (wave, version) in missing.into_iter().enumerate() {
                waves.entry(wave).or_default().push((it, version));
            }
        }
        waves.into_values().collect()
    }

    pub async fn bring(
        &mut self,
        waves: &[Vec<(&'a Wanted, &'a Version)>],
    ) -> Result<(), Box<dyn Error>> {
        let total: usize = waves.iter().map(Vec::len).sum();
        let mut done = 0;
        for portion in waves.iter().flat_map(|wave| wave.chunks(PORTION)) {
            let coming: HashSet<&str> = portion.iter().map(|(it, _)| it.name.as_str()).collect();
            // What is not asked for may be here.
            let is_here = |name: &str| {
                matches!(self.standings.get(&name::key(name)), Some(Standing::Present(_)))
            };
            let known =
                |name: &str| coming.contains(name) || self.numbers.has(name) || is_here(name);
            let mut arrivals = Vec::new();
            for &(it, version) in portion {
                let (objects, report) = (&mut self.objects, &mut self.report);
                let arrival = content::version(
                    objects,
                    &self.origin,
                    self.wanted,
                    (it, version),
                    known,
                    report,
                );
                arrivals.push(arrival?);
            }
            let is_late = |it: &Arrival| self.late.contains(&(&*it.name, &*it.version));
            self.numbers.land(&self.landing, arrivals, is_late, &mut self.report).await?;
            done += portion.len();
            eprintln!("{done} of {total} versions");
        }
        Ok(())
    }

    /// Stages and tags, once what they mean has its number.
    pub async fn aliases(&mut self, asked: &[&Wanted]) -> Result<(), Box<dyn Error>> {
        let pointed = asked.iter().map(|it| Pointed {
            name: it.name.clone(),
            aliases: it.aliases.clone().into_iter().collect(),
        });
        self.numbers.point(&self.landing, pointed, &mut self.report).await
    }
}
