//! Apple's web service over HTTP. Each test of the second half is named after a mistake that such servers are known to make.

use reqwest::Method;
use serde_json::{Value, json};
use walaa::cards::{card_link, pass_of_link};
use walaa::ids::{PassId, encode};
use walaa::ledger::PassState;
use walaa::tokens::{LinkKind, W1};

use super::station::{PUBLIC_URL, Station, pass_path, registration_path, send};
use super::tools::PASS_TYPE;

const PUSH_TOKEN: &str = "a1b2c3d4";

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("ASCII"))
}

async fn stored_push_tokens(station: &Station, pass: PassId) -> Vec<String> {
    let registrations = station.db.registrations(pass).await.expect("reads");
    registrations.into_iter().map(|registration| registration.push_token).collect()
}

// --- what a phone gets ---

#[tokio::test]
async fn a_fetched_pass_is_one_that_a_phone_accepts_and_shows_the_balance() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.change(customer, 120).await;
    let answer = station.fetch(customer.pass, None).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), Some("application/vnd.apple.pkpass"));
    assert_eq!(header(&answer, "cache-control"), Some("private, no-cache"));
    assert_eq!(header(&answer, "content-disposition"), Some("attachment; filename=\"pass.pkpass\""));
    assert!(header(&answer, "etag").is_none() && header(&answer, "content-encoding").is_none());
    let length: usize = header(&answer, "content-length").expect("a length").parse().expect("a number");
    let package = answer.bytes().await.expect("a body");
    assert_eq!(package.len(), length);

    let pass = station.open(&package).pass;
    assert_eq!(pass["serialNumber"], encode(&customer.pass.0));
    assert_eq!(pass["passTypeIdentifier"], PASS_TYPE);
    assert_eq!(pass["webServiceURL"], format!("{PUBLIC_URL}/apple"));
    assert_eq!(pass["authenticationToken"], station.token(customer.pass).await);
    let text = pass.to_string();
    assert!(text.contains("120") && text.contains("Layla"), "{text}");

    let code = pass["barcodes"][0]["message"].as_str().expect("a code");
    let token = W1::parse(code, station.world.org, &station.keyring).expect("our code").hash();
    let found = station.db.token(station.world.org, token.0).await.expect("reads").expect("the card's token");
    assert_eq!((found.card, found.pass), (customer.card, Some(customer.pass)));
    let card = station.db.card(station.world.org, customer.card).await.expect("reads").expect("a card");
    assert_eq!(pass["barcodes"][0]["altText"], card.card.number);
    let row = station.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert!(text.contains(&format!("{PUBLIC_URL}/c/{}", card_link(&station.keyring, &row).expect("a link"))), "{text}");
}

#[tokio::test]
async fn links_open_their_pass_only() {
    let station = Station::new().await;
    let (one, other) = (station.customer().await, station.customer().await);
    let row = station.db.pass(one.pass).await.expect("reads").expect("a pass");
    let key = card_link(&station.keyring, &row).expect("a link");
    let (named, check) = pass_of_link(&key).expect("a key");
    assert_eq!(named, one.pass);
    assert!(check(&station.keyring, &row, LinkKind::CardPage) && !check(&station.keyring, &row, LinkKind::Pass));
    let swapped = format!("{}{}", encode(&other.pass.0), &key[26..]);
    let (named, check) = pass_of_link(&swapped).expect("a key by its shape");
    let other_row = station.db.pass(named).await.expect("reads").expect("a pass");
    assert!(!check(&station.keyring, &other_row, LinkKind::CardPage));
}

#[tokio::test]
async fn a_void_pass_has_no_code_and_no_web_service_and_can_still_be_fetched() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let old_token = station.token(customer.pass).await;
    let (_, reissue) = station.world.reissue(customer);
    station.world.done(reissue).await;
    let request = station.request(Method::GET, &pass_path(customer.pass));
    let answer = send(request.header("Authorization", format!("ApplePass {old_token}"))).await;
    assert_eq!(answer.status(), 200);
    let pass = station.open(&answer.bytes().await.expect("a body")).pass;
    assert_eq!(pass["voided"], true);
    assert!(pass.get("barcodes").is_none() && pass.get("webServiceURL").is_none() && pass.get("authenticationToken").is_none());
}

#[tokio::test]
async fn an_erased_members_pass_shows_no_name_and_is_void() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.world.done(station.world.erase(customer)).await;
    let row = station.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!(row.state, PassState::Voided);
    let answer = station.fetch(customer.pass, None).await;
    let pass = station.open(&answer.bytes().await.expect("a body")).pass;
    assert!(pass["voided"] == true && !pass.to_string().contains("Layla"), "{pass}");
}

#[tokio::test]
async fn built_passes_are_kept_per_version() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let first = station.builder.pkpass(customer.pass).await.expect("builds");
    station.world.advance_seconds(5);
    let again = station.builder.pkpass(customer.pass).await.expect("builds");
    assert_eq!(first.bytes.as_ptr(), again.bytes.as_ptr(), "the same bytes, not signed again");
    station.change(customer, 7).await;
    let changed = station.builder.pkpass(customer.pass).await.expect("builds");
    assert!(changed.version > first.version && changed.last_modified > first.last_modified && changed.seq > first.seq);
    assert_ne!(first.bytes, changed.bytes);
}

// --- known mistakes: registering ---

#[tokio::test]
async fn registering_again_overwrites_the_push_token() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    assert_eq!(station.register("d1", "aa11", pass).await, 201);
    assert_eq!(station.register("d1", "bb22", pass).await, 200);
    assert_eq!(stored_push_tokens(&station, pass).await, ["bb22"]);
}

#[tokio::test]
async fn a_registration_without_a_push_token_is_refused() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let path = registration_path("d1", pass);
    for body in ["", "{}", "[]", "null", r#"{"pushToken":""}"#, r#"{"pushToken":null}"#, r#"{"pushToken":"../x"}"#] {
        let answer = send(station.authorized(Method::POST, &path, pass).await.body(body)).await;
        assert_eq!(answer.status(), 400, "{body}");
    }
    assert_eq!(station.register("d1", &"a".repeat(201), pass).await, 400);
    let large = send(station.authorized(Method::POST, &path, pass).await.body(" ".repeat(5_000))).await;
    assert_eq!(large.status(), 413);
    assert!(stored_push_tokens(&station, pass).await.is_empty());
}

#[tokio::test]
async fn a_registration_is_read_whatever_its_content_type_and_other_members() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let request = station.authorized(Method::POST, &registration_path("d1", pass), pass).await;
    let body = r#" {"pushToken" : "AABB", "later": {"than": 2026}} "#;
    assert_eq!(send(request.header("Content-Type", "text/plain").body(body)).await.status(), 201);
    let long = "a".repeat(200);
    assert_eq!(station.register("d2", &long, pass).await, 201);
    assert_eq!(stored_push_tokens(&station, pass).await, ["AABB", &long]);
}

#[tokio::test]
async fn a_serial_number_need_not_look_like_a_uuid_and_an_unknown_one_is_not_an_error_of_its_own() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let token = station.token(pass).await;
    let authorization = format!("ApplePass {token}");
    let unknown = encode(&[9; 16]);
    let mut answers = Vec::new();
    let right_serial = encode(&pass.0);
    for (serial, pass_type, authorization) in [
        (unknown.as_str(), PASS_TYPE, Some(authorization.as_str())),
        ("no-serial-of-ours", PASS_TYPE, Some(&authorization)),
        (&right_serial, PASS_TYPE, Some("ApplePass 0000000000000000")),
        (&right_serial, PASS_TYPE, Some("ApplePass")),
        (&right_serial, PASS_TYPE, Some("applepass")),
        (&right_serial, PASS_TYPE, Some(&authorization.replace("ApplePass", "Bearer"))),
        (&right_serial, PASS_TYPE, Some("")),
        (&right_serial, PASS_TYPE, None),
        (&right_serial, "pass.com.example.other", Some(&authorization)),
    ] {
        for (method, path) in [
            (Method::GET, format!("/apple/v1/passes/{pass_type}/{serial}")),
            (Method::POST, format!("/apple/v1/devices/d1/registrations/{pass_type}/{serial}")),
            (Method::DELETE, format!("/apple/v1/devices/d1/registrations/{pass_type}/{serial}")),
        ] {
            let mut request = station.request(method, &path).body(r#"{"pushToken":"aa"}"#);
            if let Some(authorization) = authorization {
                request = request.header("Authorization", authorization);
            }
            let answer = send(request).await;
            let mut headers: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
            headers.sort();
            answers.push((answer.status().as_u16(), headers, answer.bytes().await.expect("a body").len()));
        }
    }
    assert_eq!(answers[0].0, 401);
    answers.dedup();
    assert_eq!(answers.len(), 1, "nobody learns which passes there are: {answers:?}");
}

#[tokio::test]
async fn one_passs_token_opens_no_other_pass() {
    let station = Station::new().await;
    let (one, other) = (station.customer().await.pass, station.customer().await.pass);
    assert_eq!(send(station.authorized(Method::GET, &pass_path(other), one).await).await.status(), 401);
    assert_eq!(send(station.authorized(Method::GET, &pass_path(one), one).await).await.status(), 200);
}

#[tokio::test]
async fn a_pass_that_changed_between_download_and_registration_is_owed() {
    let station = Station::new().await;
    let customer = station.customer().await;
    assert_eq!(station.fetch(customer.pass, None).await.status(), 200);
    station.change(customer, 10).await;
    assert_eq!(station.register("d1", PUSH_TOKEN, customer.pass).await, 201);
    assert_eq!(station.deliver().await.sent, 1);
    assert_eq!(station.apns.taken(), [PUSH_TOKEN]);

    let quiet = station.customer().await;
    station.add("d2", "c3", quiet.pass).await;
    assert_eq!(station.deliver().await.claimed, 0, "it has the newest version already");
}

// --- known mistakes: listing ---

#[tokio::test]
async fn an_unknown_device_or_pass_type_is_answered_as_one_without_news() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    station.add("d1", PUSH_TOKEN, pass).await;
    let (_, _, tag) = station.list("d1", None).await;
    assert_eq!(station.list("d1", Some(&tag)).await.0, 204);
    assert_eq!(station.list("nobody", None).await.0, 204);
    let other_type = send(station.request(Method::GET, "/apple/v1/devices/d1/registrations/pass.other")).await;
    assert_eq!(other_type.status(), 204);
}

#[tokio::test]
async fn every_changed_pass_is_listed_not_only_the_newest() {
    let station = Station::new().await;
    let customers = [station.customer().await, station.customer().await, station.customer().await];
    for customer in customers {
        station.add("d1", PUSH_TOKEN, customer.pass).await;
    }
    station.sequence().await;
    let (_, all, tag) = station.list("d1", None).await;
    assert_eq!(all.len(), 3);
    // Two changes in the same millisecond, the third pass stays as it is.
    station.change(customers[0], 1).await;
    station.change(customers[2], 1).await;
    let (status, mut changed, new_tag) = station.list("d1", Some(&tag)).await;
    changed.sort();
    let mut expected = vec![customers[0].pass, customers[2].pass];
    expected.sort();
    assert_eq!((status, changed), (200, expected));
    assert!(new_tag.parse::<i64>().expect("a number") > tag.parse().expect("a number"));
    assert_eq!(station.list("d1", Some(&new_tag)).await.0, 204);
}

#[tokio::test]
async fn two_changes_in_one_second_give_two_tags() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.add("d1", PUSH_TOKEN, customer.pass).await;
    station.change(customer, 1).await;
    let (_, _, tag) = station.list("d1", None).await;
    station.change(customer, 1).await;
    assert_eq!(station.list("d1", Some(&tag)).await.1, [customer.pass], "the second change is news");
}

#[tokio::test]
async fn a_change_that_is_committed_and_not_numbered_yet_is_not_lost_behind_the_tag() {
    let station = Station::new().await;
    let (slow, fast) = (station.customer().await, station.customer().await);
    station.add("d1", PUSH_TOKEN, slow.pass).await;
    station.add("d1", PUSH_TOKEN, fast.pass).await;
    station.sequence().await;
    let (_, _, tag) = station.list("d1", None).await;
    station.world.done(station.world.adjust(slow, 1)).await;
    station.world.done(station.world.adjust(fast, 1)).await;
    // Asked before the sequencer came by: nothing is numbered, so nothing is news and the tag stays.
    assert_eq!(station.list("d1", Some(&tag)).await.0, 204);
    station.sequence().await;
    assert_eq!(station.list("d1", Some(&tag)).await.1.len(), 2);
}

#[tokio::test]
async fn a_tag_that_is_not_a_number_asks_for_everything() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    station.add("d1", PUSH_TOKEN, pass).await;
    station.sequence().await;
    for tag in
        ["", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00%2B00:00", "(null)", "Sun,%2001%20Mar", "9999999999999999999999"]
    {
        assert_eq!(station.list("d1", Some(tag)).await.1, [pass], "{tag}");
    }
}

// --- known mistakes: fetching ---

#[tokio::test]
async fn if_modified_since_is_a_date_and_spares_an_unchanged_pass() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let first = station.fetch(customer.pass, None).await;
    let last_modified = header(&first, "last-modified").expect("a date").to_owned();
    assert!(last_modified.ends_with(" GMT"), "{last_modified}");
    let unchanged = station.fetch(customer.pass, Some(&last_modified)).await;
    assert_eq!(unchanged.status(), 304);
    assert_eq!(header(&unchanged, "last-modified"), Some(last_modified.as_str()));
    assert!(unchanged.bytes().await.expect("a body").is_empty());
    for unreadable in ["0", "1767225601", "(null)", "2026-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(station.fetch(customer.pass, Some(unreadable)).await.status(), 200, "{unreadable}");
    }
}

#[tokio::test]
async fn two_changes_in_one_second_have_two_dates() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let mut dates = Vec::new();
    for _ in 0..3 {
        station.change(customer, 1).await;
        let answer = station.fetch(customer.pass, dates.last().map(String::as_str)).await;
        assert_eq!(answer.status(), 200, "a change in the same second is not hidden behind a 304");
        dates.push(header(&answer, "last-modified").expect("a date").to_owned());
    }
    dates.dedup();
    assert_eq!(dates.len(), 3);
}

#[tokio::test]
async fn last_modified_is_that_of_the_row_that_was_rendered() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let read = station.db.pass(customer.pass).await.expect("reads").expect("a pass");
    station.world.advance_seconds(60);
    station.change(customer, 10).await;
    let built = station.builder.build(&read, &station.account).await.expect("builds");
    assert_eq!(
        (built.version, built.last_modified),
        (read.version, read.last_modified),
        "a change made meanwhile is asked for again"
    );
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let got = station.fetch(pass, None).await;
    let head = send(station.authorized(Method::HEAD, &pass_path(pass), pass).await).await;
    assert_eq!(head.status(), 200);
    for name in ["content-type", "content-length", "last-modified", "cache-control", "content-disposition"] {
        assert_eq!(header(&head, name), header(&got, name), "{name}");
    }
    assert!(head.bytes().await.expect("a body").is_empty());
    let last_modified = header(&got, "last-modified").expect("a date").to_owned();
    let conditional = station.authorized(Method::HEAD, &pass_path(pass), pass).await;
    assert_eq!(send(conditional.header("If-Modified-Since", last_modified)).await.status(), 304);
}

#[tokio::test]
async fn what_was_fetched_is_noted_and_a_head_is_no_fetch() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.change(customer, 5).await;
    send(station.authorized(Method::HEAD, &pass_path(customer.pass), customer.pass).await).await;
    assert_eq!(station.delivery(customer.pass).await.fetched_version, 0);
    station.fetch(customer.pass, None).await;
    let delivery = station.delivery(customer.pass).await;
    assert_eq!(delivery.fetched_version, delivery.pass.version);
    assert_eq!(delivery.fetched_at, Some(station.world.now()));
}

#[tokio::test]
async fn a_slash_too_many_and_needless_escapes_are_taken() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let serial = encode(&pass.0);
    for path in [
        format!("/apple//v1/passes/{PASS_TYPE}/{serial}"),
        format!("/apple/v1//passes/{PASS_TYPE}/{serial}/"),
        format!("/apple/v1/passes/{}/{serial}", PASS_TYPE.replace('.', "%2E")),
    ] {
        assert_eq!(send(station.authorized(Method::GET, &path, pass).await).await.status(), 200, "{path}");
    }
}

// --- known mistakes: unregistering ---

#[tokio::test]
async fn unregistering_ends_that_registration_only_and_may_be_repeated() {
    let station = Station::new().await;
    let (one, other) = (station.customer().await.pass, station.customer().await.pass);
    for pass in [one, other] {
        station.add("d1", "aa", pass).await;
        station.add("d2", "bb", pass).await;
    }
    for _ in 0..2 {
        let request = station.authorized(Method::DELETE, &registration_path("d1", one), one).await;
        assert_eq!(send(request).await.status(), 200);
    }
    assert_eq!(stored_push_tokens(&station, one).await, ["bb"]);
    assert_eq!(stored_push_tokens(&station, other).await, ["aa", "bb"]);
    assert_eq!(station.fetch(one, None).await.status(), 200, "the pass itself stays");
}

// --- known mistakes: logging ---

#[tokio::test]
async fn a_log_is_answered_at_once_and_kept_without_secrets() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let device = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let text = format!(
        "Get pass task (for device {device}, pass type {PASS_TYPE}, serial number {}; with web service url {PUBLIC_URL}/apple) \
         encountered error: Received invalid pass data",
        encode(&pass.0)
    );
    let answer = send(station.request(Method::POST, "/apple/v1/log").json(&json!({"logs": [text]}))).await;
    assert_eq!(answer.status(), 200);
    let logs = station.db.device_logs(station.world.org, 10).await.expect("reads");
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].pass, Some(pass));
    assert!(!logs[0].text.contains(device) && logs[0].text.contains("Received invalid pass data"), "{}", logs[0].text);
}

#[tokio::test]
async fn a_log_that_is_no_json_is_heard_and_a_huge_one_is_not() {
    let station = Station::new().await;
    for body in ["", "oops", "{}", r#"{"logs":"text"}"#, r#"{"logs":[1,null]}"#] {
        assert_eq!(send(station.request(Method::POST, "/apple/v1/log").body(body)).await.status(), 200, "{body}");
    }
    let huge = send(station.request(Method::POST, "/apple/v1/log").body("x".repeat(70_000))).await;
    assert_eq!(huge.status(), 413);
}

// --- the rest ---

#[tokio::test]
async fn what_is_not_offered_is_not_found_and_wrong_methods_say_which_are_right() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let personalize = format!("{}/personalize", pass_path(pass));
    assert_eq!(send(station.request(Method::POST, &personalize).body("{}")).await.status(), 404);
    let wrong = send(station.request(Method::PUT, &pass_path(pass))).await;
    assert_eq!((wrong.status().as_u16(), header(&wrong, "allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn guessing_slows_the_guesser_down_and_nobody_elses_phone() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    let mut last = 401;
    for _ in 0..61 {
        let guess = station.request(Method::GET, &pass_path(pass)).header("Authorization", "ApplePass 0123456789abcdef");
        last = send(guess).await.status().as_u16();
    }
    assert_eq!(last, 429);
    assert_eq!(station.fetch(pass, None).await.status(), 200, "a right token at the same address");
    station.world.advance_seconds(60);
    let again = send(station.request(Method::GET, &pass_path(pass))).await;
    assert_eq!(again.status(), 401);
}

#[tokio::test]
async fn a_phone_that_asks_too_often_is_told_when_to_come_back() {
    let station = Station::new().await;
    let (busy, other) = (station.customer().await.pass, station.customer().await.pass);
    for _ in 0..120 {
        assert_eq!(station.fetch(busy, None).await.status(), 200);
    }
    let refused = station.fetch(busy, None).await;
    assert_eq!(refused.status(), 429);
    assert!(header(&refused, "retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds >= 1)));
    assert_eq!(station.fetch(other, None).await.status(), 200);
    station.world.advance_seconds(2);
    assert_eq!(station.fetch(busy, None).await.status(), 200, "slowed down, never locked");
}

#[tokio::test]
async fn a_pass_keeps_at_most_twenty_registrations() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    for number in 0..25 {
        station.world.advance_seconds(5);
        assert_eq!(station.register(&format!("d{number}"), &format!("a{number}"), pass).await, 201);
    }
    let tokens = stored_push_tokens(&station, pass).await;
    assert_eq!(tokens.len(), 20);
    assert!(tokens.contains(&"a24".to_owned()) && !tokens.contains(&"a0".to_owned()));
}

#[tokio::test]
async fn the_list_has_both_members_as_texts() {
    let station = Station::new().await;
    let pass = station.customer().await.pass;
    station.add("d1", PUSH_TOKEN, pass).await;
    station.sequence().await;
    let answer = send(station.request(Method::GET, &format!("/apple/v1/devices/d1/registrations/{PASS_TYPE}"))).await;
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["serialNumbers"], json!([encode(&pass.0)]));
    let tag = body["lastUpdated"].as_str().expect("a text");
    assert!(!tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_digit()));
}
