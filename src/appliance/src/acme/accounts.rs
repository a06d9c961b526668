//! Accounts (RFC 8555 §7.3): made under a binding, changed, given another key, given up.
//!
//! What an account may order is its binding's: the officer who gave the binding out said for which organisation and
//! caller, which names, which profile. Contacts are personal data: sealed in their column, never in a leaf.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value, json};

use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Allowed;
use super::jwk::Jwk;
use super::jws::{Jws, KeyRef, Mac, Payload};
use super::nonce::Taken;
use super::records::{self, ACME_ACCOUNTS, ACME_BINDINGS, text};
use super::service::{self, Context};
use crate::certificates::Holder;
use crate::identity::{Caller, Registration};
use crate::journal::{Actor, CommitError, Unit};
use crate::policy::{Resource, ServeAcme};
use crate::store::Row;

/// An account that may act now.
// INVARIANT: made only by `Account::load`, which looked at its own state, its binding's and the bound caller's.
#[derive(Debug)]
pub struct Account {
    /// Its row.
    pub row: Row,
    /// Its key.
    pub key: Jwk,
    /// What it is bound to.
    pub bound: Option<Bound>,
}

/// What an account is bound to.
#[derive(Debug)]
pub struct Bound {
    /// The binding's row.
    pub row: Row,
    /// What it may order.
    pub allowed: Allowed,
    /// The caller in whose name it orders, active.
    pub holder: Holder,
}

impl Account {
    /// The account of a row, if it may act.
    ///
    /// # Errors
    /// `unauthorized` when it, its binding or its caller does not stand any more.
    pub async fn load(context: &Context, row: Row) -> Result<Self> {
        if text(&row, "state") != "valid" {
            let detail = format!("The account is {}.", text(&row, "state"));
            return Err(AcmeError::unauthorized(detail));
        }
        let jwk: Value = serde_json::from_str(text(&row, "jwk")).map_err(AcmeError::internal)?;
        let key = Jwk::read(&jwk).map_err(AcmeError::internal)?;
        let bound = match row.value("binding").as_text() {
            Some(id) => Some(Bound::load(context, id).await?),
            None if context.config()?.external_account_required => {
                let detail = "The account was made without a binding, which is needed now.";
                return Err(AcmeError::new(ErrorKind::ExternalAccountRequired, detail));
            }
            None => None,
        };
        Ok(Self { row, key, bound })
    }

    /// Whether [`Self::load`] failed because the account may not act, and not because the appliance could not tell.
    #[must_use]
    pub fn is_over(error: &AcmeError) -> bool {
        matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::ExternalAccountRequired)
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        self.row.id()
    }

    /// As entries name it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        service::actor(self.id(), self.bound.as_ref().map_or("", |bound| bound.holder.organisation()))
    }

    /// Guards what was looked at when it was let act.
    #[must_use]
    pub fn guard(&self, unit: Unit) -> Unit {
        let unit = unit.guard(&ACME_ACCOUNTS, self.id(), self.row.version());
        match &self.bound {
            Some(bound) => unit.guard(&ACME_BINDINGS, bound.row.id(), bound.row.version()),
            None => unit,
        }
    }
}

impl Bound {
    /// The caller in whose name it orders, as who asks for certificates.
    #[must_use]
    pub fn caller(&self) -> Arc<Caller> {
        let registration = Registration {
            id: self.holder.id().to_owned(),
            kind: self.holder.kind(),
            // Named by its account, not by a certificate.
            uri: String::new(),
            organisation: self.holder.organisation().to_owned(),
            person: None,
            roles: Vec::new(),
            active: true,
        };
        Caller::new(&registration, "", "")
    }

    /// The binding with this id, its caller active.
    ///
    /// # Errors
    /// `unauthorized`.
    pub async fn load(context: &Context, id: &str) -> Result<Self> {
        let row = context.app.db.row(&ACME_BINDINGS, id).await?;
        let row = row.ok_or_else(|| AcmeError::internal(format!("an account names the binding `{id}`")))?;
        Self::of(context, row).await
    }

    /// The binding of a row as it was read: whoever judged that row acts on no other.
    async fn of(context: &Context, row: Row) -> Result<Self> {
        if text(&row, "state") == "withdrawn" {
            return Err(AcmeError::unauthorized("The account's binding was withdrawn."));
        }
        let names: Vec<String> = serde_json::from_str(text(&row, "names")).map_err(AcmeError::internal)?;
        let allowed = Allowed::parse(names.iter().map(String::as_str)).map_err(AcmeError::internal)?;
        let holder = Holder::find(&context.app, text(&row, "caller")).await.map_err(|problem| {
            let known = problem.kind().status().is_client_error();
            match known {
                true => AcmeError::unauthorized("The caller that the account is bound to is not active.")
                    .log(problem.detail()),
                false => problem.into(),
            }
        })?;
        Ok(Self { row, allowed, holder })
    }
}

/// An account's answer: whether it is new, its id, what it shows.
#[derive(Debug)]
pub struct Shown {
    /// It was just made.
    pub new: bool,
    /// Its id.
    pub id: String,
    /// The account object of RFC 8555 §7.1.2.
    pub body: Value,
}

/// newAccount (RFC 8555 §7.3): the account of this key, made if need be.
///
/// # Errors
/// [`AcmeError`].
pub async fn create(
    context: &Context,
    key: &Jwk,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<Shown> {
    let config = context.config()?;
    let thumbprint = key.thumbprint();
    if let Some(row) = records::account_of_key(&context.app.db, &thumbprint).await? {
        let account = Account::load(context, row).await?;
        return Ok(Shown { new: false, id: account.id().to_owned(), body: shown(context, &account.row)? });
    }
    if flag(payload, "onlyReturnExisting")? {
        let detail = "There is no account with this key.";
        return Err(AcmeError::new(ErrorKind::AccountDoesNotExist, detail));
    }
    if let Some(terms) = &config.terms_of_service
        && !flag(payload, "termsOfServiceAgreed")?
    {
        let link = format!("<{terms}>;rel=\"terms-of-service\"");
        let detail = format!("Agree to the terms of service at {terms}.");
        return Err(AcmeError::new(ErrorKind::UserActionRequired, detail).header(http::header::LINK, link));
    }
    let contact = contacts(payload)?.unwrap_or_default();
    if config.contact_required && contact.is_empty() {
        return Err(AcmeError::new(ErrorKind::InvalidContact, "Name at least one `mailto:` contact."));
    }
    let bound = match payload.get("externalAccountBinding") {
        Some(value) => Some(binding(context, value, key).await?),
        None if config.external_account_required => {
            let detail = "Ask a security officer for a binding (key identifier and HMAC key).";
            return Err(AcmeError::new(ErrorKind::ExternalAccountRequired, detail));
        }
        None => None,
    };
    let id = uuid::Uuid::now_v7().to_string();
    let sealed = seal_contact(context, &id, &contact)?;
    let binding_id = bound.as_ref().map(|bound| bound.row.id());
    let row = records::new_account(&id, &thumbprint, key.canonical(), &sealed, binding_id, context.now);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let organisation = bound.as_ref().map_or("", |bound| bound.holder.organisation());
    let by = service::actor(&id, organisation);
    let act = context.act(&permit, resource(&id), Some(by));
    let facts = json!({ "event": "account made", "key": thumbprint, "binding": binding_id });
    let mut unit = Unit::new(act).facts(facts).insert(row.clone());
    if let Some(bound) = bound {
        // The version that was read open lets one account through: a binding makes one.
        unit = unit.update(bound.row.next_version().with("state", "used"));
    }
    match context.unsealed.journal.commit(unit.cache_insert(nonce.row())).await {
        Ok(_) => Ok(Shown { new: true, body: shown(context, &row)?, id }),
        // The same key asked twice at once: the other request made it.
        Err(CommitError::Exists { table: "acme_accounts", .. }) => {
            let row = records::account_of_key(&context.app.db, &thumbprint).await?;
            let row = row.ok_or_else(|| AcmeError::internal("an account that exists is not found"))?;
            Ok(Shown { new: false, id: row.id().to_owned(), body: shown(context, &row)? })
        }
        Err(CommitError::Conflict { table: "acme_bindings", .. }) => Err(used_binding()),
        Err(error) => Err(service::from_commit(error)),
    }
}

/// A change of an account (RFC 8555 §7.3.2, §7.3.6).
///
/// # Errors
/// [`AcmeError`].
pub async fn change(
    context: &Context,
    account: Account,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<Value> {
    let (event, row) = match payload.get("status").map(|status| status.as_str()) {
        Some(Some("deactivated")) => {
            // Nobody is to be written to any more, so nobody's address is kept.
            ("account deactivated", account.row.clone().with("state", "deactivated").with("contact", ""))
        }
        Some(_) => return Err(AcmeError::malformed("`status` can only become `deactivated`.")),
        None => match contacts(payload)? {
            Some(contact) => {
                if context.config()?.contact_required && contact.is_empty() {
                    let detail = "Name at least one `mailto:` contact.";
                    return Err(AcmeError::new(ErrorKind::InvalidContact, detail));
                }
                let sealed = seal_contact(context, account.id(), &contact)?;
                ("account changed", account.row.clone().with("contact", sealed))
            }
            // What else stands there is ignored (RFC 8555 §7.3.2).
            None => return shown(context, &account.row),
        },
    };
    let row = row.next_version();
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, resource(account.id()), Some(account.actor()));
    context.commit(Unit::new(act).facts(json!({ "event": event })).update(row.clone()), Some(nonce)).await?;
    shown(context, &row)
}

/// keyChange (RFC 8555 §7.3.5): the inner request is signed by the new key and names account and old key.
///
/// # Errors
/// [`AcmeError`]; 409 with the other account's address when the new key has one.
pub async fn change_key(
    context: &Context,
    account: Account,
    payload: &Map<String, Value>,
    url: &str,
    nonce: &Taken,
) -> Result<Value> {
    let inner = Jws::read(&Value::Object(payload.clone()))?;
    let KeyRef::Jwk(new) = &inner.protected.key else {
        return Err(AcmeError::malformed("The inner request names the new key by `jwk`."));
    };
    if inner.protected.nonce.is_some() {
        return Err(AcmeError::malformed("The inner request has no `nonce`."));
    }
    if inner.protected.url != url {
        return Err(AcmeError::unauthorized("The inner request is for another `url`."));
    }
    let Payload::Object(said) = inner.verified(new)? else {
        return Err(AcmeError::malformed("The inner request names `account` and `oldKey`."));
    };
    let of_account = said.get("account").and_then(Value::as_str) == Some(&context.url(&path(account.id())));
    let old = said.get("oldKey").map(Jwk::read).transpose().map_err(super::jws::JwsError::from)?;
    if !of_account || old.as_ref() != Some(&account.key) {
        return Err(AcmeError::malformed("The inner request names another account or another old key."));
    }
    let thumbprint = new.thumbprint();
    let taken = |id: &str| {
        AcmeError::malformed("The new key is an account's key already.")
            .status(409)
            .header(http::header::LOCATION, context.url(&path(id)))
    };
    if let Some(other) = records::account_of_key(&context.app.db, &thumbprint).await? {
        return Err(taken(other.id()));
    }
    let row = account
        .row
        .clone()
        .next_version()
        .with("thumbprint", thumbprint.as_str())
        .with("jwk", new.canonical());
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, resource(account.id()), Some(account.actor()));
    let facts = json!({ "event": "account key changed", "key": thumbprint });
    let unit = Unit::new(act).facts(facts).update(row.clone());
    match context.unsealed.journal.commit(unit.cache_insert(nonce.row())).await {
        Ok(_) => shown(context, &row),
        Err(CommitError::Exists { table: "acme_accounts", .. }) => {
            match records::account_of_key(&context.app.db, &thumbprint).await? {
                Some(other) => Err(taken(other.id())),
                None => Err(AcmeError::internal("a key that is taken is not found")),
            }
        }
        Err(error) => Err(service::from_commit(error)),
    }
}

/// The account object (RFC 8555 §7.1.2).
///
/// # Errors
/// When the contact does not open.
pub fn shown(context: &Context, row: &Row) -> Result<Value> {
    let mut body = json!({
        "status": text(row, "state"),
        "orders": context.url(&format!("{}/orders", path(row.id()))),
    });
    let contact = open_contact(context, row)?;
    if let Some(members) = body.as_object_mut() {
        if !contact.is_empty() {
            members.insert("contact".into(), json!(contact));
        }
        if context.config()?.terms_of_service.is_some() {
            members.insert("termsOfServiceAgreed".into(), true.into());
        }
    }
    Ok(body)
}

/// An account as an entry's resource.
#[must_use]
pub fn resource(id: &str) -> String {
    format!("acme-account:{id}")
}

/// Where an account is, below `/acme`.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/account/{id}")
}

/// RFC 8555 §7.3.4: the binding that the request proves to hold.
async fn binding(context: &Context, value: &Value, key: &Jwk) -> Result<Bound> {
    let mac = Mac::read(value)?;
    if mac.url != context.url("/new-account") {
        return Err(AcmeError::malformed("The binding is for another `url`."));
    }
    // Unknown, withdrawn and wrong are not told apart: who guesses learns nothing.
    let refused = || AcmeError::unauthorized("There is no such binding, or its key is another.");
    let plain =
        mac.kid.len() <= 64 && mac.kid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let row = match plain {
        true => context.app.db.row(&ACME_BINDINGS, &mac.kid).await?,
        false => None,
    };
    // Withdrawn, its key is gone: nothing there could be proven.
    let row = row.filter(|row| text(row, "state") != "withdrawn").ok_or_else(refused)?;
    let sealed = row.value("sealed_key").as_bytes().unwrap_or_default();
    let secret = context
        .custody()
        .open(context.key()?, sealed, &key_context(row.id()))
        .map_err(AcmeError::internal)?;
    mac.binds(&secret, key).map_err(|error| refused().log(error))?;
    match text(&row, "state") {
        "open" => {}
        "used" => return Err(used_binding()),
        _ => return Err(refused()),
    }
    if row.value("expires").as_int().is_some_and(|expires| expires <= context.now) {
        return Err(AcmeError::unauthorized("The binding has expired; ask a security officer for another."));
    }
    Bound::of(context, row).await
}

fn used_binding() -> AcmeError {
    let detail = "The binding has an account already; ask a security officer for another.";
    AcmeError::unauthorized(detail)
}

/// What a binding's key is sealed with besides.
#[must_use]
pub(super) fn key_context(id: &str) -> Vec<u8> {
    [b"cinnabar acme binding v1 ", id.as_bytes()].concat()
}

/// The `contact` of a request: `mailto:` with one address each and no header fields (RFC 8555 §7.3).
fn contacts(payload: &Map<String, Value>) -> Result<Option<Vec<String>>> {
    let Some(value) = payload.get("contact") else { return Ok(None) };
    let all = value.as_array().ok_or_else(|| AcmeError::malformed("`contact` is a list of texts."))?;
    if all.len() > MOST_CONTACTS {
        return Err(AcmeError::new(ErrorKind::InvalidContact, "Name at most 10 contacts."));
    }
    let mut contacts = Vec::with_capacity(all.len());
    for one in all {
        let text = one.as_str().ok_or_else(|| AcmeError::malformed("`contact` is a list of texts."))?;
        let address = text.strip_prefix("mailto:").ok_or_else(|| {
            AcmeError::new(ErrorKind::UnsupportedContact, "Contacts are `mailto:` addresses.")
        })?;
        let (local, domain) = address.rsplit_once('@').unwrap_or_default();
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?,%<>()\"".contains(c);
        let sane = !local.is_empty()
            && address.len() <= 254
            && address.chars().all(plain)
            && !local.contains('@')
            && super::identifier::Identifier::dns(domain).is_ok_and(|name| !name.is_wildcard());
        if !sane {
            let detail = "A contact is `mailto:` and one address, without header fields.";
            return Err(AcmeError::new(ErrorKind::InvalidContact, detail));
        }
        contacts.push(text.to_owned());
    }
    Ok(Some(contacts))
}

fn flag(payload: &Map<String, Value>, name: &str) -> Result<bool> {
    match payload.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(AcmeError::malformed(format!("`{name}` is true or false."))),
    }
}

fn contact_context(id: &str) -> Vec<u8> {
    [b"cinnabar acme contact v1 ", id.as_bytes()].concat()
}

fn seal_contact(context: &Context, id: &str, contact: &[String]) -> Result<String> {
    if contact.is_empty() {
        return Ok(String::new());
    }
    let plain = json!(contact).to_string();
    let sealed = context.custody().seal(context.key()?, plain.as_bytes(), &contact_context(id));
    Ok(STANDARD_NO_PAD.encode(sealed.map_err(AcmeError::internal)?))
}

fn open_contact(context: &Context, row: &Row) -> Result<Vec<String>> {
    let sealed = text(row, "contact");
    if sealed.is_empty() {
        return Ok(Vec::new());
    }
    let sealed = STANDARD_NO_PAD.decode(sealed).map_err(AcmeError::internal)?;
    let plain = context.custody().open(context.key()?, &sealed, &contact_context(row.id()));
    serde_json::from_slice(&plain.map_err(AcmeError::internal)?).map_err(AcmeError::internal)
}

const MOST_CONTACTS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(contact: Value) -> Result<Option<Vec<String>>> {
        contacts(json!({ "contact": contact }).as_object().unwrap())
    }

    #[test]
    fn contacts_are_single_mail_addresses() {
        assert_eq!(judged(json!(["mailto:ops@a.example"])).unwrap().unwrap(), ["mailto:ops@a.example"]);
        assert_eq!(judged(json!([])).unwrap().unwrap(), [""; 0]);
        assert!(contacts(&Map::new()).unwrap().is_none());
        for text in [
            "mailto:",
            "mailto:a",
            "mailto:@a.example",
            "mailto:a@b.example,c@d.example",
            "mailto:a@b.example?subject=x",
            "mailto:a b@c.example",
            "mailto:a@b@c.example",
            "mailto:a@*.c.example",
            "mailto:a@b.example\r\nBcc:x",
        ] {
            assert_eq!(judged(json!([text])).unwrap_err().kind(), ErrorKind::InvalidContact, "{text}");
        }
        assert_eq!(judged(json!(["tel:+49"])).unwrap_err().kind(), ErrorKind::UnsupportedContact);
        assert_eq!(judged(json!("mailto:a@b.example")).unwrap_err().kind(), ErrorKind::Malformed);
        let many = json!(vec!["mailto:a@b.example"; 11]);
        assert_eq!(judged(many).unwrap_err().kind(), ErrorKind::InvalidContact);
    }
}
