//! The stream of changes: told within moments, bounded, ended with its card.

use std::time::Duration;

use super::visitor::card_page;
use crate::support::app::TestApp;

/// Longer than any change takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Streams that one card may have.
const MOST_STREAMS: usize = 5;

async fn next_event(stream: &mut reqwest::Response) -> String {
    let piece = tokio::time::timeout(PATIENCE, stream.chunk()).await.expect("an event in time");
    String::from_utf8(piece.expect("a piece").expect("not the end").to_vec()).expect("text")
}

#[tokio::test]
async fn a_sale_is_told_to_the_open_page() {
    let app = TestApp::spawn().await;
    let (customer, other) = (app.enrol(&app.shop).await, app.enrol(&app.shop).await);
    let path = card_page(&app, &customer).await;
    let mut stream = reqwest::get(format!("{}{path}/live?since=1", app.address)).await.expect("an answer");
    assert_eq!(stream.headers()["content-type"], "text/event-stream; charset=utf-8");
    app.earn(&app.shop, &other.card, "1.000").await;
    app.earn(&app.shop, &customer.card, "1.000").await;
    assert_eq!(next_event(&mut stream).await, "event: change\ndata: 2\n\n", "its own change, not the other's");
    app.post(&app.shop.pos, &format!("/v1/cards/{}/reissue", customer.card), &serde_json::Value::Null).await.expect(201);
    assert_eq!(next_event(&mut stream).await, "event: gone\ndata: -\n\n");
    let end = tokio::time::timeout(PATIENCE, stream.chunk()).await.expect("in time");
    assert!(end.expect("no failure").is_none(), "the stream ends with the card");
}

#[tokio::test]
async fn streams_are_bounded_and_what_was_missed_is_told() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "1.000").await;
    let path = card_page(&app, &customer).await;
    let address = format!("{}{path}/live?since=1", app.address);
    let mut open = Vec::new();
    for _ in 0..MOST_STREAMS {
        let mut stream = reqwest::get(&address).await.expect("an answer");
        assert_eq!(next_event(&mut stream).await, "event: change\ndata: 2\n\n", "missed between the page and the stream");
        open.push(stream);
    }
    open.push(reqwest::get(&address).await.expect("an answer"));
    assert_eq!(next_event(&mut open[0]).await, "retry: 120000\n\n", "the oldest makes way");
    assert!(open[0].chunk().await.expect("no failure").is_none());
    assert_eq!(next_event(&mut open[MOST_STREAMS]).await, "event: change\ndata: 2\n\n");
}
