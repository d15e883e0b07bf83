//! Handlers of earnings.
