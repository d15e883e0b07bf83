//! Files that only their owner may read: private keys, and certificates beside them.
//!
//! Reading refuses a file that anybody else could have read or changed. Writing is atomic: a crash leaves the old file or the
//! new one, and the new one is never readable by others, not even for a moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes in the file of a private key; an RSA key of 8,192 bits has 6,400.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;
/// Read and write for the owner.
const OWNER_ONLY: u32 = 0o600;
/// The permissions that nobody but the owner may have on a key.
const FOR_OTHERS: u32 = 0o077;
/// The one of them that a key of root's may have: it says who of root's choice may read it, and nothing may be changed by it.
const GROUP_READS: u32 = 0o040;
/// Read for everybody, write for the owner.
const PUBLIC: u32 = 0o644;
/// A folder for its owner only.
const FOLDER_OWNER_ONLY: u32 = 0o700;
/// The user that may read everything anyway.
const ROOT: u32 = 0;

/// Why a private file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others may read or write it.
    #[error("{} may be read by others (its mode is {mode:o}): run  chmod 600 {}", path.display(), path.display())]
    OpenToOthers {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, but this runs as user {us}: run  chown {us} {}", path.display(), path.display())]
    ForeignOwner {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// It exists and was not to be replaced.
    #[error("{} exists already and is left as it is", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// Reads a private file, if nobody else can. A file of root's may be readable by its group: that is how systemd's credentials and
/// Kubernetes' secrets are handed to a service that is not root.
///
/// # Errors
/// When it can't be read, has any other permission for group or others, or belongs neither to us nor to root.
pub fn read(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    let (owner, us) = (metadata.uid(), effective_user());
    if is_open_to_others(mode, (owner, us)) {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    if owner != ROOT && us.is_some_and(|us| us != owner) {
        return Err(KeyFileError::ForeignOwner { path: path.to_owned(), owner, us: us.unwrap_or(ROOT) });
    }
    bounded(file, MAX_KEY_FILE_BYTES).map_err(failed)
}

/// Whether more than its owner, or those whom root lets read it, could have read or changed a file.
fn is_open_to_others(mode: u32, (owner, us): (u32, Option<u32>)) -> bool {
    let handed_to_us = owner == ROOT && us.is_some_and(|us| us != ROOT);
    let allowed = if handed_to_us { GROUP_READS } else { 0 };
    mode & FOR_OTHERS & !allowed != 0
}

/// Writes a file for its owner only.
///
/// # Errors
/// When it exists and may not be replaced, or can't be written.
pub fn write(path: &Path, content: &[u8], existing: Existing) -> Result<(), KeyFileError> {
    write_with_mode(path, content, (OWNER_ONLY, existing))
}

/// Writes a file that everybody may read, such as a certificate.
///
/// # Errors
/// As [`write()`].
pub fn write_public(path: &Path, content: &[u8], existing: Existing) -> Result<(), KeyFileError> {
    write_with_mode(path, content, (PUBLIC, existing))
}

/// Makes a folder for its owner only, and those above it.
///
/// # Errors
/// When it can't be made.
pub fn make_folder(path: &Path) -> Result<(), KeyFileError> {
    let made = fs::DirBuilder::new().recursive(true).mode(FOLDER_OWNER_ONLY).create(path);
    made.map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}

/// Fails if there is something of this name.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), KeyFileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(KeyFileError::Exists { path: path.to_owned() }),
        Err(_) => Ok(()),
    }
}

/// Reads a file of at most so many bytes.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?, max_bytes)
}

/// Reads an open file of at most so many bytes.
fn bounded(file: File, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut content)?;
    if content.len() as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {max_bytes} bytes")));
    }
    Ok(content)
}

/// Writes beside the place, flushes, and moves into it.
fn write_with_mode(path: &Path, content: &[u8], (mode, existing): (u32, Existing)) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let written = write_and_move(&unfinished, path, (content, mode, existing));
    if written.is_err() {
        // What is left of a failed attempt; the attempt's own error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyFileError::Exists { path: path.to_owned() }),
        other => other.map_err(failed),
    }
}

/// The steps of [`write_with_mode`]. A hard link fails where a file is, a rename replaces it.
fn write_and_move(from: &Path, to: &Path, (content, mode, existing): (&[u8], u32, Existing)) -> io::Result<()> {
    match fs::remove_file(from) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(from)?;
    file.write_all(content)?;
    file.sync_all()?;
    match existing {
        Existing::Refuse => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)?;
        }
        Existing::Replace => fs::rename(from, to)?,
    }
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The user that this process acts as, where the system tells.
fn effective_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn a_written_key_is_for_its_owner_only_and_reads_back() {
        let folder = folder();
        let path = folder.path().join("a.key");
        write(&path, b"secret", Existing::Refuse).expect("written");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert_eq!(read(&path).expect("read"), b"secret");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn an_existing_key_is_never_overwritten_by_mistake() {
        let folder = folder();
        let path = folder.path().join("a.key");
        write(&path, b"first", Existing::Refuse).expect("written");
        assert!(matches!(write(&path, b"second", Existing::Refuse), Err(KeyFileError::Exists { .. })));
        assert_eq!(read(&path).expect("read"), b"first");
        write(&path, b"third", Existing::Replace).expect("replaced");
        assert_eq!(read(&path).expect("read"), b"third");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = folder();
        let path = folder.path().join("a.key");
        write(&path, b"secret", Existing::Refuse).expect("written");
        for mode in [0o640, 0o604, 0o660, 0o644, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
            let error = read(&path).expect_err("open to others");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("changed");
        read(&path).expect("stricter is fine");
    }

    #[test]
    fn a_key_that_root_hands_to_us_may_be_readable_by_its_group_and_no_more() {
        let handed = (ROOT, Some(10_001));
        for mode in [0o400, 0o440, 0o600, 0o640] {
            assert!(!is_open_to_others(mode, handed), "{mode:o}");
        }
        for mode in [0o404, 0o444, 0o450, 0o460, 0o644, 0o660] {
            assert!(is_open_to_others(mode, handed), "{mode:o}");
        }
        assert!(is_open_to_others(0o440, (10_001, Some(10_001))), "our own");
        assert!(is_open_to_others(0o440, (ROOT, Some(ROOT))), "root's, for root");
        assert!(is_open_to_others(0o440, (ROOT, None)), "who we are is not known");
    }

    #[test]
    fn a_key_of_another_user_is_refused() {
        // Only root can read such a file at all, and only root can make one; for others the file system refuses.
        if effective_user() == Some(ROOT) {
            let folder = folder();
            let path = folder.path().join("a.key");
            write(&path, b"secret", Existing::Refuse).expect("written");
            std::os::unix::fs::chown(&path, Some(12_345), None).expect("given away");
            assert!(matches!(read(&path), Err(KeyFileError::ForeignOwner { owner: 12_345, us: ROOT, .. })));
        }
    }

    #[test]
    fn a_huge_key_file_is_refused() {
        let folder = folder();
        let path = folder.path().join("a.key");
        write(&path, &vec![b'x'; MAX_KEY_FILE_BYTES as usize + 1], Existing::Refuse).expect("written");
        assert!(matches!(read(&path), Err(KeyFileError::Io { .. })));
    }
}
