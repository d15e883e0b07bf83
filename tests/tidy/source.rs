//! Rust source as the house rules see it: what is code, what is text, what is test.

use std::collections::BTreeSet;
use std::path::Path;

/// A source file.
pub struct SourceFile {
    /// Its path from the repository's root.
    pub path: String,
    /// All of it.
    pub text: String,
    code: String,
    strings: Vec<(usize, String)>,
}

/// The Rust files of a folder, those below it too, in order; none when there is no such folder.
pub fn sources(folder: &str) -> Vec<SourceFile> {
    let (mut found, mut waiting) = (Vec::new(), vec![Path::new(folder).to_owned()]);
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("source is UTF-8");
                found.push(SourceFile::new(path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

impl SourceFile {
    fn new(path: String, text: String) -> Self {
        let (code, strings) = split(&text);
        Self { path, text, code, strings }
    }

    /// The module at the top that it belongs to.
    pub fn module(&self) -> String {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or_default().to_owned()
    }

    /// How many lines it has.
    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Its code: comments are blanks, the insides of strings too.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its code up to the tests at its end; nothing when all of it is for tests.
    pub fn code_without_tests(&self) -> &str {
        &self.code[..self.tests_begin()]
    }

    /// The texts in it, up to the tests.
    pub fn strings_without_tests(&self) -> Vec<&str> {
        let end = self.tests_begin();
        self.strings.iter().filter(|(place, _)| *place < end).map(|(_, text)| text.as_str()).collect()
    }

    fn tests_begin(&self) -> usize {
        let only_for_tests =
            ["/tests.rs", "/guards.rs"].iter().any(|name| self.path.ends_with(name)) || self.path.contains("/tests/");
        if only_for_tests {
            return 0;
        }
        let module = |start: usize| {
            let rest = self.code[start..].trim_start_matches("#[cfg(test)]").trim_start();
            ["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "].iter().any(|word| rest.starts_with(word))
                && !rest.lines().next().unwrap_or_default().ends_with(';')
        };
        self.code.match_indices("#[cfg(test)]").map(|(place, _)| place).find(|place| module(*place)).unwrap_or(self.code.len())
    }

    /// The modules at the top that its code (not its tests) names as `crate::module`.
    pub fn crate_paths(&self) -> BTreeSet<String> {
        let code = self.code_without_tests();
        let mut found = BTreeSet::new();
        for (place, _) in code.match_indices("crate::") {
            let before = code[..place].chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$') {
                continue;
            }
            let rest = &code[place + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => {
                    let inside = &group[..closing(group)];
                    found.extend(top_names(inside));
                }
                None => found.extend(name_at(rest)),
            }
        }
        found
    }

    /// Every function with a body, and its lines from `fn` to the closing brace.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for (place, _) in self.code.match_indices("fn ") {
            let before = self.code[..place].chars().next_back();
            if before.is_some_and(|letter| !letter.is_whitespace() && letter != '(') {
                continue;
            }
            let rest = &self.code[place + "fn ".len()..];
            let Some(name) = name_at(rest) else { continue };
            let Some(open) = rest.find(['{', ';']).filter(|end| rest[*end..].starts_with('{')) else { continue };
            let end = open + 1 + closing(&rest[open + 1..]);
            found.push((name, rest[..end].matches('\n').count() + 1));
        }
        found
    }
}

/// The first segments of the paths in a group, such as `ids` and `money` in `ids::{A, B}, money`.
fn top_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut at_start) = (0_i32, Vec::new(), true);
    for (place, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            letter if at_start && !letter.is_whitespace() => {
                names.extend(name_at(&group[place..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (name.chars().next()?.is_lowercase() || name.starts_with('_')).then_some(name)
}

/// Where the brace closes that was opened before the text.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (place, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    text.len()
}

/// Code with comments and the insides of strings blanked out byte for byte, and the strings with their places.
fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let (mut code, mut strings, mut at) = (Vec::with_capacity(bytes.len()), Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text[at..];
        let end = if rest.starts_with("//") {
            at + rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            at + rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = string_length(rest, at.checked_sub(1).map(|before| bytes[before])) {
            strings.push((at, rest[..length].trim_matches(['r', 'b', '#', '"']).to_owned()));
            at + length
        } else if let Some(length) = letter_length(rest) {
            at + length
        } else {
            let next = at + rest.chars().next().map_or(1, char::len_utf8);
            code.extend_from_slice(&bytes[at..next]);
            at = next;
            continue;
        };
        code.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
        at = end;
    }
    (String::from_utf8(code).expect("only whole letters were taken"), strings)
}

/// The length of the string literal that the text begins with.
fn string_length(text: &str, before: Option<u8>) -> Option<usize> {
    let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let start = text.strip_prefix('b').filter(|_| !in_word).unwrap_or(text);
    let prefix = text.len() - start.len();
    if let Some(raw) = start.strip_prefix('r').filter(|_| !in_word || prefix > 0) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(prefix + 1 + hashes + 1 + body.find(&end)? + end.len());
    }
    let body = start.strip_prefix('"')?;
    let mut escaped = false;
    for (place, letter) in body.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix + 1 + place + 1),
            _ => {}
        }
    }
    None
}

/// The length of the character literal that the text begins with; a lifetime is none.
fn letter_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if body.starts_with('\\') {
        return body[2..].find('\'').map(|end| 1 + 2 + end + 1);
    }
    let letter = body.chars().next()?;
    body[letter.len_utf8()..].starts_with('\'').then(|| 1 + letter.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("src/part/x.rs".into(), text.into())
    }

    #[test]
    fn code_is_told_from_texts_and_comments() {
        let source = "use crate::{ids::{A, B}, money};\nfn a<'x>(c: &'x str) -> char {\n  // crate::db {\n  let s = \"crate::gate {\\\"\"; let r = r#\"SELECT \"x\" {\"#;\n  '{'\n}\n#[cfg(test)]\nmod tests {\n  use crate::http;\n}\n";
        let file = file(source);
        assert_eq!(file.crate_paths().into_iter().collect::<Vec<_>>(), ["ids", "money"]);
        assert_eq!(file.functions(), [("a".to_owned(), 5)]);
        assert_eq!(file.strings_without_tests(), ["crate::gate {\\", "SELECT \"x\" {"]);
        assert_eq!(file.module(), "part");
        assert!(file.code().contains("mod tests") && !file.code_without_tests().contains("mod tests"));
    }

    #[test]
    fn an_upward_edge_and_a_long_function_are_found() {
        let long = format!("pub async fn long() {{\n{}}}\n", "    call();\n".repeat(120));
        assert_eq!(file(&long).functions(), [("long".to_owned(), 122)]);
        assert!(file("fn x() { $crate::db::y(); crate::http::z() }").crate_paths().contains("http"));
    }
}
