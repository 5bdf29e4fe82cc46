//! Watching a fit: the live history file, the progress bar, and Ctrl-C.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ivae::prelude::Observer;
use ivae::core::EpochRecord;

use crate::exit::Exit;

/// Longest wait for the training threads after Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(800);

/// What the training threads report to.
pub(crate) struct Watch {
    history: Arc<Mutex<File>>,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    best: Mutex<f64>,
}

impl Watch {
    /// Watch a fit of `epochs` epochs over all restarts, whose history so far is kept in `path`. On Ctrl-C the fit is
    /// asked to stop; if it has not within [`PATIENCE`], the process ends with status 130, every line of the history
    /// whole.
    pub(crate) fn new(path: &Path, epochs: usize, quiet: bool) -> Result<Self, Exit> {
        let file = File::create(path).map_err(|e| Exit::input(format!("{}: {e}", path.display())))?;
        let bar = match quiet {
            true => ProgressBar::hidden(),
            // Draws to standard error, and only if it is a terminal.
            false => ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stderr()),
        };
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} epochs  {msg}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        let watch = Self {
            history: Arc::new(Mutex::new(file)),
            stop: Arc::new(AtomicBool::new(false)),
            bar,
            best: Mutex::new(f64::NEG_INFINITY),
        };
        let (stop, history) = (Arc::clone(&watch.stop), Arc::clone(&watch.history));
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                end(&history);
            }
            let history = Arc::clone(&history);
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                end(&history);
            });
        })
        .map_err(|e| Exit::failed(format!("cannot watch for Ctrl-C: {e}")))?;
        Ok(watch)
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Take the progress bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// End the process, but not in the middle of a line.
fn end(history: &Mutex<File>) -> ! {
    let _whole_line = history.lock().unwrap_or_else(PoisonError::into_inner);
    std::process::exit(130)
}

impl Observer for Watch {
    fn epoch(&self, record: &EpochRecord) {
        if let Ok(mut line) = serde_json::to_vec(record) {
            line.push(b'\n');
            let mut file = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            // The history is written whole at the end of the fit, where a failure is reported.
            let _ = file.write_all(&line);
        }
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        *best = best.max(record.judged());
        self.bar.set_message(format!("objective {:.3} (best {best:.3}) nats/row", record.judged()));
        self.bar.inc(1);
    }

    fn stop(&self) -> bool {
        self.stopped()
    }
}
