//! Makes the changes of the lists of blocks and edges.

use uuid::Uuid;

use super::changing::Changing;
use super::given::Content;
use super::given_parts::{
    DependsOn, Entry, FileDependency, FileFilter, FileImage, FileVector, Part,
};
use super::rows::{Written, may_not, owner};
use super::{Kind, categories};
use crate::aliases::{self, AliasTarget};
use crate::api::etag::IfMatch;
use crate::api::fields::Patch;
use crate::api::name;
use crate::api::path::Reference;
use crate::code_repos;
use crate::db::{Failure, Scope};
use crate::dependencies::{self, DependencyPatch, DependencyType, NewDependency};
use crate::docker_images::{self, DockerImagePatch, NewDockerImage};
use crate::filter::TaxonomyFilter;
use crate::resource::owner::{EntityType, Owner};
use crate::taxonomy;
use crate::vectors::{self, NewVector, VectorPatch};
use crate::versions::AliasName;

impl Changing<'_, '_> {
    /// What a block or an edge depends on and is in no more.
    pub(super) async fn parts_gone(
        &self,
        scope: &mut Scope<'_>,
        place: usize,
    ) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let Some(thing) = item.thing else { return Ok(()) };
        for (member, value) in &item.changes {
            if value.is_some() {
                continue;
            }
            if let Some(id) = thing.parts.get(member) {
                delete(scope, thing.kind, member, *id).await?;
            } else if member.starts_with("/categories/") {
                let path = thing.members.get(member).and_then(|path| path.as_str());
                let category = self.category_of(path.unwrap_or_default())?;
                let may = taxonomy::queries::unlink(scope, &thing.id.into(), &category).await?;
                may_not(may.then_some(()))?;
            }
        }
        Ok(())
    }

    fn category_of(&self, path: &str) -> Result<Reference, Failure> {
        self.id(Kind::Taxonomy, categories::key(path)).map(Reference::from)
    }

    /// What a block or an edge is in, depends on and is called by from now on.
    pub(super) async fn parts_here(
        &self,
        scope: &mut Scope<'_>,
        place: usize,
    ) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let Content::Versioned(it) = &item.given.content else { return Ok(()) };
        let Some(Written { id, .. }) = self.written[place] else { return Ok(()) };
        for (alias, target) in it.aliases.iter().flatten() {
            let member = super::at(&["aliases", alias.as_str()]);
            if let Some(target) = target
                && item.changes.contains_key(&member)
            {
                let owner = owner(it.kind, id);
                let target =
                    AliasTarget { version: target.version.clone(), is_protected: target.protected };
                let any = &IfMatch::default();
                if aliases::queries::put(scope, &owner, alias, &target, any).await?.is_none() {
                    let why = aliases::why(scope, &owner, alias, any).await?;
                    return Err(Failure::from(why).within(&member));
                }
            }
        }
        for (member, value) in &item.changes {
            if let (true, Some(path)) =
                (member.starts_with("/categories/"), value.as_ref().and_then(|it| it.as_str()))
            {
                taxonomy::queries::link(scope, &id.into(), &self.category_of(path)?).await?;
            } else if let Some(Entry { pointer, part }) = item.parts.get(member) {
                let known = item.thing.and_then(|thing| thing.parts.get(member)).copied();
                self.part(scope, &owner(it.kind, id), *part, known)
                    .await
                    .map_err(|failure| failure.within(pointer))?;
            }
        }
        Ok(())
    }

    /// An entry of a list: another one than it was, or a new one.
    async fn part(
        &self,
        scope: &mut Scope<'_>,
        owner: &Owner,
        part: Part<'_>,
        known: Option<Uuid>,
    ) -> Result<(), Failure> {
        match part {
            Part::Dependency(given) => self.depend(scope, owner, given, known).await,
            // Its pointer says all of it: none is changed.
            Part::CodeRepo(given) => {
                code_repos::queries::create(scope, owner, given).await?;
                Ok(())
            }
            Part::Image(given) => image(scope, owner, given, known).await,
            Part::Vector(given) => self.vector(scope, owner, given, known).await,
        }
    }

    async fn vector(
        &self,
        scope: &mut Scope<'_>,
        owner: &Owner,
        given: &FileVector,
        known: Option<Uuid>,
    ) -> Result<(), Failure> {
        let filter = match &given.taxonomy_filter {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(filter) => Patch::Set(self.filter(filter)?),
        };
        if let Some(id) = known {
            let patch = VectorPatch { vector_db: None, vector_key: None, taxonomy_filter: filter };
            let any = &IfMatch::default();
            may_not(vectors::queries::update(scope, owner.kind, id, &patch, any).await?)?;
            return Ok(());
        }
        let vector = NewVector {
            vector_db: given.vector_db.clone(),
            vector_key: given.vector_key.clone(),
            taxonomy_filter: filter.assignment().1.cloned(),
        };
        vectors::queries::create(scope, owner, &vector).await?;
        Ok(())
    }

    fn filter(&self, given: &FileFilter) -> Result<TaxonomyFilter, Failure> {
        let mut lists: [Vec<Reference>; 3] = Default::default();
        for (paths, ids) in given.lists.iter().zip(&mut lists) {
            for path in paths {
                ids.push(self.id(Kind::Taxonomy, path.key())?.into());
            }
        }
        Ok(TaxonomyFilter::of(lists, given.recursive))
    }

    async fn depend(
        &self,
        scope: &mut Scope<'_>,
        owner: &Owner,
        given: &FileDependency,
        known: Option<Uuid>,
    ) -> Result<(), Failure> {
        if let Some(id) = known {
            let patch = DependencyPatch {
                dependency_type: None,
                dependency_detail: given.detail.clone().map_or(Patch::Clear, Patch::Set),
                depends_on_type: Patch::Keep,
                depends_on_id: Patch::Keep,
                version_constraint: given
                    .version_constraint
                    .clone()
                    .map_or(Patch::Clear, Patch::Set),
            };
            let any = &IfMatch::default();
            may_not(dependencies::queries::update(scope, id, &patch, any).await?)?;
            return Ok(());
        }
        let (dependency_type, depends_on) = match &given.on {
            DependsOn::External => (DependencyType::External, None),
            DependsOn::Internal(kind, name) => {
                let id = self.id((*kind).into(), name::key(name.as_str()))?;
                (DependencyType::Internal, Some((*kind, Reference::from(id))))
            }
        };
        let (depends_on_type, depends_on_id) = depends_on.unzip();
        let dependency = NewDependency {
            dependency_type,
            dependency_detail: given.detail.clone(),
            depends_on_type,
            depends_on_id,
            version_constraint: given.version_constraint.clone(),
        };
        dependencies::queries::create(scope, owner, &dependency).await?;
        Ok(())
    }

    /// The aliases that are none any more.
    pub(super) async fn aliases_gone(
        &self,
        scope: &mut Scope<'_>,
        place: usize,
    ) -> Result<(), Failure> {
        let Some(item) = self.at(place) else { return Ok(()) };
        let (Some(thing), Content::Versioned(it)) = (item.thing, &item.given.content) else {
            return Ok(());
        };
        for (member, _) in item.changes.iter().filter(|(_, value)| value.is_none()) {
            let alias = member.strip_prefix("/aliases/").and_then(|alias| alias.parse().ok());
            let Some(alias): Option<AliasName> = alias else { continue };
            let owner = owner(it.kind, thing.id);
            may_not(aliases::queries::delete(scope, &owner, &alias, &IfMatch::default()).await?)?;
        }
        Ok(())
    }
}

async fn delete(scope: &mut Scope<'_>, kind: Kind, member: &str, id: Uuid) -> Result<(), Failure> {
    let any = &IfMatch::default();
    let gone = match member.split('/').nth(1) {
        Some("code_repos") => code_repos::queries::delete(scope, id, any).await?,
        Some("docker_images") => docker_images::queries::delete(scope, id, any).await?,
        Some("vectors") => {
            let kind = if kind == Kind::Edge { EntityType::Edge } else { EntityType::Block };
            vectors::queries::delete(scope, kind, id, any).await?
        }
        _ => dependencies::queries::delete(scope, id, any).await?,
    };
    may_not(gone).map(|_| ())
}

async fn image(
    scope: &mut Scope<'_>,
    owner: &Owner,
    given: &FileImage,
    known: Option<Uuid>,
) -> Result<(), Failure> {
    if let Some(id) = known {
        let patch = DockerImagePatch {
            image_tag: None,
            registry_url: None,
            image_digest: given.image_digest.clone(),
            build_status: None,
            build_logs: Patch::Keep,
        };
        let any = &IfMatch::default();
        may_not(docker_images::queries::update(scope, id, &patch, any).await?)?;
        return Ok(());
    }
    let image = NewDockerImage {
        image_tag: given.image_tag.clone(),
        registry_url: given.registry_url.clone(),
        image_digest: given.image_digest.assignment().1.cloned(),
        build_status: None,
        build_logs: None,
    };
    docker_images::queries::create(scope, owner, &image).await?;
    Ok(())
}
