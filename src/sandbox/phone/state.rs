//! What a phone holds: its identity, its passes, its update tags, and what it told its owner. In memory, bounded, and
//! written to a file so that a restarted demo has its phone back.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::locale::Language;
use super::{OpenedPass, Verify};
use crate::clock::Timestamp;
use crate::ids::Ids;

/// Passes on one phone.
pub const MAX_PASSES: usize = 50;

/// Notifications that are remembered.
const MAX_NOTICES: usize = 50;

/// Steps of the protocol that are remembered.
const MAX_STEPS: usize = 200;

/// A pass as it is installed.
#[derive(Clone)]
pub struct InstalledPass {
    /// A handle for the page: says nothing of the serial number.
    pub key: String,
    /// `passTypeIdentifier`.
    pub pass_type: String,
    /// `serialNumber`.
    pub serial: String,
    /// The package as it came.
    pub bytes: Arc<[u8]>,
    /// What is in it.
    pub opened: Arc<OpenedPass>,
    /// The last `Last-Modified`, sent back as it came.
    pub last_modified: Option<String>,
    /// Whether the owner wants it to update itself.
    pub automatic: bool,
    /// When it was added.
    pub added_at: Timestamp,
    /// When its contents last changed.
    pub updated_at: Timestamp,
}

/// A pass's web service, as the pass says. Never printed: the token is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WebService {
    /// `webServiceURL` without trailing slashes.
    pub url: String,
    /// `authenticationToken`.
    pub token: String,
}

impl InstalledPass {
    /// Where it gets its updates, if it says so.
    #[must_use]
    pub fn web_service(&self) -> Option<WebService> {
        web_service(&self.opened.pass)
    }

    /// Whether it can no longer be used.
    #[must_use]
    pub fn voided(&self) -> bool {
        self.opened.pass["voided"].as_bool().unwrap_or_default()
    }

    /// When it ends, if it ends.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        Timestamp::parse(self.opened.pass["expirationDate"].as_str()?).ok()
    }
}

fn web_service(pass: &Value) -> Option<WebService> {
    let url = pass["webServiceURL"].as_str()?.trim_end_matches('/').to_owned();
    let token = pass["authenticationToken"].as_str()?.to_owned();
    Some(WebService { url, token })
}

/// What the phone told its owner.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notice {
    /// Counts up.
    pub number: u64,
    /// Of which pass.
    pub pass: String,
    /// When.
    pub at: Timestamp,
    /// Who, and what, in every language of the phone.
    pub texts: BTreeMap<Language, NoticeText>,
}

/// A notice in one language.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoticeText {
    /// The organisation.
    pub title: String,
    /// The message.
    pub body: String,
}

/// One step of Apple's device protocol, for those who want to watch it.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Counts up.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// `push`, `register`, `list`, `fetch`, `unregister`, `log`, or `refused`.
    pub what: &'static str,
    /// The request line, ids shortened.
    pub request: String,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// More, in a sentence.
    pub detail: String,
}

/// Everything.
pub(super) struct PhoneState {
    pub device_id: String,
    pub push_token: String,
    pub passes: Vec<InstalledPass>,
    /// The last update tag per web service and pass type.
    pub tags: BTreeMap<(String, String), String>,
    pub notices: VecDeque<Notice>,
    pub steps: VecDeque<Step>,
    counter: u64,
}

impl PhoneState {
    /// A phone out of the box.
    pub(super) fn new(ids: &dyn Ids) -> Self {
        let hex = |bytes: [u8; 16]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        Self {
            device_id: hex(ids.random()),
            push_token: hex(ids.random()) + &hex(ids.random()),
            passes: Vec::new(),
            tags: BTreeMap::new(),
            notices: VecDeque::new(),
            steps: VecDeque::new(),
            counter: 0,
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn remember_step(&mut self, step: Step) {
        if self.steps.len() == MAX_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    pub(super) fn remember_notice(&mut self, notice: Notice) {
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    pub(super) fn find(&self, key: &str) -> Option<&InstalledPass> {
        self.passes.iter().find(|pass| pass.key == key)
    }

    pub(super) fn find_mut(&mut self, key: &str) -> Option<&mut InstalledPass> {
        self.passes.iter_mut().find(|pass| pass.key == key)
    }
}

/// A handle of a pass: the same for the same type and serial number.
#[must_use]
pub fn key_of(pass_type: &str, serial: &str) -> String {
    let digest = openssl::sha::sha256(format!("{pass_type}\n{serial}").as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Saved {
    device_id: String,
    push_token: String,
    counter: u64,
    passes: Vec<SavedPass>,
    tags: Vec<(String, String, String)>,
    notices: VecDeque<Notice>,
}

#[derive(Serialize, Deserialize)]
struct SavedPass {
    package: String,
    last_modified: Option<String>,
    automatic: bool,
    added_at: Timestamp,
    updated_at: Timestamp,
}

impl PhoneState {
    /// The file's text.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Saved {
            device_id: self.device_id.clone(),
            push_token: self.push_token.clone(),
            counter: self.counter,
            passes: self.passes.iter().map(SavedPass::from).collect(),
            tags: self.tags.iter().map(|((url, pass_type), tag)| (url.clone(), pass_type.clone(), tag.clone())).collect(),
            notices: self.notices.clone(),
        })
    }

    /// Reads a file's text. Passes that would not be accepted today are left behind.
    pub(super) fn from_json(text: &[u8], verify: &Verify) -> serde_json::Result<Self> {
        let saved: Saved = serde_json::from_slice(text)?;
        let passes = saved.passes.into_iter().filter_map(|pass| pass.restore(verify)).take(MAX_PASSES).collect();
        Ok(Self {
            device_id: saved.device_id,
            push_token: saved.push_token,
            passes,
            tags: saved.tags.into_iter().map(|(url, pass_type, tag)| ((url, pass_type), tag)).collect(),
            notices: saved.notices,
            steps: VecDeque::new(),
            counter: saved.counter,
        })
    }
}

impl From<&InstalledPass> for SavedPass {
    fn from(pass: &InstalledPass) -> Self {
        Self {
            package: STANDARD.encode(&pass.bytes),
            last_modified: pass.last_modified.clone(),
            automatic: pass.automatic,
            added_at: pass.added_at,
            updated_at: pass.updated_at,
        }
    }
}

impl SavedPass {
    fn restore(self, verify: &Verify) -> Option<InstalledPass> {
        let bytes = STANDARD.decode(&self.package).ok()?;
        let opened = match verify(&bytes) {
            Ok(opened) => opened,
            Err(reasons) => {
                tracing::warn!(reasons = reasons.join("; "), "the sandbox phone leaves a pass behind that it no longer accepts");
                return None;
            }
        };
        let (pass_type, serial) = opened.identity()?;
        Some(InstalledPass {
            key: key_of(&pass_type, &serial),
            pass_type,
            serial,
            bytes: bytes.into(),
            opened: Arc::new(opened),
            last_modified: self.last_modified,
            automatic: self.automatic,
            added_at: self.added_at,
            updated_at: self.updated_at,
        })
    }
}

/// Writes the file whole or not at all, readable by its owner only: it holds the phone's secrets.
pub(super) async fn save(path: &Path, text: Vec<u8>) -> io::Result<()> {
    use tokio::io::AsyncWriteExt as _;
    let draft = path.with_extension("draft");
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&draft).await?;
    file.write_all(&text).await?;
    file.sync_all().await?;
    tokio::fs::rename(&draft, path).await
}
