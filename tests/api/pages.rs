//! Lists in pages: whole, without doubles, with cursors that are good for their list only.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn walk(app: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut query = format!("?limit={limit}");
    loop {
        let page = app.get(&app.shop.owner, &format!("{path}{query}")).await.expect(200);
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= limit);
        rows.extend(data.iter().cloned());
        match page["next"].as_str() {
            Some(next) => query = format!("?limit={limit}&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn pages_make_up_the_whole_list() {
    let app = TestApp::spawn().await;
    for number in 0..8 {
        app.post(&app.shop.owner, "/v1/stores", &json!({ "name": { "en": format!("Store {number}") } })).await.expect(201);
    }
    let whole = walk(&app, "/v1/stores", 200).await;
    assert_eq!(whole.len(), 9);
    for limit in [1, 2, 3, 8, 9, 10] {
        assert_eq!(walk(&app, "/v1/stores", limit).await, whole, "in pages of {limit}");
    }
    for (path, rows) in [("/v1/keys", 4), ("/v1/terminals", 1), ("/v1/programmes", 1)] {
        assert_eq!(walk(&app, path, 1).await.len(), rows, "{path}");
    }
}

#[tokio::test]
async fn the_journal_is_whole_ordered_and_chained() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "7.000").await;
    app.sequence().await;
    let rows = walk(&app, "/v1/journal", 3).await;
    let numbers: Vec<i64> = rows.iter().filter_map(|row| row["number"].as_i64()).collect();
    assert_eq!(numbers, (1..=rows.len() as i64).collect::<Vec<_>>());
    for pair in rows.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previous"]);
    }
    let kinds: BTreeSet<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert!(kinds.is_superset(&BTreeSet::from(["put_document", "enrol", "earn"])), "{kinds:?}");
    let text = Value::from(rows.clone()).to_string();
    assert!(!text.contains("Amal"), "no names in the journal");
}

#[tokio::test]
async fn a_history_goes_backwards_in_pages() {
    let app = TestApp::spawn().await;
    for version in 1..6 {
        app.put(&app.shop.owner, "/v1/organisation", (version, &json!({ "name": { "en": format!("Name {version}") } })))
            .await
            .expect(200);
    }
    let rows = walk(&app, "/v1/organisation/history", 2).await;
    let versions: Vec<i64> = rows.iter().filter_map(|row| row["version"].as_i64()).collect();
    assert_eq!(versions, [6, 5, 4, 3, 2, 1]);
    assert_eq!(rows[5]["actor"], "system");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let app = TestApp::spawn().await;
    let next = app.get(&app.shop.owner, "/v1/keys?limit=1").await.expect(200)["next"].clone();
    let next = next.as_str().expect("there are more keys");
    app.get(&app.shop.owner, &format!("/v1/keys?limit=1&cursor={next}")).await.expect(200);
    for path in ["/v1/stores", "/v1/journal", "/v1/dead-letters", "/v1/organisation/history", "/v1/device-logs"] {
        let body = app.get(&app.shop.owner, &format!("{path}?cursor={next}")).await.refused("validation_failed");
        assert_eq!(body["errors"][0]["field"], "cursor");
    }
}

#[tokio::test]
async fn bad_queries_are_refused_on_every_list() {
    let app = TestApp::spawn().await;
    let lists = [
        "/v1/organisation/history",
        "/v1/programmes",
        "/v1/stores",
        "/v1/terminals",
        "/v1/keys",
        "/v1/journal",
        "/v1/dead-letters",
        "/v1/device-logs",
        "/v1/members",
    ];
    for list in lists {
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "page=2", "cursor=%00", "cursor=!", "limit=1e9"] {
            let reply = app.get(&app.shop.owner, &format!("{list}?{query}")).await;
            assert_eq!(reply.status, 422, "{list}?{query}");
            reply.refused("validation_failed");
        }
    }
}

/// A list that ends with its page says so at once: nobody asks for an empty page.
#[tokio::test]
async fn no_list_ends_with_an_empty_page() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    for _ in 0..3 {
        app.enrol(&app.shop).await;
    }
    for _ in 0..4 {
        app.earn(&app.shop, &customer.card, "1.000").await;
        app.post(&app.shop.owner, "/v1/stores", &json!({ "name": { "en": "x" } })).await.expect(201);
    }
    app.sequence().await;
    let entries = format!("/v1/cards/{}/entries", customer.card);
    for path in ["/v1/members", &entries, "/v1/stores", "/v1/journal", "/v1/keys", "/v1/organisation/history"] {
        let whole = walk(&app, path, 200).await;
        for limit in 1..=whole.len() {
            let (mut query, mut rows, mut pages) = (format!("?limit={limit}"), Vec::new(), 0);
            loop {
                let page = app.get(&app.shop.owner, &format!("{path}{query}")).await.expect(200);
                rows.extend(page["data"].as_array().expect("a list").iter().cloned());
                pages += 1;
                let Some(next) = page["next"].as_str() else { break };
                query = format!("?limit={limit}&cursor={next}");
            }
            assert_eq!(rows, whole, "{path} in pages of {limit}");
            assert_eq!(pages, whole.len().div_ceil(limit), "{path} in pages of {limit}");
        }
    }
}
