//! Changes to the text that is looked for: encodings and ways to write a dash.

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::detect::pattern::{Pattern, Piece};
use crate::detect::problem::Flaw;

/// A change to the text that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    Base64,
    Base64Offset,
    Wide,
    Utf16Be,
    Utf16,
    Windash,
}

/// Every text that stands for the pattern once these changes are made, in their order.
pub(super) fn transformed(pattern: Pattern, transforms: &[Transform]) -> Result<Vec<Pattern>, Flaw> {
    let mut texts = vec![pattern];
    for transform in transforms {
        let mut next = Vec::new();
        for text in texts {
            match transform {
                Transform::Windash => next.extend(dashes(&text)?),
                other => {
                    let bytes = text.as_literal().ok_or_else(|| {
                        Flaw::new(
                            "wildcards cannot be encoded",
                            "put a back-slash before `*` and `?`",
                        )
                    })?;
                    next.extend(encoded(bytes, *other)?.into_iter().map(Pattern::literal));
                }
            }
        }
        texts = next;
    }
    Ok(texts)
}

fn encoded(bytes: &[u8], transform: Transform) -> Result<Vec<Vec<u8>>, Flaw> {
    let units = || {
        std::str::from_utf8(bytes)
            .map(|text| text.encode_utf16().collect::<Vec<u16>>())
            .map_err(|_| {
                Flaw::new(
                    "only text can be written as UTF-16",
                    "put `wide` or `utf16` before the other encodings",
                )
            })
    };
    let little = |units: Vec<u16>| units.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    Ok(match transform {
        Transform::Base64 => vec![BASE64_STANDARD.encode(bytes).into_bytes()],
        Transform::Base64Offset => (0..3).map(|offset| base64_inside(bytes, offset)).collect(),
        Transform::Wide => vec![little(units()?)],
        Transform::Utf16Be => vec![units()?.into_iter().flat_map(u16::to_be_bytes).collect()],
        Transform::Utf16 => vec![[&[0xff, 0xfe], little(units()?).as_slice()].concat()],
        Transform::Windash => vec![bytes.to_vec()],
    })
}

/// The letters of the base64 of any text that has these bytes at an offset of `offset` modulo 3 that depend on
/// nothing else.
fn base64_inside(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded = [vec![b' '; offset], bytes.to_vec()].concat();
    let text = BASE64_STANDARD.encode(&padded);
    let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let cut = [0, 3, 2].get(padded.len() % 3).copied().unwrap_or(0);
    text.as_bytes()
        .get(start..text.len().saturating_sub(cut))
        .unwrap_or_default()
        .to_vec()
}

/// What stands for a dash before a command-line option.
const DASHES: [&str; 5] = ["-", "/", "–", "—", "―"];
/// More options in one value would unfold to too many texts.
const MAX_DASHES: usize = 4;

/// Every way to write the dashes and slashes that begin an option.
fn dashes(pattern: &Pattern) -> Result<Vec<Pattern>, Flaw> {
    let mut texts = vec![Pattern::default()];
    let mut found = 0;
    for piece in pattern.pieces() {
        let Piece::Bytes(bytes) = piece else {
            texts.iter_mut().for_each(|text| text.push(piece.clone()));
            continue;
        };
        let is_word = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        for (at, byte) in bytes.iter().enumerate() {
            let option = matches!(byte, b'-' | b'/') && !is_word(at.checked_sub(1)) && is_word(Some(at + 1));
            if !option {
                texts
                    .iter_mut()
                    .for_each(|text| text.push(Piece::Bytes(vec![*byte])));
                continue;
            }
            found += 1;
            if found > MAX_DASHES {
                return Err(Flaw::new(
                    format!("windash unfolds at most {MAX_DASHES} dashes in one value"),
                    "write the value in parts, joined by `|all`",
                ));
            }
            texts = texts
                .iter()
                .flat_map(|text| {
                    DASHES.iter().map(|dash| {
                        let mut text = text.clone();
                        text.push(Piece::Bytes(dash.as_bytes().to_vec()));
                        text
                    })
                })
                .collect();
        }
    }
    Ok(texts)
}
