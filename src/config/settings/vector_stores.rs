//! Vector stores of others.

use crate::config::setting::{Group, secret, setting};

pub(super) const GROUP: Group = Group {
    title: "Vector stores",
    settings: &[
        secret(
            "VECTOR_STORES",
            "",
            "a JSON list of stores, each with its name, kind and url",
            "Chroma, Qdrant, Pinecone and Weaviate that POST /search/stores/{store} may ask; docs/search.md says what each of them takes.",
        ),
        setting(
            "VECTOR_STORES_TIMEOUT_SECONDS",
            "5",
            "a whole number of seconds from 1 to 30",
            "How long a store may take to answer, unless its own timeout_seconds says otherwise.",
        ),
    ],
};
