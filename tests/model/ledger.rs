//! Random histories, told to four databases: in batches to SQLite, PostgreSQL and memory, and command by command to memory. All must answer
//! alike, and the invariants of the ledger must hold after every commit.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use walaa::db::Db;
use walaa::db::memory::MemoryDb;
use walaa::ids::{EarningId, PassId, RedemptionId, VoucherId};
use walaa::ledger::{Account, Body, Capture, Command, DocumentKind, OpHeader, Reverse, TokenHash, TokenKind, TokenMint};

use crate::support::ledger::{Customer, TestMint, World, postgres_at, programme_json};
use crate::support::postgres::Postgres;

/// How many customers and receipts there are: few, so that histories meet.
const CUSTOMERS: usize = 3;

/// What may happen. Numbers are places in what happened before, counted around; a code is 0 for the one before the present one, 1 for the
/// present one, 2 and more for those to come.
#[derive(Debug, Clone)]
enum Step {
    Enrol { phone: u8 },
    Earn { customer: usize, receipt: u8, fils: u16 },
    Return { earning: usize, fils: u16 },
    Adjust { customer: usize, points: i16 },
    IssueCode { customer: usize },
    IssueVoucher { customer: usize, cake: bool },
    CancelVoucher { voucher: usize },
    CaptureCard { customer: usize, pass: usize, code: u8, quantity: u8 },
    CaptureCode { customer: usize, typed: bool, code: u8, manager: bool },
    CaptureVoucher { voucher: usize, code: u8 },
    Reverse { redemption: usize, manager: bool },
    Reissue { customer: usize },
    Erase { customer: usize },
    Repeat { operation: usize },
    Abandon { operation: usize },
    Programme { enabled: bool },
}

/// What may happen between batches.
#[derive(Debug, Clone)]
enum Pause {
    Nothing,
    Seconds(u32),
    Sweep,
    Touch,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let customer = 0..CUSTOMERS;
    prop_oneof![
        2 => (0..4_u8).prop_map(|phone| Step::Enrol { phone }),
        4 => (customer.clone(), 0..6_u8, 0..20_000_u16).prop_map(|(customer, receipt, fils)| Step::Earn { customer, receipt, fils }),
        3 => (0..8_usize, 0..20_000_u16).prop_map(|(earning, fils)| Step::Return { earning, fils }),
        3 => (customer.clone(), -150..400_i16).prop_map(|(customer, points)| Step::Adjust { customer, points }),
        2 => customer.clone().prop_map(|customer| Step::IssueCode { customer }),
        3 => (customer.clone(), any::<bool>()).prop_map(|(customer, cake)| Step::IssueVoucher { customer, cake }),
        2 => (0..8_usize).prop_map(|voucher| Step::CancelVoucher { voucher }),
        4 => (customer.clone(), 0..2_usize, 0..3_u8, 1..3_u8)
            .prop_map(|(customer, pass, code, quantity)| Step::CaptureCard { customer, pass, code, quantity }),
        3 => (customer.clone(), any::<bool>(), 0..3_u8, any::<bool>())
            .prop_map(|(customer, typed, code, manager)| Step::CaptureCode { customer, typed, code, manager }),
        3 => (0..8_usize, 0..3_u8).prop_map(|(voucher, code)| Step::CaptureVoucher { voucher, code }),
        3 => (0..8_usize, any::<bool>()).prop_map(|(redemption, manager)| Step::Reverse { redemption, manager }),
        1 => customer.clone().prop_map(|customer| Step::Reissue { customer }),
        1 => customer.prop_map(|customer| Step::Erase { customer }),
        2 => (0..40_usize).prop_map(|operation| Step::Repeat { operation }),
        1 => (0..40_usize).prop_map(|operation| Step::Abandon { operation }),
        1 => prop::bool::weighted(0.7).prop_map(|enabled| Step::Programme { enabled }),
    ]
}

fn pause() -> impl Strategy<Value = Pause> {
    prop_oneof![
        6 => Just(Pause::Nothing),
        2 => (1..400_u32).prop_map(Pause::Seconds),
        1 => Just(Pause::Seconds(31 * 86_400)),
        2 => Just(Pause::Sweep),
        1 => Just(Pause::Touch),
        1 => Just(Pause::Restore),
    ]
}

fn history(batches: usize) -> impl Strategy<Value = Vec<(Vec<Step>, Pause)>> {
    prop::collection::vec((prop::collection::vec(step(), 1..6), pause()), 1..batches)
}

/// What the tellers remember: enough to name what happened before, whether it was done or refused.
struct History {
    world: World,
    customers: Vec<Customer>,
    passes: Vec<Vec<PassId>>,
    earnings: Vec<(usize, EarningId)>,
    vouchers: Vec<(usize, VoucherId)>,
    redemptions: Vec<(usize, RedemptionId, Option<VoucherId>)>,
    told: Vec<Command>,
    programme_version: i64,
    epoch: i64,
    /// The generation of each pass's, card's and voucher's code before the batch, by the thing's bytes.
    generations: HashMap<[u8; 16], i64>,
}

impl History {
    fn around<T: Copy>(list: &[T], place: usize) -> Option<T> {
        (!list.is_empty()).then(|| list[place % list.len()])
    }

    fn amount(&self, fils: u16) -> String {
        format!("{}.{:03}", fils / 1000, fils % 1000)
    }

    /// Looks up which codes are the present ones.
    async fn look(&mut self) {
        let (db, org) = (&self.world.db, self.world.org);
        for pass in self.passes.iter().flatten() {
            let pass = db.pass(*pass).await.expect("reads");
            self.generations.extend(pass.map(|pass| (pass.id.0, pass.generation)));
        }
        for customer in &self.customers {
            let card = db.card(org, customer.card).await.expect("reads");
            self.generations.extend(card.map(|state| (state.card.id.0, state.card.code_generation)));
        }
        for (_, id) in &self.vouchers {
            let Some(voucher) = db.voucher(org, *id).await.expect("reads") else { continue };
            let pass = db.pass(voucher.pass).await.expect("reads");
            self.generations.extend(pass.map(|pass| (id.0, pass.generation)));
        }
    }

    /// The generation of a code of a thing: see [`Step`].
    fn generation(&self, thing: [u8; 16], code: u8) -> i64 {
        let first = (self.epoch - 1) << 32;
        let mut generation = self.generations.get(&thing).copied().unwrap_or(1);
        if code == 0 {
            return if generation == first { 2 } else { (generation - 1).max(1) };
        }
        for _ in 1..code {
            generation = (generation + 1).max(first);
        }
        generation
    }

    fn token(&self, kind: TokenKind, (thing, code): ([u8; 16], u8)) -> TokenHash {
        TestMint.mint(self.world.org, kind, &thing, self.generation(thing, code)).1
    }

    /// The command of a step; none when it names what never was.
    fn command(&mut self, step: &Step) -> Option<Command> {
        let command = match *step {
            Step::Repeat { operation } => {
                let earlier = &self.told.get(operation % self.told.len().max(1))?;
                let id = walaa::ids::OpId(self.world.id());
                return Some(Command { op: OpHeader { id, ..earlier.op.clone() }, body: earlier.body.clone() });
            }
            Step::Abandon { operation } => {
                let earlier = &self.told.get(operation % self.told.len().max(1))?;
                return Some(self.world.abandon(earlier));
            }
            _ => {
                let body = self.body(step)?;
                self.world.command(body)
            }
        };
        let id = command.op.id.0;
        match (&command.body, step) {
            (Body::Earn(_), Step::Earn { customer, .. }) => self.earnings.push((*customer, EarningId(id))),
            (Body::IssueVoucher(_), Step::IssueVoucher { customer, .. }) => self.vouchers.push((*customer, VoucherId(id))),
            (Body::Capture(capture), _) => {
                let customer = self.customers.iter().position(|customer| customer.card == capture.card)?;
                self.redemptions.push((customer, RedemptionId(id), capture.voucher));
            }
            _ => {}
        }
        self.told.push(command.clone());
        Some(command)
    }

    fn body(&mut self, step: &Step) -> Option<Body> {
        let world = &self.world;
        let of = |customer: usize| Self::around(&self.customers, customer);
        Some(match *step {
            Step::Enrol { phone } => {
                if self.customers.len() == CUSTOMERS {
                    return None;
                }
                let (customer, body) = world.new_member(&format!("phone {phone}"));
                self.customers.push(customer);
                self.passes.push(vec![customer.pass]);
                body
            }
            Step::Earn { customer, receipt, fils } => world.earn(of(customer)?, &format!("R-{receipt}"), &self.amount(fils)),
            Step::Return { earning, fils } => {
                let (customer, earning) = Self::around(&self.earnings, earning)?;
                world.return_sale(of(customer)?, earning, &self.amount(fils))
            }
            Step::Adjust { customer, points } => world.adjust(of(customer)?, i64::from(points)),
            Step::IssueCode { customer } => world.issue_code(of(customer)?),
            Step::IssueVoucher { customer, cake } => world.issue_voucher(of(customer)?, if cake { "cake" } else { "latte" }),
            Step::CancelVoucher { voucher } => {
                let (customer, voucher) = Self::around(&self.vouchers, voucher)?;
                world.cancel_voucher(of(customer)?, voucher)
            }
            Step::CaptureCard { customer, pass, code, quantity } => {
                let pass = Self::around(self.passes.get(customer % self.customers.len().max(1))?, pass)?;
                world.capture(of(customer)?, self.token(TokenKind::Card, (pass.0, code)), &[("latte", i64::from(quantity))])
            }
            Step::CaptureCode { customer, typed, code, manager } => {
                let kind = if typed { TokenKind::Typed } else { TokenKind::Live };
                let token = self.token(kind, (of(customer)?.card.0, code));
                Body::Capture(Capture { manager, ..world.capture_body(of(customer)?, token, &[("cake", 1)]) })
            }
            Step::CaptureVoucher { voucher, code } => {
                let (customer, voucher) = Self::around(&self.vouchers, voucher)?;
                let token = self.token(TokenKind::Voucher, (voucher.0, code));
                Body::Capture(Capture { voucher: Some(voucher), ..world.capture_body(of(customer)?, token, &[]) })
            }
            Step::Reverse { redemption, manager } => {
                let (customer, redemption, voucher) = Self::around(&self.redemptions, redemption)?;
                let Body::Reverse(reverse) = world.reverse(of(customer)?, redemption, voucher) else { return None };
                Body::Reverse(Reverse { manager, ..reverse })
            }
            Step::Reissue { customer } => {
                let (pass, body) = world.reissue(of(customer)?);
                self.passes[customer % self.customers.len()].push(pass);
                body
            }
            Step::Erase { customer } => world.erase(of(customer)?),
            Step::Programme { enabled } => {
                let mut document = programme_json();
                document["status"] = if enabled { "active" } else { "disabled" }.into();
                self.programme_version += 1;
                world.put_body(DocumentKind::Programme, world.programme.0, (self.programme_version - 1, document))
            }
            Step::Repeat { .. } | Step::Abandon { .. } => return None,
        })
    }

    async fn pause(&mut self, pause: &Pause, all: &[&dyn Db]) -> Vec<Command> {
        match pause {
            Pause::Nothing => Vec::new(),
            Pause::Seconds(seconds) => {
                self.world.advance_seconds(i64::from(*seconds));
                Vec::new()
            }
            Pause::Restore => {
                for db in all {
                    self.epoch = db.raise_epoch().await.expect("raises");
                }
                Vec::new()
            }
            Pause::Sweep => {
                let expired = self.world.db.expired_tokens(self.world.now(), 32).await.expect("reads");
                let mut tokens: Vec<_> = expired.iter().map(|found| (found.token, found.card, found.voucher)).collect();
                tokens.sort();
                for db in all {
                    let mut found: Vec<_> = db
                        .expired_tokens(self.world.now(), 32)
                        .await
                        .expect("reads")
                        .iter()
                        .map(|found| (found.token, found.card, found.voucher))
                        .collect();
                    found.sort();
                    assert_eq!(found, tokens, "what ran out is the same everywhere");
                }
                vec![self.world.command(self.world.expire(tokens))]
            }
            Pause::Touch => match self.world.db.stale_passes(32).await.expect("reads") {
                Some(stale) => vec![self.world.command(self.world.touch(stale.passes))],
                None => Vec::new(),
            },
        }
    }
}

/// Tells one history; panics where a promise breaks.
async fn tell(batches: &[(Vec<Step>, Pause)]) {
    let world = World::on_sqlite().await;
    let batched = world.twin(MemoryDb::new(Arc::new(TestMint))).await;
    let single = world.twin(MemoryDb::new(Arc::new(TestMint))).await;
    let database = Postgres::database();
    let server = world.twin(postgres_at(&database.url).await).await;
    let mut history = History {
        world,
        customers: Vec::new(),
        passes: Vec::new(),
        earnings: Vec::new(),
        vouchers: Vec::new(),
        redemptions: Vec::new(),
        told: Vec::new(),
        programme_version: 1,
        epoch: 1,
        generations: HashMap::new(),
    };
    let mut captured: HashMap<TokenHash, usize> = HashMap::new();
    let sqlite = Arc::clone(&history.world.db);
    let all: [&dyn Db; 4] = [&*sqlite, &*batched.db, &*single.db, &*server.db];
    for (steps, pause) in batches {
        history.look().await;
        let mut commands: Vec<Command> = steps.iter().filter_map(|step| history.command(step)).collect();
        commands.extend(history.pause(pause, &all).await);
        let now = history.world.now();
        let answers = sqlite.apply(commands.clone(), now).await;
        assert_eq!(answers, batched.db.apply(commands.clone(), now).await, "memory answers as SQLite does: {commands:#?}");
        assert_eq!(answers, server.db.apply(commands.clone(), now).await, "PostgreSQL answers as SQLite does: {commands:#?}");
        for (command, answer) in commands.iter().zip(&answers) {
            let alone = single.db.apply(vec![command.clone()], now).await.pop().expect("one answer");
            assert_eq!(answer, &alone, "a batch answers as its commands one by one: {command:#?} in {commands:#?}");
            let answer = answer.as_ref().expect("no constraint is in the way");
            if let Body::Capture(capture) = &command.body
                && answer.result.is_ok()
                && !answer.replayed
            {
                *captured.entry(capture.token).or_default() += 1;
            }
        }
        assert!(captured.values().all(|times| *times == 1), "I1: a token was captured twice");
        for db in all {
            db.sequence(1_000, now).await.expect("sequences");
            assert_eq!(db.check_ledger().await.expect("checks").findings, Vec::<String>::new(), "I5, I6, I7");
        }
        conserved(&history).await;
        same_rows(&history, &all).await;
    }
    same_journal(&history, &all).await;
}

/// I4: what came in is what is there and what went out.
async fn conserved(history: &History) {
    let (db, org) = (&history.world.db, history.world.org);
    for customer in &history.customers {
        let Some(state) = db.card(org, customer.card).await.expect("reads") else { continue };
        let entries = db.entries_of(org, customer.card, None, usize::MAX).await.expect("reads");
        let outside = [Account::Earned, Account::Redeemed, Account::Adjusted, Account::Forfeited];
        let came = |account| outside.contains(&account);
        let given: i64 = entries.iter().filter(|entry| came(entry.debit)).map(|entry| entry.amount).sum();
        let taken: i64 = entries.iter().filter(|entry| came(entry.credit)).map(|entry| entry.amount).sum();
        assert_eq!(given - taken, state.available() + state.card.held - state.card.debt, "I4 for {}", customer.card);
    }
}

async fn same_rows(history: &History, all: &[&dyn Db; 4]) {
    let org = history.world.org;
    for other in &all[1..] {
        for (customer, passes) in history.customers.iter().zip(&history.passes) {
            assert_eq!(all[0].card(org, customer.card).await, other.card(org, customer.card).await);
            for pass in passes {
                assert_eq!(all[0].pass(*pass).await, other.pass(*pass).await);
            }
            let expected = all[0].vouchers_of(org, customer.card, 100).await;
            assert_eq!(expected, other.vouchers_of(org, customer.card, 100).await);
        }
    }
}

/// The journals tell the same story; the set-up before it had its own ids.
async fn same_journal(history: &History, all: &[&dyn Db; 4]) {
    const SET_UP: i64 = 4;
    let mut stories = Vec::new();
    for db in all {
        let records = db.journal(history.world.org, SET_UP, usize::MAX).await.expect("reads");
        assert_eq!(db.unsealed().await, Ok(0));
        stories.push(records.into_iter().map(|record| (record.number, record.row)).collect::<Vec<_>>());
    }
    assert_eq!(stories[0], stories[1]);
    assert_eq!(stories[0], stories[2]);
    assert_eq!(stories[0], stories[3]);
}

/// Cases for every run; `PROPTEST_CASES=2000` for a long one.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 24 };
    ProptestConfig { cases, max_shrink_iters: 300, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_database_tells_the_same_story(batches in history(24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(tell(&batches));
    }
}
