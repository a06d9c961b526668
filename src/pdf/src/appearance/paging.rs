//! 骑缝章: one seal split over the edges of pages, so that the fanned-out pages show the whole.

use super::geometry::{GeometryError, Millimetres, PageView, Stand};

/// A seal split over the edges of many pages.
///
/// Each page shows a slice at its edge. Fanned out, first page on top, the slices make up the whole seal.
/// Where the pages are more than one seal can be split over, several whole seals are split one after the
/// other, over runs of pages as equal as can be.
#[derive(Debug, Clone, PartialEq)]
pub struct Paging {
    /// The edge of the pages as they are seen.
    pub edge: Edge,
    /// Millimetres along the edge from its start (top, or left) to the seal; in the middle if `None`.
    pub along_mm: Option<f64>,
    /// The whole seal's width.
    pub width_mm: f64,
    /// The whole seal's height.
    pub height_mm: f64,
    /// The first page that shows a slice, from 1 on.
    pub first_page: u32,
    /// The last one; the document's last if `None`.
    pub last_page: Option<u32>,
    /// Which of them: for sheets printed on both sides, the front sides show the slices.
    pub sheets: Sheets,
    /// How many pages one seal is split over at most; as many as leave `min_slice_mm` if `None`.
    pub pages_per_seal: Option<u32>,
    /// How narrow a slice may be.
    pub min_slice_mm: f64,
}

/// An edge of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The right one, where sheets bound on the left are fanned out.
    Right,
    /// The left one.
    Left,
    /// The upper one.
    Top,
    /// The lower one.
    Bottom,
}

/// Which pages of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheets {
    /// Every page: sheets printed on one side.
    Every,
    /// Pages with odd numbers: the front sides of sheets printed on both.
    Odd,
    /// Pages with even numbers.
    Even,
}

/// Why a seal cannot be split so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PagingError {
    /// One page has no other to share a seal with.
    #[error("a seal is split over at least two pages, {pages} was asked for")]
    TooFewPages {
        /// How many pages are in the range.
        pages: u32,
    },
    /// More pages than one document can be split over.
    #[error("a seal would be split over {pages} pages, {limit} are allowed")]
    TooManyPages {
        /// How many pages are in the range.
        pages: u32,
        /// The limit.
        limit: u32,
    },
    /// Slices would be too narrow to be seen.
    #[error(
        "split over {pages} pages a slice is {slice_mm:.2} mm wide, at least {min_slice_mm} mm are needed: split over fewer pages"
    )]
    SliceTooNarrow {
        /// Pages for each seal.
        pages: u32,
        /// How wide a slice would be.
        slice_mm: f64,
        /// What is needed.
        min_slice_mm: f64,
    },
    /// A length is not a sensible number.
    #[error(
        "a seal cannot be split into slices of at least {min_slice_mm} mm, {pages_per_seal:?} pages to a seal"
    )]
    Numbers {
        /// The least width of a slice asked for.
        min_slice_mm: f64,
        /// The pages for each seal asked for.
        pages_per_seal: Option<u32>,
    },
    /// The slice does not fit a page.
    #[error("page {page}: {error}")]
    Page {
        /// The page, from 1 on.
        page: u32,
        /// Why.
        error: GeometryError,
    },
}

/// One of `of` slices, counted from the first page on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slice {
    pub(crate) number: u32,
    pub(crate) of: u32,
}

impl Paging {
    /// A seal split over the right edges of all pages, in their middle, in slices of at least 2 mm.
    #[must_use]
    pub fn new(width_mm: f64, height_mm: f64) -> Self {
        Self {
            edge: Edge::Right,
            along_mm: None,
            width_mm,
            height_mm,
            first_page: 1,
            last_page: None,
            sheets: Sheets::Every,
            pages_per_seal: None,
            min_slice_mm: 2.0,
        }
    }

    /// Which pages, counted from 0, show which slice, in a document of `pages` pages.
    pub(crate) fn slices(&self, pages: u32) -> Result<Vec<(u32, Slice)>, PagingError> {
        let last = self.last_page.map_or(pages, |last| last.min(pages));
        let parity = match self.sheets {
            Sheets::Every => None,
            Sheets::Odd => Some(1),
            Sheets::Even => Some(0),
        };
        let chosen: Vec<u32> = (self.first_page.max(1)..=last)
            .filter(|page| parity.is_none_or(|rest| page % 2 == rest))
            .collect();
        let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        if count < 2 {
            return Err(PagingError::TooFewPages { pages: count });
        }
        if count > MAX_PAGES {
            return Err(PagingError::TooManyPages { pages: count, limit: MAX_PAGES });
        }
        let runs = self.runs(count)?;
        let (least, more) = (count / runs, count % runs);
        let mut out = Vec::with_capacity(chosen.len());
        let mut pages = chosen.into_iter();
        for run in 0..runs {
            let of = least + u32::from(run < more);
            out.extend(
                pages
                    .by_ref()
                    .take(usize::try_from(of).unwrap_or(0))
                    .zip(0..)
                    .map(|(page, number)| (page - 1, Slice { number, of })),
            );
        }
        Ok(out)
    }

    /// How many whole seals `count` pages are split into.
    fn runs(&self, count: u32) -> Result<u32, PagingError> {
        let (min_slice_mm, pages_per_seal) = (self.min_slice_mm, self.pages_per_seal);
        let sensible = min_slice_mm.is_finite() && min_slice_mm >= MIN_SLICE_MM;
        if !sensible || pages_per_seal.is_some_and(|pages| pages < 2) {
            return Err(PagingError::Numbers { min_slice_mm, pages_per_seal });
        }
        let length = self.length_mm();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and MAX_PAGES"
        )]
        let most = (length / min_slice_mm + 1e-9).clamp(0.0, f64::from(MAX_PAGES)) as u32;
        let each = pages_per_seal.unwrap_or(most.max(2)).min(count);
        let mut runs = count.div_ceil(each);
        // A run of one page would show the seal whole.
        if runs > 1 && count / runs < 2 {
            runs -= 1;
        }
        let pages = count.div_ceil(runs);
        let slice_mm = length / f64::from(pages);
        // Also where the length is not a number.
        if slice_mm.is_nan() || slice_mm < min_slice_mm - 1e-9 {
            return Err(PagingError::SliceTooNarrow { pages, slice_mm, min_slice_mm });
        }
        Ok(runs)
    }

    /// Where a slice stands on page number `page`, counted from 0.
    pub(crate) fn stand(&self, view: &PageView, slice: Slice, page: u32) -> Result<Stand, PagingError> {
        let (page_width, page_height) = view.size_mm();
        let part = self.length_mm() / f64::from(slice.of.max(1));
        let (width, height, edge_length) = if self.upright() {
            (part, self.height_mm, page_height)
        } else {
            (self.width_mm, part, page_width)
        };
        let along = self
            .along_mm
            .unwrap_or_else(|| (edge_length - if self.upright() { height } else { width }) / 2.0);
        let (x, y) = match self.edge {
            Edge::Right => (page_width - width, along),
            Edge::Left => (0.0, along),
            Edge::Top => (along, 0.0),
            Edge::Bottom => (along, page_height - height),
        };
        view.stand(Millimetres { x, y, width, height })
            .map_err(|error| PagingError::Page { page: page.saturating_add(1), error })
    }

    /// The whole seal relative to a slice's form of the size of `stand`: x, y, width, height.
    ///
    /// With the first page on top, pages that stick out further show what lies further out: to the right
    /// and downwards the first page has the first part of the seal, to the left and upwards the last.
    pub(crate) fn seal_box(&self, stand: &Stand, slice: Slice) -> [f64; 4] {
        let (number, of) = (f64::from(slice.number), f64::from(slice.of.max(1)));
        let after = of - 1.0 - number;
        let (width, height) = (stand.width, stand.height);
        match self.edge {
            Edge::Right => [-number * width, 0.0, of * width, height],
            Edge::Left => [-after * width, 0.0, of * width, height],
            // The form's y grows upwards, the seal is read downwards.
            Edge::Bottom => [0.0, -after * height, width, of * height],
            Edge::Top => [0.0, -number * height, width, of * height],
        }
    }

    fn upright(&self) -> bool {
        matches!(self.edge, Edge::Right | Edge::Left)
    }

    /// The length that is split.
    fn length_mm(&self) -> f64 {
        if self.upright() { self.width_mm } else { self.height_mm }
    }
}

/// Below half a millimetre a slice is a hair line that printers lose.
const MIN_SLICE_MM: f64 = 0.5;
/// Each page costs a widget; a bound far above any document that is sealed.
const MAX_PAGES: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(paging: &Paging, pages: u32) -> Vec<u32> {
        let slices = paging.slices(pages).unwrap();
        slices.iter().filter(|(_, slice)| slice.number == 0).map(|(_, slice)| slice.of).collect()
    }

    #[test]
    fn pages_are_shared_out_evenly_and_no_page_shows_the_whole() {
        let paging = Paging::new(42.0, 42.0);
        assert_eq!(sizes(&paging, 2), [2]);
        assert_eq!(sizes(&paging, 21), [21]);
        assert_eq!(sizes(&paging, 22), [11, 11]);
        assert_eq!(sizes(&paging, 1_000).len(), 48);
        assert_eq!(sizes(&paging, 1_000).iter().sum::<u32>(), 1_000);
        let three = Paging { pages_per_seal: Some(3), ..paging.clone() };
        assert_eq!(sizes(&three, 10), [3, 3, 2, 2]);
        let two = Paging { pages_per_seal: Some(2), ..paging };
        assert_eq!(sizes(&two, 5), [3, 2]);
    }

    #[test]
    fn ranges_and_sheets_choose_the_pages() {
        let paging = Paging { first_page: 2, last_page: Some(7), ..Paging::new(40.0, 40.0) };
        let pages = |paging: &Paging| -> Vec<u32> {
            paging.slices(9).unwrap().into_iter().map(|(page, _)| page + 1).collect()
        };
        assert_eq!(pages(&paging), [2, 3, 4, 5, 6, 7]);
        assert_eq!(pages(&Paging { sheets: Sheets::Odd, ..paging.clone() }), [3, 5, 7]);
        assert_eq!(pages(&Paging { sheets: Sheets::Even, last_page: None, ..paging }), [2, 4, 6, 8]);
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let paging = Paging::new(40.0, 40.0);
        assert_eq!(paging.slices(1), Err(PagingError::TooFewPages { pages: 1 }));
        let narrow = Paging { pages_per_seal: Some(21), ..paging.clone() };
        assert!(matches!(narrow.slices(21), Err(PagingError::SliceTooNarrow { pages: 21, .. })));
        assert_eq!(sizes(&narrow, 30), [15, 15]);
        for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            let bad = Paging { min_slice_mm: bad, ..paging.clone() };
            assert!(matches!(bad.slices(5), Err(PagingError::Numbers { .. })));
        }
        for width in [f64::NAN, 0.0, -5.0, 1.0] {
            let bad = Paging { width_mm: width, ..paging.clone() };
            assert!(matches!(bad.slices(5), Err(PagingError::SliceTooNarrow { .. })), "{width}");
        }
        assert!(matches!(paging.slices(50_000), Err(PagingError::TooManyPages { .. })));
    }

    #[test]
    fn slices_lie_at_the_edge_and_show_neighbouring_parts() {
        let view = PageView::new([0.0, 0.0, 600.0, 800.0], [0.0, 0.0, 600.0, 800.0], 0, 1.0).unwrap();
        for edge in [Edge::Right, Edge::Left, Edge::Top, Edge::Bottom] {
            let paging = Paging { edge, ..Paging::new(40.0, 30.0) };
            let boxes: Vec<_> = (0..4)
                .map(|number| {
                    let slice = Slice { number, of: 4 };
                    let stand = paging.stand(&view, slice, number).unwrap();
                    let touches = match edge {
                        Edge::Right => (stand.rect.right - 600.0).abs(),
                        Edge::Left => stand.rect.left.abs(),
                        Edge::Top => (stand.rect.top - 800.0).abs(),
                        Edge::Bottom => stand.rect.bottom.abs(),
                    };
                    assert!(touches < 0.01, "{edge:?}");
                    paging.seal_box(&stand, slice)
                })
                .collect();
            // What of the seal shows through the form's box, in fractions of it from the left or top.
            let shown: Vec<f64> = boxes
                .iter()
                .map(|[x, y, width, height]| match edge {
                    Edge::Right | Edge::Left => -x / width,
                    Edge::Top | Edge::Bottom => 1.0 - (-y / height) - 0.25,
                })
                .collect();
            let wanted = match edge {
                Edge::Right | Edge::Bottom => [0.0, 0.25, 0.5, 0.75],
                Edge::Left | Edge::Top => [0.75, 0.5, 0.25, 0.0],
            };
            for (shown, wanted) in shown.iter().zip(wanted) {
                assert!((shown - wanted).abs() < 1e-9, "{edge:?} {shown} {wanted}");
            }
        }
    }
}
