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
use super::visit::Arrival;
use super::{metrics, tls};
use crate::app::App;
use crate::identity::{ClientAuthorities, Peer};

/// What a TLS listener needs for a handshake; swapped as one when its files change.
#[derive(Debug)]
pub struct Handshake {
    /// rustls' configuration.
    pub config: Arc<ServerConfig>,
    /// The authorities its verifier asks.
    pub authorities: Arc<ClientAuthorities>,
}

/// The handshakes in force, for whoever reloads them.
#[derive(Debug, Clone)]
pub struct Handshakes {
    /// The platform listener's.
    pub platform: Arc<ArcSwap<Handshake>>,
    /// The enrolment listener's, where there is one.
    pub enrolment: Option<Arc<ArcSwap<Handshake>>>,
    /// The portal's, where there is one.
    pub portal: Option<Arc<ArcSwap<Handshake>>>,
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

/// What one TLS listener serves with; every socket of it gets a clone.
#[derive(Debug, Clone)]
pub struct Door {
    /// Which listener it is.
    pub kind: DoorKind,
    /// Certificate, key and client authorities in force.
    pub handshake: Arc<ArcSwap<Handshake>>,
    /// Places for connections.
    pub places: Arc<Places>,
    /// What is behind it.
    pub router: Router,
    /// Bounds on heads and times.
    pub terms: Terms,
}

/// The listeners that speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorKind {
    /// The platform API: a client certificate is demanded.
    Platform,
    /// Enrolment: a client certificate is asked for.
    Enrolment,
    /// Public pages: nobody is asked for a certificate.
    Portal,
}

/// Accepts on one socket of a TLS listener until told to stop, then waits for what is under way.
pub async fn tls(listener: TcpListener, app: Arc<App>, door: Door) {
    let kind = door.kind;
    accept(
        door.terms.clone(),
        || listener.accept(),
        |(stream, remote), connections| {
            let place = match door.places.take(remote.ip()) {
                Ok(place) => place,
                Err(full) => {
                    metrics::connection_refused(match (kind, full) {
                        (DoorKind::Platform, Full::Peer) => "peer",
                        (DoorKind::Platform, Full::Total) => "total",
                        (DoorKind::Enrolment, Full::Peer) => "enrolment-peer",
                        (DoorKind::Enrolment, Full::Total) => "enrolment-total",
                        (DoorKind::Portal, Full::Peer) => "portal-peer",
                        (DoorKind::Portal, Full::Total) => "portal-total",
                    });
                    return;
                }
            };
            metrics::connections(kind, door.places.taken());
            let (app, door) = (app.clone(), door.clone());
            let handshake = door.handshake.load_full();
            connections.spawn(async move {
                if let Some((stream, peer)) = shake(&app, stream, &handshake, &door).await {
                    let close = Arc::new(Notify::new());
                    let connection = peer.map(|peer| Connection::new(peer, remote, close.clone()));
                    let mark = move |extensions: &mut http::Extensions| match (kind, &connection) {
                        (DoorKind::Platform, Some(connection)) => {
                            extensions.insert(connection.clone());
                        }
                        // Never so: the platform's verifier demands a certificate.
                        (DoorKind::Platform, None) => {}
                        (DoorKind::Enrolment | DoorKind::Portal, connection) => {
                            extensions.insert(Arrival { remote, connection: connection.clone() });
                        }
                    };
                    connection::serve(stream, door.router, door.terms, close, mark).await;
                }
                drop(place);
                metrics::connections(kind, door.places.taken());
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
                let mark = move |extensions: &mut http::Extensions| {
                    extensions.insert(Arrival { remote, connection: None });
                };
                connection::serve(stream, router, terms, Arc::new(Notify::new()), mark).await;
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

/// The handshake; the peer is who has proved possession of a certificate's key, if anybody has.
async fn shake(
    app: &App,
    stream: TcpStream,
    handshake: &Handshake,
    door: &Door,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Option<Peer>)> {
    let _ = stream.set_nodelay(true);
    let bound = Duration::from_secs(door.terms.limits.handshake_seconds);
    let acceptor = TlsAcceptor::from(handshake.config.clone());
    let kind = match tokio::time::timeout(bound, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            match leaf.map(|leaf| handshake.authorities.authenticate(leaf, UnixTime::now())) {
                Some(Ok(peer)) => return Some((stream, Some(peer))),
                None if door.kind != DoorKind::Platform => return Some((stream, None)),
                None => "no-certificate",
                // A resumed session whose authority has run out since.
                Some(Err(_)) => "unsound-certificate",
            }
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

    /// Whether it was told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow()
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
