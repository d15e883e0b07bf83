//! Recomputes an organisation's hash chain from its rows, and compares what each row says it posted with the entries that are there.

use serde_json::Value;

use crate::db::{Db, DbError, JournalRecord};
use crate::ids::{OpId, OrgId};
use crate::ledger::{chain, entry_json};

/// Rows that are read at once.
const PAGE: usize = 500;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Rows whose place, hash and entries are right.
    pub rows: i64,
    /// The hash of the last of them: whoever wrote it down earlier can compare.
    pub head: [u8; 32],
    /// The first row that is not right.
    pub bad: Option<BadRow>,
    /// Committed rows of all organisations that the sequencer has not numbered yet: nothing vouches for them.
    pub unsealed: usize,
}

/// A row that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The number at which the chain breaks.
    pub number: i64,
    /// The operation that the row there names.
    pub op: OpId,
    /// What is wrong, in a sentence.
    pub what: String,
}

/// Checks a whole chain; stops at the first row that is not right.
///
/// # Errors
/// The database does not answer.
pub async fn verify(db: &dyn Db, org: OrgId) -> Result<Verified, DbError> {
    // Read first: rows that are numbered meanwhile are then checked, not reported.
    let unsealed = db.unsealed().await?;
    let mut verified = Verified { rows: 0, head: chain::GENESIS, bad: None, unsealed };
    loop {
        let page = db.journal(org, verified.rows, PAGE).await?;
        let last_page = page.len() < PAGE;
        for record in page {
            if let Some(what) = find_fault(db, org, &verified, &record).await? {
                verified.bad = Some(BadRow { number: verified.rows + 1, op: record.row.op, what });
                return Ok(verified);
            }
            verified.rows = record.number;
            verified.head = record.hash;
        }
        if last_page {
            return Ok(verified);
        }
    }
}

/// What is wrong with the row that follows what was verified, if anything is.
async fn find_fault(db: &dyn Db, org: OrgId, so_far: &Verified, record: &JournalRecord) -> Result<Option<String>, DbError> {
    let expected = so_far.rows + 1;
    if record.number != expected {
        return Ok(Some(format!("row {expected} is missing: row {} follows", record.number)));
    }
    if record.row.org != org {
        return Ok(Some("it belongs to another organisation".to_owned()));
    }
    if record.previous != so_far.head {
        return Ok(Some("it does not follow the row before it: a row was changed, inserted or taken out".to_owned()));
    }
    if record.hash != chain::link(&record.previous, record.number, &record.row) {
        return Ok(Some("its contents are not those that were hashed".to_owned()));
    }
    let Ok(body) = serde_json::from_str::<Value>(&record.row.body) else {
        return Ok(Some("its body is not JSON".to_owned()));
    };
    let mut entries = db.entries(org, record.row.op).await?;
    entries.sort_by_key(|entry| entry.place);
    let there: Vec<Value> = entries.iter().map(entry_json).collect();
    let written = body["entries"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(difference(written, &there))
}

fn difference(written: &[Value], there: &[Value]) -> Option<String> {
    if written == there {
        return None;
    }
    let place = (0..written.len().max(there.len())).find(|place| written.get(*place) != there.get(*place)).unwrap_or(0);
    Some(match (written.get(place), there.get(place)) {
        (Some(_), None) => format!("entry {place} of its operation is missing from the ledger"),
        (None, _) => format!("the ledger has an entry {place} of its operation that the journal does not know"),
        (Some(written), Some(there)) => format!("entry {place} of its operation was {written} and is {there}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_the_entry() {
        let (a, b) = (json!({"place": 0, "amount": 5}), json!({"place": 0, "amount": 6}));
        assert_eq!(difference(&[], &[]), None);
        assert_eq!(difference(std::slice::from_ref(&a), std::slice::from_ref(&a)), None);
        assert!(difference(std::slice::from_ref(&a), &[]).is_some_and(|what| what.contains("missing")));
        assert!(difference(&[], std::slice::from_ref(&a)).is_some_and(|what| what.contains("does not know")));
        assert!(difference(&[a], &[b]).is_some_and(|what| what.contains("5") && what.contains("6")));
    }
}
