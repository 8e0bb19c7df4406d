//! From a borrowed event to the owned [`SightedEvent`] that findings carry. Called only where a rule fired.

use std::sync::Arc;

use crate::ecs;
use crate::event::{Event, SightedEvent};
use crate::text::{percent_decoded, shown};

use super::scan::Wants;

/// An owned copy of what later stages need of this event, whose AppFirewall label is known.
pub fn of(event: &Event<'_, '_>, label: Option<&'static str>, wants: Wants) -> SightedEvent {
    let record = event.record;
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| Box::from(shown(bytes).as_ref()));
    let target = record.target.as_deref().or(record.malformed_request.as_deref());
    let mut address = event.address.clone();
    address.exempt = event.exempt;
    address.country = event.country();
    address.asn = event.asn();
    SightedEvent {
        time: record.time.unwrap_or_default(),
        client: event.client.address,
        peer: event.client.peer,
        host: text(record.host.as_deref()),
        method: text(record.method.as_deref()),
        target: text(target),
        path: record
            .path()
            .map(|path| Box::from(shown(&percent_decoded(path)).as_ref())),
        status: record.status,
        user_agent: text(record.user_agent.as_deref()),
        referrer: text(record.referrer.as_deref()),
        address,
        label,
        ray: text(event.ray()),
        file: Arc::clone(event.file),
        offset: event.offset,
        line: wants.line.then(|| Box::from(record.line.as_ref())),
        ecs: wants.ecs.then(|| Arc::from(ecs::document(event))),
    }
}
