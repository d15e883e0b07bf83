//! What the gateway of a test stands on, as the environment asks: `WALAA_TEST_DB=postgres` for a fresh database on PostgreSQL instead of
//! a file, `WALAA_TEST_GATE=redis` for a Redis of its own instead of this process's memory, `WALAA_TEST_NODES=2` for two nodes behind
//! a load balancer that sends each request to either.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tokio::sync::oneshot;
use walaa::app::{App, Parts, open};
use walaa::cards::Core;
use walaa::config::{Config, SecretText};
use walaa::db::Db;
use walaa::http::State;

use super::postgres::{Postgres, TestDatabase, binary};
use super::proxy::Spray;
use super::redis::RedisServer;

fn asks_for(name: &str, value: &str) -> bool {
    std::env::var(name).is_ok_and(|asked| asked == value)
}

/// A database, a Redis, and how many nodes there are.
pub struct Ground {
    database: Option<TestDatabase>,
    _redis: Option<RedisServer>,
    nodes: usize,
}

impl Ground {
    /// Makes what the environment asks for, and writes it into the configuration.
    pub fn prepare(config: &mut Config) -> Self {
        let database = asks_for("WALAA_TEST_DB", "postgres").then(Postgres::database);
        let redis = asks_for("WALAA_TEST_GATE", "redis").then(RedisServer::start);
        let nodes = if asks_for("WALAA_TEST_NODES", "2") { 2 } else { 1 };
        assert!(nodes == 1 || (database.is_some() && redis.is_some()), "several nodes need PostgreSQL and Redis");
        if let Some(database) = &database {
            config.database.url = SecretText::new(database.url.clone());
        }
        config.redis.url = redis.as_ref().map(|redis| SecretText::new(redis.url()));
        Self { database, _redis: redis, nodes }
    }

    /// Whether requests are sprayed over several nodes.
    pub const fn has_several_nodes(&self) -> bool {
        self.nodes > 1
    }

    /// All that is stored, for who looks for something that should not be: the files of the folder, or the whole database as text.
    pub fn all_stored(&self, folder: &Path) -> Vec<u8> {
        if let Some(database) = &self.database {
            return database.dump();
        }
        let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("an entry").path());
        files.filter_map(|path| std::fs::read(path).ok()).flatten().collect()
    }

    /// Somebody else holds the database, so that nothing can be written; until the value is dropped.
    pub fn block(&self, folder: &Path) -> Blockade {
        let Some(database) = &self.database else {
            let file = rusqlite::Connection::open(folder.join("walaa.db")).expect("opens");
            file.execute_batch("BEGIN IMMEDIATE").expect("locks");
            return Blockade::File(file);
        };
        let mut client = Command::new(binary("psql"))
            .args(["--no-psqlrc", "--quiet", &database.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql is installed");
        let input = client.stdin.as_mut().expect("its input is piped");
        input.write_all(b"BEGIN; LOCK TABLE ops IN EXCLUSIVE MODE;\n").expect("psql listens");
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'ops'::regclass AND mode = 'ExclusiveLock' AND granted";
        while database.query(held).as_deref() != Ok("1") {
            std::thread::yield_now();
        }
        Blockade::Server(client)
    }

    /// The database as it is now, as a backup keeps it: opened, and independent of the one that goes on.
    pub async fn backup(&self, core: &Core, folder: &Path) -> Backup {
        let copy = self.database.as_ref().map(TestDatabase::copy);
        let file = folder.join("old.db");
        let mut config = super::app::config(folder);
        config.database.url = SecretText::new(match &copy {
            Some(copy) => copy.url.clone(),
            None => format!("sqlite:{}", file.display()),
        });
        if copy.is_none() {
            core.db.backup(&file).await.expect("a hot backup");
        }
        Backup { db: open::database(&config, &core.keyring).await.expect("the backup opens"), _copy: copy }
    }
}

/// A backup that was opened.
pub struct Backup {
    pub db: Arc<dyn Db>,
    _copy: Option<TestDatabase>,
}

/// A lock that somebody else holds.
pub enum Blockade {
    File(rusqlite::Connection),
    Server(Child),
}

impl Drop for Blockade {
    fn drop(&mut self) {
        match self {
            Self::File(file) => file.execute_batch("ROLLBACK").expect("lets go"),
            Self::Server(client) => {
                drop(client.stdin.take());
                let _ended = client.wait();
            }
        }
    }
}

/// Gateways at work, until the value is dropped.
pub struct Nodes {
    /// Where clients knock.
    pub port: u16,
    /// Where operators do: at the first node.
    pub admin_port: u16,
    /// The working parts of the first node.
    pub core: Core,
    /// What the handlers of the first node share.
    pub state: State,
    _stops: Vec<oneshot::Sender<()>>,
    _spray: Option<Spray>,
}

impl Nodes {
    /// Starts as many as the ground is for.
    pub async fn start(ground: &Ground, config: &Config, parts: &Parts) -> Self {
        let first = App::build(config, parts.clone()).await.expect("the gateway starts");
        let (core, state, admin_port) = (first.core().clone(), first.state().clone(), first.admin_port());
        let mut apps = vec![first];
        for _ in 1..ground.nodes {
            apps.push(App::build(config, parts.clone()).await.expect("another node starts"));
        }
        let ports: Vec<u16> = apps.iter().map(App::port).collect();
        let spray = (ports.len() > 1).then(|| Spray::over(&ports, u64::from(ports[0])));
        let port = spray.as_ref().map_or(ports[0], Spray::port);
        let stops = apps.into_iter().map(|app| {
            let (stop, stopped) = oneshot::channel::<()>();
            tokio::spawn(app.run_until(async {
                let _sender_gone = stopped.await;
            }));
            stop
        });
        Self { port, admin_port, core, state, _stops: stops.collect(), _spray: spray }
    }
}
