//! The addresses that are listened at: bound before anything runs, so that a port 0 is known to who asked for it.

use std::net::{SocketAddr, TcpListener};

use openssl::ssl::{AlpnError, SslAcceptor, SslAcceptorBuilder, SslMethod, SslVersion, select_next_proto};
use tokio::net::TcpSocket;

use super::StartError;
use crate::apple::certificates::key_file;
use crate::config::{Listen, Server};

/// Connections that the system holds for us until they are accepted.
const BACKLOG: u32 = 1_024;

/// What is spoken over TLS, in the form of ALPN: each name after its length.
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";

/// Bound addresses.
pub struct Listeners {
    /// Plain HTTP.
    pub http: Option<TcpListener>,
    /// HTTPS, with what it proves itself by.
    pub tls: Option<(TcpListener, SslAcceptorBuilder)>,
    /// Metrics.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds what is configured.
    ///
    /// # Errors
    /// An address is taken, or the server's certificate can't be used.
    pub async fn bind(server: &Server) -> Result<Self, StartError> {
        let http = bind("server.listen", server.listen)?;
        let tls = match bind("server.tls_listen", server.tls_listen)? {
            Some(listener) => Some((listener, acceptor(server)?)),
            None => None,
        };
        Ok(Self { http, tls, admin: bind("server.admin_listen", server.admin_listen)? })
    }

    /// The port of plain HTTP, or 0.
    pub fn port(&self) -> u16 {
        self.http.as_ref().map_or(0, port)
    }

    /// The port of HTTPS, or 0.
    pub fn tls_port(&self) -> u16 {
        self.tls.as_ref().map_or(0, |(listener, _)| port(listener))
    }

    /// The port of metrics, or 0.
    pub fn admin_port(&self) -> u16 {
        self.admin.as_ref().map_or(0, port)
    }

    /// How this machine reaches itself: for a demo or a test, whose configuration names no public address.
    pub fn own_url(&self) -> String {
        match self.tls_port() {
            0 => format!("http://localhost:{}", self.port()),
            port => format!("https://localhost:{port}"),
        }
    }
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

fn bind(setting: &'static str, listen: Listen) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = listen.0 else { return Ok(None) };
    let bound = || -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(address.ip(), address.port()))?;
        socket.listen(BACKLOG)?.into_std()
    };
    bound().map(Some).map_err(|source| StartError::Listen { setting, address, source })
}

/// TLS 1.2 and later, HTTP/2 and HTTP/1.1, with the configured certificate; its key must be for our eyes only.
pub fn acceptor(server: &Server) -> Result<SslAcceptorBuilder, StartError> {
    let missing = || StartError::Tls("both must be given".to_owned());
    let certificate = server.tls_certificate_file.as_ref().ok_or_else(missing)?;
    let key_path = server.tls_key_file.as_ref().ok_or_else(missing)?;
    let key = zeroize::Zeroizing::new(key_file::read(key_path)?);
    let wrong = |what: &str| {
        let what = what.to_owned();
        move |error: openssl::error::ErrorStack| StartError::Tls(format!("{what}: {error}"))
    };
    let key = openssl::pkey::PKey::private_key_from_pem(&key).map_err(wrong("the key can't be read"))?;
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(wrong("OpenSSL failed"))?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(wrong("OpenSSL failed"))?;
    builder.set_private_key(&key).map_err(wrong("the key can't be used"))?;
    builder.set_certificate_chain_file(certificate).map_err(wrong("the certificate can't be read"))?;
    builder.check_private_key().map_err(wrong("the key is not the certificate's"))?;
    builder.set_alpn_select_callback(|_, offered| select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK));
    Ok(builder)
}
