// Shared definitions of all kernels. `real` is float or double. Arrays are row-major; b counts samples, i assets, k
// eigenvalues, t days. Every sum has a fixed order, so the same input gives the same bytes.

#ifndef EMULATED
extern __shared__ double shared_bytes[];
#endif

// The block's dynamic shared memory, of the size given at the launch.
__device__ inline real *shared_memory() { return (real *)shared_bytes; }

// The sum of x over the block, returned to all its threads. Blocks consist of whole warps.
__device__ inline double block_sum(double x) {
    __shared__ double warps[32];
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
    __syncthreads(); // the previous sum may still be in use
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    double total = 0;
    for (int w = 0; w < blockDim.x / 32; w++) total += warps[w];
    return total;
}

__device__ inline real softplus(real x) { return fmax(x, real(0)) + log1p(exp(-fabs(x))); }

__device__ inline real sigmoid(real x) { return real(1) / (real(1) + exp(-x)); }

// A daily return of the panel `[asset][day]`; a missing one becomes `fill`.
__device__ inline real known(const real *panel, long long days_of_panel, int asset, int day, real fill) {
    real r = panel[asset * days_of_panel + day];
    return isnan(r) ? fill : r;
}

// The mean of the run of tied values that includes k: elements first[k] to end[k] - 1.
__device__ inline real tied_mean(const real *values, const int *first, const int *end, int k) {
    if (end[k] - first[k] == 1) return values[k];
    double sum = 0;
    for (int l = first[k]; l < end[k]; l++) sum += values[l];
    return real(sum / (end[k] - first[k]));
}
