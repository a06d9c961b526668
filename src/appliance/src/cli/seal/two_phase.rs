//! `cinnabar seal --two-phase`: the document stays here, its digest goes to the service, the signature comes back.

use std::path::Path;
use std::sync::Arc;

use http::Method;
use pdf::syntax::{Document, Limits};

use super::super::{Failure, append, block_on};
use super::{Client, Done, SealArgs};
use crate::cli::pdf::image;
use crate::documents::{FileSource, Look, Picture, Preparation, TwoPhaseTerms, signature_request};

pub(super) fn run(args: &SealArgs, client: &Client, input: &Path, sealed: &Path) -> Result<Done, Failure> {
    let seal = args.seal.as_deref().unwrap_or_default();
    let level = args.level.unwrap_or_default();
    let mut query = args.placing.query(seal);
    (query.case_number, query.item) = (args.case_number.clone(), args.item.clone());
    let request = query.check()?;
    let path = format!("/v1/seals/{seal}/two-phase?level={}", level.as_str());
    let terms: TwoPhaseTerms = serde_json::from_slice(&block_on(client.get(&path))??.body)?;
    let font = args.placing.font()?;
    let picture = block_on(client.get(&format!("/v1/seals/{seal}/picture")))??.body;
    let image = Arc::new(image(&picture, font.as_slice())?);
    let picture = Some(Picture { image, width_mm: terms.width_mm, height_mm: terms.height_mm });

    let source = FileSource::open(input).map_err(|e| format!("cannot read `{}`: {e}", input.display()))?;
    let limits = Limits::default();
    let document = Document::open(&source, &limits)?;
    let look = Look { name: Some(&terms.name), picture, font, link: args.placing.link(), record: None };
    let now = jiff::Timestamp::now().as_second();
    let signature = signature_request(&document, &request, &look, now)?;
    let prepared = pdf::sign::prepare(&document, &signature, terms.reserve)?;
    let preparation = Preparation::of(prepared, &source, terms.algorithm)?;

    let algorithm = serde_json::to_value(terms.algorithm)?;
    let mut pairs = vec![
        ("seal", seal.to_owned()),
        ("digest", preparation.digest.clone()),
        ("algorithm", algorithm.as_str().unwrap_or_default().to_owned()),
        ("document_digest", preparation.original.sha256.clone()),
        ("document_length", preparation.original.octets.to_string()),
        ("level", level.as_str().to_owned()),
        ("reserved", preparation.reserved.to_string()),
    ];
    pairs.extend(args.case_number.clone().map(|value| ("case_number", value)));
    pairs.extend(args.item.clone().map(|value| ("item", value)));
    let path = format!("/v1/documents/sign-digest?{}", super::super::query(&pairs));
    let key = args.key();
    let headers = [("idempotency-key", key.as_str())];
    let answer = block_on(client.send(Method::POST, &path, &headers, bytes::Bytes::new()))??;
    let signed = preparation.embed(&answer.body)?;
    append::beside(input, sealed, &signed.tail, args.force)?;
    let record = answer.header("location").unwrap_or_default().to_owned();
    let id = record.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Done {
        leaf: answer.header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned(),
        record,
        records: vec![id],
        octets: signed.result_length,
    })
}
