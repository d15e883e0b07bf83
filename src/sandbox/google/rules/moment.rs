//! Dates and intervals: ISO 8601 with or without an offset from UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use super::{Members, Verdict};

/// Whether a date must say its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    /// Without one it means the viewer's own time.
    May,
    /// Without one it is refused.
    Must,
}

/// A date as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// With an offset.
    Fixed(DateTime<Utc>),
    /// Wherever the viewer is.
    Local(NaiveDateTime),
}

/// Reads a `DateTime`.
pub(super) fn date(members: &Members, offset: Offset) -> Result<Moment, String> {
    let text = members.get("date").and_then(Value::as_str).ok_or("date must be set")?;
    if let Some(moment) = fixed(text) {
        return Ok(Moment::Fixed(moment));
    }
    if offset == Offset::Must {
        return Err(format!("'{text}' is no date with an offset from UTC"));
    }
    local(text).map(Moment::Local).ok_or_else(|| format!("'{text}' is no date of ISO 8601"))
}

fn fixed(text: &str) -> Option<DateTime<Utc>> {
    // Google's page has examples without seconds: "1985-04-12T19:20Z".
    let short = || DateTime::parse_from_str(&text.replace('Z', "+00:00"), "%Y-%m-%dT%H:%M%:z");
    DateTime::parse_from_rfc3339(text).or_else(|_| short()).ok().map(|moment| moment.to_utc())
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let whole = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"].iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    whole.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
}

/// A `TimeInterval`: both ends with an offset or none, and in order.
pub(super) fn interval(members: &Members) -> Verdict {
    let end = |name: &str| members.get(name).and_then(Value::as_object).map(|date_time| date(date_time, Offset::May)).transpose();
    match (end("start")?, end("end")?) {
        (Some(Moment::Fixed(start)), Some(Moment::Fixed(end))) if start > end => Err("start is after end".to_owned()),
        (Some(Moment::Local(start)), Some(Moment::Local(end))) if start > end => Err("start is after end".to_owned()),
        (Some(Moment::Fixed(_)), Some(Moment::Local(_))) | (Some(Moment::Local(_)), Some(Moment::Fixed(_))) => {
            Err("start and end must both have an offset, or none of them".to_owned())
        }
        (None, None) => Err("start or end must be set".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_are_iso_8601() {
        let read = |text: &str, offset| date(json!({"date": text}).as_object().unwrap(), offset);
        for right in ["1985-04-12T23:20:50.52Z", "1985-04-12T19:20:50-04:00", "1985-04-12T19:20Z"] {
            assert!(matches!(read(right, Offset::Must), Ok(Moment::Fixed(_))), "{right}");
        }
        for local in ["1985-04-12", "1985-04-12T19:20", "1985-04-12T19:20:50.52"] {
            assert!(matches!(read(local, Offset::May), Ok(Moment::Local(_))), "{local}");
            assert!(read(local, Offset::Must).is_err(), "{local}");
        }
        for wrong in ["", "yesterday", "1985-13-12", "12.4.1985"] {
            assert!(read(wrong, Offset::May).is_err(), "{wrong}");
        }
    }
}
