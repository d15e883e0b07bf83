//! A connection with its statements prepared, and statements sent over it one after the other without waiting for each other's answers:
//! one round trip, however many there are.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

/// The parameters of a statement.
pub(super) type Params = Vec<Box<dyn ToSql + Sync + Send>>;

macro_rules! params {
    ($($param:expr),* $(,)?) => { vec![$(Box::new($param) as Box<dyn tokio_postgres::types::ToSql + Sync + Send>),*] };
}
pub(super) use params;

/// Names and texts of statements: a pipeline names them, a connection prepares them all when it is made.
macro_rules! statements {
    ($($name:ident = $($part:expr),+;)*) => {
        /// The statements of this file, by name.
        pub(super) fn statements() -> Vec<(&'static str, String)> {
            vec![$((stringify!($name), [$($part),+].concat())),*]
        }
    };
}
pub(super) use statements;

/// A connection with its statements.
pub(super) struct Prepared {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Prepared {
    /// Prepares the statements, in one round trip.
    pub async fn new(client: Client, texts: Vec<(&'static str, String)>) -> Result<Self, Error> {
        let prepared = texts.iter().map(|(name, text)| async { Ok((*name, client.prepare(text).await?)) });
        let statements = futures_util::future::try_join_all(prepared).await?.into_iter().collect();
        Ok(Self { client, statements })
    }

    /// Whether the server is gone.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn statement(&self, name: &str) -> &Statement {
        self.statements.get(name).expect("every statement that a pipeline names is prepared with the connection")
    }
}

/// Statements to be sent together.
#[derive(Default)]
pub(super) struct Pipeline {
    steps: Vec<(&'static str, Params)>,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;

impl Pipeline {
    /// Adds a statement with its parameters.
    pub fn add(&mut self, name: &'static str, params: Params) {
        self.steps.push((name, params));
    }

    /// Sends them in their order and waits for all answers. The first error ends it: the server refuses what follows in the same
    /// transaction, and what can't even be written to the connection keeps the statements behind it from being sent.
    ///
    /// # Errors
    /// The first one.
    pub async fn run(&self, db: &Prepared) -> Result<Vec<Vec<Row>>, Error> {
        let mut answers: Vec<Answer<'_>> = self.steps.iter().map(|(name, params)| answer(db, name, params)).collect();
        let mut done: Vec<Option<Vec<Row>>> = answers.iter().map(|_| None).collect();
        let all = std::future::poll_fn(move |context| {
            let mut waits = false;
            for (answer, done) in answers.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
                match answer.as_mut().poll(context) {
                    Poll::Ready(Ok(rows)) => *done = Some(rows),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => waits = true,
                }
            }
            if waits { Poll::Pending } else { Poll::Ready(Ok(done.drain(..).flatten().collect())) }
        });
        all.await
    }
}

/// The statement is written to the connection when this is first polled.
fn answer<'a>(db: &'a Prepared, name: &str, params: &'a Params) -> Answer<'a> {
    let statement = db.statement(name);
    Box::pin(async move {
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect();
        db.client.query(statement, &params).await
    })
}
