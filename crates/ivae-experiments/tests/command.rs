//! The program as a user runs it, on little data.

use std::path::Path;
use std::process::{Command, Output};

use ivae::report::Record;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ivae-experiments")).args(args).output().expect("the program starts")
}

fn quick(names: &[&str], out: &Path, extra: &[&str]) -> Output {
    let out = out.to_str().expect("a readable path");
    let output = run(&[names, &["--quick", "--out", out], extra].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn metric(folder: &Path, record: &str, name: &str) -> f64 {
    let record = Record::read(folder.join(format!("{record}.json"))).expect("a record");
    record.metrics[name].unwrap_or_else(|| panic!("{name} of {} is not a number", record.name))
}

#[test]
fn a_quick_run_leaves_a_page_and_records_with_sensible_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep").join("out");
    let output = quick(&["example-1", "speech"], &out, &["--threads", "2"]);

    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n") | page.ends_with("</html>"));
    for part in
        ["id=\"example-1\"", "id=\"speech\"", "True latents", "<svg", "cargo xtask experiments speech"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("src=\"http") && !page.contains("<link") && !page.contains("<script"),
        "self-contained"
    );

    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("iVAE") && text.contains("u alone") && text.contains("report.html"), "{text}");

    let (ivae, vae) =
        (metric(&out, "example-1-ivae", "mcc_held_out"), metric(&out, "example-1-vae", "mcc_held_out"));
    assert!(ivae > vae + 0.04, "iVAE {ivae}, VAE {vae}");
    // Both have converged (FastICA alone does not here, and stays at .66; Picard goes on from there).
    for linear in ["example-1-fastica", "example-1-ajd"] {
        let linear = metric(&out, linear, "mcc_held_out");
        assert!(ivae > linear + 0.04, "iVAE {ivae}, a linear method {linear}");
    }
    assert!(metric(&out, "example-1-ivae", "chance_mcc") < 0.3);
    for model in ["speech-ivae", "speech-vae"] {
        assert!(metric(&out, model, "iwae_test") >= metric(&out, model, "elbo_test"));
        for name in ["agreement_spearman", "agreement_within_u", "agreement_affine"] {
            assert!((0.0..=1.0).contains(&metric(&out, model, name)), "{model} {name}");
        }
    }
    // The speaker is worth something, and both models beat what the speaker alone gives once they are trained at all.
    assert!(metric(&out, "speech-ivae", "iwae_test") > metric(&out, "speech-vae", "iwae_test"));
    assert!(
        metric(&out, "speech-ivae", "iwae_test") > metric(&out, "speech-ivae", "u_only_log_likelihood_test")
    );
}

#[test]
fn what_the_theorems_leave_open_shows_in_small_runs() {
    let folder = tempfile::tempdir().unwrap();
    quick(&["segments", "statistics", "estimation"], folder.path(), &["--threads", "2"]);
    let of = |record: &str, name: &str| metric(folder.path(), record, name);

    // Two latents of one statistic need three values of u that move λ in two directions.
    let ranks = [("2-alike", 0.0), ("2-in-step", 1.0), ("8-in-step", 1.0), ("2-crosswise", 1.0)];
    for (case, rank) in ranks.into_iter().chain([("3", 2.0), ("4", 2.0), ("6", 2.0), ("8", 2.0), ("16", 2.0)])
    {
        assert_eq!(of(&format!("segments-{case}"), "rank"), rank, "{case}");
    }
    assert!((of("segments-4", "condition") - 1.0).abs() < 1e-9);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("segments that differ, the first of one list"));
    // A swirl of the latents leaves the law of those that u does not tell apart.
    for (case, free) in
        [("2-alike", true), ("2-in-step", true), ("8-in-step", true), ("3", false), ("8", false)]
    {
        let cost = of(&format!("segments-{case}"), "cost_of_swirl");
        assert_eq!(cost.abs() < 0.01, free, "{case}: {cost}");
    }

    // T = z leaves a rotation, which linear ICA of the latents undoes; T = z² leaves none.
    let gain = |record: &str| of(record, "start_0_mcc_after_ica") - of(record, "start_0_mcc");
    assert!(gain("statistics-mean") > 0.05 && gain("statistics-variance").abs() < 0.05);

    // A posterior that can be right is nearer to the likelihood than one that cannot, and neither is above the truth's.
    for rows in [400, 1600] {
        let elbo = |posterior: &str| of(&format!("estimation-{posterior}"), &format!("rows_{rows}_elbo"));
        assert!(elbo("full") > elbo("diagonal") + 0.05, "{rows} rows");
        assert!(elbo("full") < of("estimation-full", "truth_log_likelihood"), "{rows} rows");
    }
}

#[test]
fn what_keeps_the_law_passes_the_test_and_what_does_not_fails_it() {
    let folder = tempfile::tempdir().unwrap();
    quick(&["ambiguity", "intersections"], folder.path(), &[]);
    let of = |name: &str| metric(folder.path(), "ambiguity-maps", name);
    for map in ["rotation_of_gaussian", "swirl_of_gaussian", "construction_of_other"] {
        assert!(of(&format!("p_value_{map}")) > 0.01 && of(&format!("mcc_{map}")) < 0.8, "{map}");
    }
    assert!(of("p_value_rotation_of_other") < 1e-6);

    let of = |name: &str| metric(folder.path(), "intersections-members", name);
    for (case, free) in [("one", 2.0), ("two", 1.0), ("three_on_a_line", 1.0), ("three_off_a_line", 0.0)] {
        assert_eq!(of(&format!("free_{case}_of_2")), free);
        assert!(of(&format!("log_density_change_{case}_of_2")) < 1e-12);
        assert!(of(&format!("p_value_{case}_of_2")) > 0.01, "{case}");
    }
    assert!(of("p_value_swirl_of_one_on_two") < 1e-6);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("id=\"ambiguity\"") && page.contains("the identity alone"));
}

#[test]
fn recovery_beats_linear_methods_wherever_it_looks() {
    let folder = tempfile::tempdir().unwrap();
    let output = quick(&["recovery"], folder.path(), &["--seed", "1", "--threads", "2"]);
    for (record, least) in [("recovery-gauss-5-5", 0.85), ("recovery-gauss-5-25", 0.9)] {
        let of = |name| metric(folder.path(), record, name);
        assert!(of("mcc") > least && of("mcc") > of("ajd_mcc") + 0.02, "{record}: {}", of("mcc"));
        assert!(of("supervised_bound") > of("ajd_mcc"), "{record}");
        assert!(of("chance_mcc") < 0.1 && of("failed") == 0.0, "{record}");
        assert!(of("starts_in_best_basin") <= of("starts"), "{record}");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("square-tanh") && text.contains("best basin"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("rank correlation") && page.contains("A quick run"));
}

#[test]
fn the_same_seed_gives_the_same_metrics_on_any_number_of_threads() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let records: Vec<Record> = folders
        .iter()
        .zip(["1", "2"])
        .map(|(folder, threads)| {
            quick(&["example-1"], folder.path(), &["--seed", "3", "--threads", threads]);
            Record::read(folder.path().join("example-1-ivae.json")).unwrap()
        })
        .collect();
    assert_eq!(records[0].metrics, records[1].metrics);
    assert_eq!(records[0].settings, records[1].settings);
    assert_eq!(records[0].seed, 3);
}

#[test]
fn help_lists_the_experiments_and_an_unknown_one_is_refused() {
    let help = run(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for name in ["ambiguity", "intersections", "example-1", "example-2", "recovery", "ablations", "speech"] {
        assert!(text.contains(&format!("- {name}:")), "{text}");
    }
    let unknown = run(&["exmaple-1"]);
    assert_eq!(unknown.status.code(), Some(2));
    let text = String::from_utf8(unknown.stderr).unwrap();
    assert!(text.contains("example-1") && text.contains("speech"), "{text}");
}

#[test]
fn failures_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (out, empty) = (folder.path().join("out"), folder.path().join("nothing"));
    let output =
        run(&["speech", "--quick", "--out", out.to_str().unwrap(), "--data-dir", empty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("japanese_vowels.npz") && !text.contains("panicked"), "{text}");
}
