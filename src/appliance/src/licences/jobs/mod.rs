//! Batch work (批量签发、批量入库): many licences from one file, issued or taken over by any node while the caller does something
//! else.
//!
//! A file of orders (CSV or JSON lines) becomes a job and its lines, encrypted at rest under the job's own data key until they
//! are done. A node takes a job in hand for a while and carries its lines out, a few at a time, *as the caller who asked*:
//! registration and permit are judged again for each line. The unit that enters a licence also moves its line on, guarded by
//! the line's version, so that no line is done twice, whichever process is killed when. A line that cannot be done keeps
//! its problem and does not stop the others; what may pass (store, device, clock) leaves the line to be tried again, and what
//! stands in the way of all of them (permit, type, seal) stops the job with its lines as they are.
//!
//! `table` reads the file, `start` begins, `run` carries on, `line` has one line done by `issue` or by `life::import`.

mod http;
mod kind;
mod line;
mod records;
mod run;
mod start;
mod table;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub use kind::{JobKind, Task};
pub use records::{Counts, JobView, LineView};
pub use start::{StartError, Started, start};

pub(crate) use run::watch;

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes()
}

/// Most lines of a job.
pub const MOST_LINES: usize = 10_000;
/// Most octets of its file.
pub const MOST_OCTETS: usize = 32 << 20;
