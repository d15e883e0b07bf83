//! What needs the network: whether phones would reach us, and whether we reach Apple's push service.

use std::time::Duration;

use tokio::net::TcpStream;

use super::Looks;
use crate::config::{AppleAccount, Config};

/// How long the other side may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn look(config: &Config, looks: &mut Looks) {
    public_url(config, looks).await;
    for account in &config.apple {
        push_service(account, looks).await;
    }
}

async fn public_url(config: &Config, looks: &mut Looks) {
    let Some(url) = &config.server.public_url else { return };
    let asked = async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        client.get(format!("{url}/healthz")).send().await?.error_for_status()
    };
    match asked.await {
        Ok(_) => looks.fine("public url", format!("{url} answers")),
        Err(error) => {
            let otherwise = "Start the gateway, then check the name, the proxy and the certificate. From inside, a network may refuse what works \
                             outside: try from a phone, or use --offline";
            looks.warn("public url", format!("{url}/healthz does not answer: {}", reason(&error)), otherwise);
        }
    }
}

/// The innermost reason, which is the one that helps.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

async fn push_service(account: &AppleAccount, looks: &mut Looks) {
    let url = account.apns_url.parse::<http::Uri>().ok();
    let Some((host, port)) = url.as_ref().and_then(|url| Some((url.host()?.to_owned(), url.port_u16().unwrap_or(443)))) else {
        return looks.wrong("push", format!("{} is no address", account.apns_url), "Leave apns_url out for Apple's own");
    };
    let connected = tokio::time::timeout(TIMEOUT, TcpStream::connect((host.trim_matches(['[', ']']), port))).await;
    match connected {
        Ok(Ok(_)) => looks.fine("push", format!("{host}:{port} can be reached")),
        _ => {
            let otherwise =
                "Let this machine connect out to that address; without it passes update only when their owners pull them down";
            looks.wrong("push", format!("{host}:{port} can't be reached"), otherwise);
        }
    }
}
