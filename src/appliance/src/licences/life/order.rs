//! What may be asked of a licence: one form for every operation, of which each takes its part.

use jiff::civil::Date;
use licence::life::{Ground, Operation};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::documents::model::{BadParameter, is_shown_text};

/// What is done to a licence, and why.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Order {
    /// Why, in words; needed for everything but renewals and annual checks. Kept encrypted with the licence.
    pub reason: Option<String>,
    /// The provision it rests on, as it is cited; needed to suspend, cancel, revoke and withdraw. Names nobody.
    pub basis: Option<String>,
    /// Which of the grounds that the law knows; needed to suspend, cancel, revoke, withdraw and transfer.
    #[schema(value_type = Option<String>, example = "rectification")]
    pub ground: Option<Ground>,
    /// Code of the service item in whose course it is done.
    pub item: Option<String>,
    /// Number of the case. A machine that cancels or transfers names that of the holder's application.
    pub case_number: Option<String>,
    /// `change`, `correct`, `renew`: the fields that differ; `null` takes one away.
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
    /// `renew`: from which day the new term counts, today when left out; `correct`: where the first day was wrong.
    #[schema(value_type = Option<String>, format = Date)]
    pub valid_from: Option<Date>,
    /// `check`: the last day that the annual check covers.
    #[schema(value_type = Option<String>, format = Date)]
    pub checked_to: Option<Date>,
    /// What makes a version: the holder's public key (JWK, P-256) that the credential is bound to from now on.
    #[schema(value_type = Option<Object>)]
    pub holder_key: Option<Value>,
    /// `transfer`: the credit code of the body that takes the licence over.
    pub to: Option<String>,
}

/// An order that fits its operation.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What is done.
    pub operation: Operation,
    /// With what. What the operation does not take is not there, what it needs is.
    pub order: Order,
}

impl Order {
    /// Checks that an order says what its operation needs, and nothing that it does not take.
    ///
    /// # Errors
    /// [`BadParameter`].
    pub fn check(self, operation: Operation) -> Result<Checked, BadParameter> {
        self.texts()?;
        let needed = [
            (operation.needs_reason() && self.reason.is_none(), "reason", "say why, in words"),
            (
                operation.needs_basis() && self.basis.is_none(),
                "basis",
                "name the provision that this rests on",
            ),
            (
                operation.needs_ground() && self.ground.is_none(),
                "ground",
                "name one of the grounds that the law knows",
            ),
            (
                matches!(operation, Operation::Change | Operation::Correct)
                    && self.fields.as_ref().is_none_or(Map::is_empty)
                    && !(operation == Operation::Correct && self.valid_from.is_some()),
                "fields",
                "say which fields differ",
            ),
            (
                operation == Operation::Check && self.checked_to.is_none(),
                "checked_to",
                "name the last day that the check covers",
            ),
            (
                operation == Operation::Transfer && self.to.is_none(),
                "to",
                "name the body that takes it over, by its credit code",
            ),
        ];
        let renews = matches!(operation, Operation::Renew | Operation::Correct);
        let strange = [
            (
                self.ground.is_some_and(|ground| !ground.fits(operation)),
                "ground",
                "this is no ground for that operation",
            ),
            (
                self.fields.is_some() && !operation.takes_fields(),
                "fields",
                "this operation changes no fields",
            ),
            (self.valid_from.is_some() && !renews, "valid_from", "this operation keeps the term"),
            (
                self.checked_to.is_some() && operation != Operation::Check,
                "checked_to",
                "only an annual check has it",
            ),
            (
                self.holder_key.is_some() && !operation.makes_version(),
                "holder_key",
                "this operation makes no credential",
            ),
            (self.to.is_some() && operation != Operation::Transfer, "to", "only a transfer has it"),
        ];
        match needed.into_iter().chain(strange).find(|(wrong, ..)| *wrong) {
            Some((_, name, reason)) => Err(BadParameter { name, reason }),
            None => Ok(Checked { operation, order: self }),
        }
    }

    fn texts(&self) -> Result<(), BadParameter> {
        for (text, name, most) in [
            (&self.reason, "reason", 1000),
            (&self.basis, "basis", 300),
            (&self.item, "item", 100),
            (&self.case_number, "case_number", 100),
        ] {
            if text.as_deref().is_some_and(|text| !is_shown_text(text, most)) {
                return Err(BadParameter { name, reason: "write visible characters, not too many" });
            }
        }
        if self.to.as_deref().is_some_and(|code| licence::codes::credit_code(code).is_err()) {
            return Err(BadParameter { name: "to", reason: "write a unified social credit code (GB 32100)" });
        }
        Ok(())
    }
}

impl Checked {
    /// That a machine which ends a licence for ever names the case in which the holder applied for it. Officers answer for it
    /// by name, with the reason that everybody gives.
    ///
    /// # Errors
    /// [`BadParameter`].
    pub fn by_machine(&self) -> Result<(), BadParameter> {
        let ends = matches!(self.operation, Operation::Cancel | Operation::Transfer);
        if ends && self.order.case_number.is_none() {
            let reason =
                "a machine ends a licence on its holder's application only: name the number of that case";
            return Err(BadParameter { name: "case_number", reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Order {
        Order {
            reason: Some("执法检查发现问题".into()),
            basis: Some("《食品安全法》第一百二十六条".into()),
            ..Order::default()
        }
    }

    fn refused(order: Order, operation: Operation) -> &'static str {
        order.check(operation).unwrap_err().name
    }

    #[test]
    fn what_takes_rights_away_says_why_on_what_and_by_which_provision() {
        for operation in [Operation::Suspend, Operation::Cancel, Operation::Revoke, Operation::Withdraw] {
            let whole = Order { ground: Some(Ground::Other), ..full() };
            assert!(whole.clone().check(operation).is_ok(), "{operation:?}");
            assert_eq!(refused(Order { reason: None, ..whole.clone() }, operation), "reason");
            assert_eq!(refused(Order { basis: None, ..whole.clone() }, operation), "basis");
            assert_eq!(refused(Order { ground: None, ..whole }, operation), "ground");
        }
        assert_eq!(refused(Order { ground: Some(Ground::Deceit), ..full() }, Operation::Revoke), "ground");
    }

    #[test]
    fn an_operation_takes_only_what_is_its_own() {
        let day: Date = "2027-06-30".parse().unwrap();
        let fields = Some(Map::from_iter([("name".to_owned(), Value::from("示例"))]));
        assert_eq!(refused(Order { checked_to: Some(day), ..full() }, Operation::Resume), "checked_to");
        assert_eq!(refused(Order { fields: fields.clone(), ..full() }, Operation::Reissue), "fields");
        assert_eq!(
            refused(Order { valid_from: Some(day), fields: fields.clone(), ..full() }, Operation::Change),
            "valid_from"
        );
        assert_eq!(
            refused(Order { to: Some("11370300MB285591X1".into()), ..full() }, Operation::Resume),
            "to"
        );
        assert!(Order { valid_from: Some(day), ..full() }.check(Operation::Correct).is_ok());
        assert!(Order { fields, ..full() }.check(Operation::Change).is_ok());
        assert_eq!(refused(full(), Operation::Change), "fields");
        assert_eq!(refused(Order::default(), Operation::Check), "checked_to");
        assert!(Order::default().check(Operation::Renew).is_ok());
    }

    #[test]
    fn a_machine_names_the_case_of_the_holder_who_gives_a_licence_up() {
        for operation in [Operation::Cancel, Operation::Transfer] {
            let to = (operation == Operation::Transfer).then(|| "91990000100000104F".to_owned());
            let whole = Order { ground: Some(Ground::HoldersRequest), to, ..full() };
            let named = Order { case_number: Some("2026-17".into()), ..whole.clone() };
            let checked = |order: Order| Checked { operation, order };
            assert_eq!(checked(whole).by_machine().unwrap_err().name, "case_number", "{operation:?}");
            assert!(checked(named).by_machine().is_ok(), "{operation:?}");
        }
        assert!(Checked { operation: Operation::Suspend, order: full() }.by_machine().is_ok());
    }

    #[test]
    fn words_that_hide_something_are_refused() {
        assert_eq!(
            refused(Order { reason: Some("a\u{202E}b".into()), ..full() }, Operation::ReportLoss),
            "reason"
        );
        assert_eq!(
            refused(Order { reason: Some("字".repeat(1001)), ..full() }, Operation::ReportLoss),
            "reason"
        );
    }
}
