//! What an answer says: to those who pace the sink, and to those who read messages.

use crate::sink::Answer;
use crate::sink::pace::Outcome;
use crate::text::{counted, printable};

/// What an answer says about the receiver.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Accepted => Outcome::Taken,
        Answer::Partly { again, .. } if again.is_empty() => Outcome::Taken,
        Answer::Partly { .. } => Outcome::Unavailable { retry_after: None },
        Answer::Refused { .. } => Outcome::Refused,
        Answer::Misconfigured { .. } => Outcome::Misconfigured,
        Answer::Unavailable { retry_after, .. } => Outcome::Unavailable {
            retry_after: *retry_after,
        },
    }
}

/// An answer in words, unless it is good.
pub(super) fn complaint(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Accepted => None,
        Answer::Partly { refused, again } => (!refused.is_empty() || !again.is_empty()).then(|| {
            format!(
                "{} refused, {} to be sent again",
                counted(refused.len() as u64, "record"),
                again.len()
            )
        }),
        Answer::Refused { status, body } | Answer::Misconfigured { status, body } => {
            Some(crate::sink::said(*status, &printable(body)))
        }
        Answer::Unavailable { error, .. } => Some(printable(error)),
    }
}
