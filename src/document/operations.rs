//! What holds for all operations, said once: who may call, how they refuse, which headers go along.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, Header, HeaderBuilder, HttpMethod, ObjectBuilder,
    Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

use super::tables;
use crate::api::problem::CONTENT_TYPE;
use crate::perimeter;

/// What is posted and leaves nothing.
const CHANGES_NOTHING: &[&str] =
    &["/impact/preview", "/search", "/search/resolve", "/search/stores/{store}"];

/// Adds what holds for all operations: who may call, what is refused, which headers go with a
/// change or a single resource.
pub fn complete(document: &mut utoipa::openapi::OpenApi) {
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = std::mem::take(&mut document.components).unwrap_or_default();
    let mut builder: ComponentsBuilder = components.into();
    builder = builder
        .security_scheme(
            "bearer",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .description(Some("The access_token of POST /auth/login, or an API key"))
                    .build(),
            ),
        )
        .security_scheme(
            "api_key",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "X-API-Key",
                "A key of POST /api-keys",
            ))),
        );
    builder = builder
        .schema(
            "IdempotencyKey",
            text("A word of the client's own, such as a UUID", IDEMPOTENCY_KEY),
        )
        .schema("EntityTags", text("`*`, or entity tags with commas between", ENTITY_TAGS))
        .schema("Position", text("A place in the database's log", POSITION));
    for (name, description) in REFUSALS.iter().map(|refusal| (refusal.name, refusal.description)) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        builder = builder.response(
            name,
            ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build(),
        );
    }
    document.components = Some(builder.build());

    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ] {
            if let Some(operation) = operation {
                complete_operation(path, &method, operation);
            }
        }
    }
}

/// The operations that need no caller.
const WITHOUT_CALLER: &[&str] = &[
    "/",
    "/auth/login",
    "/auth/logout",
    "/auth/refresh",
    "/dagster/events",
    "/health/live",
    "/health/ready",
    "/metrics",
];

/// Where the last name in a path says what its operations are about. Otherwise its first does, which
/// is the tag.
const TAGS: &[(&str, &str)] = &[
    ("api-keys", "api keys"),
    ("apply", "files"),
    ("audit-logs", "audit"),
    ("block-taxonomies", "taxonomy"),
    ("block-vector-representations", "vectors"),
    ("categories", "taxonomy"),
    ("aliases", "aliases"),
    ("code-repos", "code repos"),
    ("dagster", "runs"),
    ("dependencies", "dependencies"),
    ("dependents", "dependencies"),
    ("docker-images", "docker images"),
    ("edge-vector-representations", "vectors"),
    ("embedding-models", "embeddings"),
    ("embedding-text", "embeddings"),
    ("embeddings", "embeddings"),
    ("export", "files"),
    ("health", "service"),
    ("impact", "lineage"),
    ("lock", "locks"),
    ("metrics", "service"),
    ("runs", "runs"),
    ("search", "search"),
    ("stores", "search"),
    ("status", "verifications"),
    ("taxonomy-categories", "taxonomy"),
    ("vectors", "vectors"),
    ("verifications", "verifications"),
];

fn tag(path: &str) -> &str {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    names
        .clone()
        .rev()
        .find_map(|name| TAGS.iter().find(|(known, _)| *known == name))
        .map(|(_, tag)| *tag)
        .or_else(|| names.next())
        .unwrap_or("service")
}

/// An access token or an API key, whichever way they come.
fn any_credential() -> Vec<SecurityRequirement> {
    ["bearer", "api_key"].map(|scheme| SecurityRequirement::new(scheme, [""; 0])).into()
}

struct Refusal {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    /// Whether an operation can refuse so.
    applies: fn(&Shape) -> bool,
}

/// What decides how an operation can refuse.
struct Shape {
    reads: bool,
    changes: bool,
    has_caller: bool,
    has_body: bool,
    names_a_thing: bool,
    /// In its path or in a parameter. Names of categories are not unique in the whole tree.
    names_a_category: bool,
    is_login: bool,
    is_limited: bool,
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        status: "400",
        name: "Malformed",
        description: "The request cannot be read",
        applies: |shape| shape.has_caller || shape.has_body,
    },
    Refusal {
        status: "401",
        name: "Unauthorized",
        description: "There is no identity, or it does not count",
        applies: |shape| shape.has_caller || shape.is_login,
    },
    Refusal {
        status: "403",
        name: "Forbidden",
        description: "The caller's role does not allow it",
        applies: |shape| shape.has_caller && !shape.reads,
    },
    Refusal {
        status: "404",
        name: "NotFound",
        description: "It is not there, or not visible",
        applies: |shape| shape.names_a_thing,
    },
    Refusal {
        status: "408",
        name: "TooSlow",
        description: "The body does not arrive in time",
        applies: |shape| !shape.reads,
    },
    Refusal {
        status: "409",
        name: "Conflict",
        description: "It contradicts what is there; `code` says how",
        applies: |shape| shape.has_caller && !shape.reads || shape.names_a_category,
    },
    Refusal {
        status: "412",
        name: "Stale",
        description: "`If-Match` names an earlier revision",
        applies: |shape| shape.has_caller && shape.changes && shape.names_a_thing,
    },
    Refusal {
        status: "413",
        name: "TooLarge",
        description: "The body is too large",
        applies: |shape| !shape.reads,
    },
    Refusal {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The body is no JSON",
        applies: |shape| !shape.reads,
    },
    Refusal {
        status: "422",
        name: "Invalid",
        description: "The request has faults; `errors` lists them all",
        // A parameter that nobody asked for is one.
        applies: |_| true,
    },
    Refusal {
        status: "429",
        name: "TooManyRequests",
        description: "Too often; `Retry-After` says when again",
        applies: |shape| shape.is_limited,
    },
    Refusal {
        status: "500",
        name: "Internal",
        description: "A fault of the service",
        applies: |_| true,
    },
    Refusal {
        status: "503",
        name: "Unavailable",
        description: "The database does not answer in time; `Retry-After` says when again",
        applies: |_| true,
    },
];

fn complete_operation(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let reads = matches!(method, HttpMethod::Get);
    if reads {
        tables::complete(path, operation);
    }
    let has_caller = !WITHOUT_CALLER.contains(&path);
    operation.security = Some(if has_caller { any_credential() } else { Vec::new() });
    operation.tags = Some(vec![tag(path).to_owned()]);
    let changes = !reads && !CHANGES_NOTHING.contains(&path);
    let shape = Shape {
        reads,
        changes,
        has_caller,
        has_body: operation.request_body.is_some(),
        // The diff of two locks has both as parameters.
        names_a_thing: path.contains('{') || path == "/locks/diff",
        names_a_category: path.contains("{category}")
            || operation.parameters.iter().flatten().any(|parameter| {
                let RefOr::T(parameter) = parameter else {
                    return false;
                };
                ["category", "category_id", "parent_id"].contains(&parameter.name.as_str())
            }),
        is_limited: perimeter::is_limited(path),
        is_login: (path.starts_with("/auth/") || path == "/dagster/events") && !has_caller
            || path.ends_with("/password"),
    };
    if has_caller && changes {
        header(
            operation,
            "Idempotency-Key",
            "Makes it safe to repeat: same key and request, same answer",
            Some("IdempotencyKey"),
        );
        if shape.names_a_thing {
            header(
                operation,
                "If-Match",
                "The `ETag` of the revision that the change is meant for",
                Some("EntityTags"),
            );
        }
    }
    if has_caller && reads {
        header(
            operation,
            "Blockyard-Position",
            "The last that an answer told in this header: what is read is not older",
            Some("Position"),
        );
    }
    if has_caller && !reads {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with('2')
            {
                let what = "How far the database's log is, where there is a replica";
                response.headers.insert("Blockyard-Position".to_owned(), text_header(what));
            }
        }
    }
    let single = operation
        .responses
        .responses
        .get("200")
        .or_else(|| operation.responses.responses.get("201"))
        .is_some_and(shows_one);
    if has_caller && single {
        for status in ["200", "201"] {
            if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
                response.headers.insert("ETag".to_owned(), text_header("The revision"));
                if status == "201" {
                    response.headers.insert("Location".to_owned(), text_header("Where it is"));
                }
            }
        }
        if reads {
            header(operation, "If-None-Match", "An `ETag`: 304 while it is still the one", None);
            let unchanged = ResponseBuilder::new().description("Not changed since").build();
            operation.responses.responses.insert("304".to_owned(), unchanged.into());
        }
    }
    let refused: BTreeMap<_, _> = REFUSALS
        .iter()
        .filter(|refusal| (refusal.applies)(&shape))
        .map(|refusal| {
            (refusal.status.to_owned(), RefOr::Ref(Ref::from_response_name(refusal.name)))
        })
        .collect();
    for (status, response) in refused {
        operation.responses.responses.entry(status).or_insert(response);
    }
}

/// Whether an answer is a single resource: a list has pages, and no tag.
fn shows_one(response: &RefOr<utoipa::openapi::Response>) -> bool {
    let RefOr::T(response) = response else {
        return false;
    };
    response.content.get("application/json").is_some_and(|content| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) => {
            !reference.ref_location.contains("/Page")
        }
        _ => false,
    })
}

fn text_header(description: &str) -> RefOr<Header> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build().into()
}

/// The headers of requests, each with a schema of its own.
const IDEMPOTENCY_KEY: &str = "^[!-~]{1,255}$";
/// Two halves, as PostgreSQL writes a place in its log.
const POSITION: &str = "^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$";
/// `*`, or entity tags with commas between (RFC 9110 §8.8.3).
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;

fn text(description: &str, pattern: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    Schema::from(text.pattern(Some(pattern)).build()).into()
}

/// A header that may come, of a schema or any text.
fn header(operation: &mut Operation, name: &str, description: &str, schema: Option<&str>) {
    let any = || RefOr::T(Schema::from(ObjectBuilder::new().schema_type(Type::String).build()));
    let schema = schema.map_or_else(any, |schema| Ref::from_schema_name(schema).into());
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}
