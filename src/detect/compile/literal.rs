//! [`Literal`]: a text to search for, and which texts a test needs.
//!
//! What is chosen here decides how often a test runs, never whether it holds: a test that is woken too often costs
//! time, one that is not woken hides an attack. Next: [`super::automaton`].

use crate::detect::expr::{Anchor, Test};
use crate::detect::layers::Region;
use crate::detect::letters;
use crate::detect::pattern::{Pattern, Piece};
use crate::detect::required;

/// A text to search for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::detect) struct Literal {
    lower: Vec<u8>,
    /// As it must stand, when case counts.
    exact: Option<Box<[u8]>>,
    pub(super) anchor: Anchor,
    pub(super) region: Region,
}

impl Literal {
    /// These bytes, in any case unless `cased`.
    pub(super) fn new(bytes: &[u8], anchor: Anchor, region: Region, cased: bool) -> Self {
        Self {
            lower: bytes.to_ascii_lowercase(),
            exact: cased.then(|| bytes.into()),
            anchor,
            region,
        }
    }

    /// The text in lower case.
    pub(super) fn lower(&self) -> &[u8] {
        &self.lower
    }

    /// The text as it must stand, when case counts.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        self.exact.as_deref()
    }

    /// How rare it is in ordinary lines.
    pub(super) fn rarity(&self) -> u32 {
        required::rarity(&self.lower)
    }

    /// Whether most lines have it as method, status or protocol.
    pub(super) fn is_usual_answer(&self) -> bool {
        const USUAL: [&[u8]; 6] = [b"get", b"post", b"200", b"http/1.1", b"http/2.0", b"1.1"];
        USUAL.contains(&self.lower.as_slice())
    }

    /// Whether finding it spares more than the search costs.
    pub(super) fn is_worth_a_search(&self) -> bool {
        const LONG: usize = 4;
        self.lower.len() >= LONG || self.rarity() > 1
    }
}

/// The text that a test looks for, if it is one text at one place. A text whose letters beyond ASCII may stand in any
/// case is none: automata know the case of ASCII only.
pub(super) fn as_literal(test: &Test) -> Option<(&[u8], Anchor, bool)> {
    let Test::Pattern { pattern, cased } = test else {
        return None;
    };
    let (bytes, anchor) = match pattern.pieces() {
        [Piece::Bytes(bytes)] => (bytes, Anchor::Whole),
        [Piece::Bytes(bytes), Piece::Any] => (bytes, Anchor::Start),
        [Piece::Any, Piece::Bytes(bytes)] => (bytes, Anchor::End),
        [Piece::Any, Piece::Bytes(bytes), Piece::Any] => (bytes, Anchor::Anywhere),
        _ => return None,
    };
    (*cased || !letters::has_cased(bytes)).then_some((bytes, anchor, *cased))
}

/// The texts of which one must be found before the test need run; none when it must always run.
pub(super) fn guards(test: &Test) -> Vec<Literal> {
    let guard = |bytes: &[u8]| Literal::new(bytes, Anchor::Anywhere, Region::Whole, false);
    let all = |texts: &[Vec<u8>]| texts.iter().map(|text| guard(text)).collect();
    match test {
        Test::Regex(regex) => all(regex.required.as_deref().unwrap_or_default()),
        Test::Pattern { pattern, cased } => match rarest_piece(pattern) {
            Some(piece) if !cased && letters::has_cased(&piece) => all(&letters::spellings(&piece)),
            piece => piece.iter().map(|piece| guard(piece)).collect(),
        },
        _ => Vec::new(),
    }
}

/// The rarest piece of a pattern, in lower case.
fn rarest_piece(pattern: &Pattern) -> Option<Vec<u8>> {
    let pieces = pattern.pieces().iter().filter_map(|piece| match piece {
        Piece::Bytes(bytes) => Some(bytes.to_ascii_lowercase()),
        _ => None,
    });
    pieces.max_by_key(|bytes| required::rarity(bytes))
}
