//! How rare a text is in ordinary lines of a log: what makes a literal worth looking for.

/// What ordinary lines are made of: a literal that stands in here is no good reason to look at a rule.
const ORDINARY: &str = "http://www.example.com/ https://www.google.com/ /index.php?id=1&page=2 /index.html /api/v1/ \
     /static/assets/css/main.min.css /assets/js/app.js /images/logo.png .jpg .gif .svg .webp .woff2 .ico /wp-content/uploads/2024/ \
     mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/120.0.0.0 safari/537.36 edg/ \
     (macintosh; intel mac os x 10_15_7) version/17.0 mobile/15e148 (iphone; cpu iphone os (linux; android 10; k) \
     (x11; linux x86_64; rv:109.0) gecko/20100101 firefox/115.0 (compatible; +http bot.html) user-agent get post http/1.1";

/// How rare a lower-case text is in ordinary lines: about its length, 0 and 1 for what stands everywhere.
pub fn rarity(text: &[u8]) -> u32 {
    match text {
        [] => 0,
        [byte] if !is_rare(*byte) => 1,
        [_] => 2,
        text if is_ordinary(text) => 1,
        text => (bits(text) / 4).max(2),
    }
}

/// How much a lower-case text tells, roughly: one place of an ordinary line in two to the power of this has it.
pub(super) fn bits(text: &[u8]) -> u32 {
    let mut word = 0;
    let mut all = 0;
    for &byte in text {
        word = if byte.is_ascii_alphanumeric() { word + 1 } else { 0 };
        all += match word {
            0 if is_rare(byte) => 9,
            0 => 5,
            1..=3 => 4,
            // The further a word goes, the fewer there are that go on otherwise.
            _ => 2,
        };
    }
    match text.len() > 1 && is_ordinary(text) {
        true => all.min(4 + text.len() as u32 / 2),
        false => all.min(1000),
    }
}

fn is_ordinary(text: &[u8]) -> bool {
    text.windows(2)
        .all(|pair| matches!(pair, [first, second] if PAIRS.has([*first, *second])))
        && memchr::memmem::find(ORDINARY.as_bytes(), text).is_some()
}

/// The pairs of bytes in [`ORDINARY`]: most texts have another one, which is soon seen.
static PAIRS: Pairs = Pairs::of(ORDINARY.as_bytes());

/// A bit for each pair of bytes.
struct Pairs([u64; 1024]);

impl Pairs {
    const fn of(mut text: &[u8]) -> Self {
        let mut pairs = Self([0; 1024]);
        while let [first, rest @ ..] = text {
            if let [second, ..] = rest {
                pairs.0[*first as usize * 4 + *second as usize / 64] |= 1 << (*second % 64);
            }
            text = rest;
        }
        pairs
    }

    fn has(&self, [first, second]: [u8; 2]) -> bool {
        self.0
            .get(usize::from(first) * 4 + usize::from(second) / 64)
            .is_some_and(|bits| bits >> (second % 64) & 1 == 1)
    }
}

/// Whether ordinary addresses and agents have little of it.
fn is_rare(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !b"/.-_=&?:;,%+ ".contains(&byte)
}
