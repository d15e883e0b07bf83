//! A browser becomes a till, stays one, and is none any more.

use serde_json::{Value, json};

use super::counter::{at_work, counter, counter_as, new_till, person, sign_in, state};
use crate::pages::visitor::Visitor;
use crate::support::app::{TestApp, op_key};

#[tokio::test]
async fn a_browser_becomes_a_till_somebody_works_and_goes_home() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam <b>", "C1")).await;
    let mut visitor = Visitor::of(&app);
    assert_eq!(state(&mut visitor).await, json!({ "till": null, "shift": null }));
    let wrong = visitor.submit("/scan?lang=en", ("/scan/enrol", &[("code", "7K3Q-DM9X-TA4")])).await.expect(422);
    assert!(wrong.words().contains("wrong, used or too old"));
    let (till, code) = new_till(&app, "Counter").await;
    let enrolled = visitor.submit("/scan", ("/scan/enrol", &[("code", &code.to_lowercase())])).await;
    let cookie = enrolled.headers.get_all("set-cookie").iter().find_map(|value| value.to_str().ok()).expect("a cookie");
    assert!(
        cookie.starts_with("walaa-till=wt_live_") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=34560000"),
        "{cookie}"
    );
    assert_eq!(state(&mut visitor).await, json!({ "till": { "id": till, "name": "Counter" }, "shift": null }));
    let page = visitor.get("/scan").await.expect(200);
    assert!(
        page.words().contains("Who is working?")
            && page.body.contains("Mariam &#60;b&#62;")
            && !page.body.contains("data-scanner")
    );
    let signed = sign_in(&mut visitor, &mariam.id, &mariam.pin).await;
    let cookie = signed.header("set-cookie").to_owned();
    assert!(cookie.starts_with("walaa-shift=shift_") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let told = state(&mut visitor).await;
    assert_eq!(told["shift"]["cashier"], json!({ "code": "C1", "name": "Mariam <b>" }));
    assert!(told["shift"]["id"].as_str().is_some_and(|id| cookie.contains(id)), "{told}");
    let scanner = visitor.get("/scan").await.expect(200);
    assert!(scanner.body.contains("data-scanner") && scanner.body.contains(&format!("data-shift={}", told["shift"]["id"])));
    assert!(scanner.header("permissions-policy").contains("camera=(self)"));
    assert!(scanner.header("content-security-policy").contains("'wasm-unsafe-eval'"));
    let staying = visitor.resend(&scanner, ("/scan/leave", &[])).await;
    assert_eq!(staying.location(), "/scan");
    assert!(visitor.cookie("walaa-till").is_some(), "not while somebody works there");
    visitor.resend(&scanner, ("/scan/shift/close", &[])).await.location();
    assert_eq!(state(&mut visitor).await["shift"], Value::Null);
    assert_eq!(visitor.cookie("walaa-shift"), None);
    let page = visitor.get("/scan").await.expect(200);
    visitor.resend(&page, ("/scan/leave", &[])).await.location();
    assert_eq!(state(&mut visitor).await["till"], Value::Null);
    assert_eq!(visitor.cookie("walaa-till"), None);
}

#[tokio::test]
async fn over_https_the_cookies_are_the_hosts_own() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = Visitor::of(&app);
    visitor.headers.push(("x-forwarded-proto", "https".to_owned()));
    let code = new_till(&app, "Counter").await.1;
    let enrolled = visitor.submit("/scan", ("/scan/enrol", &[("code", &code)])).await;
    let signed = sign_in(&mut visitor, &mariam.id, &mariam.pin).await;
    for (seen, name) in [(enrolled, "__Host-walaa-till="), (signed, "__Host-walaa-shift=")] {
        let cookie = seen.header("set-cookie").to_owned();
        assert!(cookie.starts_with(name) && cookie.contains("; Secure") && cookie.contains("; Path=/;"), "{cookie}");
    }
    assert!(visitor.get("/scan").await.expect(200).body.contains("data-scanner"));
    // What plain HTTP or a sibling host may have planted is not looked at.
    let mut planted = counter(&app).await;
    planted.headers.push(("x-forwarded-proto", "https".to_owned()));
    assert_eq!(state(&mut planted).await["till"], Value::Null);
}

#[tokio::test]
async fn a_till_that_is_switched_off_or_replaced_says_what_to_do() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let (till, code) = new_till(&app, "Counter").await;
    let mut visitor = counter_as(&app, &code).await;
    sign_in(&mut visitor, &mariam.id, &mariam.pin).await.location();
    let path = format!("/v1/terminals/{till}");
    let off = json!({ "name": "Counter", "store": app.shop.store, "status": "disabled" });
    app.put(&app.shop.owner, &path, (2, &off)).await.expect(200);
    let page = visitor.get("/scan?lang=en").await.expect(403);
    assert!(page.words().contains("switched off") && !page.body.contains("data-scanner"));
    assert_eq!(state(&mut visitor).await["till"], Value::Null);
    let on = json!({ "name": "Counter", "store": app.shop.store });
    app.put(&app.shop.owner, &path, (3, &on)).await.expect(200);
    assert!(visitor.get("/scan").await.expect(200).body.contains("data-scanner"), "as if nothing had been");
    let code = app.post(&app.shop.owner, &format!("{path}/enrolment"), &Value::Null).await.expect(201);
    let code = code["enrolment_code"].as_str().expect("a code").to_owned();
    let mut second = counter_as(&app, &code).await;
    let page = visitor.get("/scan").await.expect(200);
    assert!(page.words().contains("no longer a till") && page.body.contains("name=\"code\""), "the way back is on the page");
    assert_eq!(state(&mut second).await["till"]["id"], json!(till));
    let other = new_till(&app, "Other").await.1;
    visitor.resend(&page, ("/scan/enrol", &[("code", &other)])).await.location();
    assert_eq!(state(&mut visitor).await["till"]["name"], "Other");
}

#[tokio::test]
async fn a_browser_from_another_site_asks_again_since_it_left_its_cookies_out() {
    let app = TestApp::spawn().await;
    let mut visitor = Visitor::of(&app);
    visitor.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    assert!(visitor.get("/scan").await.expect(200).body.contains("http-equiv=\"refresh\" content=\"0; url=/scan?again=1\""));
    assert!(!visitor.get("/scan?again=1").await.expect(200).body.contains("http-equiv"), "and not for ever");
    visitor.headers.clear();
    assert!(!visitor.get("/scan").await.expect(200).body.contains("http-equiv"));
}

#[tokio::test]
async fn no_form_is_taken_from_elsewhere() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = at_work(&app, &mariam).await;
    let shown = visitor.get("/scan").await.expect(200);
    let code = new_till(&app, "Other").await.1;
    let fields = [("code", code.as_str()), ("staff", &mariam.id), ("pin", &mariam.pin)];
    let op = op_key();
    for path in ["/scan/enrol", "/scan/shift", "/scan/shift/close", "/scan/leave"] {
        let with = |token: &'static str| [&[("token", token), ("op", op.as_str())], &fields[..]].concat();
        visitor.post(path, &with("")).await.expect(403);
        visitor.post(path, &with("00000000000000000000000000")).await.expect(403);
        visitor.headers = vec![("origin", "https://evil.example".to_owned())];
        let refused = visitor.resend(&shown, (path, &fields)).await.expect(403);
        visitor.headers = vec![("sec-fetch-site", "same-site".to_owned())];
        visitor.resend(&shown, (path, &fields)).await.expect(403);
        visitor.headers.clear();
        assert!(
            refused.header("permissions-policy").contains("camera=()") && refused.header("x-frame-options") == "DENY",
            "{path}"
        );
        assert!(refused.headers.get("set-cookie").is_none(), "{path}");
    }
    assert!(visitor.get("/scan").await.expect(200).body.contains("data-scanner"), "nothing happened");
}

#[tokio::test]
async fn every_answer_of_the_scanner_is_locked_in() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = counter(&app).await;
    let sign_in_page = visitor.get("/scan").await.expect(200);
    let told = visitor.get("/scan/state").await.expect(200);
    let opened = visitor.resend(&sign_in_page, ("/scan/shift", &[("staff", &mariam.id), ("pin", &mariam.pin)])).await;
    let closed = visitor.submit("/scan", ("/scan/shift/close", &[])).await;
    let left = visitor.submit("/scan", ("/scan/leave", &[])).await;
    for seen in [sign_in_page, told, opened, closed, left] {
        assert!(seen.header("permissions-policy").contains("camera=()"), "{seen:?}", seen = seen.body);
        assert!(!seen.header("content-security-policy").contains("unsafe"));
        let fixed = [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")];
        for (name, value) in fixed {
            assert_eq!(seen.header(name), value, "{name}");
        }
    }
}
