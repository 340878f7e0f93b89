//! The network compared with the authors' package: every tensor, the loss and the exact gradients in doubles, and the
//! weights also in single precision. The files are described in their folder (rienet-torch 0.1.5, torch 2.15.0,
//! float64).

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, Var};
use minvar::nn::{Architecture, Cell, Direction, Feature, Float, Lag, Network, variance};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::support::reference_folder;

/// Tolerances of the vectors for values and for gradients: largest difference over the largest entry.
pub const VALUES: f64 = 1e-9;
pub const GRADIENTS: f64 = 1e-7;

pub fn folder() -> Option<PathBuf> {
    reference_folder("rienet")
}

/// One file: its tensors in doubles and its metadata.
pub struct Vectors {
    pub name: String,
    tensors: HashMap<String, Tensor>,
    metadata: HashMap<String, String>,
}

impl Vectors {
    pub fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap_or_default();
        let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        if let Some(file) = metadata.get("inputs_file").filter(|file| !file.is_empty()) {
            tensors.extend(candle_core::safetensors::load(path.with_file_name(file), &Device::Cpu).unwrap());
        }
        let doubles = |(name, tensor): (String, Tensor)| (name, tensor.to_dtype(DType::F64).unwrap());
        let tensors = tensors.into_iter().map(doubles).collect();
        Self { name: path.file_stem().unwrap().to_string_lossy().into_owned(), tensors, metadata }
    }

    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    pub fn tensor(&self, name: &str) -> &Tensor {
        self.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    pub fn metadata(&self, key: &str) -> &str {
        &self.metadata[key]
    }

    /// The package's arguments as an architecture.
    pub fn architecture(&self) -> Architecture {
        let config: Value = serde_json::from_str(self.metadata("config")).unwrap();
        let mut a = Architecture::compact();
        let sizes = |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect();
        for (key, value) in config.as_object().unwrap() {
            match key.as_str() {
                "recurrent_cell" => a.cell = if value == "LSTM" { Cell::Lstm } else { Cell::Gru },
                "lag_transform_variant" => {
                    (a.lag, a.n_days) = (Lag::PerLagPositive, Some(self.metadata("t").parse().unwrap()));
                }
                "recurrent_layer_sizes" => a.hidden = sizes(value),
                "std_hidden_layer_sizes" => a.volatility = sizes(value),
                "recurrent_direction" => {
                    a.direction = if value == "forward" { Direction::Forward } else { Direction::Backward }
                }
                "dimensional_features" => {
                    let known = [
                        ("q", Feature::Q),
                        ("n_stocks", Feature::SqrtN),
                        ("n_days", Feature::SqrtT),
                        ("rsqrt_n_days", Feature::InverseSqrtT),
                    ];
                    let asked = value.as_array().unwrap();
                    let wanted = known.into_iter().filter(|(name, _)| asked.iter().any(|x| x == name));
                    a.features = wanted.map(|(_, feature)| feature).collect();
                }
                "normalize_transformed_variance" => a.normalise_volatility = value.as_bool().unwrap(),
                "annualization_factor" => a.annualisation = value.as_f64().unwrap(),
                other => panic!("{}: unknown argument {other}", self.name),
            }
        }
        a
    }

    /// Tensors of a kind (`param` or `grad_full`), by the names of our parameters.
    pub fn parameters(&self, kind: &str, architecture: &Architecture) -> BTreeMap<String, Tensor> {
        let get = |name: &str| self.get(&format!("{kind}.{name}")).cloned();
        let mut all = BTreeMap::new();
        let lag = match architecture.lag {
            Lag::Compact => (0..5).map(|k| get(&format!("lag.raw_c{k}"))).collect::<Option<Vec<_>>>(),
            _ => Some(vec![get("lag.raw_alpha"), get("lag.raw_beta")]).and_then(|all| all.into_iter().collect()),
        };
        if let Some(lag) = lag {
            let compact = architecture.lag == Lag::Compact;
            let lag = if compact { Tensor::cat(&lag, 0) } else { Tensor::stack(&lag, 0) };
            all.insert("lag.raw".to_string(), lag.unwrap());
        }
        for (name, tensor) in &self.tensors {
            let Some(name) = name.strip_prefix(&format!("{kind}.")) else { continue };
            let ours = match name.split('.').collect::<Vec<_>>().as_slice() {
                ["rnn", layer, "fwd", part] => format!("recurrent.{layer}.forward.{part}"),
                ["rnn", layer, "bwd", part] => format!("recurrent.{layer}.backward.{part}"),
                ["rnn", layer, part] if architecture.direction == Direction::Forward => {
                    format!("recurrent.{layer}.forward.{part}")
                }
                ["rnn", layer, part] => format!("recurrent.{layer}.backward.{part}"),
                ["vol", "hidden", layer, part] => format!("volatility.{layer}.{part}"),
                ["vol", "out", part] => format!("volatility.out.{part}"),
                ["head", part] => format!("head.{part}"),
                _ => continue,
            };
            all.insert(ours, tensor.clone());
        }
        all
    }

    pub fn network<F: Float>(&self) -> Network<F> {
        let architecture = self.architecture();
        let parameters = self.parameters("param", &architecture);
        Network::with_parameters(architecture, parameters).unwrap()
    }
}

pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest difference over the largest entry.
fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.elem_count(), theirs.elem_count());
    let (ours, theirs) = (numbers(ours), numbers(theirs));
    assert!(ours.iter().all(|x| x.is_finite()));
    let largest = theirs.iter().fold(1e-300, |max: f64, x| max.max(x.abs()));
    ours.iter().zip(&theirs).fold(0.0, |max: f64, (a, b)| max.max((a - b).abs())) / largest
}

#[track_caller]
fn compare(file: &Vectors, name: &str, ours: &Tensor, tolerance: f64) {
    let distance = distance(ours, file.tensor(name));
    assert!(distance <= tolerance, "{}: {name} is off by {distance:.2e}", file.name);
}

pub fn files() -> Vec<Vectors> {
    let Some(folder) = folder() else { return Vec::new() };
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
    paths.sort();
    let all: Vec<Vectors> =
        paths.iter().filter(|p| !p.ends_with("n350_t1200_inputs.safetensors")).map(|p| Vectors::open(p)).collect();
    assert_eq!(all.len(), 32);
    all
}

/// Whether there are more assets than days. The package then gives every null eigenvalue its own value, so its numbers
/// are valid for the stored basis only.
pub fn needs_their_basis(file: &Vectors) -> bool {
    file.name.starts_with("n80_t40")
}

#[test]
fn every_stage_agrees_with_the_package() {
    for file in files() {
        let network = file.network::<f64>();
        assert_eq!(network.n_parameters().to_string(), file.metadata("parameters"));
        let inputs = file.tensor("inputs");
        let stages = match needs_their_basis(&file) {
            true => {
                let (values, vectors) = ("stage.sample_eigenvalues", "stage.sample_eigenvectors");
                network.stages_with(inputs, file.tensor(values), file.tensor(vectors)).unwrap()
            }
            false => network.stages(inputs).unwrap(),
        };
        let weights = network.weights_of(&stages).unwrap();
        let mut compared = 0;
        let mut check = |name: &str, ours: &Tensor| {
            if file.get(name).is_some() {
                compared += 1;
                compare(&file, name, ours, VALUES);
            }
        };
        check("stage.lag.alpha", &stages.lag.alpha);
        check("stage.lag.beta", &stages.lag.beta);
        check("stage.std", &stages.volatilities);
        check("stage.sample_correlation", &stages.correlation().unwrap());
        check("stage.sample_eigenvalues", &stages.eigenvalues);
        check("stage.rnn.input", &stages.tokens);
        check(
            "stage.rnn.attributes",
            &stages.tokens.narrow(1, 0, 1).unwrap().narrow(2, 1, stages.tokens.dim(2).unwrap() - 1).unwrap(),
        );
        for (layer, output) in stages.recurrent.iter().enumerate() {
            check(&format!("stage.rnn.{layer}.output"), output);
        }
        for (layer, output) in stages.volatility_hidden.iter().enumerate() {
            check(&format!("stage.vol.hidden.{layer}.out"), output);
        }
        check("stage.raw_inverse_eigenvalues", &stages.raw_inverse_eigenvalues);
        check("stage.inverse_eigenvalues", &stages.inverse_eigenvalues);
        check("stage.eigenvalues", &stages.inverse_eigenvalues.recip().unwrap());
        check("stage.raw_inverse_std", &stages.raw_inverse_volatilities);
        check("stage.inverse_std", &stages.inverse_volatilities);
        check("out.transformed_std", &stages.inverse_volatilities.recip().unwrap());
        check("out.weights", &weights);
        let z = network.scores(inputs).unwrap();
        check("stage.zscores", &z);
        if file.get("stage.mean").is_some() {
            let (mean, s) =
                (file.tensor("stage.mean").unsqueeze(2).unwrap(), stages.volatilities.unsqueeze(2).unwrap());
            let transformed = z.broadcast_mul(&s).unwrap().broadcast_add(&mean).unwrap();
            check("stage.input_transformed", &transformed);
        }
        let stack = |f: fn(&minvar::nn::Reconstruction) -> &minvar::linalg::Matrix| {
            let all = network.reconstructions(&stages).unwrap();
            let n = inputs.dim(1).unwrap();
            let entries: Vec<f64> = all.iter().flat_map(|r| f(r).entries().to_vec()).collect();
            Tensor::from_vec(entries, (all.len(), n, n), &Device::Cpu).unwrap()
        };
        check("out.correlation", &stack(|r| &r.correlation));
        check("out.covariance", &stack(|r| &r.covariance));
        check("out.precision", &stack(|r| &r.precision));
        // Eigenvectors have arbitrary signs, but v v' does not.
        if let Some(theirs) = file.get("stage.sample_eigenvectors").filter(|_| !needs_their_basis(&file)) {
            for (b, ours) in stages.eigenvectors().iter().enumerate() {
                let theirs = theirs.get(b).unwrap().to_vec2::<f64>().unwrap();
                for k in 0..ours.ncols() {
                    let dot: f64 = (0..ours.nrows()).map(|i| ours[(i, k)] * theirs[i][k]).sum();
                    assert!((dot.abs() - 1.0).abs() < 1e-9, "{}: eigenvector {k} of sample {b}: {dot}", file.name);
                }
            }
        }
        let losses = variance(&weights, file.tensor("sigma")).unwrap();
        check("loss.per_sample", &losses);
        check("loss.mean", &losses.mean_all().unwrap());
        assert!(compared >= 12, "{}: {compared} tensors", file.name);
    }
}

#[test]
fn every_gradient_agrees_with_the_package() {
    for file in files() {
        let network = file.network::<f64>();
        let architecture = file.architecture();
        let inputs = Var::from_tensor(file.tensor("inputs")).unwrap();
        let (kind, stages) = match needs_their_basis(&file) {
            true => {
                let (values, vectors) = ("stage.sample_eigenvalues", "stage.sample_eigenvectors");
                ("grad_peer", network.stages_with(&inputs, file.tensor(values), file.tensor(vectors)).unwrap())
            }
            false => ("grad_full", network.stages(&inputs).unwrap()),
        };
        let weights = network.weights_of(&stages).unwrap();
        let gradients = variance(&weights, file.tensor("sigma")).unwrap().mean_all().unwrap().backward().unwrap();
        let mut expected = file.parameters(kind, &architecture);
        if needs_their_basis(&file) {
            expected.remove("lag.raw"); // the package cuts its gradient through the eigenvectors
        } else if file.get("grad_full.inputs").is_some() {
            compare(&file, "grad_full.inputs", gradients.get(&inputs).unwrap(), GRADIENTS);
        }
        assert!(expected.len() >= 8, "{}", file.name);
        for (name, theirs) in expected {
            let ours = gradients.get(&network.parameters()[&name]).unwrap_or_else(|| panic!("{name} has no gradient"));
            let distance = distance(ours, &theirs);
            assert!(distance <= GRADIENTS, "{}: gradient of {name} is off by {distance:.2e}", file.name);
        }
    }
}

#[test]
fn single_precision_weights_agree_to_single_precision() {
    for file in files().iter().filter(|file| !needs_their_basis(file)) {
        let inputs = file.tensor("inputs").to_dtype(DType::F32).unwrap();
        let weights = file.network::<f32>().weights(&inputs).unwrap();
        let theirs: f64 = file.metadata("float32_max_abs_weight_error").parse().unwrap();
        let largest = numbers(file.tensor("out.weights")).iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        // The package's own error in single precision, with an allowance for another order of summation.
        let tolerance = (4.0 * theirs / largest).max(1e-5);
        compare(file, "out.weights", &weights, tolerance);
    }
}

#[test]
fn initial_lag_parameters_are_those_of_the_package() {
    for file in files().iter().filter(|file| file.name.starts_with("init")) {
        let network = Network::<f64>::new(file.architecture(), 1).unwrap();
        let theirs = &file.parameters("param", &file.architecture())["lag.raw"];
        let distance = distance(network.parameters()["lag.raw"].as_tensor(), theirs);
        assert!(distance < 1e-6, "{}: {distance}", file.name); // they were rounded to single precision
    }
}
