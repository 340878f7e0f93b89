//! The program built with CUDA, on a machine without a GPU. Libraries that stand in for NVIDIA's
//! (`tests/cuda/fake.cpp`) run the kernels, products and eigenvalues on the processor, and return a driver's errors
//! when something is wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::emulation::available;

/// A folder with the libraries under the names that the program looks for.
static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda_driver");
    let _ = std::fs::remove_dir_all(&folder); // of an earlier test
    std::fs::create_dir_all(&folder).unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda");
    let header = format!("-DHEADER=\"{}\"", sources.join("emulation.h").display());
    let output = Command::new("c++")
        .args(["-std=c++17", "-O2", "-shared", "-fPIC", &header, "-o"])
        .arg(folder.join("libcuda.so"))
        .arg(sources.join("fake.cpp"))
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["nvrtc", "cublas", "cusolver"] {
        std::fs::copy(folder.join("libcuda.so"), folder.join(format!("lib{name}.so"))).unwrap();
    }
    folder
});

fn minvar(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minvar"));
    command
        .args(arguments)
        .env("LD_LIBRARY_PATH", &*LIBRARIES)
        .env("FAKE_FOLDER", &*LIBRARIES)
        .envs(settings.iter().copied());
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

#[track_caller]
fn refused(arguments: &[&str], settings: &[(&str, &str)], expected: &str) {
    let output = minvar(arguments, settings);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains(expected), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
}

#[test]
fn a_device_is_listed_and_computes_what_the_processor_does() {
    if !available() {
        return;
    }
    let listed = minvar(&["device"], &[]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("cuda:0  Fake GPU, compute capability 9.0"));
    let checked = minvar(&["device", "--check"], &[]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(String::from_utf8_lossy(&checked.stdout).lines().count(), 2 * 14);
}

#[test]
fn what_is_wrong_with_a_device_is_one_line() {
    if !available() {
        return;
    }
    let check = ["device", "--check"];
    refused(&check, &[("FAKE_INIT", "100")], "the driver reports no CUDA device");
    refused(&check, &[("FAKE_INIT", "803")], "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH");
    refused(&["device", "--check", "--device", "cuda:2"], &[("FAKE_DEVICES", "2")], "there is cuda:0, cuda:1");
    refused(&check, &[("FAKE_LOAD", "222")], "a driver older than that cannot load them");
    let time = ["model", "time", "--device", "cuda", "--assets", "20", "--days", "60", "--repeat", "1"];
    refused(&time, &[("FAKE_MEMORY", "200000")], "lower batch, n_assets or n_days");
    // A folder without NVRTC.
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(LIBRARIES.join("libcuda.so"), folder.path().join("libcuda.so")).unwrap();
    refused(&check, &[("LD_LIBRARY_PATH", folder.path().to_str().unwrap())], "NVRTC was not found");
}

#[test]
fn auto_takes_the_device_or_says_why_not() {
    if !available() {
        return;
    }
    let time = ["model", "time", "--device", "auto", "--assets", "20", "--days", "60", "--batch", "2", "--repeat", "1"];
    let on_device = minvar(&time, &[]);
    assert!(on_device.status.success(), "{}", String::from_utf8_lossy(&on_device.stderr));
    assert!(!String::from_utf8_lossy(&on_device.stdout).contains("backward"));
    let without = minvar(&time, &[("FAKE_INIT", "100")]);
    assert!(without.status.success() && String::from_utf8_lossy(&without.stdout).contains("backward"));
    assert!(
        String::from_utf8_lossy(&without.stderr)
            .starts_with("working on the processor: the driver reports no CUDA device")
    );
}

#[test]
fn a_training_and_its_profile_run_on_a_device() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tiny.toml");
    let text = "about = 'tiny'\n[data.synthetic]\nn_assets = 30\nn_days = 400\n[universe]\nrules = 'none'\nsize = 20\nrank_min_values = 20\n\
                rank_frequency = 'decision'\n[walk_forward]\nlookback = 60\nfirst = 2001-03-01\n[compare]\nallocators = ['gmv']\n\
                estimators = [{ train = 'tiny' }, { train = 'tiny', seed = 1 }]\n[train.tiny]\nnetwork = { hidden = [3] }\n\
                schedule = { steps = 4, warm_steps = 0, batch = 2, n_assets = [4, 9], n_days = [30, 60] }\n";
    std::fs::write(&file, text).unwrap();
    let (file, out) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let profile = minvar(&["train", file, "--out", out, "--device", "cuda", "--timings"], &[]);
    let shown = String::from_utf8_lossy(&profile.stdout).into_owned();
    assert!(profile.status.success(), "{}", String::from_utf8_lossy(&profile.stderr));
    assert!(shown.contains("TFLOP/s in a product") && shown.contains("recurrent cleaner backward"), "{shown}");
    assert!(!folder.path().join("tiny").exists());
    let train = ["train", file, "--out", out, "--device", "cuda", "--parallel-models", "2"];
    let trained = minvar(&train, &[]);
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    let model = minvar::train::Model::open(&folder.path().join("tiny/models/tiny-1/2001.safetensors")).unwrap();
    assert_eq!(model.header.device, "cuda:0 Fake GPU");
}
