//! Budgets: how much one document may cost before it is called too complex.

/// What reading one document may cost; every loop and recursion of the reader spends from one of these.
///
/// The defaults read every document seen in practice and stop published bombs (nested arrays, chains of
/// `/Length` references, deflate bombs, cross-reference cycles) in well under a second.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Nesting of arrays and dictionaries, of the page tree and of reference chains.
    pub depth: usize,
    /// Longest text of one object without its stream data, in octets.
    pub object_bytes: usize,
    /// Values (numbers, names, containers …) inside one object.
    pub nodes: usize,
    /// Objects parsed over the life of one document.
    pub objects: u64,
    /// Values parsed over the life of one document, an object again each time it is asked for: what bounds time
    /// and memory where a few octets are looked at over and over.
    pub values: u64,
    /// Octets read for parsing over the life of one document; hashing is not counted.
    pub scanned_bytes: u64,
    /// Cross-reference entries over all sections; never more than a file of its length has use for
    /// (65,536 and one for each four octets), since a compressed section lists millions in a few.
    pub xref_entries: usize,
    /// Cross-reference sections in the chain.
    pub sections: usize,
    /// Decoded size of one stream, in octets.
    pub stream_bytes: usize,
    /// Decoded size of all streams together, in octets.
    pub inflated_total: u64,
    /// Form fields and annotations looked at in one revision.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            object_bytes: 64 << 20,
            nodes: 1 << 20,
            objects: 2_000_000,
            values: 16 << 20,
            scanned_bytes: 1 << 30,
            xref_entries: 4_000_000,
            sections: 1_024,
            stream_bytes: 128 << 20,
            inflated_total: 512 << 20,
            fields: 65_536,
        }
    }
}
