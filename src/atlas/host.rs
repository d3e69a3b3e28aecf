//! Which hosts a signed request may go to, and which addresses their names may lead to.
//!
//! The base URL comes from the operator; DNS does not. A name of Atlas that leads into a private network, or
//! `localhost` that leads out of this machine, is refused before anything is sent there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const HOSTS: [&str; 2] = ["cloud.mongodb.com", "cloud.mongodbgov.com"];

/// The vendor's own hosts over HTTPS on its usual port, or this machine.
pub fn is_allowed(url: &Url) -> bool {
    let of_atlas = match url.host() {
        Some(Host::Domain(name)) => HOSTS.iter().any(|host| is_host_or_below(name, host)),
        _ => false,
    };
    match url.scheme() {
        "https" => is_loopback(url) || (of_atlas && url.port_or_known_default() == Some(443)),
        "http" => is_loopback(url),
        _ => false,
    }
}

fn is_host_or_below(name: &str, host: &str) -> bool {
    name.strip_suffix(host).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}

/// Plain HTTP is spoken with this machine only.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Resolves names, and refuses what the guarded one must not lead to. Other names are those of the operator's proxy.
#[derive(Debug)]
pub(super) struct Guard {
    host: String,
    local: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not allowed")]
struct Forbidden;

impl Guard {
    pub fn of(base: &Url) -> Self {
        Self { host: base.host_str().unwrap_or_default().to_owned(), local: is_loopback(base) }
    }

    /// One address that is not allowed spoils the whole answer.
    fn check(&self, name: &str, found: Vec<SocketAddr>) -> Result<Addrs, Forbidden> {
        let allowed = |address: IpAddr| if self.local { address.is_loopback() } else { is_public(address) };
        if name.eq_ignore_ascii_case(&self.host) && !found.iter().all(|address| allowed(address.ip())) {
            tracing::warn!(host = self.host, "the Atlas host leads to an address that is not allowed");
            return Err(Forbidden);
        }
        Ok(Box::new(found.into_iter()))
    }
}

/// A [`Guard`] as reqwest takes it.
pub(super) struct Resolver(pub std::sync::Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = std::sync::Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(guard.check(name.as_str(), found)?)
        })
    }
}

/// Reachable over the public internet, as Atlas is. Metadata services are among the refused.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The special-purpose registry of IANA, and Azure's own service address.
fn is_public_v4(address: Ipv4Addr) -> bool {
    const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..)
        | (169, 254, _)
        | (192, 168, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 51, 100)
        | (203, 0, 113)
        | (198, 18 | 19, _) => true,
        (100, b, _) => b & 0xC0 == 64,
        (172, b, _) => b & 0xF0 == 16,
        _ => a >= 224,
    };
    !special && address != AZURE_WIRE_SERVER
}

/// Global unicast (`2000::/3`) without its special blocks. Addresses that carry an IPv4 one are judged by that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let carried = match segments {
        [0, 0, 0, 0, 0, 0xFFFF, ..] | [0x64, 0xFF9B, 0, 0, 0, 0, ..] => Some([segments[6], segments[7]]),
        [0x2002, high, low, ..] => Some([high, low]),
        _ => None,
    };
    match (carried, segments) {
        (Some([high, low]), _) => is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        (None, [0x2001, second, ..]) => second >= 0x200 && second != 0xDB8,
        (None, [0x3FFF, second, ..]) => second >= 0x1000,
        (None, [first, ..]) => first & 0xE000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_hosts_of_atlas_and_this_machine_are_allowed() {
        let cases = [
            ("https://cloud.mongodb.com", true),
            ("https://cloud.mongodbgov.com/", true),
            ("https://eu.cloud.mongodb.com", true),
            ("https://localhost:1", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://cloud.mongodb.com", false),
            ("https://cloud.mongodb.com:8443", false),
            ("https://evilcloud.mongodb.com", false),
            ("https://cloud.mongodb.com.example.com", false),
            ("https://mongodb.com", false),
            ("https://example.com", false),
            ("https://169.254.169.254", false),
            ("https://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("ftp://localhost", false),
        ];
        for (text, allowed) in cases {
            assert_eq!(is_allowed(&url(text)), allowed, "{text}");
        }
    }

    #[test]
    fn private_and_special_addresses_are_not_public() {
        let refused = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in refused {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in
            ["1.1.1.1", "18.0.0.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        assert!(is_public("2606:4700::1".parse().unwrap()) && is_public("2a05:d018::1".parse().unwrap()));
    }

    #[test]
    fn one_private_address_spoils_the_answer() {
        let guard = Guard::of(&url("https://cloud.mongodb.com"));
        let found = |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
        assert!(guard.check("cloud.mongodb.com", found(&["1.1.1.1", "2606:4700::1"])).is_ok());
        assert!(guard.check("cloud.mongodb.com", found(&["1.1.1.1", "10.0.0.1"])).is_err());
        assert!(guard.check("CLOUD.mongodb.com", found(&["::ffff:10.0.0.1"])).is_err());
        assert!(guard.check("proxy.internal", found(&["10.0.0.1"])).is_ok());
        let local = Guard::of(&url("http://localhost:1"));
        assert!(local.check("localhost", found(&["127.0.0.1", "::1"])).is_ok());
        assert!(local.check("localhost", found(&["127.0.0.1", "1.1.1.1"])).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_gets_no_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let guard = Guard { host: "localhost".to_owned(), local: false };
        let http = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(Resolver(Arc::new(guard)))).build();
        let error = http.unwrap().get(target).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert!(format!("{error:?}").contains("Forbidden"), "{error:?}");
        let waiting =
            std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_pending()));
        assert!(waiting.await);
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_as_the_one_it_carries(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public(address.to_ipv6_mapped().into()), is_public(address.into()));
            prop_assert!(!is_public(address.to_ipv6_compatible().into()));
            let private = address.is_private() || address.is_loopback() || address.is_link_local();
            prop_assert!(!(private && is_public(address.into())));
        }
    }
}
