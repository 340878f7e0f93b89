// The steps between eigenvalues and weights other than the scan: ties, tokens, dense layers, normalised inverses. The
// equations are in nn/spectrum.rs, nn/tokens.rs, nn/volatility.rs and nn/head.rs.

// Ties among the ascending eigenvalues of a sample. [first, end) is the run of tied values that each belongs to,
// and each is replaced by the mean of its run; the first n_null are 0 and form one run. Where info is not 0 the solver
// failed, and the values become NaN. One block per sample.
extern "C" __global__ void ties(int n, int n_null, real tie, const int *info, real *values, int *first, int *end) {
    real *lambda = shared_memory();
    values += (long long)blockIdx.x * n;
    first += (long long)blockIdx.x * n;
    end += (long long)blockIdx.x * n;
    for (int k = threadIdx.x; k < n; k += blockDim.x) lambda[k] = info[blockIdx.x] ? real(nan("")) : k < n_null ? real(0) : values[k];
    __syncthreads();
    real closest = tie * lambda[n - 1];
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        int from = k, to = k + 1;
        if (k < n_null) {
            from = 0;
            to = n_null;
        } else {
            while (from > n_null && lambda[from] - lambda[from - 1] <= closest) from--;
            while (to < n && lambda[to] - lambda[to - 1] <= closest) to++;
        }
        first[k] = from;
        end[k] = to;
        values[k] = tied_mean(lambda, first, end, k);
    }
}

// tokens [rows, 1 + features]. One thread per row.
extern "C" __global__ void tokens(int rows, int features, real f0, real f1, real f2, real f3, const real *values, real *out) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    real f[4] = {f0, f1, f2, f3};
    out[(long long)row * (1 + features)] = values[row];
    for (int k = 0; k < 4; k++)
        if (k < features) out[(long long)row * (1 + features) + 1 + k] = f[k];
}

// x <- leaky(x + bias), slope 0.2 below 0. One thread per element.
extern "C" __global__ void leaky(int count, int columns, const real *bias, real *x) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    real y = x[k] + bias[k % columns];
    x[k] = y > real(0) ? y : real(0.2) * y;
}

// Replaces the gradient after the rectifier by the gradient before it.
extern "C" __global__ void leaky_back(int count, const real *x, real *dx) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k < count && x[k] <= real(0)) dx[k] *= real(0.2);
}

// u = softplus(x + bias), averaged over ties if there are any; out = max(u, floor) normalised to mean(1 / out^power) =
// 1; with power 0, out = u. x is replaced by x + bias. One block per sample.
extern "C" __global__ void inverses(int n, int power, real floor, const real *bias, const int *first, const int *end, real *x,
                                    real *out) {
    real *u = shared_memory();
    long long at = (long long)blockIdx.x * n;
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        x[at + k] += bias[0];
        u[k] = softplus(x[at + k]);
    }
    __syncthreads();
    double sum = 0;
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        real v = first ? tied_mean(u, first + at, end + at, k) : u[k];
        real f = power ? fmax(v, floor) : v;
        out[at + k] = f;
        sum += power == 2 ? real(1) / (f * f) : real(1) / f;
    }
    real mean = block_sum(sum) / n;
    real scale = power == 0 ? real(1) : power == 1 ? mean : sqrt(mean);
    for (int k = threadIdx.x; k < n; k += blockDim.x) out[at + k] *= scale;
}

// The gradient of x from that of out. One block per sample.
extern "C" __global__ void inverses_back(int n, int power, real floor, const int *first, const int *end, const real *x,
                                         const real *d_out, real *dx) {
    real *u = shared_memory(), *du = u + n;
    long long at = (long long)blockIdx.x * n;
    for (int k = threadIdx.x; k < n; k += blockDim.x) u[k] = softplus(x[at + k]);
    __syncthreads();
    double sum = 0, along = 0;
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        real v = first ? tied_mean(u, first + at, end + at, k) : u[k], f = fmax(v, floor);
        sum += power == 2 ? real(1) / (f * f) : real(1) / f;
        along += d_out[at + k] * f;
    }
    real mean = block_sum(sum) / n;
    along = block_sum(along);
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        real v = first ? tied_mean(u, first + at, end + at, k) : u[k], f = fmax(v, floor), d = d_out[at + k];
        real df = d;
        if (power == 1) df = mean * d - real(along) / (n * f * f);
        if (power == 2) df = sqrt(mean) * d - real(along) / (sqrt(mean) * n * f * f * f);
        du[k] = power == 0 || v >= floor ? df : real(0);
    }
    __syncthreads();
    for (int k = threadIdx.x; k < n; k += blockDim.x)
        dx[at + k] = (first ? tied_mean(du, first + at, end + at, k) : du[k]) * sigmoid(x[at + k]);
}

// out[k] = value. One thread per element.
extern "C" __global__ void fill_with(int count, real value, real *out) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k < count) out[k] = value;
}
