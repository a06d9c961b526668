//! What is ordered: a profile, a wish, for whom, and by which way.

use pki::issue::Wish;
use pki::profile::Way;

use super::holder::Holder;

/// An order for one certificate. Made with [`Order::new`]; whether approvals were given is not for callers to say.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Name of the profile.
    pub profile: &'a str,
    /// By which way it is asked for; the profile says which are open.
    pub way: Way,
    /// What is wished; the profile decides.
    pub wish: Wish,
    /// The registered caller that the certificate is for; what was read of it is guarded when it is entered.
    pub holder: Option<&'a Holder>,
    /// The registered organisation it is for.
    pub organisation: Option<&'a str>,
    /// Fingerprint of the certificate that it renews.
    pub replaces: Option<String>,
    /// Label of the authority, where the profile leaves it to the hierarchy.
    pub issuer: Option<&'a str>,
    pub(super) approved: bool,
}

impl<'a> Order<'a> {
    /// An order that is for nobody registered.
    #[must_use]
    pub const fn new(profile: &'a str, way: Way, wish: Wish) -> Self {
        Self {
            profile,
            way,
            wish,
            holder: None,
            organisation: None,
            replaces: None,
            issuer: None,
            approved: false,
        }
    }

    /// For this registered caller, and its organisation.
    #[must_use]
    pub fn for_holder(mut self, holder: &'a Holder) -> Self {
        self.holder = Some(holder);
        self.organisation = Some(holder.organisation());
        self
    }

    /// For this registered organisation.
    #[must_use]
    pub const fn for_organisation(mut self, organisation: &'a str) -> Self {
        self.organisation = Some(organisation);
        self
    }

    /// In the place of the certificate with this fingerprint.
    #[must_use]
    pub fn replacing(mut self, fingerprint: Option<String>) -> Self {
        self.replaces = fingerprint;
        self
    }

    /// From this authority.
    #[must_use]
    pub const fn from_authority(mut self, label: &'a str) -> Self {
        self.issuer = Some(label);
        self
    }
}

/// The way's name in records.
pub(super) const fn way_name(way: Way) -> &'static str {
    match way {
        Way::Officer => "officer",
        Way::Holder => "holder",
        Way::Est => "est",
        Way::Acme => "acme",
        Way::Appliance => "appliance",
        Way::Ceremony => "ceremony",
    }
}

/// Reads the recorded name.
pub(super) fn way_of(name: &str) -> Option<Way> {
    [Way::Officer, Way::Holder, Way::Est, Way::Acme, Way::Appliance, Way::Ceremony]
        .into_iter()
        .find(|way| way_name(*way) == name)
}
