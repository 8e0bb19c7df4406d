//! ECS documents, or the original lines: to a file, over HTTP as lines, or to the `_bulk` interface of Elasticsearch and
//! OpenSearch.
//!
//! A document of a sighted request carries the strongest rule as `rule.*` and is an alert. `_bulk` documents have an id
//! made from their content and are only ever created, so that a batch that is sent twice is stored once. Next:
//! [`super::http`].

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::event::{Event, Finding, Sighting};

use super::file::{self, Rotation};
use super::http::{Http, Reply};
use super::lines::{joined, split};
use super::{Answer, Frozen, Limits, RefusedRecord, Sink, SinkError, Target};

/// Longest answer of a `_bulk` request that is read, in bytes.
const BULK_ANSWER_BYTES: u64 = 16 << 20;

/// Settings of the sink.
#[derive(Debug, Clone)]
pub struct EcsSpec {
    /// Where documents go.
    pub place: EcsPlace,
    /// What is sent of a line.
    pub body: EcsBody,
    /// Every request in place of sighted ones.
    pub send_all: bool,
    /// How an event is written as an ECS document, on one line.
    pub document: fn(&Event<'_, '_>) -> String,
}

impl PartialEq for EcsSpec {
    /// All that a user can set; how a document is written is no setting.
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place && self.body == other.body && self.send_all == other.send_all
    }
}

/// Where ECS documents go.
#[derive(Debug, Clone, PartialEq)]
pub enum EcsPlace {
    /// A file.
    File(PathBuf, Rotation),
    /// An HTTP interface that takes lines.
    Lines(Target),
    /// A `_bulk` interface, and the index unless the URL names it.
    Bulk(Target, Option<String>),
}

/// What is sent of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EcsBody {
    /// The ECS document.
    #[default]
    Document,
    /// The line as the server wrote it.
    Raw,
}

/// The sink.
#[derive(Debug)]
pub(super) struct Ecs {
    name: String,
    way: Way,
    body: EcsBody,
    send_all: bool,
    document: fn(&Event<'_, '_>) -> String,
}

#[derive(Debug)]
enum Way {
    File(PathBuf, Rotation),
    Lines(Http),
    Bulk(Http, Option<String>),
}

impl Ecs {
    /// Checks the settings.
    pub fn new(name: String, spec: &EcsSpec) -> Result<Self, SinkError> {
        let way = match &spec.place {
            EcsPlace::File(path, rotation) => Way::File(path.clone(), *rotation),
            EcsPlace::Lines(target) => Way::Lines(target.client(&name)?),
            EcsPlace::Bulk(..) if spec.body == EcsBody::Raw => {
                return Err(
                    SinkError::new(format!("{name}: `_bulk` takes documents, not raw lines"))
                        .hint("leave `body` at \"ecs\", or name a URL that takes lines"),
                );
            }
            EcsPlace::Bulk(target, index) => {
                let http = bulk(target).client(&name)?;
                if index.is_none() && http.endpoint().path() == "/_bulk" {
                    return Err(SinkError::new(format!("{name}: no index is named"))
                        .hint("set `ecs.index`, or put it into the URL: https://HOST/INDEX/_bulk"));
                }
                Way::Bulk(http, index.clone())
            }
        };
        Ok(Self {
            name,
            way,
            body: spec.body,
            send_all: spec.send_all,
            document: spec.document,
        })
    }

    /// A document as it goes into a batch; for `_bulk` with the action before it.
    fn record(&self, document: String) -> Vec<u8> {
        let Way::Bulk(_, index) = &self.way else {
            return document.into_bytes();
        };
        let mut create = Map::new();
        if let Some(index) = index {
            create.insert("_index".into(), json!(index));
        }
        create.insert("_id".into(), json!(content_id(&document)));
        format!("{}\n{document}", json!({ "create": create })).into_bytes()
    }
}

/// The target with the `_bulk` path.
fn bulk(target: &Target) -> Target {
    let mut target = target.clone();
    if !target.url.trim_end_matches('/').ends_with("/_bulk") {
        target.url = format!("{}/_bulk", target.url.trim_end_matches('/'));
    }
    target
}

/// An id that is the same whenever the same document is sent.
fn content_id(document: &str) -> String {
    let hash = Sha256::digest(document.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The document of a line on which rules fired.
fn alert(finding: &Finding) -> Option<String> {
    let mut document: Value = serde_json::from_str(finding.event.ecs.as_deref()?).ok()?;
    let fields = document.as_object_mut()?;
    let strongest = finding.sightings.iter().min_by(|a, b| {
        a.class
            .cmp(&b.class)
            .then(b.confidence.value().total_cmp(&a.confidence.value()))
    })?;
    fields.insert("rule".into(), rule(strongest));
    fields.insert("tags".into(), tags(&finding.sightings));
    if let Some(event) = fields.get_mut("event").and_then(Value::as_object_mut) {
        event.insert("kind".into(), json!("alert"));
        add_category(event);
    }
    Some(document.to_string())
}

fn rule(sighting: &Sighting) -> Value {
    json!({
        "id": sighting.rule.id.as_ref(),
        "name": sighting.rule.title.as_ref(),
        "category": sighting.class.name(),
    })
}

/// The tags of all rules that fired, sorted, each once.
fn tags(sightings: &[Sighting]) -> Value {
    let mut tags: Vec<&str> = sightings
        .iter()
        .flat_map(|sighting| sighting.rule.tags.iter().map(AsRef::as_ref))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    json!(tags)
}

fn add_category(event: &mut Map<String, Value>) {
    let known = json!("intrusion_detection");
    match event.get_mut("category").and_then(Value::as_array_mut) {
        Some(categories) if !categories.contains(&known) => categories.push(known),
        _ => {}
    }
}

impl Sink for Ecs {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            events: 1000,
            bytes: 4 << 20,
            age: Duration::from_secs(2),
        }
    }

    fn wants_requests(&self) -> bool {
        self.send_all
    }

    fn wants_ecs(&self) -> bool {
        self.body == EcsBody::Document
    }

    fn wants_lines(&self) -> bool {
        self.body == EcsBody::Raw
    }

    fn request(&self, event: &Event<'_, '_>, into: &mut Vec<Vec<u8>>) {
        match self.body {
            _ if !self.send_all => {}
            EcsBody::Raw => into.push(event.record.line.to_vec()),
            EcsBody::Document => into.push(self.record((self.document)(event))),
        }
    }

    fn finding(&self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        if finding.event.exempt().is_some() && !self.send_all {
            return;
        }
        match self.body {
            EcsBody::Raw => into.extend(finding.event.line.as_deref().map(<[u8]>::to_vec)),
            EcsBody::Document => into.extend(alert(finding).map(|document| self.record(document))),
        }
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        joined(records, true)
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        let lines = split(body);
        if !matches!(self.way, Way::Bulk(..)) {
            return Some(lines);
        }
        let pairs = lines.chunks_exact(2);
        pairs
            .remainder()
            .is_empty()
            .then(|| pairs.map(|pair| pair.join(&b'\n')).collect())
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        let kind = match self.body {
            EcsBody::Document => "application/x-ndjson",
            EcsBody::Raw => "text/plain",
        };
        let headers = [("Content-Type", kind), ("Idempotency-Key", batch.id.as_str())];
        match &self.way {
            Way::File(path, rotation) => file::append(path, batch, *rotation, super::worker::wall_clock()),
            Way::Lines(http) => http.deliver(&batch.body, &headers),
            Way::Bulk(http, _) => {
                match http.send(
                    "POST",
                    http.endpoint().url(),
                    Some(&batch.body),
                    &headers,
                    BULK_ANSWER_BYTES,
                ) {
                    Ok(reply) => judge_bulk(http, &reply, batch.events),
                    Err(error) => Answer::Unavailable {
                        status: None,
                        error,
                        retry_after: None,
                    },
                }
            }
        }
    }
}

/// The answer of a `_bulk` interface.
#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<Map<String, Value>>,
}

/// What became of one document.
#[derive(Deserialize)]
struct BulkItem {
    status: u16,
    #[serde(default)]
    error: Value,
}

/// What a `_bulk` answer means: each document has its own status.
fn judge_bulk(http: &Http, reply: &Reply, events: usize) -> Answer {
    if !(200..300).contains(&reply.status) {
        return http.judge(reply);
    }
    match bulk_items(&reply.body).filter(|items| items.len() == events) {
        Some(items) => sort_bulk(&items, |error| http.excerpt(error.to_string().as_bytes())),
        // Documents are only ever created, so sending them again cannot store one twice.
        None => Answer::Unavailable {
            status: Some(reply.status),
            error: "the answer does not say what became of each document".to_owned(),
            retry_after: reply.retry_after,
        },
    }
}

fn bulk_items(body: &[u8]) -> Option<Vec<BulkItem>> {
    let answer: BulkAnswer = serde_json::from_slice(body).ok()?;
    let items = answer.items.into_iter().map(|item| {
        let (_, outcome) = item.into_iter().next()?;
        serde_json::from_value(outcome).ok()
    });
    items.collect()
}

/// What became of the documents; `told` makes what was said of one fit to be shown.
fn sort_bulk(items: &[BulkItem], told: impl Fn(&Value) -> String) -> Answer {
    let (mut refused, mut again) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let error = || told(&item.error);
        match item.status {
            // 409: a document of this id is there already, and the id is made from the content.
            200..=299 | 409 => {}
            401..=404 => {
                return Answer::Misconfigured {
                    status: item.status,
                    body: error(),
                };
            }
            408 | 425 | 429 | 500.. => again.push(index),
            status => refused.push(RefusedRecord {
                index,
                status,
                error: error(),
            }),
        }
    }
    match (refused.is_empty(), again.len()) {
        (true, 0) => Answer::Accepted,
        (true, all) if all == items.len() => Answer::Unavailable {
            status: items.first().map(|item| item.status),
            error: items.first().map(|item| told(&item.error)).unwrap_or_default(),
            retry_after: None,
        },
        _ => Answer::Partly { refused, again },
    }
}

#[cfg(test)]
mod tests;
