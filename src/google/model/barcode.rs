//! Codes: fixed ones, and those that the phone renews by itself.

use serde::{Deserialize, Serialize};

use crate::google::model::names::names;
use crate::google::model::text::{Int64, LocalizedString};

names! {
    /// A symbology.
    BarcodeType {
        /// Aztec.
        Aztec = "AZTEC" | "aztec",
        /// Code 39.
        Code39 = "CODE_39" | "code39",
        /// Code 128.
        Code128 = "CODE_128" | "code128",
        /// Codabar.
        Codabar = "CODABAR" | "codabar",
        /// Data Matrix.
        DataMatrix = "DATA_MATRIX" | "dataMatrix",
        /// EAN-8.
        Ean8 = "EAN_8" | "ean8",
        /// EAN-13.
        Ean13 = "EAN_13" | "ean13" | "EAN13",
        /// ITF-14.
        Itf14 = "ITF_14" | "itf14",
        /// PDF417.
        Pdf417 = "PDF_417" | "pdf417" | "PDF417",
        /// QR code.
        QrCode = "QR_CODE" | "qrCode" | "qrcode",
        /// UPC-A.
        UpcA = "UPC_A" | "upcA",
        /// A text instead of a code; it has no alternate text.
        TextOnly = "TEXT_ONLY" | "textOnly",
    }
}

names! {
    /// How the letters of a code are encoded.
    RenderEncoding {
        /// UTF-8; for QR codes only.
        Utf8 = "UTF_8" | "utf8",
    }
}

names! {
    /// How a changing code is computed.
    TotpAlgorithm {
        /// RFC 6238 with SHA-1, the only one.
        TotpSha1 = "TOTP_SHA1" | "totpSha1",
    }
}

/// A fixed code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Barcode {
    /// The symbology.
    #[serde(rename = "type")]
    pub kind: BarcodeType,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What stands below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_text: Option<String>,
    /// How its letters are encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_encoding: Option<RenderEncoding>,
    /// What stands on the button that shows it, where Smart Tap hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_code_text: Option<LocalizedString>,
}

/// A code that the phone renews by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotatingBarcode {
    /// The symbology: QR code or PDF417.
    #[serde(rename = "type")]
    pub kind: BarcodeType,
    /// What it says, with places such as `{totp_value_0}` and `{totp_timestamp_seconds}`.
    pub value_pattern: String,
    /// How the places are filled.
    pub totp_details: TotpDetails,
    /// What stands below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_text: Option<String>,
    /// How its letters are encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_encoding: Option<RenderEncoding>,
    /// What stands on the button that shows it, where Smart Tap hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_code_text: Option<LocalizedString>,
}

/// How a changing code is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TotpDetails {
    /// The algorithm.
    pub algorithm: TotpAlgorithm,
    /// How long a value holds, in milliseconds.
    pub period_millis: Int64,
    /// One for each value.
    pub parameters: Vec<TotpParameter>,
}

/// How one value is computed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TotpParameter {
    /// The secret, in hexadecimal.
    pub key: String,
    /// How many digits.
    pub value_length: i32,
}

/// The secret stays out of logs.
impl std::fmt::Debug for TotpParameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpParameter").field("value_length", &self.value_length).finish_non_exhaustive()
    }
}
