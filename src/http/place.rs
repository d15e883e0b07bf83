//! Where in a JSON text a reader stopped, as people write it: `rewards[0].quantity`. Serde tells only line and column.

/// The field whose value is wrong, from where the reader stopped; empty for the whole body.
///
/// A reader that refuses the last value of an object or array has read the closing bracket, too: that is taken back.
#[must_use]
pub fn of_value(text: &[u8], line: usize, column: usize) -> String {
    let end = offset(text, line, column);
    let goes_on = text[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b',');
    let closes = text[..end].last().is_some_and(|byte| matches!(byte, b'}' | b']'));
    Path::to(&text[..if closes && !goes_on { end - 1 } else { end }]).to_text()
}

/// The object in which a field is missing, from where the reader stopped; empty for the whole body.
#[must_use]
pub fn of_object(text: &[u8], line: usize, column: usize) -> String {
    Path::to(&text[..offset(text, line, column)]).to_text()
}

fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (start + column).min(text.len())
}

/// One level of nesting.
enum Level {
    Object { name: String, expects_name: bool },
    Array { index: usize },
}

/// The way from the outermost value inwards.
#[derive(Default)]
struct Path(Vec<Level>);

impl Path {
    /// The way to the end of a text that is JSON up to there.
    fn to(text: &[u8]) -> Self {
        let mut path = Self::default();
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            rest = match first {
                b'"' => path.text(after),
                byte => {
                    path.mark(*byte);
                    after
                }
            };
        }
        path
    }

    fn mark(&mut self, byte: u8) {
        match byte {
            b'{' => self.0.push(Level::Object { name: String::new(), expects_name: true }),
            b'[' => self.0.push(Level::Array { index: 0 }),
            b'}' | b']' => drop(self.0.pop()),
            b',' => match self.0.last_mut() {
                Some(Level::Object { expects_name, .. }) => *expects_name = true,
                Some(Level::Array { index }) => *index += 1,
                None => {}
            },
            b':' => {
                if let Some(Level::Object { expects_name, .. }) = self.0.last_mut() {
                    *expects_name = false;
                }
            }
            _ => {}
        }
    }

    /// Takes a text whose opening quote was read; a name of an object is remembered.
    fn text<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let mut length = 0;
        while length < after.len() && after[length] != b'"' {
            length += if after[length] == b'\\' { 2 } else { 1 };
        }
        let length = length.min(after.len());
        if let Some(Level::Object { name, expects_name: true }) = self.0.last_mut() {
            *name = String::from_utf8_lossy(&after[..length]).chars().filter(|letter| !letter.is_control()).take(60).collect();
        }
        after.get(length + 1..).unwrap_or_default()
    }

    fn to_text(&self) -> String {
        self.0.iter().fold(String::new(), |path, level| match level {
            Level::Object { name, .. } if name.is_empty() => path,
            Level::Object { name, .. } if path.is_empty() => name.clone(),
            Level::Object { name, .. } => format!("{path}.{name}"),
            Level::Array { index } => format!("{path}[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ids::CardId;
    use crate::money::Money;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Order {
        lines: Vec<Line>,
        code: CardId,
        total: Option<Money>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Line {
        quantity: i64,
        price: Option<Money>,
    }

    fn place(text: &str, find: fn(&[u8], usize, usize) -> String) -> String {
        let error = serde_json::from_slice::<Order>(text.as_bytes()).unwrap_err();
        find(text.as_bytes(), error.line(), error.column())
    }

    #[test]
    fn wrong_values_are_named_by_their_way() {
        let value = |text| place(text, of_value);
        assert_eq!(value(r#"{"code": 7, "lines": []}"#), "code");
        assert_eq!(value(r#"{"lines": [], "code": "card_x"}"#), "code", "the last value");
        assert_eq!(value(r#"{"code": "card_x", "lines": []}"#), "code");
        assert_eq!(value(r#"{"lines": [{"quantity": 1, "price": null}, {"quantity": "a,[{\""}]}"#), "lines[1].quantity");
        assert_eq!(value("{\n \"lines\": [\n{\"quantity\": 1.5}]}"), "lines[0].quantity");
        assert_eq!(value(r#"{"lines": {}}"#), "lines");
        assert_eq!(value(r#"{"lines": [7]}"#), "lines[0]");
        assert_eq!(value(r#"{"total": {"amount": "x", "currency": "KWD"}, "lines": []}"#), "total");
        assert_eq!(value(r#"{"lines": [{"price": {"amount": "x", "currency": "KWD"}}]}"#), "lines[0].price");
        assert_eq!(value(r#"{"lines": [], "other": 1}"#), "other");
    }

    #[test]
    fn missing_fields_are_missed_in_their_object() {
        assert_eq!(place(r#"{"lines": []}"#, of_object), "");
        assert_eq!(place(r#"{"lines": [{"quantity": 1}, {}], "total": null}"#, of_object), "lines[1]");
    }

    #[test]
    fn any_bytes_are_taken() {
        for text in [&b"\"\\"[..], b"{\"a", b"}}}]]],,,:::", b"", b"\xff\xfe{\""] {
            assert!(of_value(text, 1, 1_000).len() < 100);
            assert!(of_object(text, 9, 9).len() < 100);
        }
    }
}
