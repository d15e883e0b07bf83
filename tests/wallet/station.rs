//! A gateway's Apple side on a new database: ledger, web service on a real port, outbox, and an APNs of the test's own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use walaa::apple::certificates::PassCertificate;
use walaa::apple::push::{PushOutcome, PushRequest};
use walaa::apple::signer::{CmsSigner, SignError, Signer};
use walaa::apple::web_service::{self, Fetched, PhoneLimits, WebService};
use walaa::apple::{Apple, AppleAccount, PassBuilder, Pusher};
use walaa::cards::{Profile, Templates, ViewBuilder};
use walaa::clock::{Clock, SystemClock, Timestamp};
use walaa::db::sqlite::SqliteDb;
use walaa::db::{Db, Delivery};
use walaa::gate::MemoryGate;
use walaa::ids::{PassId, SystemIds, encode};
use walaa::journal::Sequencer;
use walaa::ledger::{Body, EnrolMember};
use walaa::outbox::{AppleSender, OutboxWorker, Stats};
use walaa::sandbox::verify::{VerifiedPass, Verifier};
use walaa::tokens::{KeyScope, Keyring, Kid};

use super::tools::{Authority, PASS_TYPE, TEAM};
use crate::support::ledger::{Customer, START, World};

/// Loaded once: the pictures are checked and drawn.
static TEMPLATES: LazyLock<Arc<Templates>> = LazyLock::new(|| Arc::new(Templates::ready().expect("the ready templates load")));

/// Where the passes of tests say that we are.
pub const PUBLIC_URL: &str = "https://wallet.example";

impl Clock for World {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

/// An APNs that answers what it is told to and remembers whom it was told to wake.
#[derive(Default)]
pub struct FakeApns {
    pub pushes: Mutex<Vec<String>>,
    answers: Mutex<HashMap<String, PushOutcome>>,
    every: Mutex<Option<PushOutcome>>,
    /// Is woken at each push.
    pub pushed: Notify,
    /// Whether it never answers.
    pub hangs: AtomicBool,
}

impl FakeApns {
    /// Answers so for one token from now on.
    pub fn answer(&self, token: &str, outcome: PushOutcome) {
        self.answers.lock().expect("a lock").insert(token.to_owned(), outcome);
    }

    /// Answers so for every token that has no answer of its own.
    pub fn answer_all(&self, outcome: PushOutcome) {
        *self.every.lock().expect("a lock") = Some(outcome);
    }

    /// Whom it was told to wake since the last call.
    pub fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.pushes.lock().expect("a lock"))
    }
}

#[async_trait]
impl Pusher for FakeApns {
    async fn push(&self, request: &PushRequest) -> PushOutcome {
        let token = request.token.as_str();
        self.pushes.lock().expect("a lock").push(token.to_owned());
        self.pushed.notify_one();
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let own = self.answers.lock().expect("a lock").get(token).cloned();
        own.or_else(|| self.every.lock().expect("a lock").clone()).unwrap_or(PushOutcome::Delivered)
    }
}

/// A pass type that signs nothing: for accounts that only push.
pub struct NoSigner(pub &'static str);

impl Signer for NoSigner {
    fn sign_manifest(&self, _: &[u8], _: Timestamp) -> Result<Vec<u8>, SignError> {
        Err(SignError::KeyFailed)
    }
    fn id(&self) -> &str {
        self.0
    }
    fn pass_type_id(&self) -> &str {
        self.0
    }
    fn team_id(&self) -> &str {
        TEAM
    }
    fn not_after(&self) -> Timestamp {
        Timestamp::from_millis(i64::MAX)
    }
}

pub struct Station {
    pub world: Arc<World>,
    /// Another organisation on the same database.
    pub other: World,
    pub db: Arc<dyn Db>,
    pub keyring: Arc<Keyring>,
    pub apns: Arc<FakeApns>,
    pub account: Arc<AppleAccount>,
    pub builder: Arc<PassBuilder>,
    pub worker: Arc<OutboxWorker>,
    pub sequencer: Sequencer,
    pub base: String,
    authority: Authority,
    server: ServerHandle,
    client: Client,
}

impl Station {
    pub async fn new() -> Self {
        Self::build(None).await
    }

    /// Together with another organisation on the same database that has an account of its own.
    pub async fn beside(account: AppleAccount) -> Self {
        Self::build(Some(Arc::new(account))).await
    }

    async fn build(other_account: Option<Arc<AppleAccount>>) -> Self {
        let keyring = Arc::new(Keyring::generate(std::array::from_fn(|place| place as u8)).expect("random enough"));
        let directory = tempfile::tempdir().expect("a directory");
        let db: Arc<dyn Db> = SqliteDb::open(&directory.path().join("walaa.db"), keyring.clone()).expect("a new file opens");
        let world = Arc::new(World::on(db.clone(), Some(directory)).await);
        // The certificates of tests begin when the tests do.
        world.advance_seconds((SystemClock.now().millis() - START) / 1000 + 60);
        let clock: Arc<dyn Clock> = world.clone();

        let authority = Authority::now();
        let apns = Arc::new(FakeApns::default());
        let account = account(&authority.certificate, apns.clone());
        let other = World::on(db.clone(), None).await;
        other.advance_seconds((world.now().millis() - other.now().millis()) / 1000);
        let own = other_account.map(|account| (other.org, account)).into_iter().collect();
        let apple = Arc::new(Apple::new(Some(account.clone()), own));
        let views = ViewBuilder::new(db.clone(), keyring.clone(), clock.clone(), PUBLIC_URL.into());
        let templates = Arc::clone(&TEMPLATES);
        let builder = Arc::new(PassBuilder::new(db.clone(), clock.clone(), views, (apple.clone(), templates)));
        let sender = Arc::new(AppleSender::new(db.clone(), apple.clone(), Arc::new(SystemIds)));
        let worker = Arc::new(OutboxWorker::new(db.clone(), clock.clone(), Arc::new(SystemIds), sender));
        let sequencer = Sequencer {
            db: db.clone(),
            clock: clock.clone(),
            committed: Arc::default(),
            owed: vec![worker.owed()],
            newest: tokio::sync::watch::Sender::default(),
        };
        let service = web::Data::new(WebService {
            db: db.clone(),
            clock,
            keyring: keyring.clone(),
            gate: Arc::new(MemoryGate::new(keyring.clone())),
            apple: apple.clone(),
            builder: builder.clone(),
            owed: worker.owed(),
            client_address: Arc::new(|request| request.peer_addr().map(|address| address.ip())),
            limits: PhoneLimits::default(),
            fetched: Fetched::default(),
        });
        let (server, base) = serve(service);
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { world, other, db, keyring, apns, account, builder, worker, sequencer, base, authority, server, client }
    }

    // --- the ledger ---

    /// A member called Layla with a card.
    pub async fn customer(&self) -> Customer {
        let (customer, body) = self.world.new_member(&format!("+965 {}", encode(&self.world.id())));
        let Body::Enrol(mut enrol) = body else { panic!("an enrolment") };
        let EnrolMember::New(member) = &mut enrol.member else { panic!("a new member") };
        let profile = Profile { name: Some("Layla".to_owned()), ..Profile::default() };
        member.profile = profile.seal(&self.keyring, &SystemIds, (self.world.org, customer.member)).expect("seals");
        member.language = "en".to_owned();
        self.world.done(Body::Enrol(enrol)).await;
        customer
    }

    /// Points more or less, numbered: what is shown changed and phones may know.
    pub async fn change(&self, customer: Customer, points: i64) {
        self.world.done(self.world.adjust(customer, points)).await;
        self.sequence().await;
    }

    pub async fn sequence(&self) {
        self.sequencer.run_once().await.expect("numbers");
    }

    pub async fn delivery(&self, pass: PassId) -> Delivery {
        self.db.delivery(self.world.org, pass).await.expect("reads").expect("a pass")
    }

    // --- the outbox ---

    pub async fn deliver(&self) -> Stats {
        self.worker.run_once().await.expect("claims")
    }

    // --- a phone ---

    /// The authentication token on a pass.
    pub async fn token(&self, pass: PassId) -> String {
        let row = self.db.pass(pass).await.expect("reads").expect("a pass");
        let scope = KeyScope { org: row.org, kid: Kid(row.auth_kid) };
        self.keyring.apple_token(scope, PASS_TYPE, &encode(&pass.0)).expect("a key").as_str().to_owned()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request with the pass's token.
    pub async fn authorized(&self, method: Method, path: &str, pass: PassId) -> RequestBuilder {
        self.request(method, path).header("Authorization", format!("ApplePass {}", self.token(pass).await))
    }

    pub async fn register(&self, device: &str, push_token: &str, pass: PassId) -> u16 {
        let request = self.authorized(Method::POST, &registration_path(device, pass), pass).await;
        send(request.json(&json!({"pushToken": push_token}))).await.status().as_u16()
    }

    /// Downloads, then registers: a pass is added.
    pub async fn add(&self, device: &str, push_token: &str, pass: PassId) {
        assert_eq!(self.fetch(pass, None).await.status(), 200);
        assert_eq!(self.register(device, push_token, pass).await, 201);
    }

    /// What changed: status, serials, tag.
    pub async fn list(&self, device: &str, tag: Option<&str>) -> (u16, Vec<PassId>, String) {
        let query = tag.map(|tag| format!("?passesUpdatedSince={tag}")).unwrap_or_default();
        let answer =
            send(self.request(Method::GET, &format!("/apple/v1/devices/{device}/registrations/{PASS_TYPE}{query}"))).await;
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        if status != 200 {
            assert!(answer.bytes().await.expect("a body").is_empty());
            return (status, Vec::new(), String::new());
        }
        let body: Value = answer.json().await.expect("JSON");
        let serials = body["serialNumbers"].as_array().expect("serials").iter();
        let serials = serials.map(|serial| PassId(walaa::ids::decode(serial.as_str().expect("text")).expect("a serial")));
        (status, serials.collect(), body["lastUpdated"].as_str().expect("a text").to_owned())
    }

    pub async fn fetch(&self, pass: PassId, if_modified_since: Option<&str>) -> Response {
        let mut request = self.authorized(Method::GET, &pass_path(pass), pass).await;
        if let Some(since) = if_modified_since {
            request = request.header("If-Modified-Since", since);
        }
        send(request).await
    }

    /// What a phone does after a push: lists, then fetches what changed.
    pub async fn wake(&self, device: &str, tag: Option<&str>) -> String {
        let (status, serials, new_tag) = self.list(device, tag).await;
        for pass in serials {
            assert_eq!(self.fetch(pass, None).await.status(), 200);
        }
        if status == 200 { new_tag } else { tag.unwrap_or_default().to_owned() }
    }

    /// Opens a package as a phone does.
    pub fn open(&self, package: &[u8]) -> VerifiedPass {
        let verifier = Verifier::new(&self.authority.root_pem()).expect("a root");
        verifier.verify(package, self.world.now()).expect("a phone would accept it")
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub fn pass_path(pass: PassId) -> String {
    format!("/apple/v1/passes/{PASS_TYPE}/{}", encode(&pass.0))
}

pub fn registration_path(device: &str, pass: PassId) -> String {
    format!("/apple/v1/devices/{device}/registrations/{PASS_TYPE}/{}", encode(&pass.0))
}

pub async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn account(certificate: &PassCertificate, pusher: Arc<FakeApns>) -> Arc<AppleAccount> {
    Arc::new(AppleAccount { signer: Arc::new(CmsSigner::new(certificate).expect("a signer")), pusher })
}

fn serve(service: web::Data<WebService>) -> (ServerHandle, String) {
    let server = HttpServer::new(move || App::new().configure(web_service::configure(service.clone())))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (handle, base)
}
