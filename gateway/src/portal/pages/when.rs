//! When was that? Near moments as a span, far ones as a date; the exact moment is in the markup.

use access::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::Frame;
use crate::words::{Language, Said};

/// A moment as a person says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    seen: Seen,
    /// RFC 3339, for `<time datetime>`.
    pub exact: String,
}

/// A moment from where we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    JustNow,
    MinutesAgo(u64),
    HoursAgo(u64),
    DaysAgo(u64),
    On { year: i16, month: i8, day: i8 },
}

impl When {
    /// A moment, seen from now, in this machine's time zone.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        Self::in_zone(at, now, TimeZone::system())
    }

    /// In a page's language.
    pub fn said(&self, frame: &Frame<'_>) -> Said {
        self.said_in(frame.language)
    }

    fn said_in(&self, language: Language) -> Said {
        match self.seen {
            Seen::JustNow => language.say("when-just-now"),
            Seen::MinutesAgo(count) => language.say("when-minutes-ago").number("count", &count),
            Seen::HoursAgo(count) => language.say("when-hours-ago").number("count", &count),
            Seen::DaysAgo(count) => language.say("when-days-ago").number("count", &count),
            Seen::On { year, month, day } => {
                language.say("when-date").number("year", &year).number("month", &month).number("day", &day)
            }
        }
    }

    fn in_zone(at: Timestamp, now: Timestamp, zone: TimeZone) -> Self {
        let moment = i64::try_from(at.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        let zoned: Zoned = moment.unwrap_or_default().to_zoned(zone);
        let ago = now.since(at).as_secs();
        let seen = match ago {
            _ if at > now || ago >= 30 * DAY => Seen::On { year: zoned.year(), month: zoned.month(), day: zoned.day() },
            0..60 => Seen::JustNow,
            60..3600 => Seen::MinutesAgo(ago / 60),
            3600..DAY => Seen::HoursAgo(ago / 3600),
            _ => Seen::DaysAgo(ago / DAY),
        };
        Self { seen, exact: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() }
    }
}

const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn near_moments_are_spans_and_far_ones_dates() {
        for (seconds, english, spanish, japanese) in [
            (0, "just now", "hace un momento", "たった今"),
            (59, "just now", "hace un momento", "たった今"),
            (60, "1 minute ago", "hace 1 minuto", "1分前"),
            (3_599, "59 minutes ago", "hace 59 minutos", "59分前"),
            (3_600, "1 hour ago", "hace 1 hora", "1時間前"),
            (86_399, "23 hours ago", "hace 23 horas", "23時間前"),
            (86_400, "1 day ago", "hace 1 día", "1日前"),
            (29 * 86_400, "29 days ago", "hace 29 días", "29日前"),
            (30 * 86_400, "24 October 2026", "24 de octubre de 2026", "2026年10月24日"),
        ] {
            let at = Timestamp::from_millis(NOW.millis() - seconds * 1000);
            let when = When::in_zone(at, NOW, TimeZone::UTC);
            assert_eq!(in_all(&when), [english, spanish, japanese]);
        }
        let later = When::in_zone(NOW + Duration::from_secs(86_400), NOW, TimeZone::UTC);
        assert_eq!(in_all(&later), ["24 November 2026", "24 de noviembre de 2026", "2026年11月24日"]);
        assert_eq!(later.exact, "2026-11-24T08:00:00+00:00");
    }

    #[test]
    fn every_month_has_its_name() {
        let names = [
            ("January", "enero"),
            ("February", "febrero"),
            ("March", "marzo"),
            ("April", "abril"),
            ("May", "mayo"),
            ("June", "junio"),
            ("July", "julio"),
            ("August", "agosto"),
            ("September", "septiembre"),
            ("October", "octubre"),
            ("November", "noviembre"),
            ("December", "diciembre"),
        ];
        for (month, (english, spanish)) in (1..).zip(names) {
            let when = When { seen: Seen::On { year: 2027, month, day: 1 }, exact: String::new() };
            let expected =
                [format!("1 {english} 2027"), format!("1 de {spanish} de 2027"), format!("2027年{month}月1日")];
            assert_eq!(in_all(&when), expected);
        }
    }

    fn in_all(when: &When) -> [String; 3] {
        Language::ALL.map(|language| when.said_in(language).plain())
    }

    const NOW: Timestamp = Timestamp::from_millis(1_795_420_800_000);
}
