//! Views that the tests of passes look at.

use chrono_tz::Asia::Kuwait;
use walaa::apple::pass::PassIdentity;
use walaa::clock::Timestamp;
use walaa::money::Points;
use walaa::passes::{Change, ChangeKind, NextReward, PassKind, PassView, RewardLine, Stamps, VoucherView};

/// The text of a card's code, as long as a real one.
pub const CODE: &str = "W1A0B1C2D3E4F5G6H7J8K9M0N1P2Q3R4S5T6V7W8X9Y0";

/// A moment in March.
pub fn march() -> Timestamp {
    Timestamp::parse("2026-03-14T15:09:26Z").expect("is a time")
}

/// An identity whose passes update themselves.
pub fn identity() -> PassIdentity<'static> {
    PassIdentity::new("pass.example.qahwa.card", "ABCDE12345")
        .and_then(|identity| identity.with_web_service("https://wallet.example/apple", "k3Jx0q9vT2mB7wYz1sLd"))
        .expect("is right")
}

/// A points card in a language.
pub fn card(language: &str) -> PassView {
    let arabic = language.starts_with("ar");
    let pick = |english: &str, in_arabic: &str| if arabic { in_arabic.to_owned() } else { english.to_owned() };
    let reward = |name: String, points| RewardLine { name, points: Points(points), available: points <= 185 };
    PassView {
        serial: "5f0c2a9be41d47c8a1".to_owned(),
        kind: PassKind::Card,
        language: language.to_owned(),
        organisation: pick("Qahwa", "قهوة"),
        programme: pick("Qahwa Circle", "دائرة قهوة"),
        member_name: Some(pick("Mona Haddad", "منى الحداد")),
        member_number: "4821-7730".to_owned(),
        points: Points(1_185),
        held: Points(0),
        debt: Points(0),
        next_reward: Some(NextReward {
            name: pick("Saffron latte", "لاتيه بالزعفران"),
            points: Points(1_220),
            missing: Points(35),
        }),
        rewards: vec![
            reward(pick("Espresso", "إسبريسو"), 100),
            reward(pick("Flat white", "فلات وايت"), 150),
            reward(pick("Saffron latte", "لاتيه بالزعفران"), 1_220),
        ],
        stamps: None,
        code: Some(CODE.to_owned()),
        card_page: Some("https://wallet.example/c/Zk3vT9q?a=1&b=2".to_owned()),
        last_change: Some(Change { kind: ChangeKind::Earned, points: Points(25), at: march() }),
        voucher: None,
        voided: false,
        currency: "KWD".parse().expect("is a currency"),
        time_zone: Kuwait,
        expires: None,
    }
}

/// A voucher in a language.
pub fn voucher(language: &str) -> PassView {
    let card = card(language);
    let reward = card.rewards[1].name.clone();
    let expires = Some(Timestamp::parse("2026-04-14T20:59:59Z").expect("is a time"));
    PassView {
        kind: PassKind::Voucher,
        serial: "c71e88d05b3f4a2e90".to_owned(),
        voucher: Some(VoucherView { reward, points: Points(150), expires }),
        expires,
        ..card
    }
}

/// A stamp card in a language.
pub fn stamp_card(language: &str, count: u32) -> PassView {
    let card = card(language);
    let missing = Points(i64::from(10 - count));
    PassView {
        points: Points(i64::from(count)),
        stamps: Some(Stamps { count, target: 10 }),
        next_reward: (count < 10).then(|| NextReward { name: card.rewards[0].name.clone(), points: Points(10), missing }),
        rewards: vec![RewardLine { points: Points(10), ..card.rewards[0].clone() }],
        last_change: Some(Change { kind: ChangeKind::Earned, points: Points(1), at: march() }),
        ..card
    }
}
