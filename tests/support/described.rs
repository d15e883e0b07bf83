//! What the API's description says of each operation's refusals, held against every refusal that any test gets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use walaa::http::openapi;

/// Methods and paths with the text of all their responses.
static OPERATIONS: LazyLock<BTreeMap<(String, String), Value>> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi::document()).expect("the description is plain data");
    let paths = document["paths"].as_object().expect("paths").clone();
    let of_path = |(path, item): (String, Value)| {
        let methods = item.as_object().expect("methods").clone().into_iter();
        methods.map(move |(method, operation)| ((method.to_uppercase(), path.clone()), operation["responses"].clone()))
    };
    paths.into_iter().flat_map(of_path).collect()
});

/// Fails for a refusal that the operation's description does not know under its status. What is no operation is described nowhere.
#[track_caller]
pub fn check(method: &str, path: &str, (status, code): (u16, &str)) {
    let path = path.split('?').next().unwrap_or_default();
    let exact = |((_, pattern), _): &(&(String, String), &Value)| pattern == path;
    let fits = |((of, pattern), _): &(&(String, String), &Value)| of == method && matches(pattern, path);
    let mut fitting: Vec<_> = OPERATIONS.iter().filter(fits).collect();
    fitting.sort_by_key(|found| !exact(found));
    let Some((_, responses)) = fitting.first() else { return };
    let said = responses[status.to_string()]["description"].as_str().unwrap_or_default();
    assert!(said.contains(&format!("`{code}`")), "{method} {path} answered {status} {code}, which its description does not name");
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
