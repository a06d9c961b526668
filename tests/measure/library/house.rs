//! An appliance in this process, made by the key ceremony in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use appliance::app::App;
use appliance::ceremony::{DEFAULT_HIERARCHY, Plan, UnlockPlan, perform};
use appliance::config::Config;
use appliance::store::Db;
use crypto::Suite;
use custody::{CredentialSource, Secret};
use support::postgres::Postgres;

use super::Database;

/// The appliance with its folder and, perhaps, its database server; both are gone with it.
pub struct House {
    pub app: Arc<App>,
    _folder: tempfile::TempDir,
    server: Option<Postgres>,
}

const NAME: &str = "measure";

impl House {
    pub async fn open(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = (database == Database::Postgres).then(Postgres::start);
        let credential = folder.path().join("credential");
        let plan = Plan {
            directory: folder.path().join("a"),
            organisation: "示例市政务服务数据管理局".into(),
            keystore_suite: &Suite::INTERNATIONAL,
            unlock: UnlockPlan::Credential { path: credential.clone() },
            hosts: vec!["localhost".into()],
            port: 1,
            public_port: 2,
            portal_port: 3,
            enrolment_port: None,
            database: server.as_ref().map(|server| server.database(NAME)),
            hierarchy: DEFAULT_HIERARCHY.into(),
            pkcs11: None,
            log_origin: None,
            allow_swap: true,
            assume_clock: true,
        };
        let done = perform(&plan, &mut |_| {}).await.expect("the ceremony");
        let config = Config::load(&done.config).expect("the configuration");
        let db = Db::open(&config.database.url.parse().expect("an address")).await.expect("the database");
        let app = App::open(config, db).await.expect("an appliance");
        app.unseal(Secret::Credential(CredentialSource::File(credential))).await.expect("unsealed");
        Self { app, _folder: folder, server }
    }

    /// Lets the planner know what came in, as a server does by itself after a while, and waits until all of it is written: what
    /// loading leaves behind is not what is measured.
    pub async fn settle(&self) {
        if let Some(server) = &self.server {
            server.psql(NAME, "VACUUM ANALYZE").ok();
            server.psql(NAME, "CHECKPOINT").ok();
        }
        rustix::fs::sync();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    pub async fn close(self) {
        if let Ok(unsealed) = self.app.unsealed() {
            unsealed.journal.close().await;
        }
        self.app.db.close().await;
    }
}
