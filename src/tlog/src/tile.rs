//! Names and widths of tiles, C2SP tlog-tiles: the tree cut into subtrees of height 8, each stored as its 256
//! bottom hashes. The path codec here is what the public endpoint parses and what a mirror writes.
//!
//! Entry bundles (`tile/entries/…`) are refused: entries are never public (decision 5).

use std::fmt;
use std::str::FromStr;

use crate::tree::Hash;

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Which tile, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// Consecutive new hashes of one tile level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileRun {
    /// Tile level; hashes of level `l` are roots of 256^l leaves.
    pub level: u8,
    /// Index within the level of the first hash (not of the tile).
    pub start: u64,
    /// The hashes.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// A tile by its parts: level 0 to 63, width 1 to 256.
    ///
    /// # Errors
    /// When level or width are outside of their ranges.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > 63 {
            return Err(TileError::Level(level));
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width(width));
        }
        Ok(Self { level, index, width })
    }

    /// The tile as it stands in a tree of `size` leaves: full or partial; `None` when that tree has no hash of it.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
        let remaining = hashes.checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?)?;
        let width = u16::try_from(remaining).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
        Self::new(level, index, width).ok()
    }

    /// Level, 0 holds leaf hashes.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Index within the level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether fewer than 256 hashes are named.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The full tile with the same place.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// The path below the log's prefix: `tile/0/x001/234`, partial `tile/0/x001/234.p/7`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut groups = Vec::new();
        let mut rest = self.index;
        loop {
            groups.push(rest % 1000);
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        let mut path = format!("tile/{}", self.level);
        for (position, group) in groups.iter().enumerate().rev() {
            let mark = if position == 0 { "" } else { "x" };
            path.push_str(&format!("/{mark}{group:03}"));
        }
        if self.is_partial() {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// Reads a path in exactly the form [`path`](Self::path) writes.
    ///
    /// # Errors
    /// Entry bundles, any other spelling of the same tile, and what is no tile path at all.
    pub fn from_path(path: &str) -> Result<Self, TileError> {
        let malformed = || TileError::Path(path.chars().take(80).collect());
        let rest = path.strip_prefix("tile/").ok_or_else(malformed)?;
        if rest == "entries" || rest.starts_with("entries/") {
            return Err(TileError::Entries);
        }
        let (rest, width) = match rest.split_once(".p/") {
            Some((rest, width)) => (rest, width.parse::<u16>().map_err(|_| malformed())?),
            None => (rest, TILE_WIDTH),
        };
        let (level, groups) = rest.split_once('/').ok_or_else(malformed)?;
        let level = level.parse::<u8>().map_err(|_| malformed())?;
        let mut index = 0_u64;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let group: u64 = digits.parse().map_err(|_| malformed())?;
            index = index.checked_mul(1000).and_then(|i| i.checked_add(group)).ok_or_else(malformed)?;
        }
        let tile = Self::new(level, index, width)?;
        // One spelling per tile: caches and mirrors key on the path.
        if tile.path() == path { Ok(tile) } else { Err(malformed()) }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        Self::from_path(path)
    }
}

/// Why something names no tile.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TileError {
    /// Entry bundles are not public.
    #[error("entry bundles are not served")]
    Entries,
    /// Not the one spelling of a tile path.
    #[error("`{0}` is not a tile path")]
    Path(String),
    /// Level above 63.
    #[error("tile level {0} is above 63")]
    Level(u8),
    /// Width outside 1 to 256.
    #[error("tile width {0} is not within 1 and 256")]
    Width(u16),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (level, index, width, path) in [
            (0, 0, 256, "tile/0/000"),
            (0, 999, 256, "tile/0/999"),
            (0, 1000, 256, "tile/0/x001/000"),
            (3, 1_234_067, 256, "tile/3/x001/x234/067"),
            (1, 1234, 7, "tile/1/x001/234.p/7"),
            (63, u64::MAX, 1, "tile/63/x018/x446/x744/x073/x709/x551/615.p/1"),
        ] {
            let tile = Tile::new(level, index, width).unwrap();
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::from_path(path).unwrap(), tile);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/x002",
            "tile/0/x001",
            "tile/0/x001/234/",
            "/tile/0/000",
            "tile/00/000",
            "tile/+0/000",
            "tile/0/+00",
            "tile/64/000",
            "tile/256/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/000.p/",
            "tile/0/000.p/1/2",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        ] {
            assert!(Tile::from_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn entry_bundles_are_refused_by_name() {
        for path in ["tile/entries", "tile/entries/000", "tile/entries/x001/234.p/3"] {
            assert_eq!(Tile::from_path(path), Err(TileError::Entries));
        }
    }

    #[test]
    fn widths_are_those_of_the_specification_example() {
        let width = |level, index| Tile::in_tree(level, index, 70_000).map(|tile| tile.width());
        assert_eq!(width(0, 272), Some(256));
        assert_eq!(width(0, 273), Some(112));
        assert_eq!(width(0, 274), None);
        assert_eq!(width(1, 0), Some(256));
        assert_eq!(width(1, 1), Some(17));
        assert_eq!(width(2, 0), Some(1));
        assert_eq!(width(3, 0), None);
        assert_eq!(width(8, 0), None);
        assert_eq!(Tile::in_tree(1, 0, 256).map(|tile| tile.width()), Some(1));
        assert_eq!(Tile::in_tree(0, u64::MAX, u64::MAX), None);
    }
}
