//! Properties of random histories.

mod ledger;
