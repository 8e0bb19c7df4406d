//! From a borrowed event to the owned [`SightedEvent`] that findings carry. Called only where a rule fired.

use std::sync::Arc;

use afw_parsers::Record;

use crate::ecs;
use crate::event::{Event, SightedEvent, method_text};
use crate::text::{percent_decoded, shown};

use super::values::Wants;

/// An owned copy of what later stages need of this event, whose target as text and AppFirewall label are known.
pub(super) fn of(
    event: &Event<'_, '_>,
    target: Option<Arc<str>>,
    label: Option<&'static str>,
    wants: Wants,
) -> SightedEvent {
    let record = event.record;
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| Box::from(shown(bytes).as_ref()));
    let sdk = || wants.sdk.then_some(record);
    let mut address = event.address.clone();
    address.exempt = event.exempt;
    address.country = event.country();
    address.asn = event.asn();
    SightedEvent {
        time: record.time,
        client: event.client.address,
        peer: event.client.peer,
        host: record.host.as_deref().map(|host| shown(host).into()),
        method: record.method.as_deref().map(method_text),
        target,
        path: sdk()
            .and_then(Record::path)
            .map(|path| Box::from(shown(&percent_decoded(path)).as_ref())),
        status: record.status,
        user_agent: user_agent(event),
        referrer: text(sdk().and_then(|record| record.referrer.as_deref())),
        address,
        label,
        ray: text(sdk().and_then(|_| event.ray())),
        repeats: record.more.repeats,
        file: Arc::clone(event.file),
        offset: event.offset,
        line: wants.line.then(|| Box::from(record.line.as_ref())),
        ecs: wants.ecs.then(|| Arc::from(ecs::document(event))),
    }
}

/// The user agent as text, of which there is one for all lines that have it.
fn user_agent(event: &Event<'_, '_>) -> Option<Arc<str>> {
    let agent = event.record.user_agent.as_deref()?;
    Some(match &event.agent.text {
        Some(text) => Arc::clone(text),
        None => shown(agent).into(),
    })
}
