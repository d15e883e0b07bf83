//! The door at which Google tells us: what is recorded, and what each kind of message is answered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use walaa::gate::{MemoryGate, RateRule};
use walaa::google::callbacks::{CallbackService, CallbackSink, Event, Recorded, SinkError, configure};
use walaa::google::resource::IssuerId;
use walaa::ids::OrgId;
use walaa::tokens::Keyring;

use super::callbacks::{case, issuer};
use super::key_cache::{Keys, fresh};
use super::wire::Reply;

const ORG: OrgId = OrgId([1; 16]);

/// Remembers events as a database would: once for each nonce, and only of objects that it knows.
#[derive(Default)]
struct Book {
    events: Mutex<Vec<(OrgId, Event)>>,
    nonces: Mutex<BTreeSet<String>>,
    knows_nothing: AtomicBool,
    broken: AtomicBool,
}

#[async_trait::async_trait]
impl CallbackSink for Book {
    fn issuer_of(&self, org: OrgId) -> Option<IssuerId> {
        (org == ORG).then(issuer)
    }

    async fn record(&self, org: OrgId, event: &Event) -> Result<Recorded, SinkError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(SinkError("the database is away".to_owned()));
        }
        if self.knows_nothing.load(Ordering::SeqCst) {
            return Ok(Recorded::Unknown);
        }
        if !self.nonces.lock().expect("unpoisoned").insert(event.nonce.clone()) {
            return Ok(Recorded::Duplicate);
        }
        self.events.lock().expect("unpoisoned").push((org, event.clone()));
        Ok(Recorded::New)
    }
}

/// The service on a port of its own.
struct Door {
    base: String,
    http: Client,
    handle: ServerHandle,
    book: Arc<Book>,
}

impl Door {
    async fn open(keys: &Keys) -> Self {
        let book = Arc::new(Book::default());
        let keyring = Arc::new(Keyring::generate(std::array::from_fn(|place| place as u8)).expect("mixed enough"));
        let service = Data::new(CallbackService {
            keys: Arc::clone(&keys.cache),
            sink: book.clone(),
            gate: Arc::new(MemoryGate::new(keyring)),
            clock: keys.clock.clone(),
            client_address: Arc::new(|request| request.peer_addr().map(|address| address.ip())),
            forged_per_address: RateRule::per_minute(20),
        });
        let server = HttpServer::new(move || App::new().configure(configure(service.clone())));
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
        let base = format!("http://{}/google/callbacks", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base, http: Client::builder().no_proxy().build().expect("a client"), handle, book }
    }

    async fn post(&self, body: impl Into<String>) -> Response {
        self.post_to(&ORG.to_string(), body).await
    }

    async fn post_to(&self, organisation: &str, body: impl Into<String>) -> Response {
        let request = self.http.post(format!("{}/{organisation}", self.base)).header("content-type", "application/json");
        request.body(body.into()).send().await.expect("an answer")
    }

    /// The answer's status, and that it says nothing else.
    async fn status(&self, name: &str) -> StatusCode {
        let answer = self.post(&case(name).message).await;
        let status = answer.status();
        assert!(answer.bytes().await.expect("a body").is_empty(), "{name}");
        status
    }

    fn recorded(&self) -> usize {
        self.book.events.lock().expect("unpoisoned").len()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

#[tokio::test]
async fn a_genuine_callback_is_recorded_and_a_repeated_or_unknown_one_is_fine_too() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    for (name, recorded) in [("save", 1), ("save", 1), ("delete", 2), ("texts beyond ASCII", 2)] {
        assert_eq!((door.status(name).await, door.recorded()), (StatusCode::OK, recorded), "{name}");
    }
    assert!(door.book.events.lock().expect("unpoisoned").iter().all(|(org, _)| *org == ORG));
    door.book.knows_nothing.store(true, Ordering::SeqCst);
    assert_eq!(door.status("save").await, StatusCode::OK);
    assert_eq!(keys.wire.seen().len(), 1, "keys are fetched once");
}

#[tokio::test]
async fn a_genuine_one_of_a_kind_that_is_not_known_is_taken_and_not_recorded() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    for name in ["kind of event that nobody knows", "pass without class and object"] {
        assert_eq!((door.status(name).await, door.recorded()), (StatusCode::OK, 0), "{name}");
    }
}

#[tokio::test]
async fn forged_and_malformed_ones_hear_nothing_of_why() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    for name in [
        "signed by a stranger",
        "stranger's root",
        "signed for another issuer",
        "class of another issuer",
        "message expired",
        "intermediate expired",
        "another protocol",
        "two messages",
    ] {
        assert_eq!((door.status(name).await, door.recorded()), (StatusCode::BAD_REQUEST, 0), "{name}");
    }
    for body in [String::new(), "{}".to_owned(), " ".repeat(70_000)] {
        assert_eq!(door.post(body).await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_organisation_without_an_issuer_is_like_none_at_all() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    for organisation in [OrgId([2; 16]).to_string(), "org_x".to_owned(), "%00".to_owned()] {
        assert_eq!(door.post_to(&organisation, &case("save").message).await.status(), StatusCode::BAD_REQUEST, "{organisation}");
    }
    let get = door.http.get(format!("{}/{ORG}", door.base)).send().await.expect("an answer");
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(keys.wire.seen().is_empty(), "nobody is asked for keys in vain");
}

#[tokio::test]
async fn a_flood_of_forged_ones_is_slowed_and_a_genuine_one_gets_through_it() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    for _ in 0..20 {
        assert_eq!(door.status("stranger's root").await, StatusCode::BAD_REQUEST);
    }
    for _ in 0..20 {
        let answer = door.post(&case("stranger's root").message).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers().contains_key(RETRY_AFTER));
    }
    assert_eq!(door.status("save").await, StatusCode::OK, "from the same address");
    for _ in 0..100 {
        assert_eq!(door.status("save").await, StatusCode::OK, "genuine ones are never too many");
    }
    assert_eq!(keys.wire.seen().len(), 2, "one fetch, and one more for all the bad signatures");
}

#[tokio::test]
async fn a_root_key_that_google_has_since_is_asked_for() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let door = Door::open(&keys).await;
    assert_eq!(door.status("save").await, StatusCode::OK);
    keys.set(fresh("signed by the next root", 3600));
    assert_eq!(door.status("signed by the next root").await, StatusCode::OK);
    assert_eq!(keys.wire.seen().len(), 2);
}

#[tokio::test]
async fn only_without_keys_or_database_google_is_to_come_again() {
    let keys = Keys::listing(Reply::json(500, &json!({}))).await;
    let door = Door::open(&keys).await;
    let answer = door.post(&case("save").message).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
    assert_eq!(door.post("{}").await.status(), StatusCode::BAD_REQUEST, "that needs no keys");

    keys.set(fresh("save", 3600));
    keys.clock.advance_seconds(10);
    door.book.broken.store(true, Ordering::SeqCst);
    assert_eq!(door.status("save").await, StatusCode::SERVICE_UNAVAILABLE);
    door.book.broken.store(false, Ordering::SeqCst);
    assert_eq!((door.status("save").await, door.recorded()), (StatusCode::OK, 1));

    keys.set(Reply::json(500, &json!({})));
    let unknown_root = door.status("signed by the next root").await;
    assert_eq!(unknown_root, StatusCode::SERVICE_UNAVAILABLE, "it may be signed by a key that we can't ask for");
}
