//! The stand-in for Google in a process of its own, so that the gateway's memory is the gateway's. One line asks, one line answers.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use walaa::clock::SystemClock;
use walaa::ids::SystemIds;
use walaa::sandbox::google::{FailKind, FailTimes, FailWhere, Fault, GoogleOptions, GoogleRules, GoogleSandbox};

/// Says to this program that it is the stand-in.
const MARK: &str = "WALAA_BENCH_STAND_IN";

/// The other end of the stand-in's pipes.
pub struct StandIn {
    pipes: Arc<Mutex<(ChildStdin, BufReader<ChildStdout>)>>,
    child: Child,
    /// Where it listens, and the key of its service account.
    pub about: Value,
}

/// What was counted so far.
#[derive(Clone, Copy)]
pub struct Counted {
    pub requests: u64,
    pub batches: u64,
    pub changes: u64,
    pub peak: u64,
}

impl StandIn {
    /// Starts this program once more.
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .env(MARK, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let stdin = child.stdin.take().expect("a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let about = read(&mut stdout);
        Self { pipes: Arc::new(Mutex::new((stdin, stdout))), child, about }
    }

    /// Asks, off the threads that serve.
    pub async fn ask(&self, question: Value) -> Value {
        let pipes = Arc::clone(&self.pipes);
        let asked = tokio::task::spawn_blocking(move || {
            let mut pipes = pipes.lock().expect("nobody panicked");
            writeln!(pipes.0, "{question}").expect("it listens");
            read(&mut pipes.1)
        });
        asked.await.expect("an answer")
    }

    pub async fn counted(&self) -> Counted {
        let counted = self.ask(json!({ "ask": "counters" })).await;
        let number = |name: &str| counted[name].as_u64().expect("a number");
        Counted { requests: number("requests"), batches: number("batches"), changes: number("changes"), peak: number("peak") }
    }

    pub fn text(&self, name: &str) -> String {
        self.about[name].as_str().expect("a text").to_owned()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

/// Is the stand-in, if this process was started as such, until its input ends.
pub fn be_it_if_asked(failures: &[(u16, f64)]) -> bool {
    if std::env::var_os(MARK).is_none() {
        return false;
    }
    actix_web::rt::System::new().block_on(async {
        let options = GoogleOptions {
            rules: GoogleRules { rate_per_second: None, ..GoogleRules::default() },
            ..GoogleOptions::new(Arc::new(SystemClock), Arc::new(SystemIds))
        };
        let google = GoogleSandbox::start(options).expect("a stand-in");
        say(&json!({
            "api": google.base_url(), "keys": google.keys_url(), "save": google.save_base().trim_end_matches('/'),
            "account": google.service_account_json(),
        }));
        let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| asked.send(line)));
        while let Some(line) = questions.recv().await {
            let question = serde_json::from_str(&line).expect("JSON");
            say(&answer(&google, &question, failures).await);
        }
    });
    true
}

fn say(answer: &Value) {
    println!("{answer}");
}

async fn answer(google: &GoogleSandbox, question: &Value, failures: &[(u16, f64)]) -> Value {
    let text = |name: &str| question[name].as_str().unwrap_or_default();
    match text("ask") {
        "fail" => {
            for (status, likely) in failures {
                let times = FailTimes::Probability(*likely);
                google.fail(Fault { kind: FailKind::Status(*status), times, place: FailWhere::Api, retry_after: None });
            }
            json!({})
        }
        "heal" => {
            google.clear_faults();
            json!({})
        }
        "counters" => {
            let counted = google.counters();
            json!({
                "requests": counted.requests, "batches": counted.batches, "changes": counted.changes,
                "peak": counted.peak_per_second,
            })
        }
        "how_many_have" => {
            let ids = google.object_ids();
            json!(ids.iter().filter(|id| google.object(id).is_some_and(|object| *balance(&object) == question["points"])).count())
        }
        "wait_for" => {
            let there =
                |google: &GoogleSandbox| google.object(text("id")).is_some_and(|object| *balance(&object) == question["points"]);
            json!(google.wait_until(there).await)
        }
        "name_of" => google.class(text("id")).map_or(Value::Null, |class| class["programName"].clone()),
        other => panic!("{other} is no question"),
    }
}

fn balance(object: &Value) -> &Value {
    &object["loyaltyPoints"]["balance"]["int"]
}
