//! Checks on fields that several routes share: lengths, control characters, quantities.

use crate::error::Problem;

/// A text of `1..=longest` characters without control characters.
///
/// # Errors
/// `validation_failed`, naming the field.
pub fn text(field: &str, value: &str, longest: usize) -> Result<(), Problem> {
    let length = value.chars().count();
    if length == 0 || length > longest {
        return Err(Problem::field(field, format!("is not 1 to {longest} characters long")));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::field(field, "has control characters"));
    }
    Ok(())
}

/// As [`text()`], when there is one.
///
/// # Errors
/// As [`text()`].
pub fn optional_text(field: &str, value: Option<&str>, longest: usize) -> Result<(), Problem> {
    value.map_or(Ok(()), |value| text(field, value, longest))
}

/// A number within bounds.
///
/// # Errors
/// `validation_failed`, naming the field.
pub fn between(field: &str, value: i64, (low, high): (i64, i64)) -> Result<(), Problem> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(Problem::field(field, format!("is not from {low} to {high}"))) }
}
