//! The sandbox phone against a small web service: the order of the protocol, what a phone refuses, and its page.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::sync::Arc;

use actix_web::{App, HttpServer, web};
use serde_json::{Value, json};
use walaa::apple::push::{PushOutcome, PushRequest, PushToken};
use walaa::clock::{Clock as _, SystemClock};
use walaa::sandbox::phone::locale::Language;
use walaa::sandbox::phone::page::{self, PhonePage};
use walaa::sandbox::phone::{AddError, Updates, verifier};

use super::tools::{Authority, PASS_TYPE};
use crate::support::phone_world::{TOPIC, World, start_phone};
use crate::support::sandbox_pki::Pki;

#[tokio::test]
async fn adding_registers_then_lists_without_a_tag_then_fetches_without_a_condition() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    assert_eq!(
        world.asked(),
        [
            format!("POST /v1/devices/D/registrations/{TOPIC}/s1 auth"),
            format!("GET /v1/devices/D/registrations/{TOPIC}"),
            format!("GET /v1/passes/{TOPIC}/s1 auth"),
        ]
    );
    assert_eq!(world.service().registered["s1"], world.phone.identity().1);
    assert!(world.phone.notices().is_empty(), "nothing changed, nothing is told");

    world.phone.add_pass(&package).await.unwrap();
    assert_eq!(world.phone.passes().len(), 1, "the same pass again replaces it");
    assert_eq!(world.asked().len(), 3, "and registers again");
}

#[tokio::test]
async fn a_push_leads_to_a_list_with_the_tag_a_conditional_fetch_and_a_notice() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    let other = world.publish("s2", 6, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    world.phone.add_pass(&other).await.unwrap();
    world.asked();
    world.publish("s1", 15, |_| {});
    world.push_and_wait().await;
    assert_eq!(
        world.asked(),
        [
            format!("GET /v1/devices/D/registrations/{TOPIC}?passesUpdatedSince=6"),
            format!("GET /v1/passes/{TOPIC}/s1 auth since 19:41:05"),
        ]
    );
    let notice = &world.phone.notices()[0];
    assert_eq!(notice.texts[&Language::English].title, "Dallah");
    assert_eq!(notice.texts[&Language::English].body, "You now have 15 points");
    assert_eq!(notice.texts[&Language::Arabic].body, "لديك الآن 15 نقطة");

    world.push_and_wait().await;
    assert_eq!(world.asked(), [format!("GET /v1/devices/D/registrations/{TOPIC}?passesUpdatedSince=15")]);
    assert_eq!(world.phone.notices().len(), 1, "a push for nothing tells nothing");
}

#[tokio::test]
async fn two_changed_fields_are_told_in_general() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    world.publish("s1", 6, |pass| pass["storeCard"]["secondaryFields"][0]["value"] = json!("Gold"));
    world.push_and_wait().await;
    assert_eq!(world.phone.notices()[0].texts[&Language::English].body, "Store card changed");
}

#[tokio::test]
async fn a_pass_that_does_not_verify_or_is_another_one_is_refused_and_the_old_one_kept() {
    let world = World::new().await;
    let forged = world.publish("s1", 1, |pass| pass["forged"] = json!(true));
    match world.phone.add_pass(&forged).await {
        Err(AddError::Refused(reasons)) => assert_eq!(reasons, ["the signature does not fit"]),
        other => panic!("{other:?}"),
    }
    assert!(world.phone.passes().is_empty() && world.asked().is_empty(), "nobody is asked about a forged pass");

    let package = world.publish("s1", 5, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    world.publish("s1", 6, |pass| pass["forged"] = json!(true));
    world.push_and_wait().await;
    world.publish("s1", 7, |pass| pass["serialNumber"] = json!("another"));
    world.push_and_wait().await;
    assert_eq!(world.phone.passes()[0].opened.pass["storeCard"]["headerFields"][0]["value"], 5);
    let logs = world.service().logs.clone();
    assert!(
        logs[0].contains(&format!("Get pass task (pass type {TOPIC}, serial number s1, if-modified-since Sat, 21 Nov 2026 19:41:05 GMT; with web service url http://"))
            && logs[0].contains(") encountered error: Received invalid pass data (the signature does not fit)"),
        "{}",
        logs[0]
    );
    assert!(logs[1].contains("Received invalid pass data (The pass type identifier or serial number"), "{}", logs[1]);
}

#[test]
fn a_phone_opens_what_is_signed_and_says_what_is_wrong_with_the_rest() {
    let authority = Authority::now();
    let verify = verifier(&authority.root_pem(), Arc::new(SystemClock)).unwrap();
    let package = authority.package(SystemClock.now());
    let opened = verify(&package).unwrap();
    assert_eq!(opened.identity().unwrap().0, PASS_TYPE);
    assert!(opened.files.contains_key("icon.png"));
    let again = verify(&authority.package(SystemClock.now().plus_seconds(-60))).unwrap();
    assert_ne!(opened.files["signature"], again.files["signature"]);
    assert!(opened.shows_the_same_as(&again), "signed anew, but the same pass");
    let stranger = Pki::generate().root.certificate.to_pem().unwrap();
    let stranger = verifier(&stranger, Arc::new(SystemClock)).unwrap();
    assert!(!stranger(&package).unwrap_err().is_empty());
    assert!(verify(&package[..package.len() - 9]).is_err());
}

#[tokio::test]
async fn warnings_are_logged_in_apples_words() {
    let world = World::new().await;
    world.service().without_last_modified = true;
    let package = world.publish("s1", 5, |pass| pass["storeCard"]["backFields"] = json!([{"key": "points", "value": 1}]));
    world.phone.add_pass(&package).await.unwrap();
    let logs = world.service().logs.clone();
    assert_eq!(logs.len(), 2);
    assert!(logs[0].contains("encountered warning: more than one field has the key 'points'"), "{}", logs[0]);
    assert!(logs[0].contains("if-modified-since (null)"), "{}", logs[0]);
    assert!(logs[1].contains("encountered warning: Server did not provide a 'last-modified' header"), "{}", logs[1]);
}

#[tokio::test]
async fn failed_requests_are_retried_then_dropped_and_logged() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    world.service().faults = vec![503, 429];
    world.phone.add_pass(&package).await.unwrap();
    assert_eq!(world.service().registered.len(), 1, "the third try got through");
    world.asked();

    world.service().faults = vec![500, 500, 500];
    world.push_and_wait().await;
    assert_eq!(world.asked().len(), 4, "three tries and a log");
    let log = world.service().logs[0].clone();
    assert!(
        log.contains("Get serial #s task (for device ") && log.ends_with("encountered error: Unexpected response code 500"),
        "{log}"
    );

    world.service().faults = vec![401];
    world.push_and_wait().await;
    assert_eq!(world.asked().len(), 2, "401 is not retried");
}

#[tokio::test]
async fn removing_and_switching_updates_off_unregister() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    let key = world.phone.add_pass(&package).await.unwrap();
    world.asked();
    assert!(world.phone.set_automatic(&key, Updates::Never).await);
    assert_eq!(world.asked(), [format!("DELETE /v1/devices/D/registrations/{TOPIC}/s1 auth")]);
    world.push_and_wait().await;
    assert!(world.asked().is_empty(), "nothing to ask for");
    assert!(world.phone.refresh(&key).await, "its owner may still ask");
    assert_eq!(world.asked(), [format!("GET /v1/passes/{TOPIC}/s1 auth since 19:41:05")]);
    assert!(world.phone.set_automatic(&key, Updates::Automatic).await);
    assert_eq!(world.asked().len(), 3, "registered again, listed, fetched");
    assert!(world.phone.remove_pass(&key).await);
    assert_eq!(world.asked(), [format!("DELETE /v1/devices/D/registrations/{TOPIC}/s1 auth")]);
    assert!(!world.phone.remove_pass(&key).await);
    assert!(world.phone.passes().is_empty());
}

#[tokio::test]
async fn a_voided_pass_without_a_web_service_falls_silent() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    world.publish("s1", 6, |pass| {
        pass["voided"] = json!(true);
        let pass = pass.as_object_mut().unwrap();
        pass.remove("webServiceURL");
        pass.remove("authenticationToken");
    });
    world.push_and_wait().await;
    assert!(world.phone.passes()[0].voided());
    world.asked();
    world.push_and_wait().await;
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn a_restarted_phone_is_the_same_phone_and_an_erased_one_is_not() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    world.phone.add_pass(&package).await.unwrap();
    let file = world.folder.path().join("phone.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it holds secrets");
    }
    let again = start_phone(&world.apns, Some(file.clone())).await;
    assert_eq!(again.identity(), world.phone.identity());
    assert_eq!(again.passes()[0].serial, "s1");
    world.publish("s1", 9, |_| {});
    world.asked();
    again.wake().await;
    assert_eq!(world.asked()[0], format!("GET /v1/devices/D/registrations/{TOPIC}?passesUpdatedSince=5"));
    assert_eq!(again.notices().len(), 1);

    let (_, old_token) = again.identity();
    again.erase().await;
    assert!(world.asked().is_empty(), "an erased phone tells nobody");
    let request = PushRequest { token: PushToken::parse(&old_token).unwrap(), id: [7; 16] };
    assert!(matches!(world.push.push(&request).await, PushOutcome::TokenGone { since: Some(_) }));

    std::fs::write(&file, b"{ nonsense").unwrap();
    let fresh = start_phone(&world.apns, Some(file.clone())).await;
    assert!(fresh.passes().is_empty());
    assert!(file.with_extension("unreadable").exists(), "put aside, not lost");
}

#[tokio::test]
async fn the_page_shows_adds_and_removes_passes_and_tells_what_happens() {
    let world = World::new().await;
    let package = world.publish("s1", 5, |_| {});
    let base = world.service().base.clone();
    let draw: page::Draw = Arc::new(walaa::sandbox::phone::draw::draw);
    let data = web::Data::new(PhonePage::new(world.phone.clone(), world.apns.clone(), draw, std::slice::from_ref(&base)));
    let server = HttpServer::new(move || App::new().configure(|config| page::configure(config, data.clone())))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    let http = reqwest::Client::new();

    let html = http.get(format!("{url}/phone")).send().await.unwrap();
    let policy = html.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = html.text().await.unwrap();
    assert!(!html.contains("<style") && !html.contains("style=") && !html.contains("onclick"), "nothing inline");
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing from outside");

    let mut events = http.get(format!("{url}/phone/events")).send().await.unwrap();
    assert!(String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap().contains("event: changed"));

    let add = |content_type: &'static str, body: Vec<u8>| {
        http.post(format!("{url}/phone/passes")).header("content-type", content_type).body(body).send()
    };
    assert_eq!(add("text/plain", package.clone()).await.unwrap().status(), 415);
    assert_eq!(add("application/vnd.apple.pkpass", b"junk".to_vec()).await.unwrap().status(), 422);
    for foreign in ["http://169.254.169.254/latest", "file:///etc/passwd", "http://user@127.0.0.1/x", "nonsense"] {
        let body = json!({"url": foreign}).to_string().into_bytes();
        assert_eq!(add("application/json", body).await.unwrap().status(), 422, "{foreign}");
    }
    let crossing = http
        .post(format!("{url}/phone/passes"))
        .header("content-type", "application/vnd.apple.pkpass")
        .header("sec-fetch-site", "cross-site")
        .body(package.clone());
    assert_eq!(crossing.send().await.unwrap().status(), 403);
    let added = add("application/vnd.apple.pkpass", package).await.unwrap();
    assert_eq!(added.status(), 201);
    let key = added.json::<Value>().await.unwrap()["key"].as_str().unwrap().to_owned();
    let told = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(told.starts_with("event: changed"), "{told}");

    let state: Value = http.get(format!("{url}/phone/state?lang=ar")).send().await.unwrap().json().await.unwrap();
    let shown = &state["passes"][0];
    assert_eq!(shown["style"], "storeCard");
    assert!(shown["front"].as_str().unwrap().contains("data-key=\"points\"><dt>points</dt><dd>5</dd>"), "{shown}");
    assert_eq!(
        (&shown["background"], &shown["voided"], &shown["automatic"]),
        (&json!("rgb(1, 2, 3)"), &json!(false), &json!(true))
    );
    let steps: Vec<&str> = state["steps"].as_array().unwrap().iter().map(|step| step["what"].as_str().unwrap()).collect();
    assert_eq!(steps, ["register", "list", "fetch"]);
    assert!(!state.to_string().contains(&world.phone.identity().0), "the device id is a secret");

    let icon = http.get(format!("{url}/phone/passes/{key}/icon")).send().await.unwrap();
    assert_eq!(icon.bytes().await.unwrap().as_ref(), b"\x89PNG");
    let switched = http.put(format!("{url}/phone/passes/{key}/automatic")).json(&json!({"on": false})).send().await.unwrap();
    assert_eq!(switched.status(), 204);
    assert!(world.service().registered.is_empty());
    assert_eq!(http.post(format!("{url}/phone/passes/{key}/refresh")).send().await.unwrap().status(), 204);
    assert_eq!(http.delete(format!("{url}/phone/passes/{key}")).send().await.unwrap().status(), 204);
    assert_eq!(http.delete(format!("{url}/phone/passes/{key}")).send().await.unwrap().status(), 404);

    let fault = json!({"times": 1, "action": {"answer": {"status": 429, "reason": "TooManyRequests"}}});
    assert_eq!(http.post(format!("{url}/sandbox/faults")).json(&fault).send().await.unwrap().status(), 201);
    let (_, token) = world.phone.identity();
    let request = PushRequest { token: PushToken::parse(&token).unwrap(), id: [7; 16] };
    assert!(matches!(world.push.push(&request).await, PushOutcome::SlowDown(_)));
    let pushes: Value = http.get(format!("{url}/sandbox/pushes")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&pushes["pushes"][0]["status"], &pushes["pushes"][0]["reason"]), (&json!(429), &json!("TooManyRequests")));
    let nonsense = json!({"times": 1, "action": {"answer": {"status": 99, "reason": "x"}}});
    assert_eq!(http.post(format!("{url}/sandbox/faults")).json(&nonsense).send().await.unwrap().status(), 422);
    drop(events);
    handle.stop(false).await;
}
