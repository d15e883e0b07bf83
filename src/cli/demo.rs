//! `walaa demo`: a whole café on this machine - gateway, phone, push service, till - with nothing but this binary.
//!
//! It is the gateway that `walaa serve` runs, with a configuration made here, and stand-ins for the outside world beside it. What it
//! keeps is in the data folder; a second start goes on where it was. Keys are derived from the master keys there, so they can
//! be shown again.

mod seed;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio::sync::oneshot;

use self::seed::Cafe;
use super::{CliError, Ending, Surroundings, block_on, logs, serve};
use crate::app::{App, Parts};
use crate::apple::certificates::key_file;
use crate::apple::certificates::sandbox_pki::{self, SandboxPki};
use crate::cards::Core;
use crate::clock::Timestamp;
use crate::config::{
    AppleAccount, Config, Database, GoogleAccount, KeyEnvironment, Keys, Limits, Listen, Log, Mail, MailEncryption, Pages, Redis,
    SecretText, Server, Sms,
};
use crate::sandbox::apns::Apns;
use crate::sandbox::google::{GoogleOptions, GoogleSandbox, ISSUER};
use crate::sandbox::guide::{self, Door, Guide, GuideSetup};
use crate::sandbox::mailbox::Mailbox;
use crate::sandbox::phone::Phone;
use crate::sandbox::stage::{self, PageSetup, PhoneSetup, Shown, StageError};

/// The sandbox's pass type and team, which no real account has.
const PASS_TYPE_ID: &str = "pass.com.example.walaa.demo";
const TEAM_ID: &str = "SANDBOX123";

/// How far the guide is from the gateway's own port, when that is free.
const GUIDE_PORT_OFFSET: u16 = 10;

/// How far the phone's page is from the gateway's own port, when that is free.
const PHONE_PORT_OFFSET: u16 = 100;

/// How far Google's stand-in, with the Android phone's page, is from it.
const GOOGLE_PORT_OFFSET: u16 = 101;

/// How far the mailbox's page is from it.
const MAIL_PORT_OFFSET: u16 = 102;

/// Arguments of `walaa demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  walaa demo\n  walaa demo --port 0 --tls-port 0 --data-dir /tmp/walaa --json")]
pub struct DemoArgs {
    /// The port of the API; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// The port of the API over TLS, which phones need; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    tls_port: u16,
    /// Where everything is kept; a second start goes on with it
    #[arg(long, value_name = "DIR", default_value = "./walaa-data")]
    data_dir: PathBuf,
    /// Keep the gate in this Redis instead of in memory
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Print one line of JSON when ready, instead of words
    #[arg(long)]
    json: bool,
}

/// What a program needs to use the demo: the line of `--json`.
#[derive(Debug, Serialize)]
struct Ready {
    guide_url: String,
    base_url: String,
    tls_url: String,
    admin_key: String,
    pos_key: String,
    terminal_key: String,
    organisation: String,
    programme: String,
    currency: String,
    ca_file: PathBuf,
    apns_url: String,
    phone_url: String,
    google_url: String,
    google_phone_url: String,
    mail_url: String,
    member: String,
    card: String,
    scan_url: String,
    scan_code: String,
    staff: String,
    staff_pin: String,
}

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
/// A port is taken, the data folder can't be used, or a part does not start.
pub fn run(args: &DemoArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    logs::start(&Log { level: "warn".to_owned(), ..Log::default() })?;
    let parts = around.parts();
    block_on(async {
        let mut stop = Box::pin(serve::stop_signal()?);
        let running = tokio::select! {
            () = &mut stop => return Ok(Ending::Fine),
            started = Running::start(args, &parts) => started?,
        };
        if args.json {
            writeln!(around.out, "{}", serde_json::to_string(&running.ready).map_err(|error| said(&error))?)?;
        } else {
            words::write(&running.ready, &args.data_dir, around.out)?;
        }
        around.out.flush()?;
        running.until(stop).await
    })
}

/// The gateway and the stand-ins at work.
struct Running {
    ready: Ready,
    gateway: tokio::task::JoinHandle<Result<(), crate::app::RunError>>,
    stop_gateway: oneshot::Sender<()>,
    apns: Apns,
    google: GoogleSandbox,
    mailbox: Mailbox,
    page: Shown,
    guide: Guide,
    _phone: Phone,
}

impl Running {
    async fn start(args: &DemoArgs, parts: &Parts) -> Result<Self, CliError> {
        let data = data_folder(&args.data_dir)?;
        let pki = sandbox_pki::generate(&data.join("pki"), PASS_TYPE_ID, TEAM_ID, parts.clock.as_ref())
            .map_err(|error| said(&error))?;
        let apns = stage::start_apns(&pki, Arc::clone(&parts.clock)).await?;
        let door = Door::open(beside(args.port, GUIDE_PORT_OFFSET))?;
        let google = google(args, &data, (&pki, parts, &door))?;
        let mailbox = mailbox(args, &data, parts).await?;
        let config = config(args, &data, (&pki, &apns, &google, &door));
        let config = Config { mail: mail(&mailbox), sms: sms(&mailbox, &data), ..config };
        let app = App::build(&config, parts.clone()).await?;
        let core = app.core().clone();
        let app_google = app.state().google.clone();
        let (base_url, tls_url) = (format!("http://127.0.0.1:{}", app.port()), format!("https://localhost:{}", app.tls_port()));
        words::write_config(&config, (&app, &data))?;
        let phone_port = beside(args.port, PHONE_PORT_OFFSET);
        let (stop_gateway, stopped) = oneshot::channel::<()>();
        let gateway = tokio::spawn(app.run_until(async {
            let _dropped = stopped.await;
        }));
        let cafe = Cafe::open(&core, &config, (&data, &base_url)).await?;
        let setup = PhoneSetup {
            pki: &pki,
            apns: &apns,
            memory_file: data.join("phone.json"),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
        };
        let phone = stage::start_phone(setup).await?;
        let offers = cafe.offers(&core).await?;
        let setup = PageSetup { gateways: vec![tls_url.clone()], offers, framing: door.frames() };
        let page = stage::show(&phone, &apns, phone_port, setup)?;
        cafe.put_first_card_on(&phone, &core).await?;
        cafe.put_first_card_on_google(app_google.as_deref(), &core).await?;
        let opening = cafe.opening(&core, &config, &base_url).await?;
        let ready = Ready {
            guide_url: door.url(),
            scan_url: format!("{base_url}/scan"),
            scan_code: opening.code,
            staff: opening.staff.to_string(),
            staff_pin: opening.pin,
            base_url,
            tls_url,
            admin_key: cafe.admin_key(&core, &config).await?,
            pos_key: cafe.pos_key(&core, &config).await?,
            terminal_key: cafe.terminal_key(&core, &config).await?,
            organisation: cafe.organisation.to_string(),
            programme: cafe.programme.to_string(),
            currency: cafe.currency.clone(),
            ca_file: pki.root.clone(),
            apns_url: apns.url(),
            phone_url: page.url.clone(),
            google_url: google.base_url(),
            google_phone_url: google.phone_url(),
            mail_url: mailbox.url(),
            member: cafe.member.to_string(),
            card: cafe.card.to_string(),
        };
        let guide = guide::start(door, story(&core, &ready, &cafe, (opening.name, opening.code_expires_at))?).await?;
        Ok(Self { ready, gateway, stop_gateway, apns, google, mailbox, page, guide, _phone: phone })
    }

    /// Waits for the order to stop, and stops everything.
    async fn until(mut self, stop: impl Future<Output = ()>) -> Result<Ending, CliError> {
        let ended = tokio::select! {
            () = stop => None,
            ended = &mut self.gateway => Some(ended),
        };
        self.guide.handle.stop(false).await;
        self.page.handle.stop(false).await;
        self.apns.stop();
        self.google.shutdown().await;
        self.mailbox.shutdown().await;
        let ended = match ended {
            Some(ended) => ended,
            None => {
                drop(self.stop_gateway);
                self.gateway.await
            }
        };
        ended.map_err(|error| said(&error))??;
        Ok(Ending::Fine)
    }
}

/// What the guide tells its story with.
fn story(
    core: &Core,
    ready: &Ready,
    cafe: &Cafe,
    (cashier, code_expires_at): (String, Timestamp),
) -> Result<GuideSetup, CliError> {
    Ok(GuideSetup {
        core: core.clone(),
        base_url: ready.base_url.clone(),
        pos_key: ready.pos_key.clone(),
        admin_key: ready.admin_key.clone(),
        organisation: cafe.organisation,
        card: cafe.card,
        currency: cafe.currency.clone(),
        counter: cafe.counter()?,
        scan_code: (ready.scan_code.clone(), code_expires_at),
        cashier,
        pin: ready.staff_pin.clone(),
        phone_url: ready.phone_url.clone(),
        google_phone_url: ready.google_phone_url.clone(),
        poster_url: format!("{}/join/{}/poster", ready.base_url, cafe.programme),
    })
}

/// The data folder, for its owner only, as an absolute path.
fn data_folder(path: &Path) -> Result<PathBuf, CliError> {
    use std::os::unix::fs::PermissionsExt;
    key_file::make_folder(path).map_err(|error| said(&error))?;
    let path = path.canonicalize()?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

/// A port near another one; any, where any was asked for.
const fn beside(port: u16, offset: u16) -> u16 {
    if port == 0 { 0 } else { port.saturating_add(offset) }
}

/// The stand-in for Google, beside the phone's page; the key of its service account goes into the data folder.
fn google(args: &DemoArgs, data: &Path, (pki, parts, door): (&SandboxPki, &Parts, &Door)) -> Result<GoogleSandbox, CliError> {
    let options = |port: u16| -> Result<GoogleOptions, CliError> {
        Ok(GoogleOptions {
            listen: (std::net::Ipv4Addr::LOCALHOST, port).into(),
            callback_roots_pem: std::fs::read(&pki.root)?,
            frame_ancestors: door.frames().ancestors_besides_self(),
            ..GoogleOptions::new(Arc::clone(&parts.clock), Arc::clone(&parts.ids))
        })
    };
    let google = match GoogleSandbox::start(options(beside(args.port, GOOGLE_PORT_OFFSET))?) {
        Ok(google) => google,
        // The port is taken.
        Err(_) => GoogleSandbox::start(options(0)?).map_err(|error| said(&error))?,
    };
    let key = google.service_account_json();
    key_file::write(&data.join("google.json"), key.as_bytes(), key_file::Existing::Replace).map_err(|error| said(&error))?;
    Ok(google)
}

/// The stand-in for whatever sends mail and short messages; the secret of its webhook goes into the data folder.
async fn mailbox(args: &DemoArgs, data: &Path, parts: &Parts) -> Result<Mailbox, CliError> {
    let secret = crate::ids::encode(&parts.ids.random());
    let written = key_file::write(&data.join("sms-secret.txt"), secret.as_bytes(), key_file::Existing::Replace);
    written.map_err(|error| said(&error))?;
    Ok(Mailbox::start(beside(args.port, MAIL_PORT_OFFSET), secret.as_bytes()).await?)
}

fn mail(mailbox: &Mailbox) -> Mail {
    Mail {
        host: Some("127.0.0.1".to_owned()),
        port: mailbox.smtp_port(),
        tls: MailEncryption::None,
        from: Some("card@qahwa.example".to_owned()),
        ..Mail::default()
    }
}

fn sms(mailbox: &Mailbox, data: &Path) -> Sms {
    Sms { url: Some(mailbox.sms_url()), secret_file: Some(data.join("sms-secret.txt")) }
}

/// The configuration that `walaa serve` would be given.
fn config(args: &DemoArgs, data: &Path, (pki, apns, google, door): (&SandboxPki, &Apns, &GoogleSandbox, &Door)) -> Config {
    Config {
        server: Server {
            listen: Listen::local(args.port),
            tls_listen: Listen::local(args.tls_port),
            tls_certificate_file: Some(pki.server_certificate.clone()),
            tls_key_file: Some(pki.server_key.clone()),
            admin_listen: Listen::local(0),
            shutdown_seconds: 5,
            ..Server::default()
        },
        database: Database { url: SecretText::new(format!("sqlite:{}", data.join("walaa.db").display())), ..Database::default() },
        redis: Redis { url: args.redis_url.as_deref().map(SecretText::new), ..Redis::default() },
        keys: Keys { keyring_file: data.join("keyring.toml"), environment: KeyEnvironment::Test },
        apple: vec![AppleAccount {
            pass_type_id: PASS_TYPE_ID.to_owned(),
            team_id: TEAM_ID.to_owned(),
            certificate_file: pki.pass.certificate.clone(),
            key_file: pki.pass.key.clone(),
            intermediate_file: pki.pass.intermediate.clone(),
            apns_url: apns.url(),
            apns_ca_file: Some(pki.root.clone()),
            ..AppleAccount::default()
        }],
        google: vec![GoogleAccount {
            issuer_id: ISSUER.to_owned(),
            service_account_file: data.join("google.json"),
            api_url: google.base_url(),
            keys_url: google.keys_url(),
            save_url: google.save_base().trim_end_matches('/').to_owned(),
            ..GoogleAccount::default()
        }],
        pages: Pages { framed_by: door.framing() },
        limits: Limits {
            address_per_second: 1_000,
            address_burst: 5_000,
            key_per_second: 500,
            key_burst: 1_000,
            terminal_per_second: 100,
            terminal_burst: 300,
            organisation_per_second: 2_000,
            organisation_burst: 5_000,
            ..Limits::default()
        },
        ..Config::default()
    }
}

fn said(error: &dyn std::error::Error) -> CliError {
    CliError::Other(error.to_string())
}

impl From<StageError> for CliError {
    fn from(error: StageError) -> Self {
        said(&error)
    }
}
