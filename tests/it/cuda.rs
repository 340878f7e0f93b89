//! The network on a CUDA device, with its kernels run on the processor: compared with the network of `nn`, with the
//! reference vectors, and with trainings on the processor.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use minvar::cuda::{Backend, Ceilings, DeviceNetwork, Windows};
use minvar::error::{Error, Result};
use minvar::experiment::{self, Job, Resources};
use minvar::nn::Architecture;
use minvar::nn::ElementType;
use minvar::train::{Compute, Eligible, Model, Parity, Stage, Task, Workload, measure, parity, train};
use minvar::universe::{Frequency, Missing, Rules};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::emulation::{Emulated, available};
use crate::network_reference::{GRADIENTS, VALUES, Vectors, files, needs_their_basis, numbers};
use crate::support::altered;
use crate::training;

fn emulated(a: &Architecture, precision: ElementType) -> Result<Box<dyn Backend + Send>> {
    Ok(Box::new(Emulated::open(a, precision)))
}

const DEVICE: Compute<'static> = Compute::Device { name: "emulated", open: &emulated };

#[track_caller]
fn check(precision: ElementType) {
    if !available() {
        return;
    }
    let all = parity(&emulated, precision).unwrap();
    assert!(all.len() > 150, "{}", all.len());
    let failed: Vec<&Parity> = all.iter().filter(|parity| !parity.holds()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_device_does_what_the_processor_does_in_doubles() {
    check(ElementType::F64);
}

#[test]
fn the_device_does_what_the_processor_does_in_single_precision() {
    check(ElementType::F32);
}

/// With more assets than this the emulation takes too long.
const MOST_ASSETS: usize = 60;

/// A reference file as a panel. Each asset of each sample is a row: T days, a decision day, and then 2n days whose
/// covariance is the file's Σ (columns ±√(n/f) L with L L' = Σ have mean zero).
fn panel_of(file: &Vectors) -> (Vec<f64>, usize) {
    let (inputs, sigma) = (file.tensor("inputs"), file.tensor("sigma"));
    let (batch, n, t) = inputs.dims3().unwrap();
    let (x, sigma) = (numbers(inputs), numbers(sigma));
    let mut panel = Vec::new();
    for b in 0..batch {
        let found = SymmetricEigen::new(DMatrix::from_row_slice(n, n, &sigma[b * n * n..][..n * n]));
        let scale = (n as f64 / minvar::nn::TRADING_DAYS).sqrt();
        for i in 0..n {
            panel.extend(&x[(b * n + i) * t..][..t]);
            panel.push(f64::NAN); // the decision day must not be read
            for sign in [scale, -scale] {
                let column = |k: usize| sign * found.eigenvectors[(i, k)] * found.eigenvalues[k].max(0.0).sqrt();
                panel.extend((0..n).map(column));
            }
        }
    }
    (panel, t + 1 + 2 * n)
}

#[track_caller]
fn close(file: &Vectors, what: &str, ours: &[f64], theirs: &Tensor, tolerance: f64) {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len(), "{}: {what}", file.name);
    let largest = theirs.iter().fold(1e-300, |most: f64, x| most.max(x.abs()));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let difference = (ours - theirs).abs() / largest;
        assert!(difference <= tolerance, "{}: {what} is off by {difference:.1e}", file.name);
    }
}

#[test]
fn the_device_gives_the_stages_and_gradients_of_the_reference() {
    if !available() {
        return;
    }
    let mut compared = 0;
    for file in files() {
        let (batch, n, t) = file.tensor("inputs").dims3().unwrap();
        if needs_their_basis(&file) || n > MOST_ASSETS {
            continue;
        }
        compared += 1;
        let architecture = file.architecture();
        let as_numbers = |all: BTreeMap<String, Tensor>| -> BTreeMap<String, Vec<f64>> {
            all.iter().map(|(name, tensor)| (name.clone(), numbers(tensor))).collect()
        };
        let parameters = as_numbers(file.parameters("param", &architecture));
        let mut program =
            DeviceNetwork::new(emulated(&architecture, ElementType::F64).unwrap(), &architecture, &parameters).unwrap();
        let (panel, days) = panel_of(&file);
        program.set_panel(&panel, days).unwrap();
        let (decisions, assets) = (vec![t; batch], (0..batch * n).collect::<Vec<_>>());
        let windows = Windows { days: &decisions, assets: &assets, n_days: t, market: false };
        let [lambda, s, mu, d, weights] = program.stages(&windows).unwrap();
        for (name, ours) in [
            ("stage.sample_eigenvalues", &lambda),
            ("stage.std", &s),
            ("stage.inverse_eigenvalues", &mu),
            ("stage.inverse_std", &d),
            ("out.weights", &weights),
            ("out.covariance", &program.covariances(&windows).unwrap()),
        ] {
            if let Some(theirs) = file.get(name) {
                close(&file, name, ours, theirs, VALUES);
            }
        }
        program.add_gradients(&windows, 2 * n, 0, 1.0).unwrap();
        let (_, losses) = program.outcome(1).unwrap();
        close(&file, "loss", &losses, file.tensor("loss.mean"), VALUES);
        let gradients = program.gradients().unwrap();
        for (name, theirs) in file.parameters("grad_full", &architecture) {
            close(&file, &name, &gradients[&name], &theirs, GRADIENTS);
        }
    }
    assert!(compared == 0 || compared >= 20, "{compared}");
}

/// A short training on a device or the processor, stopped before step `stop` if that is not zero.
fn trained(file: &Path, compute: Compute<'_>, stop: usize) -> Result<Model> {
    let (panel, eligible, recipe) = (training::panel(), training::eligible(), training::recipe());
    let task = Task { compute, ..training::task(&panel, &eligible, &recipe, file) };
    let flag = AtomicBool::new(false);
    train(&task, &|| flag.load(Ordering::Relaxed), &mut |p| flag.store(p.step == stop, Ordering::Relaxed))
}

/// Largest difference between two models' losses, relative to the loss.
fn losses_differ_by(one: &Model, other: &Model) -> f64 {
    let pairs = one.header.record.iter().zip(&other.header.record);
    assert_eq!(one.header.record.len(), other.header.record.len());
    pairs.fold(0.0, |most: f64, (a, b)| most.max((a.loss / b.loss - 1.0).abs()))
}

#[test]
fn a_training_on_a_device_is_that_on_the_processor_to_rounding() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).join("m.safetensors");
    let processor = trained(&at("processor"), Compute::Processor, 0).unwrap();
    let device = trained(&at("device"), DEVICE, 0).unwrap();
    assert_eq!((processor.header.device.as_str(), device.header.device.as_str()), ("cpu", "emulated"));
    assert_eq!(processor.header.identity, device.header.identity);
    let difference = losses_differ_by(&device, &processor);
    assert!(difference < 1e-3, "{difference:e}");
    assert!(device.header.record.iter().any(|point| point.validation.is_some()));

    // A second training gives the same bytes.
    trained(&at("again"), DEVICE, 0).unwrap();
    assert!(training::files(&folder.path().join("device")) == training::files(&folder.path().join("again")));
    // A training that was stopped and continued gives the same bytes.
    let stopped = trained(&at("stopped"), DEVICE, 6);
    assert!(matches!(stopped, Err(Error::Interrupted { done: 6, .. })));
    trained(&at("stopped"), DEVICE, 0).unwrap();
    assert!(training::files(&folder.path().join("device")) == training::files(&folder.path().join("stopped")));
    // A checkpoint of one device continues on the other.
    for (name, first, second) in
        [("to device", Compute::Processor, DEVICE), ("from device", DEVICE, Compute::Processor)]
    {
        assert!(trained(&at(name), first, 6).is_err());
        let difference = losses_differ_by(&trained(&at(name), second, 0).unwrap(), &processor);
        assert!(difference < 1e-3, "{name}: {difference:e}");
    }
}

#[test]
fn an_experiment_on_a_device_has_the_results_of_the_processor_to_rounding() {
    if !available() {
        return;
    }
    let experiment = training::experiment("'qis', { train = 'tiny' }, { train = 'tiny', seed = 1, dtype = 'f32' }");
    let market = training::market(&experiment);
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, resources: Resources<'_>| {
        let stop = AtomicBool::new(false);
        experiment::run(Job::new(&experiment, &market, &folder.path().join(name)).with(resources).stopped_by(&stop))
            .unwrap()
    };
    let processor = run("processor", Resources::default());
    let device = run("device", Resources { compute: DEVICE, parallel_models: 2 });
    assert_eq!(device.provenance.device, "emulated");
    for (a, b) in device.rows.iter().zip(&processor.rows) {
        let difference = (a.volatility_annual / b.volatility_annual - 1.0).abs();
        assert!(difference < 1e-3, "{}: {difference:e}", a.name.title());
    }
}

#[test]
fn a_profile_names_every_stage_and_trains_nothing() {
    if !available() {
        return;
    }
    let experiment = training::experiment("{ train = 'tiny' }, { train = 'tiny', seed = 1 }");
    let market = training::market(&experiment);
    let profiled = |compute: Compute<'_>, limits: Option<Ceilings>| {
        let resources = Resources { compute, parallel_models: 1 };
        let all = experiment::profile(&Job::new(&experiment, &market, Path::new("unused")).with(resources), limits, 2)
            .unwrap();
        let [(name, profiled)] = &all[..] else { panic!("one recipe has one profile") };
        assert_eq!((name.as_str(), profiled.steps, profiled.samples), ("tiny", 2, 2));
        assert!(profiled.stages.iter().all(|stage| stage.seconds > 0.0));
        profiled.stages.clone()
    };
    let names = |stages: &[Stage]| stages.iter().map(|stage| stage.name).collect::<Vec<_>>();
    let stages = profiled(Compute::Processor, None);
    assert_eq!(names(&stages), ["drawing batches", "reading windows", "forward", "backward", "optimiser"]);
    let stages = profiled(DEVICE, Some(CEILINGS));
    assert_eq!(names(&stages)[0], "drawing batches");
    assert_eq!(names(&stages)[1..], STAGES);
    // Operations and bytes are counted for every stage of the network.
    let uncounted = stages.iter().filter(|stage| stage.operations_per_second.is_nan() || stage.of_ceiling.is_nan());
    assert_eq!(uncounted.map(|stage| stage.name).collect::<Vec<_>>(), ["drawing batches", "optimiser"]);
}

const CEILINGS: Ceilings = Ceilings { operations: 1e12, bytes: 1e12 };

const STAGES: [&str; 13] = [
    "scores",
    "correlation",
    "eigenvalues",
    "recurrent cleaner",
    "marginal volatility",
    "weights and loss",
    "weights backward",
    "recurrent cleaner backward",
    "marginal volatility backward",
    "eigenvalues backward",
    "correlation backward",
    "scores backward",
    "optimiser",
];

#[test]
fn a_measurement_has_all_stages_and_every_repetition() {
    if !available() {
        return;
    }
    let work = Workload {
        network: Architecture { hidden: vec![3], volatility: vec![2], ..Architecture::compact() },
        batch: 2,
        n_assets: 6,
        n_days: 20,
        forward_only: false,
        repetitions: 3,
    };
    let measured = measure(&work, None, &emulated, Some(&CEILINGS)).unwrap();
    assert_eq!(measured.total.len(), 3);
    assert!(measured.loss > 0.0);
    assert_eq!(measured.stages.iter().map(|stage| stage.name).collect::<Vec<_>>(), STAGES);
    let forward = measure(&Workload { forward_only: true, ..work }, None, &emulated, None).unwrap();
    assert!(forward.total.len() == 3 && forward.stages.is_empty());
}

#[test]
fn memory_that_is_not_there_is_named_with_what_lowers_the_need() {
    if !available() {
        return;
    }
    let small = |a: &Architecture, precision: ElementType| -> Result<Box<dyn Backend + Send>> {
        Ok(Box::new(Emulated::open(a, precision).with_limit(1 << 15)))
    };
    let folder = tempfile::tempdir().unwrap();
    let compute = Compute::Device { name: "small", open: &small };
    let error = trained(&folder.path().join("m.safetensors"), compute, 0).err().unwrap().to_string();
    assert!(error.contains("bytes are needed"), "{error}");
    for setting in ["batch", "n_assets", "n_days", "--parallel-models"] {
        assert!(error.contains(setting), "{error}");
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_training_on_a_device_too() {
    if !available() {
        return;
    }
    // For absurd returns the gradient of the loss overflows single precision.
    let panel = altered(
        &training::panel(),
        |day, asset, r| if asset < 11 && day > 60 { 1e25 * r.abs() } else { r },
        |_, _, x| x,
    );
    let (eligible, recipe) = (training::eligible(), training::recipe());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let task = Task { compute: DEVICE, ..training::task(&panel, &eligible, &recipe, &file) };
    let error = train(&task, &|| false, &mut |_| {}).err().unwrap().to_string();
    assert!(error.contains("the loss is") && error.contains("m.diverged.safetensors"), "{error}");
}

#[test]
fn windows_beyond_the_panel_are_refused() {
    if !available() {
        return;
    }
    let architecture = Architecture { hidden: vec![3], volatility: vec![2], ..Architecture::compact() };
    let network = minvar::nn::Network::<f32>::new(architecture.clone(), 1).unwrap();
    let parameters = network.parameters().iter().map(|(name, var)| (name.clone(), numbers(var.as_tensor())));
    let device = emulated(&architecture, ElementType::F32).unwrap();
    let mut program = DeviceNetwork::new(device, &architecture, &parameters.collect()).unwrap();
    program.set_panel(&[0.01; 4 * 30], 30).unwrap();
    let mut loss = |day: usize, asset: usize| {
        program.loss(&Windows { days: &[day], assets: &[0, asset], n_days: 20, market: false }, 5)
    };
    assert!(loss(24, 3).is_ok());
    for (day, asset) in [(25, 3), (19, 3), (24, 4)] {
        assert!(
            loss(day, asset).unwrap_err().to_string().contains("beyond the panel, 4 assets x 30 days"),
            "{day} {asset}"
        );
    }
}

#[test]
fn eigenvalues_of_the_kernels_and_of_a_library_give_the_same_losses() {
    if !available() {
        return;
    }
    let library = |a: &Architecture, precision: ElementType| -> Result<Box<dyn Backend + Send>> {
        Ok(Box::new(Emulated::open(a, precision).with_eigen()))
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).join("m.safetensors");
    let kernels = trained(&at("kernels"), DEVICE, 0).unwrap();
    let library = trained(&at("library"), Compute::Device { name: "library", open: &library }, 0).unwrap();
    let difference = losses_differ_by(&kernels, &library);
    assert!(difference < 1e-3, "{difference:e}");
}

#[test]
fn missing_returns_of_a_training_are_completed_on_a_device_too() {
    if !available() {
        return;
    }
    // Every seventh return is missing; the rule `market` gives other losses than `zero`.
    let hole = |day: usize, asset: usize, r: f64| if (day + asset).is_multiple_of(7) { f64::NAN } else { r };
    let (panel, recipe) = (altered(&training::panel(), hole, |_, _, x| x), training::recipe());
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str, missing: Missing, compute: Compute<'_>| {
        let rules = Rules {
            size: 10,
            rank_min_values: 10,
            rank_frequency: Frequency::Decision,
            min_returns: Some(20),
            missing,
            ..Rules::default()
        };
        let eligible = Eligible::new(rules.over(40).unwrap(), missing);
        let file = folder.path().join(name).join("m.safetensors");
        let task = Task { compute, ..training::task(&panel, &eligible, &recipe, &file) };
        train(&task, &|| false, &mut |_| {}).unwrap()
    };
    let processor = model("processor", Missing::Market, Compute::Processor);
    assert!(losses_differ_by(&model("zero", Missing::Zero, Compute::Processor), &processor) > 1e-2);
    let difference = losses_differ_by(&model("device", Missing::Market, DEVICE), &processor);
    assert!(difference < 1e-3, "{difference:e}");
}
