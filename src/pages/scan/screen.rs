//! The scanner's screen: what the page shows before anything is scanned, and the texts that its script fills in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use crate::ids::TerminalId;
use crate::pages::Visit;
use crate::pages::headers::Powers;
use crate::pages::page::Page;

/// Who stands where.
#[derive(Debug, Clone)]
pub struct Counter {
    /// The store's name.
    pub store: String,
    /// The till's id: its operations are known by it.
    pub terminal: TerminalId,
    /// The till's name.
    pub till: String,
    /// The name of who is signed in.
    pub cashier: String,
    /// The shift's id.
    pub shift: String,
    /// Since when, as a person reads it.
    pub since: String,
}

#[derive(Template)]
#[template(path = "scan/scan.html")]
struct ScanPage<'a> {
    page: &'a Page,
    at: &'a Counter,
    texts: String,
}

/// Texts as they are.
const PLAIN: &[&str] = &[
    "scan-add",
    "scan-and",
    "scan-asking",
    "scan-asking-again",
    "scan-camera-busy",
    "scan-camera-insecure",
    "scan-camera-none",
    "scan-camera-refused",
    "scan-did-earn",
    "scan-did-redeem",
    "scan-do-not-hand-over",
    "scan-done-earn",
    "scan-done-redeem",
    "scan-done-undo",
    "scan-earn",
    "scan-giving-up",
    "scan-identify",
    "scan-never",
    "scan-never-do",
    "scan-newer-code",
    "scan-no-answer",
    "scan-not-now",
    "scan-refused",
    "scan-rewards",
    "scan-same-till",
    "scan-somebody",
    "scan-spent",
    "scan-undo",
    "scan-undone",
    "scan-voucher",
];

/// Texts with a value in them.
const WITH_VALUE: &[&str] = &["card-number", "scan-late", "scan-left-open", "scan-less", "scan-more", "scan-times", "scan-when"];

/// Texts that follow a number.
const COUNTED: &[&str] = &[
    "points",
    "points-unit",
    "scan-balance",
    "scan-debt",
    "scan-earned",
    "scan-held",
    "scan-missing",
    "scan-pending",
    "scan-tally-redemptions",
    "scan-tally-sales",
    "scan-went-back",
];

/// Numbers of which each kind of plural that a language has is one.
const SAMPLES: [i64; 6] = [0, 1, 2, 3, 11, 100];

/// Refusals that staff can do something about, or at least understand. All others are shown with their title.
const REFUSALS: &[&str] = &[
    "already_redeemed",
    "already_reversed",
    "code_cancelled",
    "code_expired",
    "code_from_before_restore",
    "currency_mismatch",
    "device_full",
    "forbidden",
    "identify_only",
    "insufficient_points",
    "invalid_code",
    "key_revoked",
    "ledger_regressed",
    "ledger_unavailable",
    "live_code_required",
    "member_erased",
    "member_unverified",
    "pace_limited",
    "pass_replaced",
    "programme_disabled",
    "rate_limited",
    "receipt_reused",
    "return_exceeds_sale",
    "reversal_too_late",
    "reward_disabled",
    "shift_closed",
    "store_disabled",
    "terminal_disabled",
    "unauthorized",
    "validation_failed",
    "voucher_not_open",
    "wrong_programme",
    "wrong_store",
];

/// Shows the scanner.
#[must_use]
pub fn show(visit: &Visit, page: &Page, at: &Counter) -> HttpResponse {
    let template = ScanPage { page, at, texts: texts(page).to_string() };
    visit.html_with(StatusCode::OK, &template, Powers::Camera)
}

fn texts(page: &Page) -> Value {
    let mut texts = Map::new();
    for key in PLAIN {
        texts.insert((*key).to_owned(), json!(page.text(key)));
    }
    for key in WITH_VALUE {
        texts.insert((*key).to_owned(), json!(page.with(key, &"{value}")));
    }
    for key in COUNTED {
        let forms: Map<_, _> = SAMPLES.iter().map(|sample| (sample.to_string(), json!(form(page, key, *sample)))).collect();
        texts.insert((*key).to_owned(), Value::Object(forms));
    }
    for code in REFUSALS {
        for key in [format!("why-{code}"), format!("do-{code}")] {
            let text = page.text(&key);
            texts.insert(key, json!(text));
        }
    }
    texts.insert("money".to_owned(), json!(page.sum("{amount}".to_owned(), "{currency}")));
    Value::Object(texts)
}

/// The text for one number, with room for another of its kind.
fn form(page: &Page, key: &str, sample: i64) -> String {
    page.count(key, &sample).replace(&page.number(&sample), "{n}")
}
