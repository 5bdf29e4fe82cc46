//! Ctrl-C in the middle of a fit.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use ivae::core::EpochRecord;

use crate::harness::{Place, Ran};

/// Far longer than anything here takes.
const POLLS: usize = 6000;

/// Start the fit of `line`, interrupt it once `ready`, and wait for its end.
fn interrupted(place: &Place, line: &str, ready: impl Fn() -> bool) -> Ran {
    let mut child = place.command(line).spawn().unwrap();
    for poll in 0.. {
        assert!(child.try_wait().unwrap().is_none(), "the fit ended before it could be interrupted");
        assert!(poll < POLLS, "the fit does not start");
        if ready() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    for poll in 0.. {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        assert!(poll < POLLS, "the fit does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ran::of(line, child.wait_with_output().unwrap())
}

fn names(place: &Place, folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(place.path(folder)).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn records(place: &Place, name: &str) -> Vec<EpochRecord> {
    let text = place.text(name);
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines(place: &Place, name: &str) -> usize {
    std::fs::read_to_string(place.path(name)).map_or(0, |text| text.lines().count())
}

#[test]
fn the_history_so_far_stays() {
    let place = Place::with_data();
    let line = "fit d.npz --out run --latents 2 --epochs 1000000000 --hidden 8 --json";
    let ran = interrupted(&place, line, || lines(&place, "run/history.jsonl") > 5);
    assert_eq!((ran.status, ran.out.as_str()), (Some(130), ""));
    assert!(ran.err.contains("interrupted") && ran.err.contains("run/history.jsonl"), "{}", ran.err);
    assert_eq!(names(&place, "run"), BTreeSet::from(["history.jsonl".to_string()]));
    assert!(records(&place, "run/history.jsonl").len() > 5);
    assert_eq!(names(&place, "."), BTreeSet::from(["d.npz".to_string(), "run".to_string()]));
}

#[test]
fn the_run_that_was_to_be_replaced_stays() {
    let place = Place::with_run();
    let before = place.everything();
    let line = "fit d.npz --out run --force --latents 2 --epochs 1000000000 --hidden 8";
    let ran = interrupted(&place, line, || lines(&place, "run/interrupted.jsonl") > 5);
    assert_eq!(ran.status, Some(130));
    assert!(records(&place, "run/interrupted.jsonl").len() > 5);
    std::fs::remove_file(place.path("run/interrupted.jsonl")).unwrap();
    assert!(before == place.everything(), "the old run is as it was");
}

#[test]
fn a_long_step_is_not_waited_for() {
    // One step of this takes longer than the command waits for it.
    let place = Place::with_data();
    let line = "fit d.npz --out run --latents 2 --restarts 1 --hidden 6000";
    let ran = interrupted(&place, line, || place.path("run/history.jsonl").exists());
    assert_eq!(ran.status, Some(130));
    assert_eq!(names(&place, "run"), BTreeSet::from(["history.jsonl".to_string()]));
    assert!(records(&place, "run/history.jsonl").is_empty());
}
