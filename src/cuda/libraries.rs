//! The CUDA installation of this machine: devices, libraries that are opened when first needed, and the run-time
//! compiler.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_void};
use std::sync::Mutex;

use cudarc::cusolver::sys as solver;
use cudarc::driver::sys::CUdevice_attribute;
use cudarc::driver::{CudaContext, DriverError, result};
use cudarc::nvrtc::{result as nvrtc, sys as nvrtc_sys};

use crate::cuda::DeviceInfo;
use crate::error::{Error, Result};

/// Converts an error of the driver; `what` names the operation that failed.
pub(super) fn driver_error(what: &str) -> impl Fn(DriverError) -> Error {
    move |error| {
        let name = error.error_name().ok().and_then(|name| name.to_str().ok()).unwrap_or("unknown error");
        let text = error.error_string().ok().and_then(|text| text.to_str().ok()).unwrap_or("");
        Error::Device(format!("{what}: {name} ({text})"))
    }
}

/// Number of CUDA devices; 0 if there is a driver but no device.
pub(super) fn count() -> Result<usize> {
    // SAFETY: looks for a library by its name.
    if !unsafe { cudarc::driver::sys::is_culib_present() } {
        return Err(Error::Device("no NVIDIA driver: libcuda.so.1 was not found".to_string()));
    }
    if let Err(error) = result::init() {
        use cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE;
        return if error.0 == CUDA_ERROR_NO_DEVICE { Ok(0) } else { Err(driver_error("the driver")(error)) };
    }
    CudaContext::device_count().map(|count| count as usize).map_err(driver_error("the list of devices"))
}

/// Properties of a device. This initialises this device only.
pub(super) fn device(number: usize) -> Result<DeviceInfo> {
    let read = || {
        let mut version = 0;
        // SAFETY: writes one int.
        unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut version) }.result()?;
        let context = CudaContext::new(number)?;
        let multiprocessors = context.attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let (free, total) = context.mem_get_info()?;
        Ok(DeviceInfo {
            name: context.name()?,
            capability: context.compute_capability()?,
            multiprocessors: multiprocessors as usize,
            memory: [free, total],
            driver: (version / 1000, version % 1000 / 10),
        })
    };
    read().map_err(driver_error(&format!("cuda:{number}")))
}

/// Fails if a library is missing, so that the error comes before anything tries to open it.
pub(super) fn check_libraries() -> Result<()> {
    // SAFETY: looks for libraries and a symbol by their names.
    let (nvrtc, cublas, cusolver) = unsafe {
        (
            cudarc::nvrtc::sys::is_culib_present(),
            cudarc::cublas::sys::is_culib_present(),
            cudarc::cusolver::sys::is_culib_present(),
        )
    };
    let help = "install CUDA 12.6.2 or later, or get the libraries with 'scripts/build-cuda.sh --libraries DIR' and put DIR \
                on LD_LIBRARY_PATH";
    let all = [("NVRTC", nvrtc), ("cuBLAS", cublas), ("cuSOLVER", cusolver)];
    if let Some((name, _)) = all.into_iter().find(|(_, found)| !found) {
        return Err(Error::Device(format!("{name} was not found; {help}")));
    }
    // SAFETY: the symbol is only looked for.
    if unsafe { solver::culib().get::<*const c_void>(b"cusolverDnXsyevBatched\0") }.is_err() {
        return Err(Error::Device(format!("this cuSOLVER has no batched eigenvalues; {help}")));
    }
    Ok(())
}

/// A source and a compute capability.
type Target = (String, (i32, i32));

/// Compiled machine code, kept because a run opens the same network many times.
static COMPILED: Mutex<BTreeMap<Target, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Machine code for a compute capability; each source is compiled at most once.
pub(super) fn compiled(source: &str, capability: (i32, i32)) -> Result<Vec<u8>> {
    let mut all = COMPILED.lock().expect("no thread panics while it compiles");
    let key = (source.to_string(), capability);
    if let Some(code) = all.get(&key) {
        return Ok(code.clone());
    }
    let code = compile(source, capability)?;
    all.insert(key, code.clone());
    Ok(code)
}

fn compile(source: &str, (major, minor): (i32, i32)) -> Result<Vec<u8>> {
    let failed = |error: nvrtc::NvrtcError| Error::Device(format!("NVRTC failed: {error:?}"));
    let text = CString::new(source).expect("the kernels have no zero byte");
    let program = nvrtc::create_program(&text, Some(c"minvar.cu")).map_err(failed)?;
    let options = [format!("--gpu-architecture=sm_{major}{minor}"), "--std=c++17".to_string()];
    // SAFETY: the program was created above, lives until it is destroyed below, and the buffer has the size asked for.
    unsafe {
        if nvrtc::compile_program(program, &options).is_err() {
            let log = nvrtc::get_program_log(program).map_err(failed)?;
            let log = CStr::from_ptr(log.as_ptr()).to_string_lossy().into_owned();
            return Err(Error::Device(format!("NVRTC did not compile the kernels for sm_{major}{minor}: {log}")));
        }
        let mut size = 0;
        nvrtc_sys::nvrtcGetCUBINSize(program, &mut size).result().map_err(failed)?;
        let mut code = vec![0u8; size];
        nvrtc_sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result().map_err(failed)?;
        nvrtc::destroy_program(program).map_err(failed)?;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::sources;
    use crate::nn::ElementType;
    use crate::nn::{Architecture, Cell};

    #[test]
    fn nvrtc_compiles_the_kernels_for_every_architecture_it_knows() {
        // SAFETY: looks for a library by its name.
        if !unsafe { nvrtc_sys::is_culib_present() } {
            eprintln!("skipped: NVRTC was not found");
            return;
        }
        let lstm = Architecture { cell: Cell::Lstm, hidden: vec![64, 8], ..Architecture::compact() };
        for precision in [ElementType::F32, ElementType::F64] {
            for (architecture, capability) in [(Architecture::compact(), (8, 0)), (lstm.clone(), (9, 0))] {
                for source in sources(&architecture, precision) {
                    let code = compile(&source, capability).unwrap();
                    assert!(code.len() > 10_000, "{}", code.len());
                }
            }
        }
        let error = compile("__global__ void broken() { nothing; }", (9, 0)).unwrap_err().to_string();
        assert!(error.contains("minvar.cu(1)"), "{error}");
    }
}
