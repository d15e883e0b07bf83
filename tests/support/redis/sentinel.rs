//! A master, its replica and Sentinels that watch them, all with the users that ship.

use super::shipped::{arguments, password};
use super::{RedisServer, run, until};

/// What the Sentinels call the master.
pub const MASTER: &str = "shop";

/// A user who may do everything, to look behind the gate's back.
const ADMIN: &str = "user admin reset on nopass ~* &* +@all\n";

/// Two servers and their Sentinels.
pub struct Watched {
    pub servers: [RedisServer; 2],
    pub sentinels: Vec<RedisServer>,
}

/// A server as it ships, in which the test can look.
fn server(further: &[&str]) -> RedisServer {
    RedisServer::of(|folder, port| {
        let replica = password("replica");
        let group =
            ["--masteruser", "replica", "--masterauth", &replica, "--repl-diskless-sync-delay", "0", "--repl-timeout", "5"];
        let arguments = arguments((folder, port), &[&group, further].concat());
        let file = folder.join("users.acl");
        let users = std::fs::read_to_string(&file).expect("the users") + ADMIN;
        std::fs::write(file, users).expect("a file of users");
        arguments
    })
}

impl Watched {
    /// Starts them; waits until each knows of all others.
    pub fn start(sentinels: usize) -> Self {
        let master = server(&[]);
        let replica = server(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
        until("the replica has what the master has", || replica.admin_info("master_link_status") == "up");
        let quorum = sentinels / 2 + 1;
        let lines = format!(
            "sentinel monitor {MASTER} 127.0.0.1 {} {quorum}\nsentinel down-after-milliseconds {MASTER} 500\n\
             sentinel failover-timeout {MASTER} 4000\nsentinel auth-user {MASTER} sentinel\n\
             sentinel auth-pass {MASTER} {}\nuser default reset off\n\
             user admin reset on nopass ~* &* +@all\nuser look reset on >{} -@all +sentinel|master +sentinel|get-master-addr-by-name\n\
             sentinel sentinel-user admin\nsentinel sentinel-pass any",
            master.port(),
            password("sentinel"),
            password("look"),
        );
        let sentinels: Vec<RedisServer> = (0..sentinels).map(|_| RedisServer::sentinel(&lines)).collect();
        let watched = Self { servers: [master, replica], sentinels };
        for sentinel in &watched.sentinels {
            until("each Sentinel knows the replica and the others", || {
                watched.told(sentinel, "num-slaves") == "1"
                    && watched.told(sentinel, "num-other-sentinels") == (watched.sentinels.len() - 1).to_string()
            });
        }
        watched
    }

    /// The address for the gate.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect();
        format!("redis+sentinel://walaa:{}@{}/{MASTER}", password("walaa"), hosts.join(","))
    }

    /// The place of the server that the Sentinels name.
    pub fn master(&self) -> Option<usize> {
        let running = self.sentinels.iter().find(|sentinel| sentinel.process.is_some())?;
        let port = self.told(running, "port");
        self.servers.iter().position(|server| server.port().to_string() == port)
    }

    fn told(&self, sentinel: &RedisServer, name: &str) -> String {
        let Ok(told) = run(&sentinel.url_as("admin", "any"), &format!("SENTINEL MASTER {MASTER}")) else { return String::new() };
        let told: Vec<String> = redis::from_redis_value(told).expect("names and values");
        told.chunks(2).find(|pair| pair[0] == name).map_or_else(String::new, |pair| pair[1].clone())
    }
}

impl RedisServer {
    /// Runs a command as somebody who may do everything.
    #[track_caller]
    pub fn as_admin(&self, command: &str) -> redis::Value {
        run(&self.url_as("admin", "any"), command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn admin_info(&self, name: &str) -> String {
        let info: String = redis::from_redis_value(self.as_admin("INFO")).expect("a text");
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }
}
