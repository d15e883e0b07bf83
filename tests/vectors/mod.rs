//! What we emit, against values that other programs computed.

mod tokens;
