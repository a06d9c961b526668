//! Requests and answers of the shared-service interface, under its keys.

use licence::life::ResultCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::documents::model::{BadParameter, is_identifier, is_shown_text};
use crate::licences::showing::model::{NewLicenceQuery, Party};

/// For what a licence is taken: item, case, purpose, person.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Context {
    /// 事项编码: code of the service item.
    #[serde(rename = "SXBM")]
    pub item: String,
    /// 办件编号: case number.
    #[serde(rename = "BJBH")]
    pub case_number: String,
    /// 用途: a purpose of the type's rules.
    #[serde(rename = "YT")]
    pub purpose: String,
    /// 经办人: who works on the case; kept encrypted.
    #[serde(rename = "JBR")]
    pub operator: String,
}

/// A search by holder.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = SharedSearch)]
pub(super) struct Search {
    /// 持证主体代码: the holder's number.
    #[serde(rename = "CZZTDM")]
    pub holder: String,
    /// 持证主体代码类型代码: 001 credit code, 111 citizen's number, …
    #[serde(rename = "CZZTDMLXDM")]
    pub holder_kind: String,
    /// 证照类型代码: the licence type.
    #[serde(rename = "ZZLXDM")]
    pub type_code: String,
    /// Cursor of an earlier answer.
    #[serde(rename = "YB", default)]
    pub after: Option<String>,
    /// For what.
    #[serde(flatten)]
    pub context: Context,
}

impl Search {
    /// The same as the platform API asks it.
    pub(super) fn checked(self) -> Result<NewLicenceQuery, BadParameter> {
        let Context { item, case_number, purpose, operator } = self.context;
        let asked = NewLicenceQuery {
            holder: Party { kind: self.holder_kind, number: self.holder },
            type_code: self.type_code,
            item,
            case_number,
            purpose,
            operator,
            after: self.after,
        };
        asked.check()?;
        Ok(asked)
    }
}

/// A question about one licence.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = SharedByIdentifier)]
pub(super) struct ByIdentifier {
    /// 证照标识: the identifier (GB/T 36904), with or without the object identifier.
    #[serde(rename = "ZZBS")]
    pub identifier: String,
    /// 持证主体代码: the holder's number; identifiers can be counted up, so that one alone gives nothing.
    #[serde(rename = "CZZTDM")]
    pub holder: String,
    /// 持证主体代码类型代码: 001 credit code, 111 citizen's number, …
    #[serde(rename = "CZZTDMLXDM")]
    pub holder_kind: String,
    /// For what.
    #[serde(flatten)]
    pub context: Context,
}

impl ByIdentifier {
    /// Whose the licence is said to be.
    pub(super) fn party(&self) -> Party {
        Party { kind: self.holder_kind.clone(), number: self.holder.clone() }
    }

    /// The type that the identifier names.
    pub(super) fn type_code(&self) -> &str {
        let bare = self
            .identifier
            .trim()
            .strip_prefix(licence::identifier::OID)
            .map(|rest| rest.trim_start_matches('.'));
        bare.unwrap_or_else(|| self.identifier.trim()).split('.').next().unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), BadParameter> {
        let context = &self.context;
        if self.identifier.len() > 200 {
            return Err(BadParameter { name: "ZZBS", reason: "an identifier has at most 120 characters" });
        }
        let is_code =
            |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_graphic());
        for (name, code) in [("CZZTDM", &self.holder), ("CZZTDMLXDM", &self.holder_kind)] {
            if !is_code(code) {
                return Err(BadParameter { name, reason: "write 1 to 64 visible ASCII characters" });
            }
        }
        for (name, code) in
            [("SXBM", &context.item), ("BJBH", &context.case_number), ("YT", &context.purpose)]
        {
            if !is_identifier(code) {
                let reason = "write 1 to 64 letters, digits, `-`, `_` and `.`";
                return Err(BadParameter { name, reason });
            }
        }
        if !is_shown_text(&context.operator, 100) {
            return Err(BadParameter { name: "JBR", reason: "write 1 to 100 visible characters" });
        }
        Ok(())
    }
}

/// An answer: the result code and its words, and what was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SharedAnswer {
    /// 0 in force (or found), 1 not yet active, 2 suspended, 3 void, 5 not found.
    pub code: u8,
    /// In Chinese.
    pub message: &'static str,
    /// In English.
    pub message_en: &'static str,
    /// What was asked for.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Leaf of the log that records the answer; none where nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
}

impl SharedAnswer {
    /// An answer about a licence that was found.
    pub(super) fn of(standing: ResultCode, data: Value, leaf: u64) -> Self {
        let (message, message_en) = match standing {
            ResultCode::Valid => ("成功", "done"),
            ResultCode::NotYetActive => ("证照尚未生效", "the licence is not in force yet"),
            ResultCode::Suspended => ("证照已暂停使用", "the licence is suspended"),
            ResultCode::Void => ("证照已失效", "the licence is void"),
        };
        Self { code: standing.number(), message, message_en, data, leaf: Some(leaf) }
    }

    /// There is none.
    pub(super) const fn none(leaf: Option<u64>) -> Self {
        Self {
            code: NOT_FOUND,
            message: "未查到证照",
            message_en: "no such licence",
            data: Value::Null,
            leaf,
        }
    }
}

/// GB/T 36906: there is no such licence.
const NOT_FOUND: u8 = 5;
