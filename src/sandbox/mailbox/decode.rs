//! Reading a mail as far as the page shows it: headers with encoded words, and the plain part. Not a mail client.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A header, unfolded, its encoded words read.
#[must_use]
pub fn header(mail: &str, name: &str) -> Option<String> {
    let head = mail.split("\r\n\r\n").next().unwrap_or(mail).replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = head.split("\r\n").find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    line.map(|value| words(&value))
}

/// Encoded words of RFC 2047; the blanks between two of them are none.
fn words(text: &str) -> String {
    let mut out = String::new();
    for (place, part) in text.split(' ').enumerate() {
        let decoded = part.strip_prefix("=?").and_then(|part| part.strip_suffix("?=")).and_then(word);
        match decoded {
            Some(decoded) => out.push_str(&decoded),
            None => {
                if place > 0 {
                    out.push(' ');
                }
                out.push_str(part);
            }
        }
    }
    out
}

fn word(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, '?');
    let (_charset, encoding, data) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match encoding {
        "b" | "B" => BASE64_STANDARD.decode(data).ok()?,
        _ => quoted(&data.replace('_', " ")),
    };
    String::from_utf8(bytes).ok()
}

/// The text of the part that is plain.
#[must_use]
pub fn plain_part(mail: &str) -> String {
    let boundary = mail.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next());
    let parts: Vec<&str> = boundary.map_or_else(|| vec![mail], |boundary| mail.split(&format!("--{boundary}")).collect());
    let plain = parts.into_iter().find(|part| {
        header(part.trim_start(), "Content-Type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/plain"))
    });
    let Some((head, body)) = plain.and_then(|part| part.trim_start().split_once("\r\n\r\n")) else { return String::new() };
    let encoding = header(&format!("{head}\r\n\r\n"), "Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
    let bytes = match encoding.as_str() {
        "base64" => BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default(),
        "quoted-printable" => quoted(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned()
}

fn quoted(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut place) = (Vec::with_capacity(bytes.len()), 0);
    while place < bytes.len() {
        let pair = bytes.get(place + 1..place + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| bytes[place] == b'=').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                place += 3;
            }
            None => {
                out.push(bytes[place]);
                place += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_read() {
        let mail = "Subject: =?utf-8?b?2LHZhdiy?= =?utf-8?b?2YM=?= 12\r\nContent-Type: multipart/alternative;\r\n boundary=\"x\"\r\n\r\n\
                    --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n\
                    --x--\r\n";
        assert_eq!(header(mail, "subject").as_deref(), Some("رمزك 12"));
        assert_eq!(plain_part(mail), "a=bc");
    }
}
