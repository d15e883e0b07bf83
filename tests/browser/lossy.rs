//! A bad line between the scanner and the gateway: requests get through, and answers get lost on the way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

/// The line.
pub struct Line {
    /// Where a browser finds it.
    pub base: String,
    lose: Arc<Losing>,
    handle: actix_web::dev::ServerHandle,
}

/// What is still to be lost.
#[derive(Default)]
struct Losing {
    answers: AtomicI64,
    requests: AtomicI64,
    /// Captures that the gateway answered, whoever heard of it.
    passed: AtomicI64,
}

struct Far {
    base: String,
    client: reqwest::Client,
    lose: Arc<Losing>,
}

impl Line {
    /// A line to a gateway.
    pub fn to(base: &str) -> Self {
        let lose = Arc::<Losing>::default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let far = Data::new(Far { base: base.to_owned(), client, lose: Arc::clone(&lose) });
        let server = HttpServer::new(move || App::new().app_data(far.clone()).default_service(web::to(forward)))
            .workers(1)
            .bind(("127.0.0.1", 0))
            .expect("a port");
        let base = format!("http://localhost:{}", server.addrs()[0].port());
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base, lose, handle }
    }

    /// The answers to the next redemptions are lost; the redemptions happen.
    pub fn lose_answers(&self, number: i64) {
        self.lose.answers.store(number, Ordering::SeqCst);
    }

    /// The next redemptions never reach the gateway.
    pub fn lose_requests(&self, number: i64) {
        self.lose.requests.store(number, Ordering::SeqCst);
    }

    /// Redemptions that reached the gateway.
    pub fn passed(&self) -> i64 {
        self.lose.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Whether one more is to be lost.
fn takes(left: &AtomicI64) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| (left > 0).then_some(left - 1)).is_ok()
}

async fn forward(far: Data<Far>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let is_redemption = request.path() == "/v1/redemptions";
    if is_redemption && takes(&far.lose.requests) {
        return std::future::pending().await;
    }
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).expect("a method");
    let mut onward = far.client.request(method, format!("{}{}", far.base, request.uri()));
    for (name, value) in request.headers() {
        if !["content-length", "connection"].contains(&name.as_str()) {
            onward = onward.header(name.as_str(), value.as_bytes());
        }
    }
    let answer = match onward.body(body.to_vec()).send().await {
        Ok(answer) => answer,
        Err(_) => return HttpResponse::BadGateway().finish(),
    };
    if is_redemption {
        far.lose.passed.fetch_add(1, Ordering::SeqCst);
        if takes(&far.lose.answers) {
            return std::future::pending().await;
        }
    }
    let mut back = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).expect("a status"));
    for (name, value) in answer.headers() {
        if !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
            back.append_header((name.as_str(), value.as_bytes()));
        }
    }
    back.body(answer.bytes().await.unwrap_or_default())
}
