//! What remote signing (`csc`) has done to documents: as over the house's own routes, by the same service.

use std::sync::Arc;

use axum::body::Bytes;
use crypto::DigestAlgorithm;
use pdf::syntax::Source;

use super::digest::{self, DigestOrder};
use super::http::{perform, ready, tools};
use super::intake::spilled;
use super::order::Order;
use super::parameters::{Format, Level, SealQuery};
use crate::app::{App, Unsealed};
use crate::policy::{Resource, SignDigest};
use crate::problem::{Problem, Result};
use crate::seals::ReadySeal;
use crate::server::Session;

/// How a document is to be sealed. The protocol knows no place on a page: such a seal is invisible.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How much the sealed document proves by itself.
    pub level: Level,
    /// Whether it is certified, forms may still be filled in (DocMDP 2).
    pub certify: bool,
    /// Why.
    pub reason: Option<String>,
    /// Where.
    pub location: Option<String>,
}

/// A digest over the byte range of a prepared document.
#[derive(Debug, Clone)]
pub struct DigestWish {
    /// The digest.
    pub digest: Vec<u8>,
    /// Its algorithm.
    pub algorithm: DigestAlgorithm,
    /// `b-b` or `b-t`.
    pub level: Level,
}

/// Seals a document.
///
/// # Errors
/// The problem to answer.
pub async fn seal(
    app: &Arc<App>,
    session: &Session,
    unsealed: &Unsealed,
    seal: &str,
    document: Vec<u8>,
    wish: Wish,
) -> Result<Vec<u8>> {
    let query = SealQuery {
        seal: seal.to_owned(),
        level: Some(wish.level),
        certify: wish.certify.then_some(2),
        reason: wish.reason,
        location: wish.location,
        ..SealQuery::default()
    };
    let order = Order::single(query)?;
    let ready = ready(app, unsealed, &order).await?;
    let document = Arc::new(spilled(app, session, Bytes::from(document)).await?);
    let sealed = perform(app, session, unsealed, &order, ready, &document, None).await?;
    let mut whole = vec![0; usize::try_from(document.len()).map_err(Problem::internal)?];
    document.read_at(0, &mut whole).map_err(Problem::internal)?;
    whole.extend_from_slice(&sealed.tail);
    Ok(whole)
}

/// Signs a digest; the answer is a CMS.
///
/// # Errors
/// The problem to answer.
pub async fn sign_digest(
    app: &Arc<App>,
    session: &Session,
    unsealed: &Unsealed,
    seal: &Arc<ReadySeal>,
    wish: DigestWish,
) -> Result<Vec<u8>> {
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let permit = session.permit::<SignDigest>(resource.at_version(seal.summary.version))?;
    let order = DigestOrder {
        seal: seal.summary.id.clone(),
        format: Format::Cms,
        property: None,
        seen: false,
        // The protocol tells nothing of the document beside this digest.
        document_digest: hex::encode(&wish.digest),
        document_length: 0,
        digest: wish.digest,
        algorithm: wish.algorithm,
        level: wish.level,
        reserved: None,
        case_number: None,
        item: None,
        document_kind: None,
        purpose: None,
        operator: None,
    };
    let signed = digest::sign(app, tools(app, unsealed)?, permit, seal, order, None).await?;
    Ok(signed.tail.to_vec())
}
