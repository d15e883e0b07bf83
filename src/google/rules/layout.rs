//! The rows of a card's front, and what they refer to.

use serde_json::Value;

use super::walk::entries;
use super::{Findings, ids};
use crate::google::resource::ResourceKind;

/// The most rows of a front.
const MAX_ROWS: usize = 3;

/// The items of each kind of row.
const ROWS: &[(&str, &[&str])] =
    &[("oneItem", &["item"]), ("twoItems", &["startItem", "endItem"]), ("threeItems", &["startItem", "middleItem", "endItem"])];

pub(super) fn check(kind: ResourceKind, body: &Value, findings: &mut Findings) {
    if kind.is_object() {
        return;
    }
    let at = "classTemplateInfo.cardTemplateOverride.cardRowTemplateInfos";
    let rows = rows(body);
    if entries(rows).count() > MAX_ROWS {
        findings.refused(at, format!("has more than {MAX_ROWS} rows"));
    }
    for (place, row) in entries(rows) {
        let at = format!("{at}[{place}]");
        let kinds: Vec<_> = ROWS.iter().filter(|(name, _)| !row[*name].is_null()).collect();
        let [(name, items)] = kinds.as_slice() else {
            findings.refused(at, "is not exactly one of oneItem, twoItems, threeItems");
            continue;
        };
        for item in items.iter() {
            if row[*name][*item]["firstValue"].is_null() {
                findings.refused(format!("{at}.{name}.{item}"), "is missing");
            }
        }
    }
    let mut paths = Vec::new();
    gather(&body["classTemplateInfo"], &mut paths);
    for path in paths {
        if !path.starts_with("object.") && !path.starts_with("class.") {
            findings.refused(at, format!("{path} begins with neither object. nor class."));
        }
        match module(path) {
            Some((_, id)) if !ids::is_module_id(id) => findings.refused(at, format!("{path} names no possible module")),
            Some(("class", id)) if !has_module(body, id) => {
                findings.refused(at, format!("{path} is not on the class: a blank would be shown"));
            }
            _ => {}
        }
    }
}

/// Paths of the layout that lead to nothing on an object.
pub(super) fn blanks(class: &Value, object: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    gather(&class["classTemplateInfo"], &mut paths);
    let missing = |path: &&str| match module(path) {
        Some(("object", id)) => !has_module(object, id),
        Some(_) => false,
        None => path
            .strip_prefix("object.")
            .is_some_and(|path| path.split('.').try_fold(object, |value, name| value.get(name)).is_none_or(Value::is_null)),
    };
    paths.into_iter().filter(missing).map(str::to_owned).collect()
}

fn rows(body: &Value) -> &Value {
    &body["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"]
}

fn gather<'a>(value: &'a Value, paths: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(path) if name == "fieldPath" => paths.push(path),
                    _ => gather(value, paths),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, paths)),
        _ => {}
    }
}

/// The side and the id of a path to a text module.
fn module(path: &str) -> Option<(&str, &str)> {
    let (side, rest) = path.split_once('.')?;
    let id = rest.strip_prefix("textModulesData['")?.strip_suffix("']")?;
    Some((side, id))
}

fn has_module(body: &Value, id: &str) -> bool {
    entries(&body["textModulesData"]).any(|(_, module)| module["id"] == id)
}
