//! Signals: the first asks for an orderly end, the second ends at once, SIGHUP asks for a reload.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Flags that the signal handlers set.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    end: Arc<AtomicUsize>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers. SIGHUP is only taken when `reloads`; otherwise it keeps its default and ends afw.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn install(reloads: bool) -> io::Result<Self> {
        let signals = Self::default();
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Order matters: the shutdown looks at `asked` before this signal sets it, so only a second one ends at once.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
            flag::register_usize(signal, Arc::clone(&signals.end), signal as usize)?;
        }
        if reloads {
            flag::register(SIGHUP, Arc::clone(&signals.reload))?;
        }
        Ok(signals)
    }

    /// The signal that asked for the end, if one did.
    pub fn end(&self) -> Option<u8> {
        match self.end.load(Ordering::Relaxed) {
            0 => None,
            signal => u8::try_from(signal).ok(),
        }
    }

    /// Whether a reload was asked for since the last call.
    pub fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}
