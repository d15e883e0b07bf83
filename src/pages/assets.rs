//! Styles, scripts and fonts: embedded, under an address that changes with their contents, so that a browser asks once.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::sync::{LazyLock, OnceLock};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{Context, SHA256};
use rust_embed::RustEmbed;

use crate::ids::encode;

/// A year: the address changes before the contents do.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The worker that reads codes off pictures. A worker goes by the policy that its own file came with.
const READER: &str = "scan/reader.js";
const READER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// Letters of the hash in addresses.
const VERSION_LETTERS: usize = 12;

#[derive(RustEmbed)]
#[folder = "web/pages/assets/"]
struct Files;

/// A file as it is sent.
struct Asset {
    content_type: &'static str,
    plain: Bytes,
    /// The same, compressed when it is first asked for; none for what is compressed already.
    gzip: OnceLock<Option<Bytes>>,
}

impl Asset {
    fn gzip(&self) -> Option<&Bytes> {
        let compresses = self.content_type.starts_with("text/") || self.content_type == "application/wasm";
        let made = || if compresses { gzip(&self.plain).map(Bytes::from) } else { None };
        self.gzip.get_or_init(made).as_ref()
    }
}

struct Assets {
    version: String,
    files: BTreeMap<String, Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(load);

fn load() -> Assets {
    let mut hash = Context::new(&SHA256);
    let mut files = BTreeMap::new();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    for name in names {
        let Some(content_type) = content_type(&name) else { continue };
        let plain = Files::get(&name).map(|file| file.data.into_owned()).unwrap_or_default();
        hash.update(name.as_bytes());
        hash.update(&(plain.len() as u64).to_be_bytes());
        hash.update(&plain);
        files.insert(name.into_owned(), Asset { content_type, plain: plain.into(), gzip: OnceLock::new() });
    }
    let hash = hash.finish();
    let mut version = encode(&std::array::from_fn(|place| hash.as_ref()[place]));
    version.truncate(VERSION_LETTERS);
    Assets { version, files }
}

/// What is served at all: sources, licences and notes beside the files are not.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit('.').next()? {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "woff2" => Some("font/woff2"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}

/// A gzip member around what the archive writer deflates; nothing if that fails, which costs bytes only.
fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("file", options.compression_level(Some(9))).ok()?;
    archive.write_all(plain).ok()?;
    let mut archive = zip::ZipArchive::new(archive.finish().ok()?).ok()?;
    let mut deflated = Vec::new();
    archive.by_index_raw(0).ok()?.read_to_end(&mut deflated).ok()?;
    let length = u32::try_from(plain.len()).ok()?;
    Some([&HEADER[..], &deflated, &crc32fast::hash(plain).to_le_bytes(), &length.to_le_bytes()].concat())
}

/// The address of a file.
#[must_use]
pub fn address(name: &str) -> String {
    debug_assert!(ASSETS.files.contains_key(name), "{name} is not a file of the pages");
    format!("/assets/{}/{name}", ASSETS.version)
}

/// Answers a file. An address of another version gets the present file, to be asked for again next time.
pub async fn show(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (version, name) = path.into_inner();
    let Some(asset) = ASSETS.files.get(&name) else {
        return HttpResponse::NotFound().insert_header((header::CACHE_CONTROL, "no-store")).finish();
    };
    let keep = if version == ASSETS.version { FOR_EVER } else { "no-cache" };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"));
    if name == READER {
        response.insert_header((header::CONTENT_SECURITY_POLICY, READER_POLICY));
    }
    let takes_gzip = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let compressed = if takes_gzip.is_some_and(|names| names.contains("gzip")) { asset.gzip() } else { None };
    match compressed {
        Some(bytes) => response.insert_header((header::CONTENT_ENCODING, "gzip")).body(bytes.clone()),
        _ => response.body(asset.plain.clone()),
    }
}

/// A service worker, which has to be at an address of its own that never changes; it works for addresses that begin with `scope`.
#[must_use]
pub fn service_worker(name: &str, scope: &'static str) -> HttpResponse {
    let Some(asset) = ASSETS.files.get(name) else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("service-worker-allowed", scope))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; connect-src 'self'; font-src 'self'; style-src 'self'",
        ))
        .body(asset.plain.clone())
}
