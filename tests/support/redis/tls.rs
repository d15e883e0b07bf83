//! A server by TLS alone, with an authority and certificates that openssl makes for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::RedisServer;

/// An authority of the test's own.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// Makes one.
    pub fn new() -> Self {
        let authority = Self { folder: TempDir::new().expect("a folder for an authority") };
        authority.openssl(
            &["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=Root of a test", "-keyout", "ca.key", "-out", "ca.pem"],
            KEY,
        );
        authority
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names, such as `DNS:localhost,IP:127.0.0.1`, and its key.
    pub fn certificate(&self, names: &str) -> [PathBuf; 2] {
        std::fs::write(self.folder.path().join("names"), format!("subjectAltName={names}\n")).expect("a file of names");
        self.openssl(&["req", "-nodes", "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr"], KEY);
        let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
        self.openssl(&sign, &["-extfile", "names", "-out", "server.pem"]);
        ["server.pem", "server.key"].map(|name| self.folder.path().join(name))
    }

    /// A server whose certificate is for these names.
    pub fn server(&self, names: &str) -> RedisServer {
        self.certificate(names);
        RedisServer::of(|folder, port| {
            let copy = |name: &str| {
                std::fs::copy(self.folder.path().join(name), folder.join(name)).expect("a file of TLS");
                folder.join(name).display().to_string()
            };
            let [certificate, key, root] = ["server.pem", "server.key", "ca.pem"].map(copy);
            let port = port.to_string();
            let listening = ["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port, "--save", ""];
            let files = [
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &root,
                "--tls-auth-clients",
                "no",
            ];
            listening.iter().chain(&files).map(|text| (*text).to_owned()).collect()
        })
    }

    fn openssl(&self, arguments: &[&str], further: &[&str]) {
        let done = Command::new("openssl").args(arguments).args(further).current_dir(self.folder.path()).output();
        let done = done.expect("openssl is installed");
        assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// How keys are made: quickly.
const KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// The address of a server by TLS.
pub fn url(server: &RedisServer, host: &str) -> String {
    format!("rediss://{host}:{}", server.port())
}

/// A file that is no certificate.
pub fn rubbish(folder: &Path) -> PathBuf {
    let file = folder.join("rubbish.pem");
    std::fs::write(&file, "no certificate").expect("a file");
    file
}
