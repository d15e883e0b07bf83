//! How callbacks go out: to the class's address, again when they are not taken, and spoilt on demand.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::callback::{Event, Outgoing};
use super::fault::CallbackFault;
use super::state::RecordedCallback;

/// What Google's callbacks call themselves, near enough: robots.txt must let it in.
const USER_AGENT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; sandbox)";

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Callbacks that wait to be released at most.
const MAX_HELD: usize = 1_000;

/// What sends them.
pub(super) fn client(roots_pem: &[u8]) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder =
        reqwest::Client::builder().user_agent(USER_AGENT).timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    if !roots_pem.is_empty() {
        for root in reqwest::Certificate::from_pem_bundle(roots_pem)? {
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build()
}

impl Shared {
    /// Tells the issuer of what users did, where their class has an address for it.
    pub(super) fn send_callbacks(&self, events: &[Event]) {
        for event in events {
            let Some(url) = self.callback_url(&event.class_id) else { continue };
            let fault = self.state().callback_faults.pop_front();
            if fault == Some(CallbackFault::Lose) {
                continue;
            }
            let forgery = if let Some(CallbackFault::Forge(forgery)) = &fault { Some(*forgery) } else { None };
            let Ok(body) = self.callback_keys().sign(event, forgery, (self.clock.now(), &*self.ids)) else { continue };
            let outgoing = Outgoing { url, event: event.kind, object_id: event.object_id.clone(), body };
            match fault {
                Some(CallbackFault::Hold) => {
                    let mut state = self.state();
                    if state.held_callbacks.len() < MAX_HELD {
                        state.held_callbacks.push(outgoing);
                    }
                }
                Some(CallbackFault::Duplicate(more)) => (0..=more).for_each(|_| self.deliver(outgoing.clone(), Duration::ZERO)),
                Some(CallbackFault::Delay(delay)) => self.deliver(outgoing, delay),
                _ => self.deliver(outgoing, Duration::ZERO),
            }
        }
    }

    /// Sends the callbacks that were held back.
    pub(super) fn release(&self) {
        let held = std::mem::take(&mut self.state().held_callbacks);
        for outgoing in held {
            self.deliver(outgoing, Duration::ZERO);
        }
    }

    fn callback_url(&self, class_id: &str) -> Option<String> {
        let class = self.state().classes.get(class_id)?.value();
        class["callbackOptions"]["url"].as_str().map(str::to_owned)
    }

    fn deliver(&self, outgoing: Outgoing, delay: Duration) {
        let Some(shared) = self.myself.upgrade() else { return };
        tokio::spawn(async move {
            let mut stop = shared.stop.subscribe();
            tokio::select! {
                () = attempts(&shared, &outgoing, delay) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// The first attempt, and as many more as there are waits.
async fn attempts(shared: &Arc<Shared>, outgoing: &Outgoing, delay: Duration) {
    let waits = std::iter::once(delay).chain(shared.callback_retries.iter().copied());
    for (wait, attempt) in waits.zip(1_u32..) {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let sent = shared.http.post(&outgoing.url).header("content-type", "application/json").body(outgoing.body.clone()).send();
        let status = sent.await.ok().map(|answer| answer.status().as_u16());
        let recorded = RecordedCallback {
            at: shared.clock.now(),
            event: outgoing.event.to_owned(),
            object_id: outgoing.object_id.clone(),
            attempt,
            status,
            body: outgoing.body.clone(),
        };
        shared.state().record_callback(recorded);
        shared.changed();
        if status.is_some_and(|status| status < 500) {
            return;
        }
    }
}
