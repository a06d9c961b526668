//! The page's own files, inside the binary. Their names carry their hash, so that they can be kept for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use ring::digest::{SHA256, digest};

use crate::problem::{Kind, Problem, Result};

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 4] = [
    Asset { name: "portal.css", kind: "text/css; charset=utf-8", text: include_str!("assets/portal.css") },
    Asset {
        name: "portal.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/portal.js"),
    },
    Asset { name: "words.json", kind: "application/json", text: super::words::TEXT },
    Asset { name: "mark.svg", kind: "image/svg+xml", text: include_str!("assets/mark.svg") },
];

/// With each file its path.
static PATHS: LazyLock<Vec<(String, &'static Asset)>> = LazyLock::new(|| {
    let path = |asset: &'static Asset| {
        let hash = hex::encode(digest(&SHA256, asset.text.as_bytes()));
        let (stem, ending) = asset.name.split_once('.').unwrap_or((asset.name, ""));
        (format!("{stem}.{}.{ending}", hash.get(..16).unwrap_or_default()), asset)
    };
    ASSETS.iter().map(path).collect()
});

/// Where the page finds the file of this name.
pub(super) fn path(name: &str) -> String {
    let found = PATHS.iter().find(|(_, asset)| asset.name == name);
    found.map_or_else(String::new, |(path, _)| format!("/assets/{path}"))
}

/// `GET /assets/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response> {
    let (_, asset) = PATHS
        .iter()
        .find(|(path, _)| *path == name)
        .ok_or_else(|| Problem::new(Kind::NotFound, "The page has no such file; load the page again."))?;
    let headers =
        [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_under_a_name_that_tells_its_content() {
        for asset in &ASSETS {
            let path = path(asset.name);
            assert!(path.starts_with("/assets/") && path.len() > "/assets/".len() + 16, "{path}");
        }
        assert_eq!(path("other.js"), "");
    }

    #[test]
    fn no_file_of_the_page_names_another_host() {
        for asset in &ASSETS {
            for (found, _) in asset.text.match_indices("://") {
                let around = asset.text.get(found.saturating_sub(5)..found + 20).unwrap_or_default();
                assert!(around.contains("www.w3.org"), "{}: {around}", asset.name);
            }
        }
    }
}
