//! A real PostgreSQL for tests: on a free loopback port, in a folder of its own, gone with the process that asked for it.
//!
//! `.ci/with-postgres` starts it and cleans up, however a test ends: it waits for the end of its input, which is ours. When
//! `WALAA_TEST_POSTGRES` names a superuser on a running server, [`Postgres::database`] uses that one; a server for faults is always
//! an own one.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The script that starts a server and cleans up behind it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/with-postgres");

/// What a server for faults is told: a commit is on disk before it is answered, and connections are few enough to run out.
const DURABLE: &str = "fsync=on full_page_writes=on max_connections=100";

/// How long a server may take to recover.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server.
pub struct Postgres {
    url: String,
    own: Option<Own>,
}

/// What belongs to a server that we started ourselves.
struct Own {
    folder: PathBuf,
    script: Child,
    /// The script cleans up when this closes.
    input: Option<ChildStdin>,
}

/// A fresh database, dropped with the value.
pub struct TestDatabase {
    /// Its address, as a configuration names it.
    pub url: String,
    name: String,
    server: String,
}

impl Postgres {
    /// The server that the tests of this process share; nothing is synced to disk, unless the environment names another one.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("WALAA_TEST_POSTGRES") {
            Ok(url) if !url.is_empty() => Self { url, own: None },
            _ => Self::start(""),
        })
    }

    /// A fresh, empty database on the shared server.
    pub fn database() -> TestDatabase {
        Self::shared().fresh()
    }

    /// An own server that keeps what it has committed: for faults.
    pub fn durable() -> Self {
        Self::start(DURABLE)
    }

    fn start(settings: &str) -> Self {
        let mut script = Command::new(SCRIPT)
            .args(["sh", "-c", "echo $WALAA_TEST_POSTGRES $WALAA_TEST_POSTGRES_FOLDER && exec cat"])
            .env_remove("WALAA_TEST_POSTGRES")
            .env("WALAA_POSTGRES_SETTINGS", settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script is there");
        let mut line = String::new();
        let output = script.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("its output can be read");
        let (url, folder) = line.trim().split_once(' ').expect("PostgreSQL is installed and starts");
        let own = Own { folder: PathBuf::from(folder), input: script.stdin.take(), script };
        Self { url: url.to_owned(), own: Some(own) }
    }

    /// A fresh, empty database.
    pub fn fresh(&self) -> TestDatabase {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("walaa_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        query(&self.url, &format!("CREATE DATABASE {name}")).expect("a superuser may create databases");
        let (server, _) = self.url.rsplit_once('/').expect("the address ends with a database");
        TestDatabase { url: format!("{server}/{name}"), name, server: self.url.clone() }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        let (_, place) = self.url.rsplit_once(':').expect("the address has a port");
        place.split('/').next().and_then(|port| port.parse().ok()).expect("the port is a number")
    }

    /// Ends it at once, without a checkpoint: as a crash does.
    pub fn stop(&self) {
        self.control(&["stop", "--mode=immediate"]);
    }

    /// Starts it again on the same port and files, and waits until it has recovered.
    pub fn start_again(&self) {
        let log = self.folder().join("server.log");
        self.control(&["start", &format!("--log={}", log.display())]);
        self.wait_until_up();
    }

    /// Takes TLS from now on, beside connections in the clear.
    pub fn encrypt(&self, [certificate, key]: &[PathBuf; 2]) {
        let data = self.folder().join("data");
        for (file, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let copy = data.join(name);
            std::fs::copy(file, &copy).expect("a file of TLS");
            let mut own = Command::new("chown");
            assert!(own.arg(format!("--reference={}", data.display())).arg(&copy).status().expect("chown runs").success());
            std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("the file is ours");
        }
        query(&self.url, "ALTER SYSTEM SET ssl = on").expect("a superuser may");
        query(&self.url, "SELECT pg_reload_conf()").expect("a superuser may");
        let began = Instant::now();
        while query(&self.url, "SHOW ssl").as_deref() != Ok("on") {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL takes TLS");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Waits until it takes queries.
    pub fn wait_until_up(&self) {
        let began = Instant::now();
        while query(&self.url, "SELECT 1").is_err() {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL recovers");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Stops it in its tracks, with all its backends: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.signal_all("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal_all("-CONT");
    }

    /// SIGKILL for the backend of one connection: the server ends all the others and recovers. Says whether there was one.
    pub fn kill_backend(&self, choice: usize) -> bool {
        let backends: Vec<u32> = children(self.postmaster()).into_iter().filter(|pid| serves_a_client(*pid)).collect();
        !backends.is_empty() && signal("-KILL", &[backends[choice % backends.len()]])
    }

    fn signal_all(&self, name: &str) {
        let postmaster = self.postmaster();
        let mut all = children(postmaster);
        all.push(postmaster);
        // A backend may end between the look and the signal.
        signal(name, &all);
    }

    fn folder(&self) -> &Path {
        &self.own.as_ref().expect("faults are for an own server").folder
    }

    fn postmaster(&self) -> u32 {
        let text = std::fs::read_to_string(self.folder().join("data/postmaster.pid")).expect("PostgreSQL runs");
        text.lines().next().and_then(|pid| pid.parse().ok()).expect("the first line is its id")
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = as_its_user(&binary("pg_ctl"));
        command.args(arguments).arg(format!("--pgdata={}", self.folder().join("data").display()));
        let output = command.arg("--wait").arg("--silent").current_dir(self.folder()).stdout(Stdio::null()).status();
        assert!(output.expect("pg_ctl runs").success(), "pg_ctl {arguments:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut own) = self.own.take() {
            drop(own.input.take());
            let _ended = own.script.wait();
        }
    }
}

impl TestDatabase {
    /// Asks it in SQL; rows are lines, columns stand between bars.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn query(&self, sql: &str) -> Result<String, String> {
        query(&self.url, sql)
    }

    /// All of it as text; bytes that are text stand there as text.
    pub fn dump(&self) -> Vec<u8> {
        let output = Command::new(binary("pg_dump")).arg(&self.url).env("PGOPTIONS", "-c bytea_output=escape").output();
        let output = output.expect("pg_dump is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Another one with all that is in it, statistics too, once nobody is connected to it.
    pub fn duplicate(&self) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{}_copy_{}", self.name, NEXT.fetch_add(1, Ordering::Relaxed));
        self.query(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).expect("a superuser may copy databases");
        let (server, _) = self.url.rsplit_once('/').expect("the address ends with a database");
        Self { url: format!("{server}/{name}"), name, server: self.server.clone() }
    }

    /// A copy of it as it is now.
    pub fn copy(&self) -> Self {
        let copy = Postgres { url: self.server.clone(), own: None }.fresh();
        let mut restore = Command::new(binary("psql"))
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", &copy.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql is installed");
        restore.stdin.take().expect("its input is piped").write_all(&self.dump()).expect("psql listens");
        assert!(restore.wait().expect("psql ends").success(), "what was dumped can be restored");
        copy
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server may be gone already.
        let _dropped = query(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Asks a database in SQL, by PostgreSQL's own client.
fn query(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(binary("psql"))
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", sql, url])
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::null())
        .output()
        .expect("psql is installed");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// A program of PostgreSQL's: the newest version that Debian has put aside, else the one in the path.
pub fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|version| version.file_name().to_str().and_then(|number| number.parse::<u32>().ok()));
    let program = newest.map(|version| version.path().join("bin").join(name));
    program.filter(|program| program.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

/// A command as the user who owns the server: it refuses to run as root.
fn as_its_user(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().expect("id is installed");
    if id.stdout.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn signal(name: &str, processes: &[u32]) -> bool {
    let ids = processes.iter().map(u32::to_string);
    Command::new("kill").arg(name).args(ids).stderr(Stdio::null()).status().expect("kill is installed").success()
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|of| of.trim() == parent.to_string()))
    })
    .collect()
}

/// A backend's title names its client's address; those of the server's own workers do not.
fn serves_a_client(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|title| title.contains(" 127.0.0.1("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_fresh_and_apart() {
        let (one, other) = (Postgres::database(), Postgres::database());
        one.query("CREATE TABLE only_here (id bigint)").expect("a table");
        assert_eq!(one.query("SELECT count(*) FROM only_here").as_deref(), Ok("0"));
        assert!(other.query("SELECT count(*) FROM only_here").is_err(), "the other one is empty");
    }

    #[test]
    fn a_server_for_faults_keeps_what_it_committed_through_each_of_them() {
        let server = Postgres::durable();
        let database = server.fresh();
        database.query("CREATE TABLE kept (id bigint)").expect("a table");
        assert_eq!(database.query("SHOW fsync").as_deref(), Ok("on"));
        for round in 1..=2 {
            database.query(&format!("INSERT INTO kept VALUES ({round})")).expect("a row");
            server.stop();
            assert!(database.query("SELECT 1").is_err(), "it is down");
            server.start_again();
        }
        server.pause();
        server.resume();
        let mut sleeping = Command::new(binary("psql"))
            .args(["--command", "SELECT pg_sleep(60)", &database.url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("psql is installed");
        while !server.kill_backend(0) {
            std::thread::yield_now();
        }
        assert!(!sleeping.wait().expect("it ends").success(), "its backend was killed");
        server.wait_until_up();
        assert_eq!(database.query("SELECT count(*) FROM kept").as_deref(), Ok("2"));
        let folder = server.folder().to_owned();
        drop((database, server));
        assert!(!folder.exists(), "nothing is left behind");
    }
}
