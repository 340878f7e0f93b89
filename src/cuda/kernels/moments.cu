// Lag transform, standardisation over days, and their gradients; the equations are in nn/lag.rs and nn/correlation.rs.
// Returns are never gathered into a batch: every kernel reads the rows of the panel given by the sample's assets and
// day.

// alpha, beta [n_days] for returns in daily units. form 0: compact, raw [5]; 1: per lag, raw [2, n_days]; 2: per lag,
// both positive. One thread per day.
extern "C" __global__ void lag_curves(int form, int n_days, real floor, real factor, const real *raw, real *alpha, real *beta) {
    int t = blockIdx.x * blockDim.x + threadIdx.x;
    if (t >= n_days) return;
    real a, b;
    if (form == 0) {
        real age = n_days - t, c[5];
        for (int k = 0; k < 5; k++) c[k] = softplus(raw[k]) + floor;
        a = c[0] * exp(-c[1] * log(age));
        b = c[2] - c[3] * exp(-c[4] * age);
    } else {
        a = form == 1 ? raw[t] : softplus(raw[t]) + floor;
        b = softplus(raw[n_days + t]) + (form == 1 ? real(0) : floor);
    }
    alpha[t] = a * factor;
    beta[t] = b * factor;
}

// Mean over the assets of a sample of the returns present on each day, fill [batch, n_days]. One thread per day.
extern "C" __global__ void market_fill(const real *panel, long long days_of_panel, const int *days, const int *assets, int n,
                                       int n_days, real *fill) {
    int t = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y;
    if (t >= n_days) return;
    double sum = 0;
    int present = 0;
    for (int i = 0; i < n; i++) {
        real r = panel[assets[b * n + i] * days_of_panel + days[b] - n_days + t];
        if (!isnan(r)) {
            sum += r;
            present++;
        }
    }
    fill[b * n_days + t] = real(sum / max(present, 1));
}

// beta, with values near 0 replaced by a tiny one for which alpha / beta * tanh(beta x) equals alpha x to the last
// bit.
__device__ inline real divisible(real beta) { return fabs(beta) < real(1e-20) ? real(1e-20) : beta; }

// Z [batch, n, n_days] and s [batch, n]. One block per row, which is kept in shared memory.
extern "C" __global__ void standardise(const real *panel, long long days_of_panel, const int *days, const int *assets,
                                       const real *fill, int n, int n_days, real floor, const real *alpha, const real *beta,
                                       real *z, real *s) {
    long long row = blockIdx.x;
    int b = row / n, asset = assets[row], first = days[b] - n_days;
    real *y = shared_memory();
    double sum = 0;
    for (int t = threadIdx.x; t < n_days; t += blockDim.x) {
        real x = known(panel, days_of_panel, asset, first + t, fill ? fill[b * n_days + t] : real(0));
        real by = divisible(beta[t]);
        y[t] = alpha[t] / by * tanh(by * x);
        sum += y[t];
    }
    real mean = block_sum(sum) / n_days;
    double squares = 0;
    for (int t = threadIdx.x; t < n_days; t += blockDim.x) squares += (y[t] - mean) * (y[t] - mean);
    real deviation = sqrt(fmax(real(block_sum(squares) / n_days), floor));
    real scale = real(1) / deviation;
    for (int t = threadIdx.x; t < n_days; t += blockDim.x) z[row * n_days + t] = (y[t] - mean) * scale;
    if (threadIdx.x == 0) s[row] = deviation;
}

// From dZ and ds: the mean of a row of dZ, and the factor of Z to be subtracted. One block per row.
extern "C" __global__ void row_means(int n_days, real floor, const real *z, const real *dz, const real *s, const real *ds,
                                     real *mean, real *along) {
    long long row = blockIdx.x;
    double sum = 0, product = 0;
    for (int t = threadIdx.x; t < n_days; t += blockDim.x) {
        sum += dz[row * n_days + t];
        product += dz[row * n_days + t] * z[row * n_days + t];
    }
    sum = block_sum(sum);
    product = block_sum(product);
    if (threadIdx.x == 0) {
        bool free = s[row] > sqrt(floor);
        mean[row] = real(sum / n_days);
        along[row] = free ? real((product / s[row] - ds[row]) / n_days) : real(0);
    }
}

// Gradients of alpha and beta by day, summed over `rows` rows: partial [chunk][2][n_days]. One thread per day; one
// block row of the grid per chunk.
extern "C" __global__ void lag_gradients(const real *panel, long long days_of_panel, const int *days, const int *assets,
                                         const real *fill, int n, int n_days, int all_rows, int rows, const real *alpha,
                                         const real *beta, const real *z, const real *dz, const real *s, const real *mean,
                                         const real *along, real *partial) {
    int t = blockIdx.x * blockDim.x + threadIdx.x, chunk = blockIdx.y;
    if (t >= n_days) return;
    real by = divisible(beta[t]), ratio = alpha[t] / by, d_alpha = 0, d_beta = 0;
    int last = min(all_rows, (chunk + 1) * rows);
#pragma unroll 4
    for (int row = chunk * rows; row < last; row++) {
        int b = row / n;
        real x = known(panel, days_of_panel, assets[row], days[b] - n_days + t, fill ? fill[b * n_days + t] : real(0));
        long long at = (long long)row * n_days + t;
        real dy = (dz[at] - mean[row]) / s[row] - z[at] * along[row];
        real v = by * x, th = tanh(v), slope = (real(1) - th) * (real(1) + th), value = th / by, square = v * v;
        // x^2 tanhc' v uses its series where the direct formula would cancel.
        real upper = square * real(496.0 / 2835.0) + real(-34.0 / 105.0);
        real series = (square * (square * upper + real(8.0 / 15.0)) + real(-2.0 / 3.0)) * v * x * x * by;
        real by_beta = fabs(v) < real(0.05) ? series : x * slope - value;
        d_alpha += dy * value;
        d_beta += dy * ratio * by_beta;
    }
    partial[(2 * chunk) * (long long)n_days + t] = d_alpha;
    partial[(2 * chunk + 1) * (long long)n_days + t] = d_beta;
}

// The sum of the chunks, curves [2 * n_days]. One thread per element.
extern "C" __global__ void lag_sum(int width, int chunks, const real *partial, double *curves) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= width) return;
    double sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++) sum += partial[(long long)chunk * width + k];
    curves[k] = sum;
}

// Gradients of the raw parameters from those of the curves in daily units, stored as those of the first sample; those
// of the other samples, each `stride` elements further, become 0. One block.
extern "C" __global__ void lag_raw(int form, int n_days, real floor, real factor, const real *raw, const double *curves,
                                   int batch, int stride, real *gradient) {
    const double *d_alpha = curves, *d_beta = curves + n_days;
    int count = form == 0 ? 5 : 2 * n_days;
    for (int b = 1; b < batch; b++)
        for (int k = threadIdx.x; k < count; k += blockDim.x) gradient[(long long)b * stride + k] = 0;
    if (form != 0) {
        for (int t = threadIdx.x; t < n_days; t += blockDim.x) {
            gradient[t] = real(d_alpha[t] * factor) * (form == 1 ? real(1) : sigmoid(raw[t]));
            gradient[n_days + t] = real(d_beta[t] * factor) * sigmoid(raw[n_days + t]);
        }
        return;
    }
    double c[5], sums[5] = {0, 0, 0, 0, 0};
    for (int k = 0; k < 5; k++) c[k] = softplus(raw[k]) + floor;
    for (int t = threadIdx.x; t < n_days; t += blockDim.x) {
        double age = n_days - t, power = exp(-c[1] * log(age)), decay = exp(-c[4] * age);
        sums[0] += d_alpha[t] * power;
        sums[1] -= d_alpha[t] * c[0] * power * log(age);
        sums[2] += d_beta[t];
        sums[3] -= d_beta[t] * decay;
        sums[4] += d_beta[t] * c[3] * age * decay;
    }
    for (int k = 0; k < 5; k++) {
        double sum = block_sum(sums[k]);
        if (threadIdx.x == 0) gradient[k] = real(sum * factor) * sigmoid(raw[k]);
    }
}
