//! Names to addresses and to text, by the configured DNS server.
//!
//! The messages are hickory-proto's; the exchange is here: one question over UDP from a fresh port, over TCP when the
//! answer was cut (RFC 1035 §4.2, RFC 7766). Nothing is cached, since ACME must see what stands there now, and whoever
//! fetches connects to the very addresses that were checked. The server is a recursive resolver that the operator
//! trusts; it follows aliases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::FetchError;

/// Who is asked for names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resolver {
    /// The system's own resolver: addresses only.
    System,
    /// A DNS server.
    Server(SocketAddr),
}

/// A property that a domain's holder gave out about who may issue certificates for it (RFC 8659 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caa {
    /// Whether an issuer must understand the property or refuse.
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef`, …; lower case.
    pub tag: String,
    /// The property's value as it stands.
    pub value: Vec<u8>,
}

impl Resolver {
    /// Addresses of a host name, at most [`MOST`]. `localhost` never leaves the house (RFC 6761 §6.3).
    pub(super) async fn addresses(self, name: &str) -> Result<Vec<IpAddr>, FetchError> {
        let bare = name.trim_end_matches('.').to_ascii_lowercase();
        if bare == "localhost" || bare.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let failed = |reason: String| FetchError::Name { name: name.to_owned(), reason };
        let mut addresses: Vec<IpAddr> = match self {
            Self::System => tokio::net::lookup_host((name, 0))
                .await
                .map_err(|error| failed(error.to_string()))?
                .map(|address| address.ip())
                .collect(),
            Self::Server(server) => {
                let (four, six) = tokio::join!(
                    records(server, name, RecordType::A),
                    records(server, name, RecordType::AAAA)
                );
                // One kind may fail with a server that knows the other only.
                let (four, six) = match (four, six) {
                    (Err(error), Err(_)) => return Err(error),
                    (four, six) => (four.unwrap_or_default(), six.unwrap_or_default()),
                };
                let address = |data| match data {
                    RData::A(address) => Some(IpAddr::V4(address.0)),
                    RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                    _ => None,
                };
                four.into_iter().chain(six).filter_map(address).collect()
            }
        };
        addresses.truncate(MOST);
        if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) }
    }

    /// Text of a name's TXT records, the strings of each joined; empty when it has none.
    pub(super) async fn txt(self, name: &str) -> Result<Vec<Vec<u8>>, FetchError> {
        let records = records(self.server()?, name, RecordType::TXT).await?;
        let text = |data| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        Ok(records.into_iter().filter_map(text).take(MOST).collect())
    }

    /// A name's CAA records; empty when it has none.
    pub(super) async fn caa(self, name: &str) -> Result<Vec<Caa>, FetchError> {
        let records = records(self.server()?, name, RecordType::CAA).await?;
        let property = |data| match data {
            RData::CAA(caa) => Some(Caa {
                critical: caa.issuer_critical,
                tag: caa.tag.to_ascii_lowercase(),
                value: caa.value,
            }),
            _ => None,
        };
        // None is left out: an issuer that overlooks one might issue what it forbids.
        Ok(records.into_iter().filter_map(property).collect())
    }

    fn server(self) -> Result<SocketAddr, FetchError> {
        match self {
            Self::System => Err(FetchError::NoResolver),
            Self::Server(server) => Ok(server),
        }
    }
}

/// Records of a kind in the answer section, whatever name of the alias chain they stand at.
async fn records(server: SocketAddr, name: &str, kind: RecordType) -> Result<Vec<RData>, FetchError> {
    let failed = |reason: String| FetchError::Name { name: name.to_owned(), reason };
    let mut asked = Name::from_ascii(name).map_err(|error| failed(error.to_string()))?;
    asked.set_fqdn(true);
    let mut question = Message::query();
    question.add_query(Query::query(asked, kind));
    question.metadata.recursion_desired = true;
    let mut edns = Edns::new();
    // As large as fits every path unfragmented (DNS flag day 2020).
    edns.set_max_payload(1232);
    question.set_edns(edns);
    let answer = exchange(server, &question).await.map_err(failed)?;
    match answer.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Ok(Vec::new()),
        code => return Err(failed(format!("the resolver answered `{code}`"))),
    }
    let wanted = answer.answers.into_iter();
    let wanted = wanted.filter(|record| record.dns_class == DNSClass::IN && record.record_type() == kind);
    Ok(wanted.map(|record| record.data).collect())
}

async fn exchange(server: SocketAddr, question: &Message) -> Result<Message, String> {
    let octets = question.to_vec().map_err(|error| error.to_string())?;
    let mut last = "the resolver does not answer".to_owned();
    for _ in 0..TRIES {
        match tokio::time::timeout(PATIENCE, over_udp(server, question, &octets)).await {
            Ok(Ok(answer)) if answer.metadata.truncation => {
                let answer = tokio::time::timeout(PATIENCE * 2, over_tcp(server, question, &octets)).await;
                return answer.map_err(|_| last)?.map_err(|error| error.to_string());
            }
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = format!("the resolver cannot be reached: {error}"),
            Err(_) => {}
        }
    }
    Err(last)
}

async fn over_udp(server: SocketAddr, question: &Message, octets: &[u8]) -> std::io::Result<Message> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Connected: the kernel drops what comes from anywhere else (RFC 5452 §9.1).
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(octets).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = Message::from_vec(buffer.get(..length).unwrap_or_default());
        if let Ok(answer) = answer.as_ref()
            && answers(question, answer)
        {
            return Ok(answer.clone());
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, octets: &[u8]) -> std::io::Result<Message> {
    let wrong = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is to another question");
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(octets.len()).map_err(|_| wrong())?;
    stream.write_all(&[&length.to_be_bytes(), octets].concat()).await?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).await?;
    let mut buffer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut buffer).await?;
    Message::from_vec(&buffer).ok().filter(|answer| answers(question, answer)).ok_or_else(wrong)
}

/// Same id, same question (RFC 5452 §9.1).
fn answers(question: &Message, answer: &Message) -> bool {
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == question.metadata.id
        && answer.queries == question.queries
}

/// Addresses and texts looked at of one name.
const MOST: usize = 32;
const TRIES: u32 = 3;
/// For one question over UDP.
const PATIENCE: Duration = Duration::from_secs(2);
