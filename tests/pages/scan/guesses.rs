//! PINs are not guessed: few tries, no hints.

use super::counter::{counter, new_till, other_than, person, sign_in};
use crate::pages::visitor::{Seen, Visitor};
use crate::support::app::TestApp;

/// Seconds after which one more wrong PIN of five in a quarter of an hour is forgiven.
const FORGIVEN_SECONDS: i64 = 180;

fn wait(seen: &Seen) -> i64 {
    seen.header("retry-after").parse().expect("seconds")
}

#[tokio::test]
async fn five_wrong_pins_close_the_door_for_one_of_the_staff_at_one_till() {
    let app = TestApp::spawn().await;
    let (mariam, yousef) = (person(&app, ("Mariam", "C1")).await, person(&app, ("Yousef", "C2")).await);
    let (mut here, mut there) = (counter(&app).await, counter(&app).await);
    for _ in 0..5 {
        let wrong = sign_in(&mut here, &mariam.id, &other_than(&mariam.pin)).await.expect(422);
        assert!(wrong.words().contains("not right") && wrong.headers.get("set-cookie").is_none());
    }
    let throttled = sign_in(&mut here, &mariam.id, &mariam.pin).await.expect(429);
    assert_eq!(wait(&throttled), FORGIVEN_SECONDS, "the right one is not even looked at");
    sign_in(&mut here, &yousef.id, &yousef.pin).await.location();
    sign_in(&mut there, &mariam.id, &mariam.pin).await.location();
    app.clock.advance_millis(FORGIVEN_SECONDS * 1_000 - 1);
    sign_in(&mut here, &mariam.id, &mariam.pin).await.expect(429);
    app.clock.advance_millis(1);
    sign_in(&mut here, &mariam.id, &mariam.pin).await.location();
}

#[tokio::test]
async fn right_pins_and_what_is_no_pin_count_for_nothing() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = counter(&app).await;
    for _ in 0..7 {
        sign_in(&mut visitor, &mariam.id, &mariam.pin).await.location();
        visitor.submit("/scan", ("/scan/shift/close", &[])).await.location();
    }
    for none in ["", "12345", "1234567", "abcdef"] {
        sign_in(&mut visitor, &mariam.id, none).await.expect(422);
    }
    let eastern: String = mariam.pin.bytes().filter_map(|digit| char::from_u32(0x0660 + u32::from(digit - b'0'))).collect();
    sign_in(&mut visitor, &mariam.id, &eastern).await.location();
}

#[tokio::test]
async fn twenty_wrong_pins_close_a_till_for_everybody() {
    let app = TestApp::spawn().await;
    let mut visitor = counter(&app).await;
    let mut staff = Vec::new();
    for number in 0..5 {
        staff.push(person(&app, (&format!("Nr {number}"), &format!("C{number}"))).await);
    }
    for one in &staff[..4] {
        for _ in 0..5 {
            sign_in(&mut visitor, &one.id, &other_than(&one.pin)).await.expect(422);
        }
    }
    let throttled = sign_in(&mut visitor, &staff[4].id, &staff[4].pin).await.expect(429);
    assert_eq!(wait(&throttled), 45);
    app.clock.advance_seconds(45);
    sign_in(&mut visitor, &staff[4].id, &staff[4].pin).await.location();
}

#[tokio::test]
async fn an_unknown_one_of_the_staff_looks_like_a_wrong_pin() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    person(&app, ("Yousef", "C2")).await;
    let other = app.found_shop().await;
    let stranger = app.post(&other.owner, "/v1/staff", &serde_json::json!({ "name": "Huda", "code": "C1" })).await.expect(201);
    let (stranger, pin) = (stranger["id"].as_str().expect("an id"), stranger["pin"].as_str().expect("a PIN"));
    let nobody = "staff_00000000000000000000000000";
    let mut visitor = counter(&app).await;
    let plain = |seen: &Seen| {
        let without_proof = seen.body.replace(&seen.hidden("op"), "");
        let nonce = without_proof.replace(" checked", "");
        (seen.status, nonce)
    };
    let wrong = plain(&sign_in(&mut visitor, &mariam.id, &other_than(&mariam.pin)).await);
    assert_eq!(wrong.0, 422);
    for (who, pin) in [(nobody, mariam.pin.as_str()), (stranger, pin)] {
        assert_eq!(plain(&sign_in(&mut visitor, who, pin).await), wrong);
        for _ in 0..4 {
            sign_in(&mut visitor, who, pin).await.expect(422);
        }
        sign_in(&mut visitor, who, pin).await.expect(429);
    }
}

#[tokio::test]
async fn guesses_sent_at_once_are_counted_one_by_one() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let mut visitor = counter(&app).await;
    let shown = visitor.get("/scan").await.expect(200);
    let wrong = other_than(&mariam.pin);
    let fields = [("staff", mariam.id.as_str()), ("pin", wrong.as_str())];
    let guesses = (0..12).map(|_| {
        let (mut visitor, shown, fields) = (visitor.clone(), &shown, &fields);
        async move { visitor.resend(shown, ("/scan/shift", fields)).await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    let count = |status: u16| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(422), count(429)), (5, 7), "{statuses:?}");
}

#[tokio::test]
async fn one_time_codes_are_not_guessed_either() {
    let app = TestApp::few_failures(3).await;
    let code = new_till(&app, "Counter").await.1;
    let mut visitor = Visitor::of(&app);
    for _ in 0..3 {
        visitor.submit("/scan", ("/scan/enrol", &[("code", "7K3Q-DM9X-TA4")])).await.expect(422);
    }
    visitor.submit("/scan", ("/scan/enrol", &[("code", &code)])).await.expect(429);
}
