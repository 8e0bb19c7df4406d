//! DNS messages: one question out, one reply in.
//!
//! A reply is hostile: it counts only if it carries the question's number and repeats the question. Names are
//! compared label by label.

use std::net::IpAddr;

use domain::base::iana::{Opcode, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Ptr};

use super::proof::{Answer, Failure};

/// A name in DNS.
pub type DnsName = Name<Vec<u8>>;

/// How many records of a reply are looked at. A reply with more decides nothing: what is not looked at might be the proof.
const MAX_RECORDS: usize = 64;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The names of an address.
    NamesOf(IpAddr),
    /// The addresses of a name, of the same family as the one given.
    AddressesOf(DnsName, IpAddr),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer, or the server's failure to give one.
    Whole(Result<Answer, Failure>),
    /// The answer did not fit: ask again over TCP.
    Truncated,
}

impl Question {
    fn name(&self) -> Option<DnsName> {
        match self {
            Self::NamesOf(address) => DnsName::reverse_from_addr(*address).ok(),
            Self::AddressesOf(name, _) => Some(name.clone()),
        }
    }

    const fn kind(&self) -> Rtype {
        match self {
            Self::NamesOf(_) => Rtype::PTR,
            Self::AddressesOf(_, IpAddr::V4(_)) => Rtype::A,
            Self::AddressesOf(_, IpAddr::V6(_)) => Rtype::AAAA,
        }
    }

    /// The message that asks.
    pub fn encode(&self, id: u16) -> Option<Vec<u8>> {
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(true);
        let mut question = builder.question();
        question.push((self.name()?, self.kind())).ok()?;
        Some(question.finish())
    }

    /// Reads a reply; `None` when it is not the reply to this question.
    pub fn decode(&self, id: u16, bytes: &[u8]) -> Option<Reply> {
        let message = Message::from_octets(bytes).ok()?;
        let header = message.header();
        let asked = message.sole_question().ok()?;
        let ours = header.id() == id
            && header.qr()
            && header.opcode() == Opcode::QUERY
            && asked.qtype() == self.kind()
            && asked.qname().name_eq(&self.name()?);
        if !ours {
            return None;
        }
        if header.tc() {
            return Some(Reply::Truncated);
        }
        Some(Reply::Whole(match header.rcode() {
            Rcode::NOERROR => self.answer(&message).ok_or(Failure::Malformed),
            Rcode::NXDOMAIN => Ok(Answer::Nothing),
            _ => Err(Failure::Refused),
        }))
    }

    /// The records of the kind asked for, at the end of any aliases.
    fn answer(&self, message: &Message<&[u8]>) -> Option<Answer> {
        let owner = message.canonical_name()?;
        if usize::from(message.header_counts().ancount()) > MAX_RECORDS {
            return None;
        }
        let answer = message.answer().ok()?;
        let found = match self {
            Self::NamesOf(_) => {
                let records = answer.limit_to::<Ptr<_>>().take(MAX_RECORDS);
                let records = records.collect::<Result<Vec<_>, _>>().ok()?.into_iter();
                let names = records.filter(|record| record.owner().name_eq(&owner));
                Answer::Names(names.map(|record| record.data().ptrdname().to_vec()).collect())
            }
            Self::AddressesOf(_, IpAddr::V4(_)) => {
                let records = answer.limit_to::<A>().take(MAX_RECORDS);
                let records = records.collect::<Result<Vec<_>, _>>().ok()?.into_iter();
                let found = records.filter(|record| record.owner().name_eq(&owner));
                Answer::Addresses(found.map(|record| IpAddr::V4(record.data().addr())).collect())
            }
            Self::AddressesOf(_, IpAddr::V6(_)) => {
                let records = answer.limit_to::<Aaaa>().take(MAX_RECORDS);
                let records = records.collect::<Result<Vec<_>, _>>().ok()?.into_iter();
                let found = records.filter(|record| record.owner().name_eq(&owner));
                Answer::Addresses(found.map(|record| IpAddr::V6(record.data().addr())).collect())
            }
        };
        let asked = self.name()?;
        let aliased = !asked.name_eq(&owner);
        Some(match found {
            // Only the alias came: its target must be asked for.
            Answer::Names(names) if names.is_empty() && aliased => Answer::Alias(owner.to_vec()),
            Answer::Addresses(addresses) if addresses.is_empty() && aliased => Answer::Alias(owner.to_vec()),
            Answer::Names(names) if names.is_empty() => Answer::Nothing,
            Answer::Addresses(addresses) if addresses.is_empty() => Answer::Nothing,
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_reads_its_own_reply_only() {
        let question = Question::NamesOf("192.0.2.7".parse().unwrap());
        let mut bytes = question.encode(7).unwrap();
        assert_eq!(question.decode(7, &bytes), None, "a question is no reply");
        bytes[2] |= 0x80;
        assert_eq!(
            question.decode(7, &bytes),
            Some(Reply::Whole(Ok(Answer::Nothing)))
        );
        assert_eq!(question.decode(8, &bytes), None);
        let other = Question::NamesOf("192.0.2.8".parse().unwrap());
        assert_eq!(other.decode(7, &bytes), None);
        bytes[3] |= 2;
        assert_eq!(
            question.decode(7, &bytes),
            Some(Reply::Whole(Err(Failure::Refused)))
        );
        bytes[2] |= 2;
        assert_eq!(question.decode(7, &bytes), Some(Reply::Truncated));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(tail in proptest::collection::vec(any::<u8>(), 0..300), count in 0u8..5) {
            let question = Question::NamesOf("192.0.2.7".parse().unwrap());
            let mut bytes = question.encode(7).unwrap();
            bytes[2] |= 0x80;
            bytes[7] = count;
            bytes.extend(&tail);
            question.decode(7, &bytes);
            question.decode(7, &tail);
        }
    }
}
