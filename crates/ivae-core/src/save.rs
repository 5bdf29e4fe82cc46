//! Saving and loading a [`Fitted`]: `spec.toml`, `params.safetensors`, `history.jsonl`, `result.json`, `split.json`.
//!
//! Every file is written to a temporary name in the same folder and renamed when whole.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use ivae_data::{DataError, Split, Standardiser, Whitener, write_atomically};
use ivae_nn::{FlowSpec, Group, Layout};
use ivae_num::Scalar;
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::code::{Code, code_net};
use crate::error::SaveError;
use crate::estimator::Estimator;
use crate::exact::Exact;
use crate::family::Family;
use crate::fitted::{Fitted, Model, Schema};
use crate::linear::LinearMap;
use crate::report::FitReport;
use crate::scaler::Scaler;
use crate::spec::{CodeKind, DecoderSpec, FitSpec, ModelKind, Scaling};
use crate::trainer::EpochRecord;
use crate::vae::{AuxShape, Vae};

/// What `spec.toml` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SpecFile {
    /// Version of the folder's format.
    format: u32,
    /// Columns of x after scaling.
    inner: usize,
    /// What won the race.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bijection: Option<Bijection>,
    fit: FitSpec,
    schema: Schema,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bijection {
    family: Family,
    flow: FlowSpec,
    /// What its code was trained to do, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CodeKind>,
}

const FORMAT: u32 = 2;

/// A named array `[rows, cols]`.
type Named<F> = (String, Vec<usize>, Vec<F>);

impl<F: Scalar> Fitted<F> {
    /// Write the model into the folder `dir`, which is made if it does not exist; files of the same names are replaced.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn save(&self, dir: &Path) -> Result<(), SaveError> {
        std::fs::create_dir_all(dir).map_err(|source| SaveError::Io { path: dir.into(), source })?;
        let (inner, mut arrays) = match &self.model {
            Model::Vae { net, params } => {
                (net.observed, groups("params.", Estimator::<F>::layout(net), params))
            }
            Model::Exact { code, net, params } => {
                let mut arrays = groups("params.", Estimator::<F>::layout(net), params);
                if let Some(code) = code {
                    arrays.extend(groups("code.", code.layout(), &code.params));
                    arrays.extend(scaler_arrays("code.whitener", &code.whitener));
                    arrays.push(one("code.noise", &code.noise));
                }
                (code.as_ref().map_or(net.latents, |c| c.net.observed), arrays)
            }
            Model::Linear(map) => (map.mean.len(), map_arrays("", map)),
        };
        if let Some(step) = &self.step {
            arrays.extend(map_arrays("step.", step));
        }
        arrays.extend(scaler_arrays("scaler", &self.scaler));
        let bijection = match &self.model {
            Model::Exact { code, net, .. } => Some(Bijection {
                family: net.family,
                flow: net.class.clone(),
                code: code.as_ref().map(|c| c.kind()),
            }),
            _ => None,
        };
        let spec = SpecFile {
            format: FORMAT,
            inner,
            bijection,
            fit: self.spec.clone(),
            schema: self.schema.clone(),
        };
        let path = dir.join("spec.toml");
        let text = toml::to_string_pretty(&spec).map_err(|e| format_error(&path, e))?;
        write_whole(&path, text.as_bytes())?;
        write_arrays(&dir.join("params.safetensors"), &arrays)?;
        write_json(&dir.join("split.json"), &self.split)?;
        write_history(&dir.join("history.jsonl"), &self.history)?;
        write_json(&dir.join("result.json"), &self.report)
    }

    /// Read a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that is missing, damaged, of another version, or of another scalar type.
    pub fn load(dir: &Path) -> Result<Self, SaveError> {
        let path = dir.join("spec.toml");
        let SpecFile { format, inner, bijection, fit: spec, schema } =
            toml::from_str(&read_text(&path)?).map_err(|e| format_error(&path, e))?;
        if format != FORMAT {
            return Err(format_error(&path, format!("format {format}, but this version reads {FORMAT}")));
        }
        let path = dir.join("params.safetensors");
        let bytes = std::fs::read(&path).map_err(|source| SaveError::Io { path: path.clone(), source })?;
        let arrays = Arrays {
            tensors: SafeTensors::deserialize(&bytes).map_err(|e| format_error(&path, e))?,
            path: &path,
        };
        let (n, d) = (spec.latents, schema.x.len());
        let scaler = match spec.scaling {
            _ if spec.model.is_linear() => Scaler::None,
            Scaling::None => Scaler::None,
            Scaling::Standardise | Scaling::Together => Scaler::Standardise(Standardiser {
                mean: arrays.one("scaler.mean", d)?,
                std: arrays.one("scaler.std", d)?,
            }),
            Scaling::Whiten => arrays.whitener("scaler", inner, d)?,
        };
        let model = match spec.model {
            model if model.is_linear() => Model::Linear(arrays.map("", n, d)?),
            _ => {
                let aux = match spec.model {
                    ModelKind::Vae if !spec.vae.posterior.sees_u => AuxShape::None,
                    _ => schema.aux(),
                };
                let bad = |e| format_error(&dir.join("spec.toml"), e);
                match &spec.decoder {
                    DecoderSpec::Mlp => {
                        let net = Vae::new(&spec.vae, n, inner, aux).map_err(bad)?;
                        let params = arrays.params("params.", Estimator::<F>::layout(&net))?;
                        Model::Vae { net, params }
                    }
                    DecoderSpec::Bijective(bijective) => {
                        let missing = "no table \"bijection\", which says what won the race";
                        let Some(Bijection { family, flow, code: kind }) = &bijection else {
                            return Err(format_error(&dir.join("spec.toml"), missing));
                        };
                        let net = Exact::new(flow, &spec.vae.prior, *family, n, aux).map_err(bad)?;
                        let params = arrays.params("params.", Estimator::<F>::layout(&net))?;
                        let code = match inner > n {
                            false => None,
                            true => {
                                let kind = kind.unwrap_or(bijective.code.kind);
                                let net = code_net(&spec, &bijective.code, kind, inner, aux).map_err(bad)?;
                                let params = arrays.params("code.", Estimator::<F>::layout(&net))?;
                                Some(Box::new(Code {
                                    net,
                                    params,
                                    whitener: arrays.whitener("code.whitener", n, n)?,
                                    noise: arrays.one("code.noise", inner)?,
                                }))
                            }
                        };
                        Model::Exact { code, net, params }
                    }
                }
            }
        };
        let split: Split = read_json(&dir.join("split.json"))?;
        let path = dir.join("history.jsonl");
        let history = read_text(&path)?
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|e| format_error(&path, e)))
            .collect::<Result<_, _>>()?;
        let report: FitReport = read_json(&dir.join("result.json"))?;
        let stepped = report.linear_step.as_ref().is_some_and(|step| step.applied);
        let step = if stepped { Some(arrays.map("step.", n, n)?) } else { None };
        Ok(Self { spec, schema, scaler, model, step, split, history, report })
    }
}

fn scaler_arrays<F: Scalar>(name: &str, scaler: &Scaler<F>) -> Vec<Named<F>> {
    let at = |part: &str| format!("{name}.{part}");
    match scaler {
        Scaler::None => Vec::new(),
        Scaler::Standardise(s) => vec![one(&at("mean"), &s.mean), one(&at("std"), &s.std)],
        Scaler::Whiten(w) => vec![
            one(&at("mean"), &w.mean),
            two(&at("forward"), &w.forward),
            two(&at("inverse"), &w.inverse),
            one(&at("variances"), &w.variances),
            (at("explained"), vec![1], vec![F::of(w.explained)]),
        ],
    }
}

fn map_arrays<F: Scalar>(prefix: &str, map: &LinearMap<F>) -> Vec<Named<F>> {
    let at = |part: &str| format!("{prefix}{part}");
    vec![one(&at("mean"), &map.mean), two(&at("unmixing"), &map.unmixing), two(&at("mixing"), &map.mixing)]
}

fn groups<F: Scalar>(prefix: &str, layout: &Layout, params: &[F]) -> Vec<Named<F>> {
    let array = |g: &Group| {
        (format!("{prefix}{}", g.name), vec![g.slot.rows, g.slot.cols], params[g.slot.range()].to_vec())
    };
    layout.groups.iter().map(array).collect()
}

fn one<F: Scalar>(name: &str, a: &Array1<F>) -> Named<F> {
    (name.into(), vec![a.len()], a.to_vec())
}

fn two<F: Scalar>(name: &str, a: &Array2<F>) -> Named<F> {
    (name.into(), vec![a.nrows(), a.ncols()], a.iter().copied().collect())
}

fn dtype<F: Scalar>() -> Dtype {
    if size_of::<F>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

fn write_arrays<F: Scalar>(path: &Path, arrays: &[Named<F>]) -> Result<(), SaveError> {
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|(_, _, values)| {
            let bytes = |v: &F| match dtype::<F>() {
                Dtype::F32 => (v.f64() as f32).to_le_bytes().to_vec(),
                _ => v.f64().to_le_bytes().to_vec(),
            };
            values.iter().flat_map(bytes).collect()
        })
        .collect();
    let mut views = Vec::with_capacity(arrays.len());
    for ((name, shape, _), bytes) in arrays.iter().zip(&bytes) {
        let view = TensorView::new(dtype::<F>(), shape.clone(), bytes).map_err(|e| format_error(path, e))?;
        views.push((name.as_str(), view));
    }
    let whole =
        safetensors::serialize(views, None::<HashMap<String, String>>).map_err(|e| format_error(path, e))?;
    write_whole(path, &whole)
}

struct Arrays<'a> {
    tensors: SafeTensors<'a>,
    path: &'a Path,
}

impl Arrays<'_> {
    fn read<F: Scalar>(&self, name: &str, shape: &[usize]) -> Result<Vec<F>, SaveError> {
        let tensor = self.tensors.tensor(name).map_err(|e| format_error(self.path, e))?;
        if tensor.dtype() != dtype::<F>() {
            return Err(format_error(
                self.path,
                format!("{name} is {:?}, expected {:?}", tensor.dtype(), dtype::<F>()),
            ));
        }
        if tensor.shape() != shape {
            return Err(format_error(
                self.path,
                format!("{name} has shape {:?}, expected {shape:?}", tensor.shape()),
            ));
        }
        let value = |c: &[u8]| match *c {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        };
        Ok(tensor.data().chunks_exact(size_of::<F>()).map(|c| F::of(value(c))).collect())
    }

    fn one<F: Scalar>(&self, name: &str, len: usize) -> Result<Array1<F>, SaveError> {
        Ok(Array1::from(self.read(name, &[len])?))
    }

    fn map<F: Scalar>(&self, prefix: &str, n: usize, d: usize) -> Result<LinearMap<F>, SaveError> {
        let at = |part: &str| format!("{prefix}{part}");
        Ok(LinearMap {
            mean: self.one(&at("mean"), d)?,
            unmixing: self.two(&at("unmixing"), n, d)?,
            mixing: self.two(&at("mixing"), d, n)?,
        })
    }

    fn whitener<F: Scalar>(&self, name: &str, inner: usize, d: usize) -> Result<Scaler<F>, SaveError> {
        let at = |part: &str| format!("{name}.{part}");
        Ok(Scaler::Whiten(Whitener {
            mean: self.one(&at("mean"), d)?,
            forward: self.two(&at("forward"), inner, d)?,
            inverse: self.two(&at("inverse"), d, inner)?,
            variances: self.one(&at("variances"), inner)?,
            explained: self.one::<F>(&at("explained"), 1)?[0].f64(),
        }))
    }

    fn params<F: Scalar>(&self, prefix: &str, layout: &Layout) -> Result<Vec<F>, SaveError> {
        let mut params = vec![F::zero(); layout.len()];
        for g in &layout.groups {
            let array = self.two::<F>(&format!("{prefix}{}", g.name), g.slot.rows, g.slot.cols)?;
            g.slot.view_mut(&mut params).assign(&array);
        }
        Ok(params)
    }

    fn two<F: Scalar>(&self, name: &str, rows: usize, cols: usize) -> Result<Array2<F>, SaveError> {
        let values = self.read(name, &[rows, cols])?;
        Array2::from_shape_vec((rows, cols), values).map_err(|e| format_error(self.path, e))
    }
}

fn format_error(path: &Path, reason: impl ToString) -> SaveError {
    SaveError::Format { path: path.into(), reason: reason.to_string() }
}

fn read_text(path: &Path) -> Result<String, SaveError> {
    std::fs::read_to_string(path).map_err(|source| SaveError::Io { path: path.into(), source })
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, SaveError> {
    serde_json::from_str(&read_text(path)?).map_err(|e| format_error(path, e))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SaveError> {
    write_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Write epochs as JSON, one a line.
///
/// # Errors
/// What the operating system says, with the path.
pub fn write_history(path: &Path, history: &[EpochRecord]) -> Result<(), SaveError> {
    let mut text = String::new();
    for record in history {
        text.push_str(&serde_json::to_string(record).map_err(|e| format_error(path, e))?);
        text.push('\n');
    }
    write_whole(path, text.as_bytes())
}

/// Write `bytes` under a temporary name beside `path`, then rename.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    write_with(path, |out| out.write_all(bytes))
}

/// Write what `fill` does under a temporary name beside `path`, then rename.
fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), SaveError> {
    write_atomically(path, |out| fill(out)).map_err(|error| match error {
        DataError::Write { source, .. } => SaveError::Io { path: path.into(), source },
        other => format_error(path, other),
    })
}
