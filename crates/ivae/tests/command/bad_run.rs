//! Run folders that are missing, damaged, or of other data.

use ivae::data::{Aux, Continuous, Dataset, Levels, write};
use ndarray::{Array2, s};

use crate::harness::{Place, QUICK, small};

const USES: [&str; 5] = [
    "transform run d.npz --out z.npz",
    "reconstruct run d.npz --out z.npz",
    "evaluate run d.npz --json",
    "sample run --u 1 --out z.npz",
    "report run --out z.html",
];

#[test]
fn no_run_folder() {
    let place = Place::with_data();
    for line in USES {
        place.refused(line, &["no run folder run", "ivae fit"]);
    }
    std::fs::create_dir(place.path("run")).unwrap();
    place.file("run/history.jsonl", "");
    for line in USES {
        place.refused(line, &["no fitted model", "spec.toml", "interrupted"]);
    }
}

#[test]
fn damaged_run_folders() {
    let place = Place::with_run();
    let damage = |name: &str, change: &dyn Fn(&[u8]) -> Vec<u8>, says: &[&str]| {
        let whole = place.bytes(name);
        place.file(name, change(&whole));
        for line in USES {
            place.refused(line, says);
        }
        place.file(name, whole);
    };
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let half_a_line = |bytes: &[u8]| bytes[..bytes.len() - 5].to_vec();
    let nothing = |_: &[u8]| Vec::new();
    for change in [&cut as &dyn Fn(&[u8]) -> Vec<u8>, &nothing] {
        damage("run/params.safetensors", change, &["damaged run folder", "run/params.safetensors"]);
        damage("run/spec.toml", change, &["damaged run folder", "run/spec.toml"]);
        damage("run/result.json", change, &["damaged run folder", "run/result.json"]);
        damage("run/split.json", change, &["damaged run folder", "run/split.json"]);
    }
    damage("run/history.jsonl", &half_a_line, &["damaged run folder", "run/history.jsonl"]);
    let newer =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("format = 4", "format = 999").into_bytes();
    damage("run/spec.toml", &newer, &["run/spec.toml", "format 999"]);
    let other =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("latents = 2", "latents = 3").into_bytes();
    damage("run/spec.toml", &other, &["run/params.safetensors", "shape"]);
    for line in USES {
        std::fs::remove_file(place.path("z.npz")).ok();
        place.done(line); // whole again
    }
    std::fs::remove_file(place.path("run/params.safetensors")).unwrap();
    place.refused("evaluate run d.npz", &["cannot read the run folder", "run/params.safetensors"]);
}

#[test]
fn a_run_folder_of_an_earlier_version_is_to_be_fitted_again() {
    let place = Place::with_run();
    let old = "format = 2\ncolumns = 3\n\n[fit]\nmodel = \"ivae\"\nlatents = 2\n\n[fit.vae.prior]\nform = \"mean-var\"\n";
    place.file("run/spec.toml", old);
    for line in USES {
        place.refused(line, &["run/spec.toml", "has format 2", "reads 4", "fit again"]);
    }
}

#[test]
fn other_columns() {
    let place = Place::with_run();
    let mut data = small();
    data.x = data.x.slice(s![.., ..2]).to_owned();
    data.x_names.truncate(2);
    write(place.path("two.npz"), &data).unwrap();
    for line in
        ["transform run two.npz --out z.npz", "evaluate run two.npz", "report run two.npz --out r.html"]
    {
        place.refused(line, &["two.npz", "2 columns", "x1, x2", "fitted on 3", "--x"]);
    }
    let names = |names: &[&str]| -> Dataset<f32> {
        let x_names = names.iter().map(ToString::to_string).collect();
        Dataset { x_names, ..small() }
    };
    write(place.path("abc.csv"), &names(&["a", "b", "c"])).unwrap();
    place.refused("transform run abc.csv --out z.npz", &["abc.csv", "a, b, c", "x1, x2, x3", "--x"]);
    place.done("transform run abc.csv --x a,b,c --out z.npz");
}

#[test]
fn columns_are_found_by_name() {
    let place = Place::new();
    let mut data = small();
    data.x_names = ["a", "b", "c"].map(String::from).to_vec();
    write(place.path("abc.csv"), &data).unwrap();
    write(place.path("cab.csv"), &data.select_columns(&[2, 0, 1])).unwrap();
    place.done(&format!("fit abc.csv --latents 2 --out run {QUICK}"));
    place.done("transform run abc.csv --out z1.csv");
    place.done("transform run cab.csv --out z2.csv");
    assert_eq!(place.text("z1.csv"), place.text("z2.csv"));
}

#[test]
fn unknown_levels_of_u() {
    let place = Place::with_run();
    let mut data = small();
    data.u.levels.as_mut().unwrap().names[4] = "new".into();
    write(place.path("new.npz"), &data).unwrap();
    place.refused("evaluate run new.npz", &["new.npz", "row 120", "`new`", "6 known levels"]);
    data.u = Aux::none();
    write(place.path("none.npz"), &data).unwrap();
    place.refused("evaluate run none.npz", &["none.npz", "needs u"]);
    data.u = Continuous::new(Array2::from_shape_fn((180, 1), |(i, _)| i as f32 / 7.0)).into();
    write(place.path("kind.npz"), &data).unwrap();
    place.refused(
        "evaluate run kind.npz",
        &["kind.npz", "fitted on a categorical u, but got a u of 1 continuous column"],
    );
    // The encoder does not see u, so the latents need none.
    place.done("transform run none.npz --out z.npz");
}

#[test]
fn rows_of_other_data() {
    let place = Place::with_run();
    write(place.path("part.npz"), &small().select_rows(&(0..170).collect::<Vec<_>>())).unwrap();
    place.refused("evaluate run part.npz --rows train", &["part.npz", "180 rows", "170"]);
    place.done("evaluate run part.npz");
    place.done("fit d.npz --latents 2 --held-out 0 --out all --epochs 1 --hidden 8");
    place.refused("evaluate all d.npz --rows held-out", &["held out no rows"]);
    let mut data = small();
    data.u = Levels::windows(180, 3).unwrap().into();
    write(place.path("windows.npz"), &data).unwrap();
    place.done("evaluate run windows.npz"); // levels 0, 1, 2 are known
}
