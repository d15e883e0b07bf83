//! What a phone does with its passes' web services: registering, catching up after a push, fetching one pass, complaining.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::locale::{self, Language};
use super::notice;
use super::state::{InstalledPass, Notice, NoticeText, WebService};
use super::web_service::{Exchange, Fetched, Trouble};
use super::{Inner, OpenedPass, PhoneEvent, Subject};

impl Inner {
    /// Registers a pass and asks for news without a tag, as phones do soon after.
    pub(super) async fn subscribe_pass(&self, key: &str) {
        let found = self.state().find(key).cloned();
        let Some((pass, service)) = found.and_then(|pass| pass.web_service().map(|service| (pass, service))) else { return };
        let (device, push_token) = self.names();
        let registered = self.courier.register(subject(&pass, &service, &device), &push_token, &|step| self.note(step)).await;
        if let Err(trouble) = registered {
            self.complain(&service, "Register", &registration_task(&pass, &service, &device), &trouble).await;
            return;
        }
        self.list_and_fetch(&service, &pass.pass_type, None).await;
    }

    /// Unregisters a pass.
    pub(super) async fn unregister(&self, pass: &InstalledPass) {
        let Some(service) = pass.web_service() else { return };
        let (device, _) = self.names();
        if let Err(trouble) = self.courier.unregister(subject(pass, &service, &device), &|step| self.note(step)).await {
            self.complain(&service, "Unregister", &registration_task(pass, &service, &device), &trouble).await;
        }
    }

    /// After a push for a pass type: asks each web service that has such passes what changed.
    pub(super) async fn catch_up(&self, topic: &str) {
        let mut services: Vec<WebService> = Vec::new();
        for pass in self.state().passes.iter().filter(|pass| pass.pass_type == topic && pass.automatic) {
            if let Some(service) = pass.web_service().filter(|service| services.iter().all(|known| known.url != service.url)) {
                services.push(service);
            }
        }
        for service in services {
            let tag = self.state().tags.get(&(service.url.clone(), topic.to_owned())).cloned();
            self.list_and_fetch(&service, topic, tag).await;
        }
    }

    /// GET 2, then GET 3 for every serial number that was named, then keeps the new tag.
    async fn list_and_fetch(&self, service: &WebService, topic: &str, tag: Option<String>) {
        let (device, _) = self.names();
        let about = Subject { service, device: &device, pass_type: topic, serial: "" };
        let changed = match self.courier.list(about, tag.as_deref(), &|step| self.note(step)).await {
            Ok(None) => return,
            Ok(Some(changed)) => changed,
            Err(trouble) => {
                let last = tag.as_deref().unwrap_or("(null)");
                let task =
                    format!("for device {device}, pass type {topic}, last updated {last}; with web service url {}", service.url);
                return self.complain(service, "Get serial #s", &task, &trouble).await;
            }
        };
        let named: BTreeSet<&str> = changed.serials.iter().map(String::as_str).collect();
        let passes: Vec<InstalledPass> = {
            let state = self.state();
            let concerned = state.passes.iter().filter(|pass| pass.pass_type == topic && named.contains(pass.serial.as_str()));
            concerned.filter(|pass| pass.web_service().is_some_and(|own| own.url == service.url)).cloned().collect()
        };
        for pass in &passes {
            self.fetch(pass).await;
        }
        self.state().tags.insert((service.url.clone(), topic.to_owned()), changed.tag);
    }

    /// GET 3: takes over a newer package if it is good, keeps the old one if not.
    pub(super) async fn fetch(&self, pass: &InstalledPass) {
        let Some(service) = pass.web_service() else { return };
        let (device, _) = self.names();
        let since = pass.last_modified.as_deref();
        let task = format!(
            "pass type {}, serial number {}, if-modified-since {}; with web service url {}",
            pass.pass_type,
            pass.serial,
            since.unwrap_or("(null)"),
            service.url
        );
        let fetched = self.courier.fetch(subject(pass, &service, &device), since, &|step| self.note(step)).await;
        let (bytes, last_modified) = match fetched {
            Ok(Fetched::Unchanged) => return,
            Ok(Fetched::Package { bytes, last_modified }) => (bytes, last_modified),
            Err(trouble) => return self.complain(&service, "Get pass", &task, &trouble).await,
        };
        let opened = match self.accept(pass, &bytes) {
            Ok(opened) => opened,
            Err(reasons) => {
                let trouble = Trouble(format!("Received invalid pass data ({})", reasons.join("; ")));
                let detail = trouble.0.clone();
                self.note(Exchange { what: "refused", request: pass.pass_type.clone(), status: None, detail });
                return self.complain(&service, "Get pass", &task, &trouble).await;
            }
        };
        let mut warnings: Vec<String> = notice::repeated_keys(&opened.pass)
            .into_iter()
            .map(|key| format!("more than one field has the key '{key}'"))
            .collect();
        if last_modified.is_none() {
            warnings.push("Server did not provide a 'last-modified' header".to_owned());
        }
        let lines: Vec<String> = warnings.iter().map(|text| self.line("Get pass", &task, "warning", text)).collect();
        self.take_over(&pass.key, &bytes, opened, last_modified);
        if !lines.is_empty() {
            self.courier.log(&service, &lines, &|step| self.note(step)).await;
        }
    }

    /// A new version must be valid and of the same type and serial number.
    fn accept(&self, pass: &InstalledPass, bytes: &[u8]) -> Result<OpenedPass, Vec<String>> {
        let opened = (self.verify)(bytes)?;
        let same = opened.identity().is_some_and(|(pass_type, serial)| pass_type == pass.pass_type && serial == pass.serial);
        if same {
            Ok(opened)
        } else {
            Err(vec!["The pass type identifier or serial number of the pass does not match".to_owned()])
        }
    }

    /// Puts a new version in place of the old one and tells the owner what changed.
    fn take_over(&self, key: &str, bytes: &[u8], opened: OpenedPass, last_modified: Option<String>) {
        let now = self.clock.now();
        let told = {
            let mut state = self.state();
            let Some(pass) = state.find_mut(key) else { return };
            let texts = what_to_tell(&pass.opened, &opened);
            pass.last_modified = last_modified;
            if !pass.opened.shows_the_same_as(&opened) {
                pass.bytes = bytes.into();
                pass.opened = Arc::new(opened);
                pass.updated_at = now;
            }
            if texts.is_empty() {
                None
            } else {
                let notice = Notice { number: state.next_number(), pass: key.to_owned(), at: now, texts };
                state.remember_notice(notice.clone());
                Some(notice)
            }
        };
        self.tell(PhoneEvent::Changed);
        if let Some(notice) = told {
            self.tell(PhoneEvent::Told(notice));
        }
    }

    /// POST 5 in passd's words.
    async fn complain(&self, service: &WebService, task: &str, about: &str, trouble: &Trouble) {
        let line = self.line(task, about, "error", &trouble.0);
        self.courier.log(service, &[line], &|step| self.note(step)).await;
    }

    fn line(&self, task: &str, about: &str, level: &str, text: &str) -> String {
        let at = self.clock.now().to_utc().format("%Y-%m-%d %H:%M:%S +0000");
        format!("[{at}] {task} task ({about}) encountered {level}: {text}")
    }

    fn names(&self) -> (String, String) {
        let state = self.state();
        (state.device_id.clone(), state.push_token.clone())
    }
}

fn subject<'a>(pass: &'a InstalledPass, service: &'a WebService, device: &'a str) -> Subject<'a> {
    Subject { service, device, pass_type: &pass.pass_type, serial: &pass.serial }
}

fn registration_task(pass: &InstalledPass, service: &WebService, device: &str) -> String {
    format!(
        "for device {device}, pass type {}, serial number {}; with web service url {}",
        pass.pass_type, pass.serial, service.url
    )
}

/// The notice of a change in every language in which there is something to tell.
fn what_to_tell(old: &OpenedPass, new: &OpenedPass) -> BTreeMap<Language, NoticeText> {
    let mut texts = BTreeMap::new();
    for language in Language::ALL {
        let (before, _) = locale::localise(&old.pass, &old.files, language);
        let (after, _) = locale::localise(&new.pass, &new.files, language);
        if let Some(body) = notice::message(&before, &after, language) {
            let title = after["organizationName"].as_str().unwrap_or_default().to_owned();
            texts.insert(language, NoticeText { title, body });
        }
    }
    texts
}
