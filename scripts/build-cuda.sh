#!/usr/bin/env bash
# Builds minvar for CUDA devices: scripts/build-cuda.sh [--libraries DIR]
#
# Building needs neither a GPU nor a CUDA toolkit: kernels are compiled when a device is opened, and the driver and CUDA's
# libraries are looked for at run time. What is built runs on any machine, on those without a driver on the processor.
#
# A machine that runs it on a GPU needs the NVIDIA driver and NVRTC, cuBLAS and cuSOLVER of CUDA 12.6.2 or later. A CUDA toolkit
# has them; where there is none, --libraries downloads them from PyPI (NVIDIA's wheels of CUDA 13.0 for x86-64 Linux, 1.2 GB,
# driver 580 or later) into DIR. Copy DIR to the machine and put DIR on LD_LIBRARY_PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
libraries=
case "${1:-}" in
  "") ;;
  --libraries) libraries=${2:?a folder} ;;
  *) sed -n '2,10s/^# \?//p' "$0"; exit 2 ;;
esac

cargo build --release --features cuda
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
echo "built $target/release/minvar; on the machine with the GPU: minvar device --check"

if [ -n "$libraries" ]; then
  mkdir -p "$libraries"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  "${PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary=:all: --dest "$folder" \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux_2_27_x86_64 \
    nvidia-cuda-nvrtc==13.0.88 nvidia-cublas==13.0.2.14 nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3 \
    nvidia-nvjitlink==13.0.88
  for wheel in "$folder"/*.whl; do
    "${PYTHON:-python3}" -m zipfile -e "$wheel" "$folder/unpacked"
  done
  cp "$folder"/unpacked/nvidia/cu13/lib/*.so* "$libraries"/
  rm -f "$libraries"/{libcusolverMg,libnvblas}.so* "$libraries"/*.alt.so* # not used
  echo "CUDA's libraries are in $libraries: export LD_LIBRARY_PATH=$libraries"
fi
