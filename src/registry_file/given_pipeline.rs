//! A pipeline as the file gives it.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::name::Name;
use crate::api::raw_json::JsonObject;
use crate::api::text::Description;
use crate::versions::AliasName;

/// So many edges of one pipeline.
const MOST_JOINTS: usize = 2000;

/// A pipeline of the file. Its graph is said as a whole.
#[derive(Debug)]
pub struct FilePipeline {
    pub name: Name,
    pub renamed_from: Option<Name>,
    pub description: Patch<Description>,
    pub config: Option<JsonObject>,
    pub parameters_schema: Patch<JsonObject>,
    pub graph: Option<FileGraph>,
}

#[derive(Debug)]
pub struct FileGraph {
    pub blocks: Vec<FileMember>,
    pub edges: Vec<FileJoint>,
}

impl FromFields for FilePipeline {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name");
        let renamed_from = fields.optional("renamed_from");
        let description = fields.patched("description");
        let config = fields.optional("config");
        let parameters_schema = fields.patched("parameters_schema");
        let blocks: Option<Option<Vec<FileMember>>> = fields.optional("blocks");
        let edges = fields.items("edges", MOST_JOINTS);
        let graph = match (blocks?, edges?) {
            (Some(blocks), edges) => Some(FileGraph { blocks, edges: edges.unwrap_or_default() }),
            (None, None) => None,
            (None, Some(_)) => {
                fields
                    .fault("blocks", "Is required along with edges: the graph is said as a whole.");
                return None;
            }
        };
        Some(Self {
            name: name?,
            renamed_from: renamed_from?,
            description: description?,
            config: config?,
            parameters_schema: parameters_schema?,
            graph,
        })
    }
}

/// What a part of a pipeline follows; the active version when it is neither.
#[derive(Debug, Clone, Default)]
pub struct Follows {
    pub pin: Option<i32>,
    pub alias: Option<AliasName>,
}

impl Follows {
    fn of(pin: Option<i32>, alias: Option<AliasName>) -> Result<Self, &'static str> {
        match (pin, alias) {
            (Some(pin), _) if pin < 1 => Err("The pin must be the number of a version."),
            (Some(_), Some(_)) => Err("Must have pin or alias, not both."),
            (pin, alias) => Ok(Self { pin, alias }),
        }
    }
}

/// A block of a pipeline: its name, or an object that also says what it follows.
#[derive(Debug, Clone)]
pub struct FileMember {
    pub name: Name,
    pub follows: Follows,
}

impl<'de> Deserialize<'de> for FileMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            name: Name,
            pin: Option<i32>,
            alias: Option<AliasName>,
        }
        let given = Value::deserialize(deserializer)?;
        if let Value::String(name) = &given {
            let name = Name::parse(name).map_err(D::Error::custom)?;
            return Ok(Self { name, follows: Follows::default() });
        }
        let Whole { name, pin, alias } = serde_json::from_value(given).map_err(|_| {
            D::Error::custom(
                "Must be the name of a block, or an object with name, and pin or alias.",
            )
        })?;
        Ok(Self { name, follows: Follows::of(pin, alias).map_err(D::Error::custom)? })
    }
}

/// An edge of a pipeline, from one of its blocks to another.
#[derive(Debug, Clone)]
pub struct FileJoint {
    pub edge: Name,
    pub from: Name,
    pub to: Name,
    pub follows: Follows,
}

impl FromFields for FileJoint {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let edge = fields.required("edge");
        let from = fields.required("from");
        let to = fields.required("to");
        let pin = fields.optional("pin");
        let alias = fields.optional("alias");
        let follows = match Follows::of(pin?, alias?) {
            Ok(follows) => follows,
            Err(words) => {
                fields.fault_at(String::new(), words);
                return None;
            }
        };
        Some(Self { edge: edge?, from: from?, to: to?, follows })
    }
}
