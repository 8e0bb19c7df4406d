//! The page of `--report out.html`: one file that needs nothing else, with the report's document inside.
//!
//! The page's own texts are `page/`; nothing of a log is ever written into markup. The document stands in a data block
//! and the script puts its texts on the page as text. A content security policy allows exactly this style and this
//! script, by their hashes, and no connection at all.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::Report;

/// The frame of the page; `@NAME@` marks where a part goes.
const FRAME: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// Parts of the script, in the order in which they build on each other.
const SCRIPT: [&str; 6] = [
    include_str!("page/data.js"),
    include_str!("page/dom.js"),
    include_str!("page/chart.js"),
    include_str!("page/table.js"),
    include_str!("page/views.js"),
    include_str!("page/main.js"),
];

impl Report<'_> {
    /// The whole page.
    pub fn html(&self) -> String {
        let script = format!("'use strict';\n(() => {{\n{}}})();\n", SCRIPT.concat());
        let document = in_script(&self.json());
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hash(&script),
            hash(STYLE)
        );
        let parts = [
            ("POLICY", policy.as_str()),
            ("STYLE", STYLE),
            ("DOCUMENT", &document),
            ("SCRIPT", &script),
        ];
        filled(FRAME, &parts)
    }
}

/// Replaces each `@NAME@` of the frame once; what is put in is not looked at again.
fn filled(frame: &str, parts: &[(&str, &str)]) -> String {
    let mut page =
        String::with_capacity(frame.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>());
    for (at, piece) in frame.split('@').enumerate() {
        match parts.iter().find(|(name, _)| at % 2 == 1 && *name == piece) {
            Some((_, part)) => page.push_str(part),
            None => page.push_str(piece),
        }
    }
    page
}

/// How a policy names an inline text.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// What means something inside a script element, or ends a line there.
const SPECIAL: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];

/// How long a document is inside a page at most, in bytes: as if all that begins like a special character were one.
pub(crate) fn len_in_script(json: &str) -> usize {
    let begin = |byte| memchr::memchr_iter(byte, json.as_bytes()).count();
    json.len() + 5 * [b'<', b'>', b'&', 0xe2].into_iter().map(begin).sum::<usize>()
}

/// JSON that may stand inside a script element: nothing in it can end the element, begin a comment or break a line.
fn in_script(json: &str) -> String {
    let present = SPECIAL.into_iter().filter(|char| json.contains(*char));
    present.fold(json.to_owned(), |json, char| {
        // All of them have four digits at most.
        json.replace(char, &format!("\\u{:04x}", u32::from(char)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_leave_its_element() {
        let hostile =
            serde_json::json!({ "path": "</script><script>alert(1)</script><!-- & \u{2028}\u{2029}" })
                .to_string();
        let safe = in_script(&hostile);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{safe}");
        let (read, meant): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&safe).unwrap(),
            serde_json::from_str(&hostile).unwrap(),
        );
        assert_eq!(read, meant);
    }

    #[test]
    fn parts_are_put_in_once_and_not_searched() {
        assert_eq!(filled("a@X@b@Y@c", &[("X", "@Y@"), ("Y", "1")]), "a@Y@b1c");
    }

    #[test]
    fn the_frame_names_every_part_once_and_nothing_from_elsewhere() {
        for part in ["POLICY", "STYLE", "DOCUMENT", "SCRIPT"] {
            assert_eq!(FRAME.matches(&format!("@{part}@")).count(), 1, "{part}");
        }
        let all = [FRAME, STYLE, &SCRIPT.concat()].concat();
        let elsewhere = ["http://www.w3.org/2000/svg"]
            .iter()
            .fold(all, |all, known| all.replace(known, ""));
        assert!(!elsewhere.contains("://"), "nothing is loaded from anywhere");
        assert!(!elsewhere.contains("innerHTML") && !elsewhere.contains("insertAdjacentHTML"));
        assert!(!SCRIPT.concat().contains("</script"));
    }
}
