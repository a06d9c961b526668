//! `cinnabar seal --two-phase`: the document stays here, its digest goes to the service, the signature comes back.
//!
//! A signature states its time, so preparing the document anew makes another digest, which the service has to take for
//! another act. What was prepared is therefore kept beside the output until the sealed document is there: a run that
//! ended in between is taken up by the next, under the same idempotency key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use pdf::sign::SignatureRequest;
use pdf::syntax::{Document, Limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::client::ClientError;
use super::super::{Failure, append, block_on, whole};
use super::{Client, Done, SealArgs};
use crate::cli::pdf::image;
use crate::documents::parameters::Format;
use crate::documents::{
    FileSource, Look, Picture, Preparation, TwoPhaseTerms, byte_range, signature_request,
};

/// A signature under way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    /// Under which the digest is sent, every time.
    idempotency_key: String,
    /// What was wanted.
    order: Value,
    prepared: Preparation,
}

pub(super) fn run(args: &SealArgs, client: &Client, input: &Path, sealed: &Path) -> Result<Done, Failure> {
    let source = FileSource::open(input).map_err(|e| format!("cannot read `{}`: {e}", input.display()))?;
    let order = args.order()?;
    let place = place(sealed);
    let taken_up = kept(&place, &source, &order, args.idempotency_key.as_deref())?;
    let fresh = taken_up.is_none();
    let begun = match taken_up {
        Some(begun) => begun,
        None => {
            let prepared = prepare(args, client, &source)?;
            let begun = Begun { idempotency_key: args.key(), order, prepared };
            whole::write(&place, &serde_json::to_vec(&begun)?, false)?;
            begun
        }
    };
    let done = sign(args, client, &begun).and_then(|(done, tail)| {
        append::beside(&source, sealed, &tail, args.force)?;
        Ok(done)
    });
    match &done {
        Ok(_) => remove(&place)?,
        // Nothing was signed, and the next run may be asked for something else. Of an earlier run nobody knows that.
        Err(error) if fresh && refused(error) => remove(&place)?,
        Err(error) => {
            let place = place.display();
            return Err(format!(
                "{error}; run it again: what was prepared is in `{place}` and will be taken up, remove it to begin anew"
            )
            .into());
        }
    }
    done
}

/// Whether the service said that it does not sign this. Faults of its own and too many requests are not that.
fn refused(error: &Failure) -> bool {
    matches!(error.downcast_ref::<ClientError>(), Some(ClientError::Problem { status, .. })
        if (400..500).contains(status) && !matches!(status, 408 | 425 | 429))
}

fn place(sealed: &Path) -> PathBuf {
    let mut name = sealed.as_os_str().to_owned();
    name.push(".prepared.json");
    name.into()
}

fn remove(place: &Path) -> Result<(), Failure> {
    Ok(std::fs::remove_file(place).map_err(|e| format!("cannot remove `{}`: {e}", place.display()))?)
}

/// What an earlier run left, if any.
fn kept(
    place: &Path,
    source: &FileSource,
    order: &Value,
    key: Option<&str>,
) -> Result<Option<Begun>, Failure> {
    let shown = place.display();
    let octets = match std::fs::read(place) {
        Ok(octets) => octets,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read `{shown}`: {error}").into()),
    };
    let age = place.metadata().and_then(|found| found.modified()).ok().and_then(|since| since.elapsed().ok());
    let begun: Begun = serde_json::from_slice(&octets)
        .map_err(|error| format!("`{shown}` is no prepared signature: {error}; remove it"))?;
    let other = |what: &str| {
        format!(
            "`{shown}` is left of an earlier run {what}; run that again, or remove the file to begin anew"
        )
    };
    if age.is_some_and(|age| age > KEPT) {
        return Err(format!(
            "`{shown}` is of more than 24 hours ago, and the service keeps answers no longer; see whether a seal use is \
             on record for it, then remove the file to begin anew"
        )
        .into());
    }
    if begun.order != *order {
        return Err(other("that asked for something else").into());
    }
    if key.is_some_and(|key| key != begun.idempotency_key) {
        return Err(other("with another --idempotency-key").into());
    }
    let prepared = &begun.prepared;
    let digest = prepared.prepared.digest(source, prepared.algorithm.into());
    if digest.ok() != Some(prepared.digest()?) {
        return Err(other("on another document").into());
    }
    Ok(Some(begun))
}

fn prepare(args: &SealArgs, client: &Client, source: &FileSource) -> Result<Preparation, Failure> {
    let seal = args.seal.as_deref().unwrap_or_default();
    let mut query = args.placing.query(seal);
    args.noted.fill(&mut query);
    query.format = args.format;
    let request = query.check()?;
    let (level, format) = (args.level.unwrap_or_default(), request.format);
    let path = format!("/v1/seals/{seal}/two-phase?level={}&format={}", level.as_str(), format.as_str());
    let terms: TwoPhaseTerms = serde_json::from_slice(&block_on(client.get(&path))??.body)?;
    let font = args.placing.font()?;
    let picture = block_on(client.get(&format!("/v1/seals/{seal}/picture")))??.body;
    let image = Arc::new(image(&picture, font.as_slice())?);
    let picture = Some(Picture { image, width_mm: terms.width_mm, height_mm: terms.height_mm });

    let limits = Limits::default();
    let document = Document::open(source, &limits)?;
    let look = Look { name: Some(&terms.name), picture, font, link: args.placing.link(), record: None };
    let now = jiff::Timestamp::now().as_second();
    let signature = signature_request(&document, &request, &look, now)?;
    let signature = SignatureRequest { digest: terms.algorithm.into(), ..signature };
    let prepared = pdf::sign::prepare(&document, &signature, terms.reserve)?;
    Ok(Preparation::of(prepared, source, terms.algorithm, format)?)
}

/// Has the digest signed; what to append.
fn sign(args: &SealArgs, client: &Client, begun: &Begun) -> Result<(Done, Vec<u8>), Failure> {
    let preparation = &begun.prepared;
    let algorithm = serde_json::to_value(preparation.algorithm)?;
    let mut pairs = vec![
        ("seal", args.seal.clone().unwrap_or_default()),
        ("digest", preparation.digest.clone()),
        ("algorithm", algorithm.as_str().unwrap_or_default().to_owned()),
        ("document_digest", preparation.original.sha256.clone()),
        ("document_length", preparation.original.octets.to_string()),
        ("level", args.level.unwrap_or_default().as_str().to_owned()),
        ("reserved", preparation.reserved.to_string()),
    ];
    if preparation.format == Format::Ses {
        pairs.push(("format", preparation.format.as_str().to_owned()));
        pairs.push(("property_info", byte_range(preparation.byte_range)));
    }
    pairs.extend(args.noted.pairs());
    let path = format!("/v1/documents/sign-digest?{}", super::super::query(&pairs));
    let headers = [("idempotency-key", begun.idempotency_key.as_str())];
    let answer = block_on(client.send(Method::POST, &path, &headers, bytes::Bytes::new()))??;
    let signed = preparation.embed(&answer.body)?;
    let record = answer.header("location").unwrap_or_default().to_owned();
    let id = record.rsplit('/').next().unwrap_or_default().to_owned();
    let done = Done {
        leaf: answer.header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned(),
        record,
        records: vec![id],
        octets: signed.result_length,
    };
    Ok((done, signed.tail))
}

/// As long as the service keeps answers.
const KEPT: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Digest;
    use crate::documents::parameters::SealQuery;

    /// A PDF of one page; `comment` tells one from another.
    fn pdf(comment: &str) -> String {
        let mut text = format!("%PDF-1.7\n%{comment}\n");
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        ];
        let mut places = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            places.push(text.len());
            text += &format!("{} 0 obj\n{object}\nendobj\n", number + 1);
        }
        let table = text.len();
        text += "xref\n0 4\n0000000000 65535 f \n";
        places.iter().for_each(|place| text += &format!("{place:010} 00000 n \n"));
        text + &format!("trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n")
    }

    #[test]
    fn what_an_earlier_run_left_is_taken_up_for_the_same_order_and_document_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            FileSource::open(&folder.path().join(name)).unwrap()
        };
        let (source, other) = (path("in.pdf", &pdf("a")), path("other.pdf", &pdf("b")));
        let limits = Limits::default();
        let document = Document::open(&source, &limits).unwrap();
        let request = SealQuery { seal: "x".into(), ..SealQuery::default() }.check().unwrap();
        let signature = signature_request(&document, &request, &Look::default(), 1_700_000_000).unwrap();
        let prepared = pdf::sign::prepare(&document, &signature, 3000).unwrap();
        let prepared = Preparation::of(prepared, &source, Digest::Sha256, Format::Cms).unwrap();
        let order = serde_json::json!({ "seal": "x" });
        let place = place(&folder.path().join("out.pdf"));
        assert!(kept(&place, &source, &order, Some("k")).unwrap().is_none());
        let digest = prepared.digest.clone();
        let begun = Begun { idempotency_key: "k".into(), order: order.clone(), prepared };
        whole::write(&place, &serde_json::to_vec(&begun).unwrap(), false).unwrap();
        for key in [None, Some("k")] {
            let found = kept(&place, &source, &order, key).unwrap().unwrap();
            assert_eq!((found.prepared.digest, found.idempotency_key), (digest.clone(), "k".to_owned()));
        }
        let told = |source, order, key| kept(&place, source, order, key).unwrap_err().to_string();
        let another = serde_json::json!({ "seal": "y" });
        assert!(told(&source, &another, None).contains("something else"));
        assert!(told(&source, &order, Some("l")).contains("another --idempotency-key"));
        assert!(told(&other, &order, None).contains("another document"));
        let old = std::time::SystemTime::now() - KEPT - KEPT;
        std::fs::File::options().write(true).open(&place).unwrap().set_modified(old).unwrap();
        assert!(told(&source, &order, None).contains("24 hours"));
    }

    #[test]
    fn only_refusals_are_final() {
        let problem = |status| Failure::from(ClientError::Problem { status, problem: Value::Null });
        assert!([403, 404, 422].into_iter().all(|status| refused(&problem(status))));
        assert!(![408, 429, 500, 503].into_iter().any(|status| refused(&problem(status))));
        assert!(!refused(&ClientError::Broken("x".into()).into()));
    }
}
