//! Parts of a request target that take more than a split: its extension and the host it names.
//!
//! It finds places in the text and decodes nothing. Next: [`mod@super::value`].

/// What follows the last dot of a path's last segment; `None` without a dot.
pub fn extension(path: &[u8]) -> Option<&[u8]> {
    let dot = memchr::memrchr2(b'.', b'/', path)?;
    (path.get(dot) == Some(&b'.')).then(|| path.get(dot + 1..).unwrap_or_default())
}

/// The host that an absolute (`http://user@host:80/x`) or authority form (`host:443`) names, without port.
pub fn authority(target: &[u8]) -> Option<&[u8]> {
    if matches!(target.first(), Some(b'/' | b'*') | None) {
        return None;
    }
    let authority = match memchr::memmem::find(target, b"://") {
        Some(at) if at <= 8 => {
            let rest = target.get(at + 3..)?;
            let end = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
            rest.get(..end)?
        }
        _ => Some(target).filter(|target| ends_in_port(target))?,
    };
    let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    let end = match host.first() {
        Some(b'[') => memchr::memchr(b']', host).map_or(host.len(), |at| at + 1),
        _ => memchr::memchr(b':', host).unwrap_or(host.len()),
    };
    host.get(..end).filter(|host| !host.is_empty())
}

/// Whether the text is one token that ends in a colon and a port, as the target of `CONNECT` does.
fn ends_in_port(target: &[u8]) -> bool {
    memchr::memrchr(b':', target).is_some_and(|at| {
        let port = target.get(at + 1..).unwrap_or_default();
        (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
    }) && memchr::memchr3(b'/', b' ', b'?', target).is_none()
}
