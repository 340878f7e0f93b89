//! The backend on a graphics card: kernels through NVRTC, products through cuBLAS, eigenvalues through cuSOLVER. Each
//! backend has its own stream.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

use cudarc::cublas::{CudaBlas, result as blas, sys::cublasOperation_t};
use cudarc::cusolver::sys::{self as solver, cudaDataType, cusolverDeterministicMode_t, cusolverStatus_t};
use cudarc::cusolver::{DnHandle, sys::cublasFillMode_t};
use cudarc::driver::sys::{CUdevice_attribute, CUfunction_attribute};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaStream, DriverError, LaunchConfig, PushKernelArg, result,
};
use cudarc::nvrtc::{Ptx, sys as nvrtc_sys};

use crate::cuda::libraries::{check_libraries, compiled, driver_error};
use crate::cuda::{Address, Argument, Backend, Operand, Product, Shape, kernels};
use crate::error::{Error, Result};
use crate::nn::ElementType;

const GIB: f64 = (1u64 << 30) as f64;

/// A device, its compiled kernels and the handles of its libraries.
pub(super) struct Driver {
    precision: ElementType,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    functions: HashMap<String, CudaFunction>,
    blas: CudaBlas,
    solver: DnHandle,
    params: solver::cusolverDnParams_t,
    /// Bytes of shared memory that a block may have.
    shared: usize,
    /// Working memory of the solver on the device and on the host.
    workspace: RefCell<(Address, usize, Vec<u8>)>,
}

// SAFETY: the raw handles belong to the context, which is made current before every use; no two threads share a Driver.
unsafe impl Send for Driver {}

impl Driver {
    /// Compiles the kernels for a device and opens the libraries. Fails if a library or the device is not available.
    pub fn open(number: usize, sources: &[String], precision: ElementType) -> Result<Self> {
        check_libraries()?;
        let failed = driver_error("the device");
        let context = CudaContext::new(number).map_err(&failed)?;
        let stream = context.new_stream().map_err(&failed)?;
        let capability = context.compute_capability().map_err(&failed)?;
        let shared = context.attribute(MOST_SHARED).map_err(&failed)?;
        let mut functions = HashMap::new();
        for source in sources {
            let module = loaded(&context, compiled(source, capability)?)?;
            for name in kernels(source) {
                let function = module.load_function(name).map_err(driver_error(name))?;
                allow_shared(&function, shared).map_err(driver_error(name))?;
                functions.insert(name.to_string(), function);
            }
        }
        let blas = CudaBlas::new(stream.clone()).map_err(|error| Error::Device(format!("cuBLAS: {error:?}")))?;
        let of_solver = |error: cudarc::cusolver::result::CusolverError| Error::Device(format!("cuSOLVER: {error:?}"));
        let solver = DnHandle::new(stream.clone()).map_err(of_solver)?;
        let mode = cusolverDeterministicMode_t::CUSOLVER_DETERMINISTIC_RESULTS;
        solver.set_deterministic_mode(mode).map_err(of_solver)?;
        let params = cudarc::cusolver::result::dn_create_params().map_err(of_solver)?;
        let workspace = RefCell::new((Address::default(), 0, Vec::new()));
        Ok(Self {
            precision,
            context,
            stream,
            functions,
            blas,
            solver,
            params,
            shared: shared.cast_unsigned() as usize,
            workspace,
        })
    }

    /// Makes the device's context current on the calling thread.
    fn bind(&self) -> Result<()> {
        self.context.bind_to_thread().map_err(driver_error("the device"))
    }

    /// Bytes that the solver needs besides the matrices, on the device and on the host.
    fn workspace_bytes(&self, n: usize, batch: usize, matrices: Address, values: Address) -> Result<(usize, usize)> {
        let (real, n, batch) = (self.real(), n as i64, batch as i64);
        let (matrices, values) = (matrices.0 as *const c_void, values.0 as *const c_void);
        let (mut on_device, mut on_host) = (0, 0);
        // SAFETY: only sizes are asked for.
        solved(unsafe {
            solver::cusolverDnXsyevBatched_bufferSize(
                self.solver.cu(),
                self.params,
                VECTORS,
                LOWER,
                n,
                real,
                matrices,
                n,
                real,
                values,
                real,
                &mut on_device,
                &mut on_host,
                batch,
            )
        })?;
        Ok((on_device, on_host))
    }

    fn real(&self) -> cudaDataType {
        match self.precision {
            ElementType::F32 => cudaDataType::CUDA_R_32F,
            ElementType::F64 => cudaDataType::CUDA_R_64F,
        }
    }
}

/// Loads machine code onto a device.
fn loaded(context: &Arc<CudaContext>, code: Vec<u8>) -> Result<Arc<CudaModule>> {
    context.load_module(Ptx::from_binary(code)).map_err(|error| {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: writes two ints.
        let _ = unsafe { nvrtc_sys::nvrtcVersion(&mut major, &mut minor) };
        let why = format!("kernels compiled by NVRTC {major}.{minor}; a driver older than that cannot load them");
        driver_error(&why)(error)
    })
}

/// Lets launches of a kernel have all shared memory that the kernel does not declare itself.
fn allow_shared(function: &CudaFunction, most: c_int) -> std::result::Result<(), DriverError> {
    const DYNAMIC: CUfunction_attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    function.set_attribute(DYNAMIC, most - function.shared_size_bytes()?)
}

const MOST_SHARED: CUdevice_attribute = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
const VECTORS: solver::cusolverEigMode_t = solver::cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR;
const LOWER: cublasFillMode_t = cublasFillMode_t::CUBLAS_FILL_MODE_LOWER;

fn solved(status: cusolverStatus_t) -> Result<()> {
    match status {
        cusolverStatus_t::CUSOLVER_STATUS_SUCCESS => Ok(()),
        status => Err(Error::Device(format!("cuSOLVER's batched eigenvalues: {status:?}"))),
    }
}

fn int(x: usize) -> c_int {
    c_int::try_from(x).expect("sizes are checked before")
}

impl Backend for Driver {
    fn precision(&self) -> ElementType {
        self.precision
    }

    fn shared_memory(&self) -> usize {
        self.shared
    }

    fn allocate(&self, bytes: usize) -> Result<Address> {
        self.bind()?;
        // SAFETY: the memory is used only through this backend, and nothing reads it before it is written.
        match unsafe { result::malloc_sync(bytes.max(1)) } {
            Ok(at) => Ok(Address(at)),
            Err(_) => {
                let (free, total) = result::mem_get_info().map_err(driver_error("the device's memory"))?;
                let gib = |bytes: usize| bytes as f64 / GIB;
                let (free, total, bytes) = (gib(free), gib(total), gib(bytes));
                Err(Error::Device(format!(
                    "out of memory: {bytes:.2} GiB are needed, {free:.2} of {total:.2} GiB are free"
                )))
            }
        }
    }

    fn release(&self, at: Address) -> Result<()> {
        if at == Address::default() {
            return Ok(());
        }
        self.wait()?;
        // SAFETY: the address came from `allocate`, and nothing on the stream uses it any more.
        unsafe { result::free_sync(at.0) }.map_err(driver_error("giving memory back"))
    }

    fn write(&self, at: Address, bytes: &[u8]) -> Result<()> {
        self.bind()?;
        // SAFETY: callers write within what they allocated; pageable memory has been copied when the call returns.
        unsafe { result::memcpy_htod_async(at.0, bytes, self.stream.cu_stream()) }
            .map_err(driver_error("a copy to the device"))
    }

    fn read(&self, at: Address, bytes: &mut [u8]) -> Result<()> {
        self.bind()?;
        // SAFETY: callers read within what they allocated, and the copy has ended before `bytes` is released.
        unsafe { result::memcpy_dtoh_async(bytes, at.0, self.stream.cu_stream()) }
            .map_err(driver_error("a copy from the device"))?;
        self.wait()
    }

    fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<()> {
        self.bind()?;
        // The launch reads as many bytes of each value as the kernel's parameter has.
        let value = |argument: &Argument| match *argument {
            Argument::At(at) => at.0,
            Argument::Int(x) => u64::from(x.cast_unsigned()),
            Argument::Long(x) => x.cast_unsigned(),
            Argument::Double(x) => x.to_bits(),
            Argument::Real(x) if self.precision == ElementType::F32 => u64::from((x as f32).to_bits()),
            Argument::Real(x) => x.to_bits(),
        };
        let values: Vec<u64> = arguments.iter().map(value).collect();
        let mut builder = self.stream.launch_builder(&self.functions[kernel]);
        for value in &values {
            builder.arg(value);
        }
        let [x, y] = shape.grid.map(|blocks| int(blocks).cast_unsigned());
        let config = LaunchConfig {
            grid_dim: (x, y, 1),
            block_dim: (int(shape.block).cast_unsigned(), 1, 1),
            shared_mem_bytes: int(shape.shared).cast_unsigned(),
        };
        // SAFETY: the tests run every launch against the kernels' parameters on the processor.
        unsafe { builder.launch(config) }.map(|_| ()).map_err(driver_error(kernel))
    }

    fn product(&self, p: &Product) -> Result<()> {
        self.bind()?;
        let turned = |operand: &Operand| match operand.transposed {
            true => cublasOperation_t::CUBLAS_OP_T,
            false => cublasOperation_t::CUBLAS_OP_N,
        };
        // cuBLAS is column-major, so it computes out' = B' A'.
        let (first, second) = (turned(&p.b), turned(&p.a));
        let (m, n, k) = (int(p.columns), int(p.rows), int(p.inner));
        let (ld_b, ld_a, ld_out) = (int(p.b.row), int(p.a.row), int(p.out.row));
        let [step_b, step_a, step_out] = [p.b.sample, p.a.sample, p.out.sample].map(|step| step as i64);
        let (handle, batch) = (*self.blas.handle(), int(p.batch));
        let (a, b, out) = (p.a.at.0, p.b.at.0, p.out.at.0);
        macro_rules! gemm {
            ($function:path, $real:ty) => {{
                let (factor, keep) = (p.factor as $real, p.keep as $real);
                // SAFETY: the operands are within memory of this device; the factors are read before the call returns.
                unsafe {
                    $function(
                        handle,
                        first,
                        second,
                        m,
                        n,
                        k,
                        &factor,
                        b as *const $real,
                        ld_b,
                        step_b,
                        a as *const $real,
                        ld_a,
                        step_a,
                        &keep,
                        out as *mut $real,
                        ld_out,
                        step_out,
                        batch,
                    )
                }
            }};
        }
        let done = match self.precision {
            ElementType::F32 => gemm!(blas::sgemm_strided_batched, f32),
            ElementType::F64 => gemm!(blas::dgemm_strided_batched, f64),
        };
        done.map_err(|error| Error::Device(format!("cuBLAS: {error:?}")))
    }

    fn prepare_eigen(&self, n: usize, batch: usize, matrices: Address, values: Address) -> Result<()> {
        self.bind()?;
        let (on_device, on_host) = self.workspace_bytes(n, batch, matrices, values)?;
        let mut workspace = self.workspace.borrow_mut();
        if workspace.1 < on_device {
            self.release(std::mem::take(&mut workspace.0))?;
            workspace.1 = 0;
            workspace.0 = self.allocate(on_device)?;
            workspace.1 = on_device;
        }
        if workspace.2.len() < on_host {
            workspace.2.resize(on_host, 0);
        }
        Ok(())
    }

    fn eigen(&self, n: usize, batch: usize, matrices: Address, values: Address, info: Address) -> Result<()> {
        self.prepare_eigen(n, batch, matrices, values)?;
        let mut workspace = self.workspace.borrow_mut();
        let (device_buffer, on_device, on_host) = (workspace.0.0 as *mut c_void, workspace.1, workspace.2.len());
        let host_buffer = workspace.2.as_mut_ptr().cast();
        let (real, n, batch) = (self.real(), n as i64, batch as i64);
        let (matrices, values) = (matrices.0 as *mut c_void, values.0 as *mut c_void);
        // SAFETY: matrices, values and info fit the batch, and the workspaces have the required size.
        solved(unsafe {
            solver::cusolverDnXsyevBatched(
                self.solver.cu(),
                self.params,
                VECTORS,
                LOWER,
                n,
                real,
                matrices,
                n,
                real,
                values,
                real,
                device_buffer,
                on_device,
                host_buffer,
                on_host,
                info.0 as *mut c_int,
                batch,
            )
        })
    }

    fn wait(&self) -> Result<()> {
        self.bind()?;
        self.stream.synchronize().map_err(driver_error("the work of the device"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let workspace = self.workspace.get_mut().0;
        let _ = self.release(workspace);
        // SAFETY: the parameters were created with the driver and are used nowhere else.
        let _ = unsafe { cudarc::cusolver::result::dn_destroy_params(self.params) };
    }
}
