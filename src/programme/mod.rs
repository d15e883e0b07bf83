//! The programme document: parsed, validated, versioned.
