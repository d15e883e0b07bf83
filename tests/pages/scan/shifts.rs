//! One shift a till, and when it is over.

use serde_json::{Value, json};

use super::counter::{asks, at_work, counter, may_scan, person, sign_in, state};
use crate::support::app::{Ask, TestApp};

#[tokio::test]
async fn who_signs_in_later_ends_the_shift_before() {
    let app = TestApp::spawn().await;
    let (mariam, yousef) = (person(&app, ("Mariam", "C1")).await, person(&app, ("Yousef", "C2")).await);
    let mut first = at_work(&app, &mariam).await;
    let mut second = first.clone();
    may_scan(&app, &first).await.expect("an open shift");
    sign_in_at(&mut second, &yousef.id, &yousef.pin).await;
    assert_eq!(may_scan(&app, &first).await, Err(json!("replaced")));
    may_scan(&app, &second).await.expect("the newer shift");
    let page = first.get("/scan?lang=en").await.expect(200);
    assert!(page.words().contains("Somebody else has signed in"));
    first.resend(&page, ("/scan/shift/close", &[])).await.location();
    may_scan(&app, &second).await.expect("the old cookie closes nothing");
}

/// Signs in at a till where somebody works already: the form is the one shown before.
async fn sign_in_at(visitor: &mut crate::pages::visitor::Visitor, who: &str, pin: &str) {
    let shown = visitor.get("/scan").await.expect(200);
    assert_eq!(visitor.resend(&shown, ("/scan/shift", &[("staff", who), ("pin", pin)])).await.location(), "/scan");
}

#[tokio::test]
async fn of_many_who_sign_in_at_once_one_works() {
    let app = TestApp::spawn().await;
    let (mariam, yousef) = (person(&app, ("Mariam", "C1")).await, person(&app, ("Yousef", "C2")).await);
    let till = counter(&app).await;
    let mut browsers = vec![till; 4];
    let signing = browsers.iter_mut().enumerate().map(|(place, browser)| {
        let who = if place % 2 == 0 { &mariam } else { &yousef };
        async move { sign_in(browser, &who.id, &who.pin).await.location() }
    });
    futures_util::future::join_all(signing).await;
    let mut open = 0;
    for browser in &browsers {
        match may_scan(&app, browser).await {
            Ok(()) => open += 1,
            Err(reason) => assert_eq!(reason, "replaced"),
        }
    }
    assert_eq!(open, 1);
}

#[tokio::test]
async fn a_second_press_opens_nothing_more() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = counter(&app).await;
    let shown = visitor.get("/scan").await.expect(200);
    let form = ("/scan/shift", &[("staff", mariam.id.as_str()), ("pin", mariam.pin.as_str())][..]);
    let mut presses: Vec<_> = (0..3).map(|_| visitor.clone()).collect();
    let sent = presses.iter_mut().map(|browser| browser.resend(&shown, form));
    for seen in futures_util::future::join_all(sent).await {
        seen.location();
    }
    let shifts: std::collections::BTreeSet<_> =
        presses.iter().map(|browser| browser.cookie("walaa-shift").map(str::to_owned)).collect();
    assert_eq!(shifts.len(), 1, "{shifts:?}");
    let told = state(&mut presses[0]).await["shift"]["id"].clone();
    presses[0].submit("/scan", ("/scan/shift/close", &[])).await.location();
    assert_eq!(may_scan(&app, &presses[1]).await, Err(json!("closed")));
    presses[1].resend(&shown, form).await.location();
    let later = state(&mut presses[1]).await["shift"]["id"].clone();
    assert!(later.is_string() && later != told, "a form from before the end opens another shift: {later}");
}

#[tokio::test]
async fn a_shift_ends_by_itself_after_sixteen_hours() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = at_work(&app, &mariam).await;
    app.clock.advance_millis(16 * 3_600_000 - 1);
    may_scan(&app, &visitor).await.expect("still open");
    app.clock.advance_millis(1);
    assert_eq!(may_scan(&app, &visitor).await, Err(json!("expired")));
    assert_eq!(state(&mut visitor).await["shift"], Value::Null);
    assert!(visitor.get("/scan?lang=en").await.expect(200).words().contains("16 hours"));
    sign_in(&mut visitor, &mariam.id, &mariam.pin).await.location();
    may_scan(&app, &visitor).await.expect("a new one");
}

#[tokio::test]
async fn whoever_is_switched_off_or_sent_elsewhere_is_out_at_the_next_request() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = at_work(&app, &mariam).await;
    let path = format!("/v1/staff/{}", mariam.id);
    let other = app.post(&app.shop.owner, "/v1/stores", &json!({ "name": { "en": "Harbour" } })).await.expect(201)["id"].clone();
    let changes = [
        (json!({ "name": "Mariam", "code": "C1", "status": "disabled" }), "switched off here"),
        (json!({ "name": "Mariam", "code": "C1", "stores": [other] }), "not on this store"),
    ];
    for (version, (document, said)) in (1..).step_by(2).zip(changes) {
        may_scan(&app, &visitor).await.expect("an open shift");
        app.put(&app.shop.owner, &path, (version, &document)).await.expect(200);
        assert_eq!(may_scan(&app, &visitor).await, Err(json!("barred")));
        let shown = visitor.get("/scan?lang=en").await.expect(200);
        assert!(shown.words().contains("no longer work at this till") && !shown.body.contains(&mariam.id));
        let fields = [("staff", mariam.id.as_str()), ("pin", mariam.pin.as_str())];
        let refused = visitor.resend(&shown, ("/scan/shift", &fields)).await.expect(422);
        assert!(refused.words().contains(said), "{}", refused.body);
        let back = json!({ "name": "Mariam", "code": "C1" });
        app.put(&app.shop.owner, &path, (version + 1, &back)).await.expect(200);
    }
}

#[tokio::test]
async fn a_new_pin_ends_the_one_before_and_no_shift() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = at_work(&app, &mariam).await;
    let new = app.post(&app.shop.owner, &format!("/v1/staff/{}/pin", mariam.id), &Value::Null).await.expect(201);
    may_scan(&app, &visitor).await.expect("still open");
    visitor.submit("/scan", ("/scan/shift/close", &[])).await.location();
    sign_in(&mut visitor, &mariam.id, &mariam.pin).await.expect(422);
    sign_in(&mut visitor, &mariam.id, new["pin"].as_str().expect("a PIN")).await.location();
}

#[tokio::test]
async fn a_shift_of_one_till_is_none_at_another() {
    let app = TestApp::spawn().await;
    let (mariam, yousef) = (person(&app, ("Mariam", "C1")).await, person(&app, ("Yousef", "C2")).await);
    let (here, there) = (at_work(&app, &mariam).await, at_work(&app, &yousef).await);
    let cookie = |name: &str, of: &crate::pages::visitor::Visitor| format!("{name}={}", of.cookie(name).expect("a cookie"));
    let own = cookie("walaa-shift", &here);
    let forged = format!("{}{}", &own[..own.len() - 1], if own.ends_with('x') { 'y' } else { 'x' });
    for shift in [cookie("walaa-shift", &there), forged, "walaa-shift=".to_owned(), "walaa-shift=shift.x".to_owned()] {
        let ask = Ask::post("/v1/scans").body(&json!({ "code": "nonsense" })).header("walaa-scanner", "1");
        let ask = ask.header("cookie", &format!("{}; {shift}", cookie("walaa-till", &here)));
        app.send(ask).await.refused("shift_closed");
    }
    let reply = app.send(asks(&here, Ask::post("/v1/scans").body(&json!({ "code": "nonsense" })))).await;
    reply.refused("invalid_code");
}
