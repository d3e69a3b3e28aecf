//! A log that nobody can write into from outside: one event stays one line, and every character shows what it is.
//!
//! It has no colours: the formatter leaves the escapes of a field's text beside its own, and nobody could tell them apart.

use std::fmt::Write as _;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Writes events to `to`, with control characters and marks of direction spelled out as JSON does.
#[derive(Debug, Clone)]
pub struct Inert<M>(M);

impl<M> Inert<M> {
    pub const fn new(to: M) -> Self {
        Self(to)
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Inert<M> {
    type Writer = Event<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Event(self.0.make_writer())
    }
}

/// One event. The formatter hands it over whole.
pub struct Event<W>(W);

impl<W: Write> Write for Event<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (line, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |line| (line, "\n"));
        let mut spelled = String::with_capacity(text.len());
        for c in line.chars() {
            if is_alive(c) {
                write!(spelled, "\\u{:04x}", u32::from(c)).map_err(io::Error::other)?;
            } else {
                spelled.push(c);
            }
        }
        spelled.push_str(end);
        self.0.write_all(spelled.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters, ends of lines and paragraphs, and what turns the direction of reading.
fn is_alive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const HOSTILE: &str = "a\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{202e}<b>=cmd\u{2028}\u{85}ö";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn say_it_all_ways() {
        let error = io::Error::other(HOSTILE);
        tracing::warn!(shown = %HOSTILE, plain = HOSTILE, debug = ?HOSTILE, error = &error as &dyn std::error::Error, "{HOSTILE}");
    }

    #[test]
    fn no_value_starts_a_line_or_hides_in_one() {
        let kept = Kept::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Inert::new(kept.clone()));
        tracing::subscriber::with_default(log.finish(), say_it_all_ways);
        let text = kept.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.chars().any(is_alive), "{text:?}");
        assert!(line.contains("forged\\u001b[31m\\u202e<b>=cmd\\u2028\\u0085ö"), "{text:?}");
    }

    #[test]
    fn an_event_in_json_stays_one_line_and_says_the_same() {
        let kept = Kept::default();
        let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(Inert::new(kept.clone()));
        tracing::subscriber::with_default(log.finish(), say_it_all_ways);
        let text = kept.text();
        assert!(!text.trim_end_matches('\n').chars().any(is_alive), "{text:?}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&event["plain"], &event["shown"]), (&HOSTILE.into(), &HOSTILE.into()));
    }
}
