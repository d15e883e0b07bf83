//! What a phone tells its owner after a pass changed: nothing, one field's message, or a general sentence.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::locale::{self, Language};

/// The kinds of pass, each with its general sentence in both languages.
const STYLES: &[(&str, &str, &str)] = &[
    ("storeCard", "Store card changed", "تغيّرت بطاقة المتجر"),
    ("coupon", "Coupon changed", "تغيّرت القسيمة"),
    ("eventTicket", "Event ticket changed", "تغيّرت التذكرة"),
    ("boardingPass", "Boarding pass changed", "تغيّرت بطاقة الصعود"),
    ("generic", "Pass changed", "تغيّرت البطاقة"),
];

/// Which of Apple's styles a pass has.
#[must_use]
pub fn style(pass: &Value) -> &'static str {
    STYLES.iter().map(|(name, ..)| *name).find(|name| pass[*name].is_object()).unwrap_or("generic")
}

/// The message for a change, if the change has one. Both passes must be in the language already.
#[must_use]
pub fn message(old: &Value, new: &Value, language: Language) -> Option<String> {
    let before: BTreeMap<&str, &Value> =
        fields(old).filter_map(|field| Some((field["key"].as_str()?, &field["value"]))).collect();
    let mut telling = fields(new).filter_map(|field| {
        let changed = before.get(field["key"].as_str()?).is_some_and(|value| **value != field["value"]);
        let message = field["changeMessage"].as_str().filter(|message| message.contains("%@"))?;
        changed.then(|| message.replace("%@", &locale::display(field, language)))
    });
    let first = telling.next()?;
    if telling.next().is_none() {
        return Some(first);
    }
    let (_, english, arabic) = STYLES.iter().find(|(name, ..)| *name == style(new))?;
    Some(match language {
        Language::English => (*english).to_owned(),
        Language::Arabic => (*arabic).to_owned(),
    })
}

/// Keys that more than one field has: passd warns of them today and announces that it will refuse them.
#[must_use]
pub fn repeated_keys(pass: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&str> =
        fields(pass).filter_map(|field| field["key"].as_str()).filter(|key| !seen.insert(*key)).collect();
    repeated.into_iter().map(str::to_owned).collect()
}

/// Every field of a pass.
fn fields(pass: &Value) -> impl Iterator<Item = &Value> {
    pass[style(pass)]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.ends_with("Fields"))
        .filter_map(|(_, fields)| fields.as_array())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(points: i64, tier: &str, last: &str) -> Value {
        json!({"storeCard": {
            "headerFields": [{"key": "points", "value": points, "changeMessage": "You now have %@ points", "numberStyle": "PKNumberStyleDecimal"}],
            "secondaryFields": [{"key": "tier", "value": tier, "changeMessage": "Your tier is now %@"}],
            "backFields": [{"key": "last", "value": last}]}})
    }

    #[test]
    fn one_changed_field_tells_its_message() {
        let told = message(&card(5, "Silver", "a"), &card(1_005, "Silver", "b"), Language::English);
        assert_eq!(told.as_deref(), Some("You now have 1,005 points"));
    }

    #[test]
    fn two_changed_fields_tell_only_that_the_card_changed() {
        let told = |language| message(&card(5, "Silver", "a"), &card(10, "Gold", "b"), language);
        assert_eq!(told(Language::English).as_deref(), Some("Store card changed"));
        assert_eq!(told(Language::Arabic).as_deref(), Some("تغيّرت بطاقة المتجر"));
    }

    #[test]
    fn fields_without_a_message_and_new_fields_tell_nothing() {
        assert_eq!(message(&card(5, "Silver", "a"), &card(5, "Silver", "b"), Language::English), None);
        assert_eq!(message(&json!({"storeCard": {}}), &card(5, "Silver", "a"), Language::English), None);
        let no_place = json!({"storeCard": {"headerFields": [{"key": "points", "value": 6, "changeMessage": "changed"}]}});
        assert_eq!(message(&card(5, "Silver", "a"), &no_place, Language::English), None, "a message must hold %@");
    }

    #[test]
    fn repeated_keys_are_found_across_the_whole_pass() {
        let pass = json!({"coupon": {"headerFields": [{"key": "a"}, {"key": "b"}], "backFields": [{"key": "a"}, {"key": "c"}]}});
        assert_eq!(repeated_keys(&pass), ["a"]);
        assert!(repeated_keys(&card(1, "x", "y")).is_empty());
    }
}
