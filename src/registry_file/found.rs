//! What is there, in the words of the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::categories::{self, Categories};
use super::given::{Content, Given};
use super::given_parts::DependsOn;
use super::queries::{self, PipelineRow, VersionedRow, Wanted};
use super::{Kind, Members, Owners, at, parts};
use crate::api::name;
use crate::api::problem::Problem;
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};
use crate::versions::tree;

/// Beyond what one file names: those of its owner as well.
const MOST_ROWS: i64 = 100_000;

/// A thing that is there.
#[derive(Debug, Serialize)]
pub(super) struct Thing {
    #[serde(skip)]
    pub kind: Kind,
    pub id: Uuid,
    /// Of a category its path.
    pub name: String,
    pub revision: DateTime,
    /// Of the version in use.
    pub version_number: i32,
    pub latest_version_number: i32,
    pub members: Members,
    /// The content of the newest version, if nobody has activated it.
    pub candidate: Option<Members>,
    pub owner: Option<String>,
    pub owners: Owners,
    /// The ids of its dependencies, repositories, images and vectors, by their members.
    pub parts: BTreeMap<String, Uuid>,
}

/// What is there of what a file is about, by kind and key of the name.
#[derive(Debug, Default)]
pub(super) struct Found(pub BTreeMap<(Kind, String), Thing>);

impl Found {
    /// Reads what these items name, and what else this owner manages.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(
        scope: &mut Scope<'_>,
        items: &[Given],
        owner: Option<&str>,
        categories: &Categories,
    ) -> Result<Self, Failure> {
        let mut keys: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        for item in items {
            keys.entry(item.kind()).or_default().extend(item.former_key());
            keys.entry(item.kind()).or_default().insert(item.key());
            mentioned(item, &mut |kind, key| {
                keys.entry(kind).or_default().insert(key);
            });
        }
        let of = |kind: Kind| keys.get(&kind).into_iter().flatten().cloned().collect::<Vec<_>>();
        let (blocks, edges, pipelines) = (of(Kind::Block), of(Kind::Edge), of(Kind::Pipeline));
        let wanted = |keys| Wanted { keys: Some(keys), owner, limit: MOST_ROWS };
        let mut found = Reading::begin(categories)?;
        found.versioned(Kind::Block, queries::blocks(scope, wanted(&blocks), None).await?)?;
        found.versioned(Kind::Edge, queries::edges(scope, wanted(&edges)).await?)?;
        found.pipelines(queries::pipelines(scope, wanted(&pipelines)).await?)?;
        Ok(found.found)
    }
}

/// Tells of everything that a thing of the file names besides itself.
fn mentioned(item: &Given, tell: &mut impl FnMut(Kind, String)) {
    match &item.content {
        Content::Category(_) => {}
        Content::Versioned(it) => {
            for dependency in it.dependencies.iter().flatten() {
                if let DependsOn::Internal(kind, name) = &dependency.on {
                    tell((*kind).into(), name::key(name.as_str()));
                }
            }
        }
        Content::Pipeline(it) => {
            if let Some(graph) = &it.graph {
                for member in &graph.blocks {
                    tell(Kind::Block, name::key(member.name.as_str()));
                }
                for joint in &graph.edges {
                    tell(Kind::Edge, name::key(joint.edge.as_str()));
                }
            }
        }
    }
}

/// Rows, as they become things.
pub(super) struct Reading<'c> {
    pub found: Found,
    categories: &'c Categories,
    /// What the pointers to categories that move are afterwards.
    moved: HashMap<String, String>,
}

impl<'c> Reading<'c> {
    /// # Errors
    /// 500 when the database holds what is no JSON.
    pub fn begin(categories: &'c Categories) -> Result<Self, Problem> {
        let mut reading = Self { found: Found::default(), categories, moved: HashMap::new() };
        for row in &categories.rows {
            let path = categories.path(row.id).unwrap_or(&row.path);
            if path != row.path {
                let pointers = [&row.path, path].map(|path| at(&["categories", path]));
                let [now, then] = pointers;
                reading.moved.insert(now, then);
            }
            let told = if categories.is_moved(row.id) { &row.path } else { path };
            let thing = Thing {
                kind: Kind::Taxonomy,
                id: row.id,
                name: path.to_owned(),
                revision: row.revision,
                version_number: 0,
                latest_version_number: 0,
                members: Members::from([("/path".to_owned(), told.into())]),
                candidate: None,
                owner: row.owner.clone(),
                owners: owners(row.fields.as_ref())?,
                parts: BTreeMap::new(),
            };
            reading.found.0.insert((Kind::Taxonomy, categories::key(path)), thing);
        }
        Ok(reading)
    }

    /// # Errors
    /// 500 when the database holds what is no JSON.
    pub fn versioned(&mut self, kind: Kind, rows: Vec<VersionedRow>) -> Result<(), Problem> {
        for row in rows {
            let Value::Object(mut item) = tree(&row.item)? else { return Err(Problem::internal()) };
            let (mut members, parts) = parts::found(&mut item, self.categories);
            members.insert("/name".to_owned(), row.name.clone().into());
            members.extend(said(item));
            let candidate = match row.candidate.as_ref().map(tree).transpose()? {
                Some(Value::Object(content)) => Some(said(content).collect()),
                _ => None,
            };
            members.insert("/active".to_owned(), row.version_number.into());
            let thing = Thing {
                kind,
                id: row.id,
                name: row.name,
                revision: row.revision,
                version_number: row.version_number,
                latest_version_number: row.latest_version_number,
                members,
                candidate,
                owner: row.owner,
                owners: self.afterwards(owners(row.fields.as_ref())?),
                parts,
            };
            self.found.0.insert((kind, name::key(&thing.name)), thing);
        }
        Ok(())
    }

    /// By the paths that the categories have afterwards.
    fn afterwards(&self, owners: Owners) -> Owners {
        if self.moved.is_empty() {
            return owners;
        }
        let then = |member: String| self.moved.get(&member).cloned().unwrap_or(member);
        owners.into_iter().map(|(member, owner)| (then(member), owner)).collect()
    }

    /// # Errors
    /// 500 when the database holds what is no JSON.
    pub fn pipelines(&mut self, rows: Vec<PipelineRow>) -> Result<(), Problem> {
        for row in rows {
            let Value::Object(item) = tree(&row.item)? else { return Err(Problem::internal()) };
            let mut members: Members = said(item).collect();
            members.insert("/name".to_owned(), row.name.clone().into());
            for graph in ["/blocks", "/edges"] {
                if let Some(Value::Array(parts)) = members.get_mut(graph) {
                    sort_parts(parts);
                }
            }
            let thing = Thing {
                kind: Kind::Pipeline,
                id: row.id,
                name: row.name,
                revision: row.revision,
                version_number: 0,
                latest_version_number: 0,
                members,
                candidate: None,
                owner: row.owner,
                owners: owners(row.fields.as_ref())?,
                parts: BTreeMap::new(),
            };
            self.found.0.insert((Kind::Pipeline, name::key(&thing.name)), thing);
        }
        Ok(())
    }
}

/// The members that say something: null is as if it were missing.
fn said(item: serde_json::Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    item.into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(member, value)| (at(&[&member]), value))
}

/// The parts of a graph in the order of the file: without what they do not say, by their names.
pub(super) fn sort_parts(parts: &mut [Value]) {
    for part in parts.iter_mut().filter_map(Value::as_object_mut) {
        part.retain(|_, value| !value.is_null());
    }
    parts.sort_by_cached_key(|part| {
        ["name", "edge", "from", "to"]
            .map(|member| part[member].as_str().unwrap_or_default().to_owned())
    });
}

fn owners(fields: Option<&RawJson>) -> Result<Owners, Problem> {
    fields.map_or(Ok(Owners::new()), RawJson::read)
}
