//! A real redis-server of a test's own: on a free loopback port, in a folder of its own, gone with the value. And several of them: a
//! master with its replica and Sentinels, a Cluster, one as it ships, one by TLS.

pub mod cluster;
pub mod sentinel;
pub mod shipped;
pub mod tls;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use tempfile::TempDir;

/// Free ports that are tried before giving up: another test may take one first.
const ATTEMPTS: usize = 5;

/// How long something may take that several servers have to agree on.
const AGREED_WITHIN: Duration = Duration::from_secs(20);

/// A redis-server that can be killed, started again, paused and flushed.
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
    arguments: Vec<String>,
    ready: &'static str,
}

/// A port that nobody has.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Asks again and again until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < AGREED_WITHIN, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

impl RedisServer {
    /// Starts one and waits until it takes connections.
    pub fn start() -> Self {
        (0..ATTEMPTS).find_map(|_| Self::reserve().started()).expect("redis-server is installed and a port is free")
    }

    /// A place for one that is not running yet.
    pub fn reserve() -> Self {
        let own = ["--save", "", "--appendonly", "no", "--unixsocket", "redis.sock"];
        Self::place(|_, port| own.iter().map(|text| (*text).to_owned()).chain(listening(port)).collect())
    }

    /// One with further arguments.
    pub fn with(options: &[&str]) -> Self {
        let reserve = || {
            let mut server = Self::reserve();
            server.arguments.extend(options.iter().map(|text| (*text).to_owned()));
            server
        };
        (0..ATTEMPTS).find_map(|_| reserve().started()).expect("redis-server takes the options and a port is free")
    }

    /// One with arguments that are all the caller's, made from its folder and port.
    pub fn of(arguments: impl Fn(&Path, u16) -> Vec<String>) -> Self {
        (0..ATTEMPTS)
            .find_map(|_| Self::place(&arguments).started())
            .expect("redis-server takes the arguments and a port is free")
    }

    /// A Sentinel, from the lines of its configuration.
    pub fn sentinel(lines: &str) -> Self {
        let make = || {
            let mut sentinel = Self::place(|folder, port| {
                let file = folder.join("sentinel.conf");
                std::fs::write(&file, format!("bind 127.0.0.1\nport {port}\n{lines}\n")).expect("a file for a Sentinel");
                vec![file.display().to_string(), "--sentinel".to_owned()]
            });
            sentinel.ready = "+monitor";
            sentinel
        };
        (0..ATTEMPTS).find_map(|_| make().started()).expect("a Sentinel takes the configuration and a port is free")
    }

    fn place(arguments: impl Fn(&Path, u16) -> Vec<String>) -> Self {
        let (folder, port) = (TempDir::new().expect("a folder for Redis"), free_port());
        let arguments = arguments(folder.path(), port);
        Self { port, folder, process: None, arguments, ready: "eady to accept connections" }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
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
        self.run("FLUSHALL");
        self.run("SCRIPT FLUSH");
    }

    /// Runs a command behind the gate's back.
    #[track_caller]
    pub fn run(&self, command: &str) -> redis::Value {
        self.try_run(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Runs a command that may be refused.
    pub fn try_run(&self, command: &str) -> redis::RedisResult<redis::Value> {
        run(&self.url(), command)
    }

    /// What it says of itself under a name of `INFO`.
    pub fn info(&self, name: &str) -> String {
        let info: String = redis::from_redis_value(self.run("INFO")).expect("a text");
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
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
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let ready = output.lines().map_while(Result::ok).any(|line| line.contains(self.ready));
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

/// Runs a command, its words separated by blanks.
pub fn run(url: &str, command: &str) -> redis::RedisResult<redis::Value> {
    let mut connection = Client::open(url)?.get_connection_with_timeout(Duration::from_secs(2))?;
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut words = command.split(' ');
    let mut asked = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        asked.arg(word);
    });
    asked.query(&mut connection)
}

fn listening(port: u16) -> [String; 4] {
    ["--bind", "127.0.0.1", "--port", &port.to_string()].map(str::to_owned)
}
