//! Configuration documents: the next version, if the client saw the last one.

use std::sync::Arc;

use super::work::Work;
use crate::error::{Code, Problem};
use crate::ledger::{Document, DocumentSaved, Outcome, PutDocument};

pub(super) fn put(work: &mut Work<'_>, put: &PutDocument) -> Result<Outcome, Problem> {
    let version = work.set.documents.get(&put.key).map_or(0, |document| document.version);
    if version != put.expected_version {
        let detail = format!("The document is at version {version}, not {}.", put.expected_version);
        return Err(Problem::new(Code::VersionConflict, detail).with("version", version));
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, put.body.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let document = Document {
        key: put.key,
        version: version + 1,
        body: Arc::clone(&put.body),
        at: work.context.now,
        actor: work.command.op.principal,
    };
    work.set.documents.put(put.key, document);
    work.fact("document", put.key.kind.as_str());
    work.fact("id", crate::ids::encode(&put.key.id));
    work.fact("version", version + 1);
    work.fact("sha256", digest);
    Ok(DocumentSaved { op: work.command.op.id, version: version + 1, at: work.context.now }.into())
}
