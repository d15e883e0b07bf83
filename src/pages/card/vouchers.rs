//! Rewards that were swapped for points and wait to be fetched: swapping, showing the code, giving back.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::{Holder, Pages, Visit, done, enter, show, with_holder};
use crate::cards::Codes;
use crate::ids::{PassId, VoucherId};
use crate::ledger::{Body, CancelVoucher, IssueVoucher, Place, Voucher, VoucherState, VoucherSummary};
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::page::Page;
use crate::pages::qr::Qr;

/// The newest vouchers among which the open ones are looked for: a card has at most 20 open ones.
const LOOKED_AT: usize = 100;

/// An open voucher on the card's page.
#[derive(Debug, Clone)]
pub struct VoucherRow {
    /// Its id.
    pub id: VoucherId,
    /// What it is for.
    pub name: String,
    /// The points on hold for it.
    pub points: i64,
    /// The day on which it ends.
    pub until: Option<String>,
}

#[derive(Template)]
#[template(path = "card/voucher.html")]
struct VoucherPage<'a> {
    page: &'a Page,
    base: String,
    programme: String,
    row: VoucherRow,
    version: i64,
    open: bool,
    state: String,
    qr: Option<Qr>,
    notice: Option<String>,
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Wish {
    reward: String,
}

#[derive(Deserialize)]
struct Nothing {}

impl Holder {
    /// The open vouchers, the one that ends first at the top.
    pub(super) async fn vouchers(&self, visit: &Visit, page: &Page) -> Result<Vec<VoucherRow>, Failure> {
        let card = &self.card.card;
        if card.open_vouchers == 0 {
            return Ok(Vec::new());
        }
        let mut vouchers = visit.pages.core.db.vouchers_of(card.org, card.id, LOOKED_AT).await?;
        vouchers.retain(|voucher| voucher.state == VoucherState::Issued);
        vouchers.sort_by_key(|voucher| voucher.expires_at);
        Ok(vouchers.iter().map(|voucher| self.row(page, voucher)).collect())
    }

    fn row(&self, page: &Page, voucher: &Voucher) -> VoucherRow {
        VoucherRow {
            id: voucher.id,
            name: self.reward_name(page, &voucher.reward),
            points: voucher.points,
            until: voucher.expires_at.map(|at| page.day(at.local_day(self.zone()))),
        }
    }

    /// The voucher in the address, if it is this card's.
    async fn voucher(&self, visit: &Visit) -> Result<Voucher, Failure> {
        let id = visit.request.match_info().get("voucher").and_then(|text| text.parse::<VoucherId>().ok());
        let found = match id {
            Some(id) => visit.pages.core.db.voucher(self.card.card.org, id).await?,
            None => None,
        };
        found.filter(|voucher| voucher.card == self.card.card.id).ok_or(Failure::NotFound)
    }
}

/// Shows a voucher with its code.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let voucher = holder.voucher(visit).await?;
        let open = voucher.state == VoucherState::Issued;
        let pass = visit.pages.core.db.pass(voucher.pass).await?.ok_or(Failure::NotFound)?;
        let codes = Codes { keyring: &visit.pages.core.keyring, org: holder.card.card.org };
        let template = VoucherPage {
            base: holder.base(),
            programme: page.localised(&holder.programme().name),
            row: holder.row(&page, &voucher),
            version: holder.pass.version,
            open,
            state: state_text(&page, voucher.state),
            qr: if open { Some(Qr::of(&codes.of_pass(&pass)?)?) } else { None },
            notice: show::notice(visit, &page),
            trouble: show::trouble(visit, &page),
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

fn state_text(page: &Page, state: VoucherState) -> String {
    match state {
        VoucherState::Issued => page.text("voucher-open"),
        VoucherState::Captured => page.text("voucher-used"),
        VoucherState::Cancelled => page.text("voucher-returned"),
        VoucherState::Expired => page.text("voucher-expired"),
        VoucherState::Reversed => page.text("voucher-reversed"),
    }
}

/// Swaps points for a reward.
pub async fn issue(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<Wish>::read(visit, &body)?;
        let core = &visit.pages.core;
        let card = &holder.card.card;
        let asked = holder.asked(visit, &op, ("voucher", &fields.reward))?;
        let issue = IssueVoucher {
            card: card.id,
            programme: card.programme,
            reward: fields.reward,
            pass: PassId(core.ids.random()),
            place: Place::default(),
        };
        let answer = core.ask(&asked, Body::IssueVoucher(issue)).await?;
        Ok(visit.see_other(&match done::<VoucherSummary>(&answer) {
            Ok(voucher) => format!("{}/vouchers/{}?done=issued", holder.base(), voucher.id),
            Err(problem) => format!("{}?problem={}", holder.base(), problem.code),
        }))
    })
    .await
}

/// Gives a voucher back; its points can be spent again.
pub async fn cancel(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { op, .. } = Sent::<Nothing>::read(visit, &body)?;
        let voucher = holder.voucher(visit).await?;
        let asked = holder.asked(visit, &op, ("cancellation", &voucher.id))?;
        let cancel =
            CancelVoucher { voucher: voucher.id, card: voucher.card, programme: voucher.programme, place: Place::default() };
        let answer = visit.pages.core.ask(&asked, Body::CancelVoucher(cancel)).await?;
        Ok(visit.see_other(&match done::<VoucherSummary>(&answer) {
            Ok(_) => format!("{}?done=cancelled", holder.base()),
            Err(problem) => format!("{}?problem={}", holder.base(), problem.code),
        }))
    })
    .await
}
