//! docker/: image, compose files, proxy and secrets fit each other and the configuration of the nodes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use walaa::config::{Config, Limits};
use walaa::db::postgres::LANES;
use walaa::error::Code;

use super::{files_below, root, text};

const COMPOSE: &[&str] = &["docker/compose.yaml", "docker/compose.cluster.yaml"];
const CLUSTER: &str = "docker/compose.cluster.yaml";

/// What an operator writes, as the first lines of the compose file say.
const WRITTEN_BY_OPERATORS: &[&str] = &["../walaa.toml"];

/// Secrets as the script makes them.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn made() -> Self {
        let secrets = Self(tempfile::tempdir().expect("a folder"));
        secrets.make();
        secrets
    }

    fn make(&self) -> String {
        let said = Command::new(root().join("docker/make-secrets"))
            .arg(self.0.path())
            .env("WALAA", env!("CARGO_BIN_EXE_walaa"))
            .env("OWNERS", "keep")
            .output()
            .expect("the script runs");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).expect("it speaks UTF-8")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// The configuration of a node as its container sees it, with these secrets.
fn node_config(secrets: &Secrets) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("walaa.toml");
    let own = text("docker/walaa.cluster.toml").replace("/run/secrets", secrets.0.path().to_str().expect("a plain path"));
    std::fs::write(&file, own).expect("written");
    let environment = [("WALAA_SERVER__PUBLIC_URL", "https://wallet.example.com"), ("WALAA_SERVER__LISTEN", "0.0.0.0:8080")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::load(&file, environment).unwrap_or_else(|error| panic!("{error}"))
}

/// Seconds that the slowest good end of a gateway takes: it drains, requests finish, tasks finish.
pub fn longest_end() -> u64 {
    let cluster: toml::Table = toml::from_str(&text("docker/walaa.cluster.toml")).expect("it is TOML");
    let seconds =
        |key: &str| cluster["server"][key].as_integer().and_then(|seconds| u64::try_from(seconds).ok()).expect("seconds");
    let defaults = Config::default().server;
    let in_cluster = seconds("drain_seconds") + 2 * seconds("shutdown_seconds");
    in_cluster.max(defaults.drain_seconds + 2 * defaults.shutdown_seconds)
}

/// A block of a compose file: the lines below a heading that are further in.
fn block(file: &str, heading: &str) -> String {
    let indent = heading.len() - heading.trim_start().len();
    let whole = text(file);
    let mut lines = whole.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "{file} has no \"{heading}\"");
    let is_within = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    lines.take_while(is_within).map(|line| format!("{line}\n")).collect()
}

fn services(file: &str) -> Vec<String> {
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':') && !line.contains('#');
    block(file, "services:").lines().filter(is_name).map(|line| line.trim().trim_end_matches(':').to_owned()).collect()
}

/// What a compose file takes from beside it.
fn taken_from_beside(file: &str) -> Vec<String> {
    let whole = text(file);
    let path = |line: &str| {
        let line = line.trim();
        let mounted = line.strip_prefix("- ").filter(|path| path.starts_with('.')).and_then(|path| path.split(':').next());
        mounted.or_else(|| line.strip_prefix("source: ")).or_else(|| line.strip_prefix("file: ")).map(str::to_owned)
    };
    whole.lines().filter_map(path).collect()
}

#[test]
fn everything_that_a_compose_file_mounts_is_there_or_is_made() {
    let secrets = Secrets::made();
    for file in COMPOSE {
        let taken = taken_from_beside(file);
        assert!(taken.len() >= 2, "{file}: {taken:?}");
        for path in taken {
            let there = match path.strip_prefix("./secrets/") {
                Some(secret) => secrets.path(secret).exists(),
                None => root().join("docker").join(&path).exists() || WRITTEN_BY_OPERATORS.contains(&path.as_str()),
            };
            assert!(there, "{file}: {path} is neither in the repository nor made by docker/make-secrets");
        }
    }
}

#[test]
fn secrets_are_made_once_and_fit_each_other() {
    let secrets = Secrets::made();
    let all = files_below(secrets.0.path());
    for path in &all {
        assert_eq!(std::fs::metadata(path).expect("there").mode() & 0o777, 0o400, "{}", path.display());
    }
    let read = || all.iter().map(|path| std::fs::read(path).expect("ours")).collect::<Vec<_>>();
    let first = read();
    assert_eq!(secrets.make(), "", "made again");
    assert_eq!(read(), first);
    assert_eq!(files_below(secrets.0.path()), all, "something was left");

    let serving = secrets.text("postgres-serving-password");
    assert_eq!(secrets.text("database-url").trim(), format!("postgres://walaa:{serving}@postgres:5432/walaa"));
    let owner = secrets.text("postgres-owner-password");
    assert_eq!(secrets.text("database-owner-url").trim(), format!("postgres://walaa_owner:{owner}@postgres:5432/walaa"));
    let redis = secrets.text("redis-url");
    let password = redis.strip_prefix("redis://walaa:").and_then(|rest| rest.split('@').next()).expect("an address");
    let hash: String = openssl::sha::sha256(password.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let users = secrets.text("redis-users.acl");
    let user = users.lines().find(|line| line.starts_with("user walaa ")).expect("the gateways' user");
    assert!(user.contains(&format!("#{hash}")), "Redis would not know its password");
    walaa::tokens::Keyring::parse(&secrets.text("keyring.toml")).expect("master keys");

    let git_ignored = text(".gitignore");
    let docker_ignored = text(".dockerignore");
    assert!(
        git_ignored.lines().any(|line| line == "/docker/secrets") && docker_ignored.lines().any(|line| line == "docker/secrets")
    );
}

#[test]
fn a_node_takes_the_configuration_of_the_cluster() {
    let secrets = Secrets::made();
    let config = node_config(&secrets);
    assert!(config.redis.url.is_some_and(|url| url.expose().starts_with("redis://walaa:")));
    assert_eq!(config.keys.keyring_file, secrets.path("keyring.toml"));
    assert!(config.database.owner_url.is_none(), "a node must not be able to change tables");

    let proxy = block(CLUSTER, "  proxy:");
    let address = proxy.lines().find_map(|line| line.trim().strip_prefix("ipv4_address: ")).expect("a fixed address");
    let trusted: Vec<_> = config.server.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, [format!("{address}/32")], "who is believed about addresses");

    let postgres = block(CLUSTER, "  postgres:");
    let most =
        postgres.lines().find_map(|line| line.split("max_connections=").nth(1)?.trim_end_matches('"').parse::<usize>().ok());
    let nodes = services(CLUSTER).iter().filter(|name| name.starts_with("walaa-")).count();
    assert!(nodes >= 2);
    assert!(
        most.is_some_and(|most| most >= (nodes + 1) * (config.database.connections + LANES)),
        "{most:?} connections for {nodes} nodes and one more"
    );
}

#[test]
fn only_the_proxy_can_be_reached_and_everything_is_enclosed() {
    for service in services(CLUSTER) {
        let lines = block(CLUSTER, &format!("  {service}:"));
        assert_eq!(lines.contains("ports:"), service == "proxy", "{service} publishes ports");
        assert!(lines.contains("<<: *hardened") || lines.contains("<<: *node"), "{service} is not enclosed");
        let is_inside = ["postgres", "redis", "migrate"].contains(&service.as_str());
        assert!(!is_inside || lines.contains("networks: [data]"), "{service} is on another network than data");
        assert_eq!(lines.contains("database-owner-url"), service == "migrate", "{service} knows the owner's address");
    }
    assert!(block(CLUSTER, "x-node: &node").contains("<<: *hardened"));
    assert!(!block(CLUSTER, "x-node: &node").contains("owner"));
    for file in COMPOSE {
        let networks = block(file, "networks:");
        let data = networks.split("data:").nth(1).expect("a network data");
        assert!(data.trim_start().starts_with("internal: true"), "{file}: something leads out of data");
        let enclosed = text(file);
        for word in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "pids_limit:", "mem_limit:"] {
            assert!(enclosed.contains(word), "{file}: {word}");
        }
    }
    for (service, reason) in [("walaa", "one node"), ("redis", "its Redis")] {
        let lines = block(COMPOSE[0], &format!("  {service}:"));
        assert!(lines.contains("read_only: true") && lines.contains("cap_drop: [ALL]"), "{reason}");
    }
}

#[test]
fn a_container_is_not_killed_before_its_gateway_has_ended() {
    for (file, heading) in [(COMPOSE[0], "  walaa:"), (CLUSTER, "x-node: &node")] {
        let lines = block(file, heading);
        let grace = lines
            .lines()
            .find_map(|line| line.trim().strip_prefix("stop_grace_period: ")?.strip_suffix('s')?.parse::<u64>().ok());
        assert!(grace.is_some_and(|grace| grace > longest_end()), "{file}: {grace:?} is not more than {}", longest_end());
    }
}

#[test]
fn the_image_is_built_of_all_that_is_embedded() {
    let dockerfile = text("docker/Dockerfile");
    let copied: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next()).collect();
    let mut embedded = vec!["Cargo.toml".to_owned(), "askama.toml".to_owned(), "src".to_owned()];
    for path in files_below(&root().join("src")).iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let code = std::fs::read_to_string(path).expect("ours");
        let folders = code.split("#[folder = \"").skip(1).filter_map(|rest| rest.split(['/', '"']).next());
        let outside = code
            .split("include_")
            .skip(1)
            .filter_map(|rest| rest.split("!(\"").nth(1)?.split('"').next())
            .filter(|file| file.starts_with(".."));
        let meant = outside.map(|file| top_of(path, file));
        embedded.extend(folders.map(str::to_owned).chain(meant));
    }
    embedded.sort();
    embedded.dedup();
    assert!(embedded.len() > 4, "{embedded:?}");
    let missing: Vec<_> = embedded.iter().filter(|name| !copied.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "the image's build does not see {missing:?}");
    let last = dockerfile.rsplit("\nFROM ").next().expect("a last stage");
    assert!(last.contains("\nUSER 10001:10001\n") && last.contains("HEALTHCHECK") && !last.contains("libssl-dev"));
}

/// The folder or file at the repository's root that a relative path leads to.
fn top_of(from: &Path, relative: &str) -> String {
    let whole = from.parent().expect("a folder").join(relative).canonicalize().expect("it is there");
    let below = whole.strip_prefix(root().canonicalize().expect("the root")).expect("in the repository").to_owned();
    below.iter().next().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn the_proxy_reads_its_configuration() {
    let secrets = Secrets::made();
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = secrets.path("proxy").display().to_string();
    let own = text("docker/haproxy/haproxy.cfg").replace("/usr/local/etc/haproxy/certs", &certificates);
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, own.replace("walaa-1:8080", "127.0.0.1:8080").replace("walaa-2:8080", "127.0.0.1:8080"))
        .expect("written");
    let program =
        ["/usr/sbin/haproxy", "/usr/bin/haproxy"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("haproxy");
    let said =
        Command::new(program).args(["-c", "-f"]).arg(&file).output().expect("haproxy runs: it is in the package of that name");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn the_proxy_keeps_the_rules_for_balancers() {
    let proxy = text("docker/haproxy/haproxy.cfg");
    let seconds = |name: &str| -> u64 {
        let line = proxy.lines().find_map(|line| line.trim().strip_prefix(&format!("timeout {name} ")));
        line.and_then(|value| value.strip_suffix('s')?.parse().ok()).unwrap_or_else(|| panic!("timeout {name}"))
    };
    let limits = Limits::default();
    assert!(seconds("server") > limits.request_seconds && seconds("client") > limits.request_seconds);
    assert!(seconds("http-keep-alive") < limits.keep_alive_seconds, "the node would be the one to close");
    assert!(seconds("http-request") <= limits.head_seconds);
    assert!(proxy.contains("\n    retry-on conn-failure\n"), "only what was not sent may be sent again");
    assert!(proxy.contains("uri /readyz") && proxy.contains("set-header X-Forwarded-For %[src]"));

    let format = proxy.lines().find_map(|line| line.trim().strip_prefix("log-format ")).expect("an own format");
    for path in ["%HU", "%HP", "%HQ", "%r", "%hr", "path", "url"] {
        let logged = format.split(['"', ',', '{', '}', ':', '\'']).any(|part| part == path);
        assert!(!logged, "{path} would log the keys of cards");
    }
    let answers: Vec<_> = proxy.lines().filter_map(|line| line.trim().strip_prefix("http-error status ")).collect();
    assert_eq!(answers.len(), 4);
    for answer in answers {
        let body: Value = serde_json::from_str(answer.split('\'').nth(1).expect("a body")).expect("JSON");
        let code: Code = serde_json::from_value(body["code"].clone()).expect("a code that clients know");
        assert_eq!(body["type"], format!("urn:walaa:problem:{code}"));
        assert_eq!(body["status"].to_string(), answer[..3], "{answer}");
        assert!(
            answer.starts_with("503") || !body["title"].to_string().contains("nothing was changed"),
            "only 503 was sent to nobody"
        );
    }
}
