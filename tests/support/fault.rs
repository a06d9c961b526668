//! Write faults on purpose: a small library, loaded before the C library's, whose `write`, `pwrite` and `fsync` fail on
//! request. Works for any user, on any file system, and can be switched on and off while the service runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::finish;

/// A switch for faults in files below one folder.
#[derive(Debug)]
pub struct Fault {
    library: PathBuf,
    switch: PathBuf,
    below: PathBuf,
}

/// What a faulty device answers.
#[derive(Debug, Clone, Copy)]
pub enum Errno {
    /// No space left on device.
    Nospc,
    /// Input/output error.
    Io,
}

impl Fault {
    /// Compiles the library into `folder`; faults will be limited to files whose path begins with `below`.
    #[track_caller]
    pub fn prepare(folder: &Path, below: &Path) -> Self {
        let library = folder.join("fault.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/support/fault.c");
        let mut command = Command::new("cc");
        command
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .args([source, "-ldl"]);
        finish(command).ok();
        Self { library, switch: folder.join("fault"), below: below.into() }
    }

    /// The environment the service must be started with.
    pub fn environment(&self) -> Vec<(String, String)> {
        [("LD_PRELOAD", &self.library), ("FAULT_SWITCH", &self.switch), ("FAULT_BELOW", &self.below)]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()))
            .to_vec()
    }

    /// From now on writes and syncs below the folder fail.
    pub fn on(&self, errno: Errno) {
        let number = match errno {
            Errno::Nospc => 28,
            Errno::Io => 5,
        };
        let fresh = self.switch.with_extension("new");
        std::fs::write(&fresh, format!("{number}\n"))
            .and_then(|()| std::fs::rename(&fresh, &self.switch))
            .expect("switch");
    }

    /// The device works again.
    pub fn off(&self) {
        let _ = std::fs::remove_file(&self.switch);
    }
}
