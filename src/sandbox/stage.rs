//! The stand-ins, set up beside a gateway: an APNs, a phone that trusts the sandbox's root, and the page that shows the phone.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use openssl::pkey::PKey;
use openssl::x509::X509;

use super::apns::{Apns, ApnsOptions, UnknownTokens};
use super::phone::page::{self, Offer, PhonePage};
use super::phone::web_service::PlainHttp;
use super::phone::{OpenedPass, Phone, PhoneOptions, Verify, draw};
use super::verify::Verifier;
use crate::apple::certificates::sandbox_pki::SandboxPki;
use crate::apple::certificates::{CertificateError, KeyFileError, key_file};
use crate::clock::Clock;
use crate::ids::Ids;
use crate::pages::Framing;

/// Streams that a connection to the APNs may have open; Apple says 1,000.
const MAX_STREAMS: u32 = 1_000;

/// Why the stand-ins don't start.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A certificate of the sandbox can't be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A key file can't be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// OpenSSL failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The system refused a file or an address.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Starts an APNs on a free port of this machine, which takes the sandbox's pass certificates. It takes every token: who plays a
/// phone with curl need not tell it first.
///
/// # Errors
/// The certificates can't be read, or there is no port.
pub async fn start_apns(pki: &SandboxPki, clock: Arc<dyn Clock>) -> Result<Apns, StageError> {
    let root = X509::from_pem(&std::fs::read(&pki.root)?)?;
    let intermediate = X509::from_pem(&std::fs::read(&pki.pass.intermediate)?)?;
    let options = ApnsOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        certificate: X509::from_pem(&std::fs::read(&pki.server_certificate)?)?,
        chain: vec![root.clone()],
        key: PKey::private_key_from_pem(&key_file::read(&pki.server_key)?)?,
        client_authorities: vec![root, intermediate],
        provider_keys: Vec::new(),
        unknown_tokens: UnknownTokens::Accept,
        max_streams: MAX_STREAMS,
        clock,
    };
    Ok(Apns::start(options).await?)
}

/// What a phone is set up with.
pub struct PhoneSetup<'a> {
    /// Whom it trusts.
    pub pki: &'a SandboxPki,
    /// Whom it gets its pushes from.
    pub apns: &'a Apns,
    /// Where it remembers its passes.
    pub memory_file: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub ids: Arc<dyn Ids>,
}

/// Switches a phone on.
///
/// # Errors
/// The root or the memory can't be read.
pub async fn start_phone(setup: PhoneSetup<'_>) -> Result<Phone, StageError> {
    let roots_pem = std::fs::read(&setup.pki.root)?;
    let options = PhoneOptions {
        verify: verify(&roots_pem, Arc::clone(&setup.clock))?,
        apns: setup.apns.clone(),
        roots_pem,
        plain_http: PlainHttp::Refuse,
        retry_delays: PhoneOptions::usual_retry_delays(),
        memory_file: Some(setup.memory_file),
        clock: setup.clock,
        ids: setup.ids,
    };
    Ok(Phone::start(options).await?)
}

/// Opens packages with the sandbox's own code, as a phone that trusts this root.
fn verify(root_pem: &[u8], clock: Arc<dyn Clock>) -> Result<Verify, StageError> {
    let verifier = Verifier::new(root_pem)?;
    Ok(Arc::new(move |package| match verifier.verify(package, clock.now()) {
        Ok(verified) => Ok(OpenedPass { pass: verified.pass, files: BTreeMap::from_iter(verified.files) }),
        Err(refused) => Err(refused.0.iter().map(ToString::to_string).collect()),
    }))
}

/// The phone's page, being served.
pub struct Shown {
    /// Where to open it.
    pub url: String,
    /// To end it.
    pub handle: ServerHandle,
}

/// What the phone's page knows.
pub struct PageSetup {
    /// Gateways that passes may be downloaded from.
    pub gateways: Vec<String>,
    /// Passes that it offers.
    pub offers: Vec<Offer>,
    /// Who may show it within a page.
    pub framing: Framing,
}

/// Serves the phone's page at a port of this machine, or at a free one when that is taken.
///
/// # Errors
/// There is no port.
pub fn show(phone: &Phone, apns: &Apns, port: u16, setup: PageSetup) -> std::io::Result<Shown> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let url = format!("http://{}/phone", listener.local_addr()?);
    let page = PhonePage::new(phone.clone(), apns.clone(), Arc::new(draw::draw), &setup.gateways);
    let page = web::Data::new(page.with_offers(setup.offers).framed(setup.framing));
    let server = HttpServer::new(move || App::new().configure(|config| page::configure(config, page.clone())));
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Shown { url, handle })
}
