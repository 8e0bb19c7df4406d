//! Lines of other logs: recognised only to say so, once no access-log grammar has accepted them.
//!
//! Error logs share a directory with access logs and quote requests, so they must be refused as what they are
//! and never half-read.

use crate::reject::{Reason, Reject};

/// A better reason for a refused line, if it is plainly of another log or no text at all.
pub(crate) fn reason(line: &[u8], refused: Reject) -> Reject {
    if memchr::memchr(0, line).is_some() {
        return Reject::new(Reason::Binary, memchr::memchr(0, line).unwrap_or_default());
    }
    if is_error_log(line) {
        return Reject::new(Reason::NotAccess, 0);
    }
    if is_laid_out(line) {
        return Reject::new(Reason::JsonLines, 0);
    }
    if line.starts_with(b"{") && refused.reason == Reason::Columns {
        return Reject::new(Reason::JsonShape, 0);
    }
    refused
}

/// Whether what stands as a request and its status is a command of FTP and its reply: ProFTPD and others log transfers in
/// the Common Log Format. What an HTTP server answers to such words (400, 405, 501) is a request to it.
#[cold]
pub(crate) fn is_ftp(request: &[u8], status: Option<u16>) -> bool {
    const COMMANDS: [&[u8]; 37] = [
        b"ABOR", b"ACCT", b"ALLO", b"APPE", b"AUTH", b"CDUP", b"CWD", b"DELE", b"EPRT", b"EPSV", b"FEAT",
        b"LIST", b"MDTM", b"MFMT", b"MKD", b"MLSD", b"MLST", b"MODE", b"NLST", b"PASS", b"PASV", b"PBSZ",
        b"PORT", b"PROT", b"PWD", b"REST", b"RETR", b"RMD", b"RNFR", b"RNTO", b"SITE", b"SIZE", b"STOR",
        b"STOU", b"SYST", b"TYPE", b"USER",
    ];
    let reply = matches!(
        status,
        Some(100..=299 | 331 | 332 | 350 | 421 | 425 | 430 | 450..=452 | 500 | 502..=504 | 530..=559)
    );
    let mut words = request.split(|&b| b == b' ');
    let command = words.next().unwrap_or_default();
    // A target and one more word behind it is how HTTP asks, whatever that word is; and it is gateways that answer for
    // a target that they could not get it.
    let target = words.next().is_some_and(|target| target.starts_with(b"/"));
    let asks = target && (words.next().is_some() || matches!(status, Some(502..=504)));
    reply && !asks && COMMANDS.contains(&command)
}

/// Whether a line is one of JSON that is laid out over several: nothing but brackets, or one member (`"name": 1,`).
fn is_laid_out(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let text = text.strip_suffix(b",").unwrap_or(text);
    if text.len() <= 3 {
        return !text.is_empty() && text.iter().all(|b| matches!(b, b'{' | b'}' | b'[' | b']'));
    }
    let Some(inside) = text.strip_prefix(b"\"") else {
        return false;
    };
    let name = inside
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.'));
    let after = name.and_then(|end| inside.get(end..)).unwrap_or_default();
    let value = after.strip_prefix(b"\"").map(<[u8]>::trim_ascii_start);
    value.is_some_and(|value| value.starts_with(b":"))
}

fn is_error_log(line: &[u8]) -> bool {
    bracketed(line) || dated(line) || syslog(line)
}

/// `[Tue Sep 30 11:30:13.262255 2014] [core:error]`, `[error] [client …]`, `[01/Mar/2021:12:00:19 +0000] [x:error]`.
fn bracketed(line: &[u8]) -> bool {
    let Some(inside) = line.strip_prefix(b"[") else {
        return false;
    };
    let end = memchr::memchr(b']', inside).unwrap_or(0);
    let (first, rest) = inside.split_at(end);
    is_weekday(first) || is_level(first) || (rest.starts_with(b"] [") && first.len() > 18)
}

/// nginx `2025/12/20 06:31:19 [error] 31#31: …`, lighttpd `2011-12-25 17:09:20: (http_auth.c.875) …`, LiteSpeed
/// `2022-06-08 22:49:20.774649 [NOTICE] …`.
fn dated(line: &[u8]) -> bool {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-' | b'/',
        _,
        _,
        b'-' | b'/',
        _,
        _,
        b' ' | b'T',
        rest @ ..,
    ] = line
    else {
        return false;
    };
    let year = [y1, y2, y3, y4].iter().all(|b| b.is_ascii_digit());
    let clock = |b: &u8| b.is_ascii_digit() || matches!(b, b':' | b'.' | b',' | b'+' | b'-' | b'Z');
    let end = rest.iter().position(|b| !clock(b)).unwrap_or(rest.len());
    let after = rest.get(end..).and_then(|after| after.strip_prefix(b" "));
    let after = after.unwrap_or_default();
    let level = after
        .strip_prefix(b"[")
        .and_then(|text| text.split(|&b| b == b']').next());
    year && (level.is_some_and(is_level) || after.starts_with(b"("))
}

/// `Jun  8 22:49:20 host program[123]: …`: another program's line, since an access line in syslog is unwrapped.
fn syslog(line: &[u8]) -> bool {
    let line = match line.strip_prefix(b"<") {
        Some(rest) => memchr::memchr(b'>', rest)
            .and_then(|at| rest.get(at + 1..))
            .unwrap_or_default(),
        None => line,
    };
    let [
        m1,
        m2,
        m3,
        b' ',
        b' ' | b'0'..=b'3',
        b'0'..=b'9',
        b' ',
        _,
        _,
        b':',
        ..,
    ] = line
    else {
        return false;
    };
    crate::memo::month([*m1, *m2, *m3]).is_some()
}

fn is_weekday(text: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun "];
    DAYS.iter().any(|day| text.starts_with(day))
}

/// `error`, `NOTICE`, `core:error`.
fn is_level(text: &[u8]) -> bool {
    const LEVELS: [&str; 12] = [
        "emerg", "alert", "crit", "error", "warn", "warning", "notice", "info", "debug", "trace", "fatal",
        "err",
    ];
    let level = text.rsplit(|&b| b == b':').next().unwrap_or_default();
    LEVELS
        .iter()
        .any(|name| level.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_logs_are_named() {
        for line in [
            "[Tue Sep 30 11:30:13.262255 2014] [core:error] [pid 20101] [client 192.0.2.1:34567] AH00037: x",
            "[error] [client 192.0.2.1] File does not exist: /var/www/x",
            "[notice] Apache configured",
            "[01/Mar/2021:12:00:19 +0000] [ab:alert] [pid 4803:tid 3814] x",
            "[security2:error] [pid 1] x",
            "2025/12/20 06:31:19 [error] 31#31: *1 open() failed, client: 192.0.2.1, request: \"GET / HTTP/1.1\"",
            "2022-06-08 22:49:20.774649 [NOTICE] [1226033] x",
            "2011-12-25 17:09:20: (http_auth.c.875) password doesn't match",
            "Jun  8 22:49:20 web sshd[123]: Accepted publickey",
            "<38>Jun 18 22:49:20 web sshd[123]: Accepted publickey",
        ] {
            let refused = Reject::new(Reason::UnknownFormat, 3);
            assert_eq!(
                reason(line.as_bytes(), refused).reason,
                Reason::NotAccess,
                "{line}"
            );
        }
        for line in [
            "{",
            "  },",
            "[",
            "]",
            "[{",
            r#"  "ClientIP": "192.0.2.1","#,
            r#""a" : {"#,
            r#""a-b":1"#,
        ] {
            let refused = Reject::new(Reason::Truncated, 1);
            let got = reason(line.as_bytes(), refused).reason;
            assert_eq!(got, Reason::JsonLines, "{line}");
        }
        for line in [
            "",
            ",",
            r#"{"a":"#,
            r#""192.0.2.1" - - "GET /":1"#,
            r#""GET / HTTP/1.1": 1"#,
            r#""a""#,
        ] {
            let refused = Reject::new(Reason::Truncated, 1);
            assert_eq!(reason(line.as_bytes(), refused), refused, "{line}");
        }
        let refused = Reject::new(Reason::Time, 3);
        let columns = "2025-11-21T11:00:00+01:00\t192.0.2.1\tGET\t/\t404\tMozilla/5.0 (X11; Linux)";
        for line in ["192.0.2.1 - - x", columns] {
            assert_eq!(reason(line.as_bytes(), refused), refused, "{line}");
        }
        let refused = Reject::new(Reason::Columns, 3);
        assert_eq!(reason(b"{\"a\":{}}", refused).reason, Reason::JsonShape);
        assert_eq!(reason(b"a\0b", refused), Reject::new(Reason::Binary, 1));
    }
}
