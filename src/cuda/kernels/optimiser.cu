// Adam, as in train/adam.rs: moments, gradients and arithmetic are in double precision.

// sums += weight times the gradients of all samples [batch, count]. One thread per element.
extern "C" __global__ void accumulate(int count, int batch, double weight, const real *gradients, double *sums) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    double sum = 0;
    for (int b = 0; b < batch; b++) sum += gradients[(long long)b * count + k];
    sums[k] += weight * sum;
}

// The mean of the losses of a batch. One block.
extern "C" __global__ void mean_loss(int batch, const double *losses, double *mean) {
    double sum = 0;
    for (int b = threadIdx.x; b < batch; b += blockDim.x) sum += losses[b];
    sum = block_sum(sum);
    if (threadIdx.x == 0) mean[0] = sum / batch;
}

// The norm of the gradient. One block.
extern "C" __global__ void gradient_norm(int count, const double *gradients, double *norm) {
    double sum = 0;
    for (int k = threadIdx.x; k < count; k += blockDim.x) sum += gradients[k] * gradients[k];
    sum = block_sum(sum);
    if (threadIdx.x == 0) norm[0] = sqrt(sum);
}

// One step of Adam; the norm is clipped to `most`, and the gradient is reset to 0 for the next step. One thread per
// element.
extern "C" __global__ void adam(int count, double rate, double first_correction, double second_correction, double most,
                                const double *norm, double *gradients, double *first, double *second, real *values) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    double g = gradients[k] * (norm[0] > most ? most / norm[0] : 1.0);
    double m = 0.9 * first[k] + (1.0 - 0.9) * g, v = 0.999 * second[k] + (1.0 - 0.999) * g * g;
    values[k] = real(values[k] - rate * (m / first_correction) / (sqrt(v / second_correction) + 1e-8));
    first[k] = m;
    second[k] = v;
    gradients[k] = 0;
}

// A copy, to measure the device's bandwidth: each thread copies four elements at a time.
extern "C" __global__ void copied(long long count, const float4 *from, float4 *to) {
    for (long long k = blockIdx.x * (long long)blockDim.x + threadIdx.x; k < count; k += (long long)gridDim.x * blockDim.x)
        to[k] = from[k];
}
