//! What a rule asks, in words for people.

use crate::detect::expr::{Anchor, Check, Expr, Subject, Test};
use crate::detect::pattern::{Pattern, Piece};
use crate::text::clipped;

/// How many parts of a list are told; a list of a thousand agents need not be shown whole.
const PARTS: usize = 4;
/// Longest text that is told of a part of a list, in bytes.
const PART_BYTES: usize = 100;

/// A tree in words.
pub(super) fn of(expr: &Expr) -> String {
    match expr {
        Expr::Check(check) => describe(check),
        Expr::Not(inner) => format!("not ({})", of(inner)),
        Expr::All(parts) => list(parts, " and "),
        Expr::Any(parts) => format!("any of {}: {}", parts.len(), list(parts, ", ")),
        Expr::AtLeast(count, parts) => format!("{count} of {}: {}", parts.len(), list(parts, ", ")),
    }
}

fn list(parts: &[Expr], between: &str) -> String {
    let told = parts.iter().take(PARTS);
    let told: Vec<String> = told
        .map(|part| clipped(&of(part), PART_BYTES).into_owned())
        .collect();
    let more = if parts.len() > PARTS { ", …" } else { "" };
    told.join(between) + more
}

pub(super) fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Anything => "keyword".to_owned(),
        Subject::Field(field) => field.name(),
    }
}

/// What a pattern asks, in words.
fn like(pattern: &Pattern) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match pattern.pieces() {
        [Piece::Bytes(bytes)] => format!("is {}", text(bytes)),
        [Piece::Bytes(bytes), Piece::Any] => format!("starts with {}", text(bytes)),
        [Piece::Any, Piece::Bytes(bytes)] => format!("ends with {}", text(bytes)),
        [Piece::Any, Piece::Bytes(bytes), Piece::Any] => format!("contains {}", text(bytes)),
        [Piece::Any] => "is anything".to_owned(),
        _ => format!("is like {pattern}"),
    }
}

/// A check in words.
pub fn describe(check: &Check) -> String {
    let subject = subject_name(&check.subject);
    match &check.test {
        Test::Pattern { pattern, .. } => format!("{subject} {}", like(pattern)),
        Test::Regex(regex) => format!("{subject} matches /{}/", regex.source),
        Test::Network(network) => format!("{subject} in {network}"),
        Test::Present => format!("{subject} exists"),
        Test::Empty => format!("{subject} empty or absent"),
        Test::Compare(order, limit) => format!("{subject} {} {limit}", order.name()),
        Test::SameAs { field, anchor, .. } => {
            let how = match anchor {
                Anchor::Whole => "equals",
                Anchor::Start => "starts with",
                Anchor::End => "ends with",
                Anchor::Anywhere => "contains",
            };
            format!("{subject} {how} {}", field.name())
        }
        Test::TimePart(part, number) => format!("{subject} {} is {number}", part.name()),
    }
}
