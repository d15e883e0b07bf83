//! Handlers of scans.
