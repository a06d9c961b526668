//! Request bodies that may be large: in memory up to a threshold, then in an encrypted temporary file.
//!
//! The file is unlinked before its first byte is written and encrypted under a key that exists only in this
//! process and for this body (decision 30: spill files are encrypted at rest). Chunks of 64 KiB are sealed
//! with AES-256-GCM, the chunk's index being the nonce, so that any place can be read alone. The body is
//! hashed while it streams in. Used by capabilities that take documents; it knows nothing of PDF beyond the
//! `Source` it implements.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::Stream;
use http_body_util::BodyExt;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::limits::Place;

/// How a body is taken in.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Most octets taken.
    pub limit: u64,
    /// Octets kept in memory; beyond that the body is spilled.
    pub threshold: u64,
    /// Folder for the unlinked temporary file.
    pub folder: &'a Path,
    /// Longest pause between two chunks; the whole body must also come at [`SLOWEST`] or faster.
    pub pause: Duration,
}

/// A body that has arrived completely.
#[derive(Debug)]
pub struct Spooled {
    length: u64,
    sha256: [u8; 32],
    held: Held,
    #[expect(dead_code, reason = "kept only to be free again when the body is dropped")]
    place: Option<Arc<Place<String>>>,
}

enum Held {
    Memory(Bytes),
    File(Box<Mutex<Spill>>),
}

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Longer than the limit.
    #[error("the body is longer than {limit} octets")]
    TooLarge {
        /// Most octets taken.
        limit: u64,
    },
    /// The sender paused too long or was too slow throughout.
    #[error("the body did not arrive in time, {received} octets did")]
    TooSlow {
        /// Octets received until then.
        received: u64,
    },
    /// The connection failed or the sender broke off.
    #[error("the body broke off after {received} octets: {reason}")]
    BrokenOff {
        /// Octets received until then.
        received: u64,
        /// What the transport said.
        reason: String,
    },
    /// The temporary file could not be written.
    #[error("cannot spill the body: {0}")]
    Spill(#[from] io::Error),
}

/// The way in; see [`SpooledBody::collect`].
#[derive(Debug)]
pub struct SpooledBody;

impl SpooledBody {
    /// Takes in a whole body.
    ///
    /// # Errors
    /// [`SpoolError`]. Nothing is left behind in any case.
    pub async fn collect(mut body: Body, terms: Terms<'_>) -> Result<Spooled, SpoolError> {
        let too_large = SpoolError::TooLarge { limit: terms.limit };
        // A declared length is refused before the first octet.
        if body.size_hint().lower() > terms.limit {
            return Err(too_large);
        }
        let started = Instant::now();
        let mut received: u64 = 0;
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut memory = Vec::new();
        let mut spill: Option<Box<Writer>> = None;
        loop {
            let frame = tokio::time::timeout(terms.pause, body.frame())
                .await
                .map_err(|_| SpoolError::TooSlow { received })?;
            let Some(frame) = frame else { break };
            let frame =
                frame.map_err(|error| SpoolError::BrokenOff { received, reason: error.to_string() })?;
            let Ok(data) = frame.into_data() else { continue };
            received += data.len() as u64;
            if received > terms.limit {
                return Err(too_large);
            }
            let elapsed = started.elapsed();
            if elapsed > terms.pause && received < elapsed.as_secs().saturating_mul(SLOWEST) {
                return Err(SpoolError::TooSlow { received });
            }
            match spill.take() {
                None if received <= terms.threshold => {
                    hash.update(&data);
                    memory.extend_from_slice(&data);
                }
                None => {
                    let mut writer = Box::new(Writer::create(terms.folder, hash.clone())?);
                    writer.buffer = std::mem::take(&mut memory);
                    writer.hashed = writer.buffer.len();
                    writer.buffer.extend_from_slice(&data);
                    spill = Some(writer);
                }
                Some(mut writer) => {
                    writer.buffer.extend_from_slice(&data);
                    spill =
                        Some(if writer.buffer.len() >= FLUSH { flush(writer, false).await? } else { writer });
                }
            }
        }
        match spill {
            None => Ok(Spooled {
                length: received,
                sha256: finish(hash),
                held: Held::Memory(memory.into()),
                place: None,
            }),
            Some(writer) => {
                let writer = flush(writer, true).await?;
                let Writer { file, key, hash, .. } = *writer;
                Ok(Spooled {
                    length: received,
                    sha256: finish(hash),
                    held: Held::File(Box::new(Mutex::new(Spill {
                        file,
                        key,
                        length: received,
                        recent: VecDeque::new(),
                    }))),
                    place: None,
                })
            }
        }
    }
}

impl Spooled {
    /// A body already in memory.
    #[must_use]
    pub fn from_memory(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&bytes);
        Self { length: bytes.len() as u64, sha256: finish(hash), held: Held::Memory(bytes), place: None }
    }

    /// Keeps the request's place until this body is dropped, which may be when its answer has been sent.
    #[must_use]
    pub fn keeping(self, place: Option<Arc<Place<String>>>) -> Self {
        Self { place, ..self }
    }

    /// SHA-256 of the whole body.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Octets of it that are held in memory.
    #[must_use]
    pub fn held(&self) -> u64 {
        if self.is_spilled() { 0 } else { self.length }
    }

    /// All of it, for those that cannot read piece by piece and know that it is short.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn octets(&self) -> io::Result<Bytes> {
        if let Held::Memory(bytes) = &self.held {
            return Ok(bytes.clone());
        }
        let mut octets = vec![0; usize::try_from(self.length).map_err(io::Error::other)?];
        pdf::syntax::Source::read_at(self, 0, &mut octets)?;
        Ok(octets.into())
    }

    /// Whether it lies in a temporary file.
    #[must_use]
    pub fn is_spilled(&self) -> bool {
        matches!(self.held, Held::File(_))
    }

    /// The body followed by `tail`, as a response body of known length.
    pub fn into_body(self: Arc<Self>, tail: impl Into<Bytes>) -> Body {
        let tail = tail.into();
        let length = self.length + tail.len() as u64;
        Body::new(Sized { stream: Box::pin(self.stream(tail)), left: length })
    }

    /// The body followed by `tail`, in chunks.
    pub fn stream(self: Arc<Self>, tail: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        enum At {
            Body(u64),
            End,
        }
        let state = (self, tail, At::Body(0));
        futures_util::stream::unfold(state, |(body, tail, at)| async move {
            match at {
                At::Body(offset) if offset < body.length => {
                    let next = body.clone().chunk(offset).await;
                    let after = next.as_ref().map_or(body.length, |chunk| offset + chunk.len() as u64);
                    let at = if next.is_ok() { At::Body(after) } else { At::End };
                    Some((next, (body, tail, at)))
                }
                At::Body(_) if !tail.is_empty() => Some((Ok(tail.clone()), (body, tail, At::End))),
                At::Body(_) | At::End => None,
            }
        })
    }

    async fn chunk(self: Arc<Self>, offset: u64) -> io::Result<Bytes> {
        let Held::File(_) = &self.held else {
            let Held::Memory(bytes) = &self.held else { return Ok(Bytes::new()) };
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            return bytes
                .get(start..)
                .map(|rest| bytes.slice_ref(rest))
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        };
        let length = usize::try_from((self.length - offset).min(STREAM)).map_err(io::Error::other)?;
        tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; length];
            pdf::syntax::Source::read_at(&*self, offset, &mut buffer)?;
            Ok(buffer.into())
        })
        .await
        .map_err(io::Error::other)?
    }
}

impl pdf::syntax::Source for Spooled {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match &self.held {
            Held::Memory(bytes) => pdf::syntax::Source::read_at(bytes.as_ref(), offset, buf),
            Held::File(spill) => spill.lock().unwrap_or_else(PoisonError::into_inner).read_at(offset, buf),
        }
    }
}

struct Writer {
    file: File,
    key: LessSafeKey,
    hash: digest::Context,
    buffer: Vec<u8>,
    /// Octets of `buffer` that `hash` has seen already.
    hashed: usize,
    chunks: u64,
}

impl Writer {
    fn create(folder: &Path, hash: digest::Context) -> io::Result<Self> {
        // tempfile_in uses O_TMPFILE, or unlinks at once: the file never has a name to be found by.
        let file = tempfile::tempfile_in(folder)?;
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *key).map_err(|_| io::Error::other("no randomness"))?;
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| io::Error::other("no key"))?;
        let key = LessSafeKey::new(key);
        Ok(Self { file, key, hash, buffer: Vec::new(), hashed: 0, chunks: 0 })
    }

    fn write(&mut self, all: bool) -> io::Result<()> {
        if let Some(fresh) = self.buffer.get(self.hashed..) {
            self.hash.update(fresh);
        }
        let whole = if all { self.buffer.len() } else { self.buffer.len() / CHUNK * CHUNK };
        let mut sealed = Vec::with_capacity(STORED);
        for chunk in self.buffer.get(..whole).unwrap_or_default().chunks(CHUNK) {
            sealed.clear();
            sealed.extend_from_slice(chunk);
            self.key
                .seal_in_place_append_tag(nonce(self.chunks), Aad::empty(), &mut sealed)
                .map_err(|_| io::Error::other("cannot encrypt"))?;
            self.file.write_all_at(&sealed, self.chunks * STORED as u64)?;
            self.chunks += 1;
        }
        self.buffer.drain(..whole);
        self.hashed = self.buffer.len();
        Ok(())
    }
}

async fn flush(mut writer: Box<Writer>, all: bool) -> io::Result<Box<Writer>> {
    tokio::task::spawn_blocking(move || writer.write(all).map(|()| writer)).await.map_err(io::Error::other)?
}

struct Spill {
    file: File,
    key: LessSafeKey,
    length: u64,
    /// Chunks opened lately, newest last: readers go forward, and back to the same few places.
    recent: VecDeque<(u64, Vec<u8>)>,
}

impl Spill {
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let index = at / CHUNK as u64;
            let within = usize::try_from(at % CHUNK as u64).map_err(io::Error::other)?;
            let chunk = self.open(index)?;
            let available = chunk.get(within..).unwrap_or_default();
            let count = available.len().min(rest.len());
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (filled, left) = rest.split_at_mut(count);
            filled.copy_from_slice(available.get(..count).unwrap_or_default());
            rest = left;
            at += count as u64;
        }
        Ok(())
    }

    fn open(&mut self, index: u64) -> io::Result<&[u8]> {
        if let Some(at) = self.recent.iter().position(|(known, _)| *known == index) {
            let found = self.recent.remove(at);
            self.recent.extend(found);
        } else {
            let plain = (self.length - index * CHUNK as u64).min(CHUNK as u64);
            let plain = usize::try_from(plain).map_err(io::Error::other)?;
            let mut chunk = if self.recent.len() < RECENT {
                Vec::new()
            } else {
                self.recent.pop_front().unwrap_or_default().1
            };
            chunk.clear();
            chunk.resize(plain + AES_256_GCM.tag_len(), 0);
            self.file.read_exact_at(&mut chunk, index * STORED as u64)?;
            self.key
                .open_in_place(nonce(index), Aad::empty(), &mut chunk)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a spilled chunk was altered"))?;
            chunk.truncate(plain);
            self.recent.push_back((index, chunk));
        }
        self.recent.back().map(|(_, chunk)| chunk.as_slice()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::File(_) => "File",
        })
    }
}

/// A body of known length, so that answers carry `Content-Length`.
struct Sized {
    stream: std::pin::Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    left: u64,
}

impl HttpBody for Sized {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        self.stream.as_mut().poll_next(context).map(|next| {
            next.map(|chunk| {
                chunk.map(|chunk| {
                    self.left = self.left.saturating_sub(chunk.len() as u64);
                    http_body::Frame::data(chunk)
                })
            })
        })
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
}

// INVARIANT: a key seals each index once: chunks are appended, never rewritten.
fn nonce(index: u64) -> Nonce {
    let mut bytes = [0; 12];
    for (to, from) in bytes.iter_mut().skip(4).zip(index.to_be_bytes()) {
        *to = from;
    }
    Nonce::assume_unique_for_key(bytes)
}

fn finish(hash: digest::Context) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(hash.finish().as_ref());
    sum
}

/// Slowest rate at which a body may arrive, octets per second, after the first pause's length.
pub const SLOWEST: u64 = 1024;

const CHUNK: usize = 64 * 1024;
const STORED: usize = CHUNK + 16;
const FLUSH: usize = 8 * CHUNK;
const STREAM: u64 = 4 * CHUNK as u64;
const RECENT: usize = 16;

#[cfg(test)]
mod tests {
    use pdf::syntax::Source;

    use super::*;

    fn terms(folder: &Path) -> Terms<'_> {
        Terms { limit: 4 << 20, threshold: 100_000, folder, pause: Duration::from_millis(200) }
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap()).collect()
    }

    fn pieces(content: &[u8], size: usize) -> Body {
        let pieces: Vec<io::Result<Bytes>> =
            content.chunks(size).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    async fn gathered(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn small_bodies_stay_in_memory_and_large_ones_leave_no_name_behind() {
        let folder = tempfile::tempdir().unwrap();
        for (length, spilled) in
            [(0, false), (5, false), (100_000, false), (100_001, true), (CHUNK * 2, true), (3_000_001, true)]
        {
            let content = content(length);
            let body = SpooledBody::collect(pieces(&content, 9_999), terms(folder.path())).await.unwrap();
            assert_eq!(body.is_spilled(), spilled, "{length}");
            assert_eq!(Source::len(&body), length as u64);
            let expected = digest::digest(&digest::SHA256, &content);
            assert_eq!(body.sha256(), expected.as_ref());
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            let answer = Arc::new(body).into_body("tail");
            assert_eq!(answer.size_hint().exact(), Some(length as u64 + 4));
            let mut with_tail = content.clone();
            with_tail.extend_from_slice(b"tail");
            assert_eq!(gathered(answer).await, with_tail);
        }
    }

    #[tokio::test]
    async fn a_body_keeps_its_place_until_its_answer_is_sent_or_dropped() {
        let places = crate::server::limits::Places::<String>::new(2, 2);
        let kept = |length: usize| {
            let place = places.take_for("approval".to_owned()).unwrap();
            Arc::new(Spooled::from_memory(content(length)).keeping(Some(Arc::new(place)))).into_body("tail")
        };
        let (sent, dropped) = (kept(10), kept(10));
        assert_eq!(places.taken(), 2);
        sent.collect().await.unwrap();
        assert_eq!(places.taken(), 1);
        drop(dropped);
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn any_place_of_a_spilled_body_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let content = content(1_500_000);
        let body = SpooledBody::collect(pieces(&content, 65_537), terms(folder.path())).await.unwrap();
        for (offset, length) in
            [(0, 1), (65_535, 2), (65_536, 65_536), (1_499_999, 1), (10, 1_400_000), (3, 0)]
        {
            let mut read = vec![0; length];
            body.read_at(offset as u64, &mut read).unwrap();
            assert_eq!(read, content[offset..offset + length]);
        }
        let mut past = [0; 2];
        assert!(body.read_at(1_499_999, &mut past).is_err());
        assert!(body.read_at(u64::MAX, &mut past).is_err());
    }

    #[tokio::test]
    async fn what_lies_in_the_file_is_not_the_body_and_changes_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let body =
            SpooledBody::collect(pieces(&vec![b'A'; 300_000], 65_536), terms(folder.path())).await.unwrap();
        let Held::File(spill) = &body.held else { panic!("not spilled") };
        let spill = spill.lock().unwrap();
        let mut raw = vec![0; STORED];
        spill.file.read_exact_at(&mut raw, 0).unwrap();
        assert!(!raw.windows(16).any(|window| window == [b'A'; 16]));
        raw[17] ^= 1;
        spill.file.write_all_at(&raw, 0).unwrap();
        drop(spill);
        let mut read = [0; 4];
        assert_eq!(body.read_at(0, &mut read).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let long = vec![0; (4 << 20) + 1];
        let undeclared = SpooledBody::collect(pieces(&long, 1 << 20), terms(folder.path())).await;
        assert!(matches!(undeclared, Err(SpoolError::TooLarge { .. })));
        let declared = SpooledBody::collect(Body::from(long), terms(folder.path())).await;
        assert!(matches!(declared, Err(SpoolError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_sender_that_pauses_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let stalled = futures_util::stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"x"))]);
        let stalled = futures_util::StreamExt::chain(stalled, futures_util::stream::pending());
        let refused = SpooledBody::collect(Body::from_stream(stalled), terms(folder.path())).await;
        assert!(matches!(refused, Err(SpoolError::TooSlow { received: 1 })));
    }
}
