//! How a card is laid out: rows of fields on its front, details, list.

use serde::{Deserialize, Serialize};

use crate::google::model::names::names;

/// How a class lays out its cards.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassTemplateInfo {
    /// The front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_template_override: Option<CardTemplateOverride>,
    /// Around the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_barcode_section_details: Option<CardBarcodeSectionDetails>,
    /// The details below the card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details_template_override: Option<DetailsTemplateOverride>,
    /// The line in a list of passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_template_override: Option<ListTemplateOverride>,
}

/// The front of a card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CardTemplateOverride {
    /// At most three.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub card_row_template_infos: Vec<CardRow>,
}

/// A row: exactly one of three kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CardRow {
    /// One field.
    OneItem {
        /// The field.
        item: TemplateItem,
    },
    /// Two fields.
    TwoItems {
        /// The first.
        start_item: TemplateItem,
        /// The last.
        end_item: TemplateItem,
    },
    /// Three fields.
    ThreeItems {
        /// The first.
        start_item: TemplateItem,
        /// Between.
        middle_item: TemplateItem,
        /// The last.
        end_item: TemplateItem,
    },
}

impl CardRow {
    /// A row of one, two or three items; none for any other number.
    #[must_use]
    pub fn of(items: Vec<TemplateItem>) -> Option<Self> {
        let count = items.len();
        let mut items = items.into_iter();
        match (count, items.next()?, items.next(), items.next()) {
            (1, item, None, None) => Some(Self::OneItem { item }),
            (2, start_item, Some(end_item), None) => Some(Self::TwoItems { start_item, end_item }),
            (3, start_item, Some(middle_item), Some(end_item)) => Some(Self::ThreeItems { start_item, middle_item, end_item }),
            _ => None,
        }
    }

    /// Its items, in order.
    #[must_use]
    pub fn items(&self) -> Vec<&TemplateItem> {
        match self {
            Self::OneItem { item } => vec![item],
            Self::TwoItems { start_item, end_item } => vec![start_item, end_item],
            Self::ThreeItems { start_item, middle_item, end_item } => vec![start_item, middle_item, end_item],
        }
    }
}

/// A field, or two with a slash between.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateItem {
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_value: Option<FieldSelector>,
    /// What stands after a slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_value: Option<FieldSelector>,
}

impl TemplateItem {
    /// The field at a path.
    #[must_use]
    pub fn at(path: String) -> Self {
        let fields = vec![FieldReference { field_path: path, date_format: None }];
        Self { first_value: Some(FieldSelector { fields }), second_value: None }
    }

    /// The first path.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.first_value.as_ref()?.fields.first().map(|field| field.field_path.as_str())
    }
}

/// The first of some fields that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldSelector {
    /// The fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldReference>,
}

/// A field of the object or the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldReference {
    /// Such as `object.textModulesData['id']`.
    pub field_path: String,
    /// How a date is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_format: Option<DateFormat>,
}

names! {
    /// How a date is written.
    DateFormat {
        /// Date and time.
        DateTime = "DATE_TIME" | "dateTime",
        /// Date without year.
        DateOnly = "DATE_ONLY" | "dateOnly",
        /// Time of day.
        TimeOnly = "TIME_ONLY" | "timeOnly",
        /// Date with year, and time.
        DateTimeYear = "DATE_TIME_YEAR" | "dateTimeYear",
        /// Date with year.
        DateYear = "DATE_YEAR" | "dateYear",
        /// Year and month.
        YearMonth = "YEAR_MONTH",
        /// Year, month and day.
        YearMonthDay = "YEAR_MONTH_DAY",
    }
}

/// Texts around the code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CardBarcodeSectionDetails {
    /// Above it, first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_top_detail: Option<BarcodeSectionDetail>,
    /// Above it, second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_top_detail: Option<BarcodeSectionDetail>,
    /// Below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bottom_detail: Option<BarcodeSectionDetail>,
}

/// One text at the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BarcodeSectionDetail {
    /// Which.
    pub field_selector: FieldSelector,
}

/// The details below the card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DetailsTemplateOverride {
    /// The lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details_item_infos: Vec<DetailsItemInfo>,
}

/// A line of the details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsItemInfo {
    /// What it shows.
    pub item: TemplateItem,
}

/// The line in a list of passes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListTemplateOverride {
    /// Its first row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_row_option: Option<FirstRowOption>,
    /// Its second row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_row_option: Option<FieldSelector>,
}

/// The first row in a list of passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstRowOption {
    /// Which field.
    pub field_option: FieldSelector,
}
