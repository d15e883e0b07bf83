//! `walaa certs`: a signing request for Apple's portal, importing what the portal answers, the sandbox's authority, and what
//! there is to know about a certificate.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use openssl::error::ErrorStack;

use crate::apple::certificates::import::{ImportError, Parts};
use crate::apple::certificates::request::{self, Requester};
use crate::apple::certificates::sandbox_pki::{self, SandboxPkiError};
use crate::apple::certificates::{
    CertificateError, Existing, KeyFileError, PassCertificate, PassCertificateFiles, Severity, key_file, name_text,
    read_certificate_file, serial_text, timestamp,
};
use crate::clock::Clock;

/// The key of a signing request that is on its way.
const REQUEST_KEY: &str = "request.key";
/// The signing request, to be uploaded.
const REQUEST: &str = "request.csr";

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a private key and a signing request to upload to Apple's developer portal
    Csr(CsrArgs),
    /// Put the certificate that Apple issued in place: .cer, .pem or .p12
    Import(ImportArgs),
    /// Make a make-believe authority, pass certificate and TLS certificate for trying things out
    Sandbox(SandboxArgs),
    /// Show the pass certificate, when it ends, and what should be done about it
    Show(ShowArgs),
}

/// Arguments of `walaa certs csr`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa certs csr --name \"Example Cafe\" --email developer@example.com --folder certs")]
pub struct CsrArgs {
    /// A name that tells this request from others; Apple replaces it
    #[arg(long, value_name = "TEXT")]
    pub name: String,
    /// The address of the developer account
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// The country, in two letters
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,
    /// Where request.key and request.csr go
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    pub folder: PathBuf,
}

/// Arguments of `walaa certs import`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  walaa certs import pass.cer --intermediate AppleWWDRCAG4.cer\n  walaa certs import keychain.p12 --password-file secret.txt --intermediate AppleWWDRCAG4.cer --replace"
)]
pub struct ImportArgs {
    /// What Apple's portal or the keychain gave out: .cer, .pem, .p12; also a key in a file of its own
    #[arg(required = true, value_name = "FILE", num_args = 1..=10)]
    pub files: Vec<PathBuf>,
    /// Apple's intermediate certificate, from www.apple.com/certificateauthority
    #[arg(long, value_name = "FILE")]
    pub intermediate: Option<PathBuf>,
    /// A file with the password of the .p12 or of the key
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Where pass.pem, pass.key and wwdr.pem go, and where request.key is
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    pub folder: PathBuf,
    /// Replace the certificate that is there
    #[arg(long)]
    pub replace: bool,
}

/// Arguments of `walaa certs sandbox`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  walaa certs sandbox --folder walaa-sandbox --pass-type-id pass.com.example.card --team-id ABCDE12345"
)]
pub struct SandboxArgs {
    /// Where everything goes
    #[arg(long, value_name = "FOLDER", default_value = "walaa-sandbox")]
    pub folder: PathBuf,
    /// The pass type of the certificate
    #[arg(long, value_name = "ID", default_value = "pass.com.example.walaa")]
    pub pass_type_id: String,
    /// The team of the certificate
    #[arg(long, value_name = "ID", default_value = "SANDBOX123")]
    pub team_id: String,
}

/// Arguments of `walaa certs show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa certs show --folder certs")]
pub struct ShowArgs {
    /// Where pass.pem, pass.key and wwdr.pem are
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    pub folder: PathBuf,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// There is no usable certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file is there already, or can't be written.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The files could not be imported.
    #[error("{}{source}", path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Import {
        /// The file, if one is to blame.
        path: Option<PathBuf>,
        /// Why.
        source: ImportError,
    },
    /// The sandbox's authority is not usable.
    #[error(transparent)]
    Sandbox(#[from] SandboxPkiError),
    /// A name in a signing request has letters or a length that X.509 does not allow.
    #[error("the signing request could not be made; names may have 64 letters, a country two: {0}")]
    Request(ErrorStack),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[from] io::Error),
}

/// Runs one of the commands. The answer is the worst that [`show`] found; the other commands find nothing.
///
/// # Errors
/// When the command could not do its work.
pub fn run(command: &CertsCommand, clock: &dyn Clock, out: &mut dyn Write) -> Result<Option<Severity>, CertsError> {
    match command {
        CertsCommand::Csr(args) => csr(args, out).map(|()| None),
        CertsCommand::Import(args) => import(args, clock, out).map(|()| None),
        CertsCommand::Sandbox(args) => sandbox(args, clock, out).map(|()| None),
        CertsCommand::Show(args) => show(args, clock, out),
    }
}

/// Makes a key and a signing request; a request that is still on its way is left alone.
///
/// # Errors
/// When there is a request already, or the files can't be written.
pub fn csr(args: &CsrArgs, out: &mut dyn Write) -> Result<(), CertsError> {
    key_file::make_folder(&args.folder)?;
    let (key_path, request_path) = (args.folder.join(REQUEST_KEY), args.folder.join(REQUEST));
    key_file::refuse_existing(&key_path)?;
    let requester = Requester { common_name: &args.name, email: &args.email, country: args.country.as_deref() };
    let made = request::create(&requester).map_err(CertsError::Request)?;
    key_file::write(&key_path, &made.key_pem, Existing::Refuse)?;
    key_file::write_public(&request_path, &made.request_pem, Existing::Replace)?;
    writeln!(out, "Made a private key, {} (keep it to yourself),", key_path.display())?;
    writeln!(out, "and a signing request, {}.", request_path.display())?;
    writeln!(out)?;
    writeln!(out, "Next: at https://developer.apple.com/account/resources/identifiers/list/passTypeId choose your pass type,")?;
    writeln!(out, "create a certificate, upload the request, and download the answer. Then:")?;
    writeln!(out, "  walaa certs import pass.cer --intermediate AppleWWDRCAG4.cer --folder {}", args.folder.display())?;
    Ok(())
}

/// Finds certificate, key and intermediate in the files, checks them, and puts them in place.
///
/// # Errors
/// When a part is missing, does not fit, or would overwrite another one.
pub fn import(args: &ImportArgs, clock: &dyn Clock, out: &mut dyn Write) -> Result<(), CertsError> {
    let files = PassCertificateFiles::in_folder(&args.folder);
    let request_key = args.folder.join(REQUEST_KEY);
    let certificate = find_parts(args, &[&request_key, &files.key])?;

    key_file::make_folder(&args.folder)?;
    files.save(&certificate, if args.replace { Existing::Replace } else { Existing::Refuse })?;
    // The key lives on as pass.key; a second copy would only be one more thing to lose.
    if is_key_of(&request_key, &certificate) {
        let removed = fs::remove_file(&request_key);
        removed.map_err(|source| KeyFileError::Io { path: request_key.clone(), source })?;
    }
    writeln!(out, "Imported the certificate of {}:", certificate.pass_type_id())?;
    for path in [&files.certificate, &files.key, &files.intermediate] {
        writeln!(out, "  {}", path.display())?;
    }
    describe(&certificate, clock, out)?;
    Ok(())
}

/// Makes the sandbox's authority, or goes on with the one that is there.
///
/// # Errors
/// When its root is no longer usable, or a file can't be read or written.
pub fn sandbox(args: &SandboxArgs, clock: &dyn Clock, out: &mut dyn Write) -> Result<(), CertsError> {
    let pki = sandbox_pki::generate(&args.folder, &args.pass_type_id, &args.team_id, clock)?;
    writeln!(out, "A sandbox for {} (team {}); no phone accepts its passes.", args.pass_type_id, args.team_id)?;
    writeln!(out, "  trust this root:    {}", pki.root.display())?;
    writeln!(out, "  pass certificate:   {}", pki.pass.certificate.display())?;
    writeln!(out, "  its key:            {}", pki.pass.key.display())?;
    writeln!(out, "  intermediate:       {}", pki.pass.intermediate.display())?;
    writeln!(out, "  TLS for localhost:  {}", pki.server_certificate.display())?;
    writeln!(out, "  its key:            {}", pki.server_key.display())?;
    Ok(())
}

/// Shows the certificate in a folder and what should be done about it; the answer is the worst finding.
///
/// # Errors
/// When there is no usable certificate.
pub fn show(args: &ShowArgs, clock: &dyn Clock, out: &mut dyn Write) -> Result<Option<Severity>, CertsError> {
    let certificate = PassCertificateFiles::in_folder(&args.folder).load()?;
    describe(&certificate, clock, out)
}

/// Reads all files that were given, and the keys that may be waiting in the folder.
fn find_parts(args: &ImportArgs, waiting_keys: &[&Path]) -> Result<PassCertificate, CertsError> {
    let password = args.password_file.as_deref().map(key_file::read).transpose()?;
    let password = password.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned());
    let mut parts = Parts::default();
    for path in args.files.iter().chain(&args.intermediate) {
        let content = read_certificate_file(path)?;
        let added = parts.add(&content, password.as_deref());
        added.map_err(|source| CertsError::Import { path: Some(path.clone()), source })?;
    }
    for path in waiting_keys.iter().filter(|path| path.exists()) {
        let added = parts.add(&key_file::read(path)?, None);
        added.map_err(|source| CertsError::Import { path: Some(path.to_path_buf()), source })?;
    }
    parts.assemble().map_err(|source| CertsError::Import { path: None, source })
}

/// Whether a file holds the key of this certificate.
fn is_key_of(path: &Path, certificate: &PassCertificate) -> bool {
    let key = key_file::read(path).ok().and_then(|pem| openssl::pkey::PKey::private_key_from_pem(&pem).ok());
    key.is_some_and(|key| key.public_eq(certificate.key()))
}

/// The certificate in plain words, and the findings about it.
fn describe(certificate: &PassCertificate, clock: &dyn Clock, out: &mut dyn Write) -> Result<Option<Severity>, CertsError> {
    let leaf = certificate.leaf();
    let ssl = |error| CertsError::Certificate(CertificateError::OpenSsl(error));
    writeln!(out)?;
    writeln!(out, "pass type     {}", certificate.pass_type_id())?;
    writeln!(out, "team          {}", certificate.team_id())?;
    writeln!(out, "subject       {}", name_text(leaf.subject_name()))?;
    writeln!(out, "issuer        {}", name_text(leaf.issuer_name()))?;
    writeln!(out, "serial        {}", serial_text(leaf).map_err(ssl)?)?;
    writeln!(out, "key           {}", certificate.key_text())?;
    writeln!(out, "NFC           {}", if certificate.allows_nfc() { "allowed" } else { "not allowed" })?;
    writeln!(out, "valid from    {}", timestamp(leaf.not_before()).map_err(ssl)?)?;
    writeln!(out, "valid until   {}", timestamp(leaf.not_after()).map_err(ssl)?)?;
    writeln!(out, "intermediate  until {}", timestamp(certificate.intermediate().not_after()).map_err(ssl)?)?;
    let findings = certificate.findings(clock.now(), None);
    for finding in &findings {
        writeln!(out)?;
        writeln!(out, "{}: {}.", finding.severity, finding.what)?;
        writeln!(out, "  {}.", finding.what_to_do)?;
    }
    Ok(findings.iter().map(|finding| finding.severity).max())
}
