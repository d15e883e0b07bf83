//! Google Wallet: whether the service account's key can be used, and with `--live` whether Google takes what it signs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Looks;
use crate::app::google;
use crate::clock::Clock;
use crate::config::{Config, GoogleAccount};
use crate::gate::{Gate, MemoryGate};
use crate::google::GoogleIssuer;
use crate::google::account::ServiceAccount;
use crate::google::error::CallError;
use crate::tokens::Keyring;

/// What is validated names a class and an object that are never made.
const SUFFIX: &str = "walaa-doctor";

/// Looks at each account's key.
pub(super) fn look(config: &Config, looks: &mut Looks) {
    for settings in &config.google {
        match ServiceAccount::read(&settings.service_account_file) {
            Ok(account) => {
                looks.fine("google", format!("the key of {} for issuer {} is right", account.email(), settings.issuer_id));
            }
            Err(error) => looks.wrong("google", error.to_string(), ""),
        }
    }
}

/// Has Google check a save link of each account: token, key, permission and the API itself, without making anything.
pub(super) async fn look_live(config: &Config, (keyring, clock): (&Arc<Keyring>, &Arc<dyn Clock>), looks: &mut Looks) {
    let gate: Arc<dyn Gate> = Arc::new(MemoryGate::new(Arc::clone(keyring)));
    let issuers = match google::issuers(config, (&gate, clock)) {
        Ok(issuers) => issuers,
        Err(error) => return looks.refused("google", &error),
    };
    for (issuer, settings) in issuers.issuers().zip(&config.google) {
        match validate(issuer, settings, clock.as_ref()).await {
            Ok(()) => looks.fine("google", format!("Google takes a save link of issuer {}", issuer.id())),
            Err(CallError::NotPermitted(refused)) => {
                let steps: Vec<_> =
                    refused.checklist().iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
                let what = format!("Google does not let {} act for issuer {}", issuer.client.account().email(), issuer.id());
                looks.wrong("google", what, steps.join("\n"));
            }
            Err(error) => {
                looks.wrong("google", error.to_string(), "Check the way out to googleapis.com, the clock and the key file");
            }
        }
    }
}

async fn validate(issuer: &GoogleIssuer, settings: &GoogleAccount, clock: &dyn Clock) -> Result<(), CallError> {
    let id = format!("{}.{SUFFIX}", issuer.id());
    let class: Value = json!({
        "id": id, "issuerName": "Walaa", "programName": "Doctor", "reviewStatus": "UNDER_REVIEW",
        "programLogo": {"sourceUri": {"uri": "https://example.com/logo.png"}},
    });
    let object = json!({"id": format!("{id}-card"), "classId": id, "state": "ACTIVE"});
    let claims = json!({
        "iss": issuer.client.account().email(), "aud": "google", "typ": "savetowallet", "iat": clock.now().seconds(),
        "origins": settings.origins, "payload": {"loyaltyClasses": [class], "loyaltyObjects": [object]},
    });
    let signed = issuer.client.account().sign(&claims).map_err(|_| CallError::Unsendable("a link that can't be signed"))?;
    issuer.patient().client.validate_jwt(&signed).await
}
