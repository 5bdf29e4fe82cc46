//! Watching a fit: the live history file, the progress bar, Ctrl-C, and what stays on disk however the fit ends.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ivae::core::EpochRecord;
use ivae::prelude::{Fitted, Observer};

use crate::exit::{Exit, tell};

/// Longest wait for the training threads after Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the time left is drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// What the training threads report to.
pub(crate) struct Watch {
    folder: PathBuf,
    /// Whether the folder was made for this fit.
    made: bool,
    /// Whether a run stands in the folder; it is left as it is until the new one is whole.
    over_run: bool,
    history: PathBuf,
    live: Arc<Mutex<File>>,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    best: Mutex<f64>,
}

impl Watch {
    /// Watch a fit of `epochs` epochs over all restarts, which is to be saved in `folder`. The history so far is kept
    /// there. On Ctrl-C the fit is asked to stop; if it has not within [`PATIENCE`], the process ends with status
    /// 130, every line of the history whole.
    pub(crate) fn new(folder: &Path, epochs: usize, quiet: bool) -> Result<Self, Exit> {
        let made = !folder.exists();
        std::fs::create_dir_all(folder)
            .map_err(|e| Exit::input(format!("cannot make the folder {}: {e}", folder.display())))?;
        let over_run = folder.join("spec.toml").exists();
        let history = folder.join(if over_run { "interrupted.jsonl" } else { "history.jsonl" });
        let file = File::create(&history)
            .map_err(|e| Exit::input(format!("cannot write {}: {e}", history.display())))?;
        let bar = if quiet || epochs == 0 {
            ProgressBar::hidden()
        } else {
            // Draws to standard error, and only if it is a terminal.
            ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stderr())
        };
        bar.set_style(style("{bar:32} {pos}/{len} epochs"));
        bar.enable_steady_tick(TICK);
        let watch = Self {
            folder: folder.into(),
            made,
            over_run,
            history,
            live: Arc::new(Mutex::new(file)),
            stop: Arc::new(AtomicBool::new(false)),
            bar,
            best: Mutex::new(f64::NEG_INFINITY),
        };
        let (stop, live, message) =
            (Arc::clone(&watch.stop), Arc::clone(&watch.live), watch.interrupted().message);
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                end(&live, &message);
            }
            let (live, message) = (Arc::clone(&live), message.clone());
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                end(&live, &message);
            });
        })
        .map_err(|e| Exit::failed(format!("cannot watch for Ctrl-C: {e}")))?;
        Ok(watch)
    }

    /// Save the fitted model. Ctrl-C has no effect from then on, as long as what is returned lives: the folder is never
    /// left with half a run.
    pub(crate) fn save(&self, fitted: &Fitted<f32>) -> Result<MutexGuard<'_, File>, Exit> {
        self.bar.finish_and_clear();
        let guard = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop() {
            return Err(self.interrupted());
        }
        fitted.save(&self.folder).map_err(Exit::failed)?;
        if self.over_run {
            self.remove_history();
        }
        Ok(guard)
    }

    /// The fit failed for this reason: leave the history if it was interrupted, but nothing that says nothing.
    pub(crate) fn give_up(&self, exit: Exit) -> Exit {
        self.bar.finish_and_clear();
        if self.stop() {
            return self.interrupted();
        }
        if self.over_run || std::fs::metadata(&self.history).is_ok_and(|file| file.len() == 0) {
            self.remove_history();
        }
        if self.made {
            let _ = std::fs::remove_dir(&self.folder); // only if it is empty
        }
        exit
    }

    fn remove_history(&self) {
        // At worst a file too many stays.
        let _ = std::fs::remove_file(&self.history);
    }

    fn interrupted(&self) -> Exit {
        Exit::interrupted(format!("interrupted; the history so far is in {}", self.history.display()))
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// End the process, but not in the middle of a line of the history.
fn end(live: &Mutex<File>, message: &str) -> ! {
    let _whole_line = live.lock().unwrap_or_else(PoisonError::into_inner);
    tell(format_args!("\nerror: {message}"));
    std::process::exit(130)
}

impl Observer for Watch {
    fn epoch(&self, record: &EpochRecord) {
        if let Ok(mut line) = serde_json::to_vec(record) {
            line.push(b'\n');
            let mut file = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            // The history is written whole at the end of the fit, where a failure is reported.
            let _ = file.write_all(&line);
        }
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        *best = best.max(record.validation());
        if self.bar.position() == 0 {
            self.bar.set_style(style("{bar:32} {pos}/{len} epochs  {msg}  {eta} left"));
        }
        self.bar.set_message(format!("objective {:.3} (best {best:.3}) nats/row", record.validation()));
        self.bar.inc(1);
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
