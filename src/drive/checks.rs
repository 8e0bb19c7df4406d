//! [`Checks`]: brings the claims of a run to the name servers, and their verdicts back.
//!
//! `tail` never waits: verdicts are taken when they have come, and what hangs too long is taken for unknown. `replay`
//! has nobody behind it who writes on, so it waits where the next line needs a verdict, while the scanning goes on;
//! when the name server gives no answer for long, it waits no more. Next: [`crate::dns`], [`crate::analysis::claims`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use afw_parsers::Time;

use crate::analysis::fold::{Fold, Outcome};
use crate::config::Config;
use crate::dns::{self, Asked, Client, Crawlers, Limits, ResolverError};
use crate::drive::clock::now;
use crate::enrich::crawler::{Claim, Known, Verdict};
use crate::terminal::Failure;

use super::signals::Signals;

/// How long lines of a client may wait for its verdict.
const PATIENCE: Duration = Duration::from_secs(10);
/// Without any answer for so long a replay waits no more.
const SILENCE: Duration = Duration::from_secs(10);
/// How often a waiting replay looks at signals.
const LOOK: Duration = Duration::from_millis(100);
/// How long an address counts as unknown that could not be asked for because too many waited.
const CROWDED: Duration = Duration::from_secs(60);

/// The name servers' part in a run.
#[derive(Debug)]
pub struct Checks {
    crawlers: Crawlers,
    limits: Limits,
    /// Claims that are being asked for, and from when on nobody waits for them.
    asked: HashMap<Claim, Option<Instant>>,
    /// Verdicts that were known when they were asked for.
    ready: Vec<(Claim, Verdict)>,
    /// Whether lines wait for verdicts.
    waits: bool,
    /// For how long was waited since the name server last gave an answer.
    silence: Duration,
    /// The name server is silent: nobody waits any more.
    given_up: bool,
    /// Claims that were given up.
    unanswered: u64,
}

/// Whether claims are checked by name servers in this run: as configured, else by the command's `default`.
pub fn wanted(config: &Config, default: bool) -> bool {
    config.analysis.dns.unwrap_or(default)
}

/// The checks of a run that wants them. `waits`: lines wait for verdicts, as in a replay.
///
/// # Errors
/// Exit code 2 when there is no name server to ask and the user asked for checks.
pub fn start(config: &Config, wanted: bool, waits: bool) -> Result<Option<Checks>, Failure> {
    if !wanted {
        if config.analysis.resolver.is_some() && config.analysis.dns.is_none() {
            tracing::info!(
                "--resolver is of no use here without --dns: claims are checked by published ranges alone"
            );
        }
        return Ok(None);
    }
    match client(config) {
        Ok(client) => Ok(Some(Checks::new(&client, waits))),
        Err(error) if config.analysis.resolver.is_none() && config.analysis.dns.is_none() => {
            tracing::warn!("crawlers' claims are not checked by reverse DNS: {error}");
            Ok(None)
        }
        Err(error) => Err(refused(config, &error)),
    }
}

/// Asks about a few claims and waits for the answers: for one line at a time.
///
/// # Errors
/// Exit code 2 when there is no name server to ask.
pub fn known(config: &Config, claims: impl Iterator<Item = Claim>) -> Result<Known, Failure> {
    let client = client(config).map_err(|error| refused(config, &error))?;
    let crawlers = Crawlers::new(&client, Limits::default());
    for claim in claims {
        crawlers.ask(claim);
    }
    crawlers.settle(PATIENCE);
    let mut known = Known::default();
    for (claim, verdict) in crawlers.verdicts() {
        known.insert(claim, verdict, now(), now());
    }
    Ok(known)
}

fn client(config: &Config) -> Result<Client, ResolverError> {
    let servers = match &config.analysis.resolver {
        Some(text) => vec![dns::server(text)?],
        None => dns::system_servers()?,
    };
    Ok(Client::new(servers, Client::TIMEOUT))
}

fn refused(config: &Config, error: &ResolverError) -> Failure {
    let text = error.to_string();
    let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
    config.analysis.origins.wrong("resolver", "", message).hint(hint)
}

impl Checks {
    fn new(client: &Client, waits: bool) -> Self {
        let limits = Limits::default();
        Self {
            crawlers: Crawlers::new(client, limits),
            limits,
            asked: HashMap::new(),
            ready: Vec::new(),
            waits,
            silence: Duration::ZERO,
            given_up: false,
            unanswered: 0,
        }
    }

    /// Whether lines wait for verdicts.
    pub const fn waits(&self) -> bool {
        self.waits && !self.given_up
    }

    /// Claims of which the name server said nothing in time.
    pub const fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// Asks for a claim, unless that was done.
    pub fn ask(&mut self, claim: Claim) {
        if self.asked.contains_key(&claim) {
            return;
        }
        let at_once = Some(Instant::now());
        let deadline = match self.crawlers.ask(claim) {
            _ if self.given_up => at_once,
            // A replay goes on asking where it needs the verdict.
            Asked::Dropped if self.waits => return,
            Asked::Dropped => at_once,
            Asked::Waiting if self.waits => None,
            Asked::Waiting => Some(Instant::now() + PATIENCE),
            Asked::Known(verdict) => {
                self.ready.push((claim, verdict));
                return;
            }
        };
        self.asked.insert(claim, deadline);
    }

    /// Brings what has come to the fold.
    pub fn settle(&mut self, fold: &mut Fold) -> Vec<Outcome> {
        let now = now();
        fold.set_now(now);
        for claim in fold.claims().take_questions() {
            self.ask(claim);
        }
        let mut news = std::mem::take(&mut self.ready);
        news.extend(self.crawlers.verdicts());
        let mut verdicts: Vec<(Claim, Verdict, Time)> = news
            .into_iter()
            .map(|(claim, verdict)| (claim, verdict, self.until(verdict, now)))
            .collect();
        for (claim, ..) in &verdicts {
            self.asked.remove(claim);
        }
        verdicts.extend(self.overdue(now));
        fold.decide(&verdicts)
    }

    fn until(&self, verdict: Verdict, now: Time) -> Time {
        let holds = match verdict {
            Verdict::Verified => self.limits.verified,
            Verdict::Fake | Verdict::Unknown => self.limits.negative,
        };
        after(now, holds)
    }

    /// Claims that waited too long are unknown for a while.
    fn overdue(&mut self, now: Time) -> Vec<(Claim, Verdict, Time)> {
        let (given_up, at) = (self.given_up, Instant::now());
        let over = |deadline: &Option<Instant>| given_up || deadline.is_some_and(|deadline| at >= deadline);
        let claims: Vec<Claim> = self
            .asked
            .iter()
            .filter_map(|(claim, deadline)| over(deadline).then_some(*claim))
            .collect();
        self.unanswered += claims.len() as u64;
        let give_up = |claim: Claim| {
            self.asked.remove(&claim);
            (claim, Verdict::Unknown, after(now, CROWDED))
        };
        claims.into_iter().map(give_up).collect()
    }

    /// Waits until the verdict on a claim is there, the name server is given up, or a signal comes.
    pub fn wait_for(&mut self, claim: Claim, fold: &mut Fold, signals: &Signals) -> Vec<Outcome> {
        let mut outcomes = self.settle(fold);
        while fold.claims().holds(&claim) && signals.end().is_none() && !self.given_up {
            self.ask(claim);
            self.wait();
            outcomes.extend(self.settle(fold));
        }
        outcomes.extend(self.settle(fold));
        outcomes
    }

    fn wait(&mut self) {
        let (answered, began) = (self.crawlers.answered(), Instant::now());
        self.crawlers.wait(LOOK);
        if self.crawlers.answered() > answered {
            self.silence = Duration::ZERO;
        } else {
            self.silence += began.elapsed();
        }
        if self.silence >= SILENCE {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        tracing::warn!(
            "the name server gave no answer for {} s: the remaining crawler claims stay unverified\nhint: name another \
             server with --resolver, or use --no-dns",
            SILENCE.as_secs()
        );
    }
}

fn after(now: Time, span: Duration) -> Time {
    now.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}
