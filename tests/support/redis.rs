//! A real redis-server of a test's own: on a free loopback port, in a folder of its own, gone with the value.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::{Client, Connection};
use tempfile::TempDir;

/// Free ports that are tried before giving up: another test may take one first.
const ATTEMPTS: usize = 5;

/// A redis-server that can be killed, started again, paused and flushed.
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one and waits until it takes connections.
    pub fn start() -> Self {
        (0..ATTEMPTS).find_map(|_| Self::reserve().started()).expect("redis-server is installed and a port is free")
    }

    /// A place for one that is not running yet.
    pub fn reserve() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        Self { port, folder: TempDir::new().expect("a folder for Redis"), process: None }
    }

    /// Starts it again, on the same port and empty.
    pub fn restart(&mut self) {
        assert!(self.launch(), "redis-server starts on port {}", self.port);
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("redis-server can be killed");
            process.wait().expect("redis-server ends");
        }
    }

    /// Stops it in its tracks: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Empties it, scripts and all.
    pub fn flush(&self) {
        let mut connection = self.connection();
        redis::cmd("FLUSHALL").exec(&mut connection).expect("FLUSHALL");
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection).expect("SCRIPT FLUSH");
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its address with a user and password.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Its address as a Unix socket.
    pub fn socket_url(&self) -> String {
        format!("unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// A plain connection, to look behind the gate's back.
    pub fn connection(&self) -> Connection {
        Client::open(self.url()).and_then(|client| client.get_connection()).expect("Redis takes connections")
    }

    fn started(mut self) -> Option<Self> {
        self.launch().then_some(self)
    }

    fn launch(&mut self) -> bool {
        let mut process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--unixsocket", "redis.sock", "--logfile", ""])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let ready = output.lines().map_while(Result::ok).any(|line| line.contains("eady to accept connections"));
        if ready {
            self.process = Some(process);
        } else {
            process.wait().expect("a redis-server that can't start ends");
        }
        ready
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("redis-server runs");
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status().expect("kill is installed");
        assert!(sent.success(), "kill {signal}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
