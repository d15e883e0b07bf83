//! The API's description: every route is in it, it says what is true, and it can be browsed.

use std::collections::BTreeSet;

use serde_json::Value;
use walaa::error::Code;
use walaa::http::{self, openapi};

use crate::support::app::{Ask, TestApp};

fn document() -> Value {
    serde_json::to_value(openapi::document()).expect("the description is plain data")
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path's methods");
        item.iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    methods.collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described: BTreeSet<String> =
        operations(&document()).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let routed: BTreeSet<String> = http::endpoints().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(described, routed);
}

#[test]
fn operations_are_complete() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let asked = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an operation id").to_owned();
        assert!(ids.insert(id), "{asked}: the operation id is used twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{asked} has no summary");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| parameters.iter().filter(|parameter| parameter["name"] == name).count();
        assert_eq!(has("id"), usize::from(path.contains("{id}")), "{asked}");
        let open = operation["security"] == Value::Array(Vec::new());
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{asked} never succeeds");
        assert_eq!(responses.contains_key("401"), !open, "{asked}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut stack = vec![&document];
    while let Some(value) = stack.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("a reference within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                stack.extend(members.values());
            }
            Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
}

#[test]
fn every_code_is_described_somewhere() {
    let text = document()["paths"].to_string();
    // A method that an address does not take is no operation.
    let elsewhere = [Code::MethodNotAllowed];
    for code in Code::ALL.iter().filter(|code| !elsewhere.contains(code)) {
        assert!(text.contains(&format!("`{code}`")), "no operation answers {code}");
    }
}

#[tokio::test]
async fn the_description_and_its_page_need_nothing_from_elsewhere() {
    let app = TestApp::spawn().await;
    let served = app.send(Ask::get("/openapi.json")).await;
    assert_eq!(served.expect(200), document());
    let page = app.send(Ask::get("/docs")).await;
    let html = String::from_utf8_lossy(&page.bytes).into_owned();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!html.contains("://"), "nothing from elsewhere");
    for (file, kind) in [("docs.js", "text/javascript; charset=utf-8"), ("docs.css", "text/css; charset=utf-8")] {
        assert!(html.contains(&format!("/docs/{file}")));
        let reply = app.send(Ask::get(&format!("/docs/{file}"))).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind));
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("://"));
    }
    app.send(Ask::get("/docs/..%2f..%2fCargo.toml")).await.refused("not_found");
    app.send(Ask::get("/docs/other.js")).await.refused("not_found");
}

/// A write takes an operation key, or its description says why it needs none.
#[test]
fn every_write_names_its_operation_or_says_why_not() {
    for (method, path, operation) in operations(&document()).into_iter().filter(|(method, ..)| method != "GET") {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let takes = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["required"] == true);
        let said = format!("{} {}", operation["summary"], operation["description"]);
        assert_ne!(takes, said.contains("no Idempotency-Key") || said.contains("No Idempotency-Key"), "{method} {path}: {said}");
    }
}
