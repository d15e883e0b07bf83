//! The real binary as a child process: started on free ports, spoken to over HTTP, killed without mercy.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running `walaa demo`.
pub struct Demo {
    child: Child,
    /// The line of JSON that it printed when it was ready.
    pub info: Value,
}

impl Demo {
    /// Starts the demo on a data folder and waits until it says that it is ready.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        let log = std::fs::File::create(data.with_extension("log")).expect("a log file beside the data folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_walaa"))
            .args(["demo", "--port", "0", "--tls-port", "0", "--json", "--data-dir"])
            .arg(data)
            .args(arguments)
            // It trusts its own authority alone: reading the system's roots for each client is most of a start.
            .env("SSL_CERT_FILE", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is ours");
        BufReader::new(stdout).read_line(&mut line).expect("its output can be read");
        let info = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            panic!("the demo says it is ready in one line of JSON, not {line:?}; its log: {log}");
        });
        Self { child, info }
    }

    /// A text of the JSON line.
    pub fn text(&self, name: &str) -> &str {
        self.info[name].as_str().unwrap_or_else(|| panic!("the demo tells its {name}"))
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child ends");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
