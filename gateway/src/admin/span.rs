//! Until when? Spans and dates as administrators write them, moments as answers write them.

use std::time::Duration;

use access::Timestamp;
use serde::{Deserialize, Serialize};

/// The end of a token's life as written: a span from now (`90d`, `12h`, `6w`, `1y`), a date (`2027-03-31`: until the end
/// of that day, UTC), or a moment (RFC 3339). Ninety days if nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Until(pub String);

impl Default for Until {
    fn default() -> Self {
        Self("90d".to_owned())
    }
}

impl Until {
    /// The moment that is meant. Errors: a sentence; also for what lies behind us or more than [`LONGEST_TOKEN`] ahead.
    pub fn from(&self, now: Timestamp) -> Result<Timestamp, String> {
        let text = self.0.trim();
        let until = moment(text, now).ok_or_else(|| {
            format!("\"{text}\" is neither a span such as 90d, 12h or 6w nor a date such as 2027-03-31")
        })?;
        if until <= now {
            return Err(format!("\"{text}\" is in the past"));
        }
        if until.since(now) > LONGEST_TOKEN {
            return Err(format!("\"{text}\" is more than 366 days ahead; it may live a year at most"));
        }
        Ok(until)
    }
}

/// As answers write it: RFC 3339, in UTC, to the second.
pub fn written(at: Timestamp) -> String {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(at) => at.to_string(),
        Err(_beyond_the_year_9999) => "never".to_owned(),
    }
}

fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(span) = span(text) {
        return Some(now + span);
    }
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let day = text.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
            // A date and time without a zone parses as a date too, and would lose its time.
            if text.len() != "2027-03-31".len() {
                return None;
            }
            day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// A whole number and one unit: `s`, `m`, `h`, `d`, `w`, or `y` for 365 days.
fn span(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => DAY,
        "w" => 7 * DAY,
        "y" => 365 * DAY,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

const DAY: u64 = 24 * 60 * 60;

/// How long a token can live: a leap year. Whoever needs it for longer makes another in time.
pub const LONGEST_TOKEN: Duration = Duration::from_secs(366 * DAY);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_dates_are_read_as_they_are_meant() {
        // 2026-01-01T00:00:00Z
        let now = Timestamp::from_millis(1_767_225_600_000);
        for (text, expected) in [
            ("90d", Ok("2026-04-01T00:00:00Z")),
            (" 12h ", Ok("2026-01-01T12:00:00Z")),
            ("6w", Ok("2026-02-12T00:00:00Z")),
            ("1y", Ok("2027-01-01T00:00:00Z")),
            ("30m", Ok("2026-01-01T00:30:00Z")),
            ("2026-03-31", Ok("2026-04-01T00:00:00Z")),
            ("2026-03-31T12:00:00+02:00", Ok("2026-03-31T10:00:00Z")),
            ("2026-01-01", Ok("2026-01-02T00:00:00Z")),
        ] {
            assert_eq!(Until(text.to_owned()).from(now).map(written).as_deref(), expected, "{text:?}");
        }
        for (text, part) in [
            ("", "neither"),
            ("d", "neither"),
            ("90", "neither"),
            ("90 days", "neither"),
            ("-3d", "neither"),
            ("1d12h", "neither"),
            ("2026-02-30", "neither"),
            ("2026-03-31T12:00:00", "neither"),
            ("99999999999999999999d", "neither"),
            ("0d", "past"),
            ("2025-12-30", "past"),
            ("367d", "366 days"),
            ("2030-01-01", "366 days"),
        ] {
            let answer = Until(text.to_owned()).from(now).expect_err(text);
            assert!(answer.contains(part), "{text:?}: {answer}");
        }
    }

    #[test]
    fn never_is_written_as_never() {
        assert_eq!(written(Timestamp::NEVER), "never");
        assert_eq!(written(Timestamp::default()), "1970-01-01T00:00:00Z");
    }
}
