//! What every gate promises, held against the memory gate and against a real redis-server in each of its forms; and what Redis may do
//! wrong.

mod failovers;
mod outages;
mod setups;

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Asia::Kuwait;
use proptest::prelude::*;
use walaa::clock::Timestamp;
use walaa::error::Code;
use walaa::gate::{
    Capture, Gate, GateRequest, GateTime, GateVerdict, Limit, LocalDay, MOST_REMEMBERED, MemoryGate, OpMark, PaceKind, PaceRule,
    RateRule, RedisGate, RedisGateConfig, Refusal, Scope,
};
use walaa::ids::{CardId, OrgId, RedemptionId, TerminalId};
use walaa::tokens::{Keyring, TokenHash};

use crate::support::redis::RedisServer;

const ORG: OrgId = OrgId([1; 16]);
const OTHER_ORG: OrgId = OrgId([2; 16]);
const TOKEN: TokenHash = TokenHash([3; 32]);
const CARD: CardId = CardId([4; 16]);
const TILL: TerminalId = TerminalId([5; 16]);

/// Time enough that a busy machine is not taken for an outage.
const PATIENT: Duration = Duration::from_secs(5);

fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::generate(std::array::from_fn(|place| place as u8)).expect("mixed enough"))
}

fn config(server: &RedisServer) -> RedisGateConfig {
    RedisGateConfig { timeout: PATIENT, time: GateTime::Caller, ..RedisGateConfig::new(server.url()) }
}

async fn started(config: RedisGateConfig) -> RedisGate {
    let gate = RedisGate::start(config, keyring()).expect("a good address");
    gate.wait_until_up().await;
    gate
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-03-01T09:00:00Z").expect("noon in Kuwait")
}

async fn ask(gate: &dyn Gate, request: &GateRequest, now: Timestamp) -> GateVerdict {
    gate.check(request, now).await.expect("a verdict")
}

fn refused(verdict: GateVerdict) -> Refusal {
    match verdict {
        GateVerdict::Refused(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::MemoryGate::new(super::keyring())).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $name() {
                let server = super::RedisServer::start();
                super::$name(&super::started(super::config(&server)).await).await;
            })*
        }
        /// The whole suite on one Redis, each test under keys of its own.
        async fn whole_contract(config: &RedisGateConfig) {
            $({
                let prefix = concat!("walaa:", stringify!($name), ":").to_owned();
                $name(&started(RedisGateConfig { prefix, ..config.clone() }).await).await;
            })*
        }
    };
}

contract! {
    a_burst_passes_and_then_one_for_each_interval
    subjects_scopes_and_organisations_do_not_share_a_limit
    several_at_once_are_allowed_all_or_none
    a_looked_at_limit_is_not_charged
    the_rules_of_one_limit_are_charged_all_or_none
    a_marker_tells_which_redemption_used_the_token
    a_page_of_markers_is_read_at_once
    a_marker_outlives_the_token_by_ten_minutes
    a_pace_rule_counts_operations_of_a_local_day
    a_repeated_operation_is_neither_counted_nor_refused
    a_pace_mark_is_taken_back_when_nothing_came_of_it
    a_rate_limit_comes_before_a_marker_and_a_marker_before_a_pace
    too_many_parts_are_a_mistake_of_the_caller
    an_empty_check_passes
    parallel_requests_never_exceed_a_burst
}

async fn a_burst_passes_and_then_one_for_each_interval(gate: &dyn Gate) {
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Terminal, TILL, &[RateRule::per_second(5).burst(20)]));
    for _ in 0..20 {
        assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Go);
    }
    let refusal = refused(ask(gate, &request, noon()).await);
    assert_eq!((refusal.code, refusal.reason, refusal.retry_after_ms), (Code::RateLimited, "terminal_rate", 200));
    assert_eq!(refused(ask(gate, &request, noon().plus_millis(199)).await).retry_after_ms, 1);
    assert_eq!(ask(gate, &request, noon().plus_millis(200)).await, GateVerdict::Go);
    refused(ask(gate, &request, noon().plus_millis(200)).await);
}

async fn subjects_scopes_and_organisations_do_not_share_a_limit(gate: &dyn Gate) {
    let once = [RateRule::per_day(1)];
    let requests = [
        GateRequest::within(ORG).limit(Limit::on(Scope::Card, CARD, &once)),
        GateRequest::within(ORG).limit(Limit::on(Scope::Card, CardId([9; 16]), &once)),
        GateRequest::within(ORG).limit(Limit::on(Scope::Token, CARD, &once)),
        GateRequest::within(OTHER_ORG).limit(Limit::on(Scope::Card, CARD, &once)),
        GateRequest::anonymous().limit(Limit::on(Scope::Card, CARD, &once)),
        GateRequest::anonymous().limit(Limit::address("192.0.2.1".parse().expect("an address"), &once)),
    ];
    for request in &requests {
        assert_eq!(ask(gate, request, noon()).await, GateVerdict::Go);
    }
    for request in &requests {
        refused(ask(gate, request, noon()).await);
    }
}

async fn several_at_once_are_allowed_all_or_none(gate: &dyn Gate) {
    let rules = [RateRule::per_second(10).burst(20)];
    let of = |count| GateRequest::anonymous().limit(Limit::on(Scope::GoogleIssuer, "3388000000022141777", &rules).times(count));
    assert_eq!(ask(gate, &of(15), noon()).await, GateVerdict::Go);
    assert_eq!(refused(ask(gate, &of(10), noon()).await).retry_after_ms, 500);
    assert_eq!(ask(gate, &of(5), noon()).await, GateVerdict::Go, "the refused ten cost nothing");
    assert_eq!(ask(gate, &of(10), noon().plus_millis(1_000)).await, GateVerdict::Go);
    // More than the burst waits for all of it, and is paid for afterwards.
    assert_eq!(ask(gate, &of(30), noon().plus_millis(3_000)).await, GateVerdict::Go);
    assert_eq!(refused(ask(gate, &of(30), noon().plus_millis(3_000)).await).retry_after_ms, 3_000);
}

async fn a_looked_at_limit_is_not_charged(gate: &dyn Gate) {
    let failures = Limit::on(Scope::FailedCodes, TILL, &[RateRule::new(10, 300_000)]);
    let look = GateRequest::within(ORG).limit(failures.clone().look());
    let take = GateRequest::within(ORG).limit(failures);
    for _ in 0..10 {
        for _ in 0..3 {
            assert_eq!(ask(gate, &look, noon()).await, GateVerdict::Go);
        }
        assert_eq!(ask(gate, &take, noon()).await, GateVerdict::Go);
    }
    assert_eq!(refused(ask(gate, &look, noon()).await).reason, "failed_codes_rate");
}

async fn the_rules_of_one_limit_are_charged_all_or_none(gate: &dyn Gate) {
    let rules = [RateRule::per_minute(1), RateRule::per_day(3)];
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Card, CARD, &rules));
    assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Go);
    for second in 1..60 {
        refused(ask(gate, &request, noon().plus_seconds(second)).await);
    }
    for minute in [1, 2] {
        assert_eq!(ask(gate, &request, noon().plus_seconds(60 * minute)).await, GateVerdict::Go, "minute {minute}");
    }
    let day = refused(ask(gate, &request, noon().plus_seconds(180)).await);
    assert_eq!(day.retry_after_ms, 8 * 3_600_000 - 180_000);
}

fn capture() -> Capture {
    Capture { org: ORG, token: TOKEN, redemption: RedemptionId([7; 16]), expires: None }
}

async fn a_marker_tells_which_redemption_used_the_token(gate: &dyn Gate) {
    let request = GateRequest::within(ORG).token(TOKEN);
    assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Go);
    gate.mark_captured(&capture(), noon()).await;
    assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Captured(RedemptionId([7; 16])));
    assert_eq!(ask(gate, &GateRequest::within(ORG).token(TokenHash([8; 32])), noon()).await, GateVerdict::Go);
    assert_eq!(ask(gate, &GateRequest::within(OTHER_ORG).token(TOKEN), noon()).await, GateVerdict::Go);
}

async fn a_page_of_markers_is_read_at_once(gate: &dyn Gate) {
    assert_eq!(gate.remembered(ORG, &[], noon()).await, Some(vec![]));
    let token = |place: usize| TokenHash(std::array::from_fn(|at| if at < 2 { (place >> (8 * at)) as u8 } else { 0x5a }));
    let redemption = |place: usize| RedemptionId([(place % 251) as u8; 16]);
    let captured = [0, 7, MOST_REMEMBERED - 1];
    for place in captured {
        gate.mark_captured(&Capture { token: token(place), redemption: redemption(place), ..capture() }, noon()).await;
    }
    let tokens: Vec<_> = (0..MOST_REMEMBERED).map(token).collect();
    let expected = |place: usize| captured.contains(&place).then(|| redemption(place));
    let remembered = gate.remembered(ORG, &tokens, noon()).await.expect("the gate is there");
    assert_eq!(remembered, (0..MOST_REMEMBERED).map(expected).collect::<Vec<_>>(), "each in its place");
    assert_eq!(gate.remembered(OTHER_ORG, &tokens[..8], noon()).await, Some(vec![None; 8]), "another organisation's are others");
}

async fn a_marker_outlives_the_token_by_ten_minutes(gate: &dyn Gate) {
    let live = Capture { expires: Some(noon().plus_seconds(120)), ..capture() };
    gate.mark_captured(&live, noon()).await;
    let request = GateRequest::within(ORG).token(TOKEN);
    assert_eq!(ask(gate, &request, noon().plus_seconds(719)).await, GateVerdict::Captured(RedemptionId([7; 16])));
}

fn paced(most: u32, op: &str, now: Timestamp) -> GateRequest {
    let rule = PaceRule::per_local_day(PaceKind::Redeem, (CARD, TILL), most, LocalDay::at(now, Kuwait));
    GateRequest::within(ORG).pace(rule).op(OpMark::of("trm_1", op))
}

async fn a_pace_rule_counts_operations_of_a_local_day(gate: &dyn Gate) {
    assert_eq!(ask(gate, &paced(2, "a", noon()), noon()).await, GateVerdict::Go);
    assert_eq!(ask(gate, &paced(2, "b", noon()), noon()).await, GateVerdict::Go);
    let refusal = refused(ask(gate, &paced(2, "c", noon()), noon()).await);
    assert_eq!((refusal.code, refusal.reason), (Code::PaceLimited, "card_terminal_day"));
    assert_eq!(refusal.retry_after_ms, 12 * 3_600_000, "until midnight in Kuwait");

    let other_till = PaceRule::per_local_day(PaceKind::Redeem, (CARD, TerminalId([6; 16])), 2, LocalDay::at(noon(), Kuwait));
    let elsewhere = GateRequest::within(ORG).pace(other_till).op(OpMark::of("trm_2", "d"));
    assert_eq!(ask(gate, &elsewhere, noon()).await, GateVerdict::Go, "another till counts for itself");

    let sale = PaceRule::per_local_day(PaceKind::Earn, (CARD, TILL), 1, LocalDay::at(noon(), Kuwait));
    let selling = GateRequest::within(ORG).pace(sale).op(OpMark::of("trm_1", "f"));
    assert_eq!(ask(gate, &selling, noon()).await, GateVerdict::Go, "sales count for themselves");

    let last = noon().plus_millis(12 * 3_600_000 - 1);
    refused(ask(gate, &paced(2, "e", last), last).await);
    let midnight = last.plus_millis(1);
    assert_eq!(ask(gate, &paced(2, "e", midnight), midnight).await, GateVerdict::Go, "a new local day");
}

async fn a_repeated_operation_is_neither_counted_nor_refused(gate: &dyn Gate) {
    for _ in 0..5 {
        assert_eq!(ask(gate, &paced(2, "a", noon()), noon()).await, GateVerdict::Go, "a till that repeats hears its answer");
    }
    assert_eq!(ask(gate, &paced(2, "b", noon()), noon()).await, GateVerdict::Go);
    refused(ask(gate, &paced(2, "c", noon()), noon()).await);
    assert_eq!(ask(gate, &paced(2, "a", noon()), noon()).await, GateVerdict::Go);

    let rule = PaceRule::per_local_day(PaceKind::Redeem, (CARD, TerminalId([6; 16])), 1, LocalDay::at(noon(), Kuwait));
    let look = GateRequest::within(ORG).pace(rule.clone());
    for _ in 0..3 {
        assert_eq!(ask(gate, &look, noon()).await, GateVerdict::Go, "without an operation it only looks");
    }
    assert_eq!(ask(gate, &look.clone().op(OpMark::of("trm_1", "x")), noon()).await, GateVerdict::Go);
    refused(ask(gate, &look, noon()).await);
}

async fn a_pace_mark_is_taken_back_when_nothing_came_of_it(gate: &dyn Gate) {
    let request = paced(1, "a", noon());
    assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Go);
    gate.take_back(&request).await;
    assert_eq!(ask(gate, &paced(1, "b", noon()), noon()).await, GateVerdict::Go, "the ledger refused a");
    refused(ask(gate, &paced(1, "c", noon()), noon()).await);

    let shut = Limit::on(Scope::Card, CARD, &[RateRule::per_day(1)]);
    assert_eq!(ask(gate, &GateRequest::within(ORG).limit(shut.clone()), noon()).await, GateVerdict::Go);
    let rule = PaceRule::per_local_day(PaceKind::Redeem, (CARD, TerminalId([6; 16])), 1, LocalDay::at(noon(), Kuwait));
    let both = GateRequest::within(ORG).limit(shut).pace(rule.clone()).op(OpMark::of("trm_2", "d"));
    assert_eq!(refused(ask(gate, &both, noon()).await).reason, "card_rate");
    let next = GateRequest::within(ORG).pace(rule).op(OpMark::of("trm_2", "e"));
    assert_eq!(ask(gate, &next, noon()).await, GateVerdict::Go, "the refused d left no mark");
}

async fn a_rate_limit_comes_before_a_marker_and_a_marker_before_a_pace(gate: &dyn Gate) {
    gate.mark_captured(&capture(), noon()).await;
    let full = PaceRule::per_local_day(PaceKind::Redeem, (CARD, TILL), 0, LocalDay::at(noon(), Kuwait));
    let request = GateRequest::within(ORG).token(TOKEN).pace(full).limit(Limit::token(&TOKEN, &[RateRule::per_minute(1)]));
    assert_eq!(ask(gate, &request, noon()).await, GateVerdict::Captured(RedemptionId([7; 16])));
    assert_eq!(refused(ask(gate, &request, noon()).await).reason, "token_rate");
}

async fn too_many_parts_are_a_mistake_of_the_caller(gate: &dyn Gate) {
    let limit = |at| Limit::on(Scope::Key, at, &[RateRule::per_second(1)]);
    let request = (0..8).fold(GateRequest::within(ORG).token(TOKEN), |all, at| all.limit(limit(at)));
    gate.check(&request, noon()).await.expect_err("nine parts");
}

async fn an_empty_check_passes(gate: &dyn Gate) {
    assert_eq!(ask(gate, &GateRequest::anonymous(), noon()).await, GateVerdict::Go);
    assert!(gate.health().await.up);
}

async fn parallel_requests_never_exceed_a_burst(gate: &dyn Gate) {
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Card, CARD, &[RateRule::per_minute(7)]));
    let verdicts = futures_util::future::join_all((0..100).map(|_| ask(gate, &request, noon()))).await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == GateVerdict::Go).count(), 7);
}

/// A token bucket in whole microseconds: the plainest way to say the same as GCRA.
struct Bucket {
    interval: i64,
    full: i64,
    level: i64,
}

impl Bucket {
    fn of(rule: RateRule) -> Self {
        let full = rule.interval_us() * i64::from(rule.burst_size());
        Self { interval: rule.interval_us(), full, level: full }
    }
}

/// Milliseconds to wait, by buckets: 0 = allowed.
fn by_buckets(buckets: &mut [Bucket], passed_ms: i64) -> i64 {
    let mut wait = 0;
    for bucket in buckets.iter_mut() {
        bucket.level = (bucket.level + passed_ms * 1000).min(bucket.full);
        wait = wait.max(bucket.interval - bucket.level);
    }
    if wait <= 0 {
        buckets.iter_mut().for_each(|bucket| bucket.level -= bucket.interval);
    }
    (wait.max(0) + 999) / 1000
}

fn rules() -> impl Strategy<Value = Vec<RateRule>> {
    let rule =
        (1_u32..30, 1_u32..20_000, 1_u32..12).prop_map(|(requests, per_ms, burst)| RateRule::new(requests, per_ms).burst(burst));
    proptest::collection::vec(rule, 1..=3)
}

fn steps() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(prop_oneof![Just(0_i64), 0_i64..5, 0_i64..500, 0_i64..20_000], 1..60)
}

/// Walks a gate and the buckets through the same steps.
async fn same_as_buckets(gate: &dyn Gate, rules: &[RateRule], steps: &[i64]) -> Result<(), TestCaseError> {
    let mut buckets: Vec<Bucket> = rules.iter().copied().map(Bucket::of).collect();
    let mut now = noon();
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Key, "k", rules));
    for step in steps {
        now = now.plus_millis(*step);
        let wait = match ask(gate, &request, now).await {
            GateVerdict::Go => 0,
            verdict => refused(verdict).retry_after_ms,
        };
        prop_assert_eq!(wait, by_buckets(&mut buckets, *step), "at {}", now);
    }
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn the_memory_gate_keeps_exactly_to_the_buckets() {
    proptest!(ProptestConfig::with_cases(200), |(rules in rules(), steps in steps())| {
        runtime().block_on(same_as_buckets(&MemoryGate::new(keyring()), &rules, &steps))?;
    });
}

#[test]
fn the_redis_gate_keeps_exactly_to_the_buckets() {
    let server = RedisServer::start();
    let runtime = runtime();
    let gate = runtime.block_on(started(config(&server)));
    proptest!(ProptestConfig::with_cases(100), |(rules in rules(), steps in steps())| {
        server.flush();
        runtime.block_on(same_as_buckets(&gate, &rules, &steps))?;
    });
}

#[tokio::test]
async fn the_memory_gate_holds_its_bound() {
    let gate = MemoryGate::with_capacity(keyring(), 4_000);
    for at in 0..20_000 {
        let limit = Limit::on(Scope::Key, at, &[RateRule::per_day(1)]);
        let rule =
            PaceRule::per_local_day(PaceKind::Redeem, (CardId(u128::to_be_bytes(at)), TILL), 1, LocalDay::at(noon(), Kuwait));
        let request = GateRequest::within(ORG).limit(limit).pace(rule).op(OpMark::of("trm", "a"));
        ask(&gate, &request, noon()).await;
        gate.mark_captured(&Capture { token: TokenHash([at as u8; 32]), ..capture() }, noon()).await;
    }
    assert!(gate.entries() <= 4_000, "{} entries", gate.entries());
}
