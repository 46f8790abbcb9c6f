//! The date of a cookie's `Expires` attribute, by the lenient algorithm of RFC 6265 section 5.1.1: servers write dates in
//! many ways, and all clients have to agree on what they mean.

use std::time::{Duration, SystemTime};

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// The first word that can be each of the four parts is it; a word that can be none is passed over.
#[derive(Default)]
struct Parts {
    time: Option<(u64, u64, u64)>,
    day: Option<u64>,
    month: Option<u64>,
    year: Option<u64>,
}

/// The moment that `text` means; `None` if it means none. What is before 1970 is 1970.
pub(super) fn parse(text: &[u8]) -> Option<SystemTime> {
    let mut parts = Parts::default();
    for word in text
        .split(|b| is_delimiter(*b))
        .filter(|word| !word.is_empty())
    {
        parts.take(word);
    }
    let (hour, minute, second) = parts.time?;
    let (day, month, year) = (parts.day?, parts.month?, parts.year?);
    let in_range = (1..=31).contains(&day) && year >= 1601;
    if !in_range || hour > 23 || minute > 59 || second > 59 || day > days_in(year, month) {
        return None;
    }
    let Some(days) = days_since_1970(year, month, day) else {
        return Some(SystemTime::UNIX_EPOCH);
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

impl Parts {
    fn take(&mut self, word: &[u8]) {
        if self.time.is_none() {
            self.time = time(word);
            if self.time.is_some() {
                return;
            }
        }
        if self.day.is_none() {
            self.day = number(word, 1, 2);
            if self.day.is_some() {
                return;
            }
        }
        if self.month.is_none() {
            let start = word.get(..3).unwrap_or_default().to_ascii_lowercase();
            let month = MONTHS.iter().position(|month| *month == start.as_slice());
            self.month = month.map(|index| index as u64 + 1);
            if self.month.is_some() {
                return;
            }
        }
        if self.year.is_none() {
            self.year = number(word, 2, 4).map(|year| match year {
                0..=69 => year + 2000,
                70..=99 => year + 1900,
                _ => year,
            });
        }
    }
}

/// Everything but digits, letters, colons and what is not ASCII.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// The number at the start of `word`, if it has from `least` to `most` digits; what follows it does not matter.
fn number(word: &[u8], least: usize, most: usize) -> Option<u64> {
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = || {
        word[..digits]
            .iter()
            .fold(0, |sum, b| sum * 10 + u64::from(b - b'0'))
    };
    (least..=most).contains(&digits).then(value)
}

/// `hour:minute:second`, one or two digits each.
fn time(word: &[u8]) -> Option<(u64, u64, u64)> {
    let mut fields = word.splitn(3, |&b| b == b':');
    let exactly = |field: &[u8]| {
        number(field, 1, 2).filter(|_| field.len() <= 2 && field.iter().all(u8::is_ascii_digit))
    };
    let (hour, minute) = (exactly(fields.next()?)?, exactly(fields.next()?)?);
    Some((hour, minute, number(fields.next()?, 1, 2)?))
}

fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let before =
        |year: u64| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = before(year).checked_sub(before(1970))?;
    let months: u64 = (1..month).map(|month| days_in(year, month)).sum();
    Some(years + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let moment = parse(text.as_bytes())?;
        Some(
            moment
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
    }

    #[test]
    fn the_many_ways_to_write_a_date() {
        for text in [
            "Fri, 07 Aug 2009 08:04:19 GMT",
            "Fri, 07-Aug-2009 08:04:19 GMT",
            "Friday, 07-Aug-09 08:04:19 UTC",
            "Fri Aug  7 08:04:19 2009",
            "7 August 2009 8:4:19",
            "08:04:19 7 aug 09",
            "aug;2009;08:04:19;7",
            "Fri, 07 Aug 2009 08:04:19GMT",
        ] {
            assert_eq!(seconds(text), Some(1_249_632_259), "{text}");
        }
        for (text, moment) in [
            ("1 Jan 1970 0:0:0", Some(0)),
            ("1 Jan 70 00:00:00", Some(0)),
            ("1 Jan 69 00:00:00", Some(3_124_224_000)),
            ("31 Dec 1601 0:0:0", Some(0)),
            ("29 Feb 2000 0:0:0", Some(951_782_400)),
            ("31 Dec 9999 23:59:59", Some(253_402_300_799)),
            ("29 Feb 1900 0:0:0", None),
            ("31 Apr 2009 0:0:0", None),
            ("0 Jan 2009 0:0:0", None),
            ("1 Jan 1600 0:0:0", None),
            ("1 Jan 2009 24:0:0", None),
            ("1 Jan 2009 0:60:0", None),
            ("1 Jan 2009 0:0:60", None),
            ("1 Jan 2009", None),
            ("1 2009 0:0:0", None),
            ("1 Jan 0:0:0", None),
            ("1 Jan 2009 000:0:0", None),
            ("1 Jan 12009 0:0:0", None),
            ("", None),
            ("tomorrow", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(seconds(text), moment, "{text}");
        }
    }
}
