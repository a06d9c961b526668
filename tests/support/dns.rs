//! A small authoritative DNS server: every name below `.test` is 127.0.0.1, TXT records are files of a folder.
//!
//! A file named like the record's owner holds one TXT value a line, so that a shell script can prove control of a name as
//! well as a test can.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType, rdata};

/// Serves until dropped.
#[derive(Debug)]
pub struct Dns {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dns {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("UDP socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("timeout");
        let address = socket.local_addr().expect("address");
        let stop = Arc::new(AtomicBool::new(false));
        let (told, path) = (stop.clone(), folder.path().to_owned());
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !told.load(Ordering::Relaxed) {
                let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(answer) = answer(&buffer[..length], &path) {
                    let _ = socket.send_to(&answer, peer);
                }
            }
        });
        Self { address, folder, stop, thread: Some(thread) }
    }

    /// Where the TXT records are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a TXT record.
    pub fn put(&self, name: &str, value: &str) {
        let path = self.record(name);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, format!("{before}{value}\n")).expect("record");
    }

    /// Takes all TXT records of a name away.
    pub fn clear(&self, name: &str) {
        let _ = std::fs::remove_file(self.record(name));
    }

    fn record(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.trim_end_matches('.'))
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(question: &[u8], folder: &Path) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let asked = question.queries.first()?.clone();
    let name = asked.name().to_ascii().to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.add_query(asked.clone());
    let mut add = |data: RData| {
        reply.add_answer(Record::from_rdata(asked.name().clone(), 1, data));
    };
    let known = name == "test" || name.ends_with(".test");
    match asked.query_type() {
        RecordType::A if known => add(RData::A(rdata::A(Ipv4Addr::LOCALHOST))),
        RecordType::TXT => {
            let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            for line in text.lines() {
                add(RData::TXT(rdata::TXT::new(vec![line.to_owned()])));
            }
        }
        // So that clients which look for the zone find one.
        RecordType::SOA if name == "acme.test" => {
            let owner = asked.name().clone();
            add(RData::SOA(rdata::SOA::new(owner.clone(), owner, 1, 60, 60, 60, 60)));
        }
        _ => {}
    }
    if !known {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    reply.to_vec().ok()
}
