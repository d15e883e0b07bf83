//! Gateways as they run in a shop chain that outgrew one machine: real processes on one database and one Redis with a replica, behind a
//! load balancer. Every line between them can be hurt, every process killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use walaa::ids::OrgId;

use crate::support::postgres::{Postgres, TestDatabase};
use crate::support::proxy::{Spray, Wire};
use crate::support::redis::RedisServer;

/// How long a node may take to start, tries that fail because the database recovers included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a node's log is looked at while it starts.
const LOOK: Duration = Duration::from_millis(10);

/// What a line of the log says when a node takes requests.
const READY: &str = "Walaa is ready";

/// The database under the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// One node on a file.
    Sqlite,
    /// Two nodes on a server.
    Postgres,
}

impl Ground {
    /// Two nodes, unless `WALAA_TEST_DB=sqlite` asks for the one that a file can have.
    pub fn of_environment() -> Self {
        if std::env::var("WALAA_TEST_DB").is_ok_and(|db| db == "sqlite") { Self::Sqlite } else { Self::Postgres }
    }
}

/// Nodes and all that they stand on.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub spray: Spray,
    /// The one that nodes use now, and the one that follows it.
    pub redis: RedisServer,
    pub replica: RedisServer,
    pub org: OrgId,
    database: Option<TestDatabase>,
    pub postgres: Option<Postgres>,
    folder: TempDir,
}

/// A gateway's process and its lines.
pub struct Node {
    name: String,
    folder: PathBuf,
    child: Option<Child>,
    starts: usize,
    port: u16,
    pub redis: Wire,
    pub database: Option<Wire>,
}

impl Cluster {
    /// Starts everything; the second part is the owner's key.
    pub fn start(ground: Ground, seed: u64) -> (Self, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = (ground == Ground::Postgres).then(Postgres::durable);
        let database = postgres.as_ref().map(Postgres::fresh);
        let (redis, replica) = (RedisServer::start(), RedisServer::start());
        follow(&replica, &redis);
        let url = |port: Option<u16>| match &database {
            Some(database) => at_port(&database.url, port),
            None => format!("sqlite:{}", folder.path().join("walaa.db").display()),
        };
        let count = if postgres.is_some() { 2 } else { 1 };
        let nodes = (0..count).map(|number| {
            let wire = postgres.as_ref().map(|postgres| Wire::to(postgres.port()));
            let node = Node::new(format!("node-{number}"), (folder.path(), &redis), wire);
            configure(&node, &url(node.database.as_ref().map(Wire::port)));
            node
        });
        let mut nodes: Vec<Node> = nodes.collect();
        let direct = folder.path().join("direct.toml");
        std::fs::write(&direct, configuration("direct", &url(None), None)).expect("the folder is ours");
        let founded = walaa(&direct, &["keys", "create", "--organisation", "Bean There", "--role", "owner"]).expect("founded");
        let said = |name| founded.lines().find_map(|line| line.strip_prefix(name)).expect("the command says it").trim();
        let (org, owner) = (said("organisation").parse().expect("an id"), said("secret").to_owned());
        nodes.iter_mut().for_each(Node::start);
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        (Self { nodes, spray: Spray::over(&ports, seed), redis, replica, database, postgres, folder, org }, owner)
    }

    /// Where clients knock.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.spray.port())
    }

    /// The master keys, by which a phone's pass would show a voucher's code.
    pub fn keyring(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("keyring.toml")).expect("the first command made it")
    }

    /// Starts a node that does not run, and tells the load balancer its new port.
    pub fn start_node(&mut self, number: usize) {
        self.nodes[number].start();
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        self.spray.set_nodes(&ports);
    }

    /// The replica takes over; what it had not heard yet is lost. Ends the old primary, and has every line lead to the new one.
    pub fn fail_redis_over(&mut self) {
        redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut self.replica.connection()).expect("REPLICAOF NO ONE");
        self.redis.kill();
        std::mem::swap(&mut self.redis, &mut self.replica);
        self.nodes.iter().for_each(|node| node.redis.turn_to(port_of(&self.redis.url())));
    }

    /// The Redis that ended comes back, as the replica of the other one.
    pub fn restart_replica(&mut self) {
        self.replica.restart();
        follow(&self.replica, &self.redis);
    }

    /// The ledger's own check, on the database itself.
    ///
    /// # Errors
    /// What it found.
    pub fn audit(&self) -> Result<String, String> {
        walaa(&self.folder.path().join("direct.toml"), &["audit", "verify"])
    }

    /// Asks the database itself in SQL; rows are lines, columns stand between bars.
    ///
    /// # Errors
    /// What the database says.
    pub fn sql(&self, sql: &str) -> Result<String, String> {
        match &self.database {
            Some(database) => database.query(sql),
            None => sqlite(&self.folder.path().join("walaa.db"), sql).map_err(|error| error.to_string()),
        }
    }

    /// Bytes as hexadecimal text, in the words of the database.
    pub fn hex(&self, column: &str) -> String {
        match self.database {
            Some(_) => format!("upper(encode({column}, 'hex'))"),
            None => format!("hex({column})"),
        }
    }

    /// The ends of all logs, for a failure.
    pub fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten().map(|file| file.path());
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("{}:\n{}\n", path.display(), lines[lines.len().saturating_sub(8)..].join("\n"))
        })
        .collect()
    }
}

impl Node {
    fn new(name: String, (folder, redis): (&Path, &RedisServer), database: Option<Wire>) -> Self {
        let redis = Wire::to(port_of(&redis.url()));
        Self { name, folder: folder.to_owned(), child: None, starts: 0, port: 0, redis, database }
    }

    /// Starts it, again and again as whoever watches it would, until it takes requests.
    fn start(&mut self) {
        let began = Instant::now();
        while !self.started() {
            assert!(began.elapsed() < PATIENCE, "{} starts", self.name);
        }
    }

    fn started(&mut self) -> bool {
        self.starts += 1;
        let log = self.folder.join(format!("{}-{:03}.log", self.name, self.starts));
        let mut child = command(&self.folder.join(format!("{}.toml", self.name)), &["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("the folder is ours"))
            .spawn()
            .expect("the binary starts");
        while child.try_wait().expect("the child is ours").is_none() {
            if let Some(port) = ready_port(&log) {
                self.port = port;
                self.child = Some(child);
                return true;
            }
            std::thread::park_timeout(LOOK);
        }
        false
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the child is ours");
            child.wait().expect("the child ends");
        }
    }

    /// SIGTERM, as a rolling restart does; says whether it ended well.
    pub fn drain(&mut self) -> bool {
        self.signal("-TERM");
        self.child.take().is_some_and(|mut child| child.wait().expect("the child ends").success())
    }

    /// Stops it in its tracks, or lets it go on (`-STOP`, `-CONT`).
    pub fn signal(&self, signal: &str) {
        if let Some(child) = &self.child {
            let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill is installed");
            assert!(sent.success(), "kill {signal}");
        }
    }

    /// Whether it runs, by its own account.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("the child is ours").is_none())
    }

    /// Every line of it is sound again.
    pub fn heal_lines(&self) {
        self.redis.heal();
        self.database.iter().for_each(Wire::heal);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The port in the line that says that a node is ready.
fn ready_port(log: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(log).ok()?;
    let line = text.lines().find(|line| line.contains(READY))?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["http"].as_u64()?.try_into().ok()
}

fn configure(node: &Node, database: &str) {
    let text = configuration(&node.name, database, Some(node.redis.port()));
    std::fs::write(node.folder.join(format!("{}.toml", node.name)), text).expect("the folder is ours");
}

/// A configuration whose limits no till meets: what is measured is not how fast tills may be.
fn configuration(name: &str, database: &str, redis: Option<u16>) -> String {
    let redis = redis.map(|port| format!("[redis]\nurl = \"redis://127.0.0.1:{port}\"\n")).unwrap_or_default();
    let limits = ["address", "key", "terminal", "organisation"]
        .map(|who| format!("{who}_per_second = 100000\n{who}_burst = 100000\n"))
        .concat();
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"\"\npublic_url = \"https://wallet.example.com\"\nworkers = 1\n\
         shutdown_seconds = 5\n[database]\nurl = \"{database}\"\nhigh_water_file = \"{name}.high-water\"\n{redis}\
         [keys]\nkeyring_file = \"keyring.toml\"\n[limits]\n{limits}failed_sign_ins = 100000\n\
         [log]\nformat = \"json\"\nlevel = \"warn,walaa::app=info\"\n"
    )
}

fn command(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walaa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WALAA_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--config").arg(config);
    command
}

/// Runs a command to its end.
fn walaa(config: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = command(config, arguments).stdin(Stdio::null()).output().expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let out = text(&output.stdout);
    if output.status.success() { Ok(out) } else { Err(out + &text(&output.stderr)) }
}

fn follow(replica: &RedisServer, primary: &RedisServer) {
    let port = port_of(&primary.url());
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(port).exec(&mut replica.connection()).expect("REPLICAOF");
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("the address ends with a port")
}

/// The same address with another port.
fn at_port(url: &str, port: Option<u16>) -> String {
    let Some(port) = port else { return url.to_owned() };
    let (before, rest) = url.rsplit_once(':').expect("the address has a port");
    let (_, database) = rest.split_once('/').expect("the address names a database");
    format!("{before}:{port}/{database}")
}

fn sqlite(path: &Path, sql: &str) -> rusqlite::Result<String> {
    let file = rusqlite::Connection::open(path)?;
    file.busy_timeout(Duration::from_secs(10))?;
    let mut statement = file.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            })
        });
        lines.push(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"));
    }
    Ok(lines.join("\n"))
}
