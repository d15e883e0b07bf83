//! `walaa doctor`: in order is told, out of order is told with what to do, and the exit code says which.

use super::installation::{Installation, walaa};

fn with_account(installation: &Installation) {
    let pki = installation.path("pki");
    assert!(
        walaa(&[
            "certs",
            "sandbox",
            "--folder",
            pki.to_str().unwrap(),
            "--pass-type-id",
            "pass.com.example.one",
            "--team-id",
            "ABCDE12345"
        ])
        .fine
    );
    installation.configure(
        "[[apple]]\npass_type_id = \"pass.com.example.one\"\nteam_id = \"ABCDE12345\"\ncertificate_file = \"pki/pass.pem\"\n\
         key_file = \"pki/pass.key\"\nintermediate_file = \"pki/wwdr.pem\"\napns_url = \"https://127.0.0.1:9\"\n",
    );
}

#[test]
fn a_good_installation_is_in_order() {
    let installation = Installation::new();
    with_account(&installation);
    installation.found("Qahwa House");
    let said = installation.run(&["doctor", "--offline"]);
    assert!(said.fine, "{}", said.out);
    for area in ["configuration", "master keys", "database", "clock", "redis", "apple", "templates"] {
        assert!(said.out.lines().any(|line| line.starts_with("ok") && line.contains(area)), "{area} in {}", said.out);
    }
    assert!(said.out.contains("0 wrong"), "{}", said.out);
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let installation = Installation::new();
    with_account(&installation);
    installation.found("Qahwa House");
    installation.chmod("pki/pass.key", 0o640);
    let said = installation.run(&["doctor", "--offline"]);
    assert!(!said.fine && said.out.contains("WRONG    apple") && said.out.contains("chmod 600"), "{}", said.out);
    installation.chmod("pki/pass.key", 0o600);

    let online = installation.run(&["doctor"]);
    assert!(!online.fine && online.out.contains("127.0.0.1:9 can't be reached"), "{}", online.out);
    assert!(online.out.contains("warning  public url"), "{}", online.out);

    let text = std::fs::read_to_string(installation.path("walaa.toml")).unwrap();
    std::fs::write(installation.path("walaa.toml"), format!("{text}\n[redis]\nurl = \"redis://:swordfish@127.0.0.1:9\"\n"))
        .unwrap();
    let redis = installation.run(&["doctor", "--offline"]);
    assert!(!redis.fine && redis.out.contains("WRONG    redis") && !redis.out.contains("swordfish"), "{}", redis.out);

    std::fs::write(installation.path("walaa.toml"), "[server]\nlisten = 7\n").unwrap();
    let config = installation.run(&["doctor"]);
    assert!(!config.fine && config.out.contains("line 2"), "{}", config.out);
}

#[test]
fn a_new_installation_is_told_its_first_steps() {
    let installation = Installation::new();
    let said = installation.run(&["doctor", "--offline"]);
    assert!(!said.fine && said.out.contains("walaa keys create"), "{}", said.out);
}

#[test]
fn a_redis_that_answers_is_told_with_its_version() {
    let redis = crate::support::redis::RedisServer::start();
    let installation = Installation::new();
    installation.configure(&format!("[redis]\nurl = \"{}\"\n", redis.url()));
    installation.found("Qahwa House");
    let said = installation.run(&["doctor", "--offline"]);
    assert!(said.fine && said.out.contains("it answers, "), "{}", said.out);
}
