//! The rules of asking for certificates over REST: what each kind of profile takes from the register and what from the
//! request, and when a certificate can be renewed.

use std::sync::Arc;

use pki::issue::Wish;
use pki::profile::{IssuedBy, Profile, Way};
use pki::request::CertificationRequest;
use pki::{Certificate, GeneralName, Name};

use super::error::CertificateError;
use super::holder::{Asked, Holder, registered};
use super::issue::needs_approval;
use super::model::NewCertificate;
use super::order::Order;
use super::wish::{Term, wish};
use super::{key_hash, records};
use crate::acme::order_of_certificate;
use crate::app::App;
use crate::callers::records::{self as register, text};
use crate::identity::{Caller, CallerKind};
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;

/// Whom a new certificate is for, as the register has it.
#[derive(Debug)]
pub struct Subject {
    holder: Option<Holder>,
    organisation: Row,
}

impl Subject {
    /// Finds whom the parameters name: the caller, or the organisation, or the requester's own organisation. With it
    /// comes the resource that policies are asked about, which is known even when nobody is found.
    pub async fn find(app: &App, new: &NewCertificate, requester: &Caller) -> (Resource, Result<Self>) {
        match (&new.caller, &new.organisation) {
            (Some(caller), organisation) => match Holder::find(app, caller).await {
                Ok(holder) => {
                    let resource = holder.resource();
                    if organisation.as_deref().is_some_and(|named| named != holder.organisation()) {
                        let detail = "The caller acts for another organisation than the one named.";
                        return (resource, Err(parameter("organisation", detail)));
                    }
                    let organisation = holder.organisation_row().clone();
                    (resource, Ok(Self { holder: Some(holder), organisation }))
                }
                Err(problem) => (Resource::caller(caller, CallerKind::Machine, ""), Err(problem)),
            },
            (None, organisation) => {
                let id = organisation.as_deref().unwrap_or(&requester.organisation);
                let found = register::organisation(&app.db, id).await;
                let subject = match found {
                    Ok(Some(row)) if text(&row, "state") == "active" => {
                        Ok(Self { holder: None, organisation: row })
                    }
                    Ok(_) => Err(parameter("organisation", "Name a registered, active organisation.")),
                    Err(error) => Err(error.into()),
                };
                (Resource::organisation(id), subject)
            }
        }
    }

    /// The order for a certificate of this profile.
    ///
    /// # Errors
    /// [`CertificateError`]: names that the profile does not give, a rule of the register.
    pub async fn order<'a>(
        &'a self,
        app: &App,
        requester: &Caller,
        profile: &'a Profile,
        asked: Asked<'_>,
    ) -> std::result::Result<Order<'a>, CertificateError> {
        if names_a_caller(profile) {
            let holder = self.holder.as_ref();
            let detail = "Certificates of this profile name a registered caller: say which.";
            let holder = holder.ok_or_else(|| parameter("caller", detail))?;
            if holder.profile() != profile.name() {
                let detail = format!("This caller's certificates are of profile `{}`.", holder.profile());
                return Err(parameter("profile", detail).into());
            }
            return holder.order(app, requester, asked).await;
        }
        let Asked { request, way, term, replaces } = asked;
        let subject = match &self.holder {
            Some(holder) => holder.subject(),
            None => registered(&self.organisation),
        };
        let names = request.subject_alt_names().to_vec();
        let order = Order::new(profile.name(), way, wish(profile, &subject, request, names, term));
        let order = match &self.holder {
            Some(holder) => order.for_holder(holder),
            None => order.for_organisation(self.organisation.id()),
        };
        Ok(order.replacing(replaces))
    }
}

/// Whether a profile's certificates are client certificates, which carry the URI of a registration.
fn names_a_caller(profile: &Profile) -> bool {
    matches!(profile.issuer(), IssuedBy::Machine | IssuedBy::Officer)
}

/// A certificate that is to be renewed: on record, good, its names kept.
#[derive(Debug)]
pub struct Renewable {
    /// Its row.
    pub row: Row,
    /// The certificate.
    pub certificate: Certificate,
}

impl Renewable {
    /// Reads a certificate that is to be renewed.
    ///
    /// # Errors
    /// A problem when it is not good, or past its end.
    pub fn of(row: Row, now: i64) -> Result<Self> {
        let certificate = Certificate::from_der(row.value("der").as_bytes().unwrap_or_default());
        let certificate = certificate.map_err(Problem::internal)?;
        let state = text(&row, "state");
        if state != "good" {
            let detail = format!("It is {state}; ask for a new certificate instead.");
            return Err(Problem::new(Kind::NotRenewable, detail).with("state", state));
        }
        if certificate.not_after() < now {
            let detail = "It has expired; ask for a new certificate instead.";
            return Err(Problem::new(Kind::NotRenewable, detail).with("state", "expired"));
        }
        Ok(Self { row, certificate })
    }

    /// Whether the last third of its validity has begun: renewing earlier only makes more certificates.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        let (from, to) = (self.certificate.not_before(), self.certificate.not_after());
        now >= to - (to - from) / 3
    }

    /// The certificate as policies see it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let holder = self.row.value("caller").as_text();
        Resource::certificate_of(self.row.id(), holder).at_version(self.row.version())
    }

    /// The caller that it is for, if any, still active.
    ///
    /// # Errors
    /// A problem when it is not.
    pub async fn holder(&self, app: &App) -> Result<Option<Holder>> {
        match self.row.value("caller").as_text() {
            Some(caller) => Holder::find(app, caller).await.map(Some),
            None => Ok(None),
        }
    }

    /// The order for its successor: the same names, the key of the request.
    ///
    /// # Errors
    /// [`CertificateError`], also when the request asks for other names.
    pub async fn order<'a>(
        &'a self,
        app: &App,
        requester: &Caller,
        holder: Option<&'a Holder>,
        asked: Asked<'_>,
    ) -> std::result::Result<Order<'a>, CertificateError> {
        let asked = Asked { replaces: Some(self.row.id().to_owned()), ..asked };
        let name = text(&self.row, "profile");
        let profiles = app.profiles();
        let profile = profiles.get(name).ok_or_else(|| CertificateError::Profile(name.to_owned()))?;
        if asked.way == Way::Holder {
            self.is_its_holders(app, profile, asked.request).await?;
        }
        if let (Some(holder), true) = (holder, names_a_caller(profile)) {
            return holder.order(app, requester, asked).await;
        }
        self.keeps_its_names(asked.request)?;
        let order = Order::new(name, asked.way, self.wish(asked.request, asked.term));
        let order = match (holder, self.row.value("organisation").as_text()) {
            (Some(holder), _) => order.for_holder(holder),
            (None, Some(organisation)) => order.for_organisation(organisation),
            (None, None) => order,
        };
        Ok(order.replacing(asked.replaces))
    }

    /// Holders renew what they were given, and once: what ACME brought is proven anew in another order of its account,
    /// and a second successor is for officers to grant.
    async fn is_its_holders(
        &self,
        app: &App,
        profile: &Profile,
        request: &CertificationRequest,
    ) -> std::result::Result<(), CertificateError> {
        let refused = |detail| Err(Problem::new(Kind::NotRenewable, detail).into());
        if order_of_certificate(&app.db, self.row.id()).await?.is_some() {
            return refused("ACME brought it; its account orders the next one.");
        }
        let successors = records::successors(&app.db, self.row.id()).await?;
        // What officers approved is found again by the same request.
        let again = needs_approval(profile, Way::Holder).then(|| key_hash(request.spki()));
        if successors.iter().any(|row| again.as_deref() != Some(text(row, "key"))) {
            return refused("It was renewed already; renew its successor, or ask a security officer.");
        }
        Ok(())
    }

    /// RFC 7030 §4.2.2: subject and alternative names are identical; a request may leave them out.
    fn keeps_its_names(&self, request: &CertificationRequest) -> Result<()> {
        let sorted = |names: &[GeneralName]| {
            let mut names: Vec<String> =
                names.iter().map(|name| format!("{name:?}").to_lowercase()).collect();
            names.sort_unstable();
            names
        };
        let asked = request.subject_alt_names();
        if !asked.is_empty() && sorted(asked) != sorted(self.certificate.subject_alt_names()) {
            let detail =
                "A renewed certificate keeps its alternative names; leave them out or send the same.";
            return Err(Problem::new(Kind::RequestNames, detail));
        }
        let common = |name: &Name| name.common_name().map(|name| name.to_lowercase());
        let asked = common(request.subject());
        if asked.is_some() && asked != common(self.certificate.subject()) {
            let detail = "A renewed certificate keeps its subject; leave it empty or send the same.";
            return Err(Problem::new(Kind::RequestNames, detail));
        }
        Ok(())
    }

    fn wish(&self, request: &CertificationRequest, term: Term) -> Wish {
        let attributes = self.certificate.subject().attributes();
        Wish {
            subject: attributes
                .into_iter()
                .fold(pki::Subject::default(), |all, (kind, value)| all.with(kind, value)),
            names: self.certificate.subject_alt_names().to_vec(),
            public_key: request.spki().to_vec(),
            not_before: term.not_before,
            not_after: term.not_after,
        }
    }
}

/// Whether whoever renews is the one the certificate is for.
#[must_use]
pub fn renews_own(row: &Row, requester: &Caller) -> Way {
    if row.value("caller").as_text() == Some(requester.id.as_str()) { Way::Holder } else { Way::Officer }
}

fn parameter(name: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Kind::InvalidParameter, detail).with("parameter", name)
}

/// The time in Unix seconds, as the journal trusts it.
///
/// # Errors
/// The `sealed` and `clock-untrusted` problems.
pub fn now(app: &Arc<App>) -> Result<i64> {
    let now = app.unsealed()?.journal.clock().now().map_err(crate::journal::CommitError::ClockUntrusted)?;
    Ok(now.div_euclid(1_000_000))
}
