//! Handlers of vouchers.
