//! [`Scope`]: what of a run is told, by `--host` and `--class`.

use crate::detect::Class;
use crate::indicator::Indicator;

/// What is printed and counted: `--host` and `--class`. What is detected and shipped never depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Hosts in lower case; empty lets all pass.
    pub hosts: Vec<String>,
    /// Classes that count as such; empty lets all pass.
    pub classes: Vec<Class>,
}

impl Scope {
    /// Whether everything passes.
    pub fn is_all(&self) -> bool {
        self.hosts.is_empty() && self.classes.is_empty()
    }

    /// Whether requests of a host count.
    pub fn host(&self, host: Option<&[u8]>) -> bool {
        self.hosts.is_empty()
            || host.is_some_and(|host| {
                self.hosts
                    .iter()
                    .any(|wanted| host.eq_ignore_ascii_case(wanted.as_bytes()))
            })
    }

    /// Whether sightings of a class count.
    pub fn class(&self, class: Class) -> bool {
        self.classes.is_empty() || self.classes.contains(&class)
    }

    /// Whether something that was seen on these hosts is told.
    pub fn any_host(&self, hosts: &[Box<str>]) -> bool {
        self.hosts.is_empty() || hosts.iter().any(|host| self.host(Some(host.as_bytes())))
    }

    /// Whether an indicator is told.
    pub fn indicator(&self, indicator: &Indicator) -> bool {
        self.any_host(&indicator.hosts) && self.class(indicator.class)
    }

    /// Of what is told, for people; `None` where it is all.
    pub fn text(&self) -> Option<String> {
        let hosts = self.hosts.join(" or ");
        let classes: Vec<&str> = self.classes.iter().map(|class| class.name()).collect();
        let classes = classes.join(" or ");
        match (self.hosts.is_empty(), self.classes.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("requests to {hosts} alone")),
            (true, false) => Some(format!("findings of {classes} alone")),
            (false, false) => Some(format!("requests to {hosts} and findings of {classes} alone")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_lets_only_its_hosts_pass() {
        let scope = Scope {
            hosts: vec!["shop.example".into()],
            classes: vec![Class::Probe],
        };
        assert!(
            scope.host(Some(b"Shop.Example")) && !scope.host(Some(b"other.example")) && !scope.host(None)
        );
        assert!(scope.class(Class::Probe) && !scope.class(Class::Scan));
        assert!(Scope::default().host(None) && Scope::default().class(Class::Scan));
    }
}
