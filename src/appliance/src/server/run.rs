//! Putting the listeners up, keeping them, and taking them down.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::connection::Terms;
use super::limits::Places;
use super::listener::{self, Door, DoorKind, Handshakes, Stop};
use super::{admin, metrics, pipeline, portal, public, reload, tls, visit};
use crate::app::{App, StartError};
use crate::config::Limits;

/// A server whose sockets are bound.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    platform: Vec<TcpListener>,
    enrolment: Vec<TcpListener>,
    public: Vec<TcpListener>,
    portal: Vec<TcpListener>,
    admin: UnixListener,
    socket: PathBuf,
    handshakes: Handshakes,
    router: Router,
    enrolment_router: Router,
    stop: Arc<Stop>,
    terms: Terms,
}

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("cannot listen on `{address}`: {source}")]
    Bind {
        /// The address or path.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// An authority's certificate cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Metrics cannot be recorded.
    #[error("metrics: {0}")]
    Metrics(String),
}

/// The platform API of these capabilities: their routes behind the pipeline, and their description.
pub fn api(
    app: &Arc<App>,
    capabilities: impl IntoIterator<Item = OpenApiRouter<Arc<App>>>,
) -> (Router, OpenApi) {
    let (router, description) = described(capabilities);
    let text: Arc<str> = description.to_pretty_json().unwrap_or_default().into();
    let document = move || {
        let text = text.clone();
        async move { ([(http::header::CONTENT_TYPE, "application/json")], text.to_string()) }
    };
    let router = router
        .route("/v1/openapi.json", axum::routing::get(document))
        .layer(axum::extract::DefaultBodyLimit::max(JSON_LIMIT))
        .fallback(|| async { http::StatusCode::NOT_FOUND })
        .layer(axum::middleware::from_fn_with_state(app.clone(), pipeline::platform))
        .with_state(app.clone());
    (router, description)
}

/// The description alone, OpenAPI 3.1; what a running server has at `/v1/openapi.json`.
pub fn describe(capabilities: impl IntoIterator<Item = OpenApiRouter<Arc<App>>>) -> OpenApi {
    described(capabilities).1
}

fn described(
    capabilities: impl IntoIterator<Item = OpenApiRouter<Arc<App>>>,
) -> (axum::Router<Arc<App>>, OpenApi) {
    let described = utoipa::openapi::OpenApiBuilder::new()
        .info(
            utoipa::openapi::InfoBuilder::new()
                .title("Cinnabar platform API")
                .version("1")
                .description(Some(
                    "Mutual TLS 1.3 with a registered client certificate. Refusals are RFC 9457 problem details.",
                ))
                .build(),
        )
        .build();
    let merged = capabilities
        .into_iter()
        .fold(OpenApiRouter::<Arc<App>>::with_openapi(described), OpenApiRouter::merge);
    merged.split_for_parts()
}

impl Server {
    /// Binds every listener of the configuration. `router` is the first half of [`api`]'s answer.
    ///
    /// # Errors
    /// [`ServeError`], naming the address or the file.
    pub fn bind(app: Arc<App>, router: Router) -> Result<Self, ServeError> {
        metrics::install().map_err(ServeError::Metrics)?;
        let listeners = &app.config.listeners;
        let bind = |address: &SocketAddr| {
            listener::bind(*address)
                .map_err(|source| ServeError::Bind { address: address.to_string(), source })
        };
        let platform = listeners.platform.addresses.iter().map(bind).collect::<Result<_, _>>()?;
        let enrolment = listeners.enrolment.iter().flat_map(|enrolment| &enrolment.addresses).map(bind);
        let enrolment = enrolment.collect::<Result<_, _>>()?;
        let public = listeners.public.iter().flat_map(|public| &public.addresses).map(bind);
        let public = public.collect::<Result<_, _>>()?;
        let portal = listeners.portal.iter().flat_map(|portal| &portal.addresses).map(bind);
        let portal = portal.collect::<Result<_, _>>()?;
        let socket = listeners.admin.socket.clone();
        let admin = admin_socket(&socket)
            .map_err(|source| ServeError::Bind { address: socket.display().to_string(), source })?;
        let handshakes = Handshakes {
            platform: Arc::new(ArcSwap::from_pointee(reload::handshake(&app)?)),
            enrolment: reload::enrolment_handshake(&app)?.map(|fresh| Arc::new(ArcSwap::from_pointee(fresh))),
            portal: reload::portal_handshake(&app)?.map(|fresh| Arc::new(ArcSwap::from_pointee(fresh))),
        };
        let enrolment_router = visit::router(&app, []);
        let (stop, watch) = Stop::new();
        let terms = Terms { limits: Arc::new(app.config.limits.clone()), stop: watch };
        let stop = Arc::new(stop);
        Ok(Self {
            app,
            platform,
            enrolment,
            public,
            portal,
            admin,
            socket,
            handshakes,
            router,
            enrolment_router,
            stop,
            terms,
        })
    }

    /// Serves these routes on the enrolment listener, if the configuration has one.
    #[must_use]
    pub fn with_enrolment(mut self, capabilities: impl IntoIterator<Item = Router<Arc<App>>>) -> Self {
        self.enrolment_router = visit::router(&self.app, capabilities);
        self
    }

    /// Where the platform API listens; useful when port 0 was asked for.
    ///
    /// # Errors
    /// What the system says.
    pub fn platform_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.platform.iter().map(TcpListener::local_addr).collect()
    }

    /// Where the enrolment listener listens; nowhere unless configured.
    ///
    /// # Errors
    /// What the system says.
    pub fn enrolment_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.enrolment.iter().map(TcpListener::local_addr).collect()
    }

    /// Where the public listener listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn public_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.public.iter().map(TcpListener::local_addr).collect()
    }

    /// Where the public verification pages are; nowhere unless configured.
    ///
    /// # Errors
    /// What the system says.
    pub fn portal_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.portal.iter().map(TcpListener::local_addr).collect()
    }

    /// The switch that takes the server down gracefully.
    #[must_use]
    pub fn stopper(&self) -> Arc<Stop> {
        self.stop.clone()
    }

    /// Serves until stopped; requests under way are finished within the configured bound.
    pub async fn run(self) {
        let Self {
            app,
            platform,
            enrolment,
            public,
            portal,
            admin,
            socket,
            handshakes,
            router,
            enrolment_router,
            stop: _stop,
            terms,
        } = self;
        let limits = terms.limits.clone();
        let mut tasks = JoinSet::new();
        let door = Door {
            kind: DoorKind::Platform,
            handshake: handshakes.platform.clone(),
            places: Places::new(limits.connections, limits.connections_per_peer),
            router,
            terms: terms.clone(),
        };
        for listener in platform {
            tasks.spawn(listener::tls(listener, app.clone(), door.clone()));
        }
        if let (Some(config), Some(handshake)) = (&app.config.listeners.enrolment, &handshakes.enrolment) {
            let limits = Limits { body: config.body, ..app.config.limits.clone() };
            let door = Door {
                kind: DoorKind::Enrolment,
                handshake: handshake.clone(),
                places: Places::new(config.connections, config.connections_per_peer),
                router: enrolment_router,
                terms: Terms { limits: Arc::new(limits), stop: terms.stop.clone() },
            };
            for listener in enrolment {
                tasks.spawn(listener::tls(listener, app.clone(), door.clone()));
            }
        }
        if let (Some(config), Some(handshake)) = (&app.config.listeners.portal, &handshakes.portal) {
            let limits = Limits { body: config.body, ..app.config.limits.clone() };
            let door = Door {
                kind: DoorKind::Portal,
                handshake: handshake.clone(),
                places: Places::new(config.connections, config.connections_per_peer),
                router: portal::router(&app, crate::portal::routes()),
                terms: Terms { limits: Arc::new(limits), stop: terms.stop.clone() },
            };
            for listener in portal {
                tasks.spawn(listener::tls(listener, app.clone(), door.clone()));
            }
        }
        // Anonymous readers get places of their own, so that they cannot crowd out callers.
        let readers = Places::new(limits.connections, limits.connections_per_peer);
        for listener in public {
            tasks.spawn(listener::public(listener, readers.clone(), public::router(&app), terms.clone()));
        }
        tasks.spawn(listener::admin(admin, admin::router(&app, handshakes.clone()), terms.clone()));
        tasks.spawn(reload::watch(app.clone(), handshakes, terms.stop.clone()));
        tasks.spawn(crate::certificates::expiry::watch(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::authorities::keeper::watch(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::keepers::watch(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::certificates::keeper::watch(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::acme::keeper::keep(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::licences::library::rotate::watch(app.clone(), terms.stop.clone()));
        tasks.spawn(crate::licences::jobs::watch(app.clone(), terms.stop.clone()));
        while tasks.join_next().await.is_some() {}
        let _ = std::fs::remove_file(&socket);
    }
}

/// Binds the admin socket for its owner alone. A socket left by a killed process is removed; one that answers
/// belongs to a running one.
fn admin_socket(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers there"));
        }
        std::fs::remove_file(path)?;
    }
    // The permissions are narrowed before the first connection is accepted, and the umask before the bind.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Largest JSON body; documents come through [`super::spill`].
const JSON_LIMIT: usize = 1024 * 1024;
