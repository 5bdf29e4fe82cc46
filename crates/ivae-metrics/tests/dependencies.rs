//! The crate stands on its own: of the workspace it needs ivae-num, and nothing else.

/// Names of the workspace's crates under `[dependencies]` of a manifest.
fn needed(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut out = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && line.starts_with("ivae") {
            out.extend(line.split(['.', ' ', '=']).next());
        }
    }
    out
}

#[test]
fn of_the_workspace_only_ivae_num_is_needed() {
    assert_eq!(needed(include_str!("../Cargo.toml")), ["ivae-num"]);
    let more = "[dependencies]\nivae-num.workspace = true\nivae-nn = { path = \"x\" }\n[dev-dependencies]\nivae-ica = \"1\"";
    assert_eq!(needed(more), ["ivae-num", "ivae-nn"]);
}
