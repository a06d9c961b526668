//! Keeping the memory of a process with opened keys to itself: no core dumps, no debuggers of the same user, no
//! swap (decision 18). Called once, first thing, by every process that unseals.
//!
//! Locking single pages takes `unsafe` calls, which this workspace does not make. Instead the whole address space is
//! locked where the limits allow it without risk; else active swap is refused.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// What to insist on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hardening {
    /// Go on although swap is active (encrypted swap, or a machine where it cannot be turned off).
    pub allow_swap: bool,
}

/// What was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardened {
    /// All memory of the process is locked, now and in future.
    pub memory_locked: bool,
    /// Active swap devices, tolerated.
    pub swap: Vec<String>,
}

/// Hardens this process. A side effect of being undumpable: most of `/proc/self` (`fd`, `environ`, `io`) then belongs to
/// root, also for the process itself when it runs as somebody else.
///
/// # Errors
/// When core dumps or debugging cannot be switched off, or swap is active and not allowed.
pub fn harden(hardening: Hardening) -> Result<Hardened, HardenError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| HardenError::CoreDumps(error.into()))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| HardenError::Dumpable(error.into()))?;
    let swaps = std::fs::read_to_string("/proc/swaps").map_err(HardenError::Swaps)?;
    let swap = active_swap(&swaps);
    if !swap.is_empty() && !hardening.allow_swap {
        return Err(HardenError::ActiveSwap { devices: swap });
    }
    Ok(Hardened { memory_locked: lock_memory(), swap })
}

/// Locks what there is and what will come, each page when it is first touched. Only without a limit: under one,
/// allocations would begin to fail later.
fn lock_memory() -> bool {
    let unlimited = rustix::process::getrlimit(Resource::Memlock).current.is_none();
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    unlimited && rustix::mm::mlockall(flags).is_ok()
}

/// The devices in `/proc/swaps`, below its heading.
fn active_swap(swaps: &str) -> Vec<String> {
    swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Why the process is not fit to hold keys.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// `setrlimit`.
    #[error("core dumps cannot be switched off: {0}")]
    CoreDumps(std::io::Error),
    /// `prctl`.
    #[error("the process cannot be made undumpable: {0}")]
    Dumpable(std::io::Error),
    /// `/proc/swaps`.
    #[error("/proc/swaps cannot be read: {0}")]
    Swaps(std::io::Error),
    /// Keys could be written to disk.
    #[error("swap is active on {}; turn it off (swapoff -a) or allow it in the configuration", devices.join(", "))]
    ActiveSwap {
        /// The devices.
        devices: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn swap_devices_are_read_below_the_heading() {
        assert!(active_swap(HEADING).is_empty());
        assert!(active_swap("").is_empty());
        let line = "/dev/dm-1                               partition\t8388604\t\t0\t\t-2\n";
        assert_eq!(
            active_swap(&format!("{HEADING}{line}/swapfile file 1 0 -3\n")),
            ["/dev/dm-1", "/swapfile"]
        );
    }

    #[test]
    fn a_hardened_process_dumps_no_core() {
        harden(Hardening { allow_swap: true }).unwrap();
        let limit = rustix::process::getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let swaps = std::fs::read_to_string("/proc/swaps").unwrap();
        assert_eq!(harden(Hardening::default()).is_err(), !active_swap(&swaps).is_empty());
    }
}
