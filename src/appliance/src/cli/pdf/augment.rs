//! `cinnabar pdf augment`: raises a file's signatures to PAdES B-T, B-LT or B-LTA without a server.
//!
//! Connects to nothing but the time-stamp service named with `--tsa` and, with `--online`, the addresses that certificates
//! name for their issuers, responders and lists: those come out of the file, so that the guarded client of
//! `cinnabar verify --online` goes there, to public addresses or the networks named. The file is read where it stands, never held in memory.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use ipnet::IpNet;
use jiff::Timestamp;
use pdf::ltv::{Known, KnownError, Material, Next, Step, Survey, Terms, append, survey};
use pdf::sign::{EmbedError, Signed};
use pdf::syntax::{Document, Limits, Source};
use pdf::verify::Level;
use pki::material::Lack;
use pki::ocsp::{IssuerId, RequestBuilder};
use pki::path::{Purpose, TrustAnchors};
use pki::{Certificate, Crl};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::super::verify::online::{LARGEST, MOST_URLS, guarded};
use super::super::verify::{certificates, revocation_lists};
use super::super::{Failure, Outcome, Output, Tone, append as writing, block_on};
use crate::config::Fetch;
use crate::documents::FileSource;
use crate::fetch::{Client, FetchError};
use crate::timestamps::client::{self, Wanted};

/// Options of `cinnabar pdf augment`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar pdf augment sealed.pdf --level b-lta --tsa http://tsa.example/tsr --trust-anchor root.pem --crl ca.crl root.crl --out archived.pdf
  cinnabar pdf augment sealed.pdf --level b-lta --tsa http://tsa.example/tsr --trust-anchor root.pem --online --in-place
  cinnabar pdf augment archived.pdf --level b-lta --renew --tsa http://tsa.example/tsr --trust-anchor root.pem --online --in-place

A signature made elsewhere gets no time-stamp inside any more, but a document time-stamp as its proof of existence; nothing
of the file before its end is changed. What cannot be raised is refused: a signature that does not hold, does not lead to a
trust anchor, or whose certificate's revocation information cannot be had.")]
pub struct AugmentArgs {
    /// The signed PDF
    file: PathBuf,
    /// The level every signature is to reach
    #[arg(long, value_enum)]
    level: Wish,
    /// Address of the time-stamp service (RFC 3161); only its very host is connected to
    #[arg(long, value_name = "URL")]
    tsa: Option<String>,
    /// Policy that time-stamps must be under, as dotted numbers
    #[arg(long, value_name = "OID", requires = "tsa")]
    tsa_policy: Option<ObjectIdentifier>,
    /// Roots that `https:` servers are judged by, PEM
    #[arg(long, num_args = 1.., value_name = "ROOT.pem")]
    tls_root: Vec<PathBuf>,
    /// Certificates that are trusted, PEM or DER
    #[arg(long, num_args = 1.., value_name = "ROOT.pem", required = true)]
    trust_anchor: Vec<PathBuf>,
    /// Further certificates that may be on a path, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CERT.pem")]
    untrusted: Vec<PathBuf>,
    /// Revocation lists, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CRL")]
    crl: Vec<PathBuf>,
    /// OCSP responses, DER
    #[arg(long, num_args = 1.., value_name = "RESPONSE")]
    ocsp: Vec<PathBuf>,
    /// Fetch what lacks from the addresses that the certificates name
    #[arg(long)]
    online: bool,
    /// Networks that --online may connect to [default: all public ones]
    #[arg(long, num_args = 1.., value_name = "CIDR", requires = "online")]
    allow_network: Vec<IpNet>,
    /// TCP ports that --online may connect to
    #[arg(long, num_args = 1.., value_name = "PORT", requires = "online", default_values_t = [80, 443])]
    allow_port: Vec<u16>,
    /// Add a document time-stamp although the level is reached: renewal
    #[arg(long)]
    renew: bool,
    /// Where the raised document is written; must not exist yet unless --force
    #[arg(long, required_unless_present = "in_place", conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// Append to FILE itself
    #[arg(long)]
    in_place: bool,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
}

/// Levels by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wish {
    /// With a proof of time
    #[value(name = "b-t")]
    BT,
    /// With everything validation needs
    #[value(name = "b-lt")]
    BLt,
    /// With a time-stamp over that, renewable
    #[value(name = "b-lta")]
    BLta,
}

impl From<Wish> for Level {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::BT => Self::BT,
            Wish::BLt => Self::BLT,
            Wish::BLta => Self::BLTA,
        }
    }
}

/// Runs `cinnabar pdf augment`.
pub fn run(args: &AugmentArgs, output: Output) -> Outcome {
    if args.renew && args.level != Wish::BLta {
        return Err("--renew goes with --level b-lta".into());
    }
    if let Some(out) = args.out.as_ref().filter(|out| out.exists() && !args.force) {
        return Err(format!("`{}` exists; add --force to replace it", out.display()).into());
    }
    let shown = args.file.display().to_string();
    let file = FileSource::open(&args.file).map_err(|e| format!("cannot read `{shown}`: {e}"))?;
    let length = file.len();
    let watched = Watched { bar: output.progress(length, "reading"), file };
    let raised = block_on(Augmenting { args, output, source: &watched }.raise())??;
    watched.bar.finish_and_clear();
    let written = args.out.as_ref().unwrap_or(&args.file);
    let tail = raised.as_ref().map_or(&[][..], |signed| signed.tail.as_slice());
    match &args.out {
        Some(out) => writing::beside(&watched.file, out, tail, args.force)?,
        None if tail.is_empty() => {}
        None => writing::in_place(&args.file, length, tail)?,
    }
    let level = Level::from(args.level);
    let value = json!({
        "output": written.display().to_string(),
        "level": level,
        "appended": tail.len(),
        "original": raised.as_ref().map(|signed| hex::encode(&signed.original_sha256)),
        "result": raised.as_ref().and_then(|signed| signed.result_sha256.as_ref().map(hex::encode)),
    });
    let name = value.get("level").and_then(serde_json::Value::as_str).unwrap_or_default();
    let line = match tail.len() {
        0 => (Tone::Plain, format!("has reached {name} already: {}", written.display())),
        octets => (Tone::Good, format!("raised to {name}: {} ({octets} octets appended)", written.display())),
    };
    output.result(&value, &[line]);
    Ok(ExitCode::SUCCESS)
}

struct Augmenting<'a> {
    args: &'a AugmentArgs,
    output: Output,
    source: &'a Watched,
}

impl Augmenting<'_> {
    async fn raise(&self) -> Result<Option<Signed>, Failure> {
        let args = self.args;
        let anchors = TrustAnchors::new(certificates("--trust-anchor", &args.trust_anchor)?);
        let document = Document::open(self.source, &Limits::default())?;
        let survey = survey(&document)?;
        let mut known = self.known(&survey, &anchors)?;
        let mut service = self.service().await?;
        for certificate in service.iter().flat_map(|service| &service.carried) {
            known.add_certificate(certificate.clone())?;
        }
        let at = Timestamp::now().as_second();
        let mut asked: Vec<Lack> = Vec::new();
        for _ in 0..MOST_STEPS {
            let authority = service.as_ref().map(|service| service.authority.clone());
            let terms = Terms {
                level: args.level.into(),
                anchors: &anchors,
                at,
                renew: args.renew,
                authority: authority.as_ref(),
            };
            match survey.next(&known, terms)? {
                Next::Reached => return Ok(None),
                Next::Append { material, stamp: true } => {
                    let service =
                        service.as_mut().ok_or("a time-stamp is needed; name its service with --tsa")?;
                    if let Some(signed) = self.stamped(&document, &material, service).await? {
                        return Ok(Some(signed));
                    }
                    // Another unit of the service stamped: its path is validated, and evidence gathered, like the first's.
                    for certificate in &service.carried {
                        known.add_certificate(certificate.clone())?;
                    }
                }
                Next::Append { material, stamp: false } => {
                    let step = append(&document, &material, None)?;
                    return Ok(if let Step::Tail(signed) = step { Some(signed) } else { None });
                }
                Next::Lacking(lacking) => {
                    for lack in lacking {
                        if asked.contains(&lack) {
                            return Err(format!("{lack}: what was found does not settle it").into());
                        }
                        self.find(&lack, &mut known).await?;
                        asked.push(lack);
                    }
                }
            }
        }
        Err("each round of looking for evidence found that more is needed".into())
    }

    /// What the document and the command line bring.
    fn known(&self, survey: &Survey, anchors: &TrustAnchors) -> Result<Known, Failure> {
        let args = self.args;
        let mut known = survey.known.clone();
        for certificate in certificates("--untrusted", &args.untrusted)?.iter().chain(anchors.certificates())
        {
            known.add_certificate(certificate.clone())?;
        }
        for crl in revocation_lists("--crl", &args.crl)? {
            known.add_crl(crl)?;
        }
        for path in &args.ocsp {
            let shown = path.display();
            let der = std::fs::read(path).map_err(|e| format!("cannot read `{shown}` (--ocsp): {e}"))?;
            known.add_ocsp_der(&der).map_err(|e| format!("`{shown}` (--ocsp): {e}"))?;
        }
        Ok(known)
    }

    /// The time-stamp service, met by a token over random octets: who signs, and how large its tokens are.
    async fn service(&self) -> Result<Option<Service>, Failure> {
        let Some(url) = &self.args.tsa else { return Ok(None) };
        let bounds = Fetch { roots: self.args.tls_root.clone(), seconds: 30, ..Fetch::default() };
        let client = Client::to_host_of(url, &bounds).await?;
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| "the system gave no randomness")?;
        let policy = self.args.tsa_policy;
        let wanted = Wanted { algorithm: DigestAlgorithm::Sha256, digest: &random, policy, further: &[] };
        let stamped = client::stamp(&client, url, wanted).await?;
        Ok(Some(Service {
            url: url.clone(),
            client,
            policy,
            carried: stamped.token.signed_data().certificates().to_vec(),
            size: stamped.der.len(),
            authority: stamped.signer,
        }))
    }

    async fn stamped(
        &self,
        document: &Document<'_>,
        material: &Material,
        service: &mut Service,
    ) -> Result<Option<Signed>, Failure> {
        for _ in 0..ROUNDS {
            let step = append(document, material, Some(service.size + SLACK))?;
            let Step::Stamp(prepared) = step else { return Err("no time-stamp was prepared".into()) };
            let digest = prepared.digest(self.source, DigestAlgorithm::Sha256)?;
            self.output.remark(Tone::Dim, &format!("time-stamp by {}", service.url));
            let wanted = Wanted {
                algorithm: DigestAlgorithm::Sha256,
                digest: &digest,
                policy: service.policy,
                further: &service.carried,
            };
            let stamped = client::stamp(&service.client, &service.url, wanted).await?;
            // INVARIANT: only a token of the authority whose path `Survey::next` found to hold is embedded.
            if stamped.signer != service.authority {
                service.carried.extend_from_slice(stamped.token.signed_data().certificates());
                service.authority = stamped.signer;
                return Ok(None);
            }
            match prepared.embed(&stamped.der) {
                Ok(signed) => return Ok(Some(signed)),
                Err(EmbedError::TooSmall { needed, .. }) => service.size = needed,
                Err(error) => return Err(error.into()),
            }
        }
        Err("the time-stamps kept growing".into())
    }

    async fn find(&self, lack: &Lack, known: &mut Known) -> Result<(), Failure> {
        if !self.args.online {
            return Err(format!(
                "{lack} lacks: give it with --untrusted, --crl or --ocsp, or let it be fetched with --online"
            )
            .into());
        }
        let client = guarded(&self.args.allow_network, &self.args.allow_port, self.args.tls_root.clone())?;
        let mut why = "its certificate names no address".to_owned();
        for (url, request) in addresses(lack) {
            self.output.remark(Tone::Dim, &format!("{lack}: {url}"));
            let taken = match fetch(&client, &url, request.as_deref()).await {
                Ok(body) => take(lack, request.is_some(), &body, known),
                Err(error) => Err(error.to_string()),
            };
            match taken {
                Ok(delta) => {
                    // Its delta, where a list names one: not having it is no fault.
                    if let Some(body) = match &delta {
                        Some(url) => fetch(&client, url, None).await.ok(),
                        None => None,
                    } {
                        let _ = known.add_crl_der(&body);
                    }
                    if settled(lack, known) {
                        return Ok(());
                    }
                    why = format!("`{url}`: what was found does not settle it");
                }
                Err(reason) => why = format!("`{url}`: {reason}"),
            }
        }
        Err(format!("{lack} cannot be had: {why}").into())
    }
}

async fn fetch(client: &Client, url: &str, request: Option<&[u8]>) -> Result<Vec<u8>, FetchError> {
    let answer = match request {
        Some(request) => client.post(url, "application/ocsp-request", request.to_vec(), LARGEST).await?,
        None => client.get(url, LARGEST, "*/*").await?,
    };
    Ok(answer.body)
}

/// Whether what was looked for is there; if not, the next address may have it.
fn settled(lack: &Lack, known: &Known) -> bool {
    match lack {
        Lack::Issuer { of, .. } => known
            .certificates()
            .iter()
            .any(|found| found.subject() == of.issuer() && of.verify_signature(found.spki()).is_ok()),
        Lack::Revocation { of, issuer, .. } => {
            let anchors = TrustAnchors::new(vec![issuer.clone()]);
            let now = Timestamp::now().as_second();
            known.material_of(of, &anchors, now, Purpose::Any).map_or(true, |(_, lacking)| {
                !lacking.iter().any(|lack| matches!(lack, Lack::Revocation { of: about, .. } if about == of))
            })
        }
    }
}

/// Where to ask for what lacks, responders first, with the request to send.
fn addresses(lack: &Lack) -> Vec<(String, Option<Vec<u8>>)> {
    match lack {
        Lack::Issuer { urls, .. } => urls.iter().take(MOST_URLS).map(|url| (url.clone(), None)).collect(),
        Lack::Revocation { of, issuer, ocsp, crls } => {
            let id = IssuerId::of(issuer).sha1_id(of.serial());
            let request = RequestBuilder { ids: vec![id], nonce: None }.to_der();
            let responders =
                ocsp.iter().take(MOST_URLS).filter_map(|url| Some((url.clone(), Some(request.clone()?))));
            responders.chain(crls.iter().take(MOST_URLS).map(|url| (url.clone(), None))).collect()
        }
    }
}

/// Takes in what was fetched; answers where the delta to a list is found.
fn take(lack: &Lack, is_response: bool, body: &[u8], known: &mut Known) -> Result<Option<String>, String> {
    let text = |error: KnownError| error.to_string();
    match lack {
        Lack::Issuer { .. } => {
            for found in Certificate::from_pem_or_der(body).map_err(|error| error.to_string())? {
                known.add_certificate(found).map_err(text)?;
            }
            Ok(None)
        }
        Lack::Revocation { .. } if is_response => known.add_ocsp_der(body).map(|()| None).map_err(text),
        Lack::Revocation { .. } => {
            let list = Crl::from_der(body).map_err(|error| error.to_string())?;
            let delta = list.freshest_uris().first().cloned();
            known.add_crl(list).map(|()| delta).map_err(text)
        }
    }
}

struct Service {
    url: String,
    client: Client,
    policy: Option<ObjectIdentifier>,
    authority: Certificate,
    carried: Vec<Certificate>,
    size: usize,
}

/// The file, with a bar that shows how far reading it is.
struct Watched {
    file: FileSource,
    bar: indicatif::ProgressBar,
}

impl Source for Watched {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        // Drawing for each small read would cost more than reading.
        if buf.len() >= SHOWN {
            self.bar.set_position(offset.saturating_add(buf.len() as u64));
        }
        self.file.read_at(offset, buf)
    }
}

/// Rounds of finding that more is needed: as the appliance's levels.
const MOST_STEPS: usize = 10;
/// As `sign` repeats.
const ROUNDS: usize = 4;
/// Octets that tokens of one service differ by.
const SLACK: usize = 64;
/// Reads from this length on move the bar.
const SHOWN: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The address that a file names is one of this machine: nobody connects to it unless the user says so.
    #[tokio::test]
    async fn addresses_out_of_a_file_reach_nothing_that_is_not_public_unless_it_is_named() {
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        service.set_nonblocking(true).unwrap();
        let port = service.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/latest/meta-data");
        for (networks, ports) in
            [(vec![], vec![port]), (vec![], vec![80, 443]), (vec!["127.0.0.0/8".parse().unwrap()], vec![80])]
        {
            let client = guarded(&networks, &ports, Vec::new()).unwrap();
            assert!(fetch(&client, &url, None).await.is_err());
            assert!(service.accept().is_err(), "{networks:?} {ports:?} connected");
        }
        let client = guarded(&["127.0.0.0/8".parse().unwrap()], &[port], Vec::new()).unwrap();
        let asked = tokio::spawn(async move { fetch(&client, &url, None).await });
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(service.accept().is_ok(), "what is named is connected to");
        asked.abort();
    }
}
