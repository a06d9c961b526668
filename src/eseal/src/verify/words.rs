//! Words for people: why a certificate is not to be relied on.

use pki::path::PathFailure;

/// In Chinese and English.
pub(super) fn failure(failure: &PathFailure) -> (String, String) {
    let zh = match failure {
        PathFailure::NoPath { subject } => format!("找不到从“{subject}”到信任锚的证书链"),
        PathFailure::Budget { .. } => "证书链过于复杂，已停止验证".to_owned(),
        PathFailure::BadSignature { subject } => format!("“{subject}”的证书并非由其所称的签发者签发"),
        PathFailure::Unsupported { subject, .. } => format!("“{subject}”的证书使用了不支持的算法"),
        PathFailure::Weak { subject, .. } => format!("“{subject}”的证书算法强度不足"),
        PathFailure::Expired { subject, .. } => format!("“{subject}”的证书已过有效期"),
        PathFailure::NotYetValid { subject, .. } => format!("“{subject}”的证书尚未生效"),
        PathFailure::Revoked { subject, .. } => format!("“{subject}”的证书已被吊销"),
        PathFailure::NoRevocationEvidence { subject, .. } => {
            format!("缺少“{subject}”的证书的吊销状态信息")
        }
        PathFailure::Constraint { subject, .. } => format!("“{subject}”的证书不符合证书链规则"),
        PathFailure::Policy { subject, .. } => format!("“{subject}”的证书不符合证书策略"),
        PathFailure::Name { subject, .. } => format!("“{subject}”的证书名称不符"),
        PathFailure::Purpose { subject, .. } => format!("“{subject}”的证书用途不允许"),
        _ => "证书链验证未通过".to_owned(),
    };
    (zh, failure.to_string())
}

/// A time in UTC, RFC 3339.
pub(super) fn instant(seconds: i64) -> String {
    let Some(encoded) = crate::write::generalized_time(seconds) else { return seconds.to_string() };
    let digits = |range: std::ops::Range<usize>| {
        encoded.get(range).map(|digits| String::from_utf8_lossy(digits).into_owned()).unwrap_or_default()
    };
    // Behind tag and length.
    let [year, month, day] = [digits(2..6), digits(6..8), digits(8..10)];
    let [hour, minute, second] = [digits(10..12), digits(12..14), digits(14..16)];
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
}
