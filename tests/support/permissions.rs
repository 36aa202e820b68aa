//! The permission matrix: who may do what to which row.
//!
//! The tests of the schema ask it over SQL, those of the API over HTTP.

use Reach::{All, No, Others, Own};

/// Whose rows a verb reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    No,
    Own,
    Others,
    All,
}

impl Reach {
    pub fn own(self) -> bool {
        matches!(self, Own | All)
    }

    pub fn others(self) -> bool {
        matches!(self, Others | All)
    }
}

#[rustfmt::skip]
pub const MATRIX: &[(&str, &str, Reach, Reach, Reach, Reach)] = &[
    // table                         verb             viewer developer admin   viewer-key of an admin
    ("users",                        "select",        Own,   Own,      All,    Own),
    ("users",                        "insert",        No,    No,       All,    No),
    ("users",                        "update",        Own,   Own,      All,    No),
    ("users",                        "change role",   No,    No,       All,    No),
    ("users",                        "deactivate",    No,    No,       All,    No),
    // Who has history is deactivated instead; the admin of these tests has.
    ("users",                        "delete",        No,    No,       Others, No),

    // Written with the users.
    ("usernames",                    "select",        All,   All,      All,    All),
    ("usernames",                    "insert",        No,    No,       No,     No),
    ("usernames",                    "update",        No,    No,       No,     No),
    ("usernames",                    "delete",        No,    No,       No,     No),

    ("api_keys",                     "select",        Own,   Own,      All,    Own),
    ("api_keys",                     "insert",        Own,   Own,      All,    No),
    ("api_keys",                     "update",        Own,   Own,      All,    No),
    ("api_keys",                     "delete",        Own,   Own,      All,    No),

    ("blocks",                       "select",        All,   All,      All,    All),
    ("blocks",                       "see archived",  Own,   Own,      All,    Own),
    ("blocks",                       "insert",        No,    All,      All,    No),
    ("blocks",                       "update",        No,    All,      All,    No),
    ("blocks",                       "activate",      No,    All,      All,    No),
    ("blocks",                       "archive",       No,    Own,      All,    No),
    ("blocks",                       "restore",       No,    Own,      All,    No),
    ("blocks",                       "purge",         No,    No,       All,    No),

    ("block_versions",               "select",        All,   All,      All,    All),
    ("block_versions",               "insert",        No,    All,      All,    No),
    ("block_versions",               "update",        No,    All,      All,    No),
    ("block_versions",               "delete",        No,    No,       No,     No),

    ("taxonomy_categories",          "select",        All,   All,      All,    All),
    ("taxonomy_categories",          "see archived",  Own,   Own,      All,    Own),
    ("taxonomy_categories",          "insert",        No,    All,      All,    No),
    ("taxonomy_categories",          "update",        No,    All,      All,    No),
    ("taxonomy_categories",          "archive",       No,    Own,      All,    No),
    ("taxonomy_categories",          "restore",       No,    Own,      All,    No),
    ("taxonomy_categories",          "purge",         No,    No,       All,    No),

    ("block_taxonomies",             "select",        All,   All,      All,    All),
    ("block_taxonomies",             "insert",        No,    All,      All,    No),
    ("block_taxonomies",             "update",        No,    No,       No,     No),
    ("block_taxonomies",             "delete",        No,    All,      All,    No),

    ("code_repos",                   "select",        All,   All,      All,    All),
    ("code_repos",                   "insert",        No,    All,      All,    No),
    ("code_repos",                   "update",        No,    All,      All,    No),
    ("code_repos",                   "delete",        No,    All,      All,    No),

    ("docker_images",                "select",        All,   All,      All,    All),
    ("docker_images",                "insert",        No,    All,      All,    No),
    ("docker_images",                "update",        No,    All,      All,    No),
    ("docker_images",                "delete",        No,    All,      All,    No),

    ("dependencies",                 "select",        All,   All,      All,    All),
    ("dependencies",                 "insert",        No,    All,      All,    No),
    ("dependencies",                 "update",        No,    All,      All,    No),
    ("dependencies",                 "delete",        No,    All,      All,    No),

    ("edges",                        "select",        All,   All,      All,    All),
    ("edges",                        "see archived",  Own,   Own,      All,    Own),
    ("edges",                        "insert",        No,    All,      All,    No),
    ("edges",                        "update",        No,    All,      All,    No),
    ("edges",                        "activate",      No,    All,      All,    No),
    ("edges",                        "archive",       No,    Own,      All,    No),
    ("edges",                        "restore",       No,    Own,      All,    No),
    ("edges",                        "purge",         No,    No,       All,    No),

    ("edge_versions",                "select",        All,   All,      All,    All),
    ("edge_versions",                "insert",        No,    All,      All,    No),
    ("edge_versions",                "update",        No,    All,      All,    No),
    ("edge_versions",                "delete",        No,    No,       No,     No),

    ("aliases",                      "select",        All,   All,      All,    All),
    ("aliases",                      "insert",        No,    All,      All,    No),
    ("aliases",                      "update",        No,    All,      All,    No),
    ("aliases",                      "delete",        No,    All,      All,    No),

    ("alias_moves",                  "select",        All,   All,      All,    All),
    ("alias_moves",                  "insert",        No,    No,       No,     No),
    ("alias_moves",                  "update",        No,    No,       No,     No),
    ("alias_moves",                  "delete",        No,    No,       No,     No),

    ("edge_verifications",           "select",        All,   All,      All,    All),
    ("edge_verifications",           "insert",        No,    All,      All,    No),
    ("edge_verifications",           "update",        No,    All,      All,    No),
    ("edge_verifications",           "delete",        No,    No,       No,     No),

    ("pipelines",                    "select",        All,   All,      All,    All),
    ("pipelines",                    "see archived",  Own,   Own,      All,    Own),
    ("pipelines",                    "insert",        No,    All,      All,    No),
    ("pipelines",                    "update",        No,    All,      All,    No),
    ("pipelines",                    "archive",       No,    Own,      All,    No),
    ("pipelines",                    "restore",       No,    Own,      All,    No),
    ("pipelines",                    "purge",         No,    No,       All,    No),

    ("pipeline_blocks",              "select",        All,   All,      All,    All),
    ("pipeline_blocks",              "insert",        No,    All,      All,    No),
    ("pipeline_blocks",              "update",        No,    All,      All,    No),
    ("pipeline_blocks",              "delete",        No,    All,      All,    No),

    ("pipeline_edges",               "select",        All,   All,      All,    All),
    ("pipeline_edges",               "insert",        No,    All,      All,    No),
    ("pipeline_edges",               "update",        No,    All,      All,    No),
    ("pipeline_edges",               "delete",        No,    All,      All,    No),

    ("pipeline_runs",                "select",        All,   All,      All,    All),
    ("pipeline_runs",                "insert",        No,    All,      All,    No),
    ("pipeline_runs",                "update",        No,    All,      All,    No),
    ("pipeline_runs",                "delete",        No,    No,       No,     No),

    // Written by the admission of runs.
    ("pipeline_locks",               "select",        All,   All,      All,    All),
    ("pipeline_locks",               "insert",        No,    No,       No,     No),
    ("pipeline_locks",               "update",        No,    No,       No,     No),
    ("pipeline_locks",               "delete",        No,    No,       No,     No),

    ("embedding_models",             "select",        All,   All,      All,    All),
    ("embedding_models",             "insert",        No,    All,      All,    No),
    ("embedding_models",             "update",        No,    No,       No,     No),
    ("embedding_models",             "delete",        No,    No,       All,    No),

    ("embeddings",                   "select",        All,   All,      All,    All),
    ("embeddings",                   "insert",        No,    All,      All,    No),
    ("embeddings",                   "update",        No,    All,      All,    No),
    ("embeddings",                   "delete",        No,    All,      All,    No),

    ("block_vector_representations", "select",        All,   All,      All,    All),
    ("block_vector_representations", "insert",        No,    All,      All,    No),
    ("block_vector_representations", "update",        No,    All,      All,    No),
    ("block_vector_representations", "delete",        No,    All,      All,    No),

    ("edge_vector_representations",  "select",        All,   All,      All,    All),
    ("edge_vector_representations",  "insert",        No,    All,      All,    No),
    ("edge_vector_representations",  "update",        No,    All,      All,    No),
    ("edge_vector_representations",  "delete",        No,    All,      All,    No),

    ("audit_logs",                   "select",        Own,   Own,      All,    Own),
    ("audit_logs",                   "insert",        No,    No,       No,     No),
    ("audit_logs",                   "update",        No,    No,       No,     No),
    ("audit_logs",                   "delete",        No,    No,       No,     No),
];
