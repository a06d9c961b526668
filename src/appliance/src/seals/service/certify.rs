//! The certificate of a seal: whose it is, by which profile, for how long.

use std::sync::Arc;

use pki::Subject;
use pki::issue::Wish;

use super::super::kinds::HolderKind;
use super::error::LifeError;
use super::make::{Before, Plan};
use crate::app::{App, Unsealed};
use crate::certificates::{Order, Signed, Way, intend};
use crate::journal::Act;
use crate::policy::{MakeSeal, Permit};
use crate::store::tables::ORGANISATIONS;

/// What a certificate is made for.
#[derive(Debug)]
pub(super) struct Certifying<'a> {
    pub before: &'a Before,
    pub plan: &'a Plan,
    pub key_label: &'a str,
}

/// Enters the intent and signs. The certificate must not leave before the unit in the answer is committed.
///
/// # Errors
/// [`LifeError`].
pub(super) async fn certify(
    app: &Arc<App>,
    unsealed: &Unsealed,
    permit: &Permit<MakeSeal>,
    Certifying { before, plan, key_label }: &Certifying<'_>,
) -> Result<Signed, LifeError> {
    let organisation = app.db.row(&ORGANISATIONS, &before.organisation).await?;
    let name = organisation.as_ref().and_then(|row| row.value("name").as_text()).unwrap_or_default();
    let subject = Subject::default().organization(name.chars().take(64).collect::<String>());
    let (profile, subject) = match plan.holder_kind {
        HolderKind::Organisation => {
            let number = before.order.holder_number.clone().or_else(|| before.present("holder_number"));
            let subject = match number {
                Some(number) => subject.organization_identifier(number),
                None => subject,
            };
            ("seal-organisation", subject.named(&plan.name))
        }
        HolderKind::Person => ("seal-person", subject.named(&plan.holder_name)),
    };
    let wish = Wish {
        subject,
        names: Vec::new(),
        public_key: unsealed.custody.signer(key_label)?.public_key().to_vec(),
        not_before: None,
        not_after: plan.valid_to,
    };
    let order = Order::new(profile, Way::Appliance, wish).for_organisation(&before.organisation);
    let replaces = before.certified.as_ref().map(|certified| certified.row().id().to_owned());
    let order = order.replacing(replaces);
    let act = Act { action: "certificate.issue".to_owned(), ..permit.act() };
    let intended = intend(app, unsealed, act, permit.caller(), &order).await?;
    Ok(intended.sign(app, unsealed).await?)
}
