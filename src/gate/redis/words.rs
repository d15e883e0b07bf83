//! What went wrong with Redis, in words for operators: without addresses, users and passwords.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What an error means: a sentence that goes on from the server's name.
pub(super) fn in_words(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => "does not take this user and password".to_owned(),
        (_, Some("NOAUTH")) => "wants a user and a password".to_owned(),
        (_, Some("DENIED")) => "is in protected mode: it wants a password, or connections from its own machine only".to_owned(),
        (ErrorKind::Server(kind), _) => server(kind, error),
        (ErrorKind::MasterNameNotFoundBySentinel, _) => error.detail().unwrap_or("is not known to any Sentinel").to_owned(),
        (ErrorKind::Io | ErrorKind::Client, _) => io(error),
        _ => format!("can't be used: {}", error.category()),
    }
}

fn server(kind: ServerErrorKind, error: &RedisError) -> String {
    match kind {
        ServerErrorKind::NoPerm => {
            "does not allow this user what the gate needs: docker/redis/users.acl has a user who may do just that".to_owned()
        }
        ServerErrorKind::BusyLoading => "is still loading its data".to_owned(),
        ServerErrorKind::ReadOnly => "is a replica, which takes no writes".to_owned(),
        ServerErrorKind::MasterDown => "is a replica that has lost its master".to_owned(),
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => {
            "belongs to a Cluster: begin redis.url with redis+cluster://".to_owned()
        }
        ServerErrorKind::ClusterDown => "says that its Cluster is down".to_owned(),
        _ if error.to_string().contains("cluster support disabled") => {
            "belongs to no Cluster: begin redis.url with redis:// or redis+sentinel://".to_owned()
        }
        _ => format!("answers with an error ({})", error.code().unwrap_or("ERR")),
    }
}

fn io(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        return "refuses connections: nobody listens there".to_owned();
    }
    if error.is_timeout() {
        return "does not answer in time".to_owned();
    }
    let text = error.to_string();
    if let Some((_, reason)) = text.rsplit_once("certificate verify failed") {
        let reason = reason.rsplit_once('(').map_or("", |(_, reason)| reason.trim_end_matches([')', ' ']));
        return format!(
            "has a certificate that is not trusted for this name ({reason}): redis.ca_file names whom to trust, and the name in \
             redis.url must stand in the certificate"
        );
    }
    if text.contains("lookup address") || text.contains("resolve") {
        return "has a name that can't be found".to_owned();
    }
    "can't be reached, or breaks the connection off".to_owned()
}
