//! Which proxies are believed when they name the client behind them.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses and networks. Nobody is believed unless named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[IpNet]>);

/// Something in the list is neither an address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names something that is neither an address nor a network")]
pub struct NoProxies;

impl FromStr for Proxies {
    type Err = NoProxies;

    fn from_str(text: &str) -> Result<Self, NoProxies> {
        let network = |item: &str| {
            let item = item.trim();
            item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).map_err(|_| NoProxies)
        };
        Ok(Self(text.split(',').map(network).collect::<Result<_, _>>()?))
    }
}

impl Proxies {
    /// The client's address: the last one in `X-Forwarded-For` that no believed proxy has, as far as the header can
    /// be read; the peer's own where the peer is not believed.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR);
        let lines: Vec<&str> = lines.iter().map(|line| line.to_str().unwrap_or_default()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.believes(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }

    fn believes(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, perhaps with brackets or a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let proxies: Proxies = if proxies.is_empty() { Proxies::default() } else { proxies.parse().unwrap() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_named_proxy_is_believed() {
        let forged = ["203.0.113.7"];
        assert_eq!(client("", "192.0.2.1", &forged), "192.0.2.1");
        assert_eq!(client("192.0.2.2", "192.0.2.1", &forged), "192.0.2.1");
        assert_eq!(client("192.0.2.1", "192.0.2.1", &forged), "203.0.113.7");
        assert_eq!(client("192.0.2.0/24", "192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let proxies = "192.0.2.0/24, 2001:db8::/32";
        assert_eq!(client(proxies, "192.0.2.1", &["198.51.100.1, 203.0.113.7, 192.0.2.9"]), "203.0.113.7");
        assert_eq!(client(proxies, "2001:db8::1", &["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(proxies, "192.0.2.1", &["198.51.100.1, nonsense"]), "192.0.2.1");
        assert_eq!(client(proxies, "::ffff:192.0.2.1", &["203.0.113.7:5000"]), "203.0.113.7");
        assert_eq!(client(proxies, "192.0.2.1", &["[2001:db9::7]:5000"]), "2001:db9::7");
        assert_eq!(client(proxies, "192.0.2.1", &["192.0.2.3"]), "192.0.2.3", "a proxy may ask for itself");
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        assert!("10.0.0.0/8,::1".parse::<Proxies>().is_ok());
        for text in ["", "10.0.0.0/33", "proxy.example", "10.0.0.1,", "*"] {
            assert_eq!(text.parse::<Proxies>(), Err(NoProxies), "{text}");
        }
    }
}
