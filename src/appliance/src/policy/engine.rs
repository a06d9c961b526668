//! Deciding. The caller's entities are made once per registry snapshot, the resource's per request.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression,
};

use super::actions::Action;
use super::load::{PolicyError, PolicySet};
use super::permit::Permit;
use super::resource::Resource;
use crate::identity::{Caller, CallerKind};

/// The policies in force.
#[derive(Debug)]
pub struct Policy {
    folder: PathBuf,
    authorizer: Authorizer,
    set: ArcSwap<PolicySet>,
}

/// What a decision may depend on besides caller, action and resource.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The request in which the act is asked for.
    pub request: String,
    /// Came over the local admin socket.
    pub local: bool,
    /// The person who proposed what is to be approved.
    pub proposer: Option<String>,
    /// The person who applied for a seal.
    pub applicant: Option<String>,
    /// The person who approved that.
    pub approver: Option<String>,
    /// The certificate to be renewed is in the last third of its validity.
    pub due: Option<bool>,
}

impl Facts {
    /// The facts of a request over the platform API.
    #[must_use]
    pub fn of_request(request: impl Into<String>) -> Self {
        Self { request: request.into(), ..Self::default() }
    }
}

/// Why an act was not permitted. Everything here is for entry and log; the caller learns the fact alone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{action}` on `{resource}` is not permitted")]
pub struct Denied {
    /// The act.
    pub action: &'static str,
    /// The resource, as entries name it.
    pub resource: String,
    /// The policies that forbade; empty when none permitted.
    pub policies: Vec<String>,
    /// Evaluation errors; any of them denies.
    pub errors: Vec<String>,
}

/// A caller as the policies see it: entities made once, shared by every decision about it.
#[derive(Debug, Clone)]
pub struct Principal {
    uid: EntityUid,
    entities: Entities,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct PolicyFault(pub String);

impl Policy {
    /// Loads and validates the policies of a folder.
    ///
    /// # Errors
    /// [`PolicyError`] naming the file and what does not fit.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        let set = PolicySet::load(folder)?;
        Ok(Self { folder: folder.into(), authorizer: Authorizer::new(), set: ArcSwap::from_pointee(set) })
    }

    /// Loads the folder again. The set in force stays when the new one does not fit.
    ///
    /// # Errors
    /// [`PolicyError`] naming the file and what does not fit.
    pub fn reload(&self) -> Result<Arc<PolicySet>, PolicyError> {
        let set = Arc::new(PolicySet::load(&self.folder)?);
        self.set.store(set.clone());
        Ok(set)
    }

    /// The set in force.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.set.load_full()
    }

    /// The folder the policies come from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Decides whether `caller` may do `A` on `resource`.
    ///
    /// # Errors
    /// [`Denied`] when a policy forbids, none permits, or anything at all goes wrong while deciding.
    pub fn decide<A: Action>(
        &self,
        caller: &Arc<Caller>,
        resource: Resource,
        facts: Facts,
    ) -> Result<Permit<A>, Denied> {
        let set = self.set.load();
        match self.evaluate(&set, caller, A::NAME, &resource, &facts) {
            Ok((Decision::Allow, policies, errors)) if errors.is_empty() => {
                Ok(Permit::new(caller.clone(), resource, policies, facts.request))
            }
            Ok((_, policies, errors)) => {
                Err(Denied { action: A::NAME, resource: resource.name(), policies, errors })
            }
            Err(fault) => Err(Denied {
                action: A::NAME,
                resource: resource.name(),
                policies: Vec::new(),
                errors: vec![fault.0],
            }),
        }
    }

    pub(super) fn evaluate(
        &self,
        set: &PolicySet,
        caller: &Caller,
        action: &str,
        resource: &Resource,
        facts: &Facts,
    ) -> Result<(Decision, Vec<String>, Vec<String>), PolicyFault> {
        let principal = match caller.principal.get() {
            Some(principal) => principal,
            None => {
                let made = Principal::of(caller)?;
                caller.principal.get_or_init(|| made)
            }
        };
        let resource = resource.entity()?;
        let mut pairs = vec![("local".to_owned(), RestrictedExpression::new_bool(facts.local))];
        let persons =
            [("proposer", &facts.proposer), ("applicant", &facts.applicant), ("approver", &facts.approver)];
        for (name, person) in persons {
            if let Some(person) = person {
                pairs.push((name.to_owned(), RestrictedExpression::new_string(person.clone())));
            }
        }
        if let Some(due) = facts.due {
            pairs.push(("due".to_owned(), RestrictedExpression::new_bool(due)));
        }
        let context = Context::from_pairs(pairs).map_err(|error| PolicyFault(error.to_string()))?;
        let request = Request::new(
            principal.uid.clone(),
            entity("Cinnabar::Action", action)?,
            resource.uid(),
            context,
            Some(set.schema()),
        )
        .map_err(|error| PolicyFault(error.to_string()))?;
        let entities = principal
            .entities
            .clone()
            .upsert_entities([resource], None)
            .map_err(|error| PolicyFault(error.to_string()))?;
        let response = self.authorizer.is_authorized(&request, set.policies(), &entities);
        let diagnostics = response.diagnostics();
        let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        policies.sort_unstable();
        let errors = diagnostics.errors().map(ToString::to_string).collect();
        Ok((response.decision(), policies, errors))
    }
}

impl Principal {
    fn of(caller: &Caller) -> Result<Self, PolicyFault> {
        let type_name = match caller.kind {
            CallerKind::Machine => "Cinnabar::Machine",
            CallerKind::Officer => "Cinnabar::Officer",
            CallerKind::Operator => "Cinnabar::Operator",
            CallerKind::System => "Cinnabar::System",
        };
        let uid = entity(type_name, &caller.id)?;
        let mut attributes =
            HashMap::from([("id".to_owned(), RestrictedExpression::new_string(caller.id.clone()))]);
        let mut parents = HashSet::new();
        let mut all = Vec::new();
        match caller.kind {
            CallerKind::System => {}
            CallerKind::Machine => {}
            CallerKind::Officer | CallerKind::Operator => {
                let person = caller.person.clone().unwrap_or_default();
                attributes.insert("person".to_owned(), RestrictedExpression::new_string(person));
            }
        }
        if caller.kind != CallerKind::System {
            let organisation = entity("Cinnabar::Organisation", &caller.organisation)?;
            all.push(Entity::new_no_attrs(organisation.clone(), HashSet::new()));
            parents.insert(organisation);
            for role in &caller.roles {
                let role = entity("Cinnabar::Role", role.as_str())?;
                all.push(Entity::new_no_attrs(role.clone(), HashSet::new()));
                parents.insert(role);
            }
        }
        all.push(
            Entity::new(uid.clone(), attributes, parents).map_err(|error| PolicyFault(error.to_string()))?,
        );
        let entities = Entities::from_entities(all, None).map_err(|error| PolicyFault(error.to_string()))?;
        Ok(Self { uid, entities })
    }
}

/// An entity's name; type names are parsed once per process.
pub(super) fn entity(type_name: &'static str, id: &str) -> Result<EntityUid, PolicyFault> {
    static TYPES: OnceLock<HashMap<&'static str, EntityTypeName>> = OnceLock::new();
    let types = TYPES.get_or_init(|| {
        TYPE_NAMES.iter().filter_map(|name| Some((*name, EntityTypeName::from_str(name).ok()?))).collect()
    });
    let known =
        types.get(type_name).ok_or_else(|| PolicyFault(format!("unknown entity type `{type_name}`")))?;
    Ok(EntityUid::from_type_name_and_id(known.clone(), EntityId::new(id)))
}

const TYPE_NAMES: [&str; 21] = [
    "Cinnabar::Action",
    "Cinnabar::Organisation",
    "Cinnabar::Role",
    "Cinnabar::Machine",
    "Cinnabar::Officer",
    "Cinnabar::Operator",
    "Cinnabar::System",
    "Cinnabar::Seal",
    "Cinnabar::SealApplication",
    "Cinnabar::LicenceType",
    "Cinnabar::Licence",
    "Cinnabar::Document",
    "Cinnabar::Receipt",
    "Cinnabar::Caller",
    "Cinnabar::Certificate",
    "Cinnabar::CertificateRequest",
    "Cinnabar::Authority",
    "Cinnabar::Log",
    "Cinnabar::Policies",
    "Cinnabar::Appliance",
    "Cinnabar::Proposal",
];
