//! `walaa google sync` as an operator runs it, against the stand-in.

use std::process::{Command, Output};

use walaa::clock::{Clock, SystemClock};

use super::world::GoogleWorld;

async fn sync(world: &GoogleWorld, further: &[&str]) -> Output {
    // The command goes by the real clock, which has gone on meanwhile.
    world.clock.advance_millis(SystemClock.now().since(world.clock.now()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_walaa"));
    command.args(["google", "sync", &world.app.shop.programme, "--config"]).arg(world.app.folder.path().join("walaa.toml"));
    command.args(further);
    tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends")
}

fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    out
}

#[tokio::test]
async fn classes_are_looked_at_then_made_then_as_they_should_be() {
    let world = GoogleWorld::now().await;
    let folder = world.app.folder.path();
    let config = format!(
        "[server]\npublic_url = \"{}\"\n[database]\nurl = \"sqlite:{}\"\n[keys]\nkeyring_file = \"{}\"\nenvironment = \"test\"\n\
         [[google]]\nissuer_id = \"{}\"\nservice_account_file = \"{}\"\napi_url = \"{}\"\nkeys_url = \"{}\"\n",
        world.app.core.public_url,
        folder.join("walaa.db").display(),
        folder.join("keyring.toml").display(),
        walaa::sandbox::google::ISSUER,
        folder.join("google.json").display(),
        world.google.base_url(),
        world.google.keys_url(),
    );
    std::fs::write(folder.join("walaa.toml"), config).expect("writes");
    let before = said(&sync(&world, &["--dry-run"]).await);
    assert!(before.lines().count() > 1 && before.lines().all(|line| line.ends_with("would be made")), "{before}");
    assert_eq!(world.google.counters().changes, 0, "only looked");
    let made = said(&sync(&world, &[]).await);
    assert!(made.lines().all(|line| line.ends_with("made now")), "{made}");
    let after = said(&sync(&world, &["--dry-run"]).await);
    assert!(after.lines().all(|line| line.ends_with("is as it should be")), "{after}");
    let gone = sync(&world, &[]).await;
    assert!(said(&gone).lines().all(|line| line.ends_with("is as it should be")));
}
