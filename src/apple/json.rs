//! Compact JSON written straight into a buffer, with sorted members.

/// One JSON object being written, members in the order of their names; the template's own members fall into their places.
pub struct Object<'o> {
    /// Where it is written.
    pub out: &'o mut Vec<u8>,
    extra: std::slice::Iter<'o, (String, String)>,
}

impl<'o> Object<'o> {
    /// Opens an object with further members that the template gives, sorted by name.
    pub fn open(out: &'o mut Vec<u8>, extra: &'o [(String, String)]) -> Self {
        out.push(b'{');
        Self { out, extra: extra.iter() }
    }

    /// Writes a member's name; the caller writes its value to `out`.
    pub fn key(&mut self, name: &str) {
        while let Some((extra, value)) = self.extra.as_slice().first().filter(|(extra, _)| extra.as_str() < name) {
            self.extra.next();
            write_key(self.out, extra);
            self.out.extend_from_slice(value.as_bytes());
        }
        write_key(self.out, name);
    }

    /// Writes a member that is a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.key(name);
        write_text(self.out, text);
    }

    /// Writes a member whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.key(name);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes what is left of the template's members and closes the object.
    pub fn close(self) {
        for (name, value) in self.extra {
            write_key(self.out, name);
            self.out.extend_from_slice(value.as_bytes());
        }
        self.out.push(b'}');
    }
}

/// Writes a comma unless an object or list was just opened.
pub fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

fn write_key(out: &mut Vec<u8>, name: &str) {
    comma(out);
    write_text(out, name);
    out.push(b':');
}

/// Writes a JSON string.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|byte| *byte < b' ' || *byte == b'"' || *byte == b'\\') {
        out.extend_from_slice(&rest[..place]);
        match rest[place] {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_as_they_were() {
        for text in ["", "plain", "\"quoted\" \\ back", "line\nbreak\ttab\u{1}", "قهوة ☕️", "\u{7f}\u{2028}"] {
            let mut out = Vec::new();
            write_text(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).expect("is JSON"), text);
        }
    }

    #[test]
    fn extra_members_fall_into_their_places() {
        let extra: crate::passes::extra::Extra =
            [("a", "1"), ("m", "[2]"), ("z", "null")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut out = Vec::new();
        let mut object = Object::open(&mut out, &extra);
        object.text("b", "x");
        object.raw("n", "3");
        object.close();
        assert_eq!(String::from_utf8_lossy(&out), r#"{"a":1,"b":"x","m":[2],"n":3,"z":null}"#);
    }
}
