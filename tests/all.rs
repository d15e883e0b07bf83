//! All tests.

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
