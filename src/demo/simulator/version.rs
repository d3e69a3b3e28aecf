//! Versioned media types: which version an `Accept` header gets.
//!
//! Atlas serves the newest version that is not later than the date asked for.

use chrono::NaiveDate;

use super::answer::Refused;
use axum::http::StatusCode;

/// The refusal when no version fits: header missing, malformed, or dated before the first version.
pub fn accept(header: Option<&str>, first: &str) -> Result<(), Refused> {
    let served = header
        .into_iter()
        .flat_map(|text| text.split(','))
        .filter_map(|media| date(media.trim()))
        .any(|asked| NaiveDate::parse_from_str(first, "%Y-%m-%d").is_ok_and(|first| asked >= first));
    if served {
        return Ok(());
    }
    Err(Refused::new(StatusCode::NOT_ACCEPTABLE, "INVALID_VERSION_DATE", "Invalid accept header or version date."))
}

fn date(media: &str) -> Option<NaiveDate> {
    let media = media.split(';').next()?.trim_end();
    let text = media.strip_prefix("application/vnd.atlas.")?.strip_suffix("+json")?;
    // The length keeps `2024-8-5` out, which the parser would take.
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_at_or_after_the_first_version_is_served_and_nothing_else() {
        let served = |header: Option<&str>| accept(header, "2024-08-05").is_ok();
        assert!(served(Some("application/vnd.atlas.2024-08-05+json")));
        assert!(served(Some("application/vnd.atlas.2030-01-01+json")));
        assert!(served(Some("text/html, application/vnd.atlas.2024-08-06+json;q=0.9")));
        assert!(!served(Some("application/vnd.atlas.2024-08-04+json")));
        assert!(!served(Some("application/vnd.atlas.2024-8-5+json")));
        assert!(!served(Some("application/vnd.atlas.2024-13-05+json")));
        assert!(!served(Some("application/vnd.atlas.preview+json")));
        assert!(!served(Some("application/json")));
        assert!(!served(Some("*/*")));
        assert!(!served(None));
    }
}
