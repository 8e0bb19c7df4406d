//! What `replay` says of logs that are not there or are no access logs, and what to do then.

use crate::cli::ADVICE;
use crate::drive::replay::LogState;
use crate::report::Statistics;
use crate::source::Trouble;
use crate::text::{grouped, printable};

/// A log that a configuration declares and that is not there: who says that it should be.
pub(super) fn absent(mut trouble: Trouble, at: &str) -> Trouble {
    trouble.what = format!("{}; {} declares it", trouble.what, printable(at));
    let says_little = trouble
        .hint
        .as_deref()
        .is_none_or(|hint| hint.starts_with("check the path"));
    if says_little {
        return trouble.hint(
            "nothing was logged to it on this machine yet, or it lies elsewhere: name the logs to read",
        );
    }
    trouble
}

/// What to do about an error log that was named.
const BESIDE: &str = "it looks like an error log or a system log; access logs are usually beside it";
/// What to do about a place that holds only such logs.
pub(super) const NOT_BESIDE: &str = "these look like error logs or system logs; access logs are usually in /var/log/nginx, /var/log/apache2 or /var/log/httpd: name that \
     directory or the log itself";

/// What to say of a file that was named and is no access log.
pub(super) fn no_access_log(log: &LogState) -> String {
    let lines = match log.statistics.lines {
        1 => "its only line is not".to_owned(),
        lines => format!("none of its {} lines is", grouped(lines)),
    };
    format!(
        "{}: {lines} of an access log\nhint: {}",
        printable(&log.shown_name()),
        advice(&log.statistics, BESIDE)
    )
}

/// What to do about lines none of which is of an access log; `of_errors` where they look like those of an error log.
pub(super) fn advice(statistics: &Statistics, of_errors: &'static str) -> &'static str {
    let reasons = &statistics.rejected;
    if reasons.contains_key(&afw_parsers::Reason::NotAccess) {
        of_errors
    } else if let Some((_, advice)) = ADVICE.iter().find(|(reason, _)| reasons.contains_key(reason)) {
        advice
    } else if reasons.get(&afw_parsers::Reason::Binary).copied().unwrap_or(0) * 2 > statistics.lines {
        "it holds no text; access logs are text, plain or compressed with gzip, zstd, bzip2 or xz"
    } else {
        "`afw explain 'LINE'` shows where parsing stops; --format 'nginx:…' or 'apache:…' takes the server's own format string"
    }
}
