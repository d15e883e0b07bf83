//! Commands that need no running gateway: configuration, keys, templates, the API's description.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::installation::{Installation, walaa};

#[test]
fn the_default_configuration_is_printed_and_wants_only_the_public_address() {
    let said = walaa(&["config", "default"]);
    assert!(said.fine && said.out.contains("[server]") && said.out.contains("#public_url"));
    let installation = Installation::new();
    std::fs::write(installation.path("walaa.toml"), &said.out).unwrap();
    let refused = installation.run(&["config", "check"]);
    assert!(!refused.fine);
    assert!(refused.err.contains("server.public_url must be given"), "{}", refused.err);
    std::fs::write(installation.path("walaa.toml"), said.out.replace("#public_url", "public_url")).unwrap();
    let right = installation.run(&["config", "check"]);
    assert!(right.fine, "{}", right.err);
}

#[test]
fn a_wrong_setting_is_refused_with_its_line_before_anything_is_done() {
    let installation = Installation::new();
    installation.configure("[redis]\nur = \"redis://127.0.0.1\"\n");
    for command in [&["serve"][..], &["keys", "list"], &["backup", "x.db"], &["audit", "verify"]] {
        let said = installation.run(command);
        assert!(!said.fine);
        assert!(said.err.contains("line 18: unknown setting ur in [redis]; did you mean url?"), "{}", said.err);
    }
    assert!(!installation.path("data").exists(), "nothing was made");
}

#[test]
fn the_first_key_makes_organisation_and_master_keys_and_the_next_ones_join_it() {
    let installation = Installation::new();
    let owner = installation.run(&["keys", "create", "--organisation", "Qahwa House", "--role", "owner"]);
    assert!(owner.fine, "{}", owner.err);
    assert!(owner.value("secret").starts_with("wk_live_") && owner.value("organisation").starts_with("org_"));
    let mode = std::fs::metadata(installation.path("data/keyring.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let other = installation.run(&["keys", "create", "--organisation", "Qahwa Huose", "--role", "owner"]);
    assert!(!other.fine && other.err.contains("Qahwa House (org_"), "a typing mistake makes no organisation: {}", other.err);
    let pos = installation.run(&[
        "keys",
        "create",
        "--organisation",
        "Qahwa House",
        "--role",
        "pos",
        "--name",
        "web shop",
        "--expires-days",
        "30",
    ]);
    assert_eq!(pos.value("organisation"), owner.value("organisation"));

    let list = installation.run(&["keys", "list"]).out;
    assert!(list.contains("web shop") && list.contains("until 20") && list.contains("live"), "{list}");
    assert!(!list.contains("wk_live_"), "no secret is listed");
    let key = pos.value("key");
    let key = key.lines().next().unwrap();
    assert!(installation.run(&["keys", "revoke", key]).fine);
    assert!(installation.run(&["keys", "list", "--organisation", "Qahwa House"]).out.contains("revoked"));
    let unknown = installation.run(&["keys", "revoke", "key_00000000000000000000000000"]);
    assert!(!unknown.fine && unknown.err.contains("there is no key"));

    let second = installation.run(&["keys", "create", "--organisation", "Chai Bar", "--role", "owner", "--new-organisation"]);
    assert!(second.fine && second.value("organisation") != owner.value("organisation"));
}

#[test]
fn master_keys_travel_sealed_and_a_database_is_never_opened_with_others() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let (sealed, passphrase) = (installation.path("keys.sealed"), installation.path("passphrase.txt"));
    let (sealed, secret_file) = (sealed.to_str().unwrap(), passphrase.to_str().unwrap());
    std::fs::write(&passphrase, "a cup of cardamom\n").unwrap();
    let open_to_all = installation.run(&["keys", "export", sealed, "--passphrase-file", secret_file]);
    assert!(!open_to_all.fine && open_to_all.err.contains("chmod 600"), "{}", open_to_all.err);
    installation.chmod("passphrase.txt", 0o600);
    assert!(installation.run(&["keys", "export", sealed, "--passphrase-file", secret_file]).fine);
    let before = std::fs::read_to_string(installation.path("data/keyring.toml")).unwrap();
    let digits = before.lines().find(|line| line.starts_with("1 = ")).unwrap();
    assert!(!std::fs::read_to_string(sealed).unwrap().contains(&digits[5..30]), "the export is sealed");

    std::fs::remove_file(installation.path("data/keyring.toml")).unwrap();
    let lost = installation.serve_refused();
    assert!(lost.contains("master keys") && lost.contains("are missing"), "keys are never made anew over a database: {lost}");
    assert!(installation.run(&["keys", "import", sealed, "--passphrase-file", secret_file]).fine);
    assert_eq!(std::fs::read_to_string(installation.path("data/keyring.toml")).unwrap(), before);
    assert!(installation.run(&["keys", "list"]).fine);

    let stranger = Installation::new();
    stranger.found("Another House");
    std::fs::copy(stranger.path("data/keyring.toml"), installation.path("data/keyring.toml")).unwrap();
    let refused = installation.serve_refused();
    assert!(refused.contains("the master keys are not those that org_"), "{refused}");
}

#[test]
fn templates_are_checked_and_pictured() {
    let said = walaa(&["template", "check", "pass-templates/coffee"]);
    assert!(said.fine, "{}{}", said.out, said.err);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("coffee.html");
    assert!(walaa(&["template", "preview", "coffee", "--out", page.to_str().unwrap()]).fine);
    assert!(std::fs::read_to_string(page).unwrap().contains("<html"));
    std::fs::write(folder.path().join("card.toml"), "nonsense").unwrap();
    assert!(!walaa(&["template", "check", folder.path().to_str().unwrap()]).fine, "the exit code tells");
    assert!(!walaa(&["template", "check", "no-such-template"]).fine);
}

#[test]
fn the_api_is_described() {
    let document: Value = serde_json::from_str(&walaa(&["openapi"]).out).expect("it is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/p/{file}"]["get"].is_object());
}
