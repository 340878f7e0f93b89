"""Times rienet-torch (and rienet) and minvar on the same arrays, taking turns. See README.md."""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TRAINING = [("GRU", 16, n) for n in (100, 200, 350)] + [("LSTM", 64, n) for n in (100, 200, 350)]
INFERENCE = [("GRU", 16, n) for n in (350, 1000)] + [("LSTM", 64, n) for n in (350, 1000)]
DAYS = 1200


def make_arrays(path, batch, n):
    """Daily returns of a one-factor market with realised covariances."""
    import numpy as np
    from safetensors.numpy import save_file

    rng = np.random.default_rng(n)
    factor = 0.01 * rng.standard_normal((batch, 1, DAYS + 20))
    beta = rng.uniform(0.5, 1.5, (batch, n, 1))
    own = rng.uniform(0.01, 0.03, (batch, n, 1))
    returns = (beta * factor + own * rng.standard_normal((batch, n, DAYS + 20))).astype(np.float32)
    future = returns[:, :, DAYS:].astype(np.float64)
    sigma = (252 / 20 * future @ future.transpose(0, 2, 1)).astype(np.float32)
    inputs = np.ascontiguousarray(returns[:, :, :DAYS])
    save_file({"inputs": inputs, "sigma": np.ascontiguousarray(sigma)}, path)


def torch_child(path, cell, units, forward_only, repetitions, threads, device="cpu"):
    import torch
    from rienet_torch import RIEnetLayer, variance_loss_function
    from safetensors.torch import load_file

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    arrays = load_file(path)
    inputs, sigma = arrays["inputs"].to(device), arrays["sigma"].to(device)
    net = RIEnetLayer(output_type="weights", recurrent_cell=cell, recurrent_layer_sizes=(units,))
    if device != "cpu":
        with torch.no_grad():
            net(arrays["inputs"][:1])  # the first call creates the layers, on the device of its input
        net = net.to(device)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    optimiser = None
    times = []
    for repetition in range(repetitions + 1):
        wait()
        start = time.perf_counter()
        if forward_only:
            with torch.no_grad():
                net(inputs)
        else:
            weights = net(inputs)
            optimiser = optimiser or torch.optim.Adam(net.parameters(), 1e-3)
            optimiser.zero_grad()
            variance_loss_function(sigma, weights).mean().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
        wait()
        if repetition > 0:
            times.append(time.perf_counter() - start)
    return times


def rienet_child(path, cell, units, forward_only, repetitions, threads, device):
    import tensorflow as tf
    from rienet import RIEnetLayer, variance_loss_function
    from safetensors.numpy import load_file

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    arrays = load_file(path)
    inputs, sigma = tf.constant(arrays["inputs"]), tf.constant(arrays["sigma"])
    net = RIEnetLayer(output_type="weights", recurrent_cell=cell, recurrent_layer_sizes=(units,))
    optimiser = tf.keras.optimizers.Adam(1e-3, global_clipnorm=1.0)

    @tf.function
    def forward():
        return net(inputs)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(variance_loss_function(sigma, net(inputs, training=True)))
        variables = net.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    times = []
    for repetition in range(repetitions + 1):
        start = time.perf_counter()
        (forward if forward_only else step)()
        if repetition > 0:
            times.append(time.perf_counter() - start)
    return times


def minvar_child(path, cell, units, forward_only, repetitions, threads, device, binary):
    command = [binary, "model", "time", "--json", "--arrays", path, "--cell", cell.lower(), "--units", str(units)]
    command += ["--repeat", str(repetitions), "--threads", str(threads), "--device", device]
    command += ["--forward-only"] if forward_only else []
    # candle sizes its own thread pool by this variable.
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return json.loads(output)["total"]


def run_child(name, *arguments):
    """Works in a fresh small process, because a forked child's peak memory includes that of its parent."""
    command = [sys.executable, __file__, "--child", name, *map(str, arguments)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minvar", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--rienet", action="store_true")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N, for both sides")
    arguments = parser.parse_args()
    peers = ["rienet-torch"] + (["rienet"] if arguments.rienet else [])
    sides = ["minvar"] + peers
    lines = []
    work = [(32, *shape, False) for shape in TRAINING] + [(1, *shape, True) for shape in INFERENCE]
    with tempfile.TemporaryDirectory() as folder:
        for batch, cell, units, n, forward_only in work:
            path = pathlib.Path(folder) / f"{batch}_{n}.safetensors"
            if not path.exists():
                make_arrays(path, batch, n)
            times = {side: [] for side in sides}
            peak = {side: 0.0 for side in sides}
            for _ in range(arguments.rounds):
                for side in sides:
                    common = (cell, units, int(forward_only), arguments.repeat, arguments.threads, arguments.device)
                    result = run_child(side, path, *common, *([arguments.minvar] if side == "minvar" else []))
                    times[side] += result["times"]
                    peak[side] = max(peak[side], result["peak_mib"])
            median = {side: statistics.median(times[side]) for side in sides}
            best = {side: min(times[side]) for side in sides}
            what = "forward" if forward_only else "step"
            row = f"| {what}, batch {batch}, n = {n}, {cell} {units} |"
            digits = 0 if arguments.device == "cpu" else 2
            row += "".join(f" {1e3 * median[side]:.{digits}f} ({1e3 * best[side]:.{digits}f}) |" for side in sides)
            row += "".join(f" {median[peer] / median['minvar']:.1f} |" for peer in peers)
            row += "".join(f" {peak[side]:.0f} |" for side in sides)
            lines.append(row)
            print(row, flush=True)
    columns = ["work"] + [f"{side}, ms" for side in sides] + [f"{peer} / minvar" for peer in peers]
    columns += [f"{side}, MiB" for side in sides]
    header = "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns)
    text = f"T = {DAYS}, float32, {arguments.device}, {arguments.threads} threads, {platform.machine()}; median (best) of "
    text += f"{arguments.rounds * arguments.repeat} repetitions, taking turns; peak memory of the whole process.\n\n"
    text += header + "\n" + "\n".join(lines) + "\n"
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        _, _, name, path, cell, units, forward_only, repetitions, threads, device, *binary = sys.argv
        child = {"minvar": minvar_child, "rienet-torch": torch_child, "rienet": rienet_child}[name]
        times = child(path, cell, int(units), bool(int(forward_only)), int(repetitions), int(threads), device, *binary)
        who = resource.RUSAGE_CHILDREN if name == "minvar" else resource.RUSAGE_SELF
        print(json.dumps({"times": times, "peak_mib": resource.getrusage(who).ru_maxrss / 1024}))
    else:
        main()
