//! Whether messages get to members: the files are there, the mail server lets us in, the webhook answers; and no programme asks for a proof
//! that nothing can be sent for.

use std::time::Duration;

use super::Looks;
use crate::app::messages;
use crate::config::Config;
use crate::messages::{probe_mail, probe_sms};
use crate::programme::{JoinIdentity, Programme};

/// How long the mail server may take for greeting and signing in.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What can be said without the network.
pub(super) fn look(config: &Config, looks: &mut Looks) {
    match messages::mail(config) {
        Ok(None) => looks.fine("mail", "none is configured: nothing is sent by mail"),
        Ok(Some(mail)) => looks.fine("mail", format!("is sent by {}:{} from {}", mail.host, mail.port, mail.from)),
        Err(error) => looks.refused("mail", &error),
    }
    match messages::sms(config) {
        Ok(None) => looks.fine("sms", "none is configured: no short messages are sent"),
        Ok(Some(sms)) => looks.fine("sms", format!("is handed to {}", sms.url)),
        Err(error) => looks.refused("sms", &error),
    }
}

/// What needs the network. Nothing is sent.
pub(super) async fn look_outside(config: &Config, looks: &mut Looks) {
    if let Ok(Some(mail)) = messages::mail(config) {
        let place = format!("{}:{}", mail.host, mail.port);
        match tokio::time::timeout(TIMEOUT, probe_mail(&mail)).await {
            Ok(Ok(())) => looks.fine("mail", format!("{place} lets us in")),
            Ok(Err(error)) => {
                looks.wrong(
                    "mail",
                    format!("{place} does not let us in: {error}"),
                    "Check mail.host, mail.port, mail.tls and the password",
                );
            }
            Err(_) => looks.wrong("mail", format!("{place} does not answer in time"), "Check mail.host and mail.port"),
        }
    }
    if let Ok(Some(sms)) = messages::sms(config) {
        match probe_sms(&sms).await {
            Ok(()) => looks.fine("sms", format!("{} answers", sms.url)),
            Err(error) => looks.wrong("sms", format!("the webhook does not answer: {error}"), "Check sms.url"),
        }
    }
}

/// A programme whose members are to prove a contact that nothing can be sent to.
pub(super) fn programme(config: &Config, programme: &Programme, looks: &mut Looks) {
    let join = &programme.join;
    if !join.verify {
        return;
    }
    let (mail, sms) = (config.mail.host.is_some(), config.sms.url.is_some());
    let (possible, needed) = match join.identity {
        JoinIdentity::Email => (mail, "[mail]"),
        JoinIdentity::Phone => (sms, "[sms]"),
        JoinIdentity::Either | JoinIdentity::None => (mail || sms, "[mail] or [sms]"),
    };
    if !possible {
        let name = programme.name.get("en").map_or("", String::as_str);
        let what = format!("programme \"{name}\" has join.verify, but there is nothing to send its codes with: nobody can join");
        looks.wrong("messages", what, format!("Set {needed} up, or take join.verify out of the programme"));
    }
}
