//! The webhook for short messages, and the page that shows everything that arrived.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

use super::{Arrived, Shelf};
use crate::clock::Timestamp;
use crate::messages::signature;

/// Fields that a webhook's body has, each a text.
const FIELDS: [&str; 6] = ["id", "to", "text", "language", "kind", "sent_at"];

/// Serves page and webhook at a port of this machine, or at a free one when that is taken.
pub(super) fn start(port: u16, shelf: Arc<Shelf>) -> std::io::Result<(SocketAddr, ServerHandle)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let shelf = Data::from(shelf);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shelf.clone())
            .route("/", web::get().to(page))
            .route("/messages.json", web::get().to(messages))
            .route("/sms", web::head().to(HttpResponse::MethodNotAllowed))
            .route("/sms", web::post().to(sms))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((address, handle))
}

async fn sms(request: HttpRequest, shelf: Data<Shelf>, body: Bytes) -> HttpResponse {
    if shelf.refuses() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let signed = request.headers().get("walaa-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seconds = signed.strip_prefix("t=").and_then(|rest| rest.split(',').next()).and_then(|text| text.parse::<i64>().ok());
    let right = seconds.is_some_and(|seconds| signature(&shelf.secret, Timestamp::from_millis(seconds * 1_000), &body) == signed);
    if !right {
        shelf.complain("401: a webhook whose signature is wrong".to_owned());
        return HttpResponse::Unauthorized().finish();
    }
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !FIELDS.iter().all(|field| told[field].is_string()) || told.as_object().is_none_or(|told| told.len() != FIELDS.len()) {
        shelf.complain("422: a webhook's fields".to_owned());
        return HttpResponse::UnprocessableEntity().finish();
    }
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
    let raw = String::from_utf8_lossy(&body).into_owned();
    shelf.put(Arrived { medium: "sms", to: text("to"), subject: text("kind"), text: text("text"), raw });
    HttpResponse::NoContent().finish()
}

async fn messages(shelf: Data<Shelf>) -> HttpResponse {
    let contents = shelf.contents.lock().unwrap_or_else(PoisonError::into_inner);
    HttpResponse::Ok().json(&contents.arrived)
}

async fn page(shelf: Data<Shelf>) -> HttpResponse {
    let arrived = shelf.contents.lock().unwrap_or_else(PoisonError::into_inner).arrived.clone();
    let mut rows = String::new();
    for message in arrived.iter().rev() {
        let lines: Vec<String> = message.text.lines().map(linked).collect();
        rows.push_str(&format!(
            "<article><p><b>{}</b> to {}</p><h2 dir=\"auto\">{}</h2><pre dir=\"auto\">{}</pre></article>",
            message.medium,
            escaped(&message.to),
            escaped(&message.subject),
            lines.join("\n")
        ));
    }
    if rows.is_empty() {
        rows.push_str("<p>Nothing has arrived yet.</p>");
    }
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"3\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Mailbox</title><style>body{{font:16px system-ui;max-width:40rem;\
         margin:2rem auto;padding:0 1rem}}article{{border:1px solid #ccc;border-radius:8px;padding:1rem;margin:1rem 0}}pre{{white-space:\
         pre-wrap;overflow-wrap:anywhere;font:inherit}}</style></head><body><h1>Mailbox</h1><p>What the gateway sent by mail and as short messages.</p>{rows}</body></html>"
    );
    HttpResponse::Ok()
        .insert_header(("content-type", "text/html; charset=utf-8"))
        .insert_header(("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"))
        .body(body)
}

/// A line as HTML; one that is an address can be followed.
fn linked(line: &str) -> String {
    let text = escaped(line);
    let is_address = (line.starts_with("https://") || line.starts_with("http://")) && !line.contains(' ');
    if is_address { format!("<a href=\"{text}\">{text}</a>") } else { text }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
