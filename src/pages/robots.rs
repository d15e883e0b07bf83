//! What crawlers may read. Google's own one fetches the callback address before it posts to it, and must not be kept away.

use actix_web::HttpResponse;
use actix_web::http::header;

const ROBOTS: &str = "User-agent: Googlebot
Allow: /google/callbacks/
Disallow: /c/
Disallow: /p/
Disallow: /g/
Disallow: /v1/

User-agent: *
Disallow: /c/
Disallow: /p/
Disallow: /g/
Disallow: /v1/
";

/// Answers `robots.txt`.
pub async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(ROBOTS)
}
