//! What Google refuses or cuts off and its schema does not say: one-ofs, ids, lengths, counts, colours, references.
//!
//! It looks at the JSON that is about to be sent, so that what a template passes through is checked, too. `null` counts as
//! absent: a PATCH clears with it.

mod codes;
mod ids;
mod layout;
mod lengths;
mod walk;

use serde_json::Value;

use crate::google::resource::ResourceKind;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Google would refuse the request, or drop or blank what it is about.
    Refused,
    /// Google would show it cut off on a small phone.
    Shortened,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// Where, such as `textModulesData[2].id`.
    pub at: String,
    /// What is wrong.
    pub what: String,
}

/// Findings that are being gathered.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn refused(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Refused, at: at.into(), what: what.into() });
    }

    fn shortened(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Shortened, at: at.into(), what: what.into() });
    }
}

/// The most entries of a list that Google takes.
const MOST: &[(&str, usize)] =
    &[("messages", 10), ("merchantLocations", 10), ("linkedObjectIds", 50), ("valueAddedModuleData", 15)];

/// The most entries of a list that Google shows.
const SHOWN: &[(&str, usize)] = &[("textModulesData", 10), ("imageModulesData", 1)];

/// Members that are deprecated, or that only Google sets.
const NEVER_WRITTEN: &[&str] = &[
    "kind",
    "version",
    "allowMultipleUsersPerObject",
    "infoModuleData",
    "locations",
    "wordMark",
    "review",
    "classReference",
    "hasUsers",
    "hasLinkedDevice",
];

/// Everything that Google would refuse or cut off in a body, as it is inserted or patched.
#[must_use]
pub fn check(kind: ResourceKind, body: &Value) -> Vec<Finding> {
    let mut findings = Findings::default();
    if !body.is_object() {
        findings.refused("", "is not an object");
        return findings.0;
    }
    for name in NEVER_WRITTEN.iter().filter(|name| !body[**name].is_null()) {
        findings.refused(*name, "is deprecated, or set by Google only");
    }
    counts(body, &mut findings);
    review(body, &mut findings);
    callback(body, &mut findings);
    ids::check(kind, body, &mut findings);
    codes::check(body, &mut findings);
    layout::check(kind, body, &mut findings);
    lengths::check(kind, body, &mut findings);
    walk::check(body, &mut findings);
    findings.0
}

/// What a class's layout shows of an object that the object does not have: Google leaves a blank there. Members that come and go
/// are named by the caller.
#[must_use]
pub fn blanks(class: &Value, object: &Value) -> Vec<String> {
    layout::blanks(class, object)
}

fn counts(body: &Value, findings: &mut Findings) {
    let length = |name: &str| body[name].as_array().map_or(0, Vec::len);
    for (name, most) in MOST.iter().filter(|(name, most)| length(name) > *most) {
        findings.refused(*name, format!("has {} entries; Google takes {most}", length(name)));
    }
    for (name, most) in SHOWN.iter().filter(|(name, most)| length(name) > *most) {
        findings.refused(*name, format!("has {} entries; Google shows {most} and drops the rest", length(name)));
    }
}

fn review(body: &Value, findings: &mut Findings) {
    let status = &body["reviewStatus"];
    if !status.is_null() && !["DRAFT", "UNDER_REVIEW"].iter().any(|allowed| status == allowed) {
        findings.refused("reviewStatus", format!("{status} can't be written, only DRAFT and UNDER_REVIEW"));
    }
}

fn callback(body: &Value, findings: &mut Findings) {
    if let Some(url) = body["callbackOptions"]["url"].as_str() {
        // A stand-in on this machine is the only one that can call without TLS.
        let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start));
        if !url.starts_with("https://") && !local {
            findings.refused("callbackOptions.url", "is not https");
        }
    }
}

#[cfg(test)]
mod tests;
