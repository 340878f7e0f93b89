// Minimum-variance weights, the loss and their gradients; the equations are in nn/weights.rs and nn/loss.rs. The rows
// of V are eigenvectors: V[b, k, i] with `rank` rows, samples `stride` elements apart. mu, lambda and ties have all n
// eigenvalues, of which the first n - rank are the null space.

// y[b, k] = sum_i V[b, k, i] x[b, i]. One warp per row, eight warps per block; y has n elements per sample.
extern "C" __global__ void project(int n, int rank, long long stride, const real *v, const real *x, real *y) {
    int k = blockIdx.x * 8 + threadIdx.x / 32, b = blockIdx.y;
    double sum = 0;
    if (k < rank)
        for (int i = threadIdx.x % 32; i < n; i += 32) sum += v[b * stride + (long long)k * n + i] * x[b * n + i];
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    if (k < rank && threadIdx.x % 32 == 0) y[b * n + k] = real(sum);
}

// Applies a spectral function of C: out[b, i] = null x_i + sum_k (f_k - null) y_k V_ki. what 0: f = mu, S x; 1: f = 0
// and null = 1, P x; 2: f = 1 / mu and y_k V_ki^2 for y = x = 1, the diagonal of the inverse of S. Each block
// processes 32 assets; each of its eight warps takes every eighth eigenvector.
extern "C" __global__ void combine(int what, int n, int rank, long long stride, const real *v, const real *mu, const real *x,
                                   const real *y, real *out) {
    __shared__ real parts[8][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, i = blockIdx.x * 32 + lane, b = blockIdx.y, n_null = n - rank;
    real null = what == 1 ? real(1) : n_null == 0 ? real(0) : what == 0 ? mu[b * n] : real(1) / mu[b * n];
    real sum = 0;
    if (i < n) {
#pragma unroll 4
        for (int k = warp; k < rank; k += 8) {
            real m = mu[b * n + n_null + k], e = v[b * stride + (long long)k * n + i];
            if (what == 0) sum += (m - null) * y[b * n + k] * e;
            if (what == 1) sum -= y[b * n + k] * e;
            if (what == 2) sum += (real(1) / m - null) * e * e;
        }
    }
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && i < n) {
        sum = what == 2 ? null : null * x[b * n + i];
        for (int w = 0; w < 8; w++) sum += parts[w][lane];
        out[b * n + i] = sum;
    }
}

// a = root * d with root = sqrt(D), or 1 if the diagonal is not scaled. One thread per element.
extern "C" __global__ void scales(int count, int unit, const real *diagonal, const real *d, real *root, real *a) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    root[k] = unit ? sqrt(diagonal[k]) : real(1);
    a[k] = root[k] * d[k];
}

// Weights w = r / sum r of r = a * Sa, the loss n f mean_h p_h^2 of the demeaned portfolio returns p over the
// `horizon` days after the decision day, and the gradient g of `share` times the loss with respect to r. One block per
// sample; horizon 0: weights only.
extern "C" __global__ void portfolio(const real *panel, long long days_of_panel, const int *days, const int *assets, int n,
                                     int horizon, real factor, real share, const real *a, const real *sa, real *w, double *loss,
                                     real *g) {
    int b = blockIdx.x;
    long long at = (long long)b * n;
    double total = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) total += a[at + i] * sa[at + i];
    total = block_sum(total);
    for (int i = threadIdx.x; i < n; i += blockDim.x) w[at + i] = real(a[at + i] * sa[at + i] / total);
    if (horizon == 0) return;
    double *p = (double *)shared_bytes, mean = 0, squares = 0;
    for (int h = 0; h < horizon; h++) {
        double sum = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x)
            sum += double(w[at + i]) * known(panel, days_of_panel, assets[at + i], days[b] + 1 + h, real(0));
        sum = block_sum(sum);
        if (threadIdx.x == 0) p[h] = sum;
        mean += sum / horizon;
    }
    __syncthreads();
    for (int h = 0; h < horizon; h++) squares += (p[h] - mean) * (p[h] - mean);
    double scale = double(n) * factor / horizon, inner = 0;
    if (threadIdx.x == 0) loss[b] = scale * squares;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        double dw = 0;
        for (int h = 0; h < horizon; h++)
            dw += 2 * scale * share * (p[h] - mean) * known(panel, days_of_panel, assets[at + i], days[b] + 1 + h, real(0));
        g[at + i] = real(dw);
        inner += dw * w[at + i];
    }
    inner = block_sum(inner);
    for (int i = threadIdx.x; i < n; i += blockDim.x) g[at + i] = real((g[at + i] - inner) / total);
}

// q = g * a. One thread per element.
extern "C" __global__ void scaled(int count, const real *g, const real *a, real *q) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k < count) q[k] = g[k] * a[k];
}

// dd and dD from g, Sa and Sq. One thread per element.
extern "C" __global__ void scales_back(int count, int unit, const real *g, const real *sa, const real *sq, const real *a,
                                       const real *root, real *dd, real *d_diagonal) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    real da = g[k] * sa[k] + sq[k];
    dd[k] = da * root[k];
    d_diagonal[k] = unit ? da * a[k] / (real(2) * root[k] * root[k]) : real(0);
}

// out[b, k, i] = V[b, k, i] by[b, i] (along 0), or times (1 / mu_k - null) (along 1). One thread per element, the
// samples along y.
extern "C" __global__ void scaled_rows(int along, int n, int rank, long long stride, const real *v, const real *by, real *out) {
    int k = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y, n_null = n - rank;
    if (k >= rank * n) return;
    const real *of = by + (long long)b * n;
    real null = n_null > 0 && along ? real(1) / of[0] : real(0);
    out[b * stride + k] = v[b * stride + k] * (along ? real(1) / of[n_null + k / n] - null : of[k % n]);
}

// dmu [batch, n] from E in h. One block per sample.
extern "C" __global__ void mu_gradient(int n, int rank, long long stride, const real *h, const real *mu, const real *t,
                                       const real *y, const real *q, const real *a, const real *d_diagonal, real *dmu) {
    int n_null = n - rank;
    long long at = (long long)blockIdx.x * n;
    const real *e = h + blockIdx.x * stride;
    double inner = 0, trace = 0;
    for (int k = threadIdx.x; k < rank; k += blockDim.x) {
        real m = mu[at + n_null + k], diagonal = e[(long long)k * rank + k];
        dmu[at + n_null + k] = t[at + k] * y[at + k] - diagonal / (m * m);
        inner -= t[at + k] * y[at + k];
        trace -= diagonal;
    }
    if (n_null == 0) return;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        inner += q[at + i] * a[at + i];
        trace += d_diagonal[at + i];
    }
    inner = block_sum(inner);
    trace = block_sum(trace);
    real null = mu[at];
    for (int k = threadIdx.x; k < n_null; k += blockDim.x) dmu[at + k] = real((inner - trace / (null * null)) / n_null);
}

// Replaces -E V' in x by the terms that couple an eigenvector to the null space. One thread per element.
extern "C" __global__ void null_rows(int n, int rank, long long stride, const real *lambda, const real *mu, const real *t,
                                     const real *y, const real *pa, const real *pq, const real *weighted, real *x) {
    int at = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y, n_null = n - rank;
    if (at >= rank * n) return;
    int k = at / n, i = at % n;
    real null = mu[b * n], m = mu[b * n + n_null + k];
    real difference = (m - null) / lambda[b * n + n_null + k];
    real e = weighted[b * stride + at] + x[b * stride + at];
    real half = (t[b * n + k] * pa[b * n + i] + y[b * n + k] * pq[b * n + i]) * real(0.5);
    x[b * stride + at] = difference * (half - e / (m * null));
}

// Replaces E by half of H, with half the gradient of the eigenvalues on its diagonal. One thread per element.
extern "C" __global__ void half_h(int n, int rank, long long stride, const real *lambda, const real *mu, const int *first,
                                  const int *end, const real *t, const real *y, const real *d_lambda, real *h) {
    int at = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y, n_null = n - rank;
    if (at >= rank * rank) return;
    int k = at / rank, l = at % rank;
    const real *mus = mu + b * n + n_null, *lambdas = lambda + b * n + n_null;
    first += (long long)b * n, end += (long long)b * n;
    real value = 0;
    if (first[n_null + k] != first[n_null + l]) {
        real bracket = (t[b * n + k] * y[b * n + l] + y[b * n + k] * t[b * n + l]) * real(0.5);
        bracket -= h[b * stride + at] / mus[k] / mus[l];
        value = (mus[k] - mus[l]) / (lambdas[k] - lambdas[l]) * bracket * real(0.5);
    }
    if (k == l) value += real(0.5) * tied_mean(d_lambda + (long long)b * n, first, end, n_null + k);
    h[b * stride + at] = value;
}

// The covariance with unit mean: (out_ij + null [i = j]) / (a_i a_j), a = root * d. One thread per element.
extern "C" __global__ void covariances(int n, int rank, const real *mu, const real *a, real *out) {
    int at = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y;
    if (at >= n * n) return;
    int i = at / n, j = at % n;
    real null = i == j && rank < n ? real(1) / mu[b * n] : real(0);
    out[(long long)b * n * n + at] = (out[(long long)b * n * n + at] + null) / (a[b * n + i] * a[b * n + j]);
}
