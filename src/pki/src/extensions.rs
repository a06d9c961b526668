//! The certificate extensions path validation and the service care about, decoded once (RFC 5280 §4.2).
//!
//! Own decoding on purpose: x509-cert's GeneralName knows no x400Address and fails the whole extension on one, and its
//! IssuingDistributionPoint carries the wrong identifier.

use std::net::IpAddr;

use der::asn1::ObjectIdentifier;

use crate::{
    asn1::{self, Asn1Error, BIT_STRING, BOOLEAN, INTEGER, NULL, OCTET_STRING, Reader, Rules, SEQUENCE, Tlv},
    name::Name,
    oids,
};

/// KeyUsage bits (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyUsage(u16);

#[expect(missing_docs, reason = "the constants' names are the standard's")]
impl KeyUsage {
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    pub const CRL_SIGN: Self = Self(1 << 6);
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    pub const DECIPHER_ONLY: Self = Self(1 << 8);
}

impl KeyUsage {
    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }
}

/// GeneralName (RFC 5280 §4.2.1.6). Strings are IA5 and kept as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GeneralName {
    /// rfc822Name
    Email(String),
    /// dNSName
    Dns(String),
    /// directoryName
    Directory(Name),
    /// uniformResourceIdentifier
    Uri(String),
    /// iPAddress: 4 or 16 octets; twice that, with the mask, in name constraints.
    Ip(Vec<u8>),
    /// otherName, by its type.
    OtherName(ObjectIdentifier),
    /// Any other form, by its context tag number.
    Other(u8),
}

impl GeneralName {
    /// An address as a certificate names it.
    #[must_use]
    pub fn ip(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ip(address.octets().to_vec()),
            IpAddr::V6(address) => Self::Ip(address.octets().to_vec()),
        }
    }

    pub(crate) fn read(tlv: &Tlv<'_>) -> Result<Self, Asn1Error> {
        let ia5 = || match std::str::from_utf8(tlv.content) {
            Ok(text) if text.is_ascii() => Ok(text.to_owned()),
            _ => Err(tlv.invalid("IA5String")),
        };
        Ok(match tlv.tag {
            0x81 => Self::Email(ia5()?),
            0x82 => Self::Dns(ia5()?),
            0x86 => Self::Uri(ia5()?),
            0x87 => match tlv.content.len() {
                4 | 8 | 16 | 32 => Self::Ip(tlv.content.to_vec()),
                _ => return Err(tlv.invalid("iPAddress")),
            },
            0xA4 => Self::Directory(Name::from_der(tlv.content)?),
            0xA0 => Self::OtherName(tlv.reader().expect(asn1::OID)?.oid()?),
            tag if tag & 0xC0 == 0x80 && tag & 0x1F <= 8 => Self::Other(tag & 0x1F),
            _ => return Err(tlv.invalid("GeneralName")),
        })
    }

    /// The form's name as RFC 5280 §4.2.1.6 has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) | Self::Other(1) => "rfc822Name",
            Self::Dns(_) | Self::Other(2) => "dNSName",
            Self::Directory(_) | Self::Other(4) => "directoryName",
            Self::Uri(_) | Self::Other(6) => "uniformResourceIdentifier",
            Self::Ip(_) | Self::Other(7) => "iPAddress",
            Self::OtherName(_) | Self::Other(0) => "otherName",
            Self::Other(3) => "x400Address",
            Self::Other(5) => "ediPartyName",
            Self::Other(8) => "registeredID",
            Self::Other(_) => "unknown",
        }
    }

    /// `None` for [`Self::OtherName`] and [`Self::Other`], which are never written.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Email(text) => asn1::tlv(0x81, text.as_bytes()),
            Self::Dns(text) => asn1::tlv(0x82, text.as_bytes()),
            Self::Uri(text) => asn1::tlv(0x86, text.as_bytes()),
            Self::Ip(octets) => asn1::tlv(0x87, octets),
            Self::Directory(name) => asn1::tlv(0xA4, name.der()),
            Self::OtherName(_) | Self::Other(_) => return None,
        })
    }

    pub(crate) fn read_all(reader: Reader<'_>) -> Result<Vec<Self>, Asn1Error> {
        reader.all(MAX_NAMES)?.iter().map(Self::read).collect()
    }
}

/// The name alone, addresses in their usual notation.
impl std::fmt::Display for GeneralName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Email(text) | Self::Dns(text) | Self::Uri(text) => f.write_str(text),
            Self::Directory(name) => name.fmt(f),
            Self::Ip(octets) => {
                if let Ok(address) = <[u8; 4]>::try_from(octets.as_slice()) {
                    IpAddr::from(address).fmt(f)
                } else if let Ok(address) = <[u8; 16]>::try_from(octets.as_slice()) {
                    IpAddr::from(address).fmt(f)
                } else {
                    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
                }
            }
            Self::OtherName(_) | Self::Other(_) => f.write_str(self.kind()),
        }
    }
}

/// BasicConstraints (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// How many intermediate certificates may follow.
    pub path_len: Option<u32>,
}

/// NameConstraints (RFC 5280 §4.2.1.10); minimum and maximum must be absent or zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// Where names must lie, per form.
    pub permitted: Vec<GeneralName>,
    /// Where names must not lie.
    pub excluded: Vec<GeneralName>,
}

/// PolicyConstraints (RFC 5280 §4.2.1.11), as numbers of certificates that may still follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyConstraints {
    pub require_explicit_policy: Option<u32>,
    pub inhibit_policy_mapping: Option<u32>,
}

/// DistributionPoint (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DistributionPoint {
    pub name: Option<PointName>,
    /// ReasonFlags as a mask; `None`: all.
    pub reasons: Option<u16>,
    pub crl_issuer: Vec<GeneralName>,
}

/// DistributionPointName (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PointName {
    Full(Vec<GeneralName>),
    /// The content of a RelativeDistinguishedName, relative to the CRL issuer's name.
    Relative(Vec<u8>),
}

impl PointName {
    /// Reads the choice inside an explicit `[0]`.
    pub(crate) fn read(explicit: &Tlv<'_>) -> Result<Self, Asn1Error> {
        let mut fields = explicit.reader();
        let choice = fields.next()?;
        fields.finish()?;
        match choice.tag {
            0xA0 => Ok(Self::Full(GeneralName::read_all(choice.reader())?)),
            0xA1 => Ok(Self::Relative(choice.content.to_vec())),
            _ => Err(choice.invalid("DistributionPointName")),
        }
    }

    /// The names meant, seen from `issuer`.
    pub(crate) fn resolve(&self, issuer: &Name) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(rdn) => {
                let name = Reader::only(issuer.der(), Rules::Der, SEQUENCE)
                    .map(|name| asn1::join(SEQUENCE, &[name.content, &asn1::tlv(asn1::SET, rdn)]))
                    .and_then(|der| Name::from_der(&der));
                name.map(GeneralName::Directory).into_iter().collect()
            }
        }
    }

    pub(crate) fn uris(&self) -> impl Iterator<Item = String> {
        let names = if let Self::Full(names) = self { names.as_slice() } else { &[] };
        names
            .iter()
            .filter_map(|name| if let GeneralName::Uri(uri) = name { Some(uri.clone()) } else { None })
    }
}

/// One certificate's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub present: Vec<(ObjectIdentifier, bool)>,
    pub key_usage: Option<u16>,
    pub extended_key_usages: Option<Vec<ObjectIdentifier>>,
    pub basic_constraints: Option<BasicConstraints>,
    pub subject_key_id: Option<Vec<u8>>,
    pub authority_key_id: Option<Vec<u8>>,
    pub subject_alt_names: Vec<GeneralName>,
    pub name_constraints: Option<NameConstraints>,
    pub crl_distribution_points: Vec<String>,
    pub ocsp_uris: Vec<String>,
    pub ca_issuer_uris: Vec<String>,
    pub distribution_points: Vec<DistributionPoint>,
    pub policies: Vec<ObjectIdentifier>,
    /// issuerDomainPolicy, subjectDomainPolicy (RFC 5280 §4.2.1.5).
    pub policy_mappings: Vec<(ObjectIdentifier, ObjectIdentifier)>,
    pub policy_constraints: Option<PolicyConstraints>,
    pub inhibit_any_policy: Option<u32>,
    pub no_rev_avail: bool,
    pub ocsp_nocheck: bool,
    /// Critical extensions this crate does not process: the certificate cannot be relied on (RFC 5280 §4.2).
    pub unprocessed_critical: Vec<ObjectIdentifier>,
}

/// One `Extension` of a certificate, CRL or CRL entry.
pub(crate) struct RawExtension<'a> {
    pub id: ObjectIdentifier,
    pub critical: bool,
    pub value: &'a [u8],
}

impl<'a> RawExtension<'a> {
    /// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`, refusing duplicates (RFC 5280 §4.2).
    pub(crate) fn read_all(sequence: &Tlv<'a>) -> Result<Vec<Self>, Asn1Error> {
        let mut seen: Vec<Self> = Vec::new();
        for extension in sequence.reader().all(MAX_EXTENSIONS)? {
            if extension.tag != SEQUENCE {
                return Err(extension.invalid("Extension"));
            }
            let mut fields = extension.reader();
            let id = fields.expect(asn1::OID)?.oid()?;
            let critical = fields.optional(BOOLEAN)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false);
            let value = fields.expect(OCTET_STRING)?.content;
            fields.finish()?;
            if seen.iter().any(|earlier| earlier.id == id) {
                return Err(extension.invalid("duplicate extension"));
            }
            seen.push(Self { id, critical, value });
        }
        Ok(seen)
    }
}

impl Extensions {
    pub(crate) fn read(sequence: &Tlv<'_>) -> Result<Self, Asn1Error> {
        let mut out = Self::default();
        for extension in RawExtension::read_all(sequence)? {
            out.present.push((extension.id, extension.critical));
            if !out.process(extension.id, extension.value)? && extension.critical {
                out.unprocessed_critical.push(extension.id);
            }
        }
        Ok(out)
    }

    /// Whether the extension is one this crate honours.
    fn process(&mut self, id: ObjectIdentifier, value: &[u8]) -> Result<bool, Asn1Error> {
        let only = |tag| Reader::only(value, Rules::Der, tag);
        match id {
            oids::KEY_USAGE => self.key_usage = Some(only(BIT_STRING)?.named_bits()?),
            oids::EXTENDED_KEY_USAGE => {
                let purposes = only(SEQUENCE)?.reader().all(MAX_NAMES)?;
                self.extended_key_usages = Some(purposes.iter().map(Tlv::oid).collect::<Result<_, _>>()?);
            }
            oids::BASIC_CONSTRAINTS => {
                let mut fields = only(SEQUENCE)?.reader();
                let ca = fields.optional(BOOLEAN)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false);
                let path_len = fields.optional(INTEGER)?.map(|length| length.small()).transpose()?;
                fields.finish()?;
                self.basic_constraints = Some(BasicConstraints { ca, path_len });
            }
            oids::SUBJECT_KEY_IDENTIFIER => self.subject_key_id = Some(only(OCTET_STRING)?.content.to_vec()),
            oids::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_id =
                    only(SEQUENCE)?.reader().optional(0x80)?.map(|id| id.content.to_vec());
            }
            oids::SUBJECT_ALT_NAME => {
                self.subject_alt_names = GeneralName::read_all(only(SEQUENCE)?.reader())?;
            }
            oids::NAME_CONSTRAINTS => self.name_constraints = Some(name_constraints(&only(SEQUENCE)?)?),
            oids::CRL_DISTRIBUTION_POINTS => {
                for point in only(SEQUENCE)?.reader().all(MAX_NAMES)? {
                    let mut fields = point.reader();
                    let name = fields.optional(0xA0)?.map(|name| PointName::read(&name)).transpose()?;
                    let reasons = fields.optional(0x81)?.map(|reasons| reasons.named_bits()).transpose()?;
                    let crl_issuer = match fields.optional(0xA2)? {
                        Some(names) => GeneralName::read_all(names.reader())?,
                        None => Vec::new(),
                    };
                    fields.finish()?;
                    self.crl_distribution_points.extend(name.iter().flat_map(PointName::uris));
                    self.distribution_points.push(DistributionPoint { name, reasons, crl_issuer });
                }
            }
            oids::AUTHORITY_INFO_ACCESS => {
                for description in only(SEQUENCE)?.reader().all(MAX_NAMES)? {
                    let mut fields = description.reader();
                    let method = fields.expect(asn1::OID)?.oid()?;
                    if let GeneralName::Uri(uri) = GeneralName::read(&fields.next()?)? {
                        match method {
                            oids::OCSP => self.ocsp_uris.push(uri),
                            oids::CA_ISSUERS => self.ca_issuer_uris.push(uri),
                            _ => {}
                        }
                    }
                }
            }
            oids::CERTIFICATE_POLICIES => {
                for policy in only(SEQUENCE)?.reader().all(MAX_NAMES)? {
                    self.policies.push(policy.reader().expect(asn1::OID)?.oid()?);
                }
            }
            oids::POLICY_MAPPINGS => {
                for mapping in only(SEQUENCE)?.reader().all(MAX_NAMES)? {
                    let mut fields = mapping.reader();
                    let pair = (fields.expect(asn1::OID)?.oid()?, fields.expect(asn1::OID)?.oid()?);
                    fields.finish()?;
                    self.policy_mappings.push(pair);
                }
            }
            oids::POLICY_CONSTRAINTS => {
                let sequence = only(SEQUENCE)?;
                let mut fields = sequence.reader();
                let mut number = |tag| fields.optional(tag)?.map(|skip| skip.small()).transpose();
                let constraints = PolicyConstraints {
                    require_explicit_policy: number(0x80)?,
                    inhibit_policy_mapping: number(0x81)?,
                };
                fields.finish()?;
                if constraints == PolicyConstraints::default() {
                    return Err(sequence.invalid("PolicyConstraints"));
                }
                self.policy_constraints = Some(constraints);
            }
            oids::INHIBIT_ANY_POLICY => self.inhibit_any_policy = Some(only(INTEGER)?.small()?),
            oids::NO_REV_AVAIL => {
                only(NULL)?;
                self.no_rev_avail = true;
            }
            oids::OCSP_NOCHECK => {
                only(NULL)?;
                self.ocsp_nocheck = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn name_constraints(sequence: &Tlv<'_>) -> Result<NameConstraints, Asn1Error> {
    let subtrees = |list: Option<Tlv<'_>>| -> Result<Vec<GeneralName>, Asn1Error> {
        let Some(list) = list else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for subtree in list.reader().all(MAX_NAMES)? {
            let mut fields = subtree.reader();
            names.push(GeneralName::read(&fields.next()?)?);
            // RFC 5280 §4.2.1.10: minimum MUST be zero (so absent in DER) and maximum absent.
            fields.finish()?;
        }
        Ok(names)
    };
    let mut fields = sequence.reader();
    let permitted = subtrees(fields.optional(0xA0)?)?;
    let excluded = subtrees(fields.optional(0xA1)?)?;
    fields.finish()?;
    Ok(NameConstraints { permitted, excluded })
}

/// Far above real certificates; bounds memory on hostile ones.
const MAX_EXTENSIONS: usize = 64;
const MAX_NAMES: usize = 4096;
