//! Sockets and the accept loops over them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use rustls::ServerConfig;
use rustls_pki_types::UnixTime;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Connection, Terms};
use super::limits::{Full, Places};
use super::{metrics, tls};
use crate::app::App;
use crate::identity::ClientAuthorities;

/// What the platform listener needs for a handshake; swapped as one when its files change.
#[derive(Debug)]
pub struct Handshake {
    /// rustls' configuration.
    pub config: Arc<ServerConfig>,
    /// The authorities its verifier asks.
    pub authorities: Arc<ClientAuthorities>,
}

/// Binds one address. IPv6 sockets take IPv6 only, so that both families can be named with the same port.
///
/// # Errors
/// What the system says.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
            socket
        }
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Accepts on one socket of the platform listener until told to stop, then waits for what is under way.
pub async fn platform(
    listener: TcpListener,
    app: Arc<App>,
    handshake: Arc<ArcSwap<Handshake>>,
    places: Arc<Places>,
    router: Router,
    terms: Terms,
) {
    accept(
        terms.clone(),
        || listener.accept(),
        |(stream, remote), connections| {
            let place = match places.take(remote.ip()) {
                Ok(place) => place,
                Err(full) => {
                    metrics::connection_refused(if full == Full::Peer { "peer" } else { "total" });
                    return;
                }
            };
            metrics::connections(places.taken());
            let (app, router, terms) = (app.clone(), router.clone(), terms.clone());
            let handshake = handshake.load_full();
            let places = places.clone();
            connections.spawn(async move {
                if let Some((stream, connection, close)) =
                    shake(&app, stream, remote, &handshake, &terms).await
                {
                    let mark = move |extensions: &mut http::Extensions| {
                        extensions.insert(connection.clone());
                    };
                    connection::serve(stream, router, terms, close, mark).await;
                }
                drop(place);
                metrics::connections(places.taken());
            });
        },
    )
    .await;
}

/// Accepts on one socket of the public plain listener.
pub async fn public(listener: TcpListener, places: Arc<Places>, router: Router, terms: Terms) {
    accept(
        terms.clone(),
        || listener.accept(),
        |(stream, remote), connections| {
            let Ok(place) = places.take(remote.ip()) else {
                metrics::connection_refused("public");
                return;
            };
            let (router, terms) = (router.clone(), terms.clone());
            connections.spawn(async move {
                let _ = stream.set_nodelay(true);
                connection::serve(stream, router, terms, Arc::new(Notify::new()), |_| {}).await;
                drop(place);
            });
        },
    )
    .await;
}

/// Accepts on the local admin socket. Who may open it is the file system's decision (mode 0600).
pub async fn admin(listener: UnixListener, router: Router, terms: Terms) {
    accept(
        terms.clone(),
        || listener.accept(),
        |(stream, _), connections| {
            let (router, terms) = (router.clone(), terms.clone());
            connections.spawn(async move {
                connection::serve(stream, router, terms, Arc::new(Notify::new()), |_| {}).await;
            });
        },
    )
    .await;
}

async fn accept<S, F: Future<Output = io::Result<S>>>(
    mut terms: Terms,
    mut next: impl FnMut() -> F,
    mut take: impl FnMut(S, &mut JoinSet<()>),
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = terms.stop.wait() => break,
            Some(_) = connections.join_next() => {}
            accepted = next() => match accepted {
                Ok(accepted) => take(accepted, &mut connections),
                Err(error) => {
                    // Out of file descriptors, most likely: give connections time to end.
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    let bound = Duration::from_secs(terms.limits.shutdown_seconds + 2);
    let drained = tokio::time::timeout(bound, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        tracing::warn!(left = connections.len(), "connections cut at shutdown");
        connections.shutdown().await;
    }
}

async fn shake(
    app: &App,
    stream: TcpStream,
    remote: SocketAddr,
    handshake: &Handshake,
    terms: &Terms,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Arc<Connection>, Arc<Notify>)> {
    let _ = stream.set_nodelay(true);
    let bound = Duration::from_secs(terms.limits.handshake_seconds);
    let acceptor = TlsAcceptor::from(handshake.config.clone());
    let kind = match tokio::time::timeout(bound, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let peer = leaf.map(|leaf| handshake.authorities.authenticate(leaf, UnixTime::now()));
            if let Some(Ok(peer)) = peer {
                let close = Arc::new(Notify::new());
                let connection = Connection::new(peer, remote, close.clone());
                return Some((stream, connection, close));
            }
            // A resumed session whose authority has run out since.
            "unsound-certificate"
        }
        Ok(Err(error)) => tls::failure_kind(&error),
        Err(_) => "timeout",
    };
    metrics::tls_failure(kind);
    app.anonymous_failure(kind);
    tracing::debug!(kind, "handshake failed");
    None
}

/// Tells accept loops and connections to stop.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Learns of it.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until told to stop, or until nobody is left who could tell.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Stop {
    /// A switch, and what to watch it with.
    #[must_use]
    pub fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    /// Stops.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
