//! How a request brings its order and its document: as a PDF with a query, or as `multipart/form-data`.
//!
//! Multipart (RFC 7578) is for what does not fit a query: the order as JSON in the part `request`, the document in
//! the part `document` behind it. The order comes first so that nothing is taken in from those who may not. Parts are
//! streamed into [`Spooled`] bodies; their heads are bounded, for a parser that looks for the end of a head keeps all
//! of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Query;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::Stream;
use http::{HeaderMap, Uri, header};
use multer::{Field, Multipart};

use super::order::Order;
use super::parameters::SealQuery;
use crate::app::App;
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::spill::{Spooled, SpooledBody, Terms};

/// A request whose order is known and whose document is still to come.
pub enum Incoming {
    /// The body is the document.
    Plain(Body),
    /// The document is a part.
    Form(Form),
}

impl Incoming {
    /// Reads the order.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn open(app: &App, uri: &Uri, headers: &HeaderMap, body: Body) -> Result<(Order, Self)> {
        if is_form(headers) {
            let mut form = Form::open(app, headers, body)?;
            if uri.query().is_some_and(|query| !query.is_empty()) {
                let text = "Put the parameters into the `request` part; a multipart request has no query.";
                return Err(Problem::new(Kind::MalformedRequest, text));
            }
            let order = form.order(app).await?;
            return Ok((order, Self::Form(form)));
        }
        let Query(query) = Query::<SealQuery>::try_from_uri(uri)?;
        expect_pdf(headers)?;
        Ok((Order::single(query)?, Self::Plain(body)))
    }

    /// Takes in the document and holds it against the digest the caller sent, if any (RFC 9530).
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn document(self, app: &App, session: &Session, headers: &HeaderMap) -> Result<Arc<Spooled>> {
        match self {
            Self::Plain(body) => take(app, session, headers, body).await,
            Self::Form(mut form) => {
                let Some(field) = form.next().await? else {
                    return Err(Problem::new(Kind::MalformedRequest, "The `document` part is missing."));
                };
                named(&field, "document")?;
                let (document, checked) =
                    form.spooled(app, session, field, app.config.limits.body, u64::MAX).await?;
                checked?;
                form.end().await?;
                Ok(Arc::new(document))
            }
        }
    }
}

/// A multipart body being read, part by part.
pub struct Form {
    parts: Multipart<'static>,
    allowance: Arc<AtomicU64>,
    pause: Duration,
}

impl Form {
    /// The form in `body`.
    ///
    /// # Errors
    /// The problem to answer: it is none, or has no boundary.
    pub fn open(app: &App, headers: &HeaderMap, body: Body) -> Result<Self> {
        if !is_form(headers) {
            let text = "Send the request as `Content-Type: multipart/form-data`.";
            return Err(Problem::new(Kind::UnsupportedMediaType, text));
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(kind).map_err(|error| malformed(&error))?;
        let allowance = Arc::new(AtomicU64::new(HEAD));
        let paced = Paced { body: body.into_data_stream(), allowance: allowance.clone(), rested: true };
        let pause = Duration::from_secs(app.config.limits.body_chunk_seconds);
        Ok(Self { parts: Multipart::new(paced, boundary), allowance, pause })
    }

    /// The request in a body that is JSON, or a form whose first part it is; with the rest of the form. `what` it is that is
    /// asked for stands in a refusal: the application, the licence.
    ///
    /// # Errors
    /// The problem to answer: it is longer than `limit` octets, broke off, or is no such form.
    pub async fn request(
        app: &App,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        what: &str,
    ) -> Result<(Vec<u8>, Option<Self>)> {
        if !is_form(headers) {
            let text = format!("The {what} is too large or broke off.");
            let whole = axum::body::to_bytes(body, limit).await;
            return Ok((whole.map_err(|_| Problem::new(Kind::BodyTooLarge, text))?.to_vec(), None));
        }
        let mut form = Self::open(app, headers, body)?;
        let request = form.first(limit).await?;
        Ok((request, Some(form)))
    }

    /// The first part, which must be `request`.
    async fn first(&mut self, limit: usize) -> Result<Vec<u8>> {
        let Some(field) = self.next().await? else {
            return Err(Problem::new(Kind::MalformedRequest, "The `request` part is missing."));
        };
        named(&field, "request")?;
        self.small(field, limit).await
    }

    /// The order in the first part, which must be `request`.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn order(&mut self, app: &App) -> Result<Order> {
        let json = self.first(REQUEST).await?;
        Ok(Order::read(&json, app.config.documents.seals_per_request)?)
    }

    /// The next part.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn next(&mut self) -> Result<Option<Field<'static>>> {
        self.allowance.store(HEAD, Ordering::Relaxed);
        let next = tokio::time::timeout(self.pause, self.parts.next_field()).await;
        let next = next.map_err(|_| Problem::new(Kind::Timeout, "Send the body without long pauses."))?;
        next.map_err(|error| malformed(&error))
    }

    /// A part that fits into memory.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn small(&mut self, mut field: Field<'static>, limit: usize) -> Result<Vec<u8>> {
        self.allowance.store(HEAD + limit as u64, Ordering::Relaxed);
        let mut held = Vec::new();
        loop {
            let chunk = tokio::time::timeout(self.pause, field.chunk()).await;
            let chunk =
                chunk.map_err(|_| Problem::new(Kind::Timeout, "Send the body without long pauses."))?;
            let Some(chunk) = chunk.map_err(|error| malformed(&error))? else { return Ok(held) };
            if held.len() + chunk.len() > limit {
                let text =
                    format!("The part `{}` has at most {limit} octets.", field.name().unwrap_or_default());
                return Err(Problem::new(Kind::BodyTooLarge, text).with("limit", limit));
            }
            held.extend_from_slice(&chunk);
        }
    }

    /// A document in a part, in memory or spilled like a whole body (beyond `hold` octets, when that is less), and
    /// whether it is what the sender meant to send.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn spooled(
        &mut self,
        app: &App,
        session: &Session,
        field: Field<'static>,
        limit: u64,
        hold: u64,
    ) -> Result<(Spooled, Result<()>)> {
        if field.content_type().is_some_and(|kind| kind.essence_str() != "application/pdf") {
            let text = "Send each document as `Content-Type: application/pdf`.";
            return Err(Problem::new(Kind::UnsupportedMediaType, text));
        }
        self.any(app, session, field, limit, hold, false).await
    }

    /// As [`Self::spooled`], of any media type, and with `empty` even of no octets.
    ///
    /// # Errors
    /// The problem to answer.
    pub async fn any(
        &mut self,
        app: &App,
        session: &Session,
        field: Field<'static>,
        limit: u64,
        hold: u64,
        empty: bool,
    ) -> Result<(Spooled, Result<()>)> {
        let claimed = claimed_digest(field.headers());
        self.allowance.store(HEAD.saturating_add(limit), Ordering::Relaxed);
        let mut terms = terms(app, limit);
        terms.threshold = terms.threshold.min(hold);
        let body = Body::from_stream(field);
        let document = SpooledBody::collect(body, terms).await?.keeping(session.body_place());
        let checked = checked(&document, claimed, empty);
        Ok((document, checked))
    }

    /// That nothing follows.
    ///
    /// # Errors
    /// The problem to answer: something does.
    pub async fn end(&mut self) -> Result<()> {
        match self.next().await? {
            None => Ok(()),
            Some(field) => {
                let name = field.name().unwrap_or_default();
                let text = format!("A part `{name}` follows where nothing is expected any more.");
                Err(Problem::new(Kind::MalformedRequest, text))
            }
        }
    }
}

/// That a part is the one that has to come now.
///
/// # Errors
/// The problem to answer.
pub fn named(field: &Field<'_>, name: &str) -> Result<()> {
    if field.name() == Some(name) {
        return Ok(());
    }
    let found = field.name().unwrap_or_default();
    let text =
        format!("The part `{name}` is expected, `{found}` came: send `request` first, then `document`.");
    Err(Problem::new(Kind::MalformedRequest, text))
}

fn malformed(error: &multer::Error) -> Problem {
    let text = "The multipart body cannot be read; see RFC 7578 for its form.";
    Problem::new(Kind::MalformedRequest, text).log(error)
}

/// Takes in a body that is a document.
///
/// # Errors
/// The problem to answer.
pub async fn take(app: &App, session: &Session, headers: &HeaderMap, body: Body) -> Result<Arc<Spooled>> {
    let terms = terms(app, app.config.limits.body);
    let document = SpooledBody::collect(body, terms).await?.keeping(session.body_place());
    checked(&document, claimed_digest(headers), false)?;
    Ok(Arc::new(document))
}

fn terms(app: &App, limit: u64) -> Terms<'_> {
    let limits = &app.config.limits;
    Terms {
        limit,
        threshold: limits.spill_threshold,
        folder: &app.config.appliance.state,
        pause: Duration::from_secs(limits.body_chunk_seconds),
    }
}

/// Takes octets of our own out of the memory, as far as they are more than a body may hold of it.
///
/// # Errors
/// The problem to answer.
pub async fn spilled(app: &App, session: &Session, octets: Bytes) -> Result<Spooled> {
    let terms = terms(app, u64::MAX);
    Ok(SpooledBody::collect(Body::from(octets), terms).await?.keeping(session.body_place()))
}

fn checked(document: &Spooled, claimed: Option<Vec<u8>>, empty: bool) -> Result<()> {
    if !empty && pdf::syntax::Source::is_empty(document) {
        return Err(Problem::new(Kind::MalformedRequest, "The document is empty; send it in the body."));
    }
    if claimed.is_some_and(|claimed| claimed != document.sha256()) {
        let text = "The document does not have the digest in `Content-Digest`; send it again.";
        return Err(Problem::new(Kind::MalformedRequest, text));
    }
    Ok(())
}

/// That the body is said to be a PDF.
///
/// # Errors
/// The problem to answer.
pub fn expect_pdf(headers: &HeaderMap) -> Result<()> {
    if is(headers, "application/pdf") {
        return Ok(());
    }
    let text = "Send the document as `Content-Type: application/pdf`, or as `multipart/form-data` with the parts \
                `request` and `document`.";
    Err(Problem::new(Kind::UnsupportedMediaType, text))
}

/// Whether the body is a multipart form.
pub fn is_form(headers: &HeaderMap) -> bool {
    is(headers, "multipart/form-data")
}

fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// The SHA-256 in `Content-Digest`; other algorithms are ignored (RFC 9530 §2).
fn claimed_digest(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get("content-digest")?.to_str().ok()?;
    let member = text.split(',').map(str::trim).find_map(|m| m.strip_prefix("sha-256="))?;
    let inner = member.strip_prefix(':')?.split(':').next()?;
    STANDARD.decode(inner).ok().or(Some(Vec::new()))
}

/// A body that is handed on one chunk at a time, and no further than allowed: multer takes in whatever is ready
/// before it looks at any of it.
struct Paced {
    body: BodyDataStream,
    allowance: Arc<AtomicU64>,
    rested: bool,
}

/// The head of a part, or what stands before the first, is longer than any program writes it.
#[derive(Debug, thiserror::Error)]
#[error("a part of the body is longer than allowed")]
struct TooMuch;

impl Stream for Paced {
    type Item = std::result::Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rested {
            self.rested = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.body).poll_next(context);
        let Poll::Ready(Some(Ok(chunk))) = next else {
            return next.map(|end| end.map(|chunk| chunk.map_err(Into::into)));
        };
        self.rested = false;
        let left = self.allowance.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Some(Err(Box::new(TooMuch))));
        }
        // What is taken beyond the allowance is one chunk, which the transport bounds.
        self.allowance.store(left.saturating_sub(chunk.len() as u64), Ordering::Relaxed);
        Poll::Ready(Some(Ok(chunk)))
    }
}

/// Octets that the head of a part may have.
const HEAD: u64 = 64 * 1024;

/// Octets that the `request` part may have.
const REQUEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    fn form(body: Body) -> Form {
        let allowance = Arc::new(AtomicU64::new(HEAD));
        let paced = Paced { body: body.into_data_stream(), allowance: allowance.clone(), rested: true };
        Form { parts: Multipart::new(paced, "b"), allowance, pause: Duration::from_secs(5) }
    }

    #[test]
    fn only_pdf_bodies_are_taken() {
        assert!(expect_pdf(&headers("content-type", "Application/PDF; q=1")).is_ok());
        for other in ["text/plain", "application/pdfx", "", "multipart/form-data"] {
            assert!(expect_pdf(&headers("content-type", other)).is_err(), "{other}");
        }
        assert!(expect_pdf(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_claimed_digest_that_does_not_read_matches_nothing() {
        let of = |v| claimed_digest(&headers("content-digest", v));
        assert_eq!(of("sha-512=:AA==:, sha-256=:AQID:"), Some(vec![1, 2, 3]));
        assert_eq!(of("sha-512=:AA==:"), None);
        assert_eq!(of("sha-256=:%%:"), Some(Vec::new()));
    }

    #[tokio::test]
    async fn parts_come_one_after_the_other_however_they_are_cut() {
        let text = "--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{}\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"document\"; filename=\"结果.pdf\"\r\n\r\n%PDF\r\n--c\r\n--b--\r\n";
        for cut in 1..text.len() {
            let chunks: Vec<_> = text.as_bytes().chunks(cut).map(Bytes::copy_from_slice).collect();
            let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
            let mut form = form(Body::from_stream(futures_util::stream::iter(chunks)));
            let first = form.next().await.unwrap().unwrap();
            named(&first, "request").unwrap();
            assert_eq!(form.small(first, 2).await.unwrap(), b"{}");
            let second = form.next().await.unwrap().unwrap();
            assert_eq!(second.file_name(), Some("结果.pdf"));
            assert_eq!(form.small(second, 100).await.unwrap(), b"%PDF\r\n--c");
            form.end().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_head_without_end_and_a_part_too_long_are_refused_before_they_fill_the_memory() {
        let endless = |start: &'static str| {
            let first =
                futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(start.as_bytes()))]);
            let more = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![b'a'; 4096])));
            form(Body::from_stream(futures_util::StreamExt::chain(first, more)))
        };
        for start in ["", "--b\r\nContent-Disposition: form-data; name=\""] {
            assert_eq!(endless(start).next().await.unwrap_err().kind(), Kind::MalformedRequest, "{start}");
        }
        let mut long = endless("--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n");
        let field = long.next().await.unwrap().unwrap();
        assert_eq!(long.small(field, 10_000).await.unwrap_err().kind(), Kind::BodyTooLarge);
        let mut broken =
            form(Body::from("--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\nabc"));
        let field = broken.next().await.unwrap().unwrap();
        assert_eq!(broken.small(field, 10).await.unwrap_err().kind(), Kind::MalformedRequest);
    }
}
