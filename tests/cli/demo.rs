//! `walaa demo`: ready with one line, the same again at the next start, one at a time on a folder.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use reqwest::Certificate;
use serde_json::{Value, json};

use super::installation::walaa;
use crate::support::process::Demo;

const NAMES: [&str; 21] = [
    "guide_url",
    "base_url",
    "tls_url",
    "admin_key",
    "pos_key",
    "terminal_key",
    "organisation",
    "programme",
    "currency",
    "ca_file",
    "apns_url",
    "phone_url",
    "google_url",
    "google_phone_url",
    "mail_url",
    "member",
    "card",
    "scan_url",
    "scan_code",
    "staff",
    "staff_pin",
];

fn client(demo: &Demo) -> reqwest::Client {
    let root = std::fs::read(demo.text("ca_file")).expect("the root is there");
    let root = Certificate::from_pem(&root).expect("it is a certificate");
    let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy().timeout(Duration::from_secs(20));
    client.build().expect("a client")
}

async fn points(demo: &Demo, http: &reqwest::Client) -> i64 {
    let url = format!("{}/v1/cards/{}", demo.text("tls_url"), demo.text("card"));
    let card: Value = http.get(url).bearer_auth(demo.text("pos_key")).send().await.unwrap().json().await.unwrap();
    card["points"].as_i64().unwrap_or_else(|| panic!("{card}"))
}

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_one_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Demo::start(&data, &[]);
    assert_eq!(first.info.as_object().unwrap().len(), NAMES.len());
    let told: Vec<String> = NAMES.iter().map(|name| first.text(name).to_owned()).collect();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);

    let http = client(&first);
    let before = points(&first, &http).await;
    assert!(before > 0, "the sample has points");
    let sale = json!({ "card": first.text("card"), "receipt": "r-1", "total": { "amount": "10.000", "currency": first.text("currency") } });
    let sold = http.post(format!("{}/v1/earnings", first.text("base_url"))).json(&sale).bearer_auth(first.text("terminal_key"));
    let sold = sold.header("idempotency-key", "demo-test-sale-0001").send().await.unwrap();
    assert_eq!(sold.status(), 201, "the terminal's key works");

    let organisation =
        http.get(format!("{}/v1/organisation", first.text("base_url"))).bearer_auth(first.text("admin_key")).send();
    assert_eq!(organisation.await.unwrap().status(), 200, "the owner's key works");
    first.kill();

    let second = Demo::start(&data, &[]);
    for (name, before) in NAMES.iter().zip(&told).filter(|(name, _)| !name.ends_with("_url") && **name != "scan_code") {
        assert_eq!(second.text(name), before, "{name}");
    }
    assert!(!told.contains(&second.text("scan_code").to_owned()), "a new one-time code at each start");
    assert_eq!(points(&second, &client(&second)).await, before + 100, "what was answered is there");
}

#[tokio::test]
async fn the_phone_holds_the_sample_card_and_hears_of_a_sale() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("data"), &[]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let state = |http: reqwest::Client| {
        let url = format!("{}/state", demo.text("phone_url"));
        async move { http.get(url).send().await.unwrap().json::<Value>().await.unwrap() }
    };
    assert_eq!(state(http.clone()).await["passes"].as_array().unwrap().len(), 1);
    let mut events = http.get(format!("{}/events", demo.text("phone_url"))).send().await.unwrap();
    let sale = json!({ "card": demo.text("card"), "receipt": "r-1", "total": { "amount": "12.500", "currency": "KWD" } });
    let sold = http.post(format!("{}/v1/earnings", demo.text("base_url"))).json(&sale).bearer_auth(demo.text("pos_key"));
    assert_eq!(sold.header("idempotency-key", "demo-test-sale-0001").send().await.unwrap().status(), 201);
    let heard = async {
        loop {
            let chunk = events.chunk().await.unwrap().expect("the stream goes on");
            if String::from_utf8_lossy(&chunk).contains("event: notice") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("the phone is told of its new points");
}

#[tokio::test]
async fn the_figures_say_when_the_pass_certificate_expires() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let demo = Demo::start(&data, &[]);
    let config: toml::Table = std::fs::read_to_string(data.join("walaa.toml")).unwrap().parse().unwrap();
    let admin = config["server"]["admin_listen"].as_str().unwrap();
    let figures = client(&demo).get(format!("http://{admin}/metrics")).send().await.unwrap().text().await.unwrap();
    let line = figures.lines().find(|line| line.starts_with("walaa_pass_certificate_not_after_seconds{")).expect("it is told");
    assert!(line.contains(&format!("pass_type={}", config["apple"][0]["pass_type_id"])), "{line}");
    let told: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    let openssl = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"])
        .arg(data.join("pki/pass.pem"))
        .output()
        .unwrap();
    let said = String::from_utf8(openssl.stdout).unwrap();
    let date = said.trim().trim_start_matches("notAfter=").replace(' ', "T");
    assert_eq!(told, date.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp(), "{said}");
}

#[test]
fn two_demos_on_one_folder_are_refused_and_a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let demo = Demo::start(&data, &[]);
    let again = walaa(&["demo", "--port", "0", "--tls-port", "0", "--data-dir", data.to_str().unwrap()]);
    assert!(!again.fine && again.err.contains("is in use by a running gateway"), "{}", again.err);
    let port = demo.text("base_url").rsplit(':').next().unwrap().to_owned();
    let other = folder.path().join("other");
    let taken = walaa(&["demo", "--port", &port, "--tls-port", "0", "--data-dir", other.to_str().unwrap()]);
    assert!(!taken.fine && taken.err.contains(&format!("server.listen: 127.0.0.1:{port}")), "{}", taken.err);
}
