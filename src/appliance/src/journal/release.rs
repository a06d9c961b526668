//! Release: what a committed batch waits for before anyone is answered. A thread of its own writes the checkpoint
//! beside the database while the writer is at the next batch; when several batches wait, the newest checkpoint
//! speaks for all of them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use arc_swap::{ArcSwap, ArcSwapOption};
use tlog::{Batch, SignedCheckpoint};
use tokio::sync::oneshot;

use super::error::CommitError;
use super::head::Head;
use super::released::Released;

/// What readers see, and what they are told when the journal refuses.
#[derive(Debug)]
pub(super) struct Shared {
    /// The newest released head.
    pub published: ArcSwap<Head>,
    /// Why nothing is written any more; mended by an operator and a restart only.
    pub fault: ArcSwapOption<String>,
    /// Why the last batch or release failed; cleared by the next that goes well.
    pub trouble: ArcSwapOption<String>,
}

/// A unit in the log, before its receipt is put together on its caller's task.
#[derive(Debug)]
pub(super) struct Landed {
    pub batch: Arc<Batch>,
    pub checkpoint: Arc<SignedCheckpoint>,
    pub leaf: u64,
    pub body: Vec<u8>,
    pub time: i64,
}

/// Whom to answer.
pub(super) type Answer = oneshot::Sender<Result<Landed, CommitError>>;

/// A committed batch.
pub(super) struct Release {
    pub head: Head,
    pub answers: Vec<(Answer, Landed)>,
    /// Units of the batch that were left out: answered last, so that what stood in their way can be read.
    pub refused: Vec<(Answer, CommitError)>,
    /// Told whether the release went well.
    pub done: Option<oneshot::Sender<bool>>,
}

/// The thread's handle.
pub(super) struct Releaser {
    sender: Option<Sender<Release>>,
    thread: Option<JoinHandle<()>>,
}

impl Releaser {
    pub(super) fn start(released: Released, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("journal-release".to_owned())
            .spawn(move || run(released, &receiver, &shared))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    pub(super) fn send(&self, release: Release) {
        if let Some(sender) = &self.sender
            && let Err(unsent) = sender.send(release)
        {
            refuse(unsent.0.answers, "the release thread has ended");
            for (answer, error) in unsent.0.refused {
                drop(answer.send(Err(error)));
            }
        }
    }

    /// Ends the thread after what was sent; the file's lock is free afterwards.
    pub(super) fn stop(mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the release thread panicked");
        }
    }
}

fn run(mut released: Released, receiver: &Receiver<Release>, shared: &Shared) {
    while let Ok(first) = receiver.recv() {
        let mut head = first.head;
        let mut answers = first.answers;
        let mut refused = first.refused;
        let mut told: Vec<_> = first.done.into_iter().collect();
        for more in receiver.try_iter() {
            head = more.head;
            answers.extend(more.answers);
            refused.extend(more.refused);
            told.extend(more.done);
        }
        let written = released.write(&head.checkpoint);
        let went_well = written.is_ok();
        match written {
            Ok(()) => {
                shared.published.store(Arc::new(head));
                shared.trouble.store(None);
                for (answer, landed) in answers {
                    // A caller that left does not unmake its act.
                    drop(answer.send(Ok(landed)));
                }
            }
            Err(error) => {
                let fault = format!("`{}` cannot be written: {error}", released.path().display());
                tracing::error!(%error, "the released checkpoint was not written");
                refuse(answers, &fault);
                shared.trouble.store(Some(Arc::new(fault)));
            }
        }
        for (answer, error) in refused {
            drop(answer.send(Err(error)));
        }
        for told in told {
            let _ = told.send(went_well);
        }
    }
}

/// Committed, but not to be shown.
fn refuse(answers: Vec<(Answer, Landed)>, fault: &str) {
    let error = CommitError::OutcomeUnknown(fault.into());
    for (answer, _) in answers {
        drop(answer.send(Err(error.clone())));
    }
}

#[cfg(test)]
mod tests {
    use tlog::note::SigningKey;
    use tlog::{Checkpoint, CompactRange, VerifierKey, leaf_hash};

    use super::*;

    fn head(leaves: u8) -> (Head, Batch) {
        let key = VerifierKey::new("example.org/log", [1; 32]).unwrap();
        let signer = SigningKey::new(key, |_: &[u8]| Ok::<_, std::io::Error>(vec![0; 64]));
        let hashes = (0..leaves).map(|leaf| leaf_hash(&[leaf])).collect();
        let batch = Batch::append(&CompactRange::empty(), hashes).unwrap();
        let checkpoint =
            Checkpoint::new("example.org/log", batch.size(), batch.root()).sign(&signer).unwrap();
        let edge = Arc::new(tlog::edge::Edge::empty());
        (Head { range: batch.range().clone(), time: 0, edge, checkpoint }, batch)
    }

    #[test]
    fn nobody_is_answered_before_the_checkpoint_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (released, _) = Released::open(folder.path()).unwrap();
        let shared = Arc::new(Shared {
            published: ArcSwap::from_pointee(head(0).0),
            fault: ArcSwapOption::empty(),
            trouble: ArcSwapOption::empty(),
        });
        let releaser = Releaser::start(released.broken(), shared.clone()).unwrap();
        let (head, batch) = head(3);
        let landed = Landed {
            batch: Arc::new(batch),
            checkpoint: Arc::new(head.checkpoint.clone()),
            leaf: 2,
            body: vec![2],
            time: 0,
        };
        let (answer, answered) = oneshot::channel();
        let (done, told) = oneshot::channel();
        releaser.send(Release {
            head,
            answers: vec![(answer, landed)],
            refused: Vec::new(),
            done: Some(done),
        });
        assert!(matches!(answered.blocking_recv().unwrap(), Err(CommitError::OutcomeUnknown(_))));
        assert!(!told.blocking_recv().unwrap());
        assert_eq!(shared.published.load().size(), 0, "not shown either");
        assert!(shared.trouble.load().is_some());
        releaser.stop();
    }
}
