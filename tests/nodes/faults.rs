//! What goes wrong: a director that hurts the lines a little all the time, and one part of the cluster badly in each round.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cluster::Cluster;
use crate::support::chance::Chance;
use crate::support::proxy::{Chances, Direction, Wire};

/// Faults of the lines before, and during, the bad one of a round.
const BEFORE: usize = 8;
const DURING: usize = 4;

/// Milliseconds that a fault of a line lasts at most, and that come between two of them.
const LINE_MS: u64 = 250;
const BETWEEN_MS: u64 = 150;

/// Milliseconds that something is stopped in its tracks at most.
const PAUSE_MS: u64 = 1_200;

/// What hurts a part of the cluster badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heavy {
    KillNode,
    KillAllNodes,
    PauseNode,
    DrainNode,
    RestartDatabase,
    KillBackend,
    PauseDatabase,
    FailRedisOver,
    FlushRedis,
    CutRedisOff,
    PauseRedis,
}

impl Heavy {
    /// Each round takes the next one, so that none is left out.
    const ALL: [Self; 11] = [
        Self::KillNode,
        Self::RestartDatabase,
        Self::FailRedisOver,
        Self::PauseNode,
        Self::FlushRedis,
        Self::KillBackend,
        Self::CutRedisOff,
        Self::KillAllNodes,
        Self::PauseDatabase,
        Self::PauseRedis,
        Self::DrainNode,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::KillNode => "a node killed",
            Self::KillAllNodes => "all nodes killed",
            Self::PauseNode => "a node paused",
            Self::DrainNode => "a node drained and restarted",
            Self::RestartDatabase => "database stopped at once and restarted",
            Self::KillBackend => "a database backend killed",
            Self::PauseDatabase => "database paused",
            Self::FailRedisOver => "Redis failed over to its replica",
            Self::FlushRedis => "Redis flushed",
            Self::CutRedisOff => "Redis cut off",
            Self::PauseRedis => "Redis paused",
        }
    }

    /// Whether it is about a database server.
    const fn needs_postgres(self) -> bool {
        matches!(self, Self::RestartDatabase | Self::KillBackend | Self::PauseDatabase)
    }
}

/// What hurts a line for a moment.
#[derive(Debug, Clone, Copy)]
enum Light {
    Cut,
    Torn,
    Delayed,
    Refused,
    Hung(Direction),
    HungBothWays,
}

impl Light {
    const ALL: [Self; 7] = [
        Self::Cut,
        Self::Torn,
        Self::Delayed,
        Self::Refused,
        Self::Hung(Direction::Up),
        Self::Hung(Direction::Down),
        Self::HungBothWays,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Cut => "line cut",
            Self::Torn => "line torn in mid-answer",
            Self::Delayed => "line delayed",
            Self::Refused => "line refused",
            Self::Hung(Direction::Up) => "line hung upwards",
            Self::Hung(Direction::Down) => "line hung downwards",
            Self::HungBothWays => "line hung both ways",
        }
    }

    fn begin(self, line: &Wire, moment: Duration) {
        match self {
            Self::Cut => line.cut(),
            Self::Torn => line.tear(),
            Self::Delayed => line.delay(moment / 4),
            Self::Refused => line.refuse(),
            Self::Hung(direction) => line.hang(direction),
            Self::HungBothWays => {
                line.hang(Direction::Up);
                line.hang(Direction::Down);
            }
        }
    }
}

/// Who lets things go wrong, and counts them.
pub struct Director {
    pub chance: Chance,
    round: usize,
    counts: BTreeMap<&'static str, usize>,
}

impl Director {
    /// One that does the same for the same seed, as far as processes do.
    pub const fn seeded(seed: u64) -> Self {
        Self { chance: Chance::seeded(seed), round: 0, counts: BTreeMap::new() }
    }

    /// How many faults there were.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many there were of each kind.
    pub const fn counts(&self) -> &BTreeMap<&'static str, usize> {
        &self.counts
    }

    /// One round: bad weather for requests, lines that fail, and one bad thing. Afterwards everything is sound. Says which it was.
    pub async fn round(&mut self, cluster: &mut Cluster) -> &'static str {
        cluster.spray.weather(Chances::STORM);
        for _ in 0..BEFORE {
            self.light(cluster).await;
        }
        let heavy = self.next_heavy(cluster);
        let victim = self.chance.below(cluster.nodes.len());
        self.count(heavy.name());
        self.begin(heavy, victim, cluster);
        for _ in 0..DURING {
            self.light(cluster).await;
        }
        tokio::time::sleep(self.chance.up_to_ms(PAUSE_MS)).await;
        end(heavy, victim, cluster);
        cluster.nodes.iter().for_each(super::cluster::Node::heal_lines);
        cluster.spray.weather(Chances::default());
        heavy.name()
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    fn next_heavy(&mut self, cluster: &Cluster) -> Heavy {
        loop {
            let heavy = Heavy::ALL[self.round % Heavy::ALL.len()];
            self.round += 1;
            if cluster.postgres.is_some() || !heavy.needs_postgres() {
                return heavy;
            }
        }
    }

    /// A line fails for a moment.
    async fn light(&mut self, cluster: &Cluster) {
        let node = &cluster.nodes[self.chance.below(cluster.nodes.len())];
        let line = node.database.as_ref().filter(|_| self.chance.below(3) > 0).unwrap_or(&node.redis);
        let light = self.chance.one_of(&Light::ALL);
        let moment = self.chance.up_to_ms(LINE_MS);
        self.count(light.name());
        light.begin(line, moment);
        tokio::time::sleep(moment).await;
        line.heal();
        tokio::time::sleep(self.chance.up_to_ms(BETWEEN_MS)).await;
    }

    fn begin(&mut self, heavy: Heavy, victim: usize, cluster: &mut Cluster) {
        match heavy {
            Heavy::KillNode => cluster.nodes[victim].kill(),
            Heavy::KillAllNodes => cluster.nodes.iter_mut().for_each(super::cluster::Node::kill),
            Heavy::PauseNode => cluster.nodes[victim].signal("-STOP"),
            Heavy::DrainNode => assert!(cluster.nodes[victim].drain(), "a node that is told to stop ends well"),
            Heavy::RestartDatabase => cluster.postgres.iter().for_each(crate::support::postgres::Postgres::stop),
            Heavy::KillBackend => {
                let choice = self.chance.below(1_000);
                cluster.postgres.iter().for_each(|postgres| {
                    // Between two connections there may be none to kill.
                    let _killed = postgres.kill_backend(choice);
                });
            }
            Heavy::PauseDatabase => cluster.postgres.iter().for_each(crate::support::postgres::Postgres::pause),
            Heavy::FailRedisOver => cluster.fail_redis_over(),
            Heavy::FlushRedis => cluster.redis.flush(),
            Heavy::CutRedisOff => cluster.nodes.iter().for_each(|node| node.redis.refuse()),
            Heavy::PauseRedis => cluster.redis.pause(),
        }
    }
}

/// Makes good what was begun.
fn end(heavy: Heavy, victim: usize, cluster: &mut Cluster) {
    match heavy {
        Heavy::KillNode | Heavy::DrainNode => cluster.start_node(victim),
        Heavy::KillAllNodes => (0..cluster.nodes.len()).for_each(|node| cluster.start_node(node)),
        Heavy::PauseNode => cluster.nodes[victim].signal("-CONT"),
        Heavy::RestartDatabase => cluster.postgres.iter().for_each(crate::support::postgres::Postgres::start_again),
        Heavy::KillBackend => cluster.postgres.iter().for_each(crate::support::postgres::Postgres::wait_until_up),
        Heavy::PauseDatabase => cluster.postgres.iter().for_each(crate::support::postgres::Postgres::resume),
        Heavy::FailRedisOver => cluster.restart_replica(),
        Heavy::PauseRedis => cluster.redis.resume(),
        Heavy::FlushRedis | Heavy::CutRedisOff => {}
    }
}
