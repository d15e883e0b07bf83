//! Redis as it ships: `docker/redis/redis.conf` and `docker/redis/users.acl`, with passwords where the zeros stand.

use std::path::Path;

use openssl::sha::sha256;

use super::{RedisServer, listening};

/// The password of a user, of the test's own making.
pub fn password(user: &str) -> String {
    format!("swordfish-of-{user}")
}

/// What `users.acl` has in the place of each password.
const NO_PASSWORD: &str = "#0000000000000000000000000000000000000000000000000000000000000000";

/// The users that ship, each with its password.
pub fn users() -> String {
    let text = std::fs::read_to_string("docker/redis/users.acl").expect("the file of users ships");
    let with_password = |line: &str| {
        let user = line.split(' ').nth(1).expect("a user's name");
        let hash: String = sha256(password(user).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}\n", line.replace(NO_PASSWORD, &format!("#{hash}")))
    };
    text.lines().map(with_password).collect()
}

/// The arguments of a server that ships, with further ones.
pub fn arguments((folder, port): (&Path, u16), further: &[&str]) -> Vec<String> {
    let file = folder.join("users.acl");
    std::fs::write(&file, users()).expect("a file of users");
    // A copy: Sentinels have a server write its new role into its configuration.
    let conf = folder.join("redis.conf");
    std::fs::copy("docker/redis/redis.conf", &conf).expect("the configuration ships");
    let own = [conf.display().to_string(), "--aclfile".to_owned(), file.display().to_string()];
    own.into_iter().chain(listening(port)).chain(further.iter().map(|text| (*text).to_owned())).collect()
}

/// A server as it ships.
pub fn start() -> RedisServer {
    RedisServer::of(|folder, port| arguments((folder, port), &[]))
}

/// A server as it ships, but nobody can sign in yet.
pub fn untouched() -> RedisServer {
    RedisServer::of(|folder, port| {
        let arguments = arguments((folder, port), &[]);
        std::fs::copy("docker/redis/users.acl", folder.join("users.acl")).expect("the file of users ships");
        arguments
    })
}

impl RedisServer {
    /// Its address for one of the users that ship.
    pub fn url_of(&self, user: &str) -> String {
        self.url_as(user, &password(user))
    }
}
