//! A registered caller as the one a certificate names: what the register says for it, and who may have one issued.
//!
//! The request proves possession of a key and says nothing else: names are the register's (decision 12).

use pki::issue::Wish;
use pki::profile::{Profile, Way};
use pki::request::CertificationRequest;
use pki::{GeneralName, Subject};

use super::error::CertificateError;
use super::order::Order;
use super::records;
use super::wish::{Term, wish};
use crate::app::App;
use crate::callers::records::{self as register, text};
use crate::identity::{Caller, CallerKind, Role};
use crate::journal::Unit;
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;
use crate::store::tables::{CALLERS, ORGANISATIONS};

/// An active caller of an active organisation, as the register had them when they were read.
// INVARIANT: made only by `find`; the unit that enters its certificate guards both versions.
#[derive(Debug, Clone)]
pub struct Holder {
    caller: Row,
    organisation: Row,
}

impl Holder {
    /// Reads a registered caller.
    ///
    /// # Errors
    /// A problem: nobody of that name, or not active.
    pub async fn find(app: &App, id: &str) -> Result<Self> {
        let unknown = || Problem::new(Kind::NotFound, "Nothing of that name is registered.");
        let caller = register::caller(&app.db, id).await?.ok_or_else(unknown)?;
        let organisation = text(&caller, "organisation").to_owned();
        let organisation = register::organisation(&app.db, &organisation).await?.ok_or_else(unknown)?;
        for row in [&caller, &organisation] {
            let state = text(row, "state");
            if state != "active" {
                return Err(Problem::new(Kind::Conflict, format!("It is {state}, not active.")));
            }
        }
        Ok(Self { caller, organisation })
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        self.caller.id()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> CallerKind {
        register::kind_of(&self.caller)
    }

    /// The organisation it acts for.
    #[must_use]
    pub fn organisation(&self) -> &str {
        self.organisation.id()
    }

    /// That organisation's row.
    #[must_use]
    pub fn organisation_row(&self) -> &Row {
        &self.organisation
    }

    /// Whether it has been entrusted with a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        register::roles_of(&self.caller).contains(&role)
    }

    /// The rows that were read, with their versions.
    pub(super) fn rows(&self) -> [((Registered, &str), i64); 2] {
        [
            ((Registered::Caller, self.caller.id()), self.caller.version()),
            ((Registered::Organisation, self.organisation.id()), self.organisation.version()),
        ]
    }

    /// The registration as policies see it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::caller(self.id(), self.kind(), self.organisation()).at_version(self.caller.version())
    }

    /// The profile of its client certificates.
    #[must_use]
    pub fn profile(&self) -> &'static str {
        match self.kind() {
            CallerKind::Machine => "machine",
            _ => "officer",
        }
    }

    /// What a profile may take from the register.
    #[must_use]
    pub fn subject(&self) -> Subject {
        registered(&self.organisation).named(self.id())
    }

    /// The wish for a client certificate: the key of the request, everything else the register's.
    ///
    /// # Errors
    /// A problem when the request asks for other names.
    pub fn wish(&self, profile: &Profile, request: &CertificationRequest, term: Term) -> Result<Wish> {
        let uri = GeneralName::Uri(text(&self.caller, "uri").to_owned());
        if request.subject_alt_names().iter().any(|name| *name != uri) {
            return Err(Problem::new(
                Kind::RequestNames,
                "A caller is named by the URI of its registration alone: leave the alternative names out.",
            ));
        }
        Ok(wish(profile, &self.subject(), request, vec![uri], term))
    }

    /// That one officer alone does not come by the certificate of another person, and with it by the second pair
    /// of eyes (decision 12): a person's certificates are renewed by that person, for any key; the first one ever is
    /// issued by anybody but the proposer, and only for the key that two officers agreed on.
    ///
    /// # Errors
    /// The `forbidden` problem.
    pub async fn may_certify(&self, app: &App, by: &Caller, spki: &[u8]) -> Result<()> {
        if self.kind() == CallerKind::Machine {
            return Ok(());
        }
        let forbidden = |detail: &'static str| Err(Problem::new(Kind::Forbidden, detail));
        let own = by.person.as_deref().unwrap_or_default();
        let themselves = !own.is_empty() && own == text(&self.caller, "person");
        if records::has_any(&app.db, self.id()).await? {
            if themselves {
                return Ok(());
            }
            return forbidden(
                "Only the person it names has a further certificate issued; whoever lost the key is retired and \
                 proposed under a new name.",
            );
        }
        if !themselves && register::proposed_by(&app.db, self.id(), own).await? {
            return forbidden("Another person than the proposer must have the first certificate issued.");
        }
        if register::approved_key(&app.db, self.id()).await? != Some(key_hash(spki)) {
            return forbidden(
                "The first certificate is issued for the key that was approved: send a request of the key whose \
                 SHA-256 stands in the proposal, or retire the caller and propose it under a new name.",
            );
        }
        Ok(())
    }

    /// Guards what was read. Of two first certificates of a person asked for at once, the version lets one through.
    #[must_use]
    pub fn guard(&self, unit: Unit) -> Unit {
        let unit = unit.guard(&ORGANISATIONS, self.organisation.id(), self.organisation.version());
        match self.kind() {
            CallerKind::Machine => unit.guard(&CALLERS, self.caller.id(), self.caller.version()),
            _ => unit.update(self.caller.clone().next_version()),
        }
    }

    /// The order for a client certificate to it, every rule of the register kept.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub async fn order<'a>(
        &'a self,
        app: &App,
        requester: &Caller,
        asked: Asked<'_>,
    ) -> std::result::Result<Order<'a>, CertificateError> {
        self.may_certify(app, requester, asked.request.spki()).await?;
        let name = self.profile();
        let profiles = app.profiles();
        let profile = profiles.get(name).ok_or_else(|| CertificateError::Profile(name.to_owned()))?;
        let wish = self.wish(profile, asked.request, asked.term)?;
        let order = Order::new(name, asked.way, wish);
        Ok(order.for_holder(self).replacing(asked.replaces))
    }
}

/// Which register a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Registered {
    Caller,
    Organisation,
}

/// What is asked for besides the holder.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The request, its proof of possession checked.
    pub request: &'a CertificationRequest,
    /// By which way.
    pub way: Way,
    /// How long.
    pub term: Term,
    /// Fingerprint of the certificate it renews.
    pub replaces: Option<String>,
}

/// What the register says of an organisation, for subjects.
pub(super) fn registered(organisation: &Row) -> Subject {
    // RFC 5280 appendix A, ub-organization-name.
    Subject::default().organization(text(organisation, "name").chars().take(64).collect::<String>())
}

/// A key as proposals and certificates' rows name it: hexadecimal SHA-256 of its SubjectPublicKeyInfo.
#[must_use]
pub fn key_hash(spki: &[u8]) -> String {
    hex::encode(crypto::DigestAlgorithm::Sha256.digest(spki))
}
