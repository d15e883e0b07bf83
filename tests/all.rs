//! All tests.

mod contract {
    mod db;
}
mod support {
    pub mod ledger;
}
