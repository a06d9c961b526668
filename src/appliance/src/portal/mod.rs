//! The public verification pages, over HTTPS without login (decision 34): whoever holds a document, a code or a number learns
//! whether it is genuine and valid.
