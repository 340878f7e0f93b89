//! The symmetric eigensolver: how accurate, how fast, and how far from what the processor could do.
//!
//! ```sh
//! cargo bench --bench eigensolver -- accuracy --out results/benchmarks    # 10,000 random matrices, hard families, 50 digits
//! cargo bench --bench eigensolver -- roofline --out results/benchmarks    # every stage against its bound
//! cargo bench --bench eigensolver -- products --out results/benchmarks    # those of a training step, on all cores
//! cargo bench --bench eigensolver -- qis                            # the stages of QIS, on one thread and on all
//! cargo bench --bench eigensolver -- time f32 350                        # one size, as JSON, for benches/peer/eigensolver.py
//! cargo bench --bench eigensolver -- matrix 350 FILE                     # its matrix, as doubles, for the same script
//! cargo bench --bench eigensolver -- references                         # the small matrices, for benches/peer/eigenvalues.py
//! ```

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use faer::Mat;
use minvar::estimators::Window;
use minvar::linalg::Real;
use minvar::linalg::dense::{Accumulate, View, product, product_by_rows, symmetric_product};
use minvar::linalg::eigen::families::{FAMILIES, noise};
use minvar::linalg::eigen::{decompose, fallbacks, stages};
use minvar::linalg::measure::{Memory, multiply_adds};
use minvar::render::{Roofline, roofline_figure};
use minvar::synthetic::SyntheticMarket;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const SIZES: [usize; 6] = [50, 100, 200, 350, 500, 1000];

#[derive(Parser)]
struct Arguments {
    /// What cargo adds
    #[arg(long, global = true, hide = true)]
    bench: bool,
    #[command(subcommand)]
    work: Option<Work>,
}

#[derive(Subcommand)]
enum Work {
    /// Residuals, orthogonality and eigenvalues of many matrices
    Accuracy {
        /// Folder for eigensolver.md
        #[arg(long)]
        out: Option<PathBuf>,
        /// Number of random matrices
        #[arg(long, default_value_t = 10_000)]
        random: usize,
    },
    /// Every stage against what the processor could do
    Roofline {
        /// Folder for roofline.csv and roofline.svg
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// The products of a training step on all cores, against the peak of all
    Products {
        /// Folder for products.md
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Milliseconds of every stage of QIS from returns, on one thread and on all
    Qis,
    /// Milliseconds of one decomposition, the best and the median, as JSON
    Time {
        /// f32 or f64
        dtype: String,
        n: usize,
    },
    /// Writes the matrix of `time` as doubles, column by column
    Matrix { n: usize, file: PathBuf },
    /// The matrices whose eigenvalues are known to 50 digits, as JSON
    References,
}

fn main() -> Result<()> {
    // Bounds are those of one core.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| run(Arguments::parse().work))
}

fn run(work: Option<Work>) -> Result<()> {
    match work {
        Some(Work::Accuracy { out, random }) => accuracy(out.as_deref(), random),
        Some(Work::Roofline { out }) => roofline(out.as_deref()),
        Some(Work::Products { out }) => rayon::ThreadPoolBuilder::new().build()?.install(|| products(out.as_deref())),
        Some(Work::Qis) => qis(),
        Some(Work::Time { dtype, n }) => time(&dtype, n),
        Some(Work::Matrix { n, file }) => {
            let bytes = correlation::<f64>(n)?.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
            Ok(std::fs::write(file, bytes)?)
        }
        Some(Work::References) => references(),
        // `cargo bench` runs every program without an argument.
        None => accuracy(None, 200),
    }
}

/// Largest deviations of a decomposition, in units of n ε: |A − V Λ V'| over |A| in the 1-norm, |V'V − I| in the 1-norm, and the
/// eigenvalues from those of faer in double precision over the largest.
struct Deviations {
    residual: f64,
    orthogonality: f64,
    eigenvalues: f64,
}

fn deviations<F: Real>(entries: &[f64], n: usize) -> Result<Deviations> {
    let entries: Vec<F> = entries.iter().map(|x| F::of(*x)).collect();
    let (values, vectors) = decompose(&entries, n)?;
    let largest = entries.iter().map(|x| x.value().abs()).fold(f64::MIN_POSITIVE, f64::max);
    let matrix = |x: &[F], scale: f64| Mat::from_fn(n, n, |i, j| x[j * n + i].value() / scale);
    let (a, v) = (matrix(&entries, largest), matrix(&vectors, 1.0));
    let weighted = Mat::from_fn(n, n, |i, j| v[(i, j)] * (values[j].value() / largest));
    let norm = |x: &Mat<f64>| x.col_iter().map(|c| c.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let unit = n as f64 * F::UNIT.value();
    let size = norm(&a).max(f64::MIN_POSITIVE);
    let exact = a.self_adjoint_eigenvalues(faer::Side::Lower).map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let spectral = exact.iter().map(|x| x.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let pairs = values.iter().zip(&exact);
    let distance = pairs.map(|(ours, theirs)| (ours.value() / largest - theirs).abs()).fold(0.0, f64::max);
    Ok(Deviations {
        residual: norm(&(&a - &weighted * v.transpose())) / (unit * size),
        orthogonality: norm(&(v.transpose() * &v - Mat::<f64>::identity(n, n))) / unit,
        eigenvalues: distance / (unit * spectral),
    })
}

/// The worst over some matrices.
#[derive(Default)]
struct Worst {
    count: usize,
    residual: f64,
    orthogonality: f64,
    eigenvalues: f64,
}

impl Worst {
    fn add(&mut self, deviations: &Deviations) {
        self.count += 1;
        self.residual = self.residual.max(deviations.residual);
        self.orthogonality = self.orthogonality.max(deviations.orthogonality);
        self.eigenvalues = self.eigenvalues.max(deviations.eigenvalues);
    }

    fn largest(&self) -> f64 {
        self.residual.max(self.orthogonality).max(self.eigenvalues)
    }

    fn row(&self, name: &str, dtype: &str) -> String {
        let Self { count, residual, orthogonality, eigenvalues } = self;
        format!("| {name} | {dtype} | {count} | {residual:.3} | {orthogonality:.3} | {eigenvalues:.3} |\n")
    }
}

/// A random matrix of a kind: dense, Gram with few or many days, a product of three scales, few distinct eigenvalues.
fn random(number: usize) -> (usize, Vec<f64>) {
    let draw = |k: usize| (noise(number, k) + 1.0) / 2.0;
    let n = 2 + (draw(1) * 149.0) as usize;
    let seed = 1_000 * number;
    let entry = |i: usize, j: usize| noise(seed + i.max(j), 7 + i.min(j));
    let days = [n / 2 + 1, n, 2 * n, 3][number % 4];
    let gram = |i: usize, j: usize| (0..days).map(|k| noise(seed + i, 900 + k) * noise(seed + j, 900 + k)).sum::<f64>();
    let scale = 10f64.powf(20.0 * draw(2) - 10.0);
    let cell = |i: usize, j: usize| match number % 5 {
        0 => scale * entry(i, j),
        1 | 2 => scale * gram(i, j),
        3 => entry(i, j) * 1e-4f64.powf((i + j) as f64 / n as f64),
        _ => f64::from(u8::from(i == j)) + 1e-7 * gram(i, j),
    };
    (n, (0..n * n).map(|k| cell(k % n, k / n)).collect())
}

/// A matrix with its eigenvalues to 50 digits.
#[derive(Serialize, Deserialize)]
struct Reference {
    name: String,
    n: usize,
    entries: Vec<f64>,
    /// Ascending, as decimal numbers.
    #[serde(default)]
    eigenvalues: Vec<String>,
}

fn reference_matrices() -> Vec<Reference> {
    let of = |name: &str, n: usize| {
        let family = FAMILIES.iter().find(|family| family.name == name).expect("a family");
        Reference { name: name.to_string(), n, entries: family.matrix(n), eigenvalues: Vec::new() }
    };
    let all = [
        ("noise", 12),
        ("noise", 30),
        ("Wilkinson", 21),
        ("glued Wilkinson", 42),
        ("second difference", 30),
        ("Clement", 20),
        ("Toeplitz", 25),
        ("Hilbert", 10),
        ("graded", 20),
        ("rank one and noise", 15),
        ("Gram matrix, fewer days than assets", 24),
        ("clustered at one", 18),
    ];
    all.iter().map(|(name, n)| of(name, *n)).collect()
}

fn references() -> Result<()> {
    println!("{}", serde_json::to_string(&reference_matrices())?);
    Ok(())
}

/// Largest distance of the eigenvalues from the doubles nearest to their 50 digits, in units of ε and the largest eigenvalue.
fn from_fifty_digits(reference: &Reference) -> Result<f64> {
    let (values, _) = decompose(&reference.entries, reference.n)?;
    let exact: Vec<f64> = reference.eigenvalues.iter().map(|x| x.parse()).collect::<Result<_, _>>()?;
    let largest = exact.iter().map(|x| x.abs()).fold(f64::MIN_POSITIVE, f64::max);
    Ok(values.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / (f64::EPSILON * largest))
}

fn accuracy(out: Option<&Path>, count: usize) -> Result<()> {
    let mut text = "# Accuracy of the symmetric eigensolver\n\n`cargo bench --bench eigensolver -- accuracy --out results/benchmarks`\n\n\
        Worst over the matrices of a row, in units of n ε: |A − V Λ V'| over |A| and |V'V − I|, both in the 1-norm, and the distance \
        of the eigenvalues from faer's in double precision over the largest. LAPACK's tests accept 30 or more.\n\n\
        | matrices | type | number | residual | orthogonality | eigenvalues |\n|---|---|---|---|---|---|\n"
        .to_string();
    let start = Instant::now();
    let (mut doubles, mut singles) = (Worst::default(), Worst::default());
    for number in 0..count {
        let (n, entries) = random(number);
        doubles.add(&deviations::<f64>(&entries, n)?);
        singles.add(&deviations::<f32>(&entries, n)?);
    }
    let mut worst = doubles.largest().max(singles.largest());
    text += &doubles.row("random, n = 2 to 150", "f64");
    text += &singles.row("random, n = 2 to 150", "f32");
    let sizes: &[usize] = if count < 10_000 { &[100] } else { &[100, 350, 1000] };
    for family in FAMILIES {
        for &n in sizes {
            let entries = family.matrix(n);
            let (mut doubles, mut singles) = (Worst::default(), Worst::default());
            doubles.add(&deviations::<f64>(&entries, n)?);
            singles.add(&deviations::<f32>(&entries, n)?);
            worst = worst.max(doubles.largest()).max(singles.largest());
            text += &doubles.row(&format!("{}, n = {n}", family.name), "f64");
            text += &singles.row(&format!("{}, n = {n}", family.name), "f32");
        }
    }
    text += "\nEigenvalues against 50 digits (mpmath, `benches/peer/eigenvalues.py`), double precision, in units of ε and the largest:\n\n\
        | matrix | n | worst |\n|---|---|---|\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer/eigenvalues.json");
    let known: Vec<Reference> = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    for reference in &known {
        writeln!(text, "| {} | {} | {:.2} |", reference.name, reference.n, from_fifty_digits(reference)?)?;
    }
    writeln!(text, "\nDecompositions that failed the check and were computed by faer: {}.", fallbacks())?;
    println!("{text}({:.0} s)", start.elapsed().as_secs_f64());
    ensure!(fallbacks() == 0, "{} decompositions failed the check", fallbacks());
    ensure!(worst < 30.0, "a deviation of {worst:.1} n ε");
    if let Some(folder) = out {
        std::fs::write(folder.join("eigensolver.md"), text)?;
    }
    Ok(())
}

/// The sample correlation of 1,200 days.
fn correlation<F: Real>(n: usize) -> Result<Vec<F>> {
    let returns = SyntheticMarket::complete(n, 1200).returns()?;
    let window = Window::new(returns)?;
    Ok(window.correlation().entries().iter().map(|x| F::of(*x)).collect())
}

/// Seconds of the fastest and of the median call, within about a second.
fn seconds(mut work: impl FnMut()) -> (f64, f64) {
    let mut all = Vec::new();
    let start = Instant::now();
    while all.len() < 5 || start.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        work();
        all.push(start.elapsed().as_secs_f64());
    }
    all.sort_by(f64::total_cmp);
    (all[0], all[all.len() / 2])
}

fn time(dtype: &str, n: usize) -> Result<()> {
    match dtype {
        "f32" => time_of::<f32>(n),
        "f64" => time_of::<f64>(n),
        other => bail!("a type is f32 or f64, not {other}"),
    }
}

fn time_of<F: Real>(n: usize) -> Result<()> {
    faer::set_global_parallelism(faer::Par::Seq);
    let entries = correlation::<F>(n)?;
    let (best, median) = seconds(|| drop(decompose(&entries, n)));
    let matrix = Mat::from_fn(n, n, |i, j| entries[j * n + i]);
    let (faer, _) = seconds(|| drop(matrix.self_adjoint_eigen(faer::Side::Lower)));
    let milliseconds = |seconds: f64| 1e3 * seconds;
    println!(
        "{}",
        serde_json::json!({
            "best_ms": milliseconds(best),
            "median_ms": milliseconds(median),
            "faer_ms": milliseconds(faer),
            "fallbacks": fallbacks(),
        })
    );
    Ok(())
}

/// A kind of work at a size.
struct Point {
    stage: &'static str,
    n: usize,
    seconds: f64,
    operations: f64,
    bytes: f64,
    bandwidth: f64,
}

fn roof<F: Real>(title: &str, csv: &mut String) -> Result<Roofline> {
    let mut operations = 0;
    let (best, _) = seconds(|| operations = multiply_adds::<F>(100_000));
    let peak = operations as f64 / best;
    let read = |bytes: usize| {
        let memory = Memory::<F>::new(bytes);
        // Often enough that the clock costs nothing.
        let rounds = (8 << 20) / bytes + 1;
        let mut total = 0;
        let (best, _) = seconds(|| total = (0..rounds).map(|_| memory.read()).sum());
        total as f64 / best
    };
    let bandwidths = [("16 KiB", 16 << 10), ("512 KiB", 512 << 10), ("8 MiB", 8 << 20), ("256 MiB", 256 << 20)];
    let bandwidths: Vec<(String, f64)> =
        bandwidths.iter().map(|(name, bytes)| (name.to_string(), read(*bytes))).collect();
    println!("{title}: peak {:.1} GFLOP/s", peak / 1e9);
    for (name, bandwidth) in &bandwidths {
        println!("{title}: {name} {:.1} GB/s", bandwidth / 1e9);
    }
    let size = size_of::<F>() as f64;
    let mut points = Vec::new();
    for n in SIZES {
        let entries = correlation::<F>(n)?;
        let mut parts = [f64::MAX; 3];
        seconds(|| {
            let stages = stages(&entries, n).expect("convergence");
            for (part, stage) in parts.iter_mut().zip([stages.reduction, stages.tridiagonal, stages.back]) {
                *part = part.min(stage.as_secs_f64());
            }
        });
        let cube = (n as f64).powi(3);
        let mut out = vec![F::of(0.0); n * n];
        let view = || View::rows(&entries, n, n);
        let (multiplied, _) = seconds(|| product(&mut out, Accumulate::Replace, view(), view(), F::of(1.0)));
        // The triangle that a step of the reduction reads; what it leaves is read again n times.
        let triangle = read(n * n / 2 * size_of::<F>());
        let point =
            |stage, seconds, operations, bytes| Point { stage, n, seconds, operations, bytes, bandwidth: triangle };
        points.push(point("reduction", parts[0], 4.0 / 3.0 * cube, (1.0 / 6.0 + 1.0 / 24.0) * cube * size));
        points.push(point("tridiagonal", parts[1], 4.0 / 3.0 * cube, 4.0 * (n * n) as f64 * size));
        points.push(point("back-transformation", parts[2], 2.0 * cube, 3.0 * (n * n) as f64 * size));
        points.push(point("matrix product", multiplied, 2.0 * cube, 3.0 * (n * n) as f64 * size));
    }
    for p in &points {
        let bound = (p.operations / peak).max(p.bytes / p.bandwidth);
        writeln!(
            csv,
            "{},{},{},{:.6},{:.6},{:.3},{:.1},{:.1},{:.1}",
            std::any::type_name::<F>(),
            p.n,
            p.stage,
            1e3 * p.seconds,
            1e3 * bound,
            bound / p.seconds,
            p.operations / p.seconds / 1e9,
            peak / 1e9,
            p.bandwidth / 1e9,
        )?;
    }
    let of = |stage: &str| {
        let own = points.iter().filter(|p| p.stage == stage);
        (stage.to_string(), own.map(|p| (p.operations / p.bytes, p.operations / p.seconds)).collect())
    };
    let work = ["reduction", "tridiagonal", "back-transformation", "matrix product"].map(of).into();
    let title = format!("{title}, GFLOP/s (log scale); slopes: reading 16 KiB, 512 KiB, 8 MiB, 256 MiB");
    Ok(Roofline { title, peak, bandwidths, work })
}

/// Samples, days and sizes of the products.
const BATCH: usize = 32;
const DAYS: usize = 1200;

/// Times the products of a training step as it computes them: the samples of a batch distributed among threads.
fn products(out: Option<&Path>) -> Result<()> {
    let threads = rayon::current_num_threads();
    let rounds = 1_000_000;
    let (best, _) = seconds(|| {
        (0..threads).into_par_iter().with_max_len(1).for_each(|_| {
            std::hint::black_box(multiply_adds::<f32>(rounds));
        })
    });
    let peak = threads as f64 * multiply_adds::<f32>(rounds) as f64 / best;
    let mut text = format!(
        "# Products of a training step\n\n`cargo bench --bench eigensolver -- products`: single precision, batch of {BATCH}, T = {DAYS}, \
         {threads} threads with a sample each, whose operands are in the cache; operations are those of the triangle where the result is symmetric. Peak of all cores \
         in the same run, by fused multiply-adds in registers: {:.0} GFLOP/s.\n\n\
         | product | n | ms a batch | GFLOP/s | share of the peak |\n|---|---|---|---|---|\n",
        peak / 1e9
    );
    for n in [200, 350] {
        let numbers = |count: usize| (0..count).map(|k| noise(k, n) as f32).collect::<Vec<_>>();
        // A step computes scores just before their product: they are in the cache of a core.
        let (z, v) = (numbers(n * DAYS), numbers(n * n));
        let mut squares = vec![0.0f32; BATCH * n * n];
        let z = View::rows(&z, n, DAYS);
        let half = (n * (n + 1)) as f64;
        let mut row = |name: &str, operations: f64, work: &mut dyn FnMut()| {
            let (_, median) = seconds(work);
            let rate = BATCH as f64 * operations / median;
            writeln!(text, "| {name} | {n} | {:.2} | {:.0} | {:.0} % |", 1e3 * median, rate / 1e9, 100.0 * rate / peak)
        };
        row("Z Z'/T", half * DAYS as f64, &mut || {
            squares.par_chunks_mut(n * n).for_each(|c| {
                symmetric_product(c, z, z.transposed(), 1.0 / DAYS as f32);
            });
        })?;
        row("(dC + dC')Z, used row by row", 2.0 * (n * n * DAYS) as f64, &mut || {
            (0..BATCH).into_par_iter().for_each(|_| {
                product_by_rows(View::rows(&v, n, n), z, 1.0 / DAYS as f32, |_, rows| {
                    std::hint::black_box(rows);
                });
            });
        })?;
        row("V'diag(g)V, with its scaling", half * n as f64, &mut || {
            squares.par_chunks_mut(n * n).for_each(|c| {
                let mut scaled = v.clone();
                for (k, row) in scaled.chunks_exact_mut(n).enumerate() {
                    row.iter_mut().for_each(|x| *x *= k as f32);
                }
                symmetric_product(c, View::rows(&v, n, n).transposed(), View::rows(&scaled, n, n), 1.0);
            });
        })?;
    }
    print!("{text}");
    if let Some(folder) = out {
        std::fs::write(folder.join("products.md"), text)?;
    }
    Ok(())
}

/// Times the stages of QIS from returns.
fn qis() -> Result<()> {
    const STAGES: [&str; 7] = [
        "correlation, with check and demeaning",
        "decomposition: reduction",
        "decomposition: tridiagonal",
        "decomposition: back-transformation",
        "QIS of the eigenvalues",
        "V diag(xi) V'",
        "whole, from returns",
    ];
    let (n, repetitions) = (1000, 15);
    let returns = SyntheticMarket::complete(n, DAYS).returns()?;
    let estimator = minvar::estimators::build("qis")?;
    let of = |threads: usize| -> Result<Vec<f64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let mut times = vec![Vec::new(); STAGES.len()];
        pool.install(|| {
            for _ in 0..repetitions {
                let copy = returns.clone();
                let start = Instant::now();
                let window = Window::new(copy)?;
                let correlation = window.correlation();
                let correlated = start.elapsed();
                let stages = stages(correlation.entries(), n).context("convergence")?;
                let (_, spectrum) = window.correlation_spectrum()?;
                // The window keeps its decomposition.
                estimator.estimate(&window)?;
                let start = Instant::now();
                estimator.estimate(&window)?;
                let cleaned = start.elapsed();
                let start = Instant::now();
                std::hint::black_box(spectrum.with_eigenvalues(&spectrum.eigenvalues));
                let recomposed = start.elapsed();
                let copy = returns.clone();
                let start = Instant::now();
                let window = Window::new(copy)?;
                estimator.estimate(&window)?;
                let whole = start.elapsed();
                let all = [
                    correlated,
                    stages.reduction,
                    stages.tridiagonal,
                    stages.back,
                    cleaned.saturating_sub(recomposed),
                    recomposed,
                    whole,
                ];
                times.iter_mut().zip(all).for_each(|(times, time)| times.push(1e3 * time.as_secs_f64()));
            }
            Ok::<_, anyhow::Error>(())
        })?;
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        Ok(times.iter().map(|times| times[times.len() / 2]).collect())
    };
    let all = std::thread::available_parallelism()?.get();
    println!(
        "Milliseconds, n = {n}, T = {DAYS}, median of {repetitions}.\n\n| stage | one thread | {all} threads |\n|---|---|---|"
    );
    for ((stage, one), all) in STAGES.iter().zip(of(1)?).zip(of(all)?) {
        println!("| {stage} | {one:.1} | {all:.1} |");
    }
    Ok(())
}

fn roofline(out: Option<&Path>) -> Result<()> {
    let mut csv = "type,n,stage,ms,bound_ms,share_of_bound,gflops,peak_gflops,bandwidth_gbs\n".to_string();
    let roofs = [roof::<f32>("single precision", &mut csv)?, roof::<f64>("double precision", &mut csv)?];
    println!("{csv}");
    if let Some(folder) = out {
        let figure =
            roofline_figure("Stages of an eigendecomposition, n = 50 to 1,000, below the roof of one core", &roofs);
        std::fs::write(folder.join("roofline.csv"), &csv)?;
        std::fs::write(folder.join("roofline.svg"), figure.svg()).context("the figure")?;
    }
    Ok(())
}
