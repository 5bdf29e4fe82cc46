//! Saved models: the same model again, or an error that names the file.

use ivae_core::model::linear::LinearSpec;
use ivae_core::{FitSpec, Fitted};

use super::fit::{quick, quick_vae, simulated};

#[test]
fn a_saved_model_is_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let data = simulated(2, 4, 40);
    let linear = |model| FitSpec::new(2, model);
    for spec in [quick(2), quick_vae(2), linear(LinearSpec::FastIca), linear(LinearSpec::Pca)] {
        let fitted = spec.fit(&data).unwrap();
        fitted.save(dir.path()).unwrap();
        let loaded = Fitted::<f64>::load(dir.path()).unwrap();
        assert_eq!(loaded.transform(&data).unwrap(), fitted.transform(&data).unwrap());
        assert_eq!(loaded.reconstruct(&data).unwrap(), fitted.reconstruct(&data).unwrap());
        assert_eq!(
            (&loaded.spec, &loaded.report, &loaded.split),
            (&fitted.spec, &fitted.report, &fitted.split)
        );
        assert_eq!(loaded.history, fitted.history);
    }
    let wrong_type = Fitted::<f32>::load(dir.path()).unwrap_err();
    assert!(wrong_type.to_string().contains("F64"), "{wrong_type}");
}

#[test]
fn a_run_folder_of_another_format_is_refused_with_both_formats() {
    let dir = tempfile::tempdir().unwrap();
    quick(2).fit(&simulated(2, 3, 40)).unwrap().save(dir.path()).unwrap();
    let path = dir.path().join("spec.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("format = 4"));
    std::fs::write(&path, text.replace("format = 4", "format = 3")).unwrap();
    let error = Fitted::<f64>::load(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("spec.toml") && error.contains("format 3") && error.contains("reads 4"),
        "{error}"
    );
}
