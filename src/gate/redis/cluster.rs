//! A Redis Cluster: one line for each master, and each command to the master that has its key.
//!
//! Every command concerns one key, so the commands of a check go to their masters side by side, within one time-out; what a lost shard
//! would have answered is unknown, and the rest is known. A task of its own follows the Cluster: it looks anew when a line is lost, when a
//! node sends us elsewhere (MOVED, ASK) or says that the Cluster is down, and every few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value, cmd, from_redis_value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::access::{Access, connect};
use super::address::Host;
use super::line::{Answer, Dial, Fault, Line, Setup};
use super::link::Keyed;
use super::slots::{SLOTS, View, slot_of};

/// How often the Cluster is looked at when nothing seems to be wrong.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The shortest time between two looks, however much trouble there is.
const BREATH: Duration = Duration::from_millis(100);

/// The longest time between two looks while nobody answers.
const LONGEST_BREATH: Duration = Duration::from_millis(500);

/// Time for one node's view, connecting included.
const VIEW_TIMEOUT: Duration = Duration::from_millis(500);

/// Nodes that are asked in one look: the newest view of these counts.
const ASKED_AT_ONCE: usize = 3;

/// How often one command is sent elsewhere.
const MOST_REDIRECTIONS: usize = 2;

/// Nodes that others sent us to and that we had not heard of: no more of them are called on that word.
const MOST_HEARSAY: usize = 16;

/// Masters of the largest Cluster.
const MOST_MASTERS: usize = 1_000;

/// What stands in the map for a slot that nobody has.
const NOBODY: u16 = u16::MAX;

/// The Cluster as it was last seen.
struct Map {
    lines: BTreeMap<Host, Arc<Line>>,
    /// For each slot the place of its master in `masters`.
    slots: Vec<u16>,
    masters: Vec<Arc<Line>>,
}

impl Map {
    fn line(&self, slot: u16) -> Option<&Arc<Line>> {
        let place = *self.slots.get(usize::from(slot))?;
        self.masters.get(usize::from(place))
    }
}

/// What the senders and the task share.
struct Shared {
    map: watch::Sender<Arc<Map>>,
    setup: Setup,
    hearsay: Mutex<BTreeSet<Host>>,
}

/// The lines to a Cluster.
pub(super) struct Cluster {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Where a command goes in one round.
struct Errand<'a> {
    /// Its place among the commands.
    place: usize,
    command: &'a Cmd,
    /// Whether the node has to be asked for a slot that it does not have yet.
    asking: bool,
}

impl Cluster {
    /// Starts looking for the Cluster, in a task of its own.
    pub(super) fn start(seeds: Vec<Host>, access: Access, setup: &Setup) -> Self {
        let nothing = Map { lines: BTreeMap::new(), slots: vec![NOBODY; usize::from(SLOTS)], masters: Vec::new() };
        let (map, _) = watch::channel(Arc::new(nothing));
        let shared = Arc::new(Shared { map, setup: setup.clone(), hearsay: Mutex::default() });
        let task = tokio::spawn(follow(Arc::clone(&shared), (seeds, access)));
        Self { shared, task }
    }

    /// Sends each command to the master of its key; an answer for each.
    pub(super) async fn send(&self, commands: &[Keyed], deadline: Instant) -> Vec<Answer> {
        let map = self.map();
        let mut answers: Vec<Answer> = commands.iter().map(|_| Err(Fault::Down)).collect();
        let mut errands: Vec<(Arc<Line>, Errand<'_>)> = Vec::with_capacity(commands.len());
        for (place, Keyed { key, command }) in commands.iter().enumerate() {
            if let Some(line) = map.line(slot_of(key.as_bytes())) {
                errands.push((Arc::clone(line), Errand { place, command, asking: false }));
            }
        }
        if errands.len() < commands.len() {
            self.shared.setup.trouble.notify_one();
        }
        for _ in 0..=MOST_REDIRECTIONS {
            if errands.is_empty() {
                break;
            }
            let brought = join_all(by_line(errands).into_iter().map(|(line, errands)| run(line, errands, deadline))).await;
            errands = Vec::new();
            for (Errand { place, command, .. }, answer) in brought.into_iter().flatten() {
                if let Some((line, asking)) = self.elsewhere(&map, &answer) {
                    errands.push((line, Errand { place, command, asking }));
                }
                answers[place] = answer;
            }
        }
        answers
    }

    /// The line to the node that an answer sends us to, if we have one.
    fn elsewhere(&self, map: &Map, answer: &Answer) -> Option<(Arc<Line>, bool)> {
        let Err(Fault::Refused(error)) = answer else { return None };
        let asking = match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => false,
            ErrorKind::Server(ServerErrorKind::Ask) => true,
            ErrorKind::Server(ServerErrorKind::ClusterDown) => {
                self.shared.setup.trouble.notify_one();
                return None;
            }
            _ => return None,
        };
        let (name, port) = error.redirect_node()?.0.rsplit_once(':')?;
        let host = Host { name: name.to_owned(), port: port.parse().ok()? };
        let line = map.lines.get(&host).cloned();
        if asking || line.is_none() {
            // Nodes that only take slots over are no masters of any yet: the next look keeps those that we were sent to.
            let mut hearsay = self.shared.hearsay.lock().unwrap_or_else(PoisonError::into_inner);
            if hearsay.len() < MOST_HEARSAY {
                hearsay.insert(host);
            }
        }
        if line.is_none() || !asking {
            self.shared.setup.trouble.notify_one();
        }
        line.map(|line| (line, asking))
    }

    /// Asks every master for a sign of life; what is wrong, in a sentence.
    pub(super) async fn health(&self, deadline: Instant) -> Option<String> {
        let map = self.map();
        if map.masters.is_empty() {
            return Some("no node of the Redis Cluster can be reached; connecting again".to_owned());
        }
        let ping = cmd("PING");
        let answers = join_all(map.masters.iter().map(|line| async { line.send(&[&ping], deadline).await })).await;
        let silent = answers.iter().filter(|answers| !matches!(answers.as_slice(), [Ok(_)])).count();
        let nobodys = map.slots.iter().filter(|place| **place == NOBODY).count();
        match (silent, nobodys) {
            (0, 0) => None,
            (0, slots) => Some(format!("{slots} slots of the Redis Cluster have no master: the ledger decides alone there")),
            (silent, _) => Some(format!(
                "{silent} of {} masters of the Redis Cluster do not answer: the ledger decides alone there",
                map.masters.len()
            )),
        }
    }

    /// Whether every slot has a master that is connected.
    pub(super) fn is_up(&self) -> bool {
        let map = self.map();
        !map.slots.contains(&NOBODY) && map.masters.iter().all(|line| line.is_up())
    }

    /// Waits until every slot has a master that is connected.
    pub(super) async fn wait_until_up(&self) {
        let mut watched = self.shared.map.subscribe();
        loop {
            let map = watched.borrow_and_update().clone();
            tokio::select! {
                () = async { join_all(map.masters.iter().map(|line| line.wait_until_up())).await; }, if !map.slots.contains(&NOBODY) => return,
                // The sender lives in self.
                _changed = watched.changed() => {}
            }
        }
    }

    fn map(&self) -> Arc<Map> {
        self.shared.map.borrow().clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn by_line(errands: Vec<(Arc<Line>, Errand<'_>)>) -> Vec<(Arc<Line>, Vec<Errand<'_>>)> {
    let mut grouped: Vec<(Arc<Line>, Vec<Errand<'_>>)> = Vec::new();
    for (line, errand) in errands {
        match grouped.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &line)) {
            Some((_, errands)) => errands.push(errand),
            None => grouped.push((line, vec![errand])),
        }
    }
    grouped
}

async fn run<'a>(line: Arc<Line>, errands: Vec<Errand<'a>>, deadline: Instant) -> Vec<(Errand<'a>, Answer)> {
    let asking = cmd("ASKING");
    let commands: Vec<&Cmd> =
        errands.iter().flat_map(|errand| errand.asking.then_some(&asking).into_iter().chain([errand.command])).collect();
    let mut answers = line.send(&commands, deadline).await.into_iter();
    let answered = errands.into_iter().map(|errand| {
        if errand.asking {
            let _permission = answers.next();
        }
        let answer = answers.next().unwrap_or(Err(Fault::Broken));
        (errand, answer)
    });
    answered.collect()
}

/// Looks where the masters are, for ever.
async fn follow(shared: Arc<Shared>, (seeds, access): (Vec<Host>, Access)) {
    let mut known: Vec<Host> = seeds.clone();
    let (mut turn, mut breath) = (0, BREATH);
    loop {
        match look(&known, &access, turn).await {
            Ok(view) => {
                known = seeds.iter().cloned().chain(view.ranges.iter().flat_map(|range| range.replicas.clone())).collect();
                known.extend(view.masters());
                known.sort();
                known.dedup();
                shared.map.send_replace(Arc::new(drawn(&shared, &view, &access)));
                breath = BREATH;
            }
            Err(error) => {
                tracing::debug!(
                    reason = super::words::in_words(&error),
                    "no node of the Redis Cluster says where its masters are"
                );
                shared.setup.trouble.notify_one();
                breath = (breath * 2).min(LONGEST_BREATH);
            }
        }
        turn += ASKED_AT_ONCE;
        tokio::time::sleep(breath).await;
        let _quiet = tokio::time::timeout(LOOK_EVERY, shared.setup.trouble.notified()).await;
    }
}

/// The map of a view: lines that exist are kept, those to nodes that are masters no longer end.
fn drawn(shared: &Shared, view: &View, access: &Access) -> Map {
    let old = shared.map.borrow().clone();
    let hearsay = std::mem::take(&mut *shared.hearsay.lock().unwrap_or_else(PoisonError::into_inner));
    let mut lines = BTreeMap::new();
    for host in view.masters().into_iter().take(MOST_MASTERS).chain(hearsay) {
        let kept = old.lines.get(&host).map(Arc::clone);
        let started = || access.client(&host).ok().map(|client| Arc::new(Line::start(Dial::Server(client), &shared.setup)));
        if let Some(line) = kept.or_else(started) {
            lines.insert(host, line);
        }
    }
    let (mut slots, mut masters) = (vec![NOBODY; usize::from(SLOTS)], Vec::<Arc<Line>>::new());
    for range in &view.ranges {
        let Some(line) = lines.get(&range.master) else { continue };
        let place = masters.iter().position(|known| Arc::ptr_eq(known, line)).unwrap_or_else(|| {
            masters.push(Arc::clone(line));
            masters.len() - 1
        });
        let place = u16::try_from(place).unwrap_or(NOBODY);
        slots[usize::from(range.first)..=usize::from(range.last)].fill(place);
    }
    Map { lines, slots, masters }
}

/// The newest view that some of the known nodes have; each time others are asked.
async fn look(known: &[Host], access: &Access, turn: usize) -> RedisResult<View> {
    let asked = known.iter().cycle().skip(turn % known.len().max(1)).take(known.len().min(ASKED_AT_ONCE));
    let views = join_all(asked.map(|host| view_in_time(host, access))).await;
    let (mut best, mut failed) = (None::<View>, None);
    for view in views {
        match view {
            Ok(view) if best.as_ref().is_none_or(|best| (best.well, best.epoch) < (view.well, view.epoch)) => best = Some(view),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    let nobody = || RedisError::from((ErrorKind::ClusterConnectionNotFound, "no node of the Cluster answers"));
    best.filter(|view| !view.ranges.is_empty()).ok_or_else(|| failed.unwrap_or_else(nobody))
}

async fn view_in_time(host: &Host, access: &Access) -> RedisResult<View> {
    let viewed = tokio::time::timeout(VIEW_TIMEOUT, view(host, access)).await;
    viewed.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// What a node says of its Cluster.
pub(super) async fn view(host: &Host, access: &Access) -> RedisResult<View> {
    let mut connection = connect(&access.client(host)?).await?;
    let mut asked = Pipeline::new();
    asked.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    let (info, slots): (String, Value) = from_redis_value(asked.query_async(&mut connection).await?)?;
    View::read(&info, slots, host)
}
