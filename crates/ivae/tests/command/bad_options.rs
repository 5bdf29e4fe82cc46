//! Options that make no sense: status 2, the option named, nothing done.

use crate::harness::{Place, QUICK};

#[test]
fn a_model_that_has_no_such_posterior_says_so() {
    let place = Place::with_data();
    place.done(&format!("fit d.npz --latents 2 --decoder mlp --out mlp {QUICK}"));
    place.refused("transform mlp d.npz --out z.npz --noise 0.1", &["d.npz", "variational", "noise"]);
    place.refused("transform mlp d.npz --out z.npz --noise 0", &["--noise"]);
    place.done("fit d.npz --latents 2 --model pca --out pca");
    place.refused("transform pca d.npz --out z.npz --std s.npz", &["pca", "posterior"]);
}

#[test]
fn values_out_of_range() {
    let place = Place::with_data();
    for (option, says) in [
        ("--lr 0", "--lr"),
        ("--lr nan", "--lr"),
        ("--lr inf", "--lr"),
        ("--lr=-1", "--lr"),
        ("--epochs 0", "--epochs"),
        ("--epochs 1.5", "--epochs"),
        ("--held-out 1.5", "--held-out"),
        ("--held-out 1", "--held-out"),
        ("--held-out nan", "--held-out"),
        ("--held-out-block 0", "--held-out-block"),
        ("--threads 0", "--threads"),
        ("--threads 100000", "--threads"),
        ("--restarts 0", "--restarts"),
        ("--batch 0", "--batch"),
        ("--hidden 0", "--hidden"),
        ("--latents 0", "--latents"),
        ("--patience 0", "--patience"),
        ("--windows 0", "--windows"),
        ("--model sobi --lags 0", "--lags"),
        ("--model sobi --lags 1,,2", "--lags"),
        ("--seed -1", "-1"),
        ("--x ,", "--x"),
    ] {
        place.refused(&format!("fit d.npz --out run {option}"), &[says]);
    }
    place.refused(
        "fit d.npz --out run --decoder mlp --held-out 0 --restarts 2",
        &["restarts", "held-out rows"],
    );
    place.refused("fit d.npz --out run --held-out 0 --patience 3", &["patience", "held-out rows"]);
    place.refused("fit d.npz --out run --u u --windows 3", &["--u", "--windows"]);
    place.refused("generate --out g.npz --segments 0", &["segments is 0", "1 or more"]);
    place.refused("generate --out g.npz --latents 3 --observed 2", &["3 latents", "2"]);
    place.refused("generate --out g.npz --layers 0", &["layers is 0", "1 or more"]);
    place.refused(
        "generate --out g.npz --mixing swirl --layers 2",
        &["--layers", "--mixing swirl", "network"],
    );
    place.refused("generate --out g.npz --noise -1", &["-1"]);
    place.refused("generate --out g.npz --noise nan", &["noise is NaN"]);
    place.refused("generate --out g.npz --segments 1 --per-segment 9223372036854775807", &["memory"]);
}

#[test]
fn typing_errors_are_met_with_suggestions() {
    let place = Place::with_data();
    place.refused("fit d.npz --out run --epocs 3", &["--epocs", "similar", "--epochs"]);
    place.refused("fitt d.npz --out run", &["fitt", "similar", "fit"]);
    place.refused(
        "fit d.npz --out run --model ivea",
        &["ivea", "ivae, vae, fastica, picard, infomax, ajd, sobi, pca"],
    );
    place.refused("fit d.npz --out run --prior gaus-var", &["gaus-var", "gauss-var"]);
    place.refused("generate --out g.npz --mixing swirll", &["swirll", "swirl", "additive-coupling", "sines"]);
    place.refused("fit d.npz", &["--out"]);
    place.refused("fit --out run", &["<DATA>"]);
    place.refused("", &["Usage: ivae", "fit"]);
}

#[test]
fn options_that_the_model_does_not_have() {
    let place = Place::with_data();
    place.refused("fit d.npz --out run --model vae --prior gauss-var", &["--prior", "--model ivae", "vae"]);
    place.refused("fit d.npz --out run --model ajd --lags 1,2", &["--lags", "--model sobi", "ajd"]);
    place.file("d.csv", "x1,x2,u\n1,2,0.1\n2,1,0.2\n3,5,0.35\n4,4,0.45\n");
    place.refused("fit d.csv --latents 2 --out run --model ajd", &["ajd", "categorical u"]);
    place.refused("fit d.npz --out run --model sobi --lags 1,400", &["d.npz", "400"]);
    place.refused("fit d.npz --out run --model vae --decoder square", &["square", "--model ivae", "vae"]);
    place.refused(
        "fit d.npz --out run --decoder square --hidden 8",
        &["--hidden", "--decoder mlp", "not for a flow"],
    );
    place.refused(
        "fit d.npz --out run --decoder square --likelihood gauss",
        &["--likelihood", "--decoder mlp"],
    );
    place.refused("fit d.npz --out run --decoder square --held-out 0", &["held-out rows"]);
    for option in ["--epochs 3", "--restarts 2", "--batch 9", "--lr 0.1", "--time-budget 9", "--patience 3"] {
        let line = format!("fit d.npz --out run --model pca {option}");
        place.refused(&line, &[option.split(' ').next().unwrap(), "--model ivae or vae", "pca"]);
    }
    for option in ["--hidden 8", "--likelihood gauss", "--decoder mlp"] {
        let line = format!("fit d.npz --out run --model pca {option}");
        place.refused(&line, &[option.split(' ').next().unwrap(), "--model ivae or vae", "pca"]);
    }
}

#[test]
fn settings_files() {
    let place = Place::with_run();
    place.refused("fit d.npz --out run2 --config none.toml", &["none.toml", "No such file"]);
    let spec = place.text("run/spec.toml");
    place.file("typo.toml", spec.replace("epochs =", "epoch ="));
    place.refused(
        "fit d.npz --out run2 --config typo.toml",
        &["typo.toml", "unknown field `epoch`", "`epochs`"],
    );
    place.file("bad.toml", spec.replace("epochs = 2", "epochs = 0"));
    place.refused("fit d.npz --out run2 --config bad.toml", &["epochs is 0, but must be at least 1"]);
    let old = "model = \"ivae\"\nlatents = 2\n[vae.prior]\nform = \"mean-var\"\n[training]\nepochs = 2\n";
    place.file("old.toml", old);
    place.file(
        "old-run.toml",
        format!("format = 2\n[fit]\n{}", old.replace("[vae", "[fit.vae").replace("[tr", "[fit.tr")),
    );
    for name in ["old.toml", "old-run.toml"] {
        let line = format!("fit d.npz --out run2 --config {name}");
        place.refused(&line, &[name, "format of an earlier version", "fit again", "table `model`"]);
    }
    place.file("noise.toml", "][");
    place.refused("fit d.npz --out run2 --config noise.toml", &["noise.toml", "line 1"]);
    place.file("short.toml", "latents = 2\n");
    place.refused("fit d.npz --out run2 --config short.toml", &["short.toml", "missing field"]);
    place
        .refused("fit d.npz --out run2 --config run/spec.toml --preset reference", &["--config", "--preset"]);
}

#[test]
fn samples_that_cannot_be_drawn() {
    let place = Place::with_run();
    place.refused("sample run -n 0 --u 1 --out x.npz", &["--count", "1 or more"]);
    place.refused("sample run --out x.npz", &["needs u", "--u", "0, 1, 2, 3, 4, 5"]);
    place.refused("sample run --u 6 --out x.npz", &["\"6\"", "no level of u", "0, 1, 2, 3, 4, 5"]);
    place.done("fit d.npz --latents 2 --model pca --out pca");
    place.refused("sample pca --u 1 --out x.npz", &["pca", "cannot draw samples"]);
}
