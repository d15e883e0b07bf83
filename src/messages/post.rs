//! The post office: takes messages within a bound, sends each on its own, tries again a few times, counts how it went.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::mail::{MailConfig, MailError, Mailer};
use super::sms::{SmsConfig, SmsError, Texter};
use super::{Medium, Message, Messenger, NotTaken};
use crate::clock::Clock;

/// Messages that are on their way at once; more are refused, and whoever waits asks again.
const MOST: usize = 500;

/// Pauses between the tries.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// Why a try failed; never whom it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// Another try may work.
    ForNow(&'static str),
    /// None will.
    ForGood(&'static str),
}

/// Sends by mail and by webhook, as far as they are set up.
pub struct Post {
    ways: Arc<Ways>,
    room: Arc<Semaphore>,
}

struct Ways {
    mail: Option<Mailer>,
    sms: Option<Texter>,
    clock: Arc<dyn Clock>,
    pauses: [Duration; 3],
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Mail can't.
    #[error("mail: {0}")]
    Mail(#[from] MailError),
    /// Short messages can't.
    #[error("sms: {0}")]
    Sms(#[from] SmsError),
}

impl Post {
    /// Opens for what is set up.
    ///
    /// # Errors
    /// What is set up can't be used.
    pub fn new(mail: Option<&MailConfig>, sms: Option<SmsConfig>, clock: Arc<dyn Clock>) -> Result<Self, PostError> {
        let ways =
            Ways { mail: mail.map(Mailer::new).transpose()?, sms: sms.map(Texter::new).transpose()?, clock, pauses: PAUSES };
        Ok(Self { ways: Arc::new(ways), room: Arc::new(Semaphore::new(MOST)) })
    }
}

impl Messenger for Post {
    fn reaches(&self, medium: Medium) -> bool {
        match medium {
            Medium::Mail => self.ways.mail.is_some(),
            Medium::Sms => self.ways.sms.is_some(),
        }
    }

    fn send(&self, message: Message) -> Result<(), NotTaken> {
        let medium = message.to.medium;
        if !self.reaches(medium) {
            return Err(NotTaken::NoWay);
        }
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            count(medium, "refused");
            return Err(NotTaken::Full);
        };
        let ways = Arc::clone(&self.ways);
        tokio::spawn(async move {
            let outcome = ways.deliver(&message).await;
            count(medium, outcome);
            drop(place);
        });
        Ok(())
    }
}

fn count(medium: Medium, outcome: &'static str) {
    metrics::counter!("walaa_messages_total", "medium" => medium.as_str(), "outcome" => outcome).increment(1);
}

impl Ways {
    /// Tries until it works, can't work, or would be too late; says how it went.
    async fn deliver(&self, message: &Message) -> &'static str {
        let (medium, kind) = (message.to.medium.as_str(), message.content.kind());
        let within = tokio::time::Instant::now() + message.content.lives();
        let mut pauses = self.pauses.into_iter();
        loop {
            let (why, pause) = match self.attempt(message).await {
                Ok(()) => return "sent",
                Err(Failed::ForGood(why)) => (why, None),
                Err(Failed::ForNow(why)) => (why, pauses.next()),
            };
            let Some(pause) = pause.filter(|pause| tokio::time::Instant::now() + *pause < within) else {
                tracing::error!(medium, kind, why, "a message could not be sent and is given up");
                return "failed";
            };
            tracing::warn!(medium, kind, why, "a message could not be sent and is tried again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, message: &Message) -> Result<(), Failed> {
        match (message.to.medium, &self.mail, &self.sms) {
            (Medium::Mail, Some(mail), _) => mail.send(message).await,
            (Medium::Sms, _, Some(sms)) => sms.send(message, self.clock.now()).await,
            _ => Err(Failed::ForGood("nothing is set up that sends there")),
        }
    }
}
