//! Ids of classes, objects and modules.

use std::collections::HashSet;

use serde_json::Value;

use super::Findings;
use crate::google::resource::{ResourceId, ResourceKind};

pub(super) fn check(kind: ResourceKind, body: &Value, findings: &mut Findings) {
    let id = read(body, "id", findings);
    let class = read(body, "classId", findings);
    if let (Some(id), Some(class)) = (&id, &class)
        && id.issuer() != class.issuer()
    {
        findings.refused("classId", "belongs to another issuer than the object");
    }
    if kind.is_object() {
        linked(body, id.as_ref(), findings);
    }
    for list in ["textModulesData", "imageModulesData", "messages"] {
        let mut known = HashSet::new();
        for (place, entry) in super::walk::entries(&body[list]) {
            let at = format!("{list}[{place}].id");
            match entry["id"].as_str() {
                Some(id) if !known.insert(id) => findings.refused(at, format!("\"{id}\" is used twice")),
                Some(id) if list == "textModulesData" && !is_module_id(id) => {
                    findings.refused(at, format!("\"{id}\" is not made of letters, digits, _ and - alone"));
                }
                _ => {}
            }
        }
    }
}

/// Whether a layout can name a module by this id: a dot would cut the path.
pub(super) fn is_module_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn linked(body: &Value, own: Option<&ResourceId>, findings: &mut Findings) {
    let mut known = HashSet::new();
    for (place, entry) in super::walk::entries(&body["linkedObjectIds"]) {
        let at = format!("linkedObjectIds[{place}]");
        let Some(id) = entry.as_str().and_then(|id| id.parse::<ResourceId>().ok()) else {
            findings.refused(at, "is not an object's id");
            continue;
        };
        if let Some(own) = own {
            if id == *own {
                findings.refused(&at, "links the object to itself");
            } else if id.issuer() != own.issuer() {
                findings.refused(&at, "belongs to another issuer");
            }
        }
        if !known.insert(id) {
            findings.refused(at, "is named twice");
        }
    }
}

fn read(body: &Value, name: &str, findings: &mut Findings) -> Option<ResourceId> {
    let text = body[name].as_str()?;
    let id = text.parse().ok();
    if id.is_none() {
        findings.refused(name, "is not an issuer's number, a dot and letters, digits, dots, hyphens or underscores");
    }
    id
}
