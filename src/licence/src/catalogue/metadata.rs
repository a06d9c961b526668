//! Metadata of a licence under the pinyin keys of GB/T 36903.

use serde_json::{Map, Value};

use super::{Compiled, values};

/// What metadata says besides the fields. Days as `YYYY-MM-DD` in China time.
#[derive(Debug, Clone, Default)]
pub struct MetadataFacts<'a> {
    /// 证照标识: the identifier as GB/T 36904 writes it.
    pub identifier: &'a str,
    /// 证照编号: the number printed on it; the field of the definition wins.
    pub number: Option<&'a str>,
    /// 证照颁发机构.
    pub issuer: &'a str,
    /// 证照颁发机构代码.
    pub issuer_code: &'a str,
    /// 证照颁发日期.
    pub issued: &'a str,
    /// 证照有效期起始日期.
    pub valid_from: &'a str,
    /// 证照有效期截止日期; none where it holds for good (`长期`).
    pub valid_to: Option<&'a str>,
    /// 证照签章人, 签章时间, 签章名称: who sealed it, when (RFC 3339), with which seal.
    pub sealed: Option<(&'a str, &'a str, &'a str)>,
    /// 加注件 (an annotated copy): time, by whom, purpose, valid until.
    pub annotated: Option<(&'a str, &'a str, &'a str, &'a str)>,
}

impl Compiled {
    /// The metadata of one licence: `facts` and those of its fields that are in `fields` (who asks may have been given a
    /// part of them alone).
    #[must_use]
    pub fn metadata(&self, facts: &MetadataFacts<'_>, fields: &Map<String, Value>) -> Map<String, Value> {
        let definition = self.definition();
        let text = |name: &str| fields.get(name).and_then(values::plain);
        let number = definition.number_field.as_deref().and_then(text);
        let number = number.or_else(|| facts.number.map(str::to_owned));
        let own: [(&str, Option<String>); 13] = [
            ("ZZMC", Some(definition.name.zh.clone())),
            ("ZZLXDM", Some(definition.code.clone())),
            ("ZZBH", number),
            ("ZZBS", Some(facts.identifier.to_owned())),
            ("ZZBFJG", Some(facts.issuer.to_owned())),
            ("ZZBFJGDM", Some(facts.issuer_code.to_owned())),
            ("ZZBFRQ", Some(facts.issued.to_owned())),
            ("ZZYXQQSRQ", Some(facts.valid_from.to_owned())),
            ("ZZYXQJZRQ", Some(facts.valid_to.unwrap_or(FOR_GOOD).to_owned())),
            ("CZZT", text(&definition.holder_fields.name)),
            ("CZZTDM", text(&definition.holder_fields.number)),
            ("CZZTDMLXDM", Some(definition.holder_fields.number_kind.clone())),
            ("CZZTDMLX", number_kind(&definition.holder_fields.number_kind).map(str::to_owned)),
        ];
        let mut metadata: Map<String, Value> = own
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key.to_owned(), Value::String(value))))
            .collect();
        let mut put = |key: &str, value: &str| {
            metadata.insert(key.to_owned(), Value::String(value.to_owned()));
        };
        if let Some((by, at, seal)) = facts.sealed {
            put("ZZQZR", by);
            put("ZZQZSJ", at);
            put("ZZQZMC", seal);
        }
        if let Some((at, by, purpose, until)) = facts.annotated {
            put("JZJZZSJ", at);
            put("JZJZZZ", by);
            put("JZJZZSY", purpose);
            put("JZJYXQJZSJ", until);
        }
        for field in self.fields() {
            if let Some(value) = fields.get(&field.name) {
                metadata.insert(field.key.clone(), value.clone());
            }
        }
        metadata
    }
}

/// What a kind of holder's number is called (GB/T 36903, 持证主体代码类型).
fn number_kind(code: &str) -> Option<&'static str> {
    Some(match code {
        "001" => "统一社会信用代码",
        "111" => "公民身份号码",
        "411" => "外交护照",
        "412" => "公务护照",
        "414" => "普通护照",
        "516" => "港澳居民来往内地通行证",
        "511" => "台湾居民来往大陆通行证",
        "553" => "外国人永久居留身份证",
        _ => return None,
    })
}

/// How the end of what has none is written.
const FOR_GOOD: &str = "长期";
