//! A lost phone: the card is issued anew, and whatever the finder holds is worth nothing from that moment on.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::{Pages, done, enter, show, with_holder};
use crate::cards::card_link;
use crate::error::{Code, Problem};
use crate::ledger::Reissued;
use crate::pages::forms::Sent;
use crate::pages::page::Page;

#[derive(Template)]
#[template(path = "card/lost.html")]
struct LostPage<'a> {
    page: &'a Page,
    base: String,
    programme: String,
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Sure {
    #[serde(default)]
    sure: String,
}

/// Asks whether it is meant.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let template = LostPage {
            base: holder.base(),
            programme: page.localised(&holder.programme().name),
            trouble: show::trouble(visit, &page),
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

/// Issues the card anew and leads to its new page. The old address is over.
pub async fn reissue(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<Sure>::read(visit, &body)?;
        if fields.sure != "yes" {
            return Ok(visit.see_other(&format!("{}/lost?problem=confirm", holder.base())));
        }
        let core = &visit.pages.core;
        let asked = holder.asked(visit, &op, ("reissue", &holder.card.card.id))?;
        let reissued: Reissued = done(&core.reissue(&asked, &holder.card).await?)?;
        let pass = core.db.pass(reissued.card.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        Ok(visit.see_other(&format!("/c/{}?done=reissued", card_link(&core.keyring, &pass)?)))
    })
    .await
}
