//! The guide: one page that leads a newcomer through the demo, with the phone, the till and the API side by side.
//!
//! Owns the story, its fixed requests and its page's files (`web/guide`). It keeps the till's key to itself: the browser asks for a
//! request by name, and the guide sends it. What the phones and the scanner show is theirs, in frames.

mod page;
mod story;
mod till;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

use self::story::Story;
use self::till::Till;
use crate::cards::Core;
use crate::clock::Timestamp;
use crate::ids::{CardId, OrgId, TerminalId};
use crate::pages::{Framing, FramingOrigin};

/// The names that this machine has for itself. Frames and cookies work only while guide, scanner and phones go by the same one.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Where the guide will be, before there is one: what it frames has to know.
pub struct Door {
    listener: TcpListener,
    port: u16,
}

impl Door {
    /// Takes a port of this machine, or a free one when that is taken.
    ///
    /// # Errors
    /// There is no port.
    pub fn open(port: u16) -> std::io::Result<Self> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// Where to open it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}:{}/", HOSTS[0], self.port)
    }

    /// What the framed pages have to allow.
    #[must_use]
    pub fn framing(&self) -> Vec<FramingOrigin> {
        let origins = HOSTS.iter().map(|host| FramingOrigin::parse(&format!("http://{host}:{}", self.port)));
        origins.filter_map(Result::ok).collect()
    }

    /// The same for the phones' pages.
    #[must_use]
    pub fn frames(&self) -> Framing {
        Framing::by(self.framing())
    }
}

/// What the story is told with.
pub struct GuideSetup {
    /// The gateway's parts, to see how the card and the till stand.
    pub core: Core,
    /// Where the gateway answers.
    pub base_url: String,
    /// The till's key; it never leaves the guide.
    pub pos_key: String,
    /// The owner's key, for a new one-time code when the first has run out; it never leaves the guide either.
    pub admin_key: String,
    /// The organisation.
    pub organisation: OrgId,
    /// The card of the story.
    pub card: CardId,
    /// Its currency.
    pub currency: String,
    /// The till that the scanner becomes.
    pub counter: TerminalId,
    /// The scanner's one-time code, and until when it can be used.
    pub scan_code: (String, Timestamp),
    /// Who signs in there.
    pub cashier: String,
    /// With which PIN.
    pub pin: String,
    /// The iPhone's page.
    pub phone_url: String,
    /// The Android phone's page.
    pub google_phone_url: String,
    /// The page of the programme's poster.
    pub poster_url: String,
}

/// The guide, being served.
pub struct Guide {
    /// To end it.
    pub handle: ServerHandle,
}

/// Serves the guide.
///
/// # Errors
/// The story can't be begun, or the port is gone.
pub async fn start(door: Door, setup: GuideSetup) -> std::io::Result<Guide> {
    let tills = [&setup.pos_key, &setup.admin_key].map(|key| Till::new(&setup.base_url, key).map_err(std::io::Error::other));
    let [till, owner] = tills;
    let (till, owner) = (till?, owner?);
    let places = page::Places::of(&setup, door.port);
    let story = web::Data::new(tokio::sync::Mutex::new(Story::begin(setup, (till, owner)).await));
    let places = web::Data::new(places);
    let server = HttpServer::new(move || {
        let (story, places) = (story.clone(), places.clone());
        App::new().configure(move |config| page::configure(config, story, places))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(door.listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Guide { handle })
}
