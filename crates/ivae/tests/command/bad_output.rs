//! Outputs that exist, or that cannot be written: refused, and nothing that stands there is damaged.

use crate::harness::{Place, QUICK};

#[test]
fn outputs_that_exist_need_force() {
    let place = Place::with_run();
    place.refused("fit d.npz --out run", &["run exists", "--force"]);
    place.refused("generate --out d.npz", &["d.npz exists", "--force"]);
    place.file("z.csv", "precious");
    place.refused("transform run d.npz --out z.csv", &["z.csv exists", "--force"]);
    place.refused("reconstruct run d.npz --out z.csv", &["z.csv exists", "--force"]);
    place.refused("sample run --u 1 --out z.csv", &["z.csv exists", "--force"]);
    place.refused("report run --out z.csv", &["z.csv exists", "--force"]);

    place.done("transform run d.npz --out z.csv --force");
    assert!(place.text("z.csv").starts_with("z1,z2\n"));
    place.file("run/notes.txt", "mine");
    let before = place.bytes("run/params.safetensors");
    place.done(&format!("fit d.npz --latents 2 --out run --seed 5 --force {QUICK}"));
    assert_ne!(before, place.bytes("run/params.safetensors"));
    assert_eq!(place.text("run/notes.txt"), "mine");
    assert!(!place.path("run/interrupted.jsonl").exists());
}

#[test]
fn an_empty_folder_is_no_run() {
    let place = Place::with_data();
    std::fs::create_dir(place.path("run")).unwrap();
    place.done(&format!("fit d.npz --latents 2 --out run {QUICK}"));
}

#[test]
fn paths_that_cannot_be_written() {
    // As root, permissions do not bind: paths below a file, and in folders that are not there.
    let place = Place::with_run();
    place.refused("fit d.npz --out d.npz", &["d.npz is a file", "--out must be a folder"]);
    place.refused("fit d.npz --out d.npz/run", &["cannot make the folder d.npz/run", "Not a directory"]);
    place.refused("generate --out d.npz/g.npz", &["cannot write d.npz/g.npz", "no folder d.npz"]);
    place.refused("generate --out none/g.npz", &["cannot write none/g.npz", "no folder none"]);
    place.refused("generate --out run --force", &["run", ".npz"]);
    place.refused("transform run d.npz --out none/z.npz", &["none/z.npz"]);
    place.refused("reconstruct run d.npz --out none/z.npz", &["none/z.npz"]);
    place.refused("sample run --u 1 --out none/z.npz", &["none/z.npz"]);
    place.refused("report run --out none/r.html", &["none/r.html"]);
    place.refused("report run --out run", &["run", "folder"]);
}

#[test]
#[cfg(target_os = "linux")]
fn paths_of_the_system() {
    let place = Place::with_run();
    place.refused("fit d.npz --out /dev/null/run", &["/dev/null/run"]);
    place.refused("fit d.npz --out /proc/run", &["/proc/run"]);
    place.refused("generate --out /proc/g.npz", &["/proc/g.npz"]);
    place.refused("transform run d.npz --out /proc/z.npz", &["/proc/z.npz"]);
}

#[test]
fn unknown_formats() {
    let place = Place::with_run();
    for line in ["generate --out g.txt", "transform run d.npz --out z", "sample run --u 1 --out x.mat"] {
        place.refused(line, &[".npz, .npy, .csv or .tsv"]);
    }
    place.refused(
        "generate --segments 2 --per-segment 9 --out g.npy",
        &["g.npy", "u cannot be written", ".npz"],
    );
}

#[test]
fn a_failing_fit_damages_nothing() {
    let place = Place::with_run();
    let before = place.everything();
    let ran = place.run("fit d.npz --latents 2 --out run --force --lr 1e30 --epochs 3 --hidden 8");
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert!(ran.err.contains("non-finite") && ran.err.contains("learning rate"), "{}", ran.err);
    assert_eq!(ran.out, "");
    assert!(before == place.everything(), "the old run is as it was");
    place.refused("fit d.npz --out run --force --latents 4", &["4 latents"]);
    place.refused("fit none.npz --out run --force", &["none.npz"]);

    let ran = place.run("fit d.npz --latents 2 --out new --lr 1e30 --epochs 3 --hidden 8 --json");
    assert_eq!((ran.status, ran.out.as_str()), (Some(1), ""));
    assert!(!place.path("new/spec.toml").exists());
}
