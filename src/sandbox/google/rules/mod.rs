//! What Google says of resources in prose only: one-ofs, ids, colours, addresses, dates, barcodes. Nothing here knows other resources.

mod barcode;
mod moment;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::moment::Offset;
use super::refusal::Refusal;
use super::schema::schema;

/// Members of a message.
type Members = Map<String, Value>;

/// Messages that a resource may hold.
pub(super) const MAX_MESSAGES: usize = 10;

/// Places that a resource may name; "the 11th is rejected".
const MAX_PLACES: usize = 10;

/// Value-added modules of a class or an object.
const MAX_MODULES: usize = 15;

/// Rows of a card's template.
const MAX_ROWS: usize = 3;

/// Schemes that a link may have.
const SCHEMES: [&str; 5] = ["https:", "http:", "tel:", "mailto:", "geo:"];

/// What is wrong, without the place where it is.
type Verdict = Result<(), String>;

/// Checks a whole resource (after merging) against the rules on each message in it.
///
/// # Errors
/// The first rule that is broken, in the words of a 400.
pub(super) fn check(name: &str, resource: &Value) -> Result<(), Refusal> {
    schema().walk((name, ""), resource, &mut |message, place, members| {
        message_rule(message, members).map_err(|wrong| {
            let at = if place.is_empty() { message } else { place };
            Refusal::invalid(format!("Invalid value at '{at}': {wrong}"))
        })
    })
}

fn message_rule(message: &str, members: &Members) -> Verdict {
    match message {
        "LoyaltyClass" | "OfferClass" | "GiftCardClass" | "GenericClass" => resource(members).and_then(|()| class(members)),
        "LoyaltyObject" | "OfferObject" | "GiftCardObject" | "GenericObject" => resource(members).and_then(|()| object(members)),
        "LoyaltyPoints" => needs(members, &["balance"]),
        "LoyaltyPointsBalance" => one_of(members, &["string", "int", "double", "money"]),
        "Image" => one_of(members, &["sourceUri", "privateImageId"]),
        "ImageUri" => absolute(members, "uri"),
        "Uri" | "CallbackOptions" => link(message, members),
        "LocalizedString" => localized(members),
        "TranslatedString" => needs(members, &["language", "value"]).and_then(|()| language(members)),
        "DateTime" => moment::date(members, Offset::May).map(|_| ()),
        "TimeInterval" => moment::interval(members),
        "Money" => money(members),
        "Barcode" => barcode::fixed(members),
        "RotatingBarcode" => barcode::rotating(members),
        "RotatingBarcodeTotpDetails" => barcode::totp(members),
        "RotatingBarcodeTotpDetailsTotpParameters" => barcode::parameter(members),
        "CardRowTemplateInfo" => one_of(members, &["oneItem", "twoItems", "threeItems"]),
        "CardTemplateOverride" => at_most(members, "cardRowTemplateInfos", MAX_ROWS),
        "TemplateItem" => one_of(members, &["firstValue", "predefinedItem"]),
        "FieldSelector" => filled(members, "fields"),
        "FieldReference" => field_path(members),
        "TextModuleData" => module_id(members),
        "ImageModuleData" => needs(members, &["mainImage"]).and_then(|()| module_id(members)),
        "ValueAddedModuleData" => needs(members, &["header", "uri"]).and_then(|()| absolute(members, "uri")),
        "MerchantLocation" => place_on_earth(members),
        "SaveRestrictions" => sha256(members),
        "Message" => any_of(members, &["body", "localizedBody"]),
        "AppLinkDataAppLinkInfoAppTarget" => one_of(members, &["packageName", "targetUri"]),
        _ => Ok(()),
    }
}

/// What holds for every class and every object.
fn resource(members: &Members) -> Verdict {
    at_most(members, "messages", MAX_MESSAGES)?;
    at_most(members, "merchantLocations", MAX_PLACES)?;
    at_most(members, "valueAddedModuleData", MAX_MODULES)?;
    for modules in ["textModulesData", "imageModulesData"] {
        distinct_ids(members, modules)?;
    }
    let colour = members.get("hexBackgroundColor").and_then(Value::as_str);
    let digits = colour.map(|colour| colour.strip_prefix('#').unwrap_or_default());
    match digits {
        Some(digits) if !matches!(digits.len(), 3 | 6) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err("hexBackgroundColor is neither #rrggbb nor #rgb".to_owned())
        }
        _ => Ok(()),
    }
}

fn class(members: &Members) -> Verdict {
    for name in ["issuerName", "programName", "provider", "title"] {
        filled_text(members, name)?;
    }
    let country = members.get("countryCode").and_then(Value::as_str);
    if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return Err("countryCode is not of ISO 3166-1 alpha-2".to_owned());
    }
    let no_issuers = members.get("redemptionIssuers").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if members.get("enableSmartTap") == Some(&Value::Bool(true)) && no_issuers {
        return Err("enableSmartTap needs redemptionIssuers".to_owned());
    }
    no_unspecified(members, &["redemptionChannel", "multipleDevicesAndHoldersAllowedStatus"])
}

fn object(members: &Members) -> Verdict {
    no_unspecified(members, &["state"])?;
    filled_text(members, "cardNumber")?;
    if let Some(when) = members.get("balanceUpdateTime").and_then(Value::as_object) {
        moment::date(when, Offset::Must)?;
    }
    let tap = members.get("smartTapRedemptionValue").and_then(Value::as_str);
    if tap.is_some_and(|value| !value.is_ascii()) {
        return Err("smartTapRedemptionValue is not ASCII".to_owned());
    }
    Ok(())
}

fn set<'m>(members: &Members, names: &[&'m str]) -> Vec<&'m str> {
    names.iter().copied().filter(|name| members.contains_key(*name)).collect()
}

fn one_of(members: &Members, names: &[&str]) -> Verdict {
    let set = set(members, names);
    if set.len() == 1 { Ok(()) } else { Err(format!("exactly one of {} must be set, not {}", names.join(", "), set.len())) }
}

fn any_of(members: &Members, names: &[&str]) -> Verdict {
    if set(members, names).is_empty() { Err(format!("one of {} must be set", names.join(", "))) } else { Ok(()) }
}

fn needs(members: &Members, names: &[&str]) -> Verdict {
    names.iter().find(|name| !members.contains_key(**name)).map_or(Ok(()), |name| Err(format!("{name} must be set")))
}

fn at_most(members: &Members, list: &str, most: usize) -> Verdict {
    let count = members.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    if count > most { Err(format!("{list} may have {most} entries at most, not {count}")) } else { Ok(()) }
}

fn filled(members: &Members, list: &str) -> Verdict {
    let there = members.get(list).and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    if there { Ok(()) } else { Err(format!("{list} must not be empty")) }
}

fn filled_text(members: &Members, name: &str) -> Verdict {
    let empty = members.get(name).and_then(Value::as_str).is_some_and(|text| text.trim().is_empty());
    if empty { Err(format!("{name} must not be empty")) } else { Ok(()) }
}

fn no_unspecified(members: &Members, names: &[&str]) -> Verdict {
    let unspecified =
        |name: &&&str| members.get(**name).and_then(Value::as_str).is_some_and(|value| value.ends_with("_UNSPECIFIED"));
    names.iter().find(unspecified).map_or(Ok(()), |name| Err(format!("{name} must be specified")))
}

/// An address that Google can fetch.
fn absolute(members: &Members, name: &str) -> Verdict {
    let address = members.get(name).and_then(Value::as_str).and_then(|text| reqwest::Url::parse(text).ok());
    let fetchable = address.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if fetchable { Ok(()) } else { Err(format!("{name} is no absolute address")) }
}

fn link(message: &str, members: &Members) -> Verdict {
    if message == "CallbackOptions" {
        return members.get("url").map_or(Ok(()), |_| callback(members));
    }
    let uri = members.get("uri").and_then(Value::as_str).unwrap_or_default();
    let known = SCHEMES.iter().any(|scheme| uri.len() > scheme.len() && uri.starts_with(scheme));
    if known { Ok(()) } else { Err("uri must be a link to the web, a telephone, an address for mail or a place".to_owned()) }
}

/// HTTPS, as Google wants it; this machine is the one place that a stand-in may reach without.
fn callback(members: &Members) -> Verdict {
    absolute(members, "url")?;
    let url = members.get("url").and_then(Value::as_str).and_then(|text| reqwest::Url::parse(text).ok());
    let here = |url: &reqwest::Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let right = url.is_some_and(|url| url.scheme() == "https" || here(&url));
    if right { Ok(()) } else { Err("a callback's address must be of HTTPS".to_owned()) }
}

fn localized(members: &Members) -> Verdict {
    needs(members, &["defaultValue"])?;
    let translated = members.get("translatedValues").and_then(Value::as_array);
    let languages: Vec<&str> = translated.into_iter().flatten().filter_map(|text| text["language"].as_str()).collect();
    let distinct: BTreeSet<&&str> = languages.iter().collect();
    if distinct.len() == languages.len() { Ok(()) } else { Err("a language stands twice in translatedValues".to_owned()) }
}

/// BCP 47, near enough: subtags of letters and digits, the first of letters.
fn language(members: &Members) -> Verdict {
    let tag = members.get("language").and_then(Value::as_str).unwrap_or_default();
    let first = tag.split('-').next().unwrap_or_default();
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let right =
        (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic()) && tag.split('-').all(subtag);
    if right { Ok(()) } else { Err(format!("'{tag}' is no language of BCP 47")) }
}

fn money(members: &Members) -> Verdict {
    needs(members, &["micros", "currencyCode"])?;
    let code = members.get("currencyCode").and_then(Value::as_str).unwrap_or_default();
    let right = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if right { Ok(()) } else { Err(format!("'{code}' is no currency of ISO 4217")) }
}

fn field_path(members: &Members) -> Verdict {
    let path = members.get("fieldPath").and_then(Value::as_str).unwrap_or_default();
    let rest = path.strip_prefix("object.").or_else(|| path.strip_prefix("class.")).unwrap_or_default();
    if rest.is_empty() { Err(format!("'{path}' is no path of a field of the class or the object")) } else { Ok(()) }
}

/// Dots divide the parts of a path: a module that a template may name must have none.
fn module_id(members: &Members) -> Verdict {
    let id = members.get("id").and_then(Value::as_str);
    let right = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if id.is_none_or(right) { Ok(()) } else { Err("id may have letters, digits, hyphens and underscores only".to_owned()) }
}

fn distinct_ids(members: &Members, list: &str) -> Verdict {
    let ids: Vec<&str> =
        members.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(|it| it["id"].as_str()).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() == ids.len() { Ok(()) } else { Err(format!("an id stands twice in {list}")) }
}

fn place_on_earth(members: &Members) -> Verdict {
    let degrees = |name: &str, most: f64| members.get(name).and_then(Value::as_f64).is_some_and(|value| value.abs() <= most);
    if degrees("latitude", 90.0) && degrees("longitude", 180.0) { Ok(()) } else { Err("this is no place on earth".to_owned()) }
}

fn sha256(members: &Members) -> Verdict {
    let hash = members.get("restrictToEmailSha256").and_then(Value::as_str);
    let right = |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hash.is_none_or(right) { Ok(()) } else { Err("restrictToEmailSha256 is not SHA-256 in hexadecimal".to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(field: &str, value: &Value) -> Result<(), Refusal> {
        let mut card = json!({"id": "1.a", "classId": "1.c", "state": "ACTIVE"});
        card[field] = value.clone();
        check("LoyaltyObject", &card)
    }

    #[test]
    fn exactly_one_kind_of_balance_is_set() {
        assert_eq!(card("loyaltyPoints", &json!({"balance": {"int": 1}})), Ok(()));
        for wrong in [json!({"balance": {}}), json!({"balance": {"int": 1, "string": "1"}}), json!({"label": "Points"})] {
            assert!(card("loyaltyPoints", &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn texts_addresses_and_places_are_what_they_say() {
        let image = |uri: &str| json!({"sourceUri": {"uri": uri}});
        let words =
            |language: &str| json!([{"id": "a", "localizedBody": {"defaultValue": {"language": language, "value": "x"}}}]);
        let right = [
            ("heroImage", image("https://example.com/a.png")),
            ("textModulesData", words("ar")),
            ("textModulesData", words("en-US")),
            ("merchantLocations", json!([{"latitude": 29.3, "longitude": 48.0}])),
            ("linksModuleData", json!({"uris": [{"uri": "tel:+96512345"}]})),
            ("validTimeInterval", json!({"end": {"date": "2026-12-31T23:59:59+03:00"}})),
        ];
        for (field, value) in right {
            assert_eq!(card(field, &value), Ok(()), "{value}");
        }
        let wrong = [
            ("heroImage", image("/a.png")),
            ("heroImage", json!({"sourceUri": {"uri": "https://example.com/a.png"}, "privateImageId": "x"})),
            ("heroImage", json!({})),
            ("textModulesData", words("en_US")),
            ("textModulesData", json!([{"id": "a.b"}])),
            ("textModulesData", json!([{"id": "a"}, {"id": "a"}])),
            ("merchantLocations", json!([{"latitude": 91.0, "longitude": 48.0}])),
            ("merchantLocations", json!(vec![json!({"latitude": 1.0, "longitude": 1.0}); 11])),
            ("messages", json!(vec![json!({"body": "x"}); 11])),
            ("linksModuleData", json!({"uris": [{"uri": "javascript:alert(1)"}]})),
            ("validTimeInterval", json!({"start": {"date": "2026-01-01T00:00:00Z"}, "end": {"date": "2026-12-31T23:59:59"}})),
            ("validTimeInterval", json!({"end": {"date": "31.12.2026"}})),
            ("state", json!("STATE_UNSPECIFIED")),
            ("saveRestrictions", json!({"restrictToEmailSha256": "somebody@example.com"})),
            ("appLinkData", json!({"webAppLinkInfo": {"appTarget": {}}})),
        ];
        for (field, value) in wrong {
            assert!(card(field, &value).is_err(), "{field}: {value}");
        }
    }

    #[test]
    fn a_class_has_names_colours_and_rows_that_can_be_drawn() {
        let class = |field: &str, value: Value| check("LoyaltyClass", &json!({"issuerName": "A", field: value}));
        let row = |item: Value| json!({"cardTemplateOverride": {"cardRowTemplateInfos": [{"oneItem": {"item": item}}]}});
        let path = |path: &str| row(json!({"firstValue": {"fields": [{"fieldPath": path}]}}));
        assert_eq!(class("hexBackgroundColor", json!("#2b1A12")), Ok(()));
        assert_eq!(class("classTemplateInfo", path("object.accountName")), Ok(()));
        let both = json!({"cardTemplateOverride": {"cardRowTemplateInfos": [{"oneItem": {}, "twoItems": {}}]}});
        let rows = json!({"cardTemplateOverride": {"cardRowTemplateInfos": vec![path("object.id"); 4]}});
        let wrong = [
            ("hexBackgroundColor", json!("2b1a12")),
            ("hexBackgroundColor", json!("#2b1a")),
            ("programName", json!(" ")),
            ("countryCode", json!("Kuwait")),
            ("enableSmartTap", json!(true)),
            ("classTemplateInfo", path("accountName")),
            ("classTemplateInfo", row(json!({}))),
            ("classTemplateInfo", both),
            ("classTemplateInfo", rows),
        ];
        for (field, value) in wrong {
            assert!(class(field, value.clone()).is_err(), "{field}: {value}");
        }
    }
}
