//! An installation in a folder of its own: configuration, keys, database, and the command run on it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long the binary may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command said, and how it ended.
pub struct Said {
    pub out: String,
    pub err: String,
    pub fine: bool,
}

impl Said {
    /// What stands behind a word at the beginning of a line.
    pub fn value(&self, name: &str) -> String {
        let line = self.out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {}", self.out));
        line[name.len()..].trim().to_owned()
    }
}

/// Runs the binary with arguments and nothing of our environment that it would read.
pub fn walaa(arguments: &[&str]) -> Said {
    let output: Output = command(arguments).stdin(Stdio::null()).output().expect("the binary runs");
    Said {
        out: String::from_utf8(output.stdout).expect("it speaks UTF-8"),
        err: String::from_utf8(output.stderr).expect("it speaks UTF-8"),
        fine: output.status.success(),
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walaa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WALAA_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

pub struct Installation {
    folder: TempDir,
}

impl Installation {
    /// A folder with a configuration: free ports, JSON logs.
    pub fn new() -> Self {
        let installation = Self { folder: tempfile::tempdir().expect("a folder") };
        installation.configure("");
        installation
    }

    /// Writes the configuration, with more at its end.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\npublic_url = \"https://wallet.example.com\"\n\
             shutdown_seconds = 10\ndrain_seconds = 1\n\n[database]\nurl = \"sqlite:data/walaa.db\"\n\n\
             [keys]\nkeyring_file = \"data/keyring.toml\"\n\n[log]\nformat = \"json\"\n\n{more}"
        );
        std::fs::write(self.path("walaa.toml"), text).expect("the folder is ours");
    }

    /// Writes the configuration with another database.
    pub fn use_database(&self, url: &str) {
        let file = self.path("walaa.toml");
        let text = std::fs::read_to_string(&file).expect("it was written");
        std::fs::write(&file, text.replace("sqlite:data/walaa.db", url)).expect("the folder is ours");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command with this configuration.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let config = self.path("walaa.toml");
        let mut all = arguments.to_vec();
        all.extend(["--config", config.to_str().expect("a plain path")]);
        walaa(&all)
    }

    /// Makes the organisation and its owner's key, and says the key's text.
    pub fn found(&self, name: &str) -> String {
        let said = self.run(&["keys", "create", "--organisation", name, "--role", "owner"]);
        assert!(said.fine, "{}", said.err);
        said.value("secret")
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&self) -> Server {
        let config = self.path("walaa.toml");
        let log = self.path("server.log");
        let child = command(&["serve", "--config", config.to_str().expect("a plain path")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("the folder is ours"))
            .spawn()
            .expect("the binary starts");
        let mut server = Server { child, port: 0, admin_port: 0 };
        let ready = wait_for_line(&log, "Walaa is ready", &mut server.child);
        server.port = port(&ready, "http");
        server.admin_port = port(&ready, "admin");
        server
    }

    /// Runs the server and expects it to refuse; says why.
    pub fn serve_refused(&self) -> String {
        let said = self.run(&["serve"]);
        assert!(!said.fine, "it should not have started");
        said.err
    }

    /// Gives a file other permissions.
    pub fn chmod(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).expect("the file is ours");
    }
}

fn port(line: &Value, name: &str) -> u16 {
    line[name].as_u64().and_then(|port| port.try_into().ok()).unwrap_or_else(|| panic!("{name} in {line}"))
}

/// Waits for a line of the log; a server that ends instead is a failure.
fn wait_for_line(log: &Path, text: &str, child: &mut Child) -> Value {
    let began = Instant::now();
    loop {
        let file = std::fs::File::open(log).expect("the log is there");
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let found = lines
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|line| line["message"].as_str().is_some_and(|message| message.contains(text)));
        if let Some(line) = found {
            return line;
        }
        let ended = child.try_wait().expect("the child is ours");
        let so_far = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "the server ended: {}", so_far());
        assert!(began.elapsed() < PATIENCE, "no line \"{text}\" in: {}", so_far());
        std::thread::yield_now();
    }
}

/// A running `walaa serve`.
pub struct Server {
    child: Child,
    pub port: u16,
    pub admin_port: u16,
}

impl Server {
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin_port)
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the end, and says whether it was a good one.
    pub fn ended_well(mut self) -> bool {
        self.child.wait().expect("the child is ours").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
