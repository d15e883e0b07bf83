//! The package of a pass: manifest, signature, archive.
//!
//! What a template brings along (images, strings) is hashed and deflated once, in [`PreparedFiles`]; per pass only pass.json,
//! the manifest and the signature are made and put behind it. What stands in pass.json is decided elsewhere, and the built
//! bytes are cached elsewhere.

use std::collections::BTreeSet;
use std::io::Cursor;

use aws_lc_rs::digest;
use bytes::Bytes;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, PreparedZipFile, ZipWriter};

use super::signer::{SignError, Signer};
use crate::clock::Timestamp;

/// Files in a package beside the three that are made per pass: twelve images at three scales in two languages, with room.
pub const MAX_FILES: usize = 100;
/// Bytes of those files before deflating. A phone downloads all of them again whenever the pass changes.
pub const MAX_FILES_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of pass.json. A rich pass has ten thousand.
pub const MAX_PASS_JSON_BYTES: usize = 512 * 1024;
/// Bytes in a file's name.
pub const MAX_NAME_BYTES: usize = 128;

/// The MIME type of a package.
pub const MIME_TYPE: &str = "application/vnd.apple.pkpass";

/// The name of the fields of the pass.
const PASS: &str = "pass.json";
/// The name of the list of hashes.
const MANIFEST: &str = "manifest.json";
/// The name of the signature of the manifest.
const SIGNATURE: &str = "signature";
/// The image without which Wallet refuses a pass.
const ICON: &str = "icon.png";

/// The best level that zlib knows: files are deflated once and sent many times.
const DEFLATE_LEVEL: i64 = 9;
/// 1980-01-01 in the calendar of DOS: the first day that it can write, the same for every entry.
const DOS_DATE: u16 = 0x21;
/// The version of the ZIP format that our entries need: 2.0.
const ZIP_VERSION: u16 = 20;
/// Made on Unix: the upper half of an entry's external attributes is its mode.
const MADE_ON_UNIX: u16 = 3 << 8 | ZIP_VERSION;
/// A regular file that everyone may read.
const FILE_MODE: u32 = 0o100_644;
/// Bytes of an end record without comment.
const END_RECORD_BYTES: usize = 22;
/// Bytes of the manifest's entry of pass.json, and more than all headers of the three entries made per pass.
const OVERHEAD_BYTES: usize = 512;

/// Why no package was made.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file's name can't be in a package.
    #[error("the file name {name:?} can't be in a pass: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There are more files than a package may hold.
    #[error("a pass may hold {MAX_FILES} files, not {0}")]
    TooManyFiles(usize),
    /// The files together are larger than a package may be.
    #[error("the files of a pass may have {MAX_FILES_BYTES} bytes together, not {0}")]
    TooLarge(usize),
    /// The fields of the pass are larger than they may be.
    #[error("pass.json may have {MAX_PASS_JSON_BYTES} bytes, not {0}")]
    PassTooLarge(usize),
    /// Wallet refuses a pass without an icon.
    #[error("icon.png is missing: Wallet refuses a pass without it")]
    IconMissing,
    /// The files could not be deflated.
    #[error("the files of the pass could not be packed")]
    Pack(#[from] zip::result::ZipError),
    /// The manifest could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The files of a template, ready to be the first part of any number of packages.
#[derive(Debug)]
pub struct PreparedFiles {
    names: Vec<String>,
    /// The local headers and contents, as an archive begins.
    body: Vec<u8>,
    /// Their entries in the central directory.
    directory: Vec<u8>,
    /// The manifest up to the hash of pass.json.
    manifest_head: String,
    /// The manifest after the hash of pass.json.
    manifest_tail: String,
}

impl PreparedFiles {
    /// Checks, hashes and deflates the files of a template.
    ///
    /// # Errors
    /// When a name is not allowed or given twice, there is no icon, or a bound is exceeded.
    pub fn new(files: Vec<(String, Bytes)>) -> Result<Self, PackageError> {
        check_bounds(&files)?;
        let mut files = files;
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        check_names(&files)?;

        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (name, content) in &files {
            let entry = format!("\"{name}\":\"{}\"", sha1_hex(content));
            if name.as_str() < PASS { before.push(entry) } else { after.push(entry) }
        }
        before.push(format!("\"{PASS}\":\""));
        let tail = after.iter().map(|entry| format!(",{entry}")).collect::<String>();

        let (body, directory) = pack(&files)?;
        Ok(Self {
            names: files.into_iter().map(|(name, _)| name).collect(),
            body,
            directory,
            manifest_head: format!("{{{}", before.join(",")),
            manifest_tail: format!("\"{tail}}}"),
        })
    }

    /// The names of the files, sorted.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The bytes that these files take up in a package.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        self.body.len() + self.directory.len()
    }

    /// The manifest of a package with this pass.json: compact JSON, sorted by name.
    fn manifest(&self, pass_json: &[u8]) -> Vec<u8> {
        [&self.manifest_head, sha1_hex(pass_json).as_str(), &self.manifest_tail].concat().into_bytes()
    }
}

/// Makes a signed package of a template's files and one pass.json.
///
/// The same input gives other bytes in another second, since the signature holds the time.
///
/// # Errors
/// When pass.json is too large or the signer refuses.
pub fn build(prepared: &PreparedFiles, pass_json: &[u8], signer: &dyn Signer, now: Timestamp) -> Result<Vec<u8>, PackageError> {
    if pass_json.len() > MAX_PASS_JSON_BYTES {
        return Err(PackageError::PassTooLarge(pass_json.len()));
    }
    let manifest = prepared.manifest(pass_json);
    let signature = signer.sign_manifest(&manifest, now)?;

    let own_bytes = pass_json.len() + manifest.len() + signature.len() + OVERHEAD_BYTES;
    let mut package = Vec::with_capacity(prepared.packed_bytes() + own_bytes);
    package.extend_from_slice(&prepared.body);
    let mut directory = Vec::with_capacity(OVERHEAD_BYTES);
    for (name, content) in [(PASS, pass_json), (MANIFEST, &manifest), (SIGNATURE, &signature)] {
        store(&mut package, &mut directory, name, content);
    }
    let directory_at = package.len();
    package.extend_from_slice(&prepared.directory);
    package.extend_from_slice(&directory);
    end_record(&mut package, directory_at, prepared.names.len() + 3);
    Ok(package)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

/// The hash that Wallet wants in the manifest.
fn sha1_hex(content: &[u8]) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, content).as_ref())
}

/// How many files and how large they are.
fn check_bounds(files: &[(String, Bytes)]) -> Result<(), PackageError> {
    if files.len() > MAX_FILES {
        return Err(PackageError::TooManyFiles(files.len()));
    }
    let total: usize = files.iter().map(|(_, content)| content.len()).sum();
    if total > MAX_FILES_BYTES {
        return Err(PackageError::TooLarge(total));
    }
    Ok(())
}

/// Each name by itself, no two the same on any file system, and the icon among them.
fn check_names(files: &[(String, Bytes)]) -> Result<(), PackageError> {
    let refuse = |name: &str, why| Err(PackageError::Name { name: name.to_owned(), why });
    let mut seen = BTreeSet::new();
    for (name, _) in files {
        if let Some(why) = name_problem(name) {
            return refuse(name, why);
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return refuse(name, "it is there twice");
        }
    }
    for name in &seen {
        let mut parent = name.as_str();
        while let Some((folder, _)) = parent.rsplit_once('/') {
            if seen.contains(folder) {
                return refuse(folder, "a folder has the same name");
            }
            parent = folder;
        }
    }
    if files.iter().any(|(name, _)| name == ICON) { Ok(()) } else { Err(PackageError::IconMissing) }
}

/// What is wrong with a name, if anything is.
fn name_problem(name: &str) -> Option<&'static str> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "@._/-".contains(letter);
    if name.len() > MAX_NAME_BYTES {
        Some("it is too long")
    } else if !name.chars().all(allowed) {
        Some("only letters, digits and @ . _ - / are allowed")
    } else if name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        Some("no part of a path may be empty or begin with a dot")
    } else if [PASS, MANIFEST, SIGNATURE]
        .iter()
        .any(|own| name.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(own)))
    {
        Some("a file of that name is made for every pass")
    } else {
        None
    }
}

/// The beginning of an archive with these files, and their part of its central directory.
fn pack(files: &[(String, Bytes)]) -> Result<(Vec<u8>, Vec<u8>), PackageError> {
    let options = SimpleFileOptions::default().last_modified_time(DateTime::DEFAULT).unix_permissions(FILE_MODE & 0o777);
    let deflate = options.compression_method(CompressionMethod::Deflated).compression_level(Some(DEFLATE_LEVEL));
    let keep = options.compression_method(CompressionMethod::Stored);

    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let deflated = PreparedZipFile::from_data(name, deflate, content)?;
        let smaller = deflated.compressed_size() < content.len() as u64;
        archive.add_prepared_file(if smaller { deflated } else { PreparedZipFile::from_data(name, keep, content)? })?;
    }
    let mut body = archive.finish()?.into_inner();

    let end = body.split_off(body.len() - END_RECORD_BYTES);
    let directory_at = u32::from_le_bytes([end[16], end[17], end[18], end[19]]) as usize;
    let directory = body.split_off(directory_at);
    Ok((body, directory))
}

/// Puts one entry, not deflated, behind the others. The bounds above keep every number within its field.
fn store(package: &mut Vec<u8>, directory: &mut Vec<u8>, name: &str, content: &[u8]) {
    let at = package.len() as u32;
    let size = (content.len() as u32).to_le_bytes();

    // What the local header and the directory's entry share: version, flags, method, time, date, checksum, sizes, lengths.
    let mut common = [0; 26];
    common[0..2].copy_from_slice(&ZIP_VERSION.to_le_bytes());
    common[8..10].copy_from_slice(&DOS_DATE.to_le_bytes());
    common[10..14].copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    common[14..18].copy_from_slice(&size);
    common[18..22].copy_from_slice(&size);
    common[22..24].copy_from_slice(&(name.len() as u16).to_le_bytes());

    package.extend_from_slice(b"PK\x03\x04");
    package.extend_from_slice(&common);
    package.extend_from_slice(name.as_bytes());
    package.extend_from_slice(content);

    directory.extend_from_slice(b"PK\x01\x02");
    directory.extend_from_slice(&MADE_ON_UNIX.to_le_bytes());
    directory.extend_from_slice(&common);
    // Length of the comment, number of the disk, internal attributes.
    directory.extend_from_slice(&[0; 6]);
    directory.extend_from_slice(&(FILE_MODE << 16).to_le_bytes());
    directory.extend_from_slice(&at.to_le_bytes());
    directory.extend_from_slice(name.as_bytes());
}

/// The last record of an archive, which says where the central directory is.
fn end_record(package: &mut Vec<u8>, directory_at: usize, entries: usize) {
    let directory_bytes = (package.len() - directory_at) as u32;
    let entries = (entries as u16).to_le_bytes();
    package.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    package.extend_from_slice(&entries);
    package.extend_from_slice(&entries);
    package.extend_from_slice(&directory_bytes.to_le_bytes());
    package.extend_from_slice(&(directory_at as u32).to_le_bytes());
    package.extend_from_slice(&[0; 2]);
}
