//! The configuration a ceremony writes: the operator's decisions, defaults for the rest.

use crypto::Suite;
use ring::rand::SecureRandom;

use super::error::CeremonyError;
use super::perform::{Plan, UnlockPlan};
use crate::config::{
    AdminListener, Appliance, Certificates, Config, Database, Documents, EnrolmentListener, Fetch,
    KeystoreConfig, Limits, Listeners, Log, PlatformListener, Policies, PortalListener, Process,
    PublicListener, Seals, Time, TimeSource,
};

/// What `plan` makes of a configuration; paths are relative to the file it becomes.
pub(super) fn configuration(plan: &Plan, random: &dyn SecureRandom) -> Result<Config, CeremonyError> {
    let mut name = [0; 6];
    random.fill(&mut name).map_err(|_| CeremonyError::Random)?;
    let origin = plan.log_origin.clone().unwrap_or_else(|| format!("localhost/{}", hex::encode(name)));
    let loopback = |port: u16| {
        vec![
            std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port)),
            std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
        ]
    };
    let host = plan.hosts.first().map_or("localhost", String::as_str);
    Ok(Config {
        appliance: Appliance {
            organisation: plan.organisation.clone(),
            uri_base: "urn:cinnabar".into(),
            public_url: format!("http://{host}:{}", plan.public_port),
            state: "state".into(),
            certificates: "certificates".into(),
        },
        database: Database { url: plan.database.clone().unwrap_or_else(|| "sqlite:cinnabar.db".into()) },
        keystore: KeystoreConfig {
            directory: "keys".into(),
            hierarchy: "hierarchy.toml".into(),
            suite: (*plan.keystore_suite != Suite::INTERNATIONAL)
                .then(|| plan.keystore_suite.name.to_owned()),
            credential: match &plan.unlock {
                UnlockPlan::Credential { path } => {
                    Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
                }
                _ => None,
            },
        },
        log: Log { origin, verifier_key: "log.key".into() },
        listeners: Listeners {
            platform: PlatformListener {
                addresses: loopback(plan.port),
                certificate: "tls/server.crt".into(),
                key: "tls/server.key".into(),
            },
            public: Some(PublicListener { addresses: loopback(plan.public_port) }),
            enrolment: plan.enrolment_port.map(|port| EnrolmentListener::on(loopback(port))),
            portal: Some(PortalListener::on(
                loopback(plan.portal_port),
                format!("https://{host}:{}", plan.portal_port),
            )),
            admin: AdminListener { socket: "state/admin.sock".into() },
        },
        limits: Limits::default(),
        policies: Policies {
            authorization: "policies/authorization".into(),
            certificates: "policies/certificates".into(),
            trust: Some("policies/trust".into()),
            signature_validation: None,
        },
        time: Time { source: if plan.assume_clock { TimeSource::Assumed } else { TimeSource::Kernel } },
        process: Process { allow_swap: plan.allow_swap },
        certificates: Certificates::default(),
        acme: None,
        fetch: Fetch::default(),
        pkcs11: plan.pkcs11.clone(),
        timestamps: None,
        status: Default::default(),
        documents: Documents::default(),
        seals: Seals::default(),
        recognition: crate::config::Recognition::default(),
        licences: crate::config::Licences::default(),
    })
}
