#!/usr/bin/env bash
# Checks and measures a CUDA device, everything in one call: scripts/measure-cuda.sh MINVAR OUT
#
# MINVAR is a program built by scripts/build-cuda.sh; OUT gets
#   device.txt      the device and its parity with the processor, in single and double precision
#   cuda.md         ceilings, training steps by stage, inference of 1,000 assets
#   cuda.json       the same as numbers
#   cuda_peer.md    the same steps by rienet-torch and by minvar, taking turns (where Python has rienet_torch and torch sees
#                   the device)
#   train.txt       stages and rates of trainings with the paper's batches, synthetic returns: scripts/measure-cuda.toml
# Copy cuda.md and cuda_peer.md to results/benchmarks/.
set -euo pipefail
minvar=$(realpath "${1:?the program}")
out=${2:?a folder for results}
mkdir -p "$out"
cd "$(dirname "$0")/.."
device=${DEVICE:-cuda:0}

# Where CUDA's libraries came with Python packages, they are used.
wheels=$("${PYTHON:-python3}" -c 'import glob, nvidia; print(":".join(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib")))' \
  2>/dev/null || true)
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}${wheels:+:$wheels}"

"$minvar" device | tee "$out/device.txt"
"$minvar" device --check --device "$device" 2>&1 | tee -a "$out/device.txt"
"$minvar" device --measure --device "$device" | tee "$out/cuda.md"
"$minvar" device --measure --device "$device" --json > "$out/cuda.json"
"$minvar" train scripts/measure-cuda.toml --timings --device "$device" | tee "$out/train.txt"
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
for at_once in 1 2; do # one model at a time, then both at once
  rm -rf "$models"/*
  start=$(date +%s)
  "$minvar" train scripts/measure-cuda.toml --out "$models" --device "$device" --parallel-models "$at_once" 2>> "$out/train.txt"
  echo "both models, $at_once at once: $(($(date +%s) - start)) s" | tee -a "$out/train.txt"
done
if "${PYTHON:-python3}" -c 'import rienet_torch, torch; assert torch.cuda.is_available()' 2>/dev/null; then
  "${PYTHON:-python3}" benches/peer/network.py --minvar "$minvar" --device "$device" --out "$out/cuda_peer.md"
else
  echo "skipped the peer: Python has no rienet_torch, or torch sees no device" | tee "$out/cuda_peer.md"
fi
