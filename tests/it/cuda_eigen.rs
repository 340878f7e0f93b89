//! The eigensolver of CUDA devices, whose kernels run on the processor here, on matrices that are hard to decompose.

use minvar::cuda::{Address, Backend, Eigenproblem};
use minvar::linalg::eigen::decompose;
use minvar::linalg::eigen::families::FAMILIES;
use minvar::nn::{Architecture, ElementType};
use nalgebra::DMatrix;

use crate::emulation::{Emulated, available};

/// Eigenvalues, eigenvectors, infos and how many matrices were decomposed again.
struct Solved {
    values: Vec<f64>,
    vectors: Vec<f64>,
    infos: Vec<i32>,
    again: i32,
}

fn problem(device: &Emulated, matrices: &[f64], n: usize) -> Eigenproblem {
    let (batch, precision) = (matrices.len() / (n * n), device.precision());
    let reals = |count: usize| device.allocate(count * batch * precision.bytes()).unwrap();
    let problem = Eigenproblem {
        n,
        batch,
        matrices: reals(n * n),
        values: reals(n),
        vectors: reals(n * n),
        info: device.allocate(4 * batch).unwrap(),
        again: device.allocate(4).unwrap(),
        squares: [reals(n * n), reals(n * n)],
        rest: device.allocate(Eigenproblem::bytes(n, batch, precision)).unwrap(),
    };
    device.write(problem.matrices, &precision.encode(matrices.iter().copied())).unwrap();
    device.write(problem.again, &[0; 4]).unwrap();
    problem
}

fn result(device: &Emulated, problem: &Eigenproblem) -> Solved {
    let (n, batch, precision) = (problem.n, problem.batch, device.precision());
    let read = |at: Address, bytes: usize| {
        let mut read = vec![0; bytes];
        device.read(at, &mut read).unwrap();
        read
    };
    let ints = |at: Address, count: usize| -> Vec<i32> {
        read(at, 4 * count).as_chunks().0.iter().map(|x| i32::from_le_bytes(*x)).collect()
    };
    Solved {
        values: precision.decode(&read(problem.values, n * batch * precision.bytes())),
        vectors: precision.decode(&read(problem.vectors, n * n * batch * precision.bytes())),
        infos: ints(problem.info, batch),
        again: ints(problem.again, 1)[0],
    }
}

/// Largest deviations of V A from Λ V and of V V' from 1, in units of n ε and the largest entry of A.
fn deviations(a: &[f64], n: usize, values: &[f64], vectors: &[f64], unit: f64) -> (f64, f64) {
    let (a, v) = (DMatrix::from_row_slice(n, n, a), DMatrix::from_row_slice(n, n, vectors));
    let weighted = DMatrix::from_fn(n, n, |i, j| values[i] * v[(i, j)]);
    let unit = n as f64 * unit;
    let size = a.amax().max(f64::MIN_POSITIVE);
    ((&v * &a - weighted).amax() / (unit * size), (&v * v.transpose() - DMatrix::identity(n, n)).amax() / unit)
}

#[track_caller]
fn accurate(what: &str, a: &[f64], n: usize, (values, vectors): (&[f64], &[f64]), unit: f64) {
    assert!(values.is_sorted(), "{what}: {values:?}");
    let (residual, orthogonality) = deviations(a, n, values, vectors, unit);
    assert!(residual < 5.0 && orthogonality < 5.0, "{what}: {residual:.2} and {orthogonality:.2}");
}

fn device(precision: ElementType) -> Emulated {
    Emulated::open(&Architecture { hidden: vec![3], ..Architecture::compact() }, precision)
}

#[track_caller]
fn check(precision: ElementType, sizes: &[usize]) {
    if !available() {
        return;
    }
    let (device, unit) = (device(precision), precision.unit());
    for &n in sizes {
        let matrices: Vec<f64> = FAMILIES.iter().flat_map(|family| family.matrix(n)).collect();
        let matrices = precision.decode(&precision.encode(matrices));
        let problem = problem(&device, &matrices, n);
        problem.start(&device).unwrap();
        let found = result(&device, &problem);
        assert_eq!((found.again, &found.infos), (0, &vec![0; FAMILIES.len()]), "n = {n}");
        for (b, family) in FAMILIES.iter().enumerate() {
            let what = format!("{}, n = {n}", family.name);
            let a = &matrices[b * n * n..][..n * n];
            let (values, vectors) = (&found.values[b * n..][..n], &found.vectors[b * n * n..][..n * n]);
            accurate(&what, a, n, (values, vectors), unit);
            let exact = decompose(a, n).unwrap().0;
            let size = exact[0].abs().max(exact[n - 1].abs());
            let off = values.iter().zip(&exact).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
            assert!(off <= 5.0 * n as f64 * unit * size, "{what}: eigenvalues are off by {off:e} of {size:e}");
        }
    }
}

#[test]
fn hard_matrices_are_decomposed_on_a_device_in_doubles() {
    check(ElementType::F64, &[1, 2, 3, 16, 31, 50, 100]);
}

#[test]
fn hard_matrices_are_decomposed_on_a_device_in_single_precision() {
    check(ElementType::F32, &[1, 2, 5, 17, 33, 64, 97]);
}

#[test]
fn what_fails_the_check_is_decomposed_again_and_counted() {
    if !available() {
        return;
    }
    for precision in [ElementType::F32, ElementType::F64] {
        for n in [1, 2, 21, 40] {
            let device = device(precision);
            let families = [FAMILIES[0], FAMILIES[7], FAMILIES[10], FAMILIES[19]];
            let mut matrices: Vec<f64> = families.iter().flat_map(|family| family.matrix(n)).collect();
            matrices.extend(vec![f64::NAN; n * n]);
            let matrices = precision.decode(&precision.encode(matrices));
            let problem = problem(&device, &matrices, n);
            problem.solve(&device).unwrap();
            assert_eq!(result(&device, &problem).infos, [0, 0, 0, 0, 1]);
            // The first entry of an eigenvector of the second and the third matrix is wrong.
            for b in [1, 2] {
                device.write(problem.vectors.plus(b * n * n * precision.bytes()), &precision.encode([1.5])).unwrap();
            }
            problem.check(&device).unwrap();
            assert_eq!(result(&device, &problem).infos, [0, 2, 2, 0, 1], "n = {n}");
            problem.solve_again(&device).unwrap();
            let found = result(&device, &problem);
            assert_eq!((found.infos, found.again), (vec![0, 0, 0, 0, 1], 2), "n = {n}");
            for (b, family) in families.iter().enumerate() {
                let pair = (&found.values[b * n..][..n], &found.vectors[b * n * n..][..n * n]);
                accurate(family.name, &matrices[b * n * n..][..n * n], n, pair, precision.unit());
            }
        }
    }
}
