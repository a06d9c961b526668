//! What one request wants done to a document: a level, and one or more seals in the order in which they are set.

use serde::Deserialize;
use utoipa::ToSchema;

use super::model::BadParameter;
use super::parameters::{Level, SealQuery, SealRequest};

/// Several seals on one document, set one after the other: all of them or none.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Countersealing {
    /// How much the sealed document proves by itself.
    #[serde(default)]
    pub level: Option<Level>,
    /// The seals in their order.
    pub seals: Vec<SealQuery>,
}

/// A checked order.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// How much the sealed document proves by itself.
    pub level: Level,
    /// The seals in their order; at least one.
    pub seals: Vec<SealRequest>,
}

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It is no JSON of the kind.
    #[error("the `request` part cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The list of seals is empty.
    #[error("`seals` is empty; name at least one seal")]
    Empty,
    /// Too many seals.
    #[error("{asked} seals on one document, at most {limit} are set in one request")]
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A parameter cannot be meant.
    #[error("{error}")]
    Parameter {
        /// Of which seal, from 0; none where only one was asked for.
        index: Option<usize>,
        /// What is wrong with it.
        error: BadParameter,
    },
}

impl Order {
    /// The order that a query asks for: one seal.
    ///
    /// # Errors
    /// [`OrderError::Parameter`].
    pub fn single(query: SealQuery) -> Result<Self, OrderError> {
        let level = query.level.unwrap_or_default();
        let seal = query.check().map_err(|error| OrderError::Parameter { index: None, error })?;
        Ok(Self { level, seals: vec![seal] })
    }

    /// Reads the `request` part: the parameters of one seal, or `{"level": …, "seals": […]}`.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn read(json: &[u8], most: usize) -> Result<Self, OrderError> {
        let value: serde_json::Value = serde_json::from_slice(json)?;
        if value.get("seals").is_none() {
            return Self::single(serde_json::from_value(value)?);
        }
        let Countersealing { level, seals } = serde_json::from_value(value)?;
        if seals.len() > most {
            return Err(OrderError::TooMany { asked: seals.len(), limit: most });
        }
        if seals.is_empty() {
            return Err(OrderError::Empty);
        }
        let checked = seals.into_iter().enumerate().map(|(index, query)| {
            let error = BadParameter { name: "level", reason: "write it once, beside `seals`" };
            let misplaced = query.level.is_some().then_some(error);
            let checked = misplaced.map_or_else(|| query.check(), Err);
            checked.map_err(|error| OrderError::Parameter { index: Some(index), error })
        });
        Ok(Self { level: level.unwrap_or_default(), seals: checked.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Order, OrderError> {
        Order::read(json.as_bytes(), 2)
    }

    #[test]
    fn one_seal_or_several_are_read() {
        let one = read(r#"{"seal":"a","level":"b-t","page":1,"x_mm":10,"y_mm":20.5}"#).unwrap();
        assert_eq!((one.level, one.seals.len()), (Level::BT, 1));
        let two = read(r#"{"level":"b-lta","seals":[{"seal":"a"},{"seal":"b","keyword":"盖章"}]}"#).unwrap();
        assert_eq!((two.level, two.seals.len()), (Level::BLta, 2));
        assert_eq!(read(r#"{"seals":[{"seal":"a"}]}"#).unwrap().level, Level::BB);
    }

    #[test]
    fn what_cannot_be_meant_is_named_with_the_seal_it_belongs_to() {
        assert!(matches!(read("[]"), Err(OrderError::Malformed(_))));
        assert!(matches!(read(r#"{"seals":[],"more":1}"#), Err(OrderError::Malformed(_))));
        assert!(matches!(read(r#"{"seals":[]}"#), Err(OrderError::Empty)));
        let three = read(r#"{"seals":[{"seal":"a"},{"seal":"b"},{"seal":"c"}]}"#);
        assert!(matches!(three, Err(OrderError::TooMany { asked: 3, limit: 2 })));
        for (json, wanted) in [
            (r#"{"seals":[{"seal":"a"},{"seal":"b","page":1}]}"#, (Some(1), "page")),
            (r#"{"seals":[{"seal":"a","level":"b-t"}]}"#, (Some(0), "level")),
            (r#"{"seal":"a","certify":9}"#, (None, "certify")),
        ] {
            let Err(OrderError::Parameter { index, error }) = read(json) else { panic!("{json}") };
            assert_eq!((index, error.name), wanted, "{json}");
        }
    }
}
