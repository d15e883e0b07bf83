//! Where a request comes from: the peer, or what a trusted proxy says in `X-Forwarded-For`. Nobody else is believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use actix_web::HttpRequest;
use serde::{Deserialize, Deserializer};

/// The header in which proxies name whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Addresses of the header that are looked at, from the right: more proxies in a row than anyone has.
const MOST_HOPS: usize = 16;

/// A network: an address and how many of its leading bits count, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an address or a network such as 10.0.0.0/8")]
pub struct NetworkError(String);

impl Network {
    /// Whether an address is within it; IPv4 addresses in IPv6 clothes are IPv4 addresses.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(u128::from(own.to_bits()), u128::from(other.to_bits()), 32 - self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128 - self.bits),
            _ => false,
        }
    }
}

/// Whether two numbers are the same but for their last bits.
fn same(one: u128, other: u128, last: u8) -> bool {
    (one ^ other).checked_shr(u32::from(last)).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).ok().filter(|bits| *bits <= most).ok_or_else(wrong)?;
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The client's address: the last one in the chain of proxies that is not a trusted proxy itself.
#[must_use]
pub fn client(request: &HttpRequest, trusted: &[Network]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()).to_canonical();
    let headers = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = headers.flat_map(|value| value.split(',')).map(str::trim).collect();
    behind(peer, &named, trusted)
}

fn behind(peer: IpAddr, named: &[&str], trusted: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    for name in named.iter().rev().take(MOST_HOPS) {
        if !is_proxy(client) {
            break;
        }
        let Ok(address) = name.parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains(ip("10.1.255.3")));
        assert!(network.contains(ip("::ffff:10.1.2.3")), "IPv4 in IPv6 clothes");
        assert!(!network.contains(ip("10.2.0.0")));
        assert!(!network.contains(ip("::1")));
        let one: Network = "2001:db8::1".parse().unwrap();
        assert!(one.contains(ip("2001:db8::1")) && !one.contains(ip("2001:db8::2")));
        for everything in ["0.0.0.0/0", "::/0"] {
            let network: Network = everything.parse().unwrap();
            assert_eq!(network.to_string(), everything);
            assert!(network.contains(ip("203.0.113.9")) != network.contains(ip("2001:db8::9")));
        }
    }

    #[test]
    fn texts_that_are_no_network_are_refused() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8/8", "host/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(behind(ip("203.0.113.1"), &["198.51.100.1"], &trusted), ip("203.0.113.1"), "a liar");
        assert_eq!(behind(ip("10.0.0.1"), &["198.51.100.1"], &trusted), ip("198.51.100.1"));
        assert_eq!(behind(ip("10.0.0.1"), &["1.2.3.4", "198.51.100.1", "10.0.0.2"], &trusted), ip("198.51.100.1"));
        assert_eq!(behind(ip("10.0.0.1"), &[], &trusted), ip("10.0.0.1"));
        assert_eq!(behind(ip("10.0.0.1"), &["198.51.100.1", "junk"], &trusted), ip("10.0.0.1"));
        assert_eq!(behind(ip("10.0.0.1"), &["198.51.100.1"], &[]), ip("10.0.0.1"));
    }
}
