//! One accepted connection: whose it is, serving it, and letting it go.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::listener::Stopping;
use super::metered::{Activity, Busy, Metered};
use crate::config::Limits;
use crate::identity::{Caller, IdentifyError, Identity, Peer, Snapshot};

/// A connection of the platform listener, as its requests see it.
#[derive(Debug)]
pub struct Connection {
    /// The certificate shown in the handshake.
    pub peer: Peer,
    /// Where it comes from.
    pub remote: SocketAddr,
    close: Arc<Notify>,
    seen: Mutex<Option<(Arc<Snapshot>, Arc<Caller>)>>,
}

impl Connection {
    /// A connection whose peer has proved possession of its key.
    #[must_use]
    pub fn new(peer: Peer, remote: SocketAddr, close: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { peer, remote, close, seen: Mutex::new(None) })
    }

    /// Who is calling, asked anew for every request: revocation, expiry and retirement cut off a connection
    /// that has long been open (decisions 13 and 14).
    ///
    /// # Errors
    /// [`IdentifyError`], the connection is closed after the answer.
    pub fn caller(&self, identity: &Identity, now: u64) -> Result<Arc<Caller>, IdentifyError> {
        let snapshot = identity.snapshot()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, caller)) = seen.as_ref().filter(|(known, _)| Arc::ptr_eq(known, &snapshot)) {
            known.still_valid(&self.peer, now)?;
            return Ok(caller.clone());
        }
        let caller = snapshot.identify(&self.peer, now)?;
        *seen = Some((snapshot, caller.clone()));
        Ok(caller)
    }

    /// Takes no further request after the one being answered.
    pub fn close_after_answer(&self) {
        self.close.notify_one();
    }
}

/// What every connection is served with.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Bounds on heads and times.
    pub limits: Arc<Limits>,
    /// Becomes true when the server stops.
    pub stop: Stopping,
}

/// Serves one connection until it ends, idles too long, is told to close, or the server stops.
pub async fn serve<T>(
    transport: T,
    router: Router,
    terms: Terms,
    close: Arc<Notify>,
    mark: impl Fn(&mut http::Extensions) + Clone + Send + 'static,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Terms { limits, mut stop } = terms;
    let activity = Activity::new();
    let transport = Metered::new(transport, activity.clone());
    let of_requests = activity.clone();
    let body_bound = limits.body.saturating_mul(2);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let busy = of_requests.request();
        let router = router.clone();
        let mut request = request.map(|inner| Body::new(Remainder { inner: Some(inner), bound: body_bound }));
        mark(request.extensions_mut());
        async move {
            let response = router.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|inner| Guarded { inner, _busy: busy }))
        }
    });
    let builder = builder(&limits);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(transport), service));
    let idle = Duration::from_secs(limits.idle_seconds);
    // A request has its own deadline; an answer that nobody reads has this one.
    let stalled = Duration::from_secs(limits.request_seconds) + idle;
    let mut ending: Option<tokio::time::Instant> = None;
    loop {
        let check = ending.unwrap_or_else(|| {
            let patience = if activity.is_busy() { stalled } else { idle };
            tokio::time::Instant::now()
                + patience.saturating_sub(activity.quiet_for()).max(Duration::from_millis(50))
        });
        tokio::select! {
            result = serving.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = close.notified(), if ending.is_none() => {}
            () = stop.wait(), if ending.is_none() => {}
            () = tokio::time::sleep_until(check) => {
                let patience = if activity.is_busy() { stalled } else { idle };
                if ending.is_none() && activity.quiet_for() < patience {
                    continue;
                }
                if ending.is_some() {
                    tracing::debug!("connection cut");
                    return;
                }
            }
        }
        if ending.is_none() {
            serving.as_mut().graceful_shutdown();
            let bound = if activity.is_busy() { limits.shutdown_seconds } else { 2 };
            ending = Some(tokio::time::Instant::now() + Duration::from_secs(bound));
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let head = Duration::from_secs(limits.idle_seconds.min(HEAD_SECONDS));
    let bound = u32::try_from(limits.headers).unwrap_or(u32::MAX);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Some(head))
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits.headers.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(bound)
        .max_concurrent_streams(Some(MAX_STREAMS))
        // Bounds on resets against rapid reset (CVE-2023-44487).
        .max_pending_accept_reset_streams(Some(20))
        .max_local_error_reset_streams(Some(64))
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// An answer's body; its request counts as under way until the body is sent or given up.
struct Guarded {
    inner: Body,
    _busy: Busy,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.inner).poll_frame(context)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// A request's body. When its handler refuses before reading all of it, the rest is read and thrown away for a
/// bounded while: closing at once would reset the connection, and a client that sends everything before it reads
/// would never learn why (RFC 9112 §9.6).
struct Remainder {
    inner: Option<Incoming>,
    bound: u64,
}

impl HttpBody for Remainder {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(inner) => std::pin::Pin::new(inner).poll_frame(context),
            None => std::task::Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.as_ref().map_or_else(http_body::SizeHint::default, HttpBody::size_hint)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}

impl Drop for Remainder {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut left = self.bound;
        runtime.spawn(tokio::time::timeout(REMAINDER, async move {
            while let Some(Ok(frame)) = inner.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
                if left == 0 {
                    return;
                }
            }
        }));
    }
}

/// How long the rest of a refused body is read.
const REMAINDER: Duration = Duration::from_secs(10);
/// Longest time between the first and the last octet of a request head.
const HEAD_SECONDS: u64 = 20;
const MAX_HEADERS: usize = 64;
const MAX_STREAMS: u32 = 64;
