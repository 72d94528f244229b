//! When was that? Near moments as a span, far ones as a date; the exact moment is in the markup.

use std::fmt;

use access::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// A moment as a person says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    said: String,
    /// RFC 3339, for `<time datetime>`.
    pub exact: String,
}

impl When {
    /// A moment, seen from now, in this machine's time zone.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        Self::in_zone(at, now, TimeZone::system())
    }

    fn in_zone(at: Timestamp, now: Timestamp, zone: TimeZone) -> Self {
        let moment = i64::try_from(at.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        let zoned: Zoned = moment.unwrap_or_default().to_zoned(zone);
        let ago = now.since(at).as_secs();
        let said = match ago {
            _ if at > now || ago >= 30 * DAY => zoned.strftime("%-d %B %Y").to_string(),
            0..60 => "just now".to_owned(),
            60..3600 => spoken(ago / 60, "minute"),
            3600..DAY => spoken(ago / 3600, "hour"),
            _ => spoken(ago / DAY, "day"),
        };
        Self { said, exact: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() }
    }
}

fn spoken(count: u64, unit: &str) -> String {
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn near_moments_are_spans_and_far_ones_dates() {
        let now = Timestamp::from_millis(1_795_420_800_000);
        for (seconds, said) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (29 * 86_400, "29 days ago"),
            (30 * 86_400, "24 October 2026"),
        ] {
            let at = Timestamp::from_millis(now.millis() - seconds * 1000);
            assert_eq!(When::in_zone(at, now, TimeZone::UTC).to_string(), said);
        }
        let later = When::in_zone(now + Duration::from_secs(86_400), now, TimeZone::UTC);
        assert_eq!(
            (later.to_string().as_str(), later.exact.as_str()),
            ("24 November 2026", "2026-11-24T08:00:00+00:00")
        );
    }
}
