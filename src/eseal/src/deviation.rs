//! What real seals and signatures write otherwise than the standards say.
//!
//! A deviation is something the reader understands all the same. It is reported with its place, never passed over, and
//! never makes anything valid that is not: the signatures are verified over the octets as they came, whatever was
//! understood of them. Words for people are here, in Chinese and English; [`DeviationKind`]'s serialised names are stable.

use std::fmt;

use serde::Serialize;

/// One deviation and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The field, by the standard's names: `toSign.eseal.eSealInfo.property.name`.
    pub place: String,
    /// Offset of the element in the octets that were read.
    pub offset: usize,
    /// What is otherwise.
    #[serde(flatten)]
    pub kind: DeviationKind,
}

/// What is otherwise than the standard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "deviation", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeviationKind {
    /// A length in more octets than needed (BER; DER demands the shortest, X.690 §10.1).
    PaddedLength,
    /// An open length (BER, X.690 §8.1.3.6).
    IndefiniteLength,
    /// A string in pieces (BER, X.690 §8.7.3).
    ConstructedString,
    /// An INTEGER with superfluous octets, or as ENUMERATED.
    IntegerForm,
    /// A BOOLEAN that is its DEFAULT and written all the same (X.690 §11.5).
    EncodedDefault,
    /// A BOOLEAN other than 00 and FF (X.690 §11.1).
    BooleanForm,
    /// A BIT STRING where an OCTET STRING belongs.
    BitsForOctets,
    /// An OCTET STRING where a BIT STRING belongs.
    OctetsForBits,
    /// Another string type.
    StringType {
        /// As the standard has it.
        expected: &'static str,
        /// As found.
        found: &'static str,
    },
    /// Text that is not what its type promises; read as GB 18030.
    TextEncoding,
    /// UTCTime for GeneralizedTime, or the other way round, or text.
    TimeType {
        /// As the standard has it.
        expected: &'static str,
        /// As found.
        found: &'static str,
    },
    /// A fraction of a second.
    TimeFraction,
    /// An offset from UTC instead of `Z`.
    TimeOffset,
    /// No offset at all; read as Chinese standard time.
    TimeLocal,
    /// No seconds.
    TimeWithoutSeconds,
    /// Years of two digits in GeneralizedTime, or of four in UTCTime.
    TimeYear,
    /// No time that could be read.
    TimeUnreadable,
    /// A signature as r‖s instead of DER.
    RawSignature {
        /// 64, or 128 as the smart-card interface of GM/T 0016 has it.
        octets: usize,
    },
    /// An AlgorithmIdentifier (with or without parameters) where an OBJECT IDENTIFIER belongs.
    AlgorithmIdentifier,
    /// The identifier of a curve or a digest where that of a signature algorithm belongs.
    AlgorithmName {
        /// As found.
        found: String,
    },
    /// A certificate that stands without the OCTET STRING around it.
    CertificateBare,
    /// A certificate in two OCTET STRINGs.
    CertificateWrappedTwice,
    /// A certificate as text: PEM, base64 or hexadecimal digits.
    CertificateText,
    /// No certificate where one belongs.
    CertificateMissing,
    /// Something behind a certificate in its OCTET STRING.
    CertificateTrailing,
    /// One certificate where a list belongs.
    CertListBare,
    /// certListType is missing, or stands where the version has none.
    CertListTypePlace,
    /// certListType says one form of list and another is there.
    CertListTypeOther {
        /// As found.
        found: i64,
    },
    /// The type of a certificate's digest is not a name of a digest algorithm known here.
    DigestTypeName {
        /// As found.
        found: String,
    },
    /// The header's identifier is not `ES`.
    HeaderId {
        /// As found.
        found: String,
    },
    /// A version number that is not this structure's.
    VersionNumber {
        /// As the structure wants it.
        expected: i64,
        /// As found.
        found: i64,
    },
    /// A seal of one version in a signature of another.
    MixedVersions,
    /// Extensions with another tag than the version has them.
    ExtensionTag,
    /// A time-stamp with another tag than `[0] EXPLICIT`, or not in a BIT STRING.
    TimeStampTag,
    /// A picture's type in another spelling.
    PictureTypeSpelling {
        /// As found.
        found: String,
    },
    /// A picture's type that is not known here.
    PictureTypeUnknown {
        /// As found.
        found: String,
    },
    /// The picture is of another type than said.
    PictureTypeOther {
        /// As its octets say.
        found: &'static str,
    },
    /// The picture is an OFD document.
    PictureOfd,
    /// Zeros behind the structure.
    TrailingZeros {
        /// How many.
        octets: usize,
    },
    /// Something else behind the structure, which nothing signs.
    TrailingData {
        /// How much.
        octets: usize,
    },
}

impl DeviationKind {
    /// In Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::PaddedLength => "长度编码不是最短形式（BER）".into(),
            Self::IndefiniteLength => "使用不定长编码（BER）".into(),
            Self::ConstructedString => "字符串分段编码（BER）".into(),
            Self::IntegerForm => "整数编码不规范".into(),
            Self::EncodedDefault => "缺省值被显式编码".into(),
            Self::BooleanForm => "布尔值编码不规范".into(),
            Self::BitsForOctets => "应为 OCTET STRING，实际为 BIT STRING".into(),
            Self::OctetsForBits => "应为 BIT STRING，实际为 OCTET STRING".into(),
            Self::StringType { expected, found } | Self::TimeType { expected, found } => {
                format!("应为 {expected}，实际为 {found}")
            }
            Self::TextEncoding => "文字编码与类型不符，按 GB 18030 解读".into(),
            Self::TimeFraction => "时间带小数秒".into(),
            Self::TimeOffset => "时间带时区偏移，未使用 Z".into(),
            Self::TimeLocal => "时间未标明时区，按北京时间解读".into(),
            Self::TimeWithoutSeconds => "时间缺少秒".into(),
            Self::TimeYear => "年份位数与时间类型不符".into(),
            Self::TimeUnreadable => "时间无法解读".into(),
            Self::RawSignature { octets } => format!("签名值为 {octets} 字节的 r‖s，未按 DER 编码"),
            Self::AlgorithmIdentifier => "算法字段应为 OID，实际为 AlgorithmIdentifier".into(),
            Self::AlgorithmName { found } => format!("算法字段 {found} 不是签名算法的 OID"),
            Self::CertificateBare => "证书未放入 OCTET STRING".into(),
            Self::CertificateWrappedTwice => "证书被两层 OCTET STRING 包裹".into(),
            Self::CertificateText => "证书以文本形式存放".into(),
            Self::CertificateMissing => "缺少证书".into(),
            Self::CertificateTrailing => "证书之后有多余字节".into(),
            Self::CertListBare => "证书列表中直接放置了单个证书".into(),
            Self::CertListTypePlace => "certListType 的有无与版本不符".into(),
            Self::CertListTypeOther { found } => format!("certListType 为 {found}，与列表内容不符"),
            Self::DigestTypeName { found } => format!("证书杂凑类型 `{found}` 不是已知的杂凑算法名称"),
            Self::HeaderId { found } => format!("头标识应为 `ES`，实际为 `{found}`"),
            Self::VersionNumber { expected, found } => format!("版本号应为 {expected}，实际为 {found}"),
            Self::MixedVersions => "签章与其中的印章版本不一致".into(),
            Self::ExtensionTag => "扩展数据的标签与版本不符".into(),
            Self::TimeStampTag => "时间戳的标签或类型不符".into(),
            Self::PictureTypeSpelling { found } => format!("图片类型写作 `{found}`"),
            Self::PictureTypeUnknown { found } => format!("图片类型 `{found}` 未知"),
            Self::PictureTypeOther { found } => format!("图片实际为 {found}，与所标类型不符"),
            Self::PictureOfd => "图片为 OFD 文档".into(),
            Self::TrailingZeros { octets } => format!("结构之后有 {octets} 个零字节"),
            Self::TrailingData { octets } => format!("结构之后有 {octets} 个未受签名保护的字节"),
        }
    }

    /// In English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::PaddedLength => "the length is not in its shortest form (BER)".into(),
            Self::IndefiniteLength => "the length is left open (BER)".into(),
            Self::ConstructedString => "the string is in pieces (BER)".into(),
            Self::IntegerForm => "the number is not written as DER wants it".into(),
            Self::EncodedDefault => "a default value is written out".into(),
            Self::BooleanForm => "the truth value is not written as DER wants it".into(),
            Self::BitsForOctets => "BIT STRING where OCTET STRING belongs".into(),
            Self::OctetsForBits => "OCTET STRING where BIT STRING belongs".into(),
            Self::StringType { expected, found } | Self::TimeType { expected, found } => {
                format!("{found} where {expected} belongs")
            }
            Self::TextEncoding => "the text is not what its type promises; read as GB 18030".into(),
            Self::TimeFraction => "the time has a fraction of a second".into(),
            Self::TimeOffset => "the time has an offset instead of Z".into(),
            Self::TimeLocal => "the time names no zone; read as Chinese standard time".into(),
            Self::TimeWithoutSeconds => "the time has no seconds".into(),
            Self::TimeYear => "the year has another number of digits than its type".into(),
            Self::TimeUnreadable => "the time cannot be read".into(),
            Self::RawSignature { octets } => {
                format!("the signature is r‖s in {octets} octets instead of DER")
            }
            Self::AlgorithmIdentifier => "AlgorithmIdentifier where OBJECT IDENTIFIER belongs".into(),
            Self::AlgorithmName { found } => format!("{found} does not name a signature algorithm"),
            Self::CertificateBare => "the certificate stands without its OCTET STRING".into(),
            Self::CertificateWrappedTwice => "the certificate stands in two OCTET STRINGs".into(),
            Self::CertificateText => "the certificate stands as text".into(),
            Self::CertificateMissing => "the certificate is missing".into(),
            Self::CertificateTrailing => "something follows the certificate".into(),
            Self::CertListBare => "one certificate stands where a list belongs".into(),
            Self::CertListTypePlace => "certListType is missing, or the version has none".into(),
            Self::CertListTypeOther { found } => format!("certListType is {found} and the list is another"),
            Self::DigestTypeName { found } => {
                format!("digest type `{found}` names no digest algorithm known here")
            }
            Self::HeaderId { found } => format!("the header's identifier is `{found}`, not `ES`"),
            Self::VersionNumber { expected, found } => format!("the version is {found}, not {expected}"),
            Self::MixedVersions => "signature and seal are of different versions".into(),
            Self::ExtensionTag => "the extensions have another tag than the version has".into(),
            Self::TimeStampTag => "the time-stamp has another tag or type".into(),
            Self::PictureTypeSpelling { found } => format!("the picture's type is spelt `{found}`"),
            Self::PictureTypeUnknown { found } => format!("the picture's type `{found}` is not known"),
            Self::PictureTypeOther { found } => format!("the picture is {found}, not what it is said to be"),
            Self::PictureOfd => "the picture is an OFD document".into(),
            Self::TrailingZeros { octets } => format!("{octets} zero octets follow the structure"),
            Self::TrailingData { octets } => {
                format!("{octets} octets that nothing signs follow the structure")
            }
        }
    }
}

impl Deviation {
    /// Place and words in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        format!("{}：{}", self.place, self.kind.zh())
    }

    /// Place and words in English.
    #[must_use]
    pub fn en(&self) -> String {
        format!("{}: {}", self.place, self.kind.en())
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}
