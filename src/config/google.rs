//! The section `[[google]]`: an issuer account of Google Wallet.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::google::resource::IssuerId;
use crate::ids::OrgId;

/// One issuer account.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleAccount {
    /// Whose objects it issues; none for every organisation without an account of its own.
    pub organisation: Option<OrgId>,
    /// The issuer's number, as the Google Pay & Wallet console shows it.
    pub issuer_id: String,
    /// The service account's key file, JSON, mode 0600.
    pub service_account_file: PathBuf,
    /// The REST API.
    pub api_url: String,
    /// Where the root keys of callbacks are.
    pub keys_url: String,
    /// What stands before the token of a save link.
    pub save_url: String,
    /// Web origins that may render Google's own button.
    pub origins: Vec<String>,
    /// Requests a second that all nodes together send.
    pub requests_per_second: u32,
    /// How many at once.
    pub burst: u32,
}

impl Default for GoogleAccount {
    fn default() -> Self {
        Self {
            organisation: None,
            issuer_id: String::new(),
            service_account_file: PathBuf::new(),
            api_url: "https://walletobjects.googleapis.com".to_owned(),
            keys_url: "https://pay.google.com/gp/m/issuer/keys".to_owned(),
            save_url: "https://pay.google.com/gp/v/save".to_owned(),
            origins: Vec::new(),
            // Google's limit is 20 a second; the rest is for people at the console.
            requests_per_second: 15,
            burst: 20,
        }
    }
}

impl GoogleAccount {
    /// Its paths, relative to the file's folder.
    pub(super) fn start_paths_at(&mut self, folder: &Path) {
        if self.service_account_file != Path::new("") {
            self.service_account_file = folder.join(&self.service_account_file);
        }
    }

    pub(super) fn check(&self, expect: &mut dyn FnMut(bool, &str, &str)) {
        let issuer = self.issuer_id.parse::<IssuerId>();
        expect(issuer.is_ok(), "issuer_id", "must be the issuer's number: 10 to 19 digits, in quotation marks");
        expect(self.service_account_file != Path::new(""), "service_account_file", "must be given");
        for (key, url) in [("api_url", &self.api_url), ("keys_url", &self.keys_url), ("save_url", &self.save_url)] {
            expect(is_address(url), key, "must begin with https:// and not end with a slash (http:// only on this machine)");
        }
        let origins = self.origins.iter().all(|origin| is_address(origin));
        expect(origins, "origins", "must be web origins such as https://www.example.com");
        expect((1..=10_000).contains(&self.requests_per_second), "requests_per_second", "must be from 1 to 10000");
        expect((1..=10_000).contains(&self.burst), "burst", "must be from 1 to 10000");
    }
}

/// Unencrypted only to a stand-in on this very machine.
pub(super) fn is_address(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| url.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    (local || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())) && !url.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(account: &GoogleAccount) -> Vec<String> {
        let mut found = Vec::new();
        account.check(&mut |right, key, _| {
            if !right {
                found.push(key.to_owned());
            }
        });
        found
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(wrong(&GoogleAccount::default()), ["issuer_id", "service_account_file"]);
        let right = GoogleAccount {
            issuer_id: "3388000000022141777".into(),
            service_account_file: "google.json".into(),
            api_url: "http://127.0.0.1:9000".into(),
            ..GoogleAccount::default()
        };
        assert_eq!(wrong(&right), [""; 0]);
        let off = GoogleAccount { api_url: "http://127.0.0.1.example.com".into(), burst: 0, ..right.clone() };
        assert_eq!(wrong(&off), ["api_url", "burst"]);
        let off = GoogleAccount { origins: vec!["example.com".into()], save_url: "https://x/".into(), ..right };
        assert_eq!(wrong(&off), ["save_url", "origins"]);
    }
}
