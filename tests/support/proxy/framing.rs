//! Where an HTTP/1.1 message ends: its head, and its body by length, by chunks or by the end of the connection.

/// Bytes of the longest head; who sends a longer one is connected to a node without our looking.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A head that we understand.
#[derive(Debug)]
pub struct Head {
    /// The bytes, to the empty line and with it.
    pub bytes: Vec<u8>,
    first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Where the head ends in a buffer.
    pub fn end(buffer: &[u8]) -> Option<usize> {
        buffer.windows(4).position(|four| four == b"\r\n\r\n").map(|place| place + 4)
    }

    /// Reads a head; `None` for one that is not quite as it should be.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.strip_suffix("\r\n\r\n")?.split("\r\n");
        let first = lines.next()?.to_owned();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            let plain = !name.is_empty() && !name.contains([' ', '\t']);
            plain.then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self { bytes: bytes.to_vec(), first, fields: fields.collect::<Option<_>>()? })
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// The status of an answer.
    pub fn status(&self) -> Option<u16> {
        self.first.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// Whether the connection ends with this message.
    pub fn closes(&self) -> bool {
        let says = |word: &str| self.values("connection").any(|value| value.to_ascii_lowercase().contains(word));
        says("close") || (self.first.contains("HTTP/1.0") && !says("keep-alive"))
    }

    /// How the body of a request ends; `None` when that is not quite clear: then a node shall say what it thinks of it.
    pub fn request_body(&self) -> Option<Body> {
        if !self.first.ends_with(" HTTP/1.1") || self.values("upgrade").next().is_some() || self.method() == "CONNECT" {
            return None;
        }
        let lengths: Vec<&str> = self.values("content-length").collect();
        let codings: Vec<&str> = self.values("transfer-encoding").collect();
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Some(Body::Length(0)),
            ([length], []) if length.bytes().all(|digit| digit.is_ascii_digit()) => length.parse().ok().map(Body::Length),
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Some(Body::chunked()),
            _ => None,
        }
    }

    /// How the body of an answer ends.
    fn answer_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), Some(204 | 304)) {
            return Body::Length(0);
        }
        if self.values("transfer-encoding").any(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Body::chunked();
        }
        self.values("content-length").next().and_then(|length| length.parse().ok()).map_or(Body::UntilClose, Body::Length)
    }
}

/// How much of a body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// All until the connection ends.
    UntilClose,
}

/// Where in a chunked body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// In the line with the size; whether the digits are over.
    Size(u64, bool),
    /// In the data.
    Data(u64),
    /// In the line end after the data.
    DataEnd,
    /// In the lines after the last chunk; the length of this one.
    Trailer(usize),
    /// Behind everything.
    Over,
}

impl Body {
    const fn chunked() -> Self {
        Self::Chunked(Chunk::Size(0, false))
    }

    /// Whether nothing more comes.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Over))
    }

    /// Takes what belongs to the body from the beginning of some bytes, and says how many these are.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::UntilClose => bytes.len(),
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                taken
            }
            Self::Chunked(chunk) => {
                let mut taken = 0;
                while taken < bytes.len() && *chunk != Chunk::Over {
                    taken += chunk.take(&bytes[taken..]);
                }
                taken
            }
        }
    }
}

impl Chunk {
    /// Takes at least one byte.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if let Self::Data(left) = self {
            let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            let left = *left - taken as u64;
            *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
            return taken;
        }
        let byte = bytes[0];
        *self = match (*self, byte) {
            (Self::Size(0, _), b'\n') => Self::Trailer(0),
            (Self::Size(size, _), b'\n') => Self::Data(size),
            (Self::Size(size, false), digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).map_or(0, u64::from);
                Self::Size(size.saturating_mul(16).saturating_add(digit), false)
            }
            (Self::Size(size, _), _) => Self::Size(size, true),
            (Self::DataEnd, b'\n') => Self::Size(0, false),
            (Self::Trailer(0), b'\n') => Self::Over,
            (Self::Trailer(_), b'\n') => Self::Trailer(0),
            (Self::Trailer(length), other) if other != b'\r' => Self::Trailer(length + 1),
            (same, _) => same,
        };
        1
    }
}

/// An answer on its way through.
#[derive(Debug)]
pub struct Answer {
    method: String,
    head: Vec<u8>,
    body: Option<Body>,
    closes: bool,
}

impl Answer {
    /// The answer to a request of this method.
    pub fn to(method: &str) -> Self {
        Self { method: method.to_owned(), head: Vec::new(), body: None, closes: false }
    }

    /// Looks at more of it; whether it is whole now.
    pub fn look_at(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes.to_vec();
        loop {
            if let Some(body) = &mut self.body {
                body.take(&rest);
                return body.is_over();
            }
            self.head.append(&mut rest);
            let Some(end) = Head::end(&self.head) else { return false };
            rest = self.head.split_off(end);
            let head = Head::parse(&std::mem::take(&mut self.head));
            // An interim answer is followed by the real one.
            if head.as_ref().and_then(Head::status).is_some_and(|status| (100..200).contains(&status) && status != 101) {
                continue;
            }
            self.closes = head.as_ref().is_none_or(Head::closes);
            self.body = Some(head.map_or(Body::UntilClose, |head| head.answer_body(&self.method)));
        }
    }

    /// Whether the connection ends behind it.
    pub fn closes(&self) -> bool {
        self.closes || self.body == Some(Body::UntilClose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(head: &str) -> Option<Body> {
        Head::parse(head.as_bytes()).expect("a head").request_body()
    }

    #[test]
    fn lengths_and_chunks_are_found_and_anything_doubtful_is_not() {
        assert_eq!(body("GET / HTTP/1.1\r\nhost: x\r\n\r\n"), Some(Body::Length(0)));
        assert_eq!(body("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n"), Some(Body::Length(12)));
        assert_eq!(body("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"), Some(Body::chunked()));
        for doubtful in [
            "content-length: 1\r\ncontent-length: 2",
            "content-length: +1",
            "content-length: 1\r\ntransfer-encoding: chunked",
            "transfer-encoding: gzip, chunked",
            "upgrade: h2c",
        ] {
            assert_eq!(body(&format!("POST / HTTP/1.1\r\n{doubtful}\r\n\r\n")), None, "{doubtful}");
        }
        assert!(Head::parse(b"GET / HTTP/1.1\r\nhost : x\r\n\r\n").is_none());
    }

    #[test]
    fn a_chunked_body_ends_where_it_ends_however_it_is_cut() {
        let text = b"5;note=1\r\nhello\r\nA\r\n0123456789\r\n0\r\ntrailer: x\r\n\r\nGET /next";
        let length = text.len() - b"GET /next".len();
        for cut in 0..text.len() {
            let mut body = Body::chunked();
            let taken = body.take(&text[..cut]);
            let taken = taken + body.take(&text[taken..]);
            assert_eq!((taken, body.is_over()), (length, true), "cut at {cut}");
        }
    }

    #[test]
    fn an_answer_is_whole_when_it_is() {
        let whole = |method: &str, text: &str| {
            let mut answer = Answer::to(method);
            let at_once = answer.look_at(text.as_bytes());
            let mut slowly = Answer::to(method);
            assert_eq!(text.as_bytes().chunks(1).map(|byte| slowly.look_at(byte)).last(), Some(at_once), "{text}");
            (at_once, answer.closes())
        };
        assert_eq!(whole("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), (true, false));
        assert_eq!(whole("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no"), (false, false));
        assert_eq!(whole("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"), (true, false));
        assert_eq!(whole("GET", "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n"), (true, true));
        assert_eq!(whole("GET", "HTTP/1.1 200 OK\r\n\r\nall of it"), (false, true));
        assert_eq!(whole("PUT", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), (true, false));
    }
}
