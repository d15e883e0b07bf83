//! Who is let in: every wrong key is the same 401, whatever is wrong with it.

use serde_json::json;
use walaa::ids::{Ids, KeyId, SystemIds};
use walaa::programme::Role;
use walaa::tokens::{Credential, Environment, KeyHolder, Secret};

use crate::support::app::{Ask, TestApp};

fn made_up(environment: Environment, id: KeyId) -> String {
    let secret = Secret::new([SystemIds.random(), SystemIds.random()].concat().try_into().expect("32 bytes"));
    Credential { environment, holder: KeyHolder::Key(id), secret }.to_text().to_string()
}

#[tokio::test]
async fn wrong_keys_can_not_be_told_apart() {
    let app = TestApp::spawn().await;
    let owner = app.shop.owner.clone();
    let owners_id = Credential::parse(&owner).map(|key| key.holder).expect("a key");
    let KeyHolder::Key(owners_id) = owners_id else { panic!("the owner has a key") };
    let mistyped = format!("{}{}", &owner[..owner.len() - 1], if owner.ends_with('0') { '1' } else { '0' });
    let wrong_secret = made_up(Environment::Live, owners_id);
    let unknown = made_up(Environment::Live, KeyId([9; 16]));
    let other_environment = made_up(Environment::Test, owners_id);
    let mut answers = Vec::new();
    for key in ["", "x", "null", &mistyped, &wrong_secret, &unknown, &other_environment, &"A".repeat(4_000), "wk_live_ŵ"] {
        let reply = app.send(Ask::get("/v1/stores").key(key)).await;
        reply.refused("unauthorized");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        answers.push(reply.bytes);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ");
}

#[tokio::test]
async fn only_one_bearer_header_counts() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    app.send(Ask::get("/v1/stores").header("authorization", &format!("bearer {owner}"))).await.expect(200);
    for header in [owner.clone(), format!("Basic {owner}"), format!("Bearer {owner} {owner}"), format!("Bearer,{owner}")] {
        app.send(Ask::get("/v1/stores").header("authorization", &header)).await.refused("unauthorized");
    }
    app.send(Ask::get("/v1/stores").key(owner).key(owner)).await.refused("unauthorized");
    app.send(Ask::get(&format!("/v1/stores?key={owner}"))).await.refused("unauthorized");
}

#[tokio::test]
async fn a_revocation_elsewhere_binds_within_a_second() {
    let app = TestApp::spawn().await;
    let made = app.post(&app.shop.owner, "/v1/keys", &json!({ "name": "x", "role": "manager" })).await.expect(201);
    let key = made["key"].as_str().expect("a key");
    app.get(key, "/v1/stores").await.expect(200);
    app.revoke_behind_the_back(made["id"].as_str().expect("an id")).await;
    app.clock.advance_millis(899);
    let before = app.get(key, "/v1/stores").await;
    // A node that was not asked before looks at once.
    assert!(before.status == 200 || app.ground.has_several_nodes(), "{before:?}");
    app.clock.advance_millis(1);
    app.get(key, "/v1/stores").await.refused("key_revoked");
}

#[tokio::test]
async fn a_role_is_what_its_scopes_are() {
    for role in [Role::Owner, Role::Manager, Role::Pos, Role::Terminal, Role::Auditor] {
        let scopes: std::collections::BTreeSet<_> = role.scopes().iter().collect();
        assert_eq!(scopes.len(), role.scopes().len(), "{role:?} lists a scope twice");
    }
}
