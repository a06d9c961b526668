//! One indirect object at a known offset: `N G obj … endobj` (ISO 32000-2 §7.3.10).

use std::ops::Range;

use super::input::Input;
use super::parser::is_space;
use super::{Object, ObjectId, Oddity, ReadError, Stream};

/// An indirect object together with where it was read.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) id: ObjectId,
    pub(crate) object: Object,
    /// From the object number to the end of `endobj`.
    pub(crate) extent: Range<u64>,
    /// Where the values of its outermost dictionary stand, in written order.
    pub(crate) spans: Vec<(Vec<u8>, Range<u64>)>,
    pub(crate) oddities: Vec<Oddity>,
}

/// Reads the object at `offset`; `length` resolves an indirect `/Length`.
pub(crate) fn read(
    input: &Input<'_>,
    offset: u64,
    length: &mut dyn FnMut(ObjectId) -> Result<u64, ReadError>,
) -> Result<Located, ReadError> {
    input.spend_object()?;
    let mut size = FIRST_WINDOW;
    let mut oddities = Vec::new();
    let (id, object, start, end, spans, stream) = loop {
        let window = input.read(offset, size)?;
        let mut parser =
            super::parser::Parser::new(&window, 0, input.limits.depth, input.limits.nodes).recording();
        let result = head(&mut parser);
        input.spend_values(parser.values(), 0)?;
        if parser.starved() && offset.saturating_add(window.len() as u64) < input.len() {
            if size >= input.limits.object_bytes {
                return Err(ReadError::TooComplex { budget: "octets in one object" });
            }
            size = (size * 8).min(input.limits.object_bytes);
            continue;
        }
        let head = result.map_err(|error| super::input::located(error, offset))?;
        let end = parser.position() as u64;
        let spans = parser
            .into_spans()
            .into_iter()
            .map(|(key, span)| (key, offset + span.start as u64..offset + span.end as u64))
            .collect();
        if head.start > 0 {
            oddities.push(Oddity::ObjectAfterWhiteSpace);
        }
        break (head.id, head.object, offset + head.start as u64, offset + end, spans, head.stream);
    };
    if !stream {
        return Ok(Located { id, object, extent: start..end, spans, oddities });
    }
    let Object::Dictionary(dictionary) = object else {
        return Err(ReadError::Malformed { what: "stream without a dictionary", offset: start });
    };
    let data = data_start(input, end, &mut oddities)?;
    let length = match dictionary.get(b"Length") {
        Some(Object::Integer(n)) => u64::try_from(*n).ok(),
        Some(Object::Reference(id)) => Some(length(*id)?),
        _ => None,
    };
    let stop = length.and_then(|n| data.checked_add(n)).filter(|stop| *stop <= input.len());
    let (Some(length), Some(stop)) = (length, stop) else {
        return Err(ReadError::Malformed { what: "stream length missing or beyond the file", offset: start });
    };
    let ((), end) = input.parse_at(stop, |parser| {
        while parser.peek().is_some_and(is_space) {
            parser.seek(parser.position() + 1);
        }
        let ended = parser.keyword(b"endstream");
        parser.skip_space();
        if ended && parser.keyword(b"endobj") {
            Ok(())
        } else {
            Err(super::parser::SyntaxError::Unexpected {
                what: "stream does not end where its length says",
                at: parser.position(),
            })
        }
    })?;
    let object = Object::Stream(Stream { id, dictionary, offset: data, length });
    Ok(Located { id, object, extent: start..end, spans, oddities })
}

struct Head {
    id: ObjectId,
    object: Object,
    start: usize,
    stream: bool,
}

fn head(parser: &mut super::parser::Parser<'_>) -> Result<Head, super::parser::SyntaxError> {
    let fail = |at| super::parser::SyntaxError::Unexpected { what: "no indirect object", at };
    while parser.peek().is_some_and(is_space) {
        parser.seek(parser.position() + 1);
    }
    let start = parser.position();
    let number = parser.unsigned().and_then(|n| u32::try_from(n).ok()).ok_or(fail(start))?;
    parser.skip_space();
    let generation = parser.unsigned().and_then(|n| u16::try_from(n).ok()).ok_or(fail(start))?;
    parser.skip_space();
    if !parser.keyword(b"obj") {
        return Err(fail(start));
    }
    let object = parser.object()?;
    parser.skip_space();
    let stream = parser.keyword(b"stream");
    if !stream && !parser.keyword(b"endobj") {
        return Err(super::parser::SyntaxError::Unexpected {
            what: "object without an end",
            at: parser.position(),
        });
    }
    Ok(Head { id: ObjectId { number, generation }, object, start, stream })
}

/// The data follows CR LF or LF (§7.3.8.1); a lone CR is accepted as all major readers do, and said.
fn data_start(input: &Input<'_>, after: u64, oddities: &mut Vec<Oddity>) -> Result<u64, ReadError> {
    match input.read(after, 2)?.as_slice() {
        [b'\r', b'\n'] => Ok(after + 2),
        [b'\n', ..] => Ok(after + 1),
        [b'\r', ..] => {
            oddities.push(Oddity::StreamAfterCarriageReturn);
            Ok(after + 1)
        }
        _ => Err(ReadError::Malformed { what: "stream keyword without an end of line", offset: after }),
    }
}

/// Most objects are shorter than this; longer ones cost a second read.
const FIRST_WINDOW: usize = 1024;
