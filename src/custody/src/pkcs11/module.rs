//! The module: one shared library, initialised once per process (PKCS #11 v2.40 §5.4). Restarting it is the only way
//! to see a token again that was away, and ends every session of every token of the module; so sessions are used
//! under a read lock, and a restart waits for all of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use crate::api::CustodyError;

static MODULES: LazyLock<Mutex<HashMap<PathBuf, Arc<Module>>>> = LazyLock::new(Mutex::default);

/// A loaded module. It stays loaded until the process ends.
#[derive(Debug)]
pub(super) struct Module {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

/// The module between two restarts.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None` when the last restart failed.
    context: Option<Pkcs11>,
    epoch: u64,
}

impl Module {
    /// Loads and initialises, or finds what this process loaded before.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, CustodyError> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(path) {
            return Ok(Arc::clone(module));
        }
        let context = initialised(path).map_err(|error| CustodyError::Device {
            reason: format!("PKCS#11 module {} cannot be loaded: {error}", path.display()),
        })?;
        let loaded = RwLock::new(Loaded { context: Some(context), epoch: 1 });
        let module = Arc::new(Self { path: path.to_owned(), loaded });
        modules.insert(path.to_owned(), Arc::clone(&module));
        Ok(module)
    }

    /// The module, protected from restarts as long as the guard lives. Never take a second one in the same thread.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finalises and initialises, unless somebody did since `seen`.
    pub(super) fn restart(&self, seen: u64) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if loaded.epoch != seen {
            return;
        }
        loaded.epoch += 1;
        if let Some(context) = loaded.context.take()
            && let Err(error) = context.finalize()
        {
            tracing::warn!(%error, module = %self.path.display(), "PKCS#11 module does not finalise");
        }
        match initialised(&self.path) {
            Ok(context) => loaded.context = Some(context),
            Err(error) => tracing::warn!(%error, module = %self.path.display(), "PKCS#11 module is gone"),
        }
    }
}

impl Loaded {
    /// Counts restarts: what was obtained in one epoch is void in the next.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The interface.
    pub(super) fn context(&self) -> Option<&Pkcs11> {
        self.context.as_ref()
    }
}

fn initialised(path: &Path) -> Result<Pkcs11, Error> {
    let context = Pkcs11::new(path)?;
    // We call from many threads, the module locks with the system's means.
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(error),
    }
}
