//! The stand-in's callbacks: what they say, how they are signed (checked by Python's cryptography), and how they go wrong on demand.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use walaa::clock::Clock;
use walaa::sandbox::google::{CallbackEvent, CallbackFault, CallbackMessage, Forgery};

use super::sandbox_world::{World, googles_python};

/// Somebody who takes callbacks.
#[derive(Clone)]
struct Listener {
    url: String,
    status: Arc<AtomicU16>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/google/callbacks/org", listener.local_addr().unwrap());
        let made = Self { url, status: Arc::new(AtomicU16::new(200)), bodies: Arc::default() };
        let data = web::Data::new(made.clone());
        let take = |taker: web::Data<Self>, request: HttpRequest, body: String| async move {
            assert!(request.headers().get("user-agent").unwrap().to_str().unwrap().contains("Googlebot"));
            taker.bodies.lock().unwrap().push(body);
            HttpResponse::build(StatusCode::from_u16(taker.status.load(Ordering::SeqCst)).unwrap()).finish()
        };
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::post().to(take)));
        tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        made
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

async fn roots(world: &World) -> Value {
    let answer = world.http.get(world.sandbox.keys_url()).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "public, max-age=3600");
    answer.json().await.unwrap()
}

/// What Python makes of callbacks.
async fn verified(world: &World, roots: &Value, bodies: &[String]) -> Vec<String> {
    let mut python = Command::new(googles_python());
    python.arg("tests/google/verify_callback.py").arg(world.sandbox.issuer_id().to_string());
    python.arg(world.clock.now().millis().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let lines = format!("{roots}\n{}\n", bodies.join("\n"));
    let said = tokio::task::spawn_blocking(move || {
        let mut child = python.spawn().expect("Python starts");
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let said = said.await.unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_and_removing_is_told_and_signed() {
    let (world, listener) = (World::start().await, Listener::start());
    let card = world.with_card(Some(&listener.url)).await;
    let jwt = world.save_jwt(&json!({"loyaltyObjects": [{"id": card}]}), &json!({}));
    assert_eq!(world.open(&jwt, "noura@example.com").await.0, 200);
    assert!(world.sandbox.wait_until(|sandbox| sandbox.callbacks().len() == 1).await);
    assert!(world.sandbox.remove_pass(&card, "noura@example.com"));
    assert!(world.sandbox.wait_until(|sandbox| sandbox.callbacks().len() == 2).await);
    let expected = ["save", "del"].map(|event| format!("{event} {card} {}", world.id("beans")));
    assert_eq!(verified(&world, &roots(&world).await, &listener.bodies()).await, expected);
    assert_eq!(world.done("GET", &format!("loyaltyObject/{card}"), Value::Null).await["hasUsers"], false);
    assert!(!world.sandbox.remove_pass(&card, "noura@example.com"), "it is gone already");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_callbacks_are_forged_and_a_new_root_is_published_beside_the_old() {
    let world = World::start().await;
    let (object_id, class_id) = (world.id("card"), world.id("beans"));
    let sign = |forgery| {
        let message = CallbackMessage { event: CallbackEvent::Save, object_id: &object_id, class_id: &class_id, forgery };
        world.sandbox.signed_callback(&message).unwrap()
    };
    let forgeries = [
        (Forgery::ChangedMessage, "message"),
        (Forgery::ForeignRoot, "root"),
        (Forgery::OtherIssuer, "message"),
        (Forgery::ExpiredMessage, "expired"),
        (Forgery::ExpiredIntermediate, "intermediate"),
        (Forgery::WrongSender, "root"),
        (Forgery::WrongProtocol, "protocol"),
    ];
    let mut bodies: Vec<String> = forgeries.iter().map(|(forgery, _)| sign(Some(*forgery))).collect();
    bodies.push(sign(None));
    let old_roots = roots(&world).await;
    let good = format!("save {object_id} {class_id}");
    let mut expected: Vec<String> = forgeries.iter().map(|(_, why)| (*why).to_owned()).collect();
    expected.push(good.clone());
    assert_eq!(verified(&world, &old_roots, &bodies).await, expected);
    world.sandbox.rotate_callback_keys().unwrap();
    let after = [sign(None)];
    assert_eq!(verified(&world, &old_roots, &after).await, ["root"]);
    let new_roots = roots(&world).await;
    assert_eq!(verified(&world, &new_roots, &after).await, std::slice::from_ref(&good));
    assert_eq!(verified(&world, &new_roots, &bodies[7..]).await, [good]);
    assert_eq!(world.sandbox.counters().key_fetches, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_get_lost_doubled_held_back_and_repeated() {
    let (world, listener) = (World::start().await, Listener::start());
    let card = world.with_card(Some(&listener.url)).await;
    let jwt = world.save_jwt(&json!({"loyaltyObjects": [{"id": card}]}), &json!({}));
    let sent =
        async |count: usize| assert!(world.sandbox.wait_until(|sandbox| sandbox.callbacks().len() == count).await, "{count}");
    world.sandbox.spoil_callback(CallbackFault::Lose);
    world.sandbox.spoil_callback(CallbackFault::Duplicate(1));
    world.sandbox.spoil_callback(CallbackFault::Hold);
    world.open(&jwt, "noura@example.com").await;
    assert!(world.sandbox.callbacks().is_empty(), "the save was lost");
    assert!(world.sandbox.remove_pass(&card, "noura@example.com"));
    sent(2).await;
    world.open(&jwt, "noura@example.com").await;
    listener.status.store(503, Ordering::SeqCst);
    assert!(world.sandbox.remove_pass(&card, "noura@example.com"));
    sent(5).await;
    listener.status.store(200, Ordering::SeqCst);
    world.sandbox.release_callbacks();
    sent(6).await;
    let events: Vec<_> = world.sandbox.callbacks().into_iter().map(|sent| (sent.event, sent.attempt, sent.status)).collect();
    let event = |name: &str, attempt, status| (name.to_owned(), attempt, Some(status));
    let expected = [
        event("del", 1, 200),
        event("del", 1, 200),
        event("del", 1, 503),
        event("del", 2, 503),
        event("del", 3, 503),
        event("save", 1, 200),
    ];
    assert_eq!(events, expected);
    let bodies = listener.bodies();
    assert_eq!(bodies[0], bodies[1], "a duplicate is the same to the letter");
}
