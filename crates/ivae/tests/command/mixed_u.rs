//! A u of levels and continuous columns.

use std::fmt::Write;

use crate::harness::{Place, QUICK, small};

/// `speaker,time,x1,x2,x3` of the small data, the speakers named by `name`.
fn table(place: &Place, name: impl Fn(u32) -> String) {
    let data = small();
    let levels = data.u.levels.as_ref().unwrap();
    let mut text = String::from("speaker,time,x1,x2,x3\n");
    for (i, x) in data.x.rows().into_iter().enumerate() {
        let (speaker, time) = (name(levels.index[i]), (i as f64 * 0.37).sin());
        writeln!(text, "{speaker},{time},{},{},{}", x[0], x[1], x[2]).unwrap();
    }
    place.file("d.csv", text);
}

#[test]
fn speakers_over_time() {
    let place = Place::new();
    table(&place, |speaker| ["a", "b", "c", "d", "e", "f"][speaker as usize].into());
    let columns = "--x x1..x3 --u speaker,time";
    let fit = place.json(&format!("fit d.csv {columns} --latents 2 --out run {QUICK}"));
    // No two of the 162 training rows have the same speaker and time.
    assert_eq!(fit["identifiability"]["distinct_u"], 162);
    let spec = place.text("run/spec.toml");
    assert!(spec.contains("levels = [") && spec.contains("values = [\"time\"]"), "{spec}");
    place.done(&format!("transform run d.csv {columns} --out z.csv --std std.csv"));
    place.done(&format!("reconstruct run d.csv {columns} --out xh.csv"));
    place.done("sample run --u b,0.5 -n 4 --out x.csv");
    place.done("sample run --u b,-0.5 -n 4 --out y.csv");
    assert_eq!(place.text("x.csv").lines().count(), 5);
    assert_ne!(place.text("x.csv"), place.text("y.csv"));
    assert_eq!(place.json("diagnose run"), fit["identifiability"]);
    assert!(!place.done("diagnose run").out.contains("rests most on u ="));
    assert!(place.json(&format!("evaluate run d.csv {columns}"))["log_likelihood"]["iwae"].is_f64());
    place.done(&format!("report run d.csv {columns} --out r.html"));
    assert!(place.text("r.html").contains("an auxiliary variable u of 6 levels and 1 continuous column."));

    let usage = ["a, b, c, d, e, f", "then values of time", "separated by commas"];
    place.refused("sample run --out w.csv", &[&["needs u", "--u"][..], &usage].concat());
    place.refused("sample run --u b --out w.csv", &[&["\"b\"", "too short"][..], &usage].concat());
    place.refused("sample run --u g,0.5 --out w.csv", &["\"g\"", "no level of u", "a, b, c, d, e, f"]);
    place.refused("sample run --u b,now --out w.csv", &["\"now\"", "not a number"]);
    place.refused("sample run --u b,c,1 --out w.csv", &["\"b,c\"", "no level of u"]);
    place.refused(
        "evaluate run d.csv --x x1..x3 --u speaker",
        &["d.csv", "fitted on a u of levels and 1 continuous column, but got a categorical u"],
    );
}

#[test]
fn integer_labels_are_levels_beside_a_float_column() {
    let place = Place::new();
    table(&place, |speaker| (10 * speaker).to_string());
    let columns = "--x x1..x3 --u speaker,time";
    let fit = place.json(&format!("fit d.csv {columns} --latents 2 --out run {QUICK}"));
    assert_eq!(fit["identifiability"]["distinct_u"], 162);
    place.done(&format!("transform run d.csv {columns} --out z.csv"));
    place.done("sample run --u 10,0.5 -n 4 --out x.csv");
    place.refused("sample run --u 11,0.5 --out y.csv", &["\"11\"", "0, 10, 20, 30, 40, 50"]);
    assert_eq!(place.json("diagnose run"), fit["identifiability"]);
}

#[test]
fn names_of_levels_may_hold_commas() {
    let place = Place::new();
    table(&place, |speaker| format!("\"s{speaker}, x\""));
    place.done(&format!("fit d.csv --x x1..x3 --u speaker,time --latents 2 --out run {QUICK}"));
    let mut command = place.command("sample run -n 4 --out x.csv");
    let output = command.args(["--u", "s1, x,0.5"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pairs_of_level_and_values_are_counted_before_the_fit() {
    let place = Place::new();
    let data = small();
    let mut text = String::from("speaker,time,x1,x2,x3\n");
    for (i, x) in data.x.rows().into_iter().enumerate() {
        writeln!(text, "{},{},{},{},{}", ["a", "b"][i % 2], [0.5, 1.5][i / 90], x[0], x[1], x[2]).unwrap();
    }
    place.file("d.csv", text);
    let line = "fit d.csv --x x1..x3 --u speaker,time --epochs 1 --hidden 8";
    let ran = place.done(&format!("{line} --latents 2 --out run"));
    assert!(ran.err.contains("5 distinct u") && ran.err.contains("there are 4"), "{}", ran.err);
    let ran = place.done(&format!("{line} --latents 1 --out one"));
    assert!(!ran.err.contains("distinct u"), "{}", ran.err);
}
