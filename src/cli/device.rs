//! `--device`, and `minvar device`: the CUDA devices of this machine.

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::output::{note, say, stdout};
use crate::cuda::{self, Backend, Ceilings, Device, Found};
use crate::error;
use crate::experiment::Resources;
use crate::nn::ElementType;
use crate::nn::{Architecture, Cell};
use crate::render::Sheet;
use crate::train::{Compute, Measured, Parity, Stage, Workload, ceilings, measure, parity};

/// Where networks are trained and applied.
#[derive(clap::Args)]
pub(super) struct ComputeArguments {
    /// Where networks are trained and applied: cpu, cuda, cuda:N, or auto (the first CUDA device, else the processor)
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Device,
    /// Models trained at once, where none continues from another (years, seeds)
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel_models: u16,
}

/// Opens the kernels for an architecture.
type Open = Box<dyn Fn(&Architecture, ElementType) -> error::Result<Box<dyn Backend + Send>> + Sync>;

/// A device that was found.
pub(super) struct Selected {
    name: String,
    open: Option<Open>,
    parallel_models: usize,
}

impl ComputeArguments {
    /// Finds the device; a note says so if `auto` falls back to the processor.
    pub fn select(&self) -> anyhow::Result<Selected> {
        let selected = select(self.device)?;
        Ok(Selected { parallel_models: self.parallel_models.into(), ..selected })
    }
}

/// Finds a device. Fails if a CUDA device was asked for and is not available.
pub(super) fn select(device: Device) -> anyhow::Result<Selected> {
    let (name, open): (String, Option<Open>) = match device.find()? {
        Found::Cuda(number, info) => {
            let open = move |a: &Architecture, precision| cuda::open(number, a, precision);
            (format!("cuda:{number} {}", info.name), Some(Box::new(open)))
        }
        Found::Cpu(notice) => {
            notice.iter().for_each(|notice| note!("{notice}"));
            ("cpu".to_string(), None)
        }
    };
    Ok(Selected { name, open, parallel_models: 1 })
}

impl Selected {
    /// The compute device and the number of models trained at once, as an experiment takes them.
    pub fn resources(&self) -> Resources<'_> {
        let compute = match &self.open {
            Some(open) => Compute::Device { name: &self.name, open: &**open },
            None => Compute::Processor,
        };
        Resources { compute, parallel_models: self.parallel_models }
    }
}

/// List CUDA devices, compare their results with the processor's, and measure their speed
///
/// Without an option it lists the devices of this machine, or says that the program was built without the feature
/// 'cuda' or that the machine has no driver.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Compare every stage and gradient of the network with those on the processor, in single and double precision
    #[arg(long)]
    check: bool,
    /// Measure ceilings, training steps by stage, and inference; prints Markdown
    #[arg(long)]
    measure: bool,
    /// The device
    #[arg(long, default_value = "cuda", value_name = "DEVICE")]
    device: Device,
    /// Repetitions of each measurement
    #[arg(long, default_value_t = 20)]
    repeat: usize,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Value> {
    if !arguments.check && !arguments.measure {
        return list();
    }
    let selected = select(arguments.device)?;
    let Compute::Device { name, open } = selected.resources().compute else {
        anyhow::bail!("devices are compared with the processor; choose cuda or cuda:N here");
    };
    let mut told = json!({ "device": name });
    if arguments.check {
        let mut all = Vec::new();
        for precision in [ElementType::F32, ElementType::F64] {
            let parities = parity(open, precision)?;
            report(precision, &parities)?;
            all.extend(parities);
        }
        told["parity"] = json!(all);
    }
    if arguments.measure {
        let limits = ceilings(&*open(&Architecture::compact(), ElementType::F32)?)?;
        let mut measured = Vec::new();
        for (work, label) in workloads(arguments.repeat) {
            note!("{label}");
            measured.push((label, measure(&work, None, open, Some(&limits))?));
        }
        say!("{}\n", ceilings_line(name, &limits));
        tables(&measured).iter().for_each(|sheet| say!("{}\n", sheet.markdown()));
        told["ceilings"] = json!(limits);
        told["work"] = json!(measured);
    }
    Ok(told)
}

fn list() -> anyhow::Result<Value> {
    let count = cuda::count()?;
    let mut out = stdout();
    let mut names = Vec::new();
    for number in 0..count {
        let device = cuda::info(number)?;
        names.push(json!({ "number": number, "name": device.name, "memory_bytes": device.memory }));
        let [free, total] = device.memory.map(|bytes| bytes as f64 / (1u64 << 30) as f64);
        let ((major, minor), (driver, driver_minor)) = (device.capability, device.driver);
        writeln!(
            out,
            "cuda:{number}  {}, compute capability {major}.{minor}, {} multiprocessors, {free:.1} of {total:.1} GiB free, \
             driver for CUDA {driver}.{driver_minor}",
            device.name, device.multiprocessors
        )?;
    }
    if count == 0 {
        writeln!(out, "the driver reports no CUDA device")?;
    }
    Ok(json!({ "devices": names }))
}

/// Prints the worst deviation of each case. Fails if a deviation is larger than allowed.
fn report(precision: ElementType, all: &[Parity]) -> anyhow::Result<()> {
    let mut failed = 0;
    say!("{precision:?} precision: for each case, the deviation from the processor that comes closest to its limit");
    for cases in all.chunk_by(|a, b| a.case == b.case) {
        let worst = cases.iter().max_by(|a, b| a.share().total_cmp(&b.share())).expect("a chunk is not empty");
        say!("  {:<40} {:9.1e} (limit {:.0e})  {}", worst.case, worst.deviation, worst.allowed, worst.what);
        failed += cases.iter().filter(|parity| !parity.holds()).count();
    }
    anyhow::ensure!(failed == 0, "{failed} quantities deviate by more than their limit");
    Ok(())
}

/// The workloads whose times are published.
fn workloads(repetitions: usize) -> Vec<(Workload, String)> {
    let work = |cell, units, n_assets, batch, forward_only| Workload {
        network: Architecture { cell, hidden: vec![units], ..Architecture::compact() },
        batch,
        n_assets,
        n_days: 1200,
        forward_only,
        repetitions,
    };
    let cells = [(Cell::Gru, 16, "GRU 16"), (Cell::Lstm, 64, "LSTM 64")];
    let mut all = Vec::new();
    for (cell, units, name) in cells {
        for n in [100, 200, 350] {
            all.push((work(cell, units, n, 32, false), format!("step, batch 32, n = {n}, {name}")));
        }
    }
    for (cell, units, name) in cells {
        all.push((work(cell, units, 1000, 30, true), format!("forward, batch 30, n = 1000, {name}")));
    }
    all
}

fn tables(measured: &[(String, Measured)]) -> Vec<Sheet> {
    let mut whole = Sheet::new("T = 1200, float32", &["work", "median, ms", "best, ms"], 1);
    let mut sheets = Vec::new();
    for (label, measured) in measured {
        let mut sorted = measured.total.clone();
        sorted.sort_by(f64::total_cmp);
        whole.rows.push(vec![label.clone(), milliseconds(sorted[sorted.len() / 2]), milliseconds(sorted[0])]);
        if !measured.stages.is_empty() {
            sheets.push(stage_sheet(label, &measured.stages, 1));
        }
    }
    sheets.insert(0, whole);
    sheets
}

/// The ceilings of a device, on one line.
pub(super) fn ceilings_line(name: &str, limits: &Ceilings) -> String {
    let (operations, bytes) = (limits.operations / 1e12, limits.bytes / 1e12);
    format!("{name}: {operations:.1} TFLOP/s in a product, {bytes:.2} TB/s in a copy (float32)")
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.3}", 1e3 * seconds)
}

/// Table of the stages of a step beside the ceilings. The stages' seconds are totals over `steps` steps.
pub(super) fn stage_sheet(title: &str, stages: &[Stage], steps: usize) -> Sheet {
    let mut sheet = Sheet::new(title, &["stage", "ms a step", "GFLOP/s", "GB/s", "of its ceiling"], 1);
    let number = |x: f64, text: String| if x.is_nan() { String::new() } else { text };
    for stage in stages {
        let [operations, bytes] = [stage.operations_per_second, stage.bytes_per_second].map(|x| x / 1e9);
        sheet.rows.push(vec![
            stage.name.to_string(),
            milliseconds(stage.seconds / steps as f64),
            number(operations, format!("{operations:.0}")),
            number(bytes, format!("{bytes:.0}")),
            number(stage.of_ceiling, format!("{:.0} %", 100.0 * stage.of_ceiling)),
        ]);
    }
    sheet
}
