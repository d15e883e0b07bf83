//! Token formats, signing keys, derivation, parsing. No I/O.
