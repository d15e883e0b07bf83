//! Which node of a Cluster a key lives on: the slot of a key, and what a node says of who has which slots. Pure; connects to nobody.

use redis::{RedisError, RedisResult, Value, from_redis_value};

use super::address::Host;

/// Slots of every Cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a key: CRC-16 of it, or of what stands between its first `{` and the next `}`.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let tagged = key.iter().position(|byte| *byte == b'{').map(|open| &key[open + 1..]);
    let tag = tagged.and_then(|rest| rest.iter().position(|byte| *byte == b'}').map(|close| &rest[..close]));
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, bit by bit: keys are short, and a table would cost more cache than it saves.
fn crc16(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, byte| {
        let shifted = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
        (0..8).fold(crc ^ (u16::from(*byte) << 8), shifted)
    })
}

/// What one node says of its Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Whether the node sees the Cluster whole, or at least the greater part of it.
    pub well: bool,
    /// How many elections it knows of: the higher, the newer is what it says.
    pub epoch: u64,
    /// Who has which slots.
    pub ranges: Vec<Range>,
}

/// Slots in a row, with their master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// Who has them.
    pub master: Host,
    /// Who has copies.
    pub replicas: Vec<Host>,
}

impl View {
    /// Reads what `CLUSTER INFO` and `CLUSTER SLOTS` answered.
    ///
    /// # Errors
    /// The answers are not of that form.
    pub(super) fn read(info: &str, slots: Value, asked: &Host) -> RedisResult<Self> {
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let ranges: Vec<Vec<Value>> = from_redis_value(slots)?;
        Ok(Self {
            well: field("cluster_state") == Some("ok"),
            epoch: field("cluster_current_epoch").and_then(|epoch| epoch.trim().parse().ok()).unwrap_or_default(),
            ranges: ranges.into_iter().filter_map(|range| Range::read(range, asked)).collect(),
        })
    }

    /// Slots that have a master.
    pub(super) fn covered(&self) -> usize {
        self.ranges.iter().map(|range| usize::from(range.last - range.first) + 1).sum()
    }

    /// All masters, each once.
    pub(super) fn masters(&self) -> Vec<Host> {
        let mut masters: Vec<Host> = self.ranges.iter().map(|range| range.master.clone()).collect();
        masters.sort();
        masters.dedup();
        masters
    }
}

impl Range {
    fn read(range: Vec<Value>, asked: &Host) -> Option<Self> {
        let mut parts = range.into_iter();
        let mut slot = || match parts.next() {
            Some(Value::Int(slot)) => u16::try_from(slot).ok().filter(|slot| *slot < SLOTS),
            _ => None,
        };
        let (first, last) = (slot()?, slot()?);
        let master = node(parts.next()?, asked)?;
        (first <= last).then(|| Self { first, last, master, replicas: parts.filter_map(|value| node(value, asked)).collect() })
    }
}

/// A node as it stands in the answer; one that says nothing of its address is the one that was asked, and `?` is nobody knows where.
fn node(value: Value, asked: &Host) -> Option<Host> {
    let Value::Array(fields) = value else { return None };
    let mut fields = fields.into_iter();
    let name: Result<Option<String>, RedisError> = from_redis_value(fields.next()?).map_err(RedisError::from);
    let port: u16 = from_redis_value(fields.next()?).ok()?;
    match name.ok()?.unwrap_or_default().as_str() {
        "?" => None,
        "" => Some(Host { name: asked.name.clone(), port }),
        name => Some(Host { name: name.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3, "the check value of CRC-16/XMODEM");
        assert_eq!(slot_of(b""), 0);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        assert_eq!(slot_of(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS, "an empty tag is none");
        assert_eq!(slot_of(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"a{b"), crc16(b"a{b") % SLOTS);
    }

    #[test]
    fn a_view_is_read_whatever_stands_in_it() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |name: Value, port| Value::Array(vec![name, Value::Int(port), text("id"), Value::Array(Vec::new())]);
        let range = |first, last, nodes: Vec<Value>| {
            Value::Array([Value::Int(first), Value::Int(last)].into_iter().chain(nodes).collect())
        };
        let asked = Host { name: "asked".to_owned(), port: 1 };
        let slots = Value::Array(vec![
            range(0, 100, vec![node(text("10.0.0.1"), 7000), node(text("10.0.0.2"), 7001)]),
            range(101, 101, vec![node(Value::Nil, 7002)]),
            range(102, 103, vec![node(text("?"), 7003)]),
            range(9, 3, vec![node(text("10.0.0.1"), 7000)]),
            range(16_000, 16_384, vec![node(text("10.0.0.1"), 7000)]),
            range(5, -1, vec![]),
            Value::Array(vec![]),
        ]);
        let view = View::read("cluster_state:ok\r\ncluster_current_epoch:12\r\n", slots, &asked).expect("a view");
        assert_eq!((view.well, view.epoch, view.ranges.len(), view.covered()), (true, 12, 2, 102));
        assert_eq!(view.ranges[0].replicas, [Host { name: "10.0.0.2".to_owned(), port: 7001 }]);
        assert_eq!(view.ranges[1].master, Host { name: "asked".to_owned(), port: 7002 });
        assert_eq!(view.masters().len(), 2);
        let empty = View::read("cluster_state:fail", Value::Array(vec![]), &asked).expect("a view");
        assert!(!empty.well && empty.covered() == 0);
        assert!(View::read("", Value::Int(1), &asked).is_err());
    }
}
