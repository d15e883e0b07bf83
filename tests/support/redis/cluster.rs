//! A Redis Cluster of three masters, with or without replicas.

use redis::Value;

use super::{RedisServer, free_port, until};

/// Slots of every Cluster.
const SLOTS: usize = 16_384;

/// Masters of ours.
const MASTERS: usize = 3;

/// The Cluster.
pub struct RedisCluster {
    /// The masters first, then a replica for each in the same order, if there are any.
    pub nodes: Vec<RedisServer>,
}

fn node() -> RedisServer {
    let bus = free_port().to_string();
    let own = [
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--cluster-port",
        &bus,
        "--cluster-replica-validity-factor",
        "0",
    ];
    RedisServer::with(&[&own[..], &["--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"]].concat())
}

fn text(value: Value) -> String {
    redis::from_redis_value(value).expect("a text")
}

impl RedisCluster {
    /// Three masters; waits until each knows of all others.
    pub fn start() -> Self {
        let cluster = Self { nodes: (0..MASTERS).map(|_| node()).collect() };
        for (place, node) in cluster.nodes.iter().enumerate() {
            let (first, last) = (SLOTS * place / MASTERS, SLOTS * (place + 1) / MASTERS - 1);
            node.run(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
            node.run(&format!("CLUSTER SET-CONFIG-EPOCH {}", place + 1));
        }
        cluster.nodes.iter().for_each(|node| cluster.introduce(node));
        cluster.until_well(&[0, 1, 2]);
        cluster
    }

    /// Three masters and a replica for each.
    pub fn with_replicas() -> Self {
        let mut cluster = Self::start();
        for place in 0..MASTERS {
            let replica = cluster.join();
            let master = cluster.id(place);
            until("the replica knows its master", || {
                cluster.nodes[replica].try_run(&format!("CLUSTER REPLICATE {master}")).is_ok()
            });
        }
        for replica in &cluster.nodes[MASTERS..] {
            until("the replica has what the master has", || replica.info("master_link_status") == "up");
        }
        until("all know of the replicas", || {
            cluster.nodes.iter().all(|node| text(node.run("CLUSTER NODES")).matches("slave").count() == MASTERS)
        });
        cluster
    }

    /// One more node, without slots; its place.
    pub fn join(&mut self) -> usize {
        let new = node();
        self.introduce(&new);
        until("the others know the new node", || {
            let all = || self.nodes.iter().chain([&new]);
            let ids: Vec<String> = all().map(|node| text(node.run("CLUSTER MYID"))).collect();
            all().all(|node| {
                let known = text(node.run("CLUSTER NODES"));
                ids.iter().all(|id| known.contains(id))
            })
        });
        self.nodes.push(new);
        self.nodes.len() - 1
    }

    fn introduce(&self, node: &RedisServer) {
        let first = &self.nodes[0];
        if first.port() != node.port() {
            // The port of the bus is not told by the port of the clients here.
            let bus: Vec<String> = redis::from_redis_value(first.run("CONFIG GET cluster-port")).expect("a pair");
            node.run(&format!("CLUSTER MEET 127.0.0.1 {} {}", first.port(), bus[1]));
        }
    }

    /// Waits until these nodes say that the Cluster is well, and all know of all.
    pub fn until_well(&self, places: &[usize]) {
        for place in places {
            until("the Cluster is well", || {
                let info = text(self.nodes[*place].run("CLUSTER INFO"));
                let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
                info.contains("cluster_state:ok") && info.contains(&known)
            });
        }
    }

    /// A node's own name.
    pub fn id(&self, place: usize) -> String {
        text(self.nodes[place].run("CLUSTER MYID"))
    }

    /// The address for the gate: one node, which tells where the others are.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.nodes[0].port())
    }

    /// The slot of a key, by Redis's own reckoning.
    pub fn slot(&self, key: &str) -> u16 {
        redis::from_redis_value(self.nodes[0].run(&format!("CLUSTER KEYSLOT {key}"))).expect("a slot")
    }

    /// The place of the master that a key was given to at the start.
    pub fn home(&self, key: &str) -> usize {
        let slot = usize::from(self.slot(key));
        (0..MASTERS).find(|place| slot < SLOTS * (place + 1) / MASTERS).expect("every slot has a home")
    }
}
