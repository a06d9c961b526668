//! What an act is about, as far as policies need to know it.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, RestrictedExpression};

use super::engine::{PolicyFault, entity};

/// Kinds of things policies speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A seal.
    Seal,
    /// An application for a seal.
    SealApplication,
    /// A licence type of the catalogue.
    LicenceType,
    /// A licence.
    Licence,
    /// A document handed in.
    Document,
    /// The receipt of an act.
    Receipt,
    /// A caller's registration.
    Caller,
    /// A certificate.
    Certificate,
    /// A request for a certificate.
    CertificateRequest,
    /// An organisation.
    Organisation,
    /// A place of the key hierarchy, or a generation of it.
    Authority,
    /// The log.
    Log,
    /// The policies.
    Policies,
    /// The appliance itself.
    Appliance,
}

impl ResourceKind {
    /// The word before the colon in an entry's resource.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::SealApplication => "seal-application",
            Self::LicenceType => "licence-type",
            Self::Licence => "licence",
            Self::Document => "document",
            Self::Receipt => "receipt",
            Self::Caller => "caller",
            Self::Certificate => "certificate",
            Self::CertificateRequest => "certificate-request",
            Self::Organisation => "organisation",
            Self::Authority => "authority",
            Self::Log => "log",
            Self::Policies => "policies",
            Self::Appliance => "appliance",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Seal,
            Self::SealApplication,
            Self::LicenceType,
            Self::Licence,
            Self::Document,
            Self::Receipt,
            Self::Caller,
            Self::Certificate,
            Self::CertificateRequest,
            Self::Organisation,
            Self::Authority,
            Self::Log,
            Self::Policies,
            Self::Appliance,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }

    pub(super) const fn entity_type(self) -> &'static str {
        match self {
            Self::Seal => "Cinnabar::Seal",
            Self::SealApplication => "Cinnabar::SealApplication",
            Self::LicenceType => "Cinnabar::LicenceType",
            Self::Licence => "Cinnabar::Licence",
            Self::Document => "Cinnabar::Document",
            Self::Receipt => "Cinnabar::Receipt",
            Self::Caller => "Cinnabar::Caller",
            Self::Certificate => "Cinnabar::Certificate",
            Self::CertificateRequest => "Cinnabar::CertificateRequest",
            Self::Organisation => "Cinnabar::Organisation",
            Self::Authority => "Cinnabar::Authority",
            Self::Log => "Cinnabar::Log",
            Self::Policies => "Cinnabar::Policies",
            Self::Appliance => "Cinnabar::Appliance",
        }
    }
}

/// A thing to be acted upon: its identifier, the version that was looked at, and what policies ask about it.
#[derive(Debug, Clone)]
pub struct Resource {
    kind: ResourceKind,
    id: String,
    version: Option<i64>,
    organisation: Option<String>,
    granted: Vec<String>,
    caller: Option<String>,
    caller_kind: Option<&'static str>,
    stopped: bool,
}

impl Resource {
    fn new(kind: ResourceKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            version: None,
            organisation: None,
            granted: Vec::new(),
            caller: None,
            caller_kind: None,
            stopped: false,
        }
    }

    /// A seal of an organisation.
    #[must_use]
    pub fn seal(id: impl Into<String>, organisation: impl Into<String>) -> Self {
        let mut resource = Self::new(ResourceKind::Seal, id);
        resource.organisation = Some(organisation.into());
        resource
    }

    /// An application for a seal of an organisation, made by the registration `applicant`.
    #[must_use]
    pub fn seal_application(
        id: impl Into<String>,
        organisation: impl Into<String>,
        applicant: impl Into<String>,
    ) -> Self {
        let mut resource = Self::new(ResourceKind::SealApplication, id);
        resource.organisation = Some(organisation.into());
        resource.caller = Some(applicant.into());
        resource
    }

    /// A licence type that an organisation keeps; `granted` are the organisations that may issue it.
    #[must_use]
    pub fn licence_type(code: impl Into<String>, organisation: impl Into<String>) -> Self {
        let mut resource = Self::new(ResourceKind::LicenceType, code);
        resource.organisation = Some(organisation.into());
        resource
    }

    /// A licence that an organisation issued.
    #[must_use]
    pub fn licence(id: impl Into<String>, organisation: impl Into<String>) -> Self {
        let mut resource = Self::new(ResourceKind::Licence, id);
        resource.organisation = Some(organisation.into());
        resource
    }

    /// Of a licence: whether it is suspended, and a person suspended it.
    #[must_use]
    pub fn stopped(mut self, stopped: bool) -> Self {
        self.stopped = stopped;
        self
    }

    /// A document handed in with a request; it has no record of its own.
    #[must_use]
    pub fn document() -> Self {
        Self::new(ResourceKind::Document, "submitted")
    }

    /// The receipt of leaf `leaf`, an act of the registration `caller`.
    #[must_use]
    pub fn receipt(leaf: u64, caller: impl Into<String>) -> Self {
        let mut resource = Self::new(ResourceKind::Receipt, leaf.to_string());
        resource.caller = Some(caller.into());
        resource
    }

    /// A caller's registration (the caller acted upon, not the one acting).
    #[must_use]
    pub fn caller(
        id: impl Into<String>,
        kind: crate::identity::CallerKind,
        organisation: impl Into<String>,
    ) -> Self {
        let mut resource = Self::new(ResourceKind::Caller, id);
        resource.organisation = Some(organisation.into());
        resource.caller_kind = Some(kind.as_str());
        resource
    }

    /// A certificate, by fingerprint.
    #[must_use]
    pub fn certificate(fingerprint: impl Into<String>) -> Self {
        Self::new(ResourceKind::Certificate, fingerprint)
    }

    /// A certificate that names the registration `holder`, if it names one.
    #[must_use]
    pub fn certificate_of(fingerprint: impl Into<String>, holder: Option<&str>) -> Self {
        let mut resource = Self::certificate(fingerprint);
        resource.caller = holder.map(ToOwned::to_owned);
        resource
    }

    /// A request for a certificate, made by the registration `requester`.
    #[must_use]
    pub fn certificate_request(id: impl Into<String>, requester: impl Into<String>) -> Self {
        let mut resource = Self::new(ResourceKind::CertificateRequest, id);
        resource.caller = Some(requester.into());
        resource
    }

    /// An organisation.
    #[must_use]
    pub fn organisation(id: impl Into<String>) -> Self {
        Self::new(ResourceKind::Organisation, id)
    }

    /// A place of the key hierarchy, or a generation of it, by label.
    #[must_use]
    pub fn authority(label: impl Into<String>) -> Self {
        Self::new(ResourceKind::Authority, label)
    }

    /// The log.
    #[must_use]
    pub fn log() -> Self {
        Self::new(ResourceKind::Log, "log")
    }

    /// The policies.
    #[must_use]
    pub fn policies() -> Self {
        Self::new(ResourceKind::Policies, "authorization")
    }

    /// The appliance itself.
    #[must_use]
    pub fn appliance() -> Self {
        Self::new(ResourceKind::Appliance, "appliance")
    }

    /// The version of the record that was looked at; the unit of work guards it (decision 14).
    #[must_use]
    pub fn at_version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// Further organisations a seal is granted to, or that may issue a licence type.
    #[must_use]
    pub fn granted_to(mut self, organisations: impl IntoIterator<Item = String>) -> Self {
        self.granted.extend(organisations);
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version that was looked at.
    #[must_use]
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// How entries name it: `kind:id`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.kind.word(), self.id)
    }

    pub(super) fn entity(&self) -> Result<Entity, PolicyFault> {
        let uid = entity(self.kind.entity_type(), &self.id)?;
        let mut attributes = HashMap::new();
        let organisation =
            |id: &str| entity("Cinnabar::Organisation", id).map(RestrictedExpression::new_entity_uid);
        match self.kind {
            ResourceKind::Seal | ResourceKind::LicenceType => {
                let owner = self.organisation.as_deref().unwrap_or_default();
                attributes.insert("organisation".to_owned(), organisation(owner)?);
                let granted: Result<Vec<_>, _> = self.granted.iter().map(|id| organisation(id)).collect();
                attributes.insert("granted".to_owned(), RestrictedExpression::new_set(granted?));
            }
            ResourceKind::Licence => {
                let of = self.organisation.as_deref().unwrap_or_default();
                attributes.insert("organisation".to_owned(), organisation(of)?);
                attributes.insert("stopped".to_owned(), RestrictedExpression::new_bool(self.stopped));
            }
            ResourceKind::SealApplication => {
                let of = self.organisation.as_deref().unwrap_or_default();
                attributes.insert("organisation".to_owned(), organisation(of)?);
                let applicant = self.caller.clone().unwrap_or_default();
                attributes.insert("applicant".to_owned(), RestrictedExpression::new_string(applicant));
            }
            ResourceKind::Receipt => {
                let caller = self.caller.clone().unwrap_or_default();
                attributes.insert("caller".to_owned(), RestrictedExpression::new_string(caller));
            }
            ResourceKind::Certificate => {
                if let Some(holder) = &self.caller {
                    attributes.insert("holder".to_owned(), RestrictedExpression::new_string(holder.clone()));
                }
            }
            ResourceKind::CertificateRequest => {
                let requester = self.caller.clone().unwrap_or_default();
                attributes.insert("requester".to_owned(), RestrictedExpression::new_string(requester));
            }
            ResourceKind::Caller => {
                let of = self.organisation.as_deref().unwrap_or_default();
                attributes.insert("organisation".to_owned(), organisation(of)?);
                attributes.insert("id".to_owned(), RestrictedExpression::new_string(self.id.clone()));
                let kind = self.caller_kind.unwrap_or_default().to_owned();
                attributes.insert("kind".to_owned(), RestrictedExpression::new_string(kind));
            }
            _ => {}
        }
        Entity::new(uid, attributes, HashSet::new()).map_err(|error| PolicyFault(error.to_string()))
    }
}
