//! `cinnabar serve`: the service in the foreground, for systemd or a terminal.

use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Global, Outcome};
use crate::app::App;
use crate::config::Config;
use crate::server::{self, Server, admin};
use crate::store::{DatabaseUrl, Db};
use crate::{
    acme, audit, authorities, callers, certificates, csc, documents, enrolment, seals, status, timestamps,
};

/// Options of `cinnabar serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar serve --config /srv/cinnabar/cinnabar.toml
  CINNABAR_LOG=debug cinnabar serve --config /srv/cinnabar/cinnabar.toml

The service starts sealed unless its keystore is unlocked by a credential; `cinnabar unseal` opens it.
SIGHUP reads certificates and policies again, SIGTERM and SIGINT end it after the requests under way.")]
pub struct ServeArgs {}

/// Runs `cinnabar serve`.
pub fn run(_: ServeArgs, global: &Global) -> Outcome {
    let config = Config::load(&global.config)?;
    custody::harden(custody::Hardening { allow_swap: config.process.allow_swap })?;
    logging();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let url: DatabaseUrl = config.database.url.parse()?;
        let db = Db::open(&url).await?;
        let app = App::open(config, db).await?;
        let (router, _) = server::api(&app, capabilities());
        let server = Server::bind(app.clone(), router)?.with_enrolment(enrolment_capabilities());
        let stopper = server.stopper();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopper.stop();
        });
        // A credential that does not open the keystore leaves the service sealed and saying so.
        match admin::unseal_by_credential(&app).await {
            Ok(true) => tracing::info!("unsealed by credential"),
            Ok(false) => tracing::info!("sealed; `cinnabar unseal` opens it"),
            Err(error) => tracing::error!(%error, "the credential did not unseal"),
        }
        server.run().await;
        crate::licences::verification::close(&app).await;
        if let Ok(unsealed) = app.unsealed() {
            unsealed.journal.close().await;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The routers of every capability on the platform API.
#[must_use]
pub fn capabilities() -> Vec<utoipa_axum::router::OpenApiRouter<std::sync::Arc<App>>> {
    vec![
        documents::http::routes(),
        seals::http::routes(),
        seals::usage::routes(),
        seals::standing::http::routes(),
        audit::http::routes(),
        callers::routes(),
        certificates::routes(),
        authorities::routes(),
        enrolment::routes(),
        timestamps::http::routes(),
        status::routes(),
        acme::bindings::http::routes(),
        csc::routes(),
        crate::licences::routes(),
    ]
}

/// The routers of every capability on the enrolment listener.
#[must_use]
pub fn enrolment_capabilities() -> Vec<axum::Router<std::sync::Arc<App>>> {
    vec![enrolment::est::routes(), acme::http::routes()]
}

/// JSON lines on standard output, with request ids and without personal data.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CINNABAR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}
