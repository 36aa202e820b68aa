//! What pages load: a style sheet, a script and an icon of ours, and nothing else from anywhere.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use sha2::{Digest, Sha256};

/// A file, compiled in.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../templates/assets/console.css"),
    },
    Asset {
        name: "console.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../templates/assets/console.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../templates/assets/icon.svg"),
    },
];

/// Another build has other addresses, so that browsers may keep what they have for good.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Where the files are, below the console.
pub(super) struct Links {
    digest: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
}

pub(super) fn links() -> &'static Links {
    static LINKS: LazyLock<Links> = LazyLock::new(|| {
        let all =
            ASSETS.iter().fold(Sha256::new(), |digest, asset| digest.chain_update(asset.bytes));
        let digest = all.finalize();
        let digest: [u8; 8] = std::array::from_fn(|at| digest[at]);
        let digest = format!("{:016x}", u64::from_be_bytes(digest));
        let link = |name: &str| format!("/assets/{digest}/{name}");
        let (style, script, icon) = (link("console.css"), link("console.js"), link("icon.svg"));
        Links { digest, style, script, icon }
    });
    &LINKS
}

/// `GET /console/assets/{digest}/{name}`
pub(super) fn serve(digest: &str, name: &str) -> Option<HttpResponse> {
    let asset = ASSETS.iter().find(|asset| asset.name == name && digest == links().digest)?;
    let mut response = HttpResponse::Ok();
    response.content_type(asset.media_type).insert_header((CACHE_CONTROL, FOR_GOOD));
    Some(response.body(asset.bytes))
}
