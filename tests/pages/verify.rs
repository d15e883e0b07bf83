//! Joining where contacts are to be proven: from the form over the code to the card, without scripts; mistypers, squatters, impatient people.

use std::sync::Arc;

use serde_json::json;
use walaa::clock::{ManualClock, Timestamp};
use walaa::config::MailEncryption;
use walaa::sandbox::mailbox::{Arrived, Mailbox};

use super::visitor::{Visitor, change_programme, consents};
use crate::support::app::{Customer, TestApp};
use crate::support::ledger::START;

const SECRET: &str = "swordfish-swordfish";

/// A gateway that sends to a mailbox, and a programme that wants contacts proven.
struct World {
    app: TestApp,
    mailbox: Mailbox,
}

async fn world(identity: &str) -> World {
    use std::os::unix::fs::PermissionsExt;
    let mailbox = Mailbox::start(0, SECRET.as_bytes()).await.expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("sms-secret.txt");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("a file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(START)));
    let mut app = TestApp::empty_with(folder, clock, |config| {
        config.mail.host = Some("127.0.0.1".to_owned());
        config.mail.port = mailbox.smtp_port();
        config.mail.tls = MailEncryption::None;
        config.mail.from = Some("card@bean.example".to_owned());
        config.sms.url = Some(mailbox.sms_url());
        config.sms.secret_file = Some(secret);
    })
    .await;
    app.shop = app.found_shop().await;
    let join = json!({ "verify": true, "identity": identity, "phone_prefix": "+965", "consents": consents() });
    change_programme(&app, |document| document["join"] = join).await;
    app.clock.advance_seconds(2);
    World { app, mailbox }
}

impl World {
    fn path(&self) -> String {
        format!("/join/{}", self.app.shop.programme)
    }

    /// The newest message, once so many came in all.
    async fn message(&self, count: usize) -> Arrived {
        let arrived = self.mailbox.wait_for(count).await.expect("a message");
        assert_eq!(self.mailbox.complaints(), Vec::<String>::new());
        arrived
    }

    async fn code(&self, count: usize) -> String {
        let text = self.message(count).await.text;
        let found = text.split(|letter: char| !letter.is_ascii_digit()).find(|digits| digits.len() == 6);
        found.unwrap_or_else(|| panic!("a code in {text}")).to_owned()
    }

    async fn join(&self, visitor: &mut Visitor, (name, contact): (&str, &str)) -> super::visitor::Seen {
        let path = self.path();
        visitor.submit(&path, (&path, &[("name", name), ("contact", contact), ("consent-terms", "yes")])).await
    }

    async fn customer(&self, query: &str) -> Customer {
        let app = &self.app;
        let found = app.get(&app.shop.owner, &format!("/v1/members?{query}")).await.expect(200);
        let member = found["data"][0]["id"].as_str().expect("an id").to_owned();
        let shown = app.get(&app.shop.owner, &format!("/v1/members/{member}")).await.expect(200);
        Customer { member, card: shown["cards"][0]["id"].as_str().expect("a card").to_owned() }
    }
}

fn base(location: &str) -> String {
    location.split(['?']).next().expect("a path").trim_end_matches("/verify").to_owned()
}

#[tokio::test]
async fn from_the_form_over_the_code_to_the_card() {
    let world = world("email").await;
    let mut visitor = Visitor::of(&world.app);
    let location = world.join(&mut visitor, ("Sara", "Sara@Example.com")).await.location();
    assert!(location.ends_with("/verify?done=joined"), "{location}");
    let asking = visitor.get(&format!("{location}&lang=en")).await.expect(200);
    assert!(asking.words().contains("s…\u{2060}@example.com") && !asking.body.contains("sara@example.com"), "{}", asking.words());
    let (app, base, code) = (&world.app, base(&location), world.code(1).await);

    let customer = world.customer("email=sara@example.com").await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let shown = app.get(&app.shop.owner, &format!("/v1/cards/{}", customer.card)).await.expect(200);
    assert_eq!((&shown["points"], &shown["pending"]), (&json!(0), &json!(200)), "{shown}");
    let live = app.live_code(&app.shop, &customer.card).await;
    let scan = app.post(&app.shop.pos, "/v1/scans", &json!({ "code": live })).await.expect(200);
    assert_eq!(
        (&scan["points"], &scan["pending"], &scan["rewards"][0]["reason"]),
        (&json!(0), &json!(200), &json!("member_unverified"))
    );
    app.redeem(&app.shop, &live, "coffee").await.refused("member_unverified");
    let card = visitor.get(&format!("{base}?lang=en")).await.expect(200);
    assert!(card.words().contains("200 points wait until you have confirmed your contact."), "{}", card.words());
    assert!(card.body.contains(&format!("action=\"{base}/verify\"")), "the same form stands on the card's page");

    let wrong = if code == "000000" { "000001" } else { "000000" };
    let verify = format!("{base}/verify");
    let told = visitor.submit(&verify, (&verify, &[("code", wrong)])).await.location();
    assert_eq!(told, format!("{verify}?problem=code"));
    let eastern: String = code.chars().map(|digit| char::from_u32(0x660 + u32::from(digit) - 0x30).expect("a digit")).collect();
    let right = visitor.submit(&verify, (&verify, &[("code", &eastern)])).await.location();
    assert_eq!(right, format!("{base}?done=confirmed"));
    let card = visitor.get(&format!("{right}&lang=en")).await.expect(200);
    assert!(card.body.contains("data-points=\"200\"") && !card.body.contains("/verify\""), "{}", card.words());
    assert_eq!(visitor.get(&verify).await.location(), base, "nothing is left to prove");
    app.redeem(&app.shop, &live, "coffee").await.expect(201);
}

#[tokio::test]
async fn the_link_in_the_mail_needs_a_press() {
    let world = world("email").await;
    let mut visitor = Visitor::of(&world.app);
    let base = base(&world.join(&mut visitor, ("Sara", "sara@example.com")).await.location());
    let mail = world.message(1).await;
    let url = mail.text.lines().find(|line| line.contains("/v/")).expect("a link").to_owned();
    let path = url[url.find("/v/").expect("a path")..].to_owned();
    let mut scanner = Visitor::of(&world.app);
    scanner.get(&path).await.expect(200);
    assert!(visitor.get(&format!("{base}/verify")).await.expect(200).body.contains("name=\"code\""), "opening it proves nothing");
    let card = scanner.submit(&path, (&path, &[])).await.location();
    assert_eq!(card, format!("{base}?done=confirmed"));
    scanner.get(&path).await.expect(410);
    scanner.get(&format!("{}0", &path)).await.expect(404);
}

#[tokio::test]
async fn a_squatter_keeps_nobody_out_and_keeps_nothing() {
    let world = world("phone").await;
    let (mut squatter, mut owner) = (Visitor::of(&world.app), Visitor::of(&world.app));
    let squatted = base(&world.join(&mut squatter, ("Mallory", "5000 1234")).await.location());
    let first = world.message(1).await;
    assert_eq!((first.medium, first.to.as_str()), ("sms", "+96550001234"));
    world.app.clock.advance_seconds(61);

    let asking = world.join(&mut owner, ("Sara", "50001234")).await.expect(200);
    let key = squatted.rsplit('/').next().expect("a key");
    assert!(
        !asking.body.contains(key) && !asking.body.contains("Mallory") && asking.words().contains("…234"),
        "{}",
        asking.words()
    );
    let (code, path) = (world.code(2).await, world.path());
    let claim = asking.hidden("claim");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let action = format!("{path}/code");
    let refused = owner.resend(&asking, (&action, &[("code", wrong), ("claim", &claim)])).await.expect(422);
    let (token, op) = (refused.hidden("token"), refused.hidden("op"));
    let fields = [("token", token.as_str()), ("op", op.as_str()), ("code", code.as_str()), ("claim", claim.as_str())];
    let card = owner.post(&action, &fields).await.location();
    assert!(card.starts_with("/c/") && card.ends_with("?done=confirmed") && !card.contains(key), "{card}");
    assert_eq!(owner.post(&action, &fields).await.location(), card, "a second press leads there as well");
    let shown = owner.get(&format!("{card}&lang=en")).await.expect(200);
    assert!(shown.words().contains("Hello, Sara"), "{}", shown.words());
    squatter.get(&squatted).await.expect(410);
    let forged =
        owner.post(&action, &[("token", &token), ("op", "another-operation-1"), ("code", "1"), ("claim", "x.y.z")]).await;
    assert_eq!(forged.status, 400);
}

#[tokio::test]
async fn a_mistyped_contact_is_put_right_and_new_codes_are_bounded() {
    let world = world("either").await;
    let mut visitor = Visitor::of(&world.app);
    let verify = format!("{}/verify", base(&world.join(&mut visitor, ("Sara", "srar@example.com")).await.location()));
    world.message(1).await;
    let soon = visitor.submit(&verify, (&format!("{verify}/again"), &[])).await.location();
    assert_eq!(soon, format!("{verify}?problem=wait"), "not within a minute");
    let wrong = visitor.submit(&verify, (&format!("{verify}/contact"), &[("contact", "nothing")])).await.location();
    assert_eq!(wrong, format!("{verify}?problem=contact"));
    let changed = visitor.submit(&verify, (&format!("{verify}/contact"), &[("contact", "sara@example.com")])).await.location();
    assert_eq!(changed, format!("{verify}?done=contact"));
    let code = world.code(2).await;
    assert_eq!(world.message(2).await.to, "sara@example.com");
    let done = visitor.submit(&verify, (&verify, &[("code", &code)])).await.location();
    assert!(done.ends_with("?done=confirmed"), "{done}");
}

#[tokio::test]
async fn a_known_member_is_really_sent_the_way_to_the_card_and_not_too_often() {
    let world = world("email").await;
    let app = &world.app;
    let body = json!({ "programme": app.shop.programme, "name": "Amal", "language": "ar", "email": "amal@example.com" });
    app.post(&app.shop.pos, "/v1/members", &body).await.expect(201);
    for _ in 0..2 {
        let told = world.join(&mut Visitor::of(app), ("Eve", "amal@example.com")).await.location();
        assert_eq!(told, format!("{}/known", world.path()), "whoever asks hears the same each time");
    }
    let mail = world.message(1).await;
    assert!(mail.to == "amal@example.com" && mail.subject.contains("بطاقتك") && mail.text.contains("/c/"), "{mail:?}");
    app.clock.advance_seconds(61);
    world.join(&mut Visitor::of(app), ("Eve", "amal@example.com")).await.location();
    world.message(2).await;
    assert_eq!(world.mailbox.arrived().len(), 2, "one in a minute");
}

#[tokio::test]
async fn a_busy_server_is_tried_again() {
    let world = world("email").await;
    world.mailbox.refuse(1);
    world.join(&mut Visitor::of(&world.app), ("Sara", "sara@example.com")).await.location();
    world.code(1).await;
    assert_eq!(world.mailbox.arrived().len(), 1);
}

#[tokio::test]
async fn where_nothing_can_be_sent_joining_says_so() {
    let app = TestApp::spawn().await;
    change_programme(&app, |document| document["join"] = json!({ "verify": true })).await;
    app.clock.advance_seconds(2);
    let seen = Visitor::of(&app).get(&format!("/join/{}?lang=en", app.shop.programme)).await.expect(503);
    assert!(seen.words().contains("Joining is not possible at the moment"), "{}", seen.words());
    let refused = json!({ "verify": true, "identity": "none" });
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let shown = app.get(&app.shop.owner, &path).await.expect(200);
    let mut document = shown["document"].clone();
    document["join"] = refused;
    app.put(&app.shop.owner, &path, (shown["version"].as_i64().expect("a version"), &document)).await.refused("document_invalid");
}

/// What lettre wrote, read by another program: headers, both parts, Arabic.
#[tokio::test]
async fn mails_are_what_mail_programs_read() {
    let world = world("email").await;
    let mut visitor = Visitor::of(&world.app);
    let path = world.path();
    let first = visitor.get(&format!("{path}?lang=ar")).await.expect(200);
    visitor.resend(&first, (&path, &[("contact", "sara@example.com"), ("consent-terms", "yes")])).await.location();
    let code = world.code(1).await;
    let file = world.app.folder.path().join("mail.eml");
    std::fs::write(&file, &world.message(1).await.raw).expect("a file");
    let script = r#"
import email, email.policy, json, sys
mail = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
assert not mail.defects, mail.defects
parts = [part for part in mail.walk() if not part.is_multipart()]
assert all(not part.defects for part in parts)
print(json.dumps({"subject": mail["subject"], "from": str(mail["from"]), "name": mail["from"].addresses[0].display_name,
    "to": mail["to"].addresses[0].addr_spec, "auto": mail["auto-submitted"], "id": mail["message-id"], "date": mail["date"].datetime.isoformat(),
    "kind": mail.get_content_type(), "types": [part.get_content_type() for part in parts],
    "charsets": [part.get_content_charset() for part in parts], "texts": [part.get_content() for part in parts]}))
"#;
    let read = std::process::Command::new("python3").args(["-c", script]).arg(&file).output().expect("python runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let mail: serde_json::Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!(mail["subject"], format!("رمزك في مكافآت هو {code}"));
    assert_eq!(
        (&mail["name"], &mail["to"], &mail["auto"]),
        (&json!("مكافآت"), &json!("sara@example.com"), &json!("auto-generated"))
    );
    assert_eq!((&mail["kind"], &mail["types"]), (&json!("multipart/alternative"), &json!(["text/plain", "text/html"])));
    assert_eq!(mail["charsets"], json!(["utf-8", "utf-8"]));
    let [text, html] = [0, 1].map(|place| mail["texts"][place].as_str().expect("a text").to_owned());
    assert!(text.contains(&code) && text.contains("أدخل هذا الرمز"), "{text}");
    assert!(html.contains("dir=\"rtl\"") && html.contains(&code) && !html.contains("<img"), "{html}");
    assert!(mail["date"].as_str().is_some_and(|date| date.starts_with("2026-03-01T09:00")), "{mail}");
}
