//! Programme documents as a node last saw them, for what needs them outside a decision: scans, pace rules, pages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cards::Core;
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{OrgId, ProgrammeId};
use crate::ledger::{DocumentKey, DocumentKind};
use crate::programme::Programme;

/// How long a copy serves: a change shows everywhere within a second.
const FRESH_MS: i64 = 1_000;

/// How many programmes are remembered; beyond it the memory starts anew.
const MOST: usize = 1_000;

type Kept = (Timestamp, Arc<Programme>);

/// Parsed programme documents.
#[derive(Default)]
pub struct ProgrammeCache(Mutex<HashMap<DocumentKey, Kept>>);

impl ProgrammeCache {
    /// Forgets every copy: a document was written on this node.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Core {
    /// A programme as it was at most a second ago.
    ///
    /// # Errors
    /// `not_found`, or the database is out of reach.
    pub async fn programme(&self, org: OrgId, id: ProgrammeId) -> Result<Arc<Programme>, Problem> {
        let key = DocumentKey::programme(org, id);
        let now = self.clock.now();
        let kept = self.programmes.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((at, programme)) = kept
            && (0..FRESH_MS).contains(&now.since(at))
        {
            return Ok(programme);
        }
        let document = self.db.document(key).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
        let programme = Arc::new(Programme::parse(&document.body).map_err(|_| Problem::from(Code::Internal))?);
        let mut cache = self.programmes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MOST {
            cache.clear();
        }
        cache.insert(key, (now, Arc::clone(&programme)));
        Ok(programme)
    }

    /// The programme that is meant: the one that was named, or the only one there is.
    ///
    /// # Errors
    /// `validation_failed` on `programme` when there are several and none was named.
    pub async fn meant_programme(&self, org: OrgId, named: Option<ProgrammeId>) -> Result<ProgrammeId, Problem> {
        if let Some(id) = named {
            return Ok(id);
        }
        let documents = self.db.documents(org, DocumentKind::Programme).await?;
        match documents.as_slice() {
            [only] => Ok(ProgrammeId(only.key.id)),
            _ => Err(Problem::field("programme", "There are several programmes: name one.")),
        }
    }
}
