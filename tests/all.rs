//! All tests, in one binary.

mod contract;
mod crash;
mod support;
mod tidy;
mod vectors;
mod wallet;
mod contract {
    mod db;
    mod sqlite;
}
mod model {
    mod ledger;
}
mod support {
    pub mod ledger;
}
