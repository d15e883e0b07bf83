//! Save links, verified by an implementation that is not ours.

use std::path::Path;

use jsonwebtoken::EncodingKey;
use openssl::rsa::Rsa;
use serde_json::{Value, json};
use walaa::clock::Timestamp;
use walaa::google::resource::{ResourceId, ResourceKind};
use walaa::google::save_link::{LinkSigner, MAX_TOKEN, SAVE_URL, SaveLink, SaveLinkError};

use super::samples::{Shop, issuer};
use crate::wallet::pass_views::{card, voucher};
use crate::wallet::tools::run;

const EMAIL: &str = "walaa@example-project.iam.gserviceaccount.com";

/// Checks signature and audience with PyJWT, the one of the Debian package, and prints header and claims.
const VERIFY: &str = r#"/usr/bin/python3 - <<'EOF'
import json, jwt
token = open("token").read()
claims = jwt.decode(token, open("public.pem").read(), algorithms=["RS256"], audience="google", options={"require": ["iss", "aud", "iat"]})
print(json.dumps({"header": jwt.get_unverified_header(token), "claims": claims}))
EOF"#;

fn signer(folder: &Path) -> LinkSigner {
    let key = Rsa::generate(2048).expect("a key");
    std::fs::write(folder.join("public.pem"), key.public_key_to_pem().expect("PEM")).expect("written");
    let key = EncodingKey::from_rsa_pem(&key.private_key_to_pem().expect("PEM")).expect("is a key");
    LinkSigner { key, key_id: "0123456789abcdef0123456789abcdef01234567".to_owned(), email: EMAIL.to_owned() }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-03-14T15:09:26.500Z").expect("is a time")
}

fn id(suffix: &str) -> ResourceId {
    ResourceId::new(issuer(), suffix).expect("is an id")
}

#[test]
fn a_link_with_a_card_and_vouchers_is_verified_by_another_implementation() {
    let folder = tempfile::tempdir().expect("a folder");
    let signer = signer(folder.path());
    let shop = Shop::with("coffee");
    let (card, voucher) = (shop.card(&card("en")).shared.id, shop.voucher(&voucher("en"), None).shared.id);
    let objects = [
        (ResourceKind::LoyaltyObject, card.clone()),
        (ResourceKind::OfferObject, voucher.clone()),
        (ResourceKind::OfferObject, id("pass_2")),
    ];
    let origins = ["https://wallet.example".to_owned()];
    let link = signer.link(&SaveLink { objects: &objects, origins: &origins, now: now() }).expect("a link");
    std::fs::write(folder.path().join("token"), link.strip_prefix(SAVE_URL).expect("Google's address")).expect("written");
    let shown: Value = serde_json::from_str(&run(folder.path(), VERIFY)).expect("is JSON");
    assert_eq!(shown["header"], json!({"alg": "RS256", "typ": "JWT", "kid": signer.key_id}));
    let claims = json!({
        "iss": EMAIL, "aud": "google", "typ": "savetowallet", "iat": 1_773_500_966, "origins": origins,
        "payload": {
            "loyaltyObjects": [{"id": card.to_string()}],
            "offerObjects": [{"id": voucher.to_string()}, {"id": id("pass_2").to_string()}],
        },
    });
    assert_eq!(shown["claims"], claims, "exactly these claims, and ids alone");
}

#[test]
fn links_stay_below_what_browsers_carry_and_say_so_if_they_can_t() {
    let folder = tempfile::tempdir().expect("a folder");
    let signer = signer(folder.path());
    let make = |count: usize| {
        let objects: Vec<_> = (0..count).map(|n| (ResourceKind::OfferObject, id(&format!("pass_{n:026}")))).collect();
        signer.link(&SaveLink { objects: &objects, origins: &[], now: now() })
    };
    let one = make(1).expect("a link").len() - SAVE_URL.len();
    assert!(one < 800, "a link with one object has {one} characters");
    let most = (1..100).take_while(|count| make(*count).is_ok()).last().expect("some fit");
    assert!(most >= 12, "only {most} objects fit");
    assert!(make(most).expect("fits").len() - SAVE_URL.len() <= MAX_TOKEN);
    match make(most + 1) {
        Err(error @ SaveLinkError::TooLong { length }) => {
            assert!(length > MAX_TOKEN);
            assert!(error.to_string().contains("fewer objects"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    println!("save link: {one} characters with one object; {most} objects fit");
}

#[test]
fn nothing_and_classes_can_t_be_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let signer = signer(folder.path());
    let link = |objects: &[(ResourceKind, ResourceId)]| signer.link(&SaveLink { objects, origins: &[], now: now() });
    assert!(matches!(link(&[]), Err(SaveLinkError::Empty)));
    assert!(matches!(link(&[(ResourceKind::LoyaltyClass, id("prog_1"))]), Err(SaveLinkError::NotAnObject(_))));
    assert!(!format!("{signer:?}").contains("BEGIN"), "the key is not printed");
}
