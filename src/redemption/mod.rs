//! Scan, identify, validate, capture, reverse.
