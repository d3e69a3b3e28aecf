//! The header `traceparent` of W3C's Trace Context, read to the letter: what is not exactly right counts as absent.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::TraceIds;

const SAMPLED: u8 = 1;

/// The caller's place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

impl TraceParent {
    /// Reads the header's text. A version that is not known yet may go on after what is known here.
    pub fn parse(text: &str) -> Option<Self> {
        let (version, rest) = text.split_once('-')?;
        let (trace, rest) = rest.split_once('-')?;
        let (span, rest) = rest.split_once('-')?;
        let (flags, more) = rest.split_once('-').map_or((rest, None), |(flags, more)| (flags, Some(more)));
        let version = digits(version, 2)?;
        if version == 0xff || (version == 0 && more.is_some()) {
            return None;
        }
        let (trace, span, flags) = (digits(trace, 32)?, digits(span, 16)?, digits(flags, 2)?);
        let is_sampled = u8::try_from(flags).ok()? & SAMPLED == SAMPLED;
        let parent = Self { trace, span: u64::try_from(span).ok()?, is_sampled };
        (parent.trace != 0 && parent.span != 0).then_some(parent)
    }

    pub fn ids(&self) -> TraceIds {
        TraceIds { trace: format!("{:032x}", self.trace), span: format!("{:016x}", self.span) }
    }

    pub(super) fn context(&self) -> SpanContext {
        let flags = if self.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, span) = (TraceId::from(self.trace), SpanId::from(self.span));
        SpanContext::new(trace, span, flags, true, TraceState::default())
    }
}

/// As the version that is known here spells it.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

/// Exactly so many hexadecimal digits, the letters small.
fn digits(text: &str, count: usize) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let fits = text.len() == count && text.bytes().all(is_digit);
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_to_the_letter_is_read() {
        let sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = TraceParent::parse(sampled).unwrap();
        assert_eq!(parent.to_string(), sampled);
        assert_eq!(parent.ids().trace, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.ids().span, "b7ad6b7169203331");
        assert!(parent.context().is_sampled() && parent.context().is_remote());
        // Other flags are nothing of ours; a later version may go on.
        let other = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe").unwrap();
        assert!(!other.context().is_sampled());
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-else";
        assert_eq!(TraceParent::parse(later), Some(parent));
    }

    #[test]
    fn what_is_not_is_ignored() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333é-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }
}
