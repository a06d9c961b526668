//! What `cinnabar verify` may be told, with FILE wherever it stands.
//!
//! `…` lists take several values after one flag, so a FILE given last would be swallowed by the list before it; it is
//! taken back.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use ipnet::IpNet;
use jiff::Timestamp;

/// Options of `cinnabar verify`, with FILE wherever it stood.
#[derive(Debug)]
pub struct VerifyArgs {
    pub(super) file: PathBuf,
    pub(super) lists: Lists,
}

#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  cinnabar verify sealed.pdf --trust-anchor root.pem --crl seals-ca.crl
  cinnabar verify --trust-anchor root.pem other-root.pem --untrusted ca.pem sealed.pdf --json
  cinnabar verify sealed.pdf --trust-anchor root.pem --crl seals-ca.crl --at 2026-11-22T08:00:00+08:00
  cinnabar verify sealed.pdf --trust-anchor root.pem --online --report simple --lang zh
  cinnabar verify sealed.pdf --trust-anchor root.pem --ocsp seals.ors --policy strict --report html --out report.html
  cinnabar verify contract.p7s --content contract.doc --trust-anchor root.pem --crl ca.crl
  cinnabar verify contract.tsr --content contract.doc --trust-anchor root.pem --crl ca.crl --report etsi
  cinnabar verify SignedValue.dat --content Signature.xml --trust-anchor root.pem --seal-maker maker.pem --crl ca.crl
  cinnabar verify bureau.esl --trust-anchor root.pem --seal-maker maker.pem --crl seals-ca.crl

FILE is a PDF, a CMS signature (attached, or detached with --content), a time-stamp (RFC 3161 token or response, with
--content), a signature made with an electronic seal (SES_Signature of GB/T 38540 or GM/T 0031, with --content) or such a
seal itself (SESeal); DER, BER, PEM or base64. Its octets say which, not its name. Each signer of a CMS is judged.

No standard says how the certificate of a maker of seals is told from that of an owner of seals. Name the makers with
--seal-maker; where nobody but makers and their signers is certified under the trust anchors, --any-seal-maker will do.
Without either a seal that holds, and what was signed with it, end with 4.

Without a trust anchor nothing can be trusted, and an intact signature ends with 4. The signer's certificate needs
revocation information (a CRL or an OCSP response, given here or in the file) unless it says that there is none
(RFC 9608); for the authorities above it, what is at hand is used. --policy replaces these rules.

Nothing is connected to without --online. With it, what is missing is fetched from the addresses that the certificates
name: issuers, OCSP responses and CRLs. Whoever runs these addresses learns that the file is being verified. They must be
public ones; networks named with --allow-network are connected to instead, private ones among them.

Exit codes:
  0  every signature is valid, trusted and followed by nothing its signer did not allow
  3  a signature is invalid or altered, or was followed by more than its signer allowed
  4  it cannot be decided: no path to a trust anchor, no revocation information, no content, no maker of seals named
  5  the file holds no signature (with verdict `timestamp-only`: nothing but intact document time-stamps)
  6  the file cannot be processed: malformed beyond reading, encrypted, over a budget, unreadable
  2  wrong usage, unreadable certificates, CRLs, OCSP responses or policies among it")]
pub(super) struct Lists {
    /// The PDF, CMS signature, time-stamp, seal or signature made with one to verify
    pub(super) file: Option<PathBuf>,
    /// What was signed or stamped, when it is not inside FILE
    #[arg(long, value_name = "FILE")]
    pub(super) content: Option<PathBuf>,
    /// Certificates that are trusted, PEM or DER; several after one flag or with several
    #[arg(long, num_args = 1.., value_name = "ROOT.pem")]
    pub(super) trust_anchor: Vec<PathBuf>,
    /// Further certificates that may be on a path, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CERT.pem")]
    pub(super) untrusted: Vec<PathBuf>,
    /// Revocation lists, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CRL")]
    pub(super) crl: Vec<PathBuf>,
    /// OCSP responses, DER
    #[arg(long, num_args = 1.., value_name = "OCSP")]
    pub(super) ocsp: Vec<PathBuf>,
    /// Certificates of those who make electronic seals, PEM or DER
    #[arg(long, num_args = 1.., value_name = "MAKER.pem")]
    pub(super) seal_maker: Vec<PathBuf>,
    /// Let whoever is certified under a trust anchor make seals, but for the seal's own signers
    #[arg(long, conflicts_with = "seal_maker")]
    pub(super) any_seal_maker: bool,
    /// Verify as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub(super) at: Option<Timestamp>,
    /// Demand what this policy demands: `default`, `strict`, `archive`, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) policy: Option<String>,
    /// Print a report instead of the usual words
    #[arg(long, value_enum)]
    pub(super) report: Option<Kind>,
    /// Language of the reports `simple` and `html`
    #[arg(long, value_enum, default_value_t)]
    pub(super) lang: Lang,
    /// Write the report into this file, and print the usual words; must not exist yet unless --force
    #[arg(long, value_name = "FILE", requires = "report")]
    pub(super) out: Option<PathBuf>,
    /// Replace an existing report
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    /// Fetch missing certificates, OCSP responses and CRLs from the addresses that certificates name
    #[arg(long)]
    pub(super) online: bool,
    /// Networks that --online may connect to [default: all public ones]
    #[arg(long, num_args = 1.., value_name = "CIDR", requires = "online")]
    pub(super) allow_network: Vec<IpNet>,
    /// TCP ports that --online may connect to
    #[arg(long, num_args = 1.., value_name = "PORT", requires = "online", default_values_t = [80, 443])]
    pub(super) allow_port: Vec<u16>,
}

/// A report by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// What a clerk needs, as text
    Simple,
    /// Everything that is known, as JSON
    Detailed,
    /// ETSI TS 119 102-2, XML
    Etsi,
    /// What a clerk needs, as a page that prints on A4
    Html,
}

/// A language by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Lang {
    /// 简体中文
    Zh,
    /// English
    En,
    /// Both, Chinese first
    #[default]
    Both,
}

impl From<Lang> for pdf::report::Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Chinese,
            Lang::En => Self::English,
            Lang::Both => Self::Both,
        }
    }
}

impl Args for VerifyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Lists::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Lists::augment_args_for_update(command)
    }
}

impl FromArgMatches for VerifyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let names = ["trust_anchor", "untrusted", "crl", "ocsp", "seal_maker"];
        let swallowed =
            if matches.contains_id("file") { None } else { swallowed(matches, &names, looks_signed) };
        let mut lists = Lists::from_arg_matches_mut(matches)?;
        let mut values = [
            &mut lists.trust_anchor,
            &mut lists.untrusted,
            &mut lists.crl,
            &mut lists.ocsp,
            &mut lists.seal_maker,
        ];
        let file = take_back(lists.file.take(), swallowed, &names, &mut values);
        let missing = "name the file to verify: cinnabar verify FILE --trust-anchor ROOT.pem…\n";
        let file = file.ok_or_else(|| clap::Error::raw(ErrorKind::MissingRequiredArgument, missing))?;
        Ok(Self { file, lists })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether a name is one of signed files: only to tell a FILE from the list that swallowed it.
fn looks_signed(path: &Path) -> bool {
    let endings = ["pdf", "p7s", "p7m", "p7", "cms", "tsr", "tst", "esl", "ses", "dat"];
    path.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// The one file a command is about: as `given`, or taken out of the list that [`swallowed`] it; `names` and `lists` go
/// together.
pub(in crate::cli) fn take_back(
    given: Option<PathBuf>,
    swallowed: Option<(&'static str, usize)>,
    names: &[&'static str],
    lists: &mut [&mut Vec<PathBuf>],
) -> Option<PathBuf> {
    let Some((name, position)) = swallowed else { return given };
    let (_, list) = names.iter().zip(lists).find(|(known, _)| **known == name)?;
    (position < list.len()).then(|| list.remove(position))
}

/// Which list swallowed the one file a command is about, and at which of its values it stands: the end of the last flag
/// that was given more than one value. One that looks right by name goes before one by place.
pub(in crate::cli) fn swallowed(
    matches: &ArgMatches,
    names: &[&'static str],
    looks_right: impl Fn(&Path) -> bool,
) -> Option<(&'static str, usize)> {
    let mut ends: Vec<(usize, &'static str, usize, bool)> = Vec::new();
    for name in names.iter().copied() {
        let (Some(occurrences), Some(indices)) =
            (matches.get_occurrences::<PathBuf>(name), matches.indices_of(name))
        else {
            continue;
        };
        let indices: Vec<usize> = indices.collect();
        let mut position = 0;
        for occurrence in occurrences {
            let values: Vec<&PathBuf> = occurrence.collect();
            position += values.len();
            let (Some(last), true) = (values.last(), values.len() > 1) else { continue };
            let Some(index) = indices.get(position - 1) else { continue };
            ends.push((*index, name, position - 1, looks_right(last)));
        }
    }
    ends.into_iter().max_by_key(|(index, _, _, is_pdf)| (*is_pdf, *index)).map(|(_, name, at, _)| (name, at))
}
