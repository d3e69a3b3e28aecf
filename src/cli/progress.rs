//! How far long work has come, on standard error: a bar where somebody looks, else a line every few seconds.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);
const REDRAWS_PER_SECOND: u8 = 10;

/// The work under way. Its bar is gone when this is dropped.
pub(super) struct Progress {
    what: &'static str,
    unit: &'static str,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    said_at: Mutex<Instant>,
}

impl Progress {
    /// `total`: how much there is to do, where that is known.
    pub(super) fn begin(what: &'static str, unit: &'static str, total: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(what, unit, total));
        Self { what, unit, total, bar, said_at: Mutex::new(Instant::now()) }
    }

    pub(super) fn set(&self, done: u64) {
        if let Some(bar) = &self.bar {
            return bar.set_position(done);
        }
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        if said_at.elapsed() >= LINE_EVERY {
            *said_at = Instant::now();
            // Nothing is lost when nobody can read it.
            let _gone = writeln!(io::stderr(), "{}", self.line(done));
        }
    }

    fn line(&self, done: u64) -> String {
        let Self { what, unit, .. } = self;
        match self.total {
            Some(total) => format!("{what}: {done} of {total} {unit}"),
            None => format!("{what}: {done} {unit}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &'static str, unit: &'static str, total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
    let bar = ProgressBar::with_draw_target(total, target).with_message(unit).with_prefix(what);
    let template = match total {
        Some(_) => "{prefix} [{bar:30}] {human_pos}/{human_len} {msg} {eta}",
        None => "{prefix} {spinner} {human_pos} {msg} {elapsed}",
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let progress =
            |total| Progress { what: "pruning", unit: "rows", total, bar: None, said_at: Instant::now().into() };
        assert_eq!(progress(Some(9)).line(3), "pruning: 3 of 9 rows");
        assert_eq!(progress(None).line(3), "pruning: 3 rows");
    }
}
