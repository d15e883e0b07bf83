//! With what servers are reached: TLS and whom to trust, user and password, time-outs. Makes clients and plain connections.

use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult, TlsCertificates,
};

use super::address::{Form, Host, RedisAddress, Transport};

/// Time for one attempt to connect, TLS and all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for one answer while connecting: to load the scripts, to tell a role.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Commands that wait to be written to a connection.
const WAITING_COMMANDS: usize = 1024;

/// How to be let in. Has no `Debug`: it holds passwords.
#[derive(Clone)]
pub(super) struct Access {
    trust: Trust,
    login: RedisConnectionInfo,
}

#[derive(Clone)]
enum Trust {
    Plain,
    /// The machine's own roots, or these instead (PEM).
    Tls(Option<Vec<u8>>),
}

impl Access {
    /// As the address says, trusting the roots in a file rather than the machine's own.
    ///
    /// # Errors
    /// The file can't be read.
    pub(super) fn of(address: &RedisAddress, ca_file: Option<&Path>) -> std::io::Result<Self> {
        let trust = match address.transport {
            Transport::Plain => Trust::Plain,
            Transport::Tls => Trust::Tls(ca_file.map(std::fs::read).transpose()?),
        };
        let credentials = (address.user.as_deref(), address.password.as_ref().map(|password| password.as_str()));
        Ok(Self { trust, login: login(credentials).set_db(address.database) })
    }

    /// The same way, as somebody else or nobody: Sentinels have users of their own.
    pub(super) fn with_login(&self, credentials: (Option<&str>, Option<&str>)) -> Self {
        Self { trust: self.trust.clone(), login: login(credentials) }
    }

    /// A client of a server, which connects to nobody yet.
    pub(super) fn client(&self, host: &Host) -> RedisResult<Client> {
        let (name, port) = (host.name.clone(), host.port);
        match &self.trust {
            Trust::Plain => self.open(ConnectionAddr::Tcp(name, port)),
            Trust::Tls(roots) => {
                let secured = ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None };
                let info = secured.into_connection_info()?.set_redis_settings(self.login.clone());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: roots.clone() })
            }
        }
    }

    /// A client of the single server of an address; none for other forms.
    pub(super) fn single(&self, address: &RedisAddress) -> Option<RedisResult<Client>> {
        match &address.form {
            Form::Server(host) => Some(self.client(host)),
            Form::Socket(path) => Some(self.open(ConnectionAddr::Unix(path.clone()))),
            Form::Sentinels { .. } | Form::Cluster(_) => None,
        }
    }

    fn open(&self, address: ConnectionAddr) -> RedisResult<Client> {
        Client::open(address.into_connection_info()?.set_redis_settings(self.login.clone()))
    }
}

fn login((user, password): (Option<&str>, Option<&str>)) -> RedisConnectionInfo {
    // Who we are is told to nobody: a user with only the commands needed may not say it, and each attempt would be logged.
    let login = RedisConnectionInfo::default().set_skip_set_lib_name();
    let login = user.map_or_else(|| login.clone(), |user| login.clone().set_username(user));
    password.map_or_else(|| login.clone(), |password| login.clone().set_password(password))
}

/// Connects, within a bounded time.
pub(super) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_pipeline_buffer_size(WAITING_COMMANDS);
    client.get_multiplexed_async_connection_with_config(&config).await
}
