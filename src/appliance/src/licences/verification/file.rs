//! By file: a licence as PDF, or the picture of a QR symbol.

use std::sync::Arc;

use super::identifier::clock;
use super::verdict::{Audience, Code, FileCode, Reason, Verdict};
use crate::app::App;
use crate::problem::Result;
use crate::server::spill::Spooled;

/// Verifies a file: its seal, its octets against the record, and where the licence stands.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_file(app: &Arc<App>, audience: &Audience<'_>, file: Arc<Spooled>) -> Result<Verdict> {
    app.licences.verification.limits.ask(audience)?;
    let now = clock(app)?;
    let digest = hex::encode(file.sha256());
    let sql = "SELECT identifier FROM licence_artefacts WHERE sha256 = $1 LIMIT 1";
    let found = app.db.fetch_optional(sql, &[digest.into()]).await?;
    let Some(found) = found else {
        let reason = Reason::new(
            "not-on-record",
            "该文件不是本系统签发的证照文件",
            "no licence on record has this file",
        );
        return Ok(Verdict::new(Code::NotFound, now).of_file(FileCode::Fails).because(reason));
    };
    let version =
        super::record::read(&app.db, super::record::BY_IDENTIFIER, found.text("identifier")?).await?;
    match version {
        Some(version) => {
            Ok(super::facts::verdict(app, audience, &version, now).await?.of_file(FileCode::Pass))
        }
        None => Ok(Verdict::new(Code::NotFound, now).of_file(FileCode::Fails)),
    }
}
