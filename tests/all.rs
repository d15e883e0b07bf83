//! All tests.

mod contract {
    mod db;
    mod sqlite;
}
mod support {
    pub mod ledger;
}
