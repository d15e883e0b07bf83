//! What works in the background: the sequencer, the outbox, the sweeps, the mark beside the database, metrics. None of them ends before it
//! is told to: one that does takes the process along, so that whoever watches it starts it anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::high_water::Keeper;
use crate::apple::account::Apple;
use crate::cards::Core;
use crate::gate::Gate;
use crate::google::GoogleWriter;
use crate::journal::Sequencer;
use crate::outbox::{AppleSender, GoogleAsker, GoogleSender, OutboxWorker, Sweeper};

/// Where the ledger's mark is kept.
pub struct MarkPlaces {
    /// On this machine.
    pub file: Option<PathBuf>,
    /// For all nodes.
    pub gate: Arc<dyn Gate>,
}

/// The tasks of a gateway, not started yet.
pub struct Tasks {
    core: Core,
    outbox: Arc<OutboxWorker>,
    google: Option<(Arc<OutboxWorker>, Arc<GoogleAsker>)>,
    sweeper: Arc<Sweeper>,
    mark: MarkPlaces,
    newest: watch::Sender<i64>,
}

impl Tasks {
    /// The tasks over working parts.
    pub fn new(core: &Core, (apple, google): (&Arc<Apple>, Option<&Arc<GoogleWriter>>), mark: MarkPlaces) -> Self {
        let Core { db, clock, ids, batcher, .. } = core;
        let sender = AppleSender::new(Arc::clone(db), Arc::clone(apple), Arc::clone(ids));
        let outbox = OutboxWorker::new(Arc::clone(db), Arc::clone(clock), Arc::clone(ids), Arc::new(sender));
        let google = google.map(|writer| {
            let sender = GoogleSender::new(Arc::clone(db), Arc::clone(writer));
            let worker = OutboxWorker::new(Arc::clone(db), Arc::clone(clock), Arc::clone(ids), Arc::new(sender));
            let asker = GoogleAsker::new(Arc::clone(db), Arc::clone(clock), Arc::clone(writer));
            (Arc::new(worker), Arc::new(asker))
        });
        let sweeper = Sweeper::new(Arc::clone(db), batcher.clone(), Arc::clone(clock), Arc::clone(ids));
        let newest = watch::Sender::default();
        Self { core: core.clone(), outbox: Arc::new(outbox), google, sweeper: Arc::new(sweeper), mark, newest }
    }

    /// Wakes the outbox.
    pub fn owed(&self) -> Arc<Notify> {
        self.outbox.owed()
    }

    /// Hears when passes were changed, on any node: the largest `seq`.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Starts them.
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let Core { db, clock, batcher, .. } = self.core;
        let owed = std::iter::once(&self.outbox)
            .chain(self.google.as_ref().map(|(worker, _)| worker))
            .map(|worker| worker.owed())
            .collect();
        let (committed, newest) = (batcher.committed(), self.newest);
        let sequencer = Sequencer { db: Arc::clone(&db), clock, committed, owed, newest };
        let sweeper = self.sweeper;
        let until = |mut stop: watch::Receiver<bool>| async move {
            let _sender_gone = stop.wait_for(|stop| *stop).await;
        };
        let mut tasks = vec![
            (
                "sweeps",
                tokio::spawn({
                    let until = until(stopped.clone());
                    async move { sweeper.run(until).await }
                }),
            ),
            ("outbox", tokio::spawn(self.outbox.run(until(stopped.clone())))),
            ("sequencer", tokio::spawn(sequencer.run(until(stopped.clone())))),
        ];
        if let Some((worker, asker)) = self.google {
            tasks.push(("google", tokio::spawn(worker.run(until(stopped.clone())))));
            tasks.push(("google questions", tokio::spawn(asker.run(until(stopped.clone())))));
        }
        let MarkPlaces { file, gate } = self.mark;
        let keeper = Keeper { db, gate, file };
        tasks.push(("mark", tokio::spawn(keeper.run(stopped))));
        Running { stop, tasks }
    }
}

/// Tasks at work.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl Running {
    /// Waits until one of them ends, and says which.
    pub async fn first_to_end(&mut self) -> &'static str {
        let ends = self.tasks.iter_mut().map(|(name, task)| {
            Box::pin(async move {
                if let Err(error) = task.await {
                    tracing::error!(task = *name, %error, "a task ended badly");
                }
                *name
            })
        });
        let (name, _, _) = futures_util::future::select_all(ends).await;
        self.tasks.retain(|(other, _)| *other != name);
        name
    }

    /// Tells them to finish, and waits as long as they may take.
    pub async fn stop(self, patience: Duration) {
        self.stop.send_replace(true);
        let deadline = tokio::time::Instant::now() + patience;
        for (name, mut task) in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                tracing::warn!(task = name, "a task did not finish in time and is broken off");
                task.abort();
            }
        }
    }
}
