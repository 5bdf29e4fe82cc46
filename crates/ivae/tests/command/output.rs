//! What goes where: one JSON object, no colours into a pipe, and nobody at the other end of it.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Place, QUICK, Ran};

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn has(value: &Value, names: &[&str]) {
    let keys = keys(value);
    for name in names {
        assert!(keys.contains(name), "{name} is missing among {keys:?}");
    }
}

#[test]
fn json_of_a_fit() {
    let place = Place::with_data();
    let all = [
        "model",
        "seconds",
        "steps",
        "us_per_step",
        "converged",
        "epochs",
        "objective",
        "identifiability",
        "linear_step",
        "collapse",
        "warnings",
    ];
    let fit = place.json(&format!("fit d.npz --latents 2 --out run {QUICK}"));
    has(&fit, &all);
    assert_eq!(fit["model"], "ivae");
    assert!(fit["seconds"].as_f64().unwrap() > 0.0 && fit["us_per_step"].as_f64().unwrap() > 0.0);
    assert_eq!(fit["steps"], 2 * 2 * 2); // epochs, restarts, steps of 64 among 162 rows
    assert!(fit["objective"]["train"].is_f64() && fit["objective"]["held_out"].is_f64());
    let id = &fit["identifiability"];
    has(id, &["k", "distinct_u", "needed", "rank", "condition", "singular_values", "verdict"]);
    has(id, &["smallest", "unspanned", "leverage", "check"]);
    assert_eq!(id["leverage"].as_array().unwrap().len(), 6);
    assert_eq!((&id["k"], &id["distinct_u"], &id["needed"]), (&2.into(), &6.into(), &5.into()));
    assert_eq!(id["singular_values"].as_array().unwrap().len(), 4);
    has(&fit["linear_step"], &["applied", "reason", "converged", "iterations", "agreement"]);
    assert_eq!(fit["linear_step"]["applied"], false);
    has(&fit["linear_step"]["reason"], &["kind", "message"]);
    // Each of the 2 epochs raised the objective.
    let warnings = fit["warnings"].as_array().unwrap();
    assert!(warnings.iter().all(|w| w["kind"].is_string() && w["message"].is_string()), "{warnings:?}");
    let rising = warnings.iter().find(|w| w["kind"] == "still-rising").unwrap();
    assert!(rising["epochs"] == 2 && rising["message"].as_str().unwrap().contains("--epochs"), "{rising}");
    let saved: Value = serde_json::from_str(&place.text("run/result.json")).unwrap();
    assert_eq!(saved, fit);

    assert_eq!(&place.json("diagnose run"), id);
    let said = place.done("diagnose run").out;
    let conditions =
        ["(i) noise", "(ii) statistics", "(iii) variability", "posterior family", "maximum reached"];
    assert!(conditions.iter().all(|c| said.contains(c)), "{said}");
    assert!(
        said.contains("singular values of the fitted L") && said.contains("L rests most on u = "),
        "{said}"
    );
    assert!(said.contains("linear step on the latents: not taken"), "{said}");

    let fit = place.json("fit d.npz --latents 2 --model pca --out pca");
    has(&fit, &all);
    place.refused("diagnose pca", &["pca", "nothing to diagnose"]);
    assert!(fit["us_per_step"].is_null() && fit["identifiability"].is_null() && fit["collapse"].is_null());
    assert!(fit["linear_step"].is_null());
    assert!(fit["objective"]["train"].is_null() && fit["objective"]["held_out"].is_null());
    let fit = place.json(&format!("fit d.npz --latents 2 --model vae --out vae {QUICK}"));
    assert!(fit["identifiability"]["verdict"].as_str().unwrap().contains("does not depend on u"), "{fit}");
}

#[test]
fn json_and_text_of_a_search() {
    let place = Place::with_data();
    let line = "fit d.npz --latents 2 --epochs 2 --restarts 2 --force --out run";
    let fit = place.json(line);
    has(&fit["search"], &["class", "family", "classes", "starts", "starts_in_basin", "agreement"]);
    has(&fit["search"], &["likelihood_margin"]);
    has(&fit["bottleneck"], &["objective", "latents", "lost_variance", "round_trip", "ending"]);
    let restarts = fit["restarts"].as_array().unwrap();
    assert!(restarts.iter().any(|r| r["refined"] == true) && restarts.iter().any(|r| r["refined"] == false));
    let stages: std::collections::BTreeSet<String> = place
        .text("run/history.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["stage"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(stages.into_iter().collect::<Vec<_>>(), ["bottleneck", "refine", "search"]);
    let ran = place.done(line);
    for word in ["search  ", "starts agree with it", "refine  ", "survivors", "bottleneck  "] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    assert!(!["race", "polish", "code"].iter().any(|word| ran.out.contains(word)), "{}", ran.out);
}

#[test]
fn json_of_scores() {
    let place = Place::with_run();
    for rows in ["all", "train", "held-out"] {
        let scores = place.json(&format!("evaluate run d.npz --rows {rows}"));
        has(&scores, &["rows", "mcc", "r2", "matched", "baselines", "log_likelihood"]);
        has(&scores["mcc"], &["pearson", "spearman", "within_u", "weak", "statistics"]);
        has(&scores["baselines"], &["chance", "u_only", "pca", "fastica"]);
        has(&scores["log_likelihood"], &["elbo", "iwae"]);
        let number = |v: &Value| assert!(v.as_f64().unwrap().is_finite());
        scores["mcc"].as_object().unwrap().values().for_each(number);
        scores["baselines"].as_object().unwrap().values().for_each(number);
        let (elbo, iwae) = (&scores["log_likelihood"]["elbo"], &scores["log_likelihood"]["iwae"]);
        assert!(elbo.as_f64().unwrap() < iwae.as_f64().unwrap());
        let matched = scores["matched"].as_array().unwrap();
        assert_eq!(matched.len(), 2);
        assert!(matched[0][0].is_u64() && matched[0][1].is_u64() && matched[0][2].is_f64());
        assert_eq!(scores["scored"], rows);
    }
    assert_eq!(place.json("evaluate run d.npz --rows held-out")["rows"], 18);
    place.done("fit d.npz --latents 2 --model fastica --out ica");
    let scores = place.json("evaluate ica d.npz --rows train");
    assert!(scores["log_likelihood"].is_null());
    assert_eq!(scores["mcc"]["pearson"], scores["baselines"]["fastica"]);
    let (x, u) = ("--x 1-2", "--u u");
    place.file("nos.csv", "a,b,u\n1,2,0\n2,1,0\n0,1,1\n5,3,1\n2,2,0\n1,1,1\n");
    place.done(&format!("fit nos.csv {x} {u} --latents 1 --held-out 0 --epochs 1 --hidden 4 --out nos"));
    let scores = place.json(&format!("evaluate nos nos.csv {x} {u}"));
    assert!(
        scores["mcc"].is_null()
            && scores["matched"].is_null()
            && scores["r2"].is_null()
            && scores["baselines"].is_null()
    );
    assert!(scores["log_likelihood"]["elbo"].is_f64());
}

#[test]
fn json_of_generated_data() {
    let place = Place::new();
    let made = place.json("generate --out g.csv --segments 3 --per-segment 20 --latents 2 --observed 2");
    assert_eq!((&made["out"], &made["rows"]), (&"g.csv".into(), &60.into()));
    assert_eq!(made["simulation"]["segments"], 3);
    assert_eq!(
        (&made["simulation"]["mixing"], &made["simulation"]["layers"]),
        (&"network".into(), &3.into())
    );
    let made = place.json("generate --out m.csv --segments 3 --per-segment 20 --mixing mobius");
    assert_eq!(made["simulation"]["mixing"], "mobius");
    let help = place.done("generate --help").out;
    assert!(ivae::data::Mixing::ALL.iter().all(|kind| help.contains(kind.name())), "{help}");
}

#[test]
fn pipes_get_no_colours_and_no_progress() {
    let place = Place::with_data();
    let mut ran = vec![place.done(&format!("fit d.npz --latents 2 --out run {QUICK}"))];
    ran.extend(["evaluate run d.npz", "--help", "fit --help"].map(|line| place.done(line)));
    ran.push(place.run("fit d.npz --nonsense"));
    for Ran { out, err, .. } in ran {
        assert!(!out.contains(['\x1b', '\r']) && !err.contains(['\x1b', '\r']), "{out:?} {err:?}");
        assert!(!err.contains("left"), "{err:?}");
    }
}

#[test]
fn help_is_there_for_every_command() {
    let place = Place::new();
    for command in ["generate", "fit", "transform", "reconstruct", "sample", "evaluate", "report"] {
        assert!(place.done("--help").out.contains(command));
        assert!(place.done(&format!("{command} --help")).out.contains(&format!("Usage: ivae {command}")));
    }
    assert_eq!(place.done("--version").out, format!("ivae {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
#[cfg(unix)]
fn readers_that_leave_are_no_failure() {
    let place = Place::with_run();
    for line in [
        "--help",
        "fit --help",
        "evaluate run d.npz",
        "evaluate run d.npz --json",
        "fit none.npz --out r",
        "fit",
    ] {
        // Both ends of these pipes are closed before the command writes.
        let (out, err) = (std::io::pipe().unwrap().1, std::io::pipe().unwrap().1);
        let status = place.command(line).stdout(out).stderr(err).status().unwrap();
        let expected = if line == "fit" || line.contains("none") { 2 } else { 0 };
        assert_eq!(status.code(), Some(expected), "ivae {line}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure() {
    let place = Place::with_run();
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let status = place.command("evaluate run d.npz --json").stdout(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let status = place.command("fit none.npz --out r").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
