//! Each row of Google's table of errors, as one call meets it: what it means, and what the caller is told to do.

use std::time::Duration;

use serde_json::json;
use walaa::google::error::{CallError, Lacking, Quota};
use walaa::google::resource::ResourceKind;

use super::client::{World, id};
use super::wire::{EMAIL, ISSUER, Reply};

/// What a call makes of each of these answers.
async fn met_each(replies: Vec<Reply>) -> Vec<CallError> {
    let count = replies.len();
    let world = World::answering(replies).await;
    let mut met = Vec::new();
    for _ in 0..count {
        met.push(world.client.get(ResourceKind::LoyaltyObject, &id("card")).await.expect_err("refused"));
    }
    assert_eq!(world.api.seen().len(), count, "nothing is tried again or followed");
    met
}

async fn met(reply: Reply) -> CallError {
    met_each(vec![reply]).await.remove(0)
}

#[tokio::test]
async fn a_bad_request_is_permanent_with_googles_words() {
    match met(Reply::error(400, "invalidResource", "Invalid resource ID: {..}")).await {
        CallError::Invalid(said) => assert_eq!(said.to_string(), "400 invalidResource Invalid resource ID: {..}"),
        other => panic!("{other:?}"),
    }
    let others = [405, 410, 412, 413, 422].map(|status| Reply::json(status, &json!({})));
    assert!(met_each(others.to_vec()).await.iter().all(|met| matches!(met, CallError::Invalid(_))));
}

#[tokio::test]
async fn missing_and_taken_are_told_apart() {
    let replies = vec![Reply::error(404, "notFound", "Wallet Object x not found"), Reply::error(409, "conflict", "exists")];
    let met = met_each(replies).await;
    assert!(matches!(&met[0], CallError::NotFound(said) if said.reason == "notFound"), "{met:?}");
    assert!(matches!(&met[1], CallError::Exists(said) if said.reason == "conflict"), "{met:?}");
}

#[tokio::test]
async fn not_permitted_is_a_checklist_for_the_operator() {
    let CallError::NotPermitted(refusal) = met(Reply::error(403, "permissionDenied", "Permission denied.")).await else {
        panic!("not permitted")
    };
    assert_eq!((refusal.lacking, refusal.said.reason.as_str()), (Lacking::IssuerUser, "permissionDenied"));
    let first = &refusal.checklist()[0];
    assert!(first.contains(EMAIL) && first.contains(ISSUER) && first.contains("pay.google.com/business/console"), "{first}");
    assert!(refusal.to_string().contains("1. Open https://pay.google.com"), "{refusal}");
}

#[tokio::test]
async fn what_the_account_lacks_is_told_by_googles_reason() {
    let switched_off = json!({"error": {
        "code": 403, "message": "Google Wallet API has not been used", "status": "PERMISSION_DENIED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
    }});
    let (replies, lacking): (Vec<Reply>, Vec<Lacking>) = [
        (Reply::json(403, &switched_off), Lacking::Api),
        (Reply::error(403, "accessNotConfigured", "x"), Lacking::Api),
        (Reply::error(403, "insufficientPermissions", "x"), Lacking::Scope),
        (Reply::json(403, &json!({"error": {"status": "PERMISSION_DENIED"}})), Lacking::IssuerUser),
        (Reply::Answer(403, vec![], "<html>".to_owned()), Lacking::IssuerUser),
    ]
    .into_iter()
    .unzip();
    for (met, lacking) in met_each(replies).await.into_iter().zip(lacking) {
        assert!(matches!(&met, CallError::NotPermitted(refusal) if refusal.lacking == lacking), "{met:?}");
    }
}

#[tokio::test]
async fn quotas_of_requests_and_of_notifications_are_told_apart() {
    let requests = [
        Reply::error(429, "rateLimitExceeded", "x"),
        Reply::json(429, &json!({})),
        Reply::error(403, "userRateLimitExceeded", "x"),
        Reply::error(403, "quotaExceeded", "x"),
        Reply::error(403, "RATE_LIMIT_EXCEEDED", "x"),
        Reply::json(403, &json!({"error": {"status": "RESOURCE_EXHAUSTED"}})),
        Reply::error(403, "dailyLimitExceeded", "x"),
    ];
    for met in met_each(requests.map(|reply| reply.with("Retry-After", "9")).to_vec()).await {
        let CallError::QuotaExceeded { quota, after, .. } = &met else { panic!("{met:?}") };
        assert_eq!((*quota, *after), (Quota::Requests, Some(Duration::from_secs(9))));
    }
    let words = "QuotaExceededException: 3 a day";
    let told = |status| [Reply::error(status, "QuotaExceededException", "x"), Reply::error(status, "x", words)];
    for met in met_each([400, 403, 429].into_iter().flat_map(told).collect()).await {
        assert!(matches!(met, CallError::QuotaExceeded { quota: Quota::Notifications, .. }), "{met:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_transient() {
    let others = [
        Reply::json(500, &json!({})),
        Reply::Answer(502, vec![], "<html>Bad Gateway</html>".to_owned()),
        Reply::json(504, &json!({"error": "x"})),
        Reply::json(408, &json!(null)),
        Reply::Answer(302, vec![("Location".to_owned(), "/elsewhere".to_owned())], String::new()),
        Reply::Answer(200, vec![], "<html>Sign in to this network</html>".to_owned()),
        Reply::Answer(200, vec![], format!("\"{}\"", "x".repeat(1_100_000))),
        Reply::Drop,
        Reply::Silence,
    ];
    for met in met_each(others.to_vec()).await {
        assert!(matches!(met, CallError::Transient { .. }), "{met:?}");
    }
}

#[tokio::test]
async fn retry_after_is_heard_as_seconds_or_as_a_date() {
    let headers = ["30", "Wed, 21 Oct 2026 07:28:45 GMT", "soon"];
    let replies = headers.map(|header| Reply::error(503, "backendError", "x").with("Retry-After", header));
    let mut waits = Vec::new();
    for met in met_each(replies.to_vec()).await {
        let CallError::Transient { after, what } = met else { panic!("{met:?}") };
        assert!(what.contains("backendError"), "{what}");
        waits.push(after.map(|after| after.as_secs()));
    }
    assert_eq!(waits, [Some(30), Some(45), None]);
}

#[tokio::test]
async fn an_envelope_is_read_however_odd_it_is() {
    let bodies = [
        json!({"error": {"errors": null, "message": 5}}),
        json!({"error": {"errors": [5, {"reason": 7}], "details": "x"}}),
        json!({"error": []}),
        json!([]),
    ];
    for met in met_each(bodies.iter().map(|body| Reply::json(400, body)).collect()).await {
        assert!(matches!(&met, CallError::Invalid(said) if said.status == 400), "{met:?}");
    }
    let long = Reply::error(400, "bad\nreason", &"y".repeat(10_000));
    assert!(matches!(met(long).await, CallError::Invalid(said) if said.reason == "bad reason" && said.message.len() == 200));
}
