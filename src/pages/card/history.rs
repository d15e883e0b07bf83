//! What happened on the card, the newest first: one line an operation, with its rule, place, time and expiry where they are known.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Holder, Pages, Visit, enter, with_holder};
use crate::cards::points_of;
use crate::ids::{EarningId, OpId, OrgId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{DocumentKey, Entry, EntryKind, Place};
use crate::pages::errors::Failure;
use crate::pages::page::Page;
use crate::programme::StoreDocument;

/// Lines of a page.
const LINES: usize = 20;

/// Entries that are read for a line, more than most operations post.
const ENTRIES_PER_LINE: usize = 4;

/// One operation.
#[derive(Debug, Clone)]
pub struct Line {
    /// What happened.
    pub title: String,
    /// Where, if somewhere.
    pub place: Option<String>,
    /// When.
    pub at: String,
    /// What it did to the balance.
    pub points: i64,
    /// Until when the points can be spent, where that is known.
    pub until: Option<String>,
}

/// Where a page of the history begins: after this entry, going back.
type Cursor = (OpId, i64);

#[derive(Template)]
#[template(path = "card/history.html")]
struct HistoryPage<'a> {
    page: &'a Page,
    base: String,
    programme: String,
    points: i64,
    history: Vec<Line>,
    next: Option<String>,
}

impl Holder {
    /// Lines before a cursor, and the cursor of those before them if there are any.
    pub(super) async fn history(
        &self,
        visit: &Visit,
        page: &Page,
        (before, lines): (Option<Cursor>, usize),
    ) -> Result<(Vec<Line>, Option<Cursor>), Failure> {
        let card = &self.card.card;
        let wanted = lines * ENTRIES_PER_LINE;
        let entries = visit.pages.core.db.latest_entries_of(card.org, card.id, before, wanted).await?;
        let full = entries.len() == wanted;
        let mut groups: Vec<&[Entry]> = entries.chunk_by(|one, next| one.op == next.op).collect();
        if full && groups.len() > 1 {
            // The oldest one may have more entries beyond what was read.
            groups.pop();
        }
        let more = full || groups.len() > lines;
        groups.truncate(lines);
        let mut shops = Shops { visit, org: card.org, known: HashMap::new() };
        let mut shown = Vec::with_capacity(groups.len());
        for group in &groups {
            shown.push(self.line(page, group, &mut shops).await?);
        }
        let last = groups.last().and_then(|group| group.last()).map(|entry| (entry.op, entry.place));
        Ok((shown, last.filter(|_| more)))
    }

    async fn line(&self, page: &Page, entries: &[Entry], shops: &mut Shops<'_>) -> Result<Line, Failure> {
        let first = entries.iter().min_by_key(|entry| entry.place).ok_or(Failure::NotFound)?;
        let (title, place) = self.told(page, first, shops).await?;
        let lots = &self.card.lots;
        let until = lots.iter().find(|lot| lot.number == first.lot).and_then(|lot| lot.expires_on);
        let points: i64 = entries.iter().map(points_of).sum();
        Ok(Line {
            title,
            place,
            at: page.moment(first.at, self.zone()),
            points,
            until: until.filter(|_| points > 0).map(|day| page.day(day)),
        })
    }

    /// What an operation was, and where.
    async fn told(&self, page: &Page, entry: &Entry, shops: &mut Shops<'_>) -> Result<(String, Option<String>), Failure> {
        let db = &shops.visit.pages.core.db;
        let (org, op) = (entry.org, entry.op.0);
        match entry.kind {
            EntryKind::Earn => match db.earning(org, EarningId(op)).await? {
                Some(earning) => {
                    let total = crate::money::Money::from_minor_units(earning.total, earning.currency);
                    let title =
                        total.map_or_else(|_| page.text("line-earn"), |total| page.with("line-earn-total", &page.money(total)));
                    Ok((title, shops.name(page, &earning.place).await?))
                }
                None => Ok((page.text("line-earn"), None)),
            },
            EntryKind::Capture => match db.redemption(org, RedemptionId(op)).await? {
                Some(redemption) => {
                    let names: Vec<String> = redemption.lines.iter().map(|line| self.reward_name(page, &line.reward)).collect();
                    Ok((page.with("line-capture", &names.join(", ")), shops.name(page, &redemption.place).await?))
                }
                None => Ok((page.text("line-redeemed"), None)),
            },
            EntryKind::Hold => {
                let voucher = db.voucher(org, VoucherId(op)).await?;
                let reward = voucher.map(|voucher| self.reward_name(page, &voucher.reward)).unwrap_or_default();
                Ok((page.with("line-hold", &reward), None))
            }
            EntryKind::Release => Ok((page.text("line-release"), None)),
            EntryKind::Return => Ok((page.text("line-return"), None)),
            EntryKind::Reversal => Ok((page.text("line-reversal"), None)),
            EntryKind::DebtRepayment => Ok((page.text("line-repayment"), None)),
            EntryKind::Adjust => Ok((page.text("line-adjust"), None)),
            EntryKind::Forfeit => Ok((page.text("line-forfeit"), None)),
        }
    }
}

/// The names of shops as they are now, each looked up once.
struct Shops<'a> {
    visit: &'a Visit,
    org: OrgId,
    known: HashMap<StoreId, Option<String>>,
}

impl Shops<'_> {
    async fn name(&mut self, page: &Page, place: &Place) -> Result<Option<String>, Failure> {
        let Some(store) = place.store else { return Ok(place.store_name.clone()) };
        if let Some(name) = self.known.get(&store) {
            return Ok(name.clone());
        }
        let document = self.visit.pages.core.db.document(DocumentKey::store(self.org, store)).await?;
        let named = document.and_then(|document| StoreDocument::parse(&document.body).ok());
        let name = named.map(|store| page.localised(&store.name)).or_else(|| place.store_name.clone());
        self.known.insert(store, name.clone());
        Ok(name)
    }
}

/// Answers a page of the history.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let before = match visit.query("before") {
            Some(text) => Some(parse_cursor(&text).ok_or(Failure::NotFound)?),
            None => None,
        };
        let (history, next) = holder.history(visit, &page, (before, LINES)).await?;
        let template = HistoryPage {
            base: holder.base(),
            programme: page.localised(&holder.programme().name),
            points: holder.points(),
            history,
            next: next.map(|(op, place)| format!("{}/history?before={op}.{place}", holder.base())),
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (op, place) = text.split_once('.')?;
    Some((op.parse().ok()?, place.parse().ok()?))
}
