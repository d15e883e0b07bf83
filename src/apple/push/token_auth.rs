//! Provider tokens: the JWT that authenticates a team to APNs where no pass certificate is to be used.
//!
//! Apple answers `TooManyProviderTokenUpdates` to a token renewed within 20 minutes and `ExpiredProviderToken` to one older
//! than an hour, so one token is shared by everything that pushes for a team and is renewed in between.

use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::ApnsError;
use crate::clock::{Clock, Timestamp};

/// Apple refuses tokens older than 60 minutes; five of them are left for slow clocks.
const RENEW_AFTER_SECONDS: i64 = 55 * 60;

/// Apple refuses to see a new token sooner than this.
const NEVER_BEFORE_SECONDS: i64 = 20 * 60;

/// A clock that was set back by more than this makes the token look issued in the future, which Apple refuses.
const MAX_CLOCK_STEP_BACK_SECONDS: i64 = 60;

/// A team's APNs key (`.p8`) and the token that is made of it; share one per team.
pub struct ProviderTokens {
    key_id: String,
    team_id: String,
    key: EncodingKey,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<Issued>>,
}

#[derive(Clone)]
struct Issued {
    bearer: Arc<str>,
    at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl ProviderTokens {
    /// Reads a `.p8` key (PEM, PKCS#8, P-256).
    ///
    /// # Errors
    /// [`ApnsError::Key`] if it is not such a key or can't sign.
    pub fn new(p8_pem: &[u8], key_id: &str, team_id: &str, clock: Arc<dyn Clock>) -> Result<Self, ApnsError> {
        let key = EncodingKey::from_ec_pem(p8_pem).map_err(|error| ApnsError::Key(error.to_string()))?;
        let tokens = Self { key_id: key_id.to_owned(), team_id: team_id.to_owned(), key, clock, current: Mutex::new(None) };
        tokens.current()?;
        Ok(tokens)
    }

    /// The token to send now; renewed when it is nearly an hour old.
    ///
    /// # Errors
    /// [`ApnsError::Key`] if the key can't sign.
    pub fn current(&self) -> Result<Arc<str>, ApnsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if let Some(issued) = &*current {
            let age_seconds = now.since(issued.at) / 1_000;
            if (-MAX_CLOCK_STEP_BACK_SECONDS..RENEW_AFTER_SECONDS).contains(&age_seconds) {
                return Ok(issued.bearer.clone());
            }
        }
        let issued = self.issue(now)?;
        let bearer = issued.bearer.clone();
        *current = Some(issued);
        Ok(bearer)
    }

    /// After APNs called `refused` expired: another token, if somebody else renewed it meanwhile or if it is old enough for
    /// Apple to accept a new one.
    ///
    /// # Errors
    /// [`ApnsError::Key`] if the key can't sign.
    pub fn after_refusal(&self, refused: &str) -> Result<Option<Arc<str>>, ApnsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        match &*current {
            Some(issued) if &*issued.bearer != refused => Ok(Some(issued.bearer.clone())),
            Some(issued) if now.since(issued.at) < NEVER_BEFORE_SECONDS * 1_000 => Ok(None),
            _ => {
                let issued = self.issue(now)?;
                let bearer = issued.bearer.clone();
                *current = Some(issued);
                Ok(Some(bearer))
            }
        }
    }

    fn issue(&self, now: Timestamp) -> Result<Issued, ApnsError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = None;
        header.kid = Some(self.key_id.clone());
        let claims = Claims { iss: &self.team_id, iat: now.seconds() };
        let token = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|error| ApnsError::Key(error.to_string()))?;
        Ok(Issued { bearer: format!("bearer {token}").into(), at: now })
    }
}

impl std::fmt::Debug for ProviderTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderTokens").field("key_id", &self.key_id).field("team_id", &self.team_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::ecdsa::EcdsaSig;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};

    use super::*;
    use crate::clock::ManualClock;

    fn key() -> PKey<Private> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    }

    fn tokens(key: &PKey<Private>) -> (ProviderTokens, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let pem = key.private_key_to_pem_pkcs8().unwrap();
        (ProviderTokens::new(&pem, "KEY1234567", "TEAM123456", clock.clone()).unwrap(), clock)
    }

    #[test]
    fn the_token_is_a_jwt_that_openssl_verifies() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let key = key();
        let (tokens, _) = tokens(&key);
        let bearer = tokens.current().unwrap();
        let parts: Vec<&str> = bearer.strip_prefix("bearer ").unwrap().split('.').collect();
        let json = |part: &str| -> serde_json::Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(json(parts[0]), serde_json::json!({"alg": "ES256", "kid": "KEY1234567"}));
        assert_eq!(json(parts[1]), serde_json::json!({"iss": "TEAM123456", "iat": 1_700_000_000}));

        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let (r, s) = signature.split_at(32);
        let number = |bytes| openssl::bn::BigNum::from_slice(bytes).unwrap();
        let signature = EcdsaSig::from_private_components(number(r), number(s)).unwrap();
        let digest = openssl::sha::sha256(format!("{}.{}", parts[0], parts[1]).as_bytes());
        assert!(signature.verify(&digest, &key.ec_key().unwrap()).unwrap());
    }

    #[test]
    fn one_token_serves_for_55_minutes() {
        let (tokens, clock) = tokens(&key());
        let first = tokens.current().unwrap();
        clock.advance_seconds(RENEW_AFTER_SECONDS - 1);
        assert_eq!(tokens.current().unwrap(), first);
        clock.advance_seconds(1);
        assert_ne!(tokens.current().unwrap(), first);
    }

    #[test]
    fn a_refused_token_is_not_renewed_within_20_minutes() {
        let (tokens, clock) = tokens(&key());
        let first = tokens.current().unwrap();
        assert_eq!(tokens.after_refusal(&first).unwrap(), None);
        clock.advance_seconds(NEVER_BEFORE_SECONDS);
        let second = tokens.after_refusal(&first).unwrap().unwrap();
        assert_ne!(second, first);
        assert_eq!(tokens.after_refusal(&first).unwrap(), Some(second), "the second refusal finds the renewed one");
    }

    #[test]
    fn a_clock_set_back_makes_a_new_token() {
        let (tokens, clock) = tokens(&key());
        let first = tokens.current().unwrap();
        clock.advance_seconds(-30);
        assert_eq!(tokens.current().unwrap(), first);
        clock.advance_seconds(-3_600);
        assert_ne!(tokens.current().unwrap(), first);
    }

    #[test]
    fn other_keys_are_refused_and_nothing_secret_is_printed() {
        let rsa = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let pem = rsa.private_key_to_pem_pkcs8().unwrap();
        assert!(ProviderTokens::new(&pem, "K", "T", clock).is_err());
        let (tokens, _) = tokens(&key());
        let printed = format!("{tokens:?}");
        assert!(!printed.contains("bearer") && printed.contains("KEY1234567"));
    }
}
