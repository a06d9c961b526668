//! A row of a table as an application for a new seal, and the picture that is drawn for it.
//!
//! Pure. What a row leaves open follows from what it says: shape and purpose line from the kind of seal, the inscription from
//! the name without that line, the size from shape and level.

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::drawing::{Drawing, ShapeWord};
use super::super::identifiers::{NumberError, SealCode, holder_number};
use super::super::kinds::{HolderKind, Level, SealKind};
use super::super::order::{Holder, NewApplication};
use super::super::state::Operation;
use super::table::{Cells, Column};

/// What a row asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The application, its size left open.
    pub application: NewApplication,
    /// The picture.
    pub drawing: Drawing,
}

/// Why a row asks for nothing that can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// A cell that is needed is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A word is not known.
    #[error("`{value}` is no {column}; {mend}")]
    Word {
        /// Which column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What can stand there.
        mend: &'static str,
    },
    /// A number is wrong.
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl Wanted {
    /// Reads a row.
    ///
    /// # Errors
    /// [`WantedError`].
    pub fn of(cells: &Cells) -> Result<Self, WantedError> {
        let needed = |column, name| cells.get(column).map(ToOwned::to_owned).ok_or(WantedError::Empty(name));
        let owned = |column| cells.get(column).map(ToOwned::to_owned);
        let name = needed(Column::Name, "name")?;
        let kind = match cells.get(Column::Kind) {
            Some(text) => kind(text)?,
            None => SealKind::StatutoryName,
        };
        let level = cells.get(Column::Level).map(level).transpose()?;
        let holder = holder(cells, kind)?;
        if let Some(code) = cells.get(Column::Code).filter(|code| code.len() == 14) {
            SealCode::parse(code)?;
        }
        let drawing = drawing(cells, &name, kind, level)?;
        let application = NewApplication {
            operation: Operation::Make,
            seal: needed(Column::Seal, "seal")?,
            organisation: Some(needed(Column::Organisation, "organisation")?),
            name: Some(name),
            kind: Some(kind),
            level,
            holder: Some(holder),
            suite: cells.get(Column::Suite).map(suite).transpose()?,
            division: owned(Column::Division),
            width_mm: None,
            height_mm: None,
            valid_to: cells.get(Column::ValidTo).map(until).transpose()?,
            new_certificate: false,
            ground: None,
            reason: owned(Column::Reason),
            remote_hashes: None,
            draw: None,
        };
        Ok(Self { application, drawing })
    }
}

fn wrong(column: &'static str, value: &str, mend: &'static str) -> WantedError {
    WantedError::Word { column, value: value.chars().take(40).collect(), mend }
}

/// A kind by its number or its name; `章` at the end may be missing.
fn kind(text: &str) -> Result<SealKind, WantedError> {
    let by_number = text.parse::<i64>().ok().and_then(SealKind::of_number);
    let short = |name: &'static str| name.trim_end_matches('章').trim_end_matches("专用");
    let named = || {
        SealKind::ALL.into_iter().find(|kind| {
            let text = text.trim_end_matches('章').trim_end_matches("专用");
            short(kind.zh()) == text
        })
    };
    by_number.or_else(named).ok_or_else(|| {
        wrong(
            "kind",
            text,
            "write 0 to 6 or 99, or 法定名称章, 财务专用章, 发票专用章, 合同专用章, 业务专用章 …",
        )
    })
}

fn level(text: &str) -> Result<Level, WantedError> {
    let fits = |level: &Level| {
        level.as_str() == text || level.zh().trim_end_matches('级') == text.trim_end_matches('级')
    };
    let known = Level::ALL.iter().copied().find(fits);
    known.ok_or_else(|| {
        wrong(
            "level",
            text,
            "write national, provincial, city, county or other / 国家级、省级、市级、县级、其他",
        )
    })
}

fn suite(text: &str) -> Result<String, WantedError> {
    match text.to_ascii_lowercase().as_str() {
        "international" | "国际" | "p-256" => Ok(crypto::Suite::INTERNATIONAL.name.to_owned()),
        "shangmi" | "商密" | "国密" | "sm2" => Ok(crypto::Suite::SHANGMI.name.to_owned()),
        _ => Err(wrong("suite", text, "write international or shangmi / 国际、商密")),
    }
}

/// A day, to its end in China, or a time.
fn until(text: &str) -> Result<Timestamp, WantedError> {
    let digits = text.replace(['/', '.', '年', '月'], "-").replace('日', "");
    let parts: Vec<&str> = digits.split('-').collect();
    if let [year, month, day] = parts.as_slice()
        && let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.trim().parse())
        && let Ok(date) = Date::new(year, month, day)
        && let Ok(end) = date.at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
    {
        return Ok(end.timestamp());
    }
    text.parse().map_err(|_| wrong("valid_to", text, "write a day such as 2028-12-31"))
}

fn holder(cells: &Cells, seal: SealKind) -> Result<Holder, WantedError> {
    let personal = matches!(seal, SealKind::Personal);
    let kind = match cells.get(Column::HolderKind) {
        None if personal => HolderKind::Person,
        None => HolderKind::Organisation,
        Some("organisation" | "单位" | "法人" | "法人和其他组织") => HolderKind::Organisation,
        Some("person" | "个人" | "自然人") => HolderKind::Person,
        Some(other) => {
            return Err(wrong("holder_kind", other, "write organisation or person / 法人、自然人"));
        }
    };
    let number = cells.get(Column::HolderNumber).map(|text| holder_number(kind, text)).transpose()?;
    Ok(Holder { kind, number, name: cells.get(Column::HolderName).map(ToOwned::to_owned) })
}

fn drawing(cells: &Cells, name: &str, kind: SealKind, level: Option<Level>) -> Result<Drawing, WantedError> {
    let shape = match cells.get(Column::Shape) {
        None => match kind {
            SealKind::Personal | SealKind::LegalRepresentative => ShapeWord::NameSeal,
            SealKind::Invoice => ShapeWord::Oval,
            _ => ShapeWord::Round,
        },
        Some("round" | "圆形") => ShapeWord::Round,
        Some("oval" | "椭圆形" | "椭圆") => ShapeWord::Oval,
        Some("rectangle" | "长方形" | "矩形") => ShapeWord::Rectangle,
        Some("name-seal" | "方形" | "名章") => ShapeWord::NameSeal,
        Some("signature" | "签名") => ShapeWord::Signature,
        Some(other) => {
            return Err(wrong("shape", other, "write round, oval, rectangle, name-seal or signature"));
        }
    };
    let usual = match kind {
        SealKind::Finance | SealKind::Invoice | SealKind::Contract | SealKind::Business => Some(kind.zh()),
        _ => None,
    };
    let takes = matches!(shape, ShapeWord::Round | ShapeWord::Oval);
    let given = cells.get(Column::Purpose);
    let purpose = given.or(usual.filter(|purpose| name.ends_with(purpose) || kind != SealKind::Business));
    let purpose = purpose.filter(|_| takes);
    let bare = purpose.and_then(|purpose| name.strip_suffix(purpose)).filter(|rest| !rest.is_empty());
    let inscription = cells.get(Column::Inscription).or(match shape {
        ShapeWord::NameSeal | ShapeWord::Signature => cells.get(Column::HolderName),
        _ => bare,
    });
    Ok(Drawing {
        shape,
        name: Some(inscription.unwrap_or(name).to_owned()),
        purpose: purpose.map(ToOwned::to_owned),
        centre: cells.get(Column::Centre).map(ToOwned::to_owned),
        code: cells.get(Column::Code).map(ToOwned::to_owned),
        filling: shape == ShapeWord::NameSeal,
        level,
        width_mm: cells.get(Column::Width).map(|text| millimetres("width_mm", text)).transpose()?,
        height_mm: cells.get(Column::Height).map(|text| millimetres("height_mm", text)).transpose()?,
        ..Drawing::default()
    })
}

fn millimetres(column: &'static str, text: &str) -> Result<f64, WantedError> {
    let number = text.trim_end_matches("mm").trim_end_matches("毫米").trim();
    let read = number.parse::<f64>().ok().filter(|mm| mm.is_finite());
    read.ok_or_else(|| wrong(column, text, "write millimetres, such as 42"))
}

#[cfg(test)]
mod tests {
    use licence::codes::CodeError;

    use super::super::table::read;
    use super::*;

    fn wanted(header: &str, row: &str) -> Result<Wanted, WantedError> {
        let table = format!("seal,organisation,{header}\nseal-1,bureau,{row}\n");
        let rows = read(table.as_bytes(), 1).unwrap();
        Wanted::of(rows[0].1.as_ref().unwrap())
    }

    #[test]
    fn a_row_says_little_and_the_rest_follows() {
        let read = wanted("name", "示范县人民政府").unwrap();
        let checked = read.application.clone().check().unwrap();
        assert_eq!((checked.seal.as_str(), checked.organisation.as_deref()), ("seal-1", Some("bureau")));
        assert_eq!(checked.order.kind, Some(SealKind::StatutoryName));
        assert_eq!((read.drawing.shape, read.drawing.purpose.as_deref()), (ShapeWord::Round, None));

        let read = wanted("name,印章类型,级别", "示范县财政局财务专用章,财务,县级").unwrap();
        assert_eq!(read.drawing.name.as_deref(), Some("示范县财政局"));
        assert_eq!(read.drawing.purpose.as_deref(), Some("财务专用章"));
        assert_eq!(read.application.level, Some(Level::County));

        let read = wanted("name,kind,用途", "示范县行政审批局行政审批专用章,6,行政审批专用章").unwrap();
        assert_eq!(read.drawing.name.as_deref(), Some("示范县行政审批局"));
        let read = wanted("name,kind", "示范县行政审批局,6").unwrap();
        assert_eq!(read.drawing.purpose, None);

        let read = wanted("name,kind,姓名", "示范公司法定代表人名章,5,李建国").unwrap();
        assert_eq!((read.drawing.shape, read.drawing.name.as_deref()), (ShapeWord::NameSeal, Some("李建国")));
    }

    #[test]
    fn a_persons_number_is_checked_and_not_repeated() {
        let read = wanted("name,kind,证件号码", "李建国印,0,11010519491231002x").unwrap();
        let checked = read.application.check().unwrap();
        assert_eq!(checked.person_number.as_deref(), Some("11010519491231002X"));
        let error = wanted("name,kind,证件号码", "李建国印,0,110105194912310021").unwrap_err();
        assert_eq!(error, WantedError::Number(CodeError::CitizenCheck.into()));
        assert!(!error.to_string().contains("110105194912310021"));
        let error = wanted("name,证件号码", "示范县人民政府,91350100M000100Y44").unwrap_err();
        assert_eq!(error, WantedError::Number(CodeError::CreditCheck.into()));
    }

    #[test]
    fn days_are_read_as_they_are_written_in_china() {
        let end: Timestamp = "2028-12-31T15:59:59Z".parse().unwrap();
        for text in ["2028-12-31", "2028/12/31", "2028年12月31日", "2028.12.31", "2028-12-31T15:59:59Z"] {
            assert_eq!(until(text), Ok(end), "{text}");
        }
        assert!(until("2028-13-01").is_err() && until("never").is_err());
    }

    #[test]
    fn each_wrong_cell_is_told_with_what_could_stand_there() {
        for (header, row, told) in [
            ("name", "", "`name` is empty"),
            ("name,kind", "a县,7", "kind"),
            ("name,level", "a县,村级", "level"),
            ("name,shape", "a县,star", "shape"),
            ("name,suite", "a县,gost", "suite"),
            ("name,width_mm", "a县,wide", "width_mm"),
            ("name,valid_to", "a县,soon", "valid_to"),
            ("name,holder_kind", "a县,cat", "holder_kind"),
            ("name,code", "a县,37030000000000", "running number"),
        ] {
            let error = wanted(header, row).unwrap_err().to_string();
            assert!(error.contains(told), "{header}: {error}");
        }
    }
}
