//! `POST /v1/documents/seal-batch`: many documents in one request, each sealed by the same order, answered one by one.
//!
//! All documents are taken in first (spilled beyond a bound), for clients that send everything before they read are
//! the usual ones and would stall otherwise. Then each is an act of its own: recorded before its octets leave, failing
//! without its neighbours, permitted again at its time. Parts of the answer come in the order in which they are done,
//! told apart by `Cinnabar-Index`; an answer that was broken off lacks the closing delimiter.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Uri, header};
use pdf::syntax::Source;

use super::http::{SealOrder, describe, perform, permits, ready};
use super::intake::{Form, named};
use super::order::Order;
use super::replay::ReplayKey;
use crate::app::{App, Unsealed};
use crate::problem::{Kind, MEDIA_TYPE, Problem, Result};
use crate::server::Session;
use crate::server::limits::{Full, Place};
use crate::server::spill::Spooled;

/// The parts of a batch: first the order, then the documents.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read part by part")]
pub(super) struct BatchForm {
    /// What is done to each of them.
    request: SealOrder,
    /// The PDFs, each with a file name.
    #[schema(value_type = Vec<Vec<u8>>, format = Binary, content_media_type = "application/pdf")]
    document: Vec<Vec<u8>>,
}

/// Seal many PDFs in one request.
///
/// The body is `multipart/form-data`: the part `request` (as for `/v1/documents/seal`), then parts `document`, each with
/// a file name and, if wanted, a `Content-Digest`. The answer is `multipart/mixed`, a part for each document as soon as
/// it is done: the sealed PDF with the headers of `/v1/documents/seal`, or a problem. `Cinnabar-Index` tells which
/// document it is, from 0. With an `Idempotency-Key`, a document that is sent again under the same key, in whatever
/// company, is answered as the first time.
#[utoipa::path(
    post,
    path = "/v1/documents/seal-batch",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a document sent again answer the same for 24 hours")),
    request_body(content = BatchForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "A part for each document, in the order in which they are done", content_type = "multipart/mixed"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn seal_batch(
    State(app): State<Arc<App>>,
    session: Session,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    if uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Problem::new(Kind::MalformedRequest, "Put the parameters into the `request` part."));
    }
    let mut form = Form::open(&app, &headers, body)?;
    let order = form.order(&app).await?;
    permits(&session, &ready(&app, &unsealed, &order).await?)?;
    // A key that is none is refused before anything is taken in.
    ReplayKey::of(&headers, &session.caller().id, ROUTE, &[])?;
    let place = place(&app, &session)?;
    let items = taken(&app, &session, &mut form).await?;
    let boundary = format!("cinnabar-{}", uuid::Uuid::new_v4().simple());
    let kind = format!("multipart/mixed; boundary={boundary}");
    let batch = Arc::new(Batch { app, session, unsealed, order, headers, boundary, _place: place });
    let mut response = Response::new(Body::from_stream(batch.answer(items)));
    let kind = HeaderValue::try_from(kind).map_err(Problem::internal)?;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// One document of a batch as it came; a problem where it did not come whole.
struct Item {
    index: usize,
    name: Option<String>,
    /// How many documents of the same digest came before it.
    repeated: usize,
    document: Result<Arc<Spooled>>,
}

/// A place among the batches under way: each holds far more memory and open files than a body alone.
fn place(app: &App, session: &Session) -> Result<Place<String>> {
    app.desk.batches.take_for(session.caller().id.clone()).map_err(|full| match full {
        Full::Peer => Problem::new(
            Kind::TooManyRequests,
            "The caller has its share of batches under way; wait until one is answered.",
        )
        .retry_after(2),
        Full::Total => Problem::new(Kind::Overloaded, "Too many batches are under way; try again shortly.")
            .retry_after(2),
    })
}

/// Takes in all documents, within the bounds of the configuration.
async fn taken(app: &App, session: &Session, form: &mut Form) -> Result<Vec<Item>> {
    let bounds = &app.config.documents;
    let (mut items, mut left, mut held) = (Vec::new(), bounds.batch_bytes, 0);
    let mut seen: HashMap<[u8; 32], usize> = HashMap::new();
    while let Some(field) = form.next().await? {
        named(&field, "document")?;
        if items.len() == bounds.batch_items {
            let text = format!("A batch has at most {} documents; send several.", bounds.batch_items);
            return Err(Problem::new(Kind::BodyTooLarge, text).with("limit", bounds.batch_items));
        }
        let name = field.file_name().map(ToOwned::to_owned);
        let limit = left.min(app.config.limits.body);
        let (document, checked) = form.spooled(app, session, field, limit, hold(held)).await?;
        left = left.saturating_sub(document.len());
        held += document.held();
        let count = seen.entry(document.sha256()).or_default();
        let repeated = std::mem::replace(count, *count + 1);
        let document = checked.map(|()| Arc::new(document));
        items.push(Item { index: items.len(), name, repeated, document });
    }
    if items.is_empty() {
        return Err(Problem::new(Kind::MalformedRequest, "The batch has no part `document`."));
    }
    Ok(items)
}

/// Octets that the next document may have in memory, when others hold `held` already.
fn hold(held: u64) -> u64 {
    HELD.saturating_sub(held).max(FLOOR)
}

/// A batch under way.
struct Batch {
    app: Arc<App>,
    session: Session,
    unsealed: Arc<Unsealed>,
    order: Order,
    headers: HeaderMap,
    boundary: String,
    /// Free again when the last octet of the answer has left, or nobody wants it any more.
    _place: Place<String>,
}

impl Batch {
    fn answer(
        self: Arc<Self>,
        items: Vec<Item>,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let end = Bytes::from(format!("--{}--\r\n", self.boundary));
        let parts = futures_util::stream::iter(items)
            .map(move |item| self.clone().part(item))
            .buffer_unordered(AT_ONCE)
            .flat_map(|(head, content)| {
                let head = futures_util::stream::iter([Ok(head)]);
                head.chain(content.stream())
                    .chain(futures_util::stream::iter([Ok(Bytes::from_static(b"\r\n"))]))
            });
        parts.chain(futures_util::stream::iter([Ok(end)]))
    }

    /// Head and content of the part that answers `item`.
    async fn part(self: Arc<Self>, item: Item) -> (Bytes, Content) {
        let (index, name) = (item.index, item.name.clone());
        let mut headers = HeaderMap::new();
        let content = match self.sealed(item, &mut headers).await {
            Ok(content) => content,
            Err(problem) => self.refused(&problem, &mut headers).await,
        };
        let named = name.map(|name| format!("; filename*=UTF-8''{}", percent(&name))).unwrap_or_default();
        let mut head = format!(
            "--{}\r\ncontent-disposition: attachment{named}\r\ncinnabar-index: {index}\r\ncontent-length: {}\r\n",
            self.boundary,
            content.len()
        );
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
        }
        head.push_str("\r\n");
        (head.into(), content)
    }

    async fn sealed(&self, item: Item, headers: &mut HeaderMap) -> Result<Content> {
        let document = item.document?;
        // Whoever was revoked since the last item, or lost a role, gets no further.
        let session = self.session.renewed()?;
        let ready = ready(&self.app, &self.unsealed, &self.order).await?;
        // A document's key is its own digest, so that what is sent again may come in other company.
        let route = format!("{ROUTE}/{}/{}", hex::encode(document.sha256()), item.repeated);
        let text = format!("{:?}", self.order);
        let replay = ReplayKey::of(&self.headers, &session.caller().id, &route, &[text.as_bytes()])?;
        let sealed =
            perform(&self.app, &session, &self.unsealed, &self.order, ready, &document, replay).await?;
        describe(headers, &sealed)?;
        Ok(Content::Sealed(document, sealed.tail))
    }

    /// A refusal inside an answer is entered like any other.
    async fn refused(&self, problem: &Problem, headers: &mut HeaderMap) -> Content {
        if let Some(refusal) = self.session.refusal(problem, ROUTE)
            && let Err(fault) = self.app.refused(refusal).await
        {
            tracing::error!(request_id = self.session.request_id(), %fault, "a refusal could not be entered");
        }
        tracing::info!(
            request_id = self.session.request_id(),
            problem = problem.kind().name(),
            cause = problem.log_message(),
            "a document of a batch was not sealed"
        );
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        Content::Problem(problem.document(Some(self.session.request_id())).to_string().into())
    }
}

/// What a part holds.
enum Content {
    Sealed(Arc<Spooled>, Bytes),
    Problem(Bytes),
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Sealed(document, tail) => document.len() + tail.len() as u64,
            Self::Problem(text) => text.len() as u64,
        }
    }

    fn stream(self) -> std::pin::Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>> {
        match self {
            Self::Sealed(document, tail) => Box::pin(document.stream(tail)),
            Self::Problem(text) => Box::pin(futures_util::stream::iter([Ok(text)])),
        }
    }
}

/// A file name as an extended parameter (RFC 8187 §3.2): whatever it holds, it does not leave its place.
fn percent(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

const ROUTE: &str = "documents/seal-batch";

/// Documents of one batch that are worked on at the same time; large ones also wait for their turn at the desk.
const AT_ONCE: usize = 4;

/// Octets of one batch held in memory; what comes behind is spilled.
const HELD: u64 = 16 * 1024 * 1024;

/// Documents up to this length stay in memory even then: a file of its own for each would cost the process more in
/// descriptors than they cost in memory. With 200 documents that makes 28.5 MiB of a batch at most.
const FLOOR: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_so_much_and_a_little_of_each_document() {
        assert_eq!((hold(0), hold(HELD - 100_000)), (HELD, 100_000));
        assert_eq!((hold(HELD - 1), hold(HELD), hold(u64::MAX)), (FLOOR, FLOOR, FLOOR));
    }

    #[test]
    fn a_file_name_cannot_break_out_of_its_header() {
        assert_eq!(percent("结果 1.pdf"), "%E7%BB%93%E6%9E%9C%201.pdf");
        assert_eq!(percent("a\"\r\nx: y"), "a%22%0D%0Ax%3A%20y");
    }
}
