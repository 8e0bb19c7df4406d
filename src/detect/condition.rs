//! The language of a rule's `condition`: `selection and not 1 of filter_*`.
//!
//! `not` binds closest, then `and`, then `or`; words may be in any case. What older Sigma had after a `|` counts
//! lines and is refused with the way to write it today. Next: [`super::rules`].

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{cut, map, verify};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::pattern::{Pattern, Piece};

/// A condition over the names of selections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A selection.
    Name(String),
    /// The opposite.
    Not(Box<Condition>),
    /// Every one.
    All(Vec<Condition>),
    /// At least one.
    Any(Vec<Condition>),
    /// `1 of x*`, `all of them`.
    Of(Quantity, Group),
}

/// How many of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// At least so many.
    AtLeast(usize),
    /// Every one.
    All,
}

/// Which selections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// All but those whose name begins with `_`.
    Them,
    /// Those whose name matches, with `*` for anything.
    Like(String),
}

impl Group {
    /// Whether a selection of that name belongs to it.
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::Them => !name.starts_with('_'),
            Self::Like(pattern) => like(pattern, name),
        }
    }
}

/// Why a condition cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// Byte offset in the condition.
    pub offset: usize,
    /// Why.
    pub reason: String,
}

/// How deep parentheses and `not` may nest.
const MAX_DEPTH: usize = 64;

/// Reads a condition.
///
/// # Errors
/// Where reading stopped and why.
pub fn parse(text: &str) -> Result<Condition, ConditionError> {
    if let Some(offset) = text.find('|') {
        return Err(ConditionError {
            offset,
            reason: "counting after `|` is old Sigma".to_owned(),
        });
    }
    let deep = text.matches('(').count()
        + words(text)
            .filter(|word| word.eq_ignore_ascii_case("not"))
            .count();
    if deep > MAX_DEPTH {
        return Err(ConditionError {
            offset: 0,
            reason: format!("nests deeper than {MAX_DEPTH} levels"),
        });
    }
    let rest = match disjunction(text) {
        Ok((rest, condition)) if rest.trim().is_empty() => return Ok(condition),
        Ok((rest, _)) => rest,
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => error.input,
        Err(nom::Err::Incomplete(_)) => "",
    };
    let rest = rest.trim_start();
    Err(ConditionError {
        offset: text.len() - rest.len(),
        reason: match words(rest).next().or(rest.get(..1)) {
            Some(word) => format!("`{word}` was not expected here"),
            None => "ends where a selection was expected".to_owned(),
        },
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || letter == '(' || letter == ')')
        .filter(|word| !word.is_empty())
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.*".contains(letter)
}

fn blank(input: &str) -> IResult<&str, &str> {
    take_while(char::is_whitespace).parse(input)
}

fn word(input: &str) -> IResult<&str, &str> {
    preceded(blank, take_while1(is_name)).parse(input)
}

fn keyword<'t>(
    name: &'static str,
) -> impl Parser<&'t str, Output = &'t str, Error = nom::error::Error<&'t str>> {
    verify(word, move |word: &str| word.eq_ignore_ascii_case(name))
}

fn disjunction(input: &str) -> IResult<&str, Condition> {
    joined(input, "or", conjunction, Condition::Any)
}

fn conjunction(input: &str) -> IResult<&str, Condition> {
    joined(input, "and", negation, Condition::All)
}

fn joined<'t>(
    input: &'t str,
    with: &'static str,
    part: fn(&'t str) -> IResult<&'t str, Condition>,
    join: fn(Vec<Condition>) -> Condition,
) -> IResult<&'t str, Condition> {
    let (rest, first) = part(input)?;
    let (rest, mut parts) = fold_many0(preceded(keyword(with), cut(part)), Vec::new, |mut parts, part| {
        parts.push(part);
        parts
    })
    .parse(rest)?;
    if parts.is_empty() {
        return Ok((rest, first));
    }
    parts.insert(0, first);
    Ok((rest, join(parts)))
}

fn negation(input: &str) -> IResult<&str, Condition> {
    alt((
        map(preceded(keyword("not"), cut(negation)), |inner| {
            Condition::Not(Box::new(inner))
        }),
        primary,
    ))
    .parse(input)
}

fn primary(input: &str) -> IResult<&str, Condition> {
    alt((
        delimited(
            preceded(blank, char('(')),
            cut(disjunction),
            cut(preceded(blank, char(')'))),
        ),
        quantified,
        map(verify(word, is_free), |name: &str| {
            Condition::Name(name.to_owned())
        }),
    ))
    .parse(input)
}

fn is_free(name: &str) -> bool {
    !["and", "or", "not", "of"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

fn quantified(input: &str) -> IResult<&str, Condition> {
    let (rest, amount) = word(input)?;
    let (rest, _) = keyword("of").parse(rest)?;
    let (rest, group) = cut(word).parse(rest)?;
    let quantity = match amount.to_ascii_lowercase().as_str() {
        "all" => Quantity::All,
        "any" => Quantity::AtLeast(1),
        digits => match digits.parse() {
            Ok(number) if number > 0 => Quantity::AtLeast(number),
            _ => {
                let error = nom::error::Error::new(input, nom::error::ErrorKind::Digit);
                return Err(nom::Err::Failure(error));
            }
        },
    };
    let group = match group.eq_ignore_ascii_case("them") {
        true => Group::Them,
        false => Group::Like(group.to_owned()),
    };
    Ok((rest, Condition::Of(quantity, group)))
}

/// Whether the name matches a pattern in which `*` stands for anything.
fn like(pattern: &str, name: &str) -> bool {
    let mut pieces = Pattern::default();
    for (index, part) in pattern.split('*').enumerate() {
        if index > 0 {
            pieces.push(Piece::Any);
        }
        if !part.is_empty() {
            pieces.push(Piece::Bytes(part.into()));
        }
    }
    pieces.matches(name.as_bytes(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Condition {
        Condition::Name(text.to_owned())
    }

    fn of(quantity: Quantity, text: &str) -> Condition {
        Condition::Of(quantity, Group::Like(text.to_owned()))
    }

    #[test]
    fn the_grammar() {
        use Condition::{All, Any, Not, Of};
        for (text, expected) in [
            ("a", name("a")),
            (
                "a and b or c",
                Any(vec![All(vec![name("a"), name("b")]), name("c")]),
            ),
            (
                "a and ( b or c )",
                All(vec![name("a"), Any(vec![name("b"), name("c")])]),
            ),
            ("not a and b", All(vec![Not(Box::new(name("a"))), name("b")])),
            ("NOT(a AND b)", Not(Box::new(All(vec![name("a"), name("b")])))),
            ("1 of sel*", of(Quantity::AtLeast(1), "sel*")),
            ("2 of sel_*_x", of(Quantity::AtLeast(2), "sel_*_x")),
            ("all of them", Of(Quantity::All, Group::Them)),
            ("any of them", Of(Quantity::AtLeast(1), Group::Them)),
            (
                "a and not 1 of filter_*",
                All(vec![
                    name("a"),
                    Not(Box::new(of(Quantity::AtLeast(1), "filter_*"))),
                ]),
            ),
            ("android", name("android")),
            ("not not a", Not(Box::new(Not(Box::new(name("a")))))),
            ("all", name("all")),
            (" ( ( a ) ) ", name("a")),
            ("a\n  and b", All(vec![name("a"), name("b")])),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_are_placed() {
        let deep = "(".repeat(1000);
        for (text, offset) in [
            ("", 0),
            ("a and", 5),
            ("a b", 2),
            ("(a or b", 7),
            ("a or and b", 5),
            ("sel | count() > 5", 4),
            ("0 of them", 0),
            ("1 of", 4),
            ("a)", 1),
            (deep.as_str(), 0),
        ] {
            assert_eq!(parse(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn groups() {
        let like = |pattern: &str, name: &str| Group::Like(pattern.to_owned()).includes(name);
        assert!(like("sel*", "selection"));
        assert!(like("*_x", "a_x"));
        assert!(!like("sel", "selection"));
        assert!(Group::Them.includes("a"));
        assert!(!Group::Them.includes("_a"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[()a-c1 *|]{0,20}|(not |and |or |of |1 |all |them |a |\\( |\\) ){0,12}") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(error.offset <= text.len());
            }
        }
    }
}
