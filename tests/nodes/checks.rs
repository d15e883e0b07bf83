//! What must hold when the dust has settled: the tills' book and the database tell the same story, and it is a story without a double.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::cluster::Cluster;
use super::till::{End, Kind, Market, Operation, Till, redemption};
use crate::support::chance::Chance;

/// Operations of a round that are sent once more, to hear the same again.
const REPEATED: usize = 30;

/// Tokens of a round that nobody captured, and that must still be good.
const PROBED: usize = 3;

/// Findings that are told of one kind: the first ones say enough.
const MOST_FINDINGS: usize = 5;

/// The part of an operation's id that names its round.
const ROUND_LENGTH: usize = "round-00000".len();

/// Points of all cards before the first round, held ones included.
pub struct Baseline(pub i64);

impl Baseline {
    /// Reads them.
    pub fn of(cluster: &Cluster) -> Self {
        Self(numbers(cluster, "SELECT sum(available + held) FROM lots").expect("the database answers")[0])
    }
}

/// How an operation stands in the database.
struct Stored {
    outcome: String,
    status: u16,
    answer: String,
}

/// Compares book and database.
pub struct Checks<'a> {
    pub cluster: &'a Cluster,
    pub market: &'a Arc<Market>,
    pub baseline: &'a Baseline,
}

impl Checks<'_> {
    /// All that does not hold. Operations from `since` on are compared one by one, everything else as a whole.
    pub async fn findings(&self, since: usize, chance: &mut Chance) -> Vec<String> {
        let book = self.market.book().clone();
        let mut findings = Vec::new();
        findings.extend(self.stored(&book[since..]).unwrap_or_else(|error| vec![error]));
        findings.extend(once(&book));
        findings.extend(self.whole(&book).unwrap_or_else(|error| vec![error]));
        findings.extend(self.repeated(&book[since..], chance).await);
        findings.extend(self.probed(&book, since).await);
        findings
    }

    /// S2, S3, S6: every operation is final, and is in the database as its till knows it.
    fn stored(&self, book: &[Operation]) -> Result<Vec<String>, String> {
        let stored = self.operations(book)?;
        let mut findings = Vec::new();
        for operation in book {
            let found = stored.get(&operation.id);
            let Some(end) = &operation.end else {
                findings.push(format!("S6: {} {:?} has no end", operation.id, operation.kind));
                continue;
            };
            match (end, found) {
                (End::Answered(status, _), _) if !matches!(*status, 201 | 409) => {
                    findings.push(format!("{} {:?} was answered {status}: {}", operation.id, operation.kind, end.body()));
                }
                (End::Answered(status, bytes), Some(found)) => {
                    let same = *status == found.status && found.outcome != "abandoned";
                    // Other answers hold what is never stored: codes and links.
                    let plain = matches!(operation.kind, Kind::Earn | Kind::Redeem | Kind::Cancel);
                    if !same || (*status == 201 && plain && hex(bytes) != found.answer) {
                        findings.push(format!("S3: {} was answered {status}, stored is {}", operation.id, found.status));
                    }
                }
                // A refusal that changes nothing may come from the gate, which stores none.
                (End::Answered(409, _), None) => {}
                (End::LookedUp(status, _), Some(found)) if *status == found.status && found.outcome != "abandoned" => {}
                (End::Abandoned, Some(found)) if found.outcome == "abandoned" => {}
                (end, None) => findings.push(format!("S2: {} ended as {end:?}, and is not in the database", operation.id)),
                (end, Some(found)) => {
                    findings.push(format!("S3: {} ended as {end:?}, stored is {} {}", operation.id, found.outcome, found.status));
                }
            }
        }
        findings.truncate(MOST_FINDINGS);
        Ok(findings)
    }

    fn operations(&self, book: &[Operation]) -> Result<HashMap<String, Stored>, String> {
        let Some(first) = book.first() else { return Ok(HashMap::new()) };
        // Ids begin with their round, so that they are in the order of rounds.
        let round = &first.id[..ROUND_LENGTH];
        let answer = self.cluster.hex("answer");
        let sql = format!("SELECT key, outcome, status, {answer} FROM ops WHERE key >= '{round}' AND key LIKE 'round-%'");
        let rows = self.cluster.sql(&sql)?;
        let stored = rows.lines().filter_map(|line| {
            let mut columns = line.split('|');
            let (id, outcome, status) = (columns.next()?, columns.next()?, columns.next()?);
            let answer = columns.next().unwrap_or_default().to_owned();
            Some((id.to_owned(), Stored { outcome: outcome.to_owned(), status: status.parse().ok()?, answer }))
        });
        Ok(stored.collect())
    }

    /// S1, S2, S4: there are as many captures, sales, vouchers and reversals as tills were told of, and not one point more or less.
    fn whole(&self, book: &[Operation]) -> Result<Vec<String>, String> {
        let done = |kind: Kind| book.iter().filter(move |operation| operation.kind == kind && is_done(operation));
        let count = |kind: Kind| i64::try_from(done(kind).count()).expect("few");
        let points =
            |operation: &Operation| operation.end.as_ref().and_then(|end| end.body()["points"].as_i64()).unwrap_or_default();
        let redeemed: HashMap<String, i64> = done(Kind::Redeem)
            .filter_map(|operation| Some((operation.end.as_ref()?.body()["id"].as_str()?.to_owned(), points(operation))))
            .collect();
        let reversed = done(Kind::Reverse).filter_map(|operation| redeemed.get(operation.path.split('/').nth(3)?));
        let balance =
            self.baseline.0 + done(Kind::Earn).map(points).sum::<i64>() - redeemed.values().sum::<i64>() + reversed.sum::<i64>();
        let expected = [
            ("captures", count(Kind::Redeem)),
            ("reversals", count(Kind::Reverse)),
            ("sales", count(Kind::Earn)),
            ("vouchers", count(Kind::Issue)),
            ("cancellations", count(Kind::Cancel)),
            ("points", balance),
            ("tokens captured twice", 0),
        ];
        let found = numbers(
            self.cluster,
            "SELECT (SELECT count(*) FROM redemptions), (SELECT count(*) FROM redemptions WHERE state = 'reversed'), \
             (SELECT count(*) FROM earnings), (SELECT count(*) FROM vouchers), \
             (SELECT count(*) FROM vouchers WHERE state = 'cancelled'), (SELECT sum(available + held) FROM lots), \
             (SELECT count(*) FROM (SELECT token FROM redemptions GROUP BY org, token HAVING count(*) > 1) doubles)",
        )?;
        let wrong = expected.iter().zip(found).filter(|((_, expected), found)| expected != found);
        Ok(wrong
            .map(|((name, expected), found)| format!("S1, S2, S4: {name}: tills know of {expected}, the database of {found}"))
            .collect())
    }

    /// S3: who asks again hears the same, from whichever node.
    async fn repeated(&self, book: &[Operation], chance: &mut Chance) -> Vec<String> {
        let mut findings = Vec::new();
        for _ in 0..REPEATED.min(book.len()) {
            let operation = &book[chance.below(book.len())];
            let till = Till::new(self.market, &operation.key, 0);
            let again = till.send(operation).await;
            let same = match (&operation.end, &again) {
                (Some(End::Answered(201, bytes)), Some((201, again))) => bytes == again,
                (Some(End::Answered(409, bytes)), Some((409, again))) => code(bytes) == code(again),
                (Some(End::LookedUp(status, _)), Some((again, _))) => status == again,
                (Some(End::Abandoned), Some((409, bytes))) => code(bytes) == "op_abandoned",
                _ => false,
            };
            if !same {
                let again = again.map(|(status, bytes)| (status, String::from_utf8_lossy(&bytes).into_owned()));
                findings.push(format!("S3: {} ended as {:?}, and again as {again:?}", operation.id, operation.end));
            }
        }
        findings.truncate(MOST_FINDINGS);
        findings
    }

    /// S5: what was not captured can be captured.
    async fn probed(&self, book: &[Operation], since: usize) -> Vec<String> {
        let mut codes: Vec<&str> = Vec::new();
        let redeems = |operation: &&Operation| operation.kind == Kind::Redeem && !operation.body["rewards"].is_null();
        for operation in book[since..].iter().filter(redeems) {
            codes.extend(operation.body["code"].as_str());
        }
        let captured = |code: &str| book.iter().any(|operation| operation.body["code"] == code && is_done(operation));
        codes.retain(|code| !captured(code));
        codes.sort_unstable();
        codes.dedup();
        let mut findings = Vec::new();
        for code in codes.into_iter().take(PROBED) {
            let end =
                Till::new(self.market, &self.market.owner, 0).perform(Kind::Redeem, "/v1/redemptions", &redemption(code)).await;
            if !end.done() && end.body()["code"] != "code_expired" {
                findings.push(format!("S5: a code that nobody captured is refused: {end:?}"));
            }
        }
        findings
    }
}

/// S1: over all answers, each code was captured once, each receipt counted once, each redemption undone once.
fn once(book: &[Operation]) -> Vec<String> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut findings = Vec::new();
    for operation in book.iter().filter(|operation| is_done(operation)) {
        let thing = match operation.kind {
            Kind::Redeem => operation.body["code"].to_string(),
            Kind::Earn => operation.body["receipt"].to_string(),
            Kind::Reverse | Kind::Cancel => operation.path.clone(),
            Kind::Codes | Kind::Issue => continue,
        };
        if let Some(first) = seen.insert(format!("{:?} {thing}", operation.kind), &operation.id) {
            findings.push(format!("S1: {:?} was done twice, by {first} and {}", operation.kind, operation.id));
        }
    }
    findings.truncate(MOST_FINDINGS);
    findings
}

fn is_done(operation: &Operation) -> bool {
    operation.end.as_ref().is_some_and(End::done)
}

fn code(bytes: &[u8]) -> Value {
    serde_json::from_slice::<Value>(bytes).map(|body| body["code"].clone()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The numbers of one row.
fn numbers(cluster: &Cluster, sql: &str) -> Result<Vec<i64>, String> {
    let row = cluster.sql(sql)?;
    row.split('|').map(|number| number.parse().map_err(|_| format!("not a number in {row}"))).collect()
}
