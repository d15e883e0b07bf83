//! A small web service of the tests' own, an APNs, a phone, and a gateway's push client.
//!
//! A package here is a JSON text; the phone's real verification is plugged in elsewhere and tested there.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use walaa::apple::push::{ApnsClient, ApnsConfig, Auth, PushOutcome, PushRequest, PushToken, Trust};
use walaa::clock::SystemClock;
use walaa::ids::SystemIds;
use walaa::sandbox::apns::{Apns, ApnsOptions, UnknownTokens};
use walaa::sandbox::phone::web_service::PlainHttp;
use walaa::sandbox::phone::{OpenedPass, Phone, PhoneEvent, PhoneOptions};

use crate::support::sandbox_pki::Pki;

pub const TOPIC: &str = "pass.org.example.coffee";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The web service's side of the story.
#[derive(Default)]
pub struct Service {
    /// What was asked, in order: request line, then `auth` if the token was right, then the condition.
    pub asked: Vec<String>,
    pub logs: Vec<String>,
    /// Serial number to (version, package).
    pub passes: BTreeMap<String, (u64, Vec<u8>)>,
    pub registered: BTreeMap<String, String>,
    /// Statuses to answer instead, next first.
    pub faults: Vec<u16>,
    pub without_last_modified: bool,
    pub base: String,
}

pub type Shared = Arc<Mutex<Service>>;

fn last_modified(version: u64) -> String {
    format!("Sat, 21 Nov 2026 19:41:{version:02} GMT")
}

async fn serve(request: HttpRequest, body: web::Bytes, service: web::Data<Shared>) -> HttpResponse {
    let mut service = service.lock().unwrap();
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let authorized = header("authorization").as_deref() == Some(&format!("ApplePass {TOKEN}"));
    let device: String = request.path().split('/').nth(3).unwrap_or_default().to_owned();
    let mut line = format!("{} {}", request.method(), request.uri());
    if device.len() == 32 {
        line = line.replace(&device, "D");
    }
    if authorized {
        line.push_str(" auth");
    }
    if let Some(since) = header("if-modified-since") {
        line.push_str(&format!(" since {}", &since[17..25]));
    }
    service.asked.push(line);
    if !service.faults.is_empty() {
        let status = service.faults.remove(0);
        return HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish();
    }
    let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
    match (request.method().as_str(), &path[..]) {
        ("POST", ["v1", "devices", _, "registrations", TOPIC, serial]) if authorized => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let token = body["pushToken"].as_str().unwrap().to_owned();
            match service.registered.insert((*serial).to_owned(), token) {
                None => HttpResponse::Created().finish(),
                Some(_) => HttpResponse::Ok().finish(),
            }
        }
        ("DELETE", ["v1", "devices", _, "registrations", TOPIC, serial]) if authorized => {
            service.registered.remove(*serial);
            HttpResponse::Ok().finish()
        }
        ("GET", ["v1", "devices", _, "registrations", TOPIC]) => {
            let since = request.query_string().strip_prefix("passesUpdatedSince=").map_or(0, |tag| tag.parse().unwrap());
            let newest = service.passes.values().map(|(version, _)| *version).max().unwrap_or_default();
            let changed = service
                .passes
                .iter()
                .filter(|(serial, (version, _))| *version > since && service.registered.contains_key(*serial));
            let serials: Vec<&String> = changed.map(|(serial, _)| serial).collect();
            if serials.is_empty() {
                return HttpResponse::NoContent().finish();
            }
            HttpResponse::Ok().json(json!({"serialNumbers": serials, "lastUpdated": newest.to_string()}))
        }
        ("GET", ["v1", "passes", TOPIC, serial]) if authorized => {
            let (version, package) = service.passes[*serial].clone();
            if header("if-modified-since") == Some(last_modified(version)) {
                return HttpResponse::NotModified().finish();
            }
            let mut answer = HttpResponse::Ok();
            answer.content_type("application/vnd.apple.pkpass");
            if !service.without_last_modified {
                answer.insert_header(("last-modified", last_modified(version)));
            }
            answer.body(package)
        }
        ("POST", ["v1", "log"]) => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            service.logs.extend(body["logs"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
            HttpResponse::Ok().finish()
        }
        _ => HttpResponse::Unauthorized().finish(),
    }
}

/// A web service, an APNs, a phone, and a gateway's push client.
pub struct World {
    service: Shared,
    server: ServerHandle,
    pub apns: Apns,
    pub phone: Phone,
    pub push: ApnsClient,
    pub folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let service: Shared = Arc::default();
        let data = web::Data::new(service.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(serve)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        service.lock().unwrap().base = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);

        let pki = Pki::generate();
        let apns = Apns::start(ApnsOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificate: pki.server.certificate.clone(),
            chain: vec![],
            key: pki.server.key.clone(),
            client_authorities: vec![pki.root.certificate.clone()],
            provider_keys: vec![],
            unknown_tokens: UnknownTokens::Refuse,
            max_streams: 100,
            clock: Arc::new(SystemClock),
        })
        .await
        .unwrap();
        let pass = pki.pass(TOPIC);
        let auth =
            Auth::Certificate { certificate: pass.certificate, chain: vec![pki.intermediate.certificate.clone()], key: pass.key };
        let mut config = ApnsConfig::new(TOPIC, auth);
        config.base_url = apns.url();
        config.trust = Trust::Roots(vec![pki.root.certificate.clone()]);
        let push = ApnsClient::new(config, Arc::new(SystemClock), Arc::new(SystemIds)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let phone = start_phone(&apns, Some(folder.path().join("phone.json"))).await;
        Self { service, server: handle, apns, phone, push, folder }
    }

    pub fn service(&self) -> std::sync::MutexGuard<'_, Service> {
        self.service.lock().unwrap()
    }

    /// A package as it stands now, also put behind the web service as the newest version.
    pub fn publish(&self, serial: &str, version: u64, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut pass = json!({
            "formatVersion": 1, "passTypeIdentifier": TOPIC, "serialNumber": serial, "teamIdentifier": "A1B2C3D4E5",
            "organizationName": "Dallah", "description": "Coffee card", "backgroundColor": "rgb(1, 2, 3)",
            "webServiceURL": self.service().base, "authenticationToken": TOKEN,
            "storeCard": {
                "headerFields": [{"key": "points", "label": "points", "value": version, "changeMessage": "You now have %@ points"}],
                "secondaryFields": [{"key": "tier", "value": "Silver", "changeMessage": "Your tier is now %@"}]},
        });
        change(&mut pass);
        let package = serde_json::to_vec(&pass).unwrap();
        self.service().passes.insert(serial.to_owned(), (version, package.clone()));
        package
    }

    /// Waits for the notice or the end of the work that a push causes.
    pub async fn push_and_wait(&self) {
        let mut events = self.phone.subscribe();
        let (_, token) = self.phone.identity();
        let request = PushRequest { token: PushToken::parse(&token).unwrap(), id: [7; 16] };
        assert_eq!(self.push.push(&request).await, PushOutcome::Delivered);
        // The push's first step is told before any other work; then take a turn behind it.
        loop {
            if let PhoneEvent::Stepped(step) = events.recv().await.unwrap()
                && step.what == "push"
            {
                break;
            }
        }
        assert!(!self.phone.refresh("nobody").await);
    }

    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.service().asked)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.apns.stop();
        let server = self.server.clone();
        tokio::spawn(async move { server.stop(false).await });
    }
}

pub async fn start_phone(apns: &Apns, memory_file: Option<PathBuf>) -> Phone {
    Phone::start(PhoneOptions {
        verify: Arc::new(|bytes| {
            let pass: Value = serde_json::from_slice(bytes).map_err(|_| vec!["the archive is broken".to_owned()])?;
            if pass["forged"] == true {
                return Err(vec!["the signature does not fit".to_owned()]);
            }
            let icon = ("icon.png".to_owned(), b"\x89PNG".to_vec());
            let strings =
                ("ar.lproj/pass.strings".to_owned(), "\"You now have %@ points\" = \"لديك الآن %@ نقطة\";".as_bytes().to_vec());
            Ok(OpenedPass { files: BTreeMap::from([icon, strings, ("pass.json".to_owned(), bytes.to_vec())]), pass })
        }),
        apns: apns.clone(),
        roots_pem: vec![],
        plain_http: PlainHttp::Allow,
        retry_delays: vec![Duration::ZERO; 2],
        memory_file,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    })
    .await
    .unwrap()
}
