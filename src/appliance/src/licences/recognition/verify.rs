//! Verifying what another region issued: by its symbol, its presentation, its sealed file.
//!
//! `None` means that no region in force has anything to do with it, and whoever called goes on. A region is believed for the
//! issuing bodies, types and addresses of its entry alone; beyond them its word is a mismatch, however well it is signed.

use std::sync::Arc;

use licence::credential::qr::{self, QrError};
use licence::credential::sd_jwt::{Holder, Presentation, SdJwtError};
use licence::credential::{StatusReference, qr::Essential};
use licence::identifier::{Check, Identifier};
use licence::trust_list::Entry;
use pdf::syntax::{Document, Limits, Object, Source};
use pdf::verify::{
    Class, Coverage, Integrity, Kind, Options, Report, SignatureContainer, Trust, Verdict as FileVerdict,
};
use pki::Certificate;
use pki::path::{Purpose, TrustAnchors};
use serde_json::{Map, Value as Json};

use super::regions::Region;
use super::status::{self, StandingUnknown};
use crate::app::App;
use crate::documents::{Evidence, SealMakers, Seals, Wanted};
use crate::licences::verification::{Code, Facts, FileCode, Origin, Reason, Shown, Verdict, instant};
use crate::problem::Result;
use crate::server::spill::Spooled;

/// Verifies the text of a QR symbol that a listed region signed; `now` is microseconds.
///
/// # Errors
/// A problem when the database has not answered for too long. What is wrong with the symbol is a verdict.
pub async fn by_qr(app: &App, text: &str, now: i64) -> Result<Option<Verdict>> {
    let at = now.div_euclid(1_000_000);
    let Ok(read) = qr::decode(text) else { return Ok(None) };
    let named = read.kid().to_vec();
    let region = app.licences.regions.of_signer(app, at, |one| qr::kid(one)[..] == named[..])?;
    let Some(region) = region else { return Ok(None) };
    let essential = read.unverified().clone();
    let nobody = TrustAnchors::default();
    let verdict = match read.verify(&region.signers(&nobody), at) {
        // Its time is laid over what the region may say and does say of it: signed is signed, early or late.
        Ok(_) | Err(QrError::Expired(_) | QrError::NotYet(_)) => {
            said(app, &region, &essential, essential.status.as_ref(), now).await
        }
        Err(error) => unbelieved(now, &error),
    };
    Ok(Some(from(&region, verdict)))
}

/// Verifies an SD-JWT VC presentation of a credential that a listed region signed; `now` is microseconds.
///
/// # Errors
/// As [`by_qr`].
pub async fn by_presentation(
    app: &App,
    text: &str,
    expected: Option<&licence::credential::sd_jwt::Expected<'_>>,
    now: i64,
) -> Result<Option<Verdict>> {
    let at = now.div_euclid(1_000_000);
    let Ok(presentation) = Presentation::parse(text) else { return Ok(None) };
    let signer = presentation.signer().cloned();
    let Some(signer) = signer else { return Ok(None) };
    let Some(region) = app.licences.regions.of_signer(app, at, |one| *one == signer)? else {
        return Ok(None);
    };
    let nobody = TrustAnchors::default();
    let trust = region.signers(&nobody);
    let verified = match presentation.clone().verify(&trust, at, expected) {
        // The holder's proof was looked at; what the credential says is read as of a moment when it holds, and its time laid
        // over it below.
        Err(SdJwtError::Expired(over)) => presentation.verify(&trust, over.saturating_sub(1), None),
        Err(SdJwtError::NotYet(from)) => presentation.verify(&trust, from, None),
        verified => verified,
    };
    let verdict = match verified {
        Ok(verified) => match of_claims(&verified.claims) {
            Some(essential) => {
                let verdict = said(app, &region, &essential, verified.status.as_ref(), now).await;
                verdict.because(match verified.holder {
                    Holder::Bound => Reason::new(
                        HOLDER_BOUND,
                        "出示人已证明其为持证人",
                        "whoever presents it proved to be its holder",
                    ),
                    Holder::Unbound(_) => Reason::new(
                        "holder-unbound",
                        "未证明出示者就是持证人",
                        "nothing shows that who presents it is its holder",
                    ),
                })
            }
            None => Verdict::new(Code::Incomplete, now).because(Reason::new(
                "credential",
                "凭证未说明是哪一本证照",
                "the credential does not say which licence it is",
            )),
        },
        Err(error) => unbelieved(now, &error),
    };
    Ok(Some(from(&region, verdict)))
}

/// What the region that sealed a document says of the licence in it: the seal of the body that issued it, under that region's
/// roots, and by the symbol that the file carries where the licence stands now; `None` where it names no licence. `now` is
/// microseconds, `report` what [`by_document`] answered.
///
/// The symbol is printed on every licence, so anybody's file can carry it. The file is the licence only where the seal of the
/// issuing body that the symbol names covers all of it.
///
/// # Errors
/// As [`by_qr`].
pub async fn licence_in(
    app: &Arc<App>,
    file: &Arc<Spooled>,
    (region, report): &(Arc<Region>, Report),
    now: i64,
) -> Result<Option<Verdict>> {
    let document = file.clone();
    let judged = report.clone();
    let (symbol, own) = app
        .desk
        .work(move || {
            let symbol = symbol(document.as_ref());
            let read = symbol.as_deref().and_then(|text| qr::decode(text).ok());
            let issuer = read.map(|read| read.unverified().identifier.issuer().to_owned());
            (symbol, issuer.is_some_and(|issuer| is_sealed_by(document.as_ref(), &judged, &issuer)))
        })
        .await?;
    let verdict = match symbol {
        Some(_) if !own => {
            let verdict = Verdict::new(Code::Mismatch, now).of_file(FileCode::Fails).because(Reason::new(
                "seal-of-another",
                "文件上的印章不是该证照颁发机构的印章，或该印章未覆盖整个文件：文件不是该证照",
                "the file is not sealed as a whole by the body that issued the licence it names: it is not that licence",
            ));
            return Ok(Some(from(region, verdict)));
        }
        Some(text) => match by_qr(app, &text, now).await? {
            // What the sealed file says of itself has to be the same region's.
            Some(verdict) if same_region(&verdict, region) => verdict,
            _ => Verdict::new(Code::Mismatch, now).because(Reason::new(
                "symbol",
                "文件所载二维码不是该地区签发的",
                "the symbol in the file was not signed by that region",
            )),
        },
        // Sealed, but no licence that says so.
        None => return Ok(None),
    };
    let file = match report.verdict {
        FileVerdict::Valid => FileCode::Pass,
        _ => FileCode::SealFails,
    };
    let verdict = verdict.of_file(file);
    Ok(Some(from(region, verdict)))
}

/// Whether the seal of the organisation with this code covers all of a PDF that verifies as the report says: nothing but
/// validation data and time-stamps follows it (EN 319 142-1 §5.4). The code is that of the certificate's subject
/// (organizationIdentifier, X.520).
#[must_use]
pub fn is_sealed_by(source: &dyn Source, report: &Report, code: &str) -> bool {
    let seals = Seals::by(SealMakers::default());
    let containers: [&dyn SignatureContainer; 1] = [&seals];
    let nobody = TrustAnchors::default();
    let options = Options { containers: &containers, ..Options::new(&nobody, 0) };
    // Only for learning whose certificate the report's digest is of; that it is trusted, the report says.
    let Ok(certificates) = pdf::verify::certificates(source, &options, &Limits::default()) else {
        return false;
    };
    let holder = |fingerprint: &str| {
        let signer = certificates.iter().find(|one| hex::encode(one.sha256_fingerprint()) == fingerprint)?;
        signer.subject().organization_identifier()
    };
    report.verdict == FileVerdict::Valid
        && report.file.trailing == 0
        && report.signatures.iter().any(|seal| {
            matches!(seal.kind, Kind::Signature | Kind::SesSignature)
                && seal.integrity == Integrity::Intact
                && seal.trust == Trust::Trusted
                && seal.coverage != Coverage::Partial
                && seal.changes_allowed
                && seal.changes.iter().all(|class| *class == Class::Ltv)
                && seal
                    .signer_fingerprint
                    .as_deref()
                    .and_then(holder)
                    .is_some_and(|found| found.eq_ignore_ascii_case(code))
        })
}

/// The region that sealed a document, and the report under its trust: own authorities have no say in it.
///
/// Whoever uploads a file chooses what it costs, so it is verified once, whatever the number of regions: the certificates in
/// it name the region.
///
/// # Errors
/// As [`by_qr`]; or nothing can be read.
pub async fn by_document(
    app: &Arc<App>,
    file: &Arc<Spooled>,
    now: i64,
) -> Result<Option<(Arc<Region>, Report)>> {
    let at = now.div_euclid(1_000_000);
    let regions = app.licences.regions.in_force(app, at)?;
    if regions.is_empty() {
        return Ok(None);
    }
    let document = file.clone();
    let named = app.desk.work(move || named(document.as_ref(), regions)).await?;
    let Some(region) = named else { return Ok(None) };
    let evidence = evidence(&region, status::revocations(app, &region, at).await);
    let source = file.clone();
    let wanted = Wanted { at, policy: None, plain: Some(false) };
    app.licences.regions.count_verification();
    let report = app.desk.work(move || evidence.verify(source.as_ref(), None, wanted)).await?;
    let valid = report.ok().filter(|report| report.verdict == FileVerdict::Valid);
    Ok(valid.map(|report| (region, report)))
}

/// The region under whose authorities somebody sealed the document.
fn named(source: &dyn Source, regions: Vec<Arc<Region>>) -> Option<Arc<Region>> {
    let seals = Seals::by(SealMakers::default());
    let containers: [&dyn SignatureContainer; 1] = [&seals];
    let nobody = TrustAnchors::default();
    let options = Options { containers: &containers, ..Options::new(&nobody, 0) };
    let mut all = pdf::verify::certificates(source, &options, &Limits::default()).ok()?;
    all.truncate(MOST_CERTIFICATES);
    let (authorities, leaves): (Vec<_>, Vec<_>) = all.into_iter().partition(Certificate::is_ca);
    // Time-stamps may come from anywhere, and say nothing of who sealed.
    let leaves: Vec<_> = leaves.into_iter().filter(|leaf| !is_time_stamping(leaf)).collect();
    regions.into_iter().find(|region| leaves.iter().any(|leaf| leads_to(leaf, &authorities, &region.entry)))
}

/// By its extendedKeyUsage id-kp-timeStamping (RFC 3161 §2.3).
fn is_time_stamping(leaf: &Certificate) -> bool {
    let uses = leaf.extended_key_usages().unwrap_or_default();
    uses.iter().any(|id| id.to_string() == "1.3.6.1.5.5.7.3.8")
}

/// Whether a certificate is one of the region's, or was issued under it: by name, key identifier and signature, through at most
/// [`DEEPEST`] authorities that came with the file.
fn leads_to(leaf: &Certificate, between: &[Certificate], entry: &Entry) -> bool {
    let mut at = leaf;
    for _ in 0..=DEEPEST {
        let known = entry.authorities.iter().chain(&entry.roots);
        if entry.seal_makers.contains(at) || known.into_iter().any(|above| is_issued_by(at, above)) {
            return true;
        }
        match between.iter().find(|above| *above != at && is_issued_by(at, above)) {
            Some(above) => at = above,
            None => return false,
        }
    }
    false
}

fn is_issued_by(certificate: &Certificate, above: &Certificate) -> bool {
    let identified = match (certificate.authority_key_id(), above.subject_key_id()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    };
    identified
        && certificate.issuer() == above.subject()
        && certificate.verify_signature(above.spki()).is_ok()
}

fn evidence(region: &Region, crls: Vec<pki::crl::Crl>) -> Evidence {
    let entry = &region.entry;
    let anchors = TrustAnchors::new(entry.roots.clone());
    let makers = SealMakers { known: entry.seal_makers.clone(), ..SealMakers::default() };
    Evidence {
        anchors: anchors.serving(Purpose::DocumentSigning),
        untrusted: entry.authorities.clone(),
        crls,
        seals: Seals::by(makers),
    }
}

/// The text of the symbol that a licence's file carries in its document information (ISO 32000-2 §14.3.3).
fn symbol(source: &dyn Source) -> Option<String> {
    let limits = Limits::default();
    let document = Document::open(source, &limits).ok()?;
    let information = document.entry(document.trailer(), b"Info").ok()?;
    let Object::Dictionary(information) = information else { return None };
    let Object::String(keywords) = document.entry(&information, b"Keywords").ok()? else { return None };
    let text = spelt(&keywords.bytes)?;
    text.split(", ").find(|word| word.starts_with(qr::PREFIX)).map(ToOwned::to_owned)
}

/// A text string: UTF-16 with its mark, else octets of which the symbol's characters all are ASCII (§7.9.2.2).
fn spelt(octets: &[u8]) -> Option<String> {
    if octets.len() > LONGEST {
        return None;
    }
    match octets.strip_prefix(b"\xfe\xff") {
        Some(units) => {
            let units = units
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |unit, octet| unit << 8 | u16::from(*octet)));
            char::decode_utf16(units).collect::<std::result::Result<String, _>>().ok()
        }
        None => String::from_utf8(octets.to_vec()).ok(),
    }
}

/// What a region says of a licence, judged by what it may say, and where the licence stands by its status list.
async fn said(
    app: &App,
    region: &Region,
    essential: &Essential,
    reference: Option<&StatusReference>,
    now: i64,
) -> Verdict {
    let at = now.div_euclid(1_000_000);
    let identifier = &essential.identifier;
    let scope = &region.entry.scope;
    if !scope.covers_issuer(identifier.issuer()) || !scope.covers_type(identifier.type_code()) {
        return Verdict::new(Code::Mismatch, now).because(Reason::new(
            "beyond-region",
            "该地区无权签发此证照：颁发机构或证照类型不在互认范围内",
            "that region may not issue this licence: the issuing body or the type is beyond what is recognised",
        ));
    }
    let (code, state) = match status::value(app, region, reference, at).await {
        Ok(0) => (Code::Valid, "active"),
        Ok(1) => (Code::Void, "invalid"),
        Ok(2) => (Code::Suspended, "suspended"),
        Ok(_) => (Code::Incomplete, "unknown"),
        Err(error) => {
            tracing::info!(region = region.entry.id, %error, "a licence's standing elsewhere is not known");
            if let StandingUnknown::Foreign(_) = error {
                return Verdict::new(Code::Mismatch, now).because(Reason::new(
                    "beyond-region",
                    "凭证引用的状态列表不属于该地区",
                    "the credential refers to a status list that is not that region's",
                ));
            }
            (Code::Incomplete, "unknown")
        }
    };
    let (from, to) = (essential.valid_from, essential.valid_to);
    if to.is_some_and(|to| to < at) {
        // Ended is ended, whatever the list says or whether it can be asked.
        return Verdict { licence: Some(facts(essential, "expired")), ..Verdict::new(Code::Void, now) }
            .because(expired());
    }
    let (code, state) =
        if code == Code::Valid && from > at { (Code::NotYetActive, "not-yet-active") } else { (code, state) };
    let verdict = Verdict { licence: Some(facts(essential, state)), ..Verdict::new(code, now) };
    match code {
        Code::Incomplete => Verdict {
            zh: "证照签名有效，但当前状态无法查询".to_owned(),
            en: "Genuine, but its present state cannot be told".to_owned(),
            ..verdict
        }
        .because(Reason::new(
            "state-unknown",
            "无法从签发地区查询证照当前状态，请稍后再试",
            "the region that issued it could not be asked where it stands; try again later",
        )),
        _ => verdict,
    }
}

fn facts(essential: &Essential, state: &str) -> Facts {
    let (zh, en) = match state {
        "active" => ("有效", "in force"),
        "not-yet-active" => ("尚未生效", "not in force yet"),
        "suspended" => ("暂扣", "suspended"),
        "invalid" => ("已失效", "ended"),
        "expired" => ("已过期", "expired"),
        _ => ("状态未知", "state unknown"),
    };
    let field = |name: &str, zh: &str, en: &str, value: &str| Shown {
        name: name.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
        value: value.into(),
    };
    let holder = field("holder", "持证主体", "Holder", &essential.holder);
    let further = essential.fields.iter().map(|(title, value)| field(title, title, title, value));
    Facts {
        identifier: essential.identifier.to_string(),
        type_code: essential.identifier.type_code().to_owned(),
        type_name: essential.type_name.clone(),
        type_name_en: None,
        issuer: Some(essential.issuing_body.clone()),
        issuer_code: essential.identifier.issuer().to_owned(),
        state: state.to_owned(),
        state_zh: zh.to_owned(),
        state_en: en.to_owned(),
        valid_from: instant(essential.valid_from),
        valid_to: essential.valid_to.map(instant),
        present: None,
        fields: std::iter::once(holder).filter(|_| !essential.holder.is_empty()).chain(further).collect(),
    }
}

/// What a credential's claims say of the licence.
fn of_claims(claims: &Map<String, Json>) -> Option<Essential> {
    let licence = claims.get("licence")?.as_object()?;
    let text = |name: &str| licence.get(name).and_then(Json::as_str);
    let parsed = Identifier::parse(text("identifier")?).ok()?;
    if matches!(parsed.check, Check::Wrong { .. }) {
        return None;
    }
    let seconds = |name: &str| claims.get(name).and_then(Json::as_i64);
    let framing = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "status", "licence"];
    let disclosed = claims.iter().filter(|(name, _)| !framing.contains(&name.as_str()));
    let shown = |(name, value): (&String, &Json)| {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        (name.clone(), value)
    };
    Some(Essential {
        identifier: parsed.identifier,
        type_name: text("name")?.to_owned(),
        holder: String::new(),
        issuing_body: text("issuing_body").unwrap_or_default().to_owned(),
        fields: disclosed.take(64).map(shown).collect(),
        valid_from: seconds("nbf").or_else(|| seconds("iat"))?,
        // `exp` is the first second in which it holds no more (RFC 7519 §4.1.4), `valid_to` the last in which it does.
        valid_to: seconds("exp").map(|exp| exp.saturating_sub(1)),
        issued_at: seconds("iat").unwrap_or_default(),
        status: None,
    })
}

fn from(region: &Region, verdict: Verdict) -> Verdict {
    let entry = &region.entry;
    Verdict {
        origin: Some(Origin { region: Some(entry.id.clone()), zh: entry.zh.clone(), en: entry.en.clone() }),
        ..verdict
    }
}

fn same_region(verdict: &Verdict, region: &Region) -> bool {
    verdict.origin.as_ref().and_then(|origin| origin.region.as_ref()) == Some(&region.entry.id)
}

fn expired() -> Reason {
    Reason::new("expired", "证照已超过有效期", "the licence's time is over")
}

fn unbelieved(now: i64, error: &dyn std::fmt::Display) -> Verdict {
    tracing::info!(%error, "another region's credential is not believed");
    Verdict::new(Code::Mismatch, now).because(Reason::new(
        "signature",
        "凭证签名无效或签发者不可信",
        "the credential's signature does not hold, or its signer may not sign",
    ))
}

/// Reason of a verdict: the holder proved to be one.
pub(in crate::licences) const HOLDER_BOUND: &str = "holder-bound";
/// Octets of document information that are looked at.
const LONGEST: usize = 16 * 1024;
/// Certificates of a file that are looked at for whose it is.
const MOST_CERTIFICATES: usize = 64;
/// Authorities between a signer and one that a region names.
const DEEPEST: usize = 3;
