//! The kernels of the CUDA device on the processor: compiled by the C++ compiler, with products, and eigenvalues where a test
//! asks for it, from another crate. Memory is initialised with NaN, so reading what was never written shows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use libloading::{Library, Symbol};
use minvar::cuda::{Address, Argument, Backend, MOST_ROWS, Operand, Product, Shape, kernels, sources};
use minvar::error::{Error, Result};
use minvar::nn::Architecture;
use minvar::nn::ElementType;
use nalgebra::{DMatrix, SymmetricEigen};

type Launch =
    unsafe extern "C" fn(*const c_char, c_uint, c_uint, c_uint, c_uint, *const c_char, *mut *mut c_void) -> c_int;

pub struct Emulated {
    /// By kernel.
    libraries: HashMap<String, &'static Mutex<Library>>,
    precision: ElementType,
    pieces: RefCell<HashMap<u64, Vec<u128>>>,
    /// Most bytes that one allocation may have.
    limit: usize,
    /// Whether another crate decomposes matrices of every size.
    has_eigen: bool,
}

/// Whether there is a C++ compiler for the emulation; prints a note if not.
pub fn available() -> bool {
    let found = Command::new("c++").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: no C++ compiler to run the CUDA kernels with");
    }
    found
}

/// Libraries by source. A kernel keeps its shared memory in statics, so only one thread at a time may use a library.
static COMPILED: LazyLock<Mutex<HashMap<String, &'static Mutex<Library>>>> = LazyLock::new(Mutex::default);

fn compiled(source: &str) -> &'static Mutex<Library> {
    let mut all = COMPILED.lock().unwrap();
    all.entry(source.to_string()).or_insert_with(|| Box::leak(Box::new(Mutex::new(compile(source))))).to_owned()
}

fn compile(source: &str) -> Library {
    let folder = tempfile::tempdir().unwrap().keep();
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda/emulation.h");
    let (typedef, kernels_text) = source.split_once('\n').unwrap();
    let mut text = format!("{typedef}\n#include \"{}\"\nnamespace {{\n{kernels_text}\n}}\n", header.display());
    text += "extern \"C\" __attribute__((visibility(\"default\"))) int run(const char *name, unsigned x, unsigned y, unsigned block, unsigned shared, \
             const char *kinds, void **arguments) {\n";
    for name in kernels(source) {
        text += &format!(
            "    if (!strcmp(name, \"{name}\")) return emulation::launch({name}, x, y, block, shared, kinds, arguments);\n"
        );
    }
    text += "    return 2;\n}\n";
    let (file, library) = (folder.join("kernels.cpp"), folder.join("kernels.so"));
    std::fs::write(&file, text).unwrap();
    let output = Command::new("c++")
        .args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-Bsymbolic", "-o"])
        .args([&library, &file])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = unsafe { Library::new(&library) }.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    library
}

impl Emulated {
    pub fn open(architecture: &Architecture, precision: ElementType) -> Self {
        let mut libraries = HashMap::new();
        for source in sources(architecture, precision) {
            let library = compiled(&source);
            libraries.extend(kernels(&source).into_iter().map(|name| (name.to_string(), library)));
        }
        Self { libraries, precision, pieces: RefCell::default(), limit: usize::MAX, has_eigen: false }
    }

    /// This device with a limit on the size of an allocation.
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// This device with eigenvalues from another crate instead of the kernels.
    pub fn with_eigen(self) -> Self {
        Self { has_eigen: true, ..self }
    }

    fn get(&self, at: Address, index: usize) -> f64 {
        unsafe {
            match self.precision {
                ElementType::F32 => f64::from(*(at.0 as *const f32).add(index)),
                ElementType::F64 => *(at.0 as *const f64).add(index),
            }
        }
    }

    fn set(&self, at: Address, index: usize, x: f64) {
        unsafe {
            match self.precision {
                ElementType::F32 => *(at.0 as *mut f32).add(index) = x as f32,
                ElementType::F64 => *(at.0 as *mut f64).add(index) = x,
            }
        }
    }

    fn matrix(&self, operand: &Operand, sample: usize, rows: usize, columns: usize) -> DMatrix<f64> {
        let entry = |i: usize, j: usize| {
            let (i, j) = if operand.transposed { (j, i) } else { (i, j) };
            self.get(operand.at, sample * operand.sample + i * operand.row + j)
        };
        DMatrix::from_fn(rows, columns, entry)
    }
}

impl Backend for Emulated {
    fn precision(&self) -> ElementType {
        self.precision
    }

    fn shared_memory(&self) -> usize {
        1 << 16
    }

    fn allocate(&self, bytes: usize) -> Result<Address> {
        if bytes > self.limit {
            return Err(Error::Undefined { what: "memory", why: format!("{bytes} bytes are needed") });
        }
        let piece = vec![u128::MAX; bytes.div_ceil(16).max(1)]; // NaN in any precision
        let at = piece.as_ptr() as u64;
        self.pieces.borrow_mut().insert(at, piece);
        Ok(Address(at))
    }

    fn release(&self, at: Address) -> Result<()> {
        assert!(at.0 == 0 || self.pieces.borrow_mut().remove(&at.0).is_some(), "released twice");
        Ok(())
    }

    fn write(&self, at: Address, bytes: &[u8]) -> Result<()> {
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.0 as *mut u8, bytes.len()) };
        Ok(())
    }

    fn read(&self, at: Address, bytes: &mut [u8]) -> Result<()> {
        unsafe { std::ptr::copy_nonoverlapping(at.0 as *const u8, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<()> {
        let mut kinds = String::new();
        let mut values: Vec<[u8; 8]> = Vec::new();
        for argument in arguments {
            let (kind, value) = match *argument {
                Argument::At(at) => ('p', at.0.to_le_bytes()),
                Argument::Int(x) => ('i', i64::from(x).to_le_bytes()),
                Argument::Long(x) => ('l', x.to_le_bytes()),
                Argument::Double(x) => ('d', x.to_le_bytes()),
                Argument::Real(x) => {
                    let mut bytes = [0; 8];
                    let real = self.precision.encode([x]);
                    bytes[..real.len()].copy_from_slice(&real);
                    ('r', bytes)
                }
            };
            kinds.push(kind);
            values.push(value);
        }
        let mut pointers: Vec<*mut c_void> = values.iter_mut().map(|value| value.as_mut_ptr().cast()).collect();
        let (name, kinds) = (CString::new(kernel).unwrap(), CString::new(kinds).unwrap());
        let [x, y] = shape.grid.map(|k| k as c_uint);
        let library = self.libraries[kernel].lock().unwrap();
        let run: Symbol<'_, Launch> = unsafe { library.get(b"run") }.unwrap();
        let (block, shared) = (shape.block as c_uint, shape.shared as c_uint);
        let code = unsafe { run(name.as_ptr(), x, y, block, shared, kinds.as_ptr(), pointers.as_mut_ptr()) };
        assert_eq!(
            code, 0,
            "{kernel}: 1 means other arguments or too large a shape, 2 an unknown kernel; {kinds:?} {shape:?}"
        );
        Ok(())
    }

    fn product(&self, p: &Product) -> Result<()> {
        for b in 0..p.batch {
            let product = self.matrix(&p.a, b, p.rows, p.inner) * self.matrix(&p.b, b, p.inner, p.columns);
            for i in 0..p.rows {
                for j in 0..p.columns {
                    let at = b * p.out.sample + i * p.out.row + j;
                    let kept = if p.keep == 0.0 { 0.0 } else { p.keep * self.get(p.out.at, at) };
                    self.set(p.out.at, at, p.factor * product[(i, j)] + kept);
                }
            }
        }
        Ok(())
    }

    fn has_eigen(&self, n: usize) -> bool {
        self.has_eigen || n > MOST_ROWS
    }

    fn prepare_eigen(&self, _: usize, _: usize, _: Address, _: Address) -> Result<()> {
        Ok(())
    }

    fn eigen(&self, n: usize, batch: usize, matrices: Address, values: Address, info: Address) -> Result<()> {
        for b in 0..batch {
            let matrix = self.matrix(&Operand::rows(matrices, n).every(n * n), b, n, n);
            if matrix.iter().any(|x| !x.is_finite()) {
                unsafe { *(info.0 as *mut i32).add(b) = 1 }; // as if the solver had failed
                continue;
            }
            let found = SymmetricEigen::new(matrix);
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|i, j| found.eigenvalues[*i].total_cmp(&found.eigenvalues[*j]));
            for (k, from) in order.into_iter().enumerate() {
                self.set(values, b * n + k, found.eigenvalues[from]);
                for i in 0..n {
                    self.set(matrices, (b * n + k) * n + i, found.eigenvectors[(i, from)]);
                }
            }
            unsafe { *(info.0 as *mut i32).add(b) = 0 };
        }
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }
}
