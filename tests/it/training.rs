//! Training: contents of batches, steps compared with the reference, interruption, model files, networks in
//! experiments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Tensor};
use minvar::error::Error;
use minvar::experiment::{self, Experiment, Job, MarketData, Resources, Share};
use minvar::nn::variance;
use minvar::panel::Panel;
use minvar::train::{Adam, Compute, Eligible, Gradients, Model, Recipe, Sampler, Schedule, Task, train};
use minvar::universe::{Frequency, Rules};

use crate::network_reference::{Vectors, folder};
use crate::support::{altered, complete_market};

fn schedule() -> Schedule {
    Schedule {
        steps: 12,
        batch: 3,
        accumulation: 2,
        n_assets: [4, 9],
        n_days: [20, 40],
        validation_days: 20,
        validate_every: 5,
        checkpoint_every: 4,
        ..Schedule::cpu()
    }
}

pub fn recipe() -> Recipe {
    let mut recipe: Recipe = toml::from_str("network = { hidden = [3], volatility = [2] }").unwrap();
    recipe.schedule = schedule();
    recipe
}

pub fn panel() -> Panel {
    complete_market(12, 200).simulate().unwrap().0
}

pub fn eligible() -> Eligible {
    let rank_frequency = Frequency::Decision;
    let rules = Rules { size: 10, rank_min_values: 10, rank_frequency, ..Rules::default() };
    Eligible::new(rules.over(40).unwrap(), rules.missing)
}

pub fn entries(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_batch_holds_windows_and_what_followed_and_nothing_of_the_decision_day() {
    let (panel, eligible) = (panel(), eligible());
    let sampler = Sampler::new(panel.past(150), &eligible, &schedule(), 40, 5, 7).unwrap();
    // 150 known days, minus 6 for the last targets, 20 validation days, 6 between the two, and the look-back of 40.
    assert_eq!(sampler.n_training_days(), 150 - 6 - 20 - 6 - 40);
    let mut sizes = std::collections::BTreeSet::new();
    for number in 0..40 {
        let draw = sampler.draw(number).unwrap();
        let batch = sampler.batch(&draw).unwrap();
        let (n, t) = (draw.n_assets(), draw.n_days);
        assert!((4..=9).contains(&n) && (20..=40).contains(&t));
        sizes.insert((n, t));
        let (x, u) = (entries(&batch.returns), entries(&batch.future));
        for (b, &day) in draw.days.iter().enumerate() {
            assert!((40..150 - 6 - 20 - 6).contains(&day));
            let mut found = std::collections::BTreeSet::new();
            for i in 0..n {
                let row = &x[(b * n + i) * t..][..t];
                let same = |asset: &usize| {
                    let returns = &panel.returns(*asset)[day - t..day];
                    row.iter().zip(returns).all(|(a, b)| (a - b).abs() < 1e-8)
                };
                let asset = (0..panel.n_assets()).find(same).expect("a row is the past of an asset");
                assert!(found.insert(asset), "drawn twice");
                let future = &panel.returns(asset)[day + 1..day + 6];
                let drawn = &u[(b * n + i) * 5..][..5];
                assert!(drawn.iter().zip(future).all(|(a, b)| (a - b).abs() < 1e-8));
            }
        }
    }
    assert!(sizes.len() > 20, "sizes vary: {sizes:?}");
    assert_eq!(sampler.draw(3).unwrap(), sampler.draw(3).unwrap());
    assert_ne!(sampler.draw(3).unwrap(), sampler.draw(4).unwrap());
    let held_back = sampler.validation(0).unwrap().unwrap();
    assert!(held_back.days.iter().all(|day| (124..144).contains(day)), "{:?}", held_back.days);
}

#[test]
fn adam_steps_follow_the_reference() {
    let Some(folder) = folder() else { return };
    for name in ["n3_t10_gru", "n3_t10_lstm", "n3_t10_lstm_perlag", "n5_t60_gru", "n5_t60_lstm", "n5_t60_lstm_perlag"] {
        let file = Vectors::open(&folder.join(format!("{name}.safetensors")));
        let network = file.network::<f64>();
        let rate: f64 = file.metadata("adam_lr").parse().unwrap();
        let mut adam = Adam::new(network.parameters());
        for (step, expected) in entries(file.tensor("train.loss")).into_iter().enumerate() {
            let weights = network.weights(file.tensor("inputs")).unwrap();
            let loss = variance(&weights, file.tensor("sigma")).unwrap().mean_all().unwrap();
            let value = loss.to_scalar::<f64>().unwrap();
            assert!((value - expected).abs() <= 1e-7 * expected, "{name}, step {step}: {value} against {expected}");
            let mut gradients = Gradients::zeros(network.parameters());
            gradients.add::<f64>(network.parameters(), &loss.backward().unwrap(), 1.0).unwrap();
            adam.step::<f64>(network.parameters(), &gradients, rate).unwrap();
        }
    }
}

#[test]
fn clipping_keeps_the_direction_and_returns_the_norm() {
    let network = minvar::nn::Network::<f64>::new(recipe().network, 1).unwrap();
    let x = Tensor::randn(0.0, 0.02, (1, 6, 30), &candle_core::Device::Cpu).unwrap();
    let loss = network.weights(&x).unwrap().sqr().unwrap().sum_all().unwrap();
    let mut gradients = Gradients::zeros(network.parameters());
    gradients.add::<f64>(network.parameters(), &loss.backward().unwrap(), 1e6).unwrap();
    let before = gradients.norm();
    assert!(before > 1.0);
    assert_eq!(gradients.clip(1.0), before);
    assert!((gradients.norm() - 1.0).abs() < 1e-12);
    assert!((gradients.clip(1.0) - 1.0).abs() < 1e-12 && (gradients.norm() - 1.0).abs() < 1e-12);
}

pub fn task<'a>(panel: &'a Panel, eligible: &'a Eligible, recipe: &'a Recipe, file: &Path) -> Task<'a> {
    Task {
        recipe,
        seed: 5,
        past: panel.past(150),
        eligible,
        lookback: 40,
        horizon: 5,
        data_hash: panel.content_hash(),
        rules: "",
        warm: None,
        file: file.to_path_buf(),
        compute: Compute::Processor,
    }
}

pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        all.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap());
    }
    all
}

#[test]
fn a_training_that_is_stopped_or_killed_ends_with_the_same_bytes() {
    let (panel, eligible, recipe) = (panel(), eligible(), recipe());
    let folder = tempfile::tempdir().unwrap();
    let whole = |name: &str, threads: usize| {
        let path = folder.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&task(&panel, &eligible, &recipe, &path.join("m.safetensors")), &|| false, &mut |_| {}))
            .unwrap();
        files(&path)
    };
    let one = whole("one", 1);
    assert_eq!(one.keys().collect::<Vec<_>>(), ["m.csv", "m.safetensors"]);
    assert!(one == whole("two", 2), "a training depends on the number of threads");

    // Stopped before step 7, then killed at step 10 of the next session: the checkpoint of step 8 is the newest.
    let path = folder.path().join("stopped");
    let file = path.join("m.safetensors");
    let stop = AtomicBool::new(false);
    let is_stopped = || stop.load(Ordering::Relaxed);
    let stop_at_six = &mut |p: minvar::train::TrainingProgress| stop.store(p.step == 6, Ordering::Relaxed);
    let stopped = train(&task(&panel, &eligible, &recipe, &file), &is_stopped, stop_at_six);
    assert!(matches!(stopped, Err(Error::Interrupted { done: 6, total: 12, .. })));
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let die = &mut |p: minvar::train::TrainingProgress| assert!(p.step < 10, "killed");
        train(&task(&panel, &eligible, &recipe, &file), &|| false, die)
    }));
    assert!(killed.is_err());
    // Another commit of the same computation goes on.
    let checkpoint = path.join("m.checkpoint.safetensors");
    let mut model = Model::open(&checkpoint).unwrap();
    model.header.commit = "another".to_string();
    model.save(&checkpoint).unwrap();
    let mut first = None;
    train(&task(&panel, &eligible, &recipe, &file), &|| false, &mut |p| {
        first.get_or_insert(p.step);
    })
    .unwrap();
    assert_eq!(first, Some(9));
    assert!(one == files(&path), "a continued training ends with other bytes");

    let other = Task { seed: 6, ..task(&panel, &eligible, &recipe, &file) };
    let refused = train(&other, &|| false, &mut |_| {}).err().unwrap().to_string();
    assert!(refused.contains("comes from other data"), "{refused}");
}

#[test]
fn the_record_of_a_training_is_complete_and_its_loss_is_raw() {
    let (panel, eligible, recipe) = (panel(), eligible(), recipe());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let model = train(&task(&panel, &eligible, &recipe, &file), &|| false, &mut |_| {}).unwrap();
    assert_eq!((model.header.steps, model.header.record.len()), (12, 12));
    let validated: Vec<usize> = model.header.record.iter().filter(|p| p.validation.is_some()).map(|p| p.step).collect();
    assert_eq!(validated, [5, 10, 12]);
    let csv = std::fs::read_to_string(folder.path().join("m.csv")).unwrap();
    assert_eq!(csv.lines().count(), 13);
    assert!(csv.starts_with("step,n_assets,n_days,loss,gradient_norm,learning_rate,validation\n"), "{csv}");
    // The first loss is that of the untrained network on the first two batches, whatever the clipping does.
    let sampler = Sampler::new(panel.past(150), &eligible, &recipe.schedule, 40, 5, 5).unwrap();
    let network = minvar::nn::Network::<f32>::new(recipe.network.clone(), 5).unwrap();
    let loss = |number| {
        let batch = sampler.batch(&sampler.draw(number).unwrap()).unwrap();
        let weights = network.weights(&batch.returns).unwrap();
        f64::from(
            minvar::nn::realised_variance(&weights, &batch.future)
                .unwrap()
                .mean_all()
                .unwrap()
                .to_scalar::<f32>()
                .unwrap(),
        )
    };
    assert!((model.header.record[0].loss - (loss(0) + loss(1)) / 2.0).abs() < 1e-6 * loss(0));
    let events = folder.path().join("m.events/events.out.tfevents.0.minvar");
    assert!(std::fs::metadata(events).unwrap().len() > 12 * 60);
}

#[test]
fn a_training_that_breaks_saves_the_batch() {
    // A single absurd return, whose square overflows single precision in the loss.
    let panel = altered(&panel(), |day, asset, r| if asset < 11 && day > 60 { 1e25 * r.abs() } else { r }, |_, _, x| x);
    let (eligible, recipe) = (eligible(), recipe());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let broken = train(&task(&panel, &eligible, &recipe, &file), &|| false, &mut |_| {});
    let message = broken.err().unwrap().to_string();
    assert!(message.contains("at step") && message.contains("m.diverged.safetensors"), "{message}");
    let saved = candle_core::safetensors::load(folder.path().join("m.diverged.safetensors"), &candle_core::Device::Cpu);
    assert!(saved.unwrap().contains_key("batch.returns"));
}

#[test]
fn a_model_file_that_is_not_one_is_refused() {
    let (panel, eligible, recipe) = (panel(), eligible(), recipe());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let model = train(&task(&panel, &eligible, &recipe, &file), &|| false, &mut |_| {}).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(Model::open(&file).unwrap().hash().unwrap(), model.hash().unwrap());
    let refused = |bytes: &[u8]| {
        let path = folder.path().join("bad.safetensors");
        std::fs::write(&path, bytes).unwrap();
        Model::open(&path).err().unwrap().to_string()
    };
    for length in [0, 5, 100, bytes.len() - 7] {
        let message = refused(&bytes[..length]);
        assert!(message.contains("bad.safetensors: ") && message.contains("truncated"), "{length}: {message}");
    }
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let place = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        [&bytes[..place], to.as_bytes(), &bytes[place + from.len()..]].concat()
    };
    let version = refused(&replaced("\\\"format\\\":1", "\\\"format\\\":7"));
    assert!(version.contains("it is written in format 7"), "{version}");
    let tokens =
        refused(&replaced("[\\\"q\\\",\\\"sqrt_n\\\",\\\"sqrt_t\\\"]", "[\\\"q\\\",\\\"sqrt_n\\\"           ]"));
    assert!(tokens.contains("recurrent.0.forward.kernel' must have shape [3, 9], but has [4, 9]"), "{tokens}");
    let foreign = refused(&replaced("minvar\":", "minvas\":"));
    assert!(foreign.contains("not a model of minvar"), "{foreign}");
}

pub fn experiment(estimators: &str) -> Experiment {
    // 260 days are one year from 2000-01-03 on, so the decisions are in 2001 and 2002.
    let text = format!(
        "about = 'networks'\n[data.synthetic]\nn_assets = 30\nn_days = 540\n[universe]\nrules = 'none'\nsize = 20\n\
         rank_min_values = 20\nrank_frequency = 'decision'\n[walk_forward]\nlookback = 60\nfirst = 2001-11-01\n\
         [compare]\nestimators = [{estimators}]\nallocators = ['gmv', 'gmv_long_only']\n\
         [train.tiny]\nnetwork = {{ hidden = [3], volatility = [2] }}\n\
         schedule = {{ steps = 8, warm_steps = 4, batch = 2, n_assets = [4, 9], n_days = [30, 60], validation_days = 5 }}\n"
    );
    Experiment::parse(&text, "networks.toml").unwrap()
}

pub fn market(experiment: &Experiment) -> MarketData {
    let (panel, truth) = experiment.data.synthetic.as_ref().unwrap().simulate().unwrap();
    MarketData { panel, truth: Some(truth) }
}

#[test]
fn a_network_is_trained_year_by_year_and_stands_in_the_tables() {
    let experiment = experiment("'qis', { train = 'tiny', label = 'network' }, { train = 'tiny', seed = 1 }");
    let market = market(&experiment);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut years = std::collections::BTreeSet::new();
    let finished = experiment::run(Job::new(&experiment, &market, &path).watched(&mut |progress| {
        years.extend(progress.training.map(|training| (training.name, training.year)));
    }))
    .unwrap();
    let trained: Vec<String> = years.iter().map(|(name, year)| format!("{name} {year}")).collect();
    assert_eq!(trained, ["tiny-0 2001", "tiny-0 2002", "tiny-1 2001", "tiny-1 2002"]);
    let labels: Vec<&str> = finished.rows.iter().map(|row| row.name.estimator_cell()).collect();
    let network = "seed=1,train=\"tiny\"";
    assert_eq!(labels, ["qis", "network", network, "qis", "network", network]);
    assert!(finished.rows.iter().all(|row| row.n_undefined == 0 && row.volatility_annual > 0.0));

    let first = Model::open(&path.join("models/tiny-0/2001.safetensors")).unwrap();
    let second = Model::open(&path.join("models/tiny-0/2002.safetensors")).unwrap();
    assert_eq!(first.header.trained_before, "2001-01-01");
    assert_eq!((first.header.steps, second.header.steps), (8, 4));
    assert_eq!(second.header.continued_from, Some(first.hash().unwrap()));

    // In the same folder again nothing is trained. A model file instead of the recipe gives the same portfolios.
    let mut trained = 0;
    let count = &mut |_| trained += 1;
    experiment::train(Job::new(&experiment, &market, &path).watched(count), &Share::default()).unwrap();
    assert_eq!(trained, 0);
    let fixed = self::experiment(&format!(
        "{{ model = '{}', label = 'network' }}",
        path.join("models/tiny-0/2002.safetensors").display()
    ));
    let other = folder.path().join("fixed");
    let again = experiment::run(Job::new(&fixed, &market, &other)).unwrap();
    assert_eq!(again.provenance.models["network"], second.hash().unwrap());
    assert!(again.rows.iter().all(|row| row.n_undefined == 0));
}

#[test]
fn models_trained_at_once_or_by_several_processes_are_the_same() {
    let experiment = experiment("{ train = 'tiny' }, { train = 'tiny', seed = 1 }, { train = 'tiny', seed = 2 }");
    let market = market(&experiment);
    let folder = tempfile::tempdir().unwrap();
    let models = |name: &str, shares: &[Share], parallel_models: usize| -> Vec<String> {
        let path = folder.path().join(name);
        let resources = Resources { parallel_models, ..Resources::default() };
        let mut files: Vec<_> = Vec::new();
        for share in shares {
            let stop = AtomicBool::new(false);
            let mut shown = 0;
            let trained = experiment::train(
                Job::new(&experiment, &market, &path).with(resources).stopped_by(&stop).watched(&mut |_| shown += 1),
                share,
            )
            .unwrap();
            assert!(shown > 0);
            let seeds = if share.seeds.is_empty() { 3 } else { share.seeds.len() };
            assert_eq!(trained.len(), seeds * if share.years.is_some() { 1 } else { 2 }, "{trained:?}");
            files.extend(trained);
        }
        files.sort();
        files.iter().map(|file| Model::open(file).unwrap().hash().unwrap()).collect()
    };
    let one = models("one", &[Share::default()], 1);
    assert_eq!(one.len(), 6);
    assert_eq!(one, models("three", &[Share::default()], 3));
    let share = |seeds: &[u64]| Share { seeds: seeds.to_vec(), ..Share::default() };
    assert_eq!(one, models("shares", &[share(&[1, 2]), share(&[0])], 1));
    let years = |from, to| Share { years: Some(from..=to), ..Share::default() };
    assert_eq!(one, models("years", &[years(1990, 2001), years(2002, 2010)], 1));
}

#[test]
fn an_error_of_one_model_stops_the_others() {
    let experiment = experiment("{ train = 'tiny' }, { train = 'tiny', seed = 1 }");
    let market = market(&experiment);
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("models/tiny-1/2001.safetensors");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::write(&broken, "no model").unwrap();
    let resources = Resources { parallel_models: 2, ..Resources::default() };
    let stop = AtomicBool::new(false);
    let error = experiment::train(
        Job::new(&experiment, &market, folder.path()).with(resources).stopped_by(&stop),
        &Share::default(),
    );
    assert!(error.unwrap_err().to_string().contains("tiny-1/2001.safetensors"));
}

#[test]
fn nothing_behind_the_year_reaches_its_network() {
    let experiment = experiment("{ train = 'tiny' }");
    let market = market(&experiment);
    let boundary = market.panel.calendar().first_on_or_after(minvar::calendar::Date::new(2001, 1, 1).unwrap());
    let later = |day: usize, r: f64| if day >= boundary { -2.0 * r } else { r };
    let changed =
        altered(&market.panel, |day, _, r| later(day, r), |day, _, x| if day >= boundary { 3.0 * x } else { x });
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str, market: &MarketData| {
        let path = folder.path().join(name);
        experiment::train(Job::new(&experiment, market, &path), &Share::default()).unwrap();
        [2001, 2002]
            .map(|year| Model::open(&path.join(format!("models/tiny-0/{year}.safetensors"))).unwrap().hash().unwrap())
    };
    let [first, second] = model("one", &market);
    let [first_changed, second_changed] = model("two", &MarketData { panel: changed, truth: None });
    assert_eq!(first, first_changed);
    assert_ne!(second, second_changed, "the second year has seen the first");
}

#[test]
fn networks_that_cannot_be_used_are_refused_before_anything_is_computed() {
    let refused = |estimators: &str| {
        let experiment = experiment(estimators);
        let folder = tempfile::tempdir().unwrap();
        let outcome = experiment::run(Job::new(&experiment, &market(&experiment), folder.path()));
        outcome.err().unwrap().to_string()
    };
    let unknown = refused("{ train = 'tinny' }");
    assert!(unknown.contains("did you mean 'tiny'?"), "{unknown}");
    let missing = refused("{ model = 'nowhere.safetensors' }");
    assert!(missing.starts_with("nowhere.safetensors: "), "{missing}");
    let key = refused("{ train = 'tiny', epochs = 3 }");
    assert!(key.contains("epochs"), "{key}");
}

#[test]
fn a_trained_network_gives_the_level_of_the_sample_in_both_precisions() {
    let (panel, eligible, recipe) = (panel(), eligible(), recipe());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.safetensors");
    let model = train(&task(&panel, &eligible, &recipe, &file), &|| false, &mut |_| {}).unwrap();
    let window = crate::support::window(crate::support::returns(12, 100));
    let variances: f64 = window.volatilities().iter().map(|s| s * s).sum();
    let estimates: [minvar::linalg::Covariance; 2] = {
        use minvar::estimators::CovarianceEstimator;
        [
            minvar::train::Neural(model.network::<f32>().unwrap()).estimate(&window).unwrap(),
            minvar::train::Neural(model.network::<f64>().unwrap()).estimate(&window).unwrap(),
        ]
    };
    for estimate in &estimates {
        assert!((estimate.matrix().trace() / variances - 1.0).abs() < 1e-6);
    }
    let largest = estimates[1].matrix().max_abs();
    for (single, double) in estimates[0].matrix().entries().iter().zip(estimates[1].matrix().entries()) {
        assert!((single - double).abs() < 1e-4 * largest);
    }
}
