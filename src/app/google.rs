//! Google Wallet's parts out of the configuration: issuers, the writer, callbacks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Data;
use async_trait::async_trait;

use super::StartError;
use crate::cards::{Core, Offered, Templates, ViewBuilder};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::{Db, GoogleEvent, GoogleEventKind, Heard};
use crate::gate::{Gate, RateRule};
use crate::google::account::ServiceAccount;
use crate::google::budget::GateBudget;
use crate::google::callbacks::{
    self, CallbackService, CallbackSink, Event, EventType, FETCH_TIMEOUT, Recorded, RootKeyCache, SinkError,
};
use crate::google::client::{GoogleClient, GoogleClientConfig};
use crate::google::compose::Composer;
use crate::google::images::Images;
use crate::google::resource::IssuerId;
use crate::google::writer::GoogleWriter;
use crate::google::{Google, GoogleIssuer, naming};
use crate::ids::{OrgId, PassId, decode};
use crate::tokens::Keyring;

/// Opens the issuer accounts: keys read and tried. Connects to nobody yet.
///
/// # Errors
/// A key file can't be used, or two accounts are for the same organisation.
pub fn issuers(config: &Config, (gate, clock): (&Arc<dyn Gate>, &Arc<dyn Clock>)) -> Result<Arc<Google>, StartError> {
    let (mut default, mut own) = (None, HashMap::new());
    for settings in &config.google {
        let issuer = Arc::new(issuer(settings, (gate, clock))?);
        let taken = match settings.organisation {
            None => default.replace(issuer).is_some(),
            Some(org) => own.insert(org, issuer).is_some(),
        };
        if taken {
            return Err(StartError::TwoIssuers(settings.organisation));
        }
    }
    Ok(Arc::new(Google::new(default, own)))
}

fn issuer(
    settings: &config::GoogleAccount,
    (gate, clock): (&Arc<dyn Gate>, &Arc<dyn Clock>),
) -> Result<GoogleIssuer, StartError> {
    let issuer: IssuerId = settings.issuer_id.parse().map_err(|_| StartError::Issuer(settings.issuer_id.clone()))?;
    let account = Arc::new(ServiceAccount::read(&settings.service_account_file)?);
    let rule = RateRule::per_second(settings.requests_per_second).burst(settings.burst);
    let budget = Arc::new(GateBudget::new(Arc::clone(gate), Arc::clone(clock), rule));
    let client = GoogleClientConfig { base_url: settings.api_url.clone(), ..GoogleClientConfig::default() };
    Ok(GoogleIssuer {
        client: GoogleClient::new((account, issuer), &client, budget, Arc::clone(clock))?,
        save_url: settings.save_url.clone(),
        origins: settings.origins.clone(),
    })
}

/// Whose cards are offered to Google Wallet.
#[must_use]
pub fn offered(config: &Config) -> Offered {
    Offered {
        to_all: config.google.iter().any(|settings| settings.organisation.is_none()),
        to: config.google.iter().filter_map(|settings| settings.organisation).collect(),
    }
}

/// What writes to Google Wallet.
#[must_use]
pub fn writer(
    (db, clock, keyring): (&Arc<dyn Db>, &Arc<dyn Clock>, &Arc<Keyring>),
    google: Arc<Google>,
    (templates, public_url): (Arc<Templates>, &Arc<str>),
) -> Arc<GoogleWriter> {
    let views = ViewBuilder::new(Arc::clone(db), Arc::clone(keyring), Arc::clone(clock), Arc::clone(public_url));
    let images = Arc::new(Images::of(&templates, public_url));
    let composer = Composer::new(Arc::clone(db), views, (templates, images));
    Arc::new(GoogleWriter::new(Arc::clone(db), Arc::clone(clock), google, composer))
}

/// What answers Google's callbacks; nothing when there is no issuer.
///
/// # Errors
/// The address of Google's keys can't be used.
pub fn callbacks(
    config: &Config,
    core: &Core,
    google: &Arc<Google>,
    client_address: impl Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync + 'static,
) -> Result<Option<Data<CallbackService>>, StartError> {
    let Some(settings) = config.google.first() else { return Ok(None) };
    let keys = RootKeyCache::new(&settings.keys_url, Arc::clone(&core.clock), FETCH_TIMEOUT)?;
    Ok(Some(Data::new(CallbackService {
        keys: Arc::new(keys),
        sink: Arc::new(Sink { db: Arc::clone(&core.db), clock: Arc::clone(&core.clock), google: Arc::clone(google) }),
        gate: Arc::clone(&core.gate),
        clock: Arc::clone(&core.clock),
        client_address: Arc::new(client_address),
        forged_per_address: callbacks::FORGED_PER_ADDRESS,
    })))
}

/// Keeps what Google tells.
struct Sink {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    google: Arc<Google>,
}

#[async_trait]
impl CallbackSink for Sink {
    fn issuer_of(&self, org: OrgId) -> Option<IssuerId> {
        self.google.issuer_for(org).map(|issuer| issuer.id())
    }

    async fn record(&self, org: OrgId, event: &Event) -> Result<Recorded, SinkError> {
        let failed = |error: crate::db::DbError| SinkError(error.to_string());
        let serial = naming::serial(&event.object_id).and_then(decode).map(PassId);
        let pass = match serial {
            Some(id) => self.db.pass(id).await.map_err(failed)?.filter(|pass| pass.org == org && pass.on_google),
            None => None,
        };
        let kind = match event.event_type {
            EventType::Save => GoogleEventKind::Saved,
            EventType::Delete => GoogleEventKind::Removed,
        };
        let heard = GoogleEvent {
            nonce: event.nonce.clone(),
            org,
            pass: pass.as_ref().map(|pass| pass.id),
            object: event.object_id.to_string(),
            kind,
            at: self.clock.now(),
            expires_at: event.expires,
        };
        let heard = self.db.hear_google(heard).await.map_err(failed)?;
        Ok(match (heard, pass) {
            (Heard::Again, _) => Recorded::Duplicate,
            (Heard::New, Some(_)) => Recorded::New,
            (Heard::New, None) => Recorded::Unknown,
        })
    }
}
