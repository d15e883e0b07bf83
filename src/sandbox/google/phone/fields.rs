//! What a template's paths lead to: a label and a value from the object or its class.

use serde::Serialize;
use serde_json::Value;

use super::words;
use crate::sandbox::phone::locale::Language;

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    /// What it is called; may be empty.
    pub label: String,
    /// What it says.
    pub value: String,
}

/// An object with its class, in a language.
pub(super) struct Reader<'r> {
    pub object: &'r Value,
    pub class: &'r Value,
    pub language: Language,
}

/// Labels of fields whose class has none: the field, English, Arabic.
const LABELS: &[(&str, &str, &str)] = &[
    ("loyaltyPoints", "Points", "النقاط"),
    ("secondaryLoyaltyPoints", "Points", "النقاط"),
    ("accountName", "Member", "العضو"),
    ("accountId", "Member ID", "رقم العضوية"),
    ("rewardsTier", "Tier", "الفئة"),
    ("secondaryRewardsTier", "Tier", "الفئة"),
    ("balance", "Balance", "الرصيد"),
    ("cardNumber", "Card number", "رقم البطاقة"),
    ("pin", "PIN", "الرمز السري"),
    ("provider", "From", "من"),
    ("end", "Valid until", "صالح حتى"),
    ("start", "Valid from", "صالح من"),
    ("details", "Details", "التفاصيل"),
    ("finePrint", "Terms", "الشروط"),
];

impl Reader<'_> {
    /// The rows of the card's front, or those that the vertical has by default.
    pub(super) fn rows(&self) -> Vec<Vec<Field>> {
        let rows = self.class["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"].as_array();
        let Some(rows) = rows else { return self.default_rows() };
        let items = |row: &Value| {
            let places = [("oneItem", "item"), ("twoItems", "startItem"), ("twoItems", "endItem"), ("threeItems", "startItem")];
            let places = places.into_iter().chain([("threeItems", "middleItem"), ("threeItems", "endItem")]);
            places.filter_map(|(kind, place)| self.item(&row[kind][place])).collect::<Vec<_>>()
        };
        rows.iter().map(items).filter(|row| !row.is_empty()).collect()
    }

    fn default_rows(&self) -> Vec<Vec<Field>> {
        let row = |paths: &[&str]| paths.iter().filter_map(|path| self.field(path)).collect::<Vec<_>>();
        let rows = [
            row(&["object.loyaltyPoints.balance", "object.secondaryLoyaltyPoints.balance"]),
            row(&["object.accountName", "class.rewardsTier"]),
            row(&["object.balance", "object.cardNumber"]),
            row(&["class.provider", "object.validTimeInterval.end"]),
        ];
        rows.into_iter().filter(|row| !row.is_empty()).collect()
    }

    /// "A / B", labelled as A is.
    fn item(&self, item: &Value) -> Option<Field> {
        let first = self.selected(&item["firstValue"])?;
        let second = self.selected(&item["secondValue"]);
        let value = second.map_or(first.value.clone(), |second| format!("{} / {}", first.value, second.value));
        Some(Field { label: first.label, value })
    }

    /// The first of the fields that is not empty.
    fn selected(&self, selector: &Value) -> Option<Field> {
        selector["fields"].as_array()?.iter().find_map(|field| self.field(field["fieldPath"].as_str()?))
    }

    /// What a path leads to.
    pub(super) fn field(&self, path: &str) -> Option<Field> {
        let (side, rest) = path.split_once('.')?;
        let root = match side {
            "object" => self.object,
            "class" => self.class,
            _ => return None,
        };
        if let Some((list, rest)) = rest.split_once("['") {
            let (id, _) = rest.split_once("']")?;
            return self.module(root[list].as_array()?.iter().find(|module| module["id"] == id)?);
        }
        let names: Vec<&str> = rest.split('.').collect();
        let (last, above) = names.split_last()?;
        let parent = above.iter().fold(root, |value, name| &value[*name]);
        let value = words::text(parent, last, self.language).or_else(|| words::value(&parent[*last], self.language))?;
        Some(Field { label: self.label(parent, &names), value })
    }

    /// A text module.
    pub(super) fn module(&self, module: &Value) -> Option<Field> {
        let value = words::text(module, "body", self.language)?;
        Some(Field { label: words::text(module, "header", self.language).unwrap_or_default(), value })
    }

    fn label(&self, parent: &Value, names: &[&str]) -> String {
        let own = words::text(parent, "label", self.language).filter(|_| names.len() > 1);
        let name =
            if names.last() == Some(&"balance") && names.len() > 1 { names[names.len() - 2] } else { names[names.len() - 1] };
        let of_class = || words::text(self.class, &format!("{name}Label"), self.language);
        let usual = || {
            let (_, english, arabic) = LABELS.iter().find(|(known, ..)| *known == name)?;
            Some((if self.language == Language::Arabic { *arabic } else { *english }).to_owned())
        };
        own.or_else(of_class).or_else(usual).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_labels_and_values() {
        let object = json!({"loyaltyPoints": {"label": "Beans", "balance": {"int": 1200}}, "accountName": "Noura",
            "textModulesData": [{"id": "next", "header": "Next reward", "body": "Cake"}]});
        let class = json!({"rewardsTier": "Gold", "rewardsTierLabel": "Level"});
        let reader = Reader { object: &object, class: &class, language: Language::English };
        let field = |path: &str| reader.field(path).map(|field| (field.label, field.value));
        let is = |label: &str, value: &str| Some((label.to_owned(), value.to_owned()));
        assert_eq!(field("object.loyaltyPoints.balance"), is("Beans", "1,200"));
        assert_eq!(field("object.accountName"), is("Member", "Noura"));
        assert_eq!(field("class.rewardsTier"), is("Level", "Gold"));
        assert_eq!(field("object.textModulesData['next']"), is("Next reward", "Cake"));
        assert_eq!(field("object.textModulesData['gone']"), None);
        assert_eq!(field("object.nothing.at.all"), None);
    }
}
