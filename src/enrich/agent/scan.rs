//! One pass over a user agent that finds every text of every table.
//!
//! Everything else works on what is found here, so the cost of reading an agent does not grow with the tables.

use std::ops::Range;
use std::sync::LazyLock;

use super::super::AgentType;
use super::super::crawler::CRAWLERS;
use super::browser::{OLD_DEVICES, PRODUCTS, SYSTEMS};
use super::names::{self, NAMES, Place};
use super::words::{CONTACTS, WORDS};
use crate::text::needles::Needles;

/// What a text that is looked for stands for: a table, and the row in it.
#[derive(Debug, Clone, Copy)]
enum Row {
    Name(usize),
    Claim(usize),
    Word(usize),
    Contact,
    Product(usize),
    System(usize),
    OldDevice,
}

/// What stands in a user agent.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The program whose name weighs most, and where it stands.
    pub(super) name: Option<(AgentType, Range<usize>)>,
    /// Key of the crawler it claims to be.
    pub(super) claims: Option<&'static str>,
    /// The strongest word that programs use of themselves: kind and place.
    pub(super) word: Option<(AgentType, Range<usize>)>,
    /// Whether it tells whom to ask about the program.
    pub(super) contact: bool,
    /// The first product of the table that it names, and where the version begins.
    pub(super) product: Option<(&'static str, &'static str, usize)>,
    /// The first system of the table that it names.
    pub(super) system: Option<&'static str>,
    /// Whether it names a device from before the common frame.
    pub(super) old_device: bool,
}

/// Of several rows of one table the first counts.
#[derive(Clone, Copy)]
struct Best {
    weight: (u8, usize),
    claim: usize,
    word: usize,
    product: usize,
    system: usize,
}

impl Scan {
    /// Scans a text in lower case.
    pub(super) fn new(lower: &[u8]) -> Self {
        let mut scan = Self::default();
        let device = device(lower);
        let mut best = Best {
            weight: (0, 0),
            claim: usize::MAX,
            word: usize::MAX,
            product: usize::MAX,
            system: usize::MAX,
        };
        let (rows, needles) = &*TABLE;
        needles.find(lower, |index, at| {
            if let Some(row) = rows.get(index) {
                scan.take(*row, &at, lower, &device, &mut best);
            }
        });
        scan
    }

    fn take(&mut self, row: Row, at: &Range<usize>, text: &[u8], device: &Range<usize>, best: &mut Best) {
        let of_device = device.contains(&at.start);
        match row {
            Row::Name(index) => self.take_name(index, at, text, of_device, best),
            Row::Claim(order) if order < best.claim && stands(Place::Word, text, at) => {
                best.claim = order;
                self.claims = CRAWLERS.get(order).map(|crawler| crawler.key);
            }
            Row::Word(order) if order < best.word && !of_device => {
                if let Some((_, kind, _)) = WORDS.get(order).filter(|word| word.2.fits(text, at)) {
                    best.word = order;
                    self.word = Some((*kind, at.clone()));
                }
            }
            Row::Product(order) if order < best.product => {
                best.product = order;
                self.product = PRODUCTS.get(order).map(|(token, name)| (*token, *name, at.end));
            }
            Row::System(order) if order < best.system => {
                best.system = order;
                self.system = SYSTEMS.get(order).map(|(_, system)| *system);
            }
            Row::Contact => self.contact = true,
            Row::OldDevice => self.old_device = true,
            _ => {}
        }
    }

    fn take_name(&mut self, index: usize, at: &Range<usize>, text: &[u8], of_device: bool, best: &mut Best) {
        let Some(name) = NAMES.get(index) else { return };
        let weight = (names::weight(name.kind), name.text.len());
        let hidden = of_device && name.kind != AgentType::App;
        if weight > best.weight && !hidden && stands(name.place, text, at) {
            best.weight = weight;
            self.name = Some((name.kind, at.clone()));
        }
    }
}

/// Where an Android browser names its device, whose maker may have called it anything (`rubyplus`, `MAVEN_10_PRO`).
fn device(lower: &[u8]) -> Range<usize> {
    let framed = super::browser::is_frame(lower);
    let Some(start) = memchr::memmem::find(lower, b"android").filter(|_| framed) else {
        return 0..0;
    };
    let rest = lower.get(start..).unwrap_or_default();
    let end = memchr::memchr(b')', rest).map_or(lower.len(), |at| start + at);
    let model = lower.get(start..end).unwrap_or_default();
    match memchr::memmem::find(model, b"compatible") {
        Some(_) => 0..0,
        None => start..end,
    }
}

/// Whether a name stands as its place demands.
fn stands(place: Place, text: &[u8], at: &Range<usize>) -> bool {
    let letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    let open = !letter(at.start.checked_sub(1));
    match place {
        Place::Word => open && !letter(Some(at.end)),
        Place::Head => open,
        Place::Start => at.start == 0,
        Place::Alone => at.start == 0 && text.len() - at.end < 16,
        Place::Any => true,
    }
}

/// What each text that is looked for stands for, and the texts.
static TABLE: LazyLock<(Vec<Row>, Needles)> = LazyLock::new(|| {
    let mut texts: Vec<(&str, Row)> = Vec::new();
    texts.extend(
        NAMES
            .iter()
            .enumerate()
            .map(|(index, name)| (name.text, Row::Name(index))),
    );
    for (order, crawler) in CRAWLERS.iter().enumerate() {
        texts.extend(crawler.tokens.iter().map(|token| (*token, Row::Claim(order))));
    }
    texts.extend(
        WORDS
            .iter()
            .enumerate()
            .map(|(order, word)| (word.0, Row::Word(order))),
    );
    texts.extend(CONTACTS.iter().map(|text| (*text, Row::Contact)));
    texts.extend(
        PRODUCTS
            .iter()
            .enumerate()
            .map(|(order, row)| (row.0, Row::Product(order))),
    );
    texts.extend(
        SYSTEMS
            .iter()
            .enumerate()
            .map(|(order, row)| (row.0, Row::System(order))),
    );
    texts.extend(OLD_DEVICES.iter().map(|text| (*text, Row::OldDevice)));
    let lower: Vec<String> = texts.iter().map(|(text, _)| text.to_ascii_lowercase()).collect();
    // A few thousand short texts are never too many.
    let needles = Needles::new(&lower).unwrap_or_default();
    (texts.iter().map(|(_, row)| *row).collect(), needles)
});
