//! Scan, identify, validate, capture, reverse: what a till asks, from the code's text to the ledger's answer.
//!
//! The gate is asked before the ledger and told after it; it can refuse early, but only a committed row says yes.

mod capture;
mod reconcile;
mod resolve;
mod scan;

pub use capture::{Redeeming, Reversing};
pub use reconcile::{Effect, LostCapture, ReconciledPage, Witness};
pub use resolve::{Pace, Resolved};
pub use scan::{CodeView, RewardView, ScanView, ScannedMember, Scanning};
