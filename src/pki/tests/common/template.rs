//! Certificates as tests need them: any validity, any subject, any serial number, by profiles that let them.

use std::{collections::BTreeMap, sync::LazyLock};

use cinnabar_pki::{
    GeneralName, Subject,
    issue::{IssueError, IssuerRef, Places, Wish, prepare},
    profile::{self, BUILTIN},
};
use crypto::Signer;

/// The profiles that come with the program, by the names tests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    RootCa,
    IssuingCa,
    TlsServer,
    MachineClient,
    OfficerClient,
    Seal,
    Ocsp,
    TimeStamp,
    SealMaker,
}

impl Profile {
    pub fn is_ca(self) -> bool {
        self.loose().is_ca()
    }

    /// The profile with what would stand in a test's way taken out: required attributes, bounds of validity, a key it does
    /// not take.
    pub fn loose(self) -> &'static profile::Profile {
        static LOOSE: LazyLock<BTreeMap<&str, profile::Profile>> = LazyLock::new(|| {
            let parse = |(name, text): &(&'static str, &str)| {
                let mut text =
                    text.replace("required = true", "").replace("\nkeys = [", "\nkeys = [\"ed25519\", ");
                text = text.replace("\"sm2\", \"ed25519\"", "\"sm2\"");
                if !text.contains("\nlongest_days") {
                    text = text.replace("\nnegotiable = true", "\nnegotiable = true\nlongest_days = 36500");
                }
                (*name, profile::Profile::parse(name, &text).unwrap())
            };
            BUILTIN.iter().map(parse).collect()
        });
        let name = match self {
            Self::RootCa => "root",
            Self::IssuingCa => "issuing-ca",
            Self::TlsServer => "server",
            Self::MachineClient => "machine",
            Self::OfficerClient => "officer",
            Self::Seal => "seal-organisation",
            Self::Ocsp => "ocsp",
            Self::TimeStamp => "time-stamp",
            Self::SealMaker => "seal-maker",
        };
        LOOSE.get(name).unwrap()
    }
}

/// What a test's certificate shall say.
#[derive(Clone, Debug)]
pub struct Template {
    pub profile: Profile,
    pub subject: Subject,
    pub subject_alt_names: Vec<GeneralName>,
    pub public_key: Vec<u8>,
    pub not_before: i64,
    pub not_after: i64,
    pub serial: [u8; 20],
    pub crl_distribution_point: Option<String>,
}

/// Issues at the time that the template's validity begins.
pub fn issue(template: &Template, issuer: IssuerRef<'_>, signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let profile = template.profile.loose();
    let wish = Wish {
        subject: template.subject.clone(),
        names: template.subject_alt_names.clone(),
        public_key: template.public_key.clone(),
        not_before: None,
        not_after: Some(template.not_after),
    };
    let places = Places { crl: template.crl_distribution_point.clone(), ..super::places() };
    let now = template.not_before + profile.validity().backdate;
    let linted = prepare(profile, &wish, issuer, &places, template.serial, now, signer.scheme())?;
    Ok(linted.sign(signer)?.der().to_vec())
}
