//! The proof that policies permitted one act of one caller on one resource.

use std::marker::PhantomData;
use std::sync::Arc;

use super::actions::Action;
use super::resource::Resource;
use crate::identity::Caller;

/// Permission for the act `A`, once. Made only by [`super::Policy::decide`].
// INVARIANT: private fields, no `Clone`, no serde: a permit cannot be copied, stored or made elsewhere.
#[derive(Debug)]
pub struct Permit<A: Action> {
    caller: Arc<Caller>,
    resource: Resource,
    policies: Vec<String>,
    request: String,
    action: PhantomData<fn() -> A>,
}

impl<A: Action> Permit<A> {
    pub(super) fn new(
        caller: Arc<Caller>,
        resource: Resource,
        policies: Vec<String>,
        request: String,
    ) -> Self {
        Self { caller, resource, policies, request, action: PhantomData }
    }

    /// Who acts.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// What is acted upon.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The policies that determined the decision.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The request in which the act was asked for.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The head of the journal entry that will record the act.
    #[must_use]
    pub fn act(&self) -> crate::journal::Act {
        crate::journal::Act {
            actor: self.caller.actor(),
            action: A::NAME.to_owned(),
            resource: self.resource.name(),
            policies: self.policies.clone(),
            request: self.request.clone(),
        }
    }

    /// The act's name.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        A::NAME
    }
}

/// The one permit with which a key signs a digest (decision 16).
impl custody::BlindPermit for Permit<super::SignHash> {}
