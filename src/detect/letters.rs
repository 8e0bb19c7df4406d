//! The case of letters beyond ASCII, for comparisons that ignore it.
//!
//! Two letters are the same when Unicode's simple case mappings take them to one letter and both have as many bytes in
//! UTF-8: `Ä` and `ä`, `Ж` and `ж`, `Σ`, `σ` and `ς`. So a text never matches one of another length, and ASCII letters
//! match ASCII only: the Kelvin sign is no `k`. Bytes that are no UTF-8 are compared as they are. Next:
//! [`super::pattern`].

/// Letters of a piece of text that are told apart by case when the piece is written out in all its spellings.
const MAX_CASED: usize = 4;

/// Whether two texts of one length are equal but for the case of letters. ASCII is compared at once.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.eq_ignore_ascii_case(right)
        || (left.len() == right.len() && !right.is_ascii() && same_folded(left, right))
}

fn same_folded(left: &[u8], right: &[u8]) -> bool {
    match (std::str::from_utf8(left), std::str::from_utf8(right)) {
        (Ok(left), Ok(right)) => left.chars().map(fold).eq(right.chars().map(fold)),
        _ => false,
    }
}

/// Whether the case of a letter beyond ASCII could make a difference.
pub fn has_cased(text: &[u8]) -> bool {
    !text.is_ascii() && std::str::from_utf8(text).is_ok_and(|text| text.chars().any(is_cased))
}

/// Texts of which one stands wherever the text stands in any case, when ASCII letters are compared without it.
pub fn spellings(text: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(text) else {
        return vec![text.to_ascii_lowercase()];
    };
    let mut all = vec![Vec::new()];
    for letter in head(text).chars() {
        let letters = same_letters(letter);
        let longer = |text: &Vec<u8>, letter: char| [text, letter.to_string().as_bytes()].concat();
        all = all
            .iter()
            .flat_map(|text| letters.iter().map(|letter| longer(text, *letter)))
            .collect();
    }
    all
}

/// The front of a text with few letters that have a case.
fn head(text: &str) -> &str {
    let end = text
        .char_indices()
        .filter(|(_, letter)| is_cased(*letter))
        .nth(MAX_CASED);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

fn is_cased(letter: char) -> bool {
    !letter.is_ascii() && same_letters(letter).len() > 1
}

/// All letters that are the same as this one.
fn same_letters(letter: char) -> Vec<char> {
    if letter.is_ascii() {
        return vec![letter.to_ascii_lowercase()];
    }
    let range = regex_syntax::hir::ClassUnicodeRange::new(letter, letter);
    let mut class = regex_syntax::hir::ClassUnicode::new([range]);
    // Fails only without Unicode's tables, which are built in.
    let _ = class.try_case_fold_simple();
    let folded = fold(letter);
    let letters = class
        .ranges()
        .iter()
        .flat_map(|range| range.start()..=range.end());
    // The tables of the two may be of different years.
    let own = [letter, folded, only(folded, folded.to_uppercase())];
    let mut all: Vec<char> = letters
        .chain(own)
        .filter(|other| fold(*other) == folded)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What all spellings of a letter have in common.
fn fold(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    let upper = only(letter, letter.to_uppercase());
    only(upper, upper.to_lowercase())
}

/// The mapped letter, if it is one with as many bytes.
fn only(letter: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(mapped), None) if mapped.len_utf8() == letter.len_utf8() => mapped,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_alphabets_have_a_case() {
        for (left, right, equal) in [
            ("Ärger", "äRGER", true),
            ("ПРИВЕТ", "привет", true),
            ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
            ("ÿ", "Ÿ", true),
            ("ä", "a", false),
            ("ß", "SS", false),
            ("\u{212a}", "k", false),
            ("abc", "ABD", false),
            ("日本", "日本", true),
        ] {
            assert_eq!(same(left.as_bytes(), right.as_bytes()), equal, "{left} {right}");
            assert_eq!(same(right.as_bytes(), left.as_bytes()), equal, "{right} {left}");
        }
        assert!(!same(b"\xc4rger", "ärger".as_bytes()), "Latin-1 is not UTF-8");
        assert!(same(b"\xc4", b"\xc4"));
    }

    #[test]
    fn spellings_are_few_and_complete() {
        assert_eq!(spellings(b"aBc"), [b"abc".to_vec()]);
        let all = spellings("жЖжЖжЖ".as_bytes());
        assert_eq!(all.len(), 16);
        assert!(all.contains(&"ЖЖЖЖ".as_bytes().to_vec()));
        assert_eq!(spellings("σ".as_bytes()).len(), 3);
        assert!(has_cased("é".as_bytes()));
        assert!(!has_cased("日本".as_bytes()) && !has_cased(b"abc") && !has_cased(b"\xff\xfe"));
    }

    #[test]
    fn letters_that_are_the_same_are_found_by_each_other() {
        for letter in (0x80..0x1_f000).filter_map(char::from_u32) {
            let letters = same_letters(letter);
            assert!(letters.contains(&letter), "{letter}");
            assert!(
                letters.iter().all(|other| other.len_utf8() == letter.len_utf8()),
                "{letter}"
            );
            let folded = fold(letter);
            assert_eq!(fold(folded), folded, "{letter}");
            assert!(letters.contains(&folded), "{letter}");
        }
    }
}
