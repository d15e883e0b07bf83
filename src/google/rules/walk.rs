//! What holds wherever it stands: pictures, texts in several languages, addresses, intervals.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use super::Findings;

/// The members that hold a picture.
const IMAGES: &[&str] =
    &["heroImage", "programLogo", "wideProgramLogo", "titleImage", "wideTitleImage", "logo", "wideLogo", "mainImage", "image"];

/// The schemes that a link may have.
const SCHEMES: &[&str] = &["https://", "http://", "tel:", "mailto:", "geo:"];

/// The entries of a list with their places; nothing for anything else.
pub(super) fn entries(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

pub(super) fn check(body: &Value, findings: &mut Findings) {
    value("", body, findings);
}

fn value(at: &str, value_here: &Value, findings: &mut Findings) {
    match value_here {
        Value::Array(_) => {
            for (place, entry) in entries(value_here) {
                value(&format!("{at}[{place}]"), entry, findings);
            }
        }
        Value::Object(members) => {
            for (name, inside) in members.iter().filter(|(_, inside)| !inside.is_null()) {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                member(&at, name, inside, findings);
                value(&at, inside, findings);
            }
        }
        _ => {}
    }
}

fn member(at: &str, name: &str, inside: &Value, findings: &mut Findings) {
    if IMAGES.contains(&name) {
        image(at, inside, findings);
    } else if !inside["defaultValue"].is_null() || name.starts_with("localized") {
        localized(at, inside, findings);
    } else if name == "validTimeInterval" || name == "displayInterval" {
        interval(at, inside, findings);
    } else if name == "homepageUri" || name == "helpUri" || name == "targetUri" {
        link(at, inside, findings);
    } else if name == "uris" {
        for (place, uri) in entries(inside) {
            link(&format!("{at}[{place}]"), uri, findings);
        }
    } else if name == "merchantLocations" {
        for (place, location) in entries(inside) {
            let within = |axis: &str, most: f64| location[axis].as_f64().is_some_and(|degrees| degrees.abs() <= most);
            if !within("latitude", 90.0) || !within("longitude", 180.0) {
                findings.refused(format!("{at}[{place}]"), "is no place on Earth");
            }
        }
    }
}

fn image(at: &str, image: &Value, findings: &mut Findings) {
    match (&image["sourceUri"], &image["privateImageId"]) {
        (Value::Null, Value::Null) => findings.refused(at, "has neither sourceUri nor privateImageId"),
        (Value::Null, _) => {}
        (source, Value::Null) => {
            let uri = source["uri"].as_str().unwrap_or_default();
            if !is_web(uri) {
                findings.refused(format!("{at}.sourceUri.uri"), "is not an absolute http or https address");
            }
        }
        _ => findings.refused(at, "has both sourceUri and privateImageId"),
    }
}

fn is_web(uri: &str) -> bool {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !uri.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn link(at: &str, link: &Value, findings: &mut Findings) {
    let uri = link["uri"].as_str().unwrap_or_default();
    let plain = !uri.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    if !plain || !SCHEMES.iter().any(|scheme| uri.starts_with(scheme)) {
        findings.refused(format!("{at}.uri"), "is not an http, https, tel, mailto or geo address");
    }
}

fn localized(at: &str, text: &Value, findings: &mut Findings) {
    let mut languages = HashSet::new();
    let texts = std::iter::once(&text["defaultValue"]).chain(text["translatedValues"].as_array().into_iter().flatten());
    for text in texts {
        let (language, value) = (text["language"].as_str().unwrap_or_default(), text["value"].as_str());
        let plain = !language.is_empty() && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain {
            findings.refused(at, "has a text without a BCP 47 language");
        } else if !languages.insert(language.to_ascii_lowercase()) {
            findings.refused(at, format!("has two texts in {language}"));
        }
        if value.is_none_or(str::is_empty) {
            findings.refused(at, format!("has no text in {language}"));
        }
    }
}

fn interval(at: &str, interval: &Value, findings: &mut Findings) {
    let side = |name: &str| interval[name]["date"].as_str();
    let mut offsets = Vec::new();
    for name in ["start", "end"] {
        let Some(date) = side(name) else { continue };
        let absolute = DateTime::parse_from_rfc3339(date).is_ok();
        if !absolute && NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H:%M:%S%.f").is_err() {
            findings.refused(format!("{at}.{name}"), "is not an ISO 8601 time");
        }
        offsets.push(absolute);
    }
    if offsets.first() != offsets.last() {
        findings.refused(at, "has an offset on one side only");
    }
    if let (Some(start), Some(end)) = (side("start"), side("end"))
        && let (Ok(start), Ok(end)) = (DateTime::parse_from_rfc3339(start), DateTime::parse_from_rfc3339(end))
        && end <= start
    {
        findings.refused(at, "ends before it begins");
    }
}
