//! What the demo says when it is ready, and the configuration file that it leaves for other commands.

use std::io::{self, Write};
use std::path::Path;

use super::Ready;
use crate::app::App;
use crate::config::Config;

/// Says what to open and what to try.
pub fn write(ready: &Ready, data: &Path, out: &mut dyn Write) -> io::Result<()> {
    let Ready { guide_url, base_url, tls_url, phone_url, google_phone_url, mail_url, .. } = ready;
    let join = format!("{base_url}/join/{}", ready.programme);
    let data = data.display();
    let lines = format!(
        "
  Walaa is ready: a café with a points card, a stamp card, a till and two phones.

  Open this:  {guide_url}        the story in two minutes: the phone, the till and the API side by side

  Or alone    {phone_url}        the iPhone: its wallet changes as you earn and redeem
              {google_phone_url}        the Android phone, with the code that turns
              {join}    join, as from a poster; the code arrives in
              {mail_url}             the mailbox: mails and short messages
              {scan_url}         the scanner: its one-time code is {scan_code}, Mariam's PIN is {staff_pin}
              {base_url}/docs    every route of the API, with examples
              {tls_url}          the same over TLS, as phones use it

  Keys        {admin_key}   the owner's
              {pos_key}   the till's, as a cash register uses it
              {terminal_key}   the scanner's

  Try         A sale. Watch the phone: the points change before you look up.

      curl -s {base_url}/v1/earnings \\
           -H 'Authorization: Bearer {pos_key}' \\
           -H 'Content-Type: application/json' -H \"Idempotency-Key: try-$(date +%s%N)\" \\
           -d '{{\"card\":\"{card}\",\"receipt\":\"'$RANDOM-$RANDOM'\",\"total\":{{\"amount\":\"12.500\",\"currency\":\"{currency}\"}}}}'

  Everything is kept in {data}; a second start goes on with it, and removing the folder starts anew.
  Other commands work on it, too: walaa audit verify --config {data}/walaa.toml
  Ctrl-C ends it.
",
        admin_key = ready.admin_key,
        pos_key = ready.pos_key,
        terminal_key = ready.terminal_key,
        card = ready.card,
        scan_url = ready.scan_url,
        scan_code = ready.scan_code,
        staff_pin = ready.staff_pin,
        currency = ready.currency,
    );
    out.write_all(lines.as_bytes())
}

/// Leaves a configuration with which other commands find the demo's data.
pub fn write_config(config: &Config, (app, data): (&App, &Path)) -> io::Result<()> {
    let text = format!(
        "# The demo's settings, written at each of its starts, for other commands.\n\
         [server]\nlisten = \"127.0.0.1:{}\"\ntls_listen = \"127.0.0.1:{}\"\nadmin_listen = \"127.0.0.1:{}\"\n\
         public_url = \"{}\"\ntls_certificate_file = \"pki/server.pem\"\ntls_key_file = \"pki/server.key\"\n\n\
         [database]\nurl = \"sqlite:walaa.db\"\n\n\
         [keys]\nkeyring_file = \"keyring.toml\"\nenvironment = \"test\"\n",
        app.port(),
        app.tls_port(),
        app.admin_port(),
        app.core().public_url,
    );
    let accounts = config.apple.iter().map(|account| {
        format!(
            "\n[[apple]]\npass_type_id = \"{}\"\nteam_id = \"{}\"\ncertificate_file = \"pki/pass.pem\"\nkey_file = \"pki/pass.key\"\n\
             intermediate_file = \"pki/wwdr.pem\"\napns_url = \"{}\"\napns_ca_file = \"pki/root.pem\"\n",
            account.pass_type_id, account.team_id, account.apns_url
        )
    });
    let issuers = config.google.iter().map(|account| {
        format!(
            "\n[[google]]\nissuer_id = \"{}\"\nservice_account_file = \"google.json\"\napi_url = \"{}\"\nkeys_url = \"{}\"\n\
             save_url = \"{}\"\n",
            account.issuer_id, account.api_url, account.keys_url, account.save_url
        )
    });
    let messages = format!(
        "\n[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"{}\"\n\n[sms]\nurl = \"{}\"\nsecret_file = \"sms-secret.txt\"\n",
        config.mail.port,
        config.mail.from.as_deref().unwrap_or_default(),
        config.sms.url.as_deref().unwrap_or_default(),
    );
    std::fs::write(data.join("walaa.toml"), text + &accounts.chain(issuers).collect::<String>() + &messages)
}
