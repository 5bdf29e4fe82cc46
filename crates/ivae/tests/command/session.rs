//! From data to a report, the ways a user goes.

use ivae::data::{Aux, Continuous, Dataset, Levels, ReadOptions, read, read_array, write};
use ivae::prelude::{FitSpec, Fitted, ModelSpec, Silent, fit};
use ndarray::{Array2, concatenate, s};

use crate::harness::{Place, QUICK, small};

#[test]
fn a_whole_session() {
    let place = Place::new();
    place.done(
        "generate --out d.npz --segments 6 --per-segment 40 --latents 2 --observed 3 --layers 2 --seed 3",
    );
    let ran = place.done(&format!("fit d.npz --latents 2 --out run {QUICK}"));
    assert!(ran.out.contains("run: ivae") && ran.out.contains("held-out"), "{}", ran.out);
    for name in ["spec.toml", "params.safetensors", "history.jsonl", "result.json"] {
        assert!(place.path("run").join(name).exists(), "{name}");
    }
    assert_eq!(place.text("run/history.jsonl").lines().count(), 4);
    place.done("transform run d.npz --out z.npz");
    assert_eq!(read_array::<f32>(place.path("z.npz"), Some("z")).unwrap().dim(), (240, 2));
    place.done("transform run d.npz --out again.npz --std std.npz");
    assert_eq!(place.bytes("again.npz"), place.bytes("z.npz"));
    let std = read_array::<f32>(place.path("std.npz"), Some("std")).unwrap();
    assert!(std.dim() == (240, 2) && std.iter().all(|&s| s > 0.0));
    place.done("fit d.npz --latents 2 --decoder square --epochs 2 --restarts 2 --batch 64 --out flow");
    place.done("transform flow d.npz --out noisy.csv --noise 0.5 --std std.csv");
    assert!(place.text("std.csv").starts_with("std1,std2\n"));
    place.done("reconstruct run d.npz --out xh.tsv");
    assert!(place.text("xh.tsv").starts_with("x1\tx2\tx3\n"));
    place.done("sample run --u 3 -n 7 --out x.npy");
    assert_eq!(read_array::<f32>(place.path("x.npy"), None).unwrap().dim(), (7, 3));
    for rows in ["all", "train", "held-out"] {
        let ran = place.done(&format!("evaluate run d.npz --rows {rows}"));
        assert!(ran.out.contains("MCC (Pearson)") && ran.out.contains("source s1 ~ latent z"), "{}", ran.out);
    }
    place.done("report run d.npz --out r.html");
    place.done("report run --out short.html");
    let page = place.text("r.html");
    assert!(page.starts_with("<!DOCTYPE html>") || page.starts_with("<!doctype html>"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let place = Place::with_data();
    let fit = |options: &str, out: &str| {
        place.done(&format!("fit d.npz --latents 2 --out {out} {QUICK} {options}"));
        place.bytes(&format!("{out}/params.safetensors"))
    };
    let one = fit("--threads 1", "one");
    assert!(one == fit("--threads 1", "again"));
    assert!(one == fit("--threads 2", "two"));
    assert!(one != fit("--threads 1 --seed 1", "other"));
    for file in ["spec.toml", "split.json"] {
        assert_eq!(place.text(&format!("one/{file}")), place.text(&format!("two/{file}")));
    }
}

#[test]
fn a_loaded_model_is_the_fitted_one() {
    let place = Place::with_run();
    place.done("transform run d.npz --out z.npz");
    let loaded = Fitted::<f32>::load(place.path("run")).unwrap();
    let data: Dataset<f32> = read(place.path("d.npz"), &ReadOptions::default()).unwrap();
    let fitted = fit(&data, &loaded.spec, &Silent).unwrap();
    let z = read_array::<f32>(place.path("z.npz"), Some("z")).unwrap();
    assert_eq!(z, loaded.transform(&data).unwrap());
    assert_eq!(z, fitted.transform(&data).unwrap());
}

#[test]
fn every_format_gives_the_same_model() {
    let place = Place::with_data();
    let data = small();
    write(place.path("d.csv"), &data).unwrap();
    write(place.path("d.tsv"), &data).unwrap();
    let mut models = Vec::new();
    for name in ["d.npz", "d.csv", "d.tsv"] {
        let out = name.replace('.', "-");
        place.done(&format!("fit {name} --latents 2 --out {out} {QUICK}"));
        models.push(place.bytes(&format!("{out}/params.safetensors")));
        place.done(&format!("evaluate {out} {name}"));
    }
    assert!(models[0] == models[1] && models[1] == models[2]);
}

/// `time,a,b,c,task,true` of the small data, with named levels.
fn named(place: &Place) {
    let data = small();
    let levels = data.u.levels.as_ref().unwrap();
    let mut text = String::from("time,a,b,c,task,src\n");
    for i in 0..data.rows() {
        let (x, s) = (data.x.row(i), data.s.as_ref().unwrap()[[i, 0]]);
        let task = ["rest", "left", "right", "rest2", "up", "down"][levels.index[i] as usize];
        text += &format!("{i},{},{},{},{task},{s}\n", x[0], x[1], x[2]);
    }
    place.file("named.csv", text);
}

#[test]
fn columns_and_levels_have_names() {
    let place = Place::new();
    named(&place);
    place.done(&format!("fit named.csv --x a..c --u task --s src --latents 2 --out run {QUICK}"));
    let spec = place.text("run/spec.toml");
    assert!(spec.contains("\"rest2\"") && spec.contains("\"c\""), "{spec}");
    place.done("sample run --u left -n 4 --out x.csv");
    assert_eq!(place.text("x.csv").lines().count(), 5);
    place.refused("sample run --u jump --out y.csv", &["\"jump\"", "down, left, rest, rest2, right, up"]);
    let scores = place.json("evaluate run named.csv --x a..c --u task --s src");
    assert_eq!(scores["matched"].as_array().unwrap().len(), 1);
    place.done("report run named.csv --x 2-4 --u task --s src --out r.html");
    place.done("transform run named.csv --x a,b,c --out z.csv");
}

#[test]
fn continuous_u() {
    let place = Place::new();
    let mut data = small();
    let values = Array2::from_shape_fn((180, 2), |(i, j)| (i as f32 * 0.01 + j as f32).sin());
    data.u = Continuous::new(values).into();
    write(place.path("d.csv"), &data).unwrap();
    let fit = place.json(&format!("fit d.csv --latents 2 --out run {QUICK}"));
    // No interval tells whether λ(u) varies by noise alone: that is unknown, and nothing to warn of.
    let conditions = fit["identifiability"]["check"]["conditions"].as_array().unwrap();
    let varied = conditions.iter().find(|c| c["id"] == "variability").unwrap();
    assert_eq!(varied["answer"], "unknown");
    let warnings = fit["warnings"].as_array().unwrap();
    assert!(warnings.iter().all(|w| w["kind"] != "variability"), "{warnings:?}");
    place.done("sample run --u -0.5,0.25 -n 3 --out x.csv");
    place.refused("sample run --u 0.5 --out y.csv", &["1 values", "u has 2", "u1, u2"]);
    place.refused("sample run --u a,b --out y.csv", &["\"a\" is not a number"]);
    let scores = place.json("evaluate run d.csv");
    assert!(scores["mcc"]["within_u"].is_null() && scores["baselines"]["u_only"].is_null());
    assert!(scores["mcc"]["pearson"].is_f64());
    place.done("report run d.csv --out r.html");
}

#[test]
fn windows_of_a_time_series() {
    let place = Place::new();
    write(place.path("x.npy"), &Dataset::new(small().x)).unwrap();
    let fit = place.json(&format!("fit x.npy --windows 9 --held-out-block 10 --latents 2 --out run {QUICK}"));
    assert_eq!(fit["identifiability"]["distinct_u"], 9);
    place.done("evaluate run x.npy --windows 9 --rows held-out");
    place.done("transform run x.npy --out z.npy");
    // The windows are the levels of u: those of integers are the same.
    let mut data = small();
    data.u = Levels::windows(180, 9).unwrap().into();
    write(place.path("d.npz"), &data).unwrap();
    place.done(&format!("fit d.npz --held-out-block 10 --latents 2 --out same {QUICK}"));
    assert!(place.bytes("run/params.safetensors") == place.bytes("same/params.safetensors"));
}

#[test]
fn lags_of_a_time_series_without_u() {
    let place = Place::new();
    write(place.path("x.npy"), &Dataset::new(small().x)).unwrap();
    place.done("fit x.npy --model sobi --latents 2 --lags 1,2,5 --out run");
    assert!(place.text("run/spec.toml").contains("lags = [") && place.text("run/spec.toml").contains("5"));
    place.done("transform run x.npy --out z.npy");
    place.done("fit x.npy --config run/spec.toml --out again");
    assert!(place.bytes("run/params.safetensors") == place.bytes("again/params.safetensors"));
    place.done("fit x.npy --model sobi --latents 2 --out usual");
    assert!(place.bytes("run/params.safetensors") != place.bytes("usual/params.safetensors"));
    // Another model has other settings, and the user is told which are kept.
    let ran = place.done("fit x.npy --config run/spec.toml --model pca --out pca");
    assert!(
        ran.err.contains("run/spec.toml is of sobi") && ran.err.contains("seed and split are kept"),
        "{}",
        ran.err
    );
    assert_eq!(Fitted::<f32>::load(place.path("pca")).unwrap().spec.latents, 2);
}

#[test]
fn other_models() {
    let place = Place::with_data();
    for model in ["vae", "fastica", "picard", "infomax", "ajd", "sobi", "pca"] {
        let epochs = if model == "vae" { QUICK } else { "" };
        let fit = place.json(&format!("fit d.npz --model {model} --latents 2 --out {model} {epochs}"));
        assert_eq!(fit["model"], model);
        place.done(&format!("transform {model} d.npz --out {model}.npz"));
        place.done(&format!("reconstruct {model} d.npz --out {model}.csv"));
        place.done(&format!("evaluate {model} d.npz --rows held-out"));
        place.done(&format!("report {model} d.npz --out {model}.html"));
    }
    place.done("sample vae -n 5 --out x.csv");
    let x = read_array::<f32>(place.path("d.npz"), Some("x")).unwrap();
    assert!(place.text("pca.csv").lines().count() == x.nrows() + 1);
}

#[test]
fn a_flow() {
    let place = Place::with_data();
    // Levels of u: a search of flows by default.
    let fit = place.json("fit d.npz --out run --epochs 2 --restarts 2");
    assert!(fit["collapse"].is_null() && fit["objective"]["held_out"].is_f64(), "{fit}");
    assert!(place.text("run/spec.toml").contains("[fit.model.flow"), "{}", place.text("run/spec.toml"));
    place.done("transform run d.npz --out z.npz");
    place.done("reconstruct run d.npz --out xh.npz");
    place.done("sample run --u 2 -n 5 --out x.csv");
    place.done("report run d.npz --out r.html");
    assert!(place.json("evaluate run d.npz --rows held-out")["log_likelihood"]["elbo"].is_f64());
    let (x, back) = (place.path("d.npz"), place.path("xh.npz"));
    let (x, back) = (read_array::<f32>(x, Some("x")).unwrap(), read_array::<f32>(back, Some("x")).unwrap());
    let furthest = (&x - &back).iter().fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(furthest < 1e-3, "a bijection comes back, up to {furthest}");
    // A variational model has other settings: latents, seed and split are kept.
    for asked in ["--decoder mlp", "--model vae"] {
        let line = format!("fit d.npz --config run/spec.toml {asked} --out mlp --force {QUICK}");
        let ran = place.done(&line);
        assert!(ran.err.contains("ivae with a flow") && ran.err.contains("with an mlp"), "{}", ran.err);
        assert!(!place.text("mlp/spec.toml").contains("square"));
    }
    // The classes of the file that are asked for are left.
    let ran = place.done("fit d.npz --config run/spec.toml --decoder coupling --out coupling");
    assert!(!ran.err.contains("are kept"), "{}", ran.err);
    let mut spec = Fitted::<f32>::load(place.path("coupling")).unwrap().spec;
    let classes = &spec.model.as_flow_mut().unwrap().classes;
    assert_eq!((classes.len(), classes[0].epochs), (1, 2));
}

#[test]
fn settings_are_taken_over() {
    let place = Place::with_data();
    place.done(&format!("fit d.npz --latents 2 --out run --lr 0.01 --seed 7 --prior gauss-var {QUICK}"));
    place.done("fit d.npz --config run/spec.toml --out again");
    assert_eq!(place.text("run/spec.toml"), place.text("again/spec.toml"));
    assert!(place.bytes("run/params.safetensors") == place.bytes("again/params.safetensors"));
    // The table [fit] alone, and an option that wins.
    let spec = Fitted::<f32>::load(place.path("run")).unwrap().spec;
    place.file("fit.toml", spec.to_toml().unwrap());
    place.done("fit d.npz --config fit.toml --seed 8 --out other");
    let other = Fitted::<f32>::load(place.path("other")).unwrap().spec;
    assert_eq!(other.seed, 8);
    assert_eq!(FitSpec { seed: spec.seed, ..other }, spec);
    // Another model keeps the settings, but for its prior.
    for (model, from) in [("vae", "run"), ("ivae", "vae")] {
        place.done(&format!("fit d.npz --config {from}/spec.toml --model {model} --out {model}"));
        let fitted = Fitted::<f32>::load(place.path(model)).unwrap();
        assert_eq!(fitted.spec.model.name(), model);
        let ModelSpec::Vae(vae) = fitted.spec.model else { panic!("{model} is variational") };
        assert_eq!((vae.training.learning_rate, vae.training.epochs), (0.01, 2));
    }
}

#[test]
fn the_reference_architecture() {
    let place = Place::with_data();
    let fit = place.json("fit d.npz --preset reference --latents 2 --epochs 1 --out run");
    assert_eq!(fit["steps"], 2); // all 180 rows, batches of 64
    let fitted = Fitted::<f32>::load(place.path("run")).unwrap();
    let ModelSpec::Vae(vae) = &fitted.spec.model else { panic!("the reference is variational") };
    assert!(vae.posterior.conditional_encoder && fitted.split.held_out.is_empty());
    // Its encoder reads u, so that new data need it.
    let mut data = small();
    data.u = Aux::none();
    write(place.path("nou.npz"), &data).unwrap();
    place.refused("transform run nou.npz --out z.npz", &["nou.npz", "needs u"]);
    place.done("fit d.npz --preset reference --model vae --latents 2 --epochs 1 --out vae");
    place.done("transform vae nou.npz --out z.npz");
}

#[test]
fn true_sources_come_back() {
    // Two sources whose variances differ between segments, mixed linearly.
    let place = Place::new();
    place.done(
        "generate --out d.npz --segments 10 --per-segment 200 --latents 2 --observed 2 --layers 1 --seed 1",
    );
    place.done("fit d.npz --out run --epochs 10 --restarts 2 --hidden 8 --prior gauss-var");
    let scores = place.json("evaluate run d.npz --rows held-out");
    let (mcc, pca) =
        (scores["mcc"]["pearson"].as_f64().unwrap(), scores["baselines"]["pca"].as_f64().unwrap());
    assert!(mcc > 0.95, "MCC {mcc}, PCA {pca}");
    place.done("transform run d.npz --out z.csv");
    let z = read_array::<f32>(place.path("z.csv"), None).unwrap();
    let data: Dataset<f32> = read(place.path("d.npz"), &ReadOptions::default()).unwrap();
    let both = concatenate![ndarray::Axis(1), z.slice(s![.., ..]), data.s.unwrap().view()];
    assert_eq!(both.dim(), (2000, 4));
}

/// What weakens a density is said, and what can be mended is mended on request.
#[test]
fn columns_of_few_values_copies_and_small_levels() {
    let place = Place::new();
    let noise = |i: usize| ((i * 7919 % 1009) as f64 / 1009.0 - 0.5) * (1.0 + (i % 3) as f64);
    let rows = |b: &dyn Fn(usize) -> f64| {
        let row = |i: usize| {
            let u = if i == 0 { "alone".to_string() } else { format!("u{}", i % 3) };
            format!("{},{},{u}\n", noise(i), b(i))
        };
        format!("a,b,u\n{}", (0..300).map(row).collect::<String>())
    };
    place.file("d.csv", rows(&|i| (i * 31 % 7 % 5) as f64).into_bytes());
    let fit = "fit d.csv --x a,b --u u --latents 1 --decoder mlp --hidden 4 --epochs 2 --restarts 1 --force";
    let warnings = |line: String| place.json(&line)["warnings"].to_string();
    let plain = warnings(format!("{fit} --out run"));
    assert!(plain.contains("1 of 2 columns of x are discrete (b holds 5 values)"), "{plain}");
    assert!(plain.contains("1 of 4 levels of u have fewer than 20 rows"), "{plain}");
    let mended = warnings(format!("{fit} --out run --dequantise"));
    assert!(!mended.contains("discrete"), "{mended}");
    // Every third row again.
    let text = rows(&|i| noise(i + 500));
    let again: String = text.lines().skip(1).step_by(3).map(|l| format!("{l}\n")).collect();
    place.file("d.csv", (text + &again).into_bytes());
    let copies = warnings(format!("{fit} --out run"));
    assert!(copies.contains("100 rows of x are copies"), "{copies}");
}
