//! Several keepers as one: the file keystore, and a token for the labels that configuration puts there.
//!
//! A new key goes where the rule says. A key that exists is looked for there first and then in the other keeper, so
//! that a changed rule does not lose keys made before. No label exists twice.

use std::sync::Arc;

use crypto::{PrehashedSigner, Signer};
use zeroize::Zeroizing;

use crate::api::{Algorithm, BlindPermit, Custody, CustodyError, Health, KeyInfo, Usage};

/// The keepers of one appliance.
pub struct Custodies {
    file: Arc<dyn Custody>,
    token: Option<Arc<dyn Custody>>,
    in_token: Box<Rule>,
}

type Rule = dyn Fn(&str) -> bool + Send + Sync;

impl Custodies {
    /// The file keystore alone.
    pub fn file(file: Arc<dyn Custody>) -> Self {
        Self { file, token: None, in_token: Box::new(|_| false) }
    }

    /// File keystore and token; `in_token` says of a label whether a new key of that name is made in the token.
    pub fn with_token(
        file: Arc<dyn Custody>,
        token: Arc<dyn Custody>,
        in_token: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { file, token: Some(token), in_token: Box::new(in_token) }
    }

    /// The keepers, the one that should have the label first.
    fn keepers(&self, label: &str) -> (&dyn Custody, Option<&dyn Custody>) {
        match &self.token {
            Some(token) if (self.in_token)(label) => (token.as_ref(), Some(self.file.as_ref())),
            Some(token) => (self.file.as_ref(), Some(token.as_ref())),
            None => (self.file.as_ref(), None),
        }
    }

    /// Asks the keeper that has the key.
    fn ask<T>(
        &self,
        label: &str,
        work: impl Fn(&dyn Custody) -> Result<T, CustodyError>,
    ) -> Result<T, CustodyError> {
        match self.keepers(label) {
            (first, Some(second)) => match work(first) {
                Err(missing @ (CustodyError::NoSuchKey { .. } | CustodyError::Unavailable { .. })) => {
                    match work(second) {
                        // A token that is away may have the key; that nobody else has it is no answer then.
                        Err(CustodyError::NoSuchKey { .. }) => Err(missing),
                        answer => answer,
                    }
                }
                answer => answer,
            },
            (only, None) => work(only),
        }
    }
}

impl Custody for Custodies {
    fn generate(&self, label: &str, algorithm: Algorithm, usage: Usage) -> Result<KeyInfo, CustodyError> {
        let (place, other) = self.keepers(label);
        match other.map(|other| other.key(label)) {
            None | Some(Err(CustodyError::NoSuchKey { .. })) => place.generate(label, algorithm, usage),
            // The file keystore takes keys while the token is away: nothing of ours is there under a rule that puts
            // them elsewhere, and two keys of one label would be found by the order of asking.
            Some(Err(CustodyError::Unavailable { .. })) => place.generate(label, algorithm, usage),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(CustodyError::Exists { label: label.to_owned() }),
        }
    }

    fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError> {
        let mut keys = self.file.keys()?;
        if let Some(token) = &self.token {
            keys.extend(token.keys()?);
            keys.sort_by(|a, b| a.label.cmp(&b.label));
        }
        Ok(keys)
    }

    fn key(&self, label: &str) -> Result<KeyInfo, CustodyError> {
        self.ask(label, |keeper| keeper.key(label))
    }

    fn signer(&self, label: &str) -> Result<Arc<dyn Signer>, CustodyError> {
        self.ask(label, |keeper| keeper.signer(label))
    }

    fn prehashed_signer(
        &self,
        label: &str,
        permit: &dyn BlindPermit,
    ) -> Result<Arc<dyn PrehashedSigner>, CustodyError> {
        self.ask(label, |keeper| keeper.prehashed_signer(label, permit))
    }

    fn seal(&self, label: &str, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, CustodyError> {
        self.ask(label, |keeper| keeper.seal(label, plaintext, aad))
    }

    fn open(&self, label: &str, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        self.ask(label, |keeper| keeper.open(label, sealed, aad))
    }

    fn mac(&self, label: &str, message: &[u8]) -> Result<[u8; 32], CustodyError> {
        self.ask(label, |keeper| keeper.mac(label, message))
    }

    fn destroy(&self, label: &str) -> Result<(), CustodyError> {
        self.ask(label, |keeper| keeper.destroy(label))
    }

    fn health(&self) -> Vec<Health> {
        let mut all = self.file.health();
        all.extend(self.token.iter().flat_map(|token| token.health()));
        all
    }
}

impl std::fmt::Debug for Custodies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custodies").field("token", &self.token.is_some()).finish_non_exhaustive()
    }
}
