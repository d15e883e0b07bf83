//! What reaches Google Wallet and how: few requests, few notices, through faults, and nothing twice; and what Google tells us.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use walaa::google::GoogleWriter;
use walaa::outbox::GoogleAsker;
use walaa::sandbox::google::{CallbackFault, FailKind, FailTimes, FailWhere, Fault, Forgery, GoogleSandbox, Permission};

use super::world::GoogleWorld;
use crate::support::app::Customer;

/// A card in Google Wallet whose save was heard.
async fn saved(world: &GoogleWorld) -> (Customer, String) {
    let customer = world.join().await;
    let object = world.save(&customer.card).await;
    world.eventually("the save is heard", async || heard(world, &customer).await.filter(|saved| *saved)).await;
    (customer, object)
}

async fn heard(world: &GoogleWorld, customer: &Customer) -> Option<bool> {
    world.delivery(&customer.card).await["saved"].as_bool()
}

fn fault(kind: FailKind, times: FailTimes) -> Fault {
    Fault { kind, times, place: FailWhere::Api, retry_after: None }
}

/// PATCHes of objects, so far.
fn patches(world: &GoogleWorld, id: &str) -> usize {
    let requests = world.google.requests();
    requests.iter().filter(|request| request.method == "PATCH" && request.status == 200 && request.path.ends_with(id)).count()
}

fn writer(world: &GoogleWorld) -> Arc<GoogleWriter> {
    Arc::clone(world.app.state.google.as_ref().expect("Google is configured"))
}

#[tokio::test]
async fn a_customer_hears_of_three_changes_a_day_and_the_fourth_is_silent() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    for sale in 1..=5 {
        world.clock.advance_seconds(60);
        world.app.earn(&world.app.shop, &customer.card, "1.000").await;
        world.until(&object, |object| GoogleWorld::points(object) == sale * 10).await;
    }
    let notified = || world.google.requests().iter().filter(|request| request.notify).count();
    assert_eq!(notified(), 3);
    let quota =
        |request: &walaa::sandbox::google::RecordedRequest| request.refusal.as_ref().is_some_and(|no| no.contains("Quota"));
    assert!(!world.google.requests().iter().any(quota), "Google never had to say no");
    world.clock.advance_seconds(86_400);
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    world.until(&object, |object| GoogleWorld::points(object) == 60).await;
    assert_eq!(notified(), 4, "a new day");
}

#[tokio::test]
async fn a_quota_that_others_used_up_makes_a_change_silent_and_loses_nothing() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    let issuer = Arc::clone(writer(&world).google().issuers().next().expect("an issuer"));
    for message in 0..3 {
        let text = json!({"id": format!("m{message}"), "header": "Hello", "body": "There", "messageType": "TEXT_AND_NOTIFY"});
        let id = object.parse().expect("an id");
        issuer.client.add_message(walaa::google::resource::ResourceKind::LoyaltyObject, &id, text).await.expect("a message");
    }
    world.clock.advance_seconds(60);
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    world.until(&object, |object| GoogleWorld::points(object) == 10).await;
    world
        .eventually("the day's notices are used up", async || {
            (world.delivery(&customer.card).await["notices_today"] == 3).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_new_face_of_a_programme_is_one_request_for_its_class() {
    let world = GoogleWorld::new().await;
    let (one, two) = (saved(&world).await, saved(&world).await);
    world.quiet(&one.0).await;
    world.quiet(&two.0).await;
    let before = (patches(&world, &one.1), patches(&world, &two.1));
    let class = world.google.object(&one.1).expect("an object")["classId"].as_str().expect("a class").to_owned();
    let before_class = patches(&world, &class);
    let path = format!("/v1/programmes/{}", world.app.shop.programme);
    let mut programme = world.app.get(&world.app.shop.owner, &path).await.expect(200);
    let version = programme["version"].as_i64().expect("a version");
    let mut document = programme["document"].take();
    document["name"]["en"] = json!("The New Circle");
    world.app.put(&world.app.shop.owner, &path, (version, &document)).await.expect(200);
    let renamed = |google: &walaa::sandbox::google::GoogleSandbox| {
        google.class(&class).is_some_and(|class| class["programName"] == "The New Circle")
    };
    assert!(world.google.wait_until(renamed).await, "{:#?}", world.google.class(&class));
    world.quiet(&one.0).await;
    world.quiet(&two.0).await;
    assert_eq!(patches(&world, &class) - before_class, 1, "{:#?}", world.google.requests());
    assert_eq!((patches(&world, &one.1), patches(&world, &two.1)), before, "the cards themselves show the same");
}

#[tokio::test]
async fn what_fails_is_tried_again_and_apples_phones_do_not_wait_for_it() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    let link =
        world.app.get(&world.app.shop.owner, &format!("/v1/cards/{}", customer.card)).await.expect(200)["links"]["apple"].take();
    let package = world.phone.download(link.as_str().expect("a link").parse().expect("an address")).await.expect("a pass");
    let apple_card = world.phone.add_pass(&package).await.expect("a pass that verifies");
    world.google.fail(fault(FailKind::Status(503), FailTimes::Probability(1.0)));
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    let path = format!("/v1/cards/{}/delivery", customer.card);
    let owed = async || {
        let owed = world.app.get(&world.app.shop.auditor, &path).await.expect(200)["owed"].take();
        owed.as_array().and_then(|owed| owed.iter().find(|row| row["channel"] == "google").cloned())
    };
    let waiting = world.eventually("a failure is noted", async || owed().await.filter(|owed| owed["tries"] == 1)).await;
    assert!(waiting["last_error"].as_str().is_some_and(|error| error.contains("503")), "{waiting}");
    world
        .eventually("the iPhone shows the sale while Google still takes nothing", async || {
            let passes = world.phone.passes();
            let pass = passes.iter().find(|pass| pass.key == apple_card)?;
            (pass.opened.pass["storeCard"]["primaryFields"][0]["value"] == 10).then_some(())
        })
        .await;
    assert_eq!(GoogleWorld::points(&world.google.object(&object).expect("an object")), 0);
    world.google.clear_faults();
    world.clock.advance_seconds(15 * 60);
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    world.until(&object, |object| GoogleWorld::points(object) == 20).await;
}

#[tokio::test]
async fn a_change_waits_for_the_request_before_it_and_no_longer() {
    let world = GoogleWorld::new().await;
    let (one, two) = (saved(&world).await, saved(&world).await);
    world.quiet(&one.0).await;
    world.quiet(&two.0).await;
    world.google.fail(fault(FailKind::Late(Duration::from_millis(700)), FailTimes::Next(1)));
    world.app.earn(&world.app.shop, &one.0.card, "1.000").await;
    let has = |id: &str, points: i64| {
        let id = id.to_owned();
        move |google: &GoogleSandbox| google.object(&id).is_some_and(|object| GoogleWorld::points(&object) == points)
    };
    assert!(world.google.wait_until(has(&one.1, 10)).await, "the first change is at Google, and not yet answered");
    world.app.earn(&world.app.shop, &two.0.card, "1.000").await;
    // The clock stands still: nothing that was put off would come due.
    assert!(world.google.wait_until(has(&two.1, 10)).await, "the second went as soon as the line was free");
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_work_is_harmless() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    for kind in [FailKind::CutAfter, FailKind::Status(401), FailKind::CutBefore] {
        world.google.fail(fault(kind, FailTimes::Next(1)));
        world.app.earn(&world.app.shop, &customer.card, "1.000").await;
        world
            .eventually("it is tried again", async || {
                world.clock.advance_seconds(30);
                (world.delivery(&customer.card).await["has_newest"] == true).then_some(())
            })
            .await;
    }
    assert_eq!(GoogleWorld::points(&world.google.object(&object).expect("an object")), 30);
}

#[tokio::test]
async fn a_lost_permission_stops_everything_and_says_what_to_do() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    world.google.set_permission(Permission::Revoked);
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    let path = format!("/v1/cards/{}/delivery", customer.card);
    let error = world
        .eventually("the refusal is noted", async || {
            let delivery = world.app.get(&world.app.shop.auditor, &path).await.expect(200);
            delivery["owed"][0]["last_error"].as_str().map(str::to_owned)
        })
        .await;
    assert!(error.contains("Developer or Admin") && error.contains("pay.google.com/business/console"), "{error}");
    let link = world.app.get(&world.app.shop.owner, &format!("/v1/cards/{}/google", customer.card)).await;
    link.refused("wallet_unavailable");
    world.google.set_permission(Permission::Granted);
    world.clock.advance_seconds(30 * 60);
    world.app.earn(&world.app.shop, &customer.card, "1.000").await;
    world.until(&object, |object| GoogleWorld::points(object) == 20).await;
}

#[tokio::test]
async fn what_google_tells_is_believed_once_and_only_from_google() {
    let world = GoogleWorld::new().await;
    let customer = world.join().await;
    world.google.spoil_callback(CallbackFault::Forge(Forgery::ChangedMessage));
    let object = world.save(&customer.card).await;
    let refused = |google: &walaa::sandbox::google::GoogleSandbox| google.callbacks().iter().any(|sent| sent.status == Some(400));
    assert!(world.google.wait_until(refused).await, "{:?}", world.google.callbacks());
    assert_eq!(heard(&world, &customer).await, None, "a forgery tells nothing");
    world.google.spoil_callback(CallbackFault::Duplicate(3));
    assert!(world.google.remove_pass(&object, world.google.phone_user()));
    world.eventually("the removal is heard", async || heard(&world, &customer).await.filter(|saved| !saved)).await;
    let all_taken = |google: &walaa::sandbox::google::GoogleSandbox| {
        google.callbacks().iter().filter(|sent| sent.status == Some(200)).count() == 4
    };
    assert!(world.google.wait_until(all_taken).await, "{:?}", world.google.callbacks());
    let org = world.app.shop.organisation.parse().expect("an organisation");
    assert_eq!(world.app.core.db.google_events(org, 100).await.expect("reads").len(), 1, "one nonce, one event");
}

#[tokio::test]
async fn a_callback_that_never_came_is_found_out_by_asking() {
    let world = GoogleWorld::new().await;
    let customer = world.join().await;
    world.google.spoil_callback(CallbackFault::Lose);
    let object = world.save(&customer.card).await;
    let parts = &world.app.core;
    let asker = GoogleAsker::new(Arc::clone(&parts.db), Arc::clone(&parts.clock), writer(&world));
    assert_eq!(asker.run_once().await, Ok(0), "nothing is due yet");
    world.clock.advance_seconds(86_400);
    assert_eq!(asker.run_once().await, Ok(1));
    assert_eq!(heard(&world, &customer).await, Some(true));
    world.google.spoil_callback(CallbackFault::Lose);
    assert!(world.google.remove_pass(&object, world.google.phone_user()));
    world.clock.advance_seconds(86_400);
    assert_eq!(asker.run_once().await, Ok(1));
    assert_eq!(heard(&world, &customer).await, Some(false));
}

#[tokio::test]
async fn an_erased_member_leaves_nothing_personal_at_google() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    let named = world.google.object(&object).expect("an object");
    assert_eq!(named["accountName"], "Amal");
    let path = format!("/v1/members/{}/erasure", customer.member);
    world.app.post(&world.app.shop.owner, &path, &json!({})).await.expect(200);
    let left = world.until(&object, |object| object["state"] == "INACTIVE").await;
    assert!(!left.to_string().contains("Amal"), "{left:#}");
}

#[tokio::test]
async fn fifty_changes_are_few_requests_and_the_newest_wins() {
    let world = GoogleWorld::new().await;
    let (customer, object) = saved(&world).await;
    world.google.fail(fault(FailKind::Status(500), FailTimes::Probability(0.5)));
    for _ in 0..50 {
        world.app.earn(&world.app.shop, &customer.card, "1.000").await;
        world.clock.advance_seconds(2);
    }
    world.google.clear_faults();
    world
        .eventually("the newest is there", async || {
            world.clock.advance_seconds(60);
            (world.delivery(&customer.card).await["has_newest"] == true).then_some(())
        })
        .await;
    assert_eq!(GoogleWorld::points(&world.google.object(&object).expect("an object")), 500);
}

#[tokio::test]
async fn pictures_are_where_the_class_says_and_their_name_is_their_content() {
    let world = GoogleWorld::new().await;
    let (_, object) = saved(&world).await;
    let object = world.google.object(&object).expect("an object");
    let class = world.google.class(object["classId"].as_str().expect("a class")).expect("a class");
    let uri = |image: &Value| image["sourceUri"]["uri"].as_str().expect("an address").to_owned();
    for image in [&class["programLogo"], &class["heroImage"]] {
        let path = uri(image).replace(&*world.app.core.public_url, "");
        let picture = world.app.send(crate::support::app::Ask::get(&path)).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
        assert!(picture.header("cache-control").contains("immutable"));
        assert!(picture.bytes.starts_with(b"\x89PNG"));
    }
    world.app.send(crate::support::app::Ask::get("/google/images/nothing.png")).await.refused("not_found");
}
