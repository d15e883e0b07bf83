//! The archive of a package: read by hand for what a plain ZIP 2.0 may hold, then inflated by the zip crate.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::Reason;

/// Bytes of a package; Apple publishes no bound, and nobody waits for more at a till.
const MAX_PACKAGE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of all files together.
const MAX_UNPACKED_BYTES: u64 = 30 * 1024 * 1024;
/// Files in a package.
const MAX_ENTRIES: usize = 200;

/// Bytes of an end record without comment.
const END_RECORD: usize = 22;
/// Bytes of a directory entry before its name.
const DIRECTORY_ENTRY: usize = 46;
/// Bytes of a local header before its name.
const LOCAL_HEADER: usize = 30;
/// The version that plain ZIP needs at most.
const VERSION_2_0: u16 = 20;
/// Flags that change nothing for a reader: the deflate level, and that the name is UTF-8.
const HARMLESS_FLAGS: u16 = 0b1000_0000_0110;
/// The flag of an encrypted entry.
const ENCRYPTED: u16 = 1;
/// The flag of an entry whose sizes stand behind its content.
const DATA_DESCRIPTOR: u16 = 8;
/// The extra field of ZIP64.
const ZIP64_EXTRA: u16 = 1;

/// One entry of the central directory.
struct Entry<'a> {
    name: &'a str,
    flags: u16,
    version: u16,
    extra: &'a [u8],
    comment: usize,
    disk: u16,
    local_header: usize,
    packed: usize,
    unpacked: u64,
    /// From the version to the length of the name, as the local header has it too.
    common: &'a [u8],
}

/// All files of a package by name.
pub fn open(package: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Vec<Reason>> {
    if package.len() > MAX_PACKAGE_BYTES {
        return Err(vec![Reason::TooLarge("the archive")]);
    }
    let entries = directory(package).map_err(|why| vec![Reason::Archive(why.to_owned())])?;
    let mut reasons = check_layout(package, &entries);
    reasons.extend(check_entries(&entries));
    if entries.iter().map(|entry| entry.unpacked).sum::<u64>() > MAX_UNPACKED_BYTES {
        reasons.push(Reason::TooLarge("the files"));
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    unpack(package, &entries).map_err(|error| vec![Reason::Archive(error.to_string())])
}

/// The central directory, which must end where the end record begins, and that where the archive ends.
fn directory(package: &[u8]) -> Result<Vec<Entry<'_>>, &'static str> {
    let end_at = package.len().checked_sub(END_RECORD).ok_or("it is too short")?;
    let end = &package[end_at..];
    if !end.starts_with(b"PK\x05\x06") {
        return Err("it does not end with an end record without comment");
    }
    let count = usize::from(number16(end, 10));
    if end[4..8] != [0; 4] || number16(end, 8) != number16(end, 10) || number16(end, 20) != 0 {
        return Err("the end record is not that of an archive in one part");
    }
    if count > MAX_ENTRIES {
        return Err("it has too many entries");
    }
    let mut at = number32(end, 16);
    let bytes = number32(end, 12);
    if at.checked_add(bytes) != Some(end_at) {
        return Err("the central directory is not where the end record says, or the archive is ZIP64");
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (entry, next) = directory_entry(package, at, end_at)?;
        entries.push(entry);
        at = next;
    }
    if at == end_at { Ok(entries) } else { Err("the central directory has more than its entries") }
}

/// The directory entry at a place, and the place behind it.
fn directory_entry(package: &[u8], at: usize, end: usize) -> Result<(Entry<'_>, usize), &'static str> {
    const CUT: &str = "the central directory is cut off";
    let head = package.get(at..at + DIRECTORY_ENTRY).filter(|_| at + DIRECTORY_ENTRY <= end).ok_or(CUT)?;
    if !head.starts_with(b"PK\x01\x02") {
        return Err("the central directory has something else than entries");
    }
    let (name, extra, comment) =
        (usize::from(number16(head, 28)), usize::from(number16(head, 30)), usize::from(number16(head, 32)));
    let name_at = at + DIRECTORY_ENTRY;
    let next = name_at + name + extra + comment;
    if next > end {
        return Err(CUT);
    }
    let entry = Entry {
        name: str::from_utf8(&package[name_at..name_at + name]).map_err(|_| "a name is not UTF-8")?,
        flags: number16(head, 8),
        version: number16(head, 6),
        extra: &package[name_at + name..name_at + name + extra],
        comment,
        disk: number16(head, 34),
        local_header: number32(head, 42),
        packed: number32(head, 20),
        unpacked: number32(head, 24) as u64,
        common: &head[6..30],
    };
    Ok((entry, next))
}

/// Local headers and contents must lie one after the other from the beginning up to the directory, and say the same as it.
fn check_layout(package: &[u8], entries: &[Entry<'_>]) -> Vec<Reason> {
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.local_header);
    let mut reasons = Vec::new();
    let mut at = 0;
    for entry in sorted {
        let mut refuse = |why| reasons.push(Reason::Entry { entry: entry.name.to_owned(), why });
        if entry.local_header != at {
            refuse("it does not begin where the one before it ends");
            return reasons;
        }
        let Some(head) = package.get(at..at + LOCAL_HEADER).filter(|head| head.starts_with(b"PK\x03\x04")) else {
            refuse("it has no local header");
            return reasons;
        };
        if head[4..28] != *entry.common || number16(head, 28) != 0 && entry.extra.is_empty() {
            refuse("its local header differs from the central directory");
        }
        let name_at = at + LOCAL_HEADER;
        if package.get(name_at..name_at + entry.name.len()) != Some(entry.name.as_bytes()) {
            refuse("its local header has another name");
        }
        at = name_at + entry.name.len() + usize::from(number16(head, 28)) + entry.packed;
    }
    let directory_at = number32(&package[package.len() - END_RECORD..], 16);
    if at != directory_at {
        reasons.push(Reason::Archive("there is something between the files and the central directory".to_owned()));
    }
    reasons
}

/// Each entry by itself, and that no two have one name.
fn check_entries(entries: &[Entry<'_>]) -> Vec<Reason> {
    let mut seen = BTreeSet::new();
    let mut reasons = Vec::new();
    for entry in entries {
        let mut refuse = |why| reasons.push(Reason::Entry { entry: entry.name.to_owned(), why });
        let method = number16(entry.common, 4);
        let date = number16(entry.common, 8);
        let (month, day) = (date >> 5 & 15, date & 31);
        let extras = extra_fields(entry.extra);
        if entry.flags & ENCRYPTED != 0 {
            refuse("it is encrypted");
        } else if entry.flags & DATA_DESCRIPTOR != 0 {
            refuse("its sizes are not in the local header");
        } else if entry.flags & !HARMLESS_FLAGS != 0 {
            refuse("it has unknown flags");
        }
        if entry.version > VERSION_2_0 || extras.as_ref().is_none_or(|extras| extras.contains(&ZIP64_EXTRA)) {
            refuse("it needs more than ZIP 2.0");
        }
        if method != 0 && method != 8 {
            refuse("it is neither stored nor deflated");
        }
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            refuse("its date is none");
        }
        if entry.comment != 0 || entry.disk != 0 {
            refuse("it has a comment, or is on another disk");
        }
        if let Some(why) = name_problem(entry.name) {
            refuse(why);
        }
        if !seen.insert(entry.name.to_lowercase()) {
            refuse("its name is there twice");
        }
    }
    reasons
}

/// What is wrong with a name, if anything is.
fn name_problem(name: &str) -> Option<&'static str> {
    if name.ends_with('/') {
        return Some("it is a folder");
    }
    if name.contains('\\') || name.contains(':') || name.chars().any(char::is_control) {
        return Some("its name has letters that a path may not have");
    }
    name.split('/').find_map(|part| match part {
        "" | "." | ".." => Some("its name leads out of the package"),
        "__MACOSX" | ".DS_Store" => Some("it is the Finder's, not the pass's"),
        _ => None,
    })
}

/// The ids of extra fields, or nothing if they are broken.
fn extra_fields(mut extra: &[u8]) -> Option<Vec<u16>> {
    let mut ids = Vec::new();
    while !extra.is_empty() {
        let length = usize::from(number16(extra.get(..4)?, 2));
        ids.push(number16(extra, 0));
        extra = extra.get(4 + length..)?;
    }
    Some(ids)
}

/// Inflates all entries; the zip crate checks lengths and checksums.
fn unpack(package: &[u8], entries: &[Entry<'_>]) -> Result<BTreeMap<String, Vec<u8>>, zip::result::ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(package))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let mut content = Vec::new();
        archive.by_name(entry.name)?.take(entry.unpacked + 1).read_to_end(&mut content)?;
        if content.len() as u64 != entry.unpacked {
            return Err(zip::result::ZipError::InvalidArchive("an entry has another length than its header says".into()));
        }
        files.insert(entry.name.to_owned(), content);
    }
    Ok(files)
}

/// Two bytes, least significant first.
fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Four bytes, least significant first.
fn number32(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}
