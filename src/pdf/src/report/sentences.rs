//! What each outcome means, in sentences for people who know nothing of certificates.
//!
//! Exhaustive on purpose: a new sub-indication or class does not compile without its sentences.

use pki::SubIndication;

use super::words::Words;
use crate::verify::{Class, Format, Verdict};

/// The verdict on a file in one sentence.
pub(super) fn verdict(verdict: Verdict, format: Format) -> Words {
    match (verdict, format) {
        (Verdict::Valid, Format::Timestamp) => Words::new(
            "有效：时间戳真实、可信，内容自该时间起没有改动。",
            "Valid: the time-stamp is genuine and trusted, and the content has not changed since.",
        ),
        (Verdict::Valid, Format::Seal) => Words::new(
            "有效：电子印章真实、可信，在有效期内。",
            "Valid: the electronic seal is genuine and trusted, and within its period of validity.",
        ),
        (Verdict::Invalid, Format::Seal) => Words::new(
            "无效：请勿使用或采信此电子印章。",
            "Invalid: do not use or rely on this electronic seal.",
        ),
        (Verdict::Valid, _) => Words::new(
            "有效：所有印章（签名）真实、可信，此后没有任何未经允许的改动。",
            "Valid: every seal (signature) is genuine and trusted, and nothing was changed afterwards that was not \
             allowed.",
        ),
        (Verdict::Invalid, _) => Words::new(
            "无效：请勿采信此文件。有印章（签名）被破坏，或盖章之后文件被改动。",
            "Invalid: do not rely on this file. A seal (signature) is broken, or the file was altered afterwards.",
        ),
        (Verdict::Undecided, _) => Words::new(
            "暂不能确认：没有证据表明它无效，但还缺少确认其可信所需的信息。",
            "Not confirmed: nothing shows that it is invalid, but something needed to trust it is missing.",
        ),
        (Verdict::NoSignature, Format::Timestamp) => Words::new(
            "没有时间戳：签发机构拒绝了请求。",
            "No time-stamp: the authority refused the request.",
        ),
        (Verdict::NoSignature, _) => Words::new(
            "没有印章或签名：没有人为此文件负责。",
            "No seal or signature: nobody vouches for this file.",
        ),
        (Verdict::TimestampOnly, _) => Words::new(
            "只有时间戳：可以知道文件在何时已经存在，但没有人盖章或签名。",
            "Time-stamps only: they show when the file existed, but nobody sealed or signed it.",
        ),
    }
}

/// What was found, and what to do about it.
pub(super) struct Finding {
    pub(super) found: Words,
    pub(super) advice: Words,
}

/// What a sub-indication of EN 319 102-1 means.
pub(super) fn finding(sub_indication: SubIndication) -> Finding {
    use SubIndication as S;
    let (found, advice) = match sub_indication {
        S::FormatFailure => (
            (
                "印章（签名）的数据残缺、自相矛盾，或与文件结构不符。",
                "The data of the seal (signature) is damaged, contradicts itself or does not fit the file.",
            ),
            REJECT,
        ),
        S::HashFailure => (
            (
                "内容与盖章时不同：盖章之后被改动过。",
                "The content is not what was sealed: it was altered afterwards.",
            ),
            REJECT,
        ),
        S::SigCryptoFailure => (
            (
                "签名值与签署人的证书不符，可能是伪造的。",
                "The signature does not belong to the signer's certificate; it may be forged.",
            ),
            REJECT,
        ),
        S::Revoked => (
            (
                "盖章时，签署人的证书已经被吊销。",
                "The signer's certificate had been revoked already when the seal was made.",
            ),
            REISSUE,
        ),
        S::Expired => (
            (
                "盖章时，签署人的证书已经过期。",
                "The signer's certificate had expired already when the seal was made.",
            ),
            REISSUE,
        ),
        S::NotYetValid => (
            (
                "盖章时，签署人的证书尚未生效。",
                "The signer's certificate was not valid yet when the seal was made.",
            ),
            REISSUE,
        ),
        S::SigConstraintsFailure => (
            (
                "印章（签名）缺少本次核验规则所要求的内容。",
                "The seal (signature) lacks something that the rules of this check demand.",
            ),
            POLICY,
        ),
        S::ChainConstraintsFailure => (
            (
                "签署人的证书不允许用于此用途，或不符合本次核验规则。",
                "The signer's certificate may not be used for this, or does not meet the rules of this check.",
            ),
            POLICY,
        ),
        S::CertificateChainGeneralFailure => (
            (
                "签署人的证书或其上级证书有错误，无法得出结论。",
                "The signer's certificate, or one above it, is faulty; no conclusion can be drawn.",
            ),
            (
                "请向出具单位确认其证书；必要时请技术人员查看详细报告。",
                "Ask the issuing body about its certificate; have the detailed report looked at if need be.",
            ),
        ),
        S::CryptoConstraintsFailure => (
            (
                "使用了盖章时已不再安全的算法或过短的密钥。",
                "It uses an algorithm or a key that was no longer secure when the seal was made.",
            ),
            REISSUE,
        ),
        S::PolicyProcessingError => (
            ("核验规则无法读取或执行。", "The rules of this check cannot be read or carried out."),
            (
                "请技术人员检查核验规则，然后重新核验。",
                "Have the rules of the check corrected, then check again.",
            ),
        ),
        S::SignaturePolicyNotAvailable => (
            (
                "签名所依据的签名规则找不到，无法核对。",
                "The rules that the signature was made under cannot be found.",
            ),
            (
                "请向出具单位索取其签名规则，再重新核验。",
                "Ask the issuing body for the rules it signs under and check again.",
            ),
        ),
        S::TimestampOrderFailure => (
            ("时间戳的先后顺序互相矛盾。", "The order of the time-stamps contradicts itself."),
            ("请向出具单位核实盖章过程。", "Ask the issuing body how and when it was sealed."),
        ),
        S::NoSigningCertificateFound => (
            (
                "找不到签署人的证书，无法知道是谁盖的章。",
                "The signer's certificate is not there, so nobody can tell who sealed.",
            ),
            (
                "请向出具单位索取其证书，与文件一起重新核验。",
                "Ask the issuing body for its certificate and check again with it.",
            ),
        ),
        S::NoCertificateChainFound => (
            (
                "签署人的证书不是由这里信任的机构签发的。",
                "The signer's certificate does not come from an authority that is trusted here.",
            ),
            (
                "请核实出具单位所用的根证书；确认可信后加入信任列表，再重新核验。",
                "Find out which root certificate the issuing body uses; if it is to be trusted, add it and check again.",
            ),
        ),
        S::NoCertificateChainFoundNoPoe => (
            (
                "签发证书的机构已不再受信任，无法证明盖章是在其仍受信任之时。",
                "The authority behind the certificate is no longer trusted, and nothing proves that the seal was made \
                 while it was.",
            ),
            PROOF,
        ),
        S::RevokedNoPoe => (
            (
                "签署人的证书后来被吊销，无法证明盖章是在吊销之前。",
                "The signer's certificate was revoked, and nothing proves that the seal was made before that.",
            ),
            PROOF,
        ),
        S::RevokedCaNoPoe => (
            (
                "签发签署人证书的机构后来被吊销，无法证明盖章是在此之前。",
                "An authority above the signer was revoked, and nothing proves that the seal was made before that.",
            ),
            PROOF,
        ),
        S::OutOfBoundsNotRevoked => (
            (
                "签署人的证书已不在有效期内（未见吊销），无法证明盖章是在有效期内。",
                "The signer's certificate is outside its period of validity (not known to be revoked), and nothing proves that the seal was made within it.",
            ),
            PROOF,
        ),
        S::OutOfBoundsNoPoe => (
            (
                "签署人的证书已不在有效期内，无法证明盖章是在有效期内。",
                "The signer's certificate is outside its period of validity, and nothing proves that the seal was made within it.",
            ),
            PROOF,
        ),
        S::RevocationOutOfBoundsNoPoe => (
            (
                "出具吊销信息的证书已不在有效期内，无法证明该信息当时有效。",
                "The certificate behind the revocation information is outside its period of validity, and nothing proves that the information was good in time.",
            ),
            PROOF,
        ),
        S::CryptoConstraintsFailureNoPoe => (
            (
                "使用了现已不再安全的算法或过短的密钥，无法证明盖章是在其仍安全之时。",
                "It uses an algorithm or a key that is no longer secure, and nothing proves that the seal was made while it was.",
            ),
            PROOF,
        ),
        S::NoPoe => (
            (
                "缺少可信的时间证明，无法确认盖章当时的情况。",
                "A proof of time is missing, so the state of things when it was sealed cannot be confirmed.",
            ),
            PROOF,
        ),
        S::TryLater => (
            (
                "目前没有足够新的吊销信息，不知道签署人的证书是否已被吊销。",
                "There is no fresh enough revocation information, so nobody can tell whether the signer's certificate was revoked.",
            ),
            (
                "请提供签发机构最新的吊销列表（CRL）或在线状态（OCSP），或稍后联网重新核验。",
                "Provide the authority's newest revocation list (CRL) or status answer (OCSP), or check again later with network access.",
            ),
        ),
        S::SignedDataNotFound => (
            (
                "找不到被盖章（签名）的内容，只能核验签名本身。",
                "The content that was sealed (signed) is not here; only the signature itself could be checked.",
            ),
            (
                "请把原始内容与签名文件一起提供，再重新核验。",
                "Provide the original content together with the signature and check again.",
            ),
        ),
    };
    Finding { found: pair(found), advice: pair(advice) }
}

/// Its algorithm or container is not supported.
pub(super) fn unsupported() -> Finding {
    Finding {
        found: Words::new(
            "使用了本系统不支持的算法或格式，无法核验。",
            "It uses an algorithm or a format that is not supported here; it cannot be checked.",
        ),
        advice: Words::new(
            "请出具单位改用受支持的算法重新盖章，或用出具单位指定的软件核验。",
            "Ask the issuing body to seal it again with a supported algorithm, or check it with the software it names.",
        ),
    }
}

/// Something happened after the signature that its signer did not allow.
pub(super) fn changed() -> Finding {
    Finding {
        found: Words::new(
            "盖章之后，文件被以签署人不允许的方式改动。",
            "After it was sealed, the file was changed in a way that the signer did not allow.",
        ),
        advice: pair(REJECT),
    }
}

/// It does not cover what it should.
pub(super) fn partial() -> Finding {
    Finding {
        found: Words::new(
            "印章（签名）没有覆盖整个文件，其余部分可能不是签署人所见。",
            "The seal (signature) does not cover the whole file; the rest may not be what the signer saw.",
        ),
        advice: pair(REJECT),
    }
}

/// Broken for a reason that has no word of its own.
pub(super) fn broken() -> Finding {
    Finding {
        found: Words::new("印章（签名）已被破坏。", "The seal (signature) is broken."),
        advice: pair(REJECT),
    }
}

/// Undecided for a reason that has no word of its own.
pub(super) fn undecided() -> Finding {
    Finding {
        found: Words::new("无法得出结论。", "No conclusion can be drawn."),
        advice: Words::new("请技术人员查看详细报告。", "Have the detailed report looked at."),
    }
}

/// A class of changes.
pub(super) fn class(class: Class) -> Words {
    match class {
        Class::Ltv => Words::new(
            "增加了长期核验资料（不影响内容）",
            "data for later checks was added (nothing a reader sees)",
        ),
        Class::Signature => Words::new("增加了印章或签名", "a further seal or signature was added"),
        Class::Form => Words::new("填写了表单", "form fields were filled in"),
        Class::Annotation => Words::new("添加、修改或删除了批注", "comments were added, changed or removed"),
        Class::Other => Words::new("其他内容被改动", "other content was changed"),
        Class::TrailingData => {
            Words::new("文件末尾之后多出了数据", "data was added after the end of the file")
        }
    }
}

fn pair((zh, en): (&str, &str)) -> Words {
    Words::new(zh, en)
}

const REJECT: (&str, &str) =
    ("请勿采信；向出具单位索取原始文件。", "Do not rely on it; ask the issuing body for the original file.");
const REISSUE: (&str, &str) = (
    "请勿采信；请出具单位用有效的证书重新盖章。",
    "Do not rely on it; ask the issuing body to seal it again with a valid certificate.",
);
const POLICY: (&str, &str) = (
    "请向出具单位说明要求并重新盖章，或由负责人决定是否改用其他核验规则。",
    "Tell the issuing body what is demanded and have it sealed again, or let whoever is responsible choose other rules.",
);
const PROOF: (&str, &str) = (
    "请出具单位提供带可信时间戳的版本，或重新盖章。",
    "Ask the issuing body for a version with a trusted time-stamp, or to seal it again.",
);
