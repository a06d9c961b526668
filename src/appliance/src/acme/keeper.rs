//! Work that was given up, taken up: validations and issuances of nodes that ended, orders that await approvals.
//!
//! Runs on every node. Rows say since when they may be taken; the version of the row lets one node have it.

use std::sync::Arc;
use std::time::Duration;

use super::error::AcmeError;
use super::service::Context;
use super::{challenges, finalize, records};
use crate::app::App;
use crate::server::Stopping;

/// Looks for due work until told to stop.
pub async fn keep(app: Arc<App>, mut stop: Stopping) {
    if app.config.acme.is_none() {
        return;
    }
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {}
        }
        // Sealed, or without a trusted clock: nothing is done, and the next round looks again.
        let Ok(context) = Context::new(&app, "") else { continue };
        if let Err(error) = round(&context).await {
            tell("ACME work that is due cannot be found", &error);
        }
    }
}

async fn round(context: &Context) -> Result<(), AcmeError> {
    let (authorizations, orders) = records::due(&context.app.db, context.now).await?;
    for row in authorizations {
        if let Err(error) = challenges::take_up(context, row).await {
            tell("an ACME validation was not taken up", &error);
        }
    }
    for row in orders {
        if let Err(error) = finalize::take_up(context, row).await {
            tell("an ACME order was not taken up", &error);
        }
    }
    for row in records::decided(&context.app.db).await? {
        if let Err(error) = finalize::decided(context, row).await {
            tell("an ACME order was not ended", &error);
        }
    }
    Ok(())
}

fn tell(what: &'static str, error: &AcmeError) {
    tracing::warn!(error = error.detail(), cause = error.log_message(), "{what}");
}

const EVERY: Duration = Duration::from_secs(2);
