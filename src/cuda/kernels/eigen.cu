// Eigenvalues, third part: from the eigenvectors of the tridiagonal matrix to those of the matrix, the check of the
// result, and the method for matrices that fail it.

// Entry i < 513 of a vector without structure, along which results are checked.
__device__ inline real direction(int i) { return real((i * i * 7919 + i * 104729) % 1000003) / real(1000003) - real(0.5); }

// The sums of COUNT numbers over the lanes of a warp, in all lanes.
template <int COUNT> __device__ inline void warp_sums(real *x) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
#pragma unroll
        for (int k = 0; k < COUNT; k++) x[k] += __shfl_xor_sync(0xffffffffu, x[k], offset);
}

// A warp's part of the eigenvectors: COUNT rows, of which each lane has every 32nd entry.
template <int ENTRIES, int COUNT> struct Rows {
    real of[COUNT][ENTRIES];

    // Applies I - t v v', where v is zero down to row i.
    __device__ inline void reflect(const real *v, real t, int i) {
        constexpr int STEP = 4; // entries that are skipped where a reflector is zero
        real sums[COUNT] = {};
#pragma unroll
        for (int e = 0; e < ENTRIES; e += STEP) {
            if (32 * (e + STEP) <= i) continue;
#pragma unroll
            for (int f = e; f < e + STEP; f++)
#pragma unroll
                for (int k = 0; k < COUNT; k++) sums[k] += v[f] * of[k][f];
        }
        warp_sums<COUNT>(sums);
#pragma unroll
        for (int k = 0; k < COUNT; k++) sums[k] *= -t;
#pragma unroll
        for (int e = 0; e < ENTRIES; e += STEP) {
            if (32 * (e + STEP) <= i) continue;
#pragma unroll
            for (int f = e; f < e + STEP; f++)
#pragma unroll
                for (int k = 0; k < COUNT; k++) of[k][f] += v[f] * sums[k];
        }
    }
};

// Applies the reflectors of a reduction to the rows of u [batch, n, n], the last reflector first, and multiplies the
// results by the direction of the check. n is more than 32 (ENTRIES - 4). One warp for COUNT rows, which stay in its
// registers; a reflector is loaded while the one before is applied.
template <int ENTRIES, int COUNT>
__device__ inline void transform_back(int n, const real *reflectors, const real *tau, real *u, real *along, const int *info) {
    int b = blockIdx.y, lane = threadIdx.x % 32, first = (blockIdx.x * 4 + threadIdx.x / 32) * COUNT;
    if (info[b] == 1 || first >= n) return;
    reflectors += (long long)b * n * n, tau += (long long)b * n, u += (long long)b * n * n, along += (long long)b * n;
    Rows<ENTRIES, COUNT> rows;
    auto is_row = [&](int e) { return e < ENTRIES - 4 || 32 * e + lane < n; };
#pragma unroll
    for (int e = 0; e < ENTRIES; e++)
#pragma unroll
        for (int k = 0; k < COUNT; k++)
            rows.of[k][e] = is_row(e) && first + k < n ? u[(first + k) * n + 32 * e + lane] : real(0);
    real one[ENTRIES] = {}, other[ENTRIES] = {};
    auto load = [&](int i, real *v) {
        const real *from = reflectors + max(i, 0) * n + lane;
#pragma unroll
        for (int e = 0; e < ENTRIES; e++)
            if (is_row(e)) v[e] = from[32 * e];
    };
    load(n - 2, one);
    for (int i = n - 2; i >= 0; i -= 2) {
        load(i - 1, other);
        rows.reflect(one, tau[i], i);
        load(i - 2, one);
        if (i > 0) rows.reflect(other, tau[i - 1], i - 1);
    }
    real sums[COUNT] = {};
#pragma unroll
    for (int e = 0; e < ENTRIES; e++) {
        real by = direction(32 * e + lane);
#pragma unroll
        for (int k = 0; k < COUNT; k++) {
            sums[k] += rows.of[k][e] * by;
            if (is_row(e) && first + k < n) u[(first + k) * n + 32 * e + lane] = rows.of[k][e];
        }
    }
    warp_sums<COUNT>(sums);
#pragma unroll
    for (int k = 0; k < COUNT; k++)
        if (lane == 0 && first + k < n) along[first + k] = sums[k];
}

// Eigenvectors of a warp: as many as it has registers for, or few, so that all multiprocessors have some.
constexpr int FEW = 4, MANY = sizeof(real) == 4 ? 8 : 4;

// For up to 128, 256, 384 and 512 rows.
extern "C" __global__ void __launch_bounds__(128) eigen_back_4(int n, const real *reflectors, const real *tau, real *u, real *along, const int *info) {
    transform_back<4, FEW>(n, reflectors, tau, u, along, info);
}
extern "C" __global__ void __launch_bounds__(128) eigen_back_8(int n, const real *reflectors, const real *tau, real *u, real *along, const int *info) {
    transform_back<8, MANY>(n, reflectors, tau, u, along, info);
}
extern "C" __global__ void __launch_bounds__(128) eigen_back_12(int n, const real *reflectors, const real *tau, real *u, real *along, const int *info) {
    transform_back<12, MANY>(n, reflectors, tau, u, along, info);
}
extern "C" __global__ void __launch_bounds__(128) eigen_back_16(int n, const real *reflectors, const real *tau, real *u, real *along, const int *info) {
    transform_back<16, FEW>(n, reflectors, tau, u, along, info);
}

// Brings eigenvalues back to the scale of the matrix, and checks, for the matrix divided by its scale, that its trace and
// the sum of its squares are those of the eigenvalues, and V'LV = A and V'V = 1 along one direction, with which V was
// multiplied before. info becomes 2 where it fails. One block per matrix, with at least one thread per row; a thread has a
// row and every few columns.
extern "C" __global__ void __launch_bounds__(1024) eigen_check(int n, const real *matrices, const real *v, const real *scale, const real *along, real *values, int *info) {
    __shared__ real inner[MOST_ROWS], towards[MOST_ROWS], lambda[MOST_ROWS], residuals[1024], rests[1024];
    int b = blockIdx.x, padded = (n + 31) & ~31, i = threadIdx.x % padded;
    int group = threadIdx.x / padded, groups = blockDim.x / padded;
    if (info[b] == 1) return;
    matrices += (long long)b * n * n, v += (long long)b * n * n, values += (long long)b * n, along += (long long)b * n;
    for (int k = threadIdx.x; k < n; k += blockDim.x) inner[k] = along[k], towards[k] = direction(k), lambda[k] = values[k];
    __syncthreads();
    real residual = 0, rest = 0, squares = 0, factor = real(1) / scale[b];
    constexpr int COUNT = 8; // columns whose loads overlap
    for (int first = group; i < n && group < groups && first < n; first += COUNT * groups) {
        real x[COUNT], a[COUNT];
#pragma unroll
        for (int j = 0; j < COUNT; j++) {
            int k = first + j * groups;
            x[j] = k < n ? v[k * n + i] : real(0), a[j] = k < n ? matrices[k * n + i] * factor : real(0);
        }
#pragma unroll
        for (int j = 0; j < COUNT; j++) {
            int k = min(first + j * groups, n - 1);
            residual += a[j] * towards[k] - lambda[k] * x[j] * inner[k];
            rest -= x[j] * inner[k];
            squares += a[j] * a[j];
        }
    }
    residuals[threadIdx.x] = residual, rests[threadIdx.x] = rest;
    __syncthreads();
    residual = 0, rest = threadIdx.x < n ? towards[i] : real(0);
    for (int g = 0; g < groups && threadIdx.x < n; g++) residual += residuals[g * padded + i], rest += rests[g * padded + i];
    // Of the thread's row: the entry of the direction, the eigenvalue, and the entry on the diagonal.
    bool has_row = threadIdx.x < n;
    double entry = has_row ? towards[i] : 0.0, value = has_row ? lambda[i] : 0.0;
    double on_diagonal = has_row ? matrices[(long long)i * n + i] * factor : 0.0;
    double length = sqrt(block_sum(entry * entry)), of_matrix = block_sum(squares);
    double of_values = block_sum(value * value), of_traces = block_sum(value - on_diagonal);
    double of_residual = sqrt(block_sum(double(residual) * residual)), of_rest = sqrt(block_sum(double(rest) * rest));
    double unit = 10.0 * n * UNIT, size = sqrt(of_matrix);
    // A comparison with what is not a number is false.
    bool is_right = fabs(of_traces) <= unit * size && fabs(of_values - of_matrix) <= unit * of_matrix &&
                    of_residual * sqrt(double(n)) <= unit * size * length && of_rest <= unit * length;
    if (threadIdx.x == 0 && !is_right) info[b] = 2;
    if (threadIdx.x < n) values[i] = lambda[i] * scale[b];
}

// The rotation that makes the entry pq between two diagonal entries zero, as cosine and sine.
__device__ inline void jacobi_rotation(real pp, real pq, real qq, real *cosine, real *sine) {
    real ratio = (qq - pp) / (pq + pq), root = sqrt(real(1) + ratio * ratio);
    real tangent = fabs(ratio) < real(1e15) ? real(1) / (ratio + (ratio < real(0) ? -root : root)) : real(0.5) / ratio;
    *cosine = real(1) / sqrt(real(1) + tangent * tangent);
    *sine = tangent * *cosine;
}

// Sweeps of Jacobi rotations; six to ten are usual.
constexpr int MOST_JACOBI = 40;

// Decomposes the matrices whose info is 2 again by cyclic Jacobi rotations (Golub and Van Loan 2013, section 8.5),
// which are slow and sure; info becomes 0, or stays 2 if they do not converge. Their number is added to `again`. `a` is
// working memory [batch, n, n]. One block per matrix.
extern "C" __global__ void __launch_bounds__(512) eigen_again(int n, const real *matrices, real *a, real *v, real *values, int *info, int *again) {
    __shared__ real cosine[MOST_ROWS / 2], sine[MOST_ROWS / 2], diagonal[MOST_ROWS];
    int b = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    if (info[b] != 2) return;
    a += (long long)b * n * n, v += (long long)b * n * n, values += (long long)b * n;
    real scale = scaled_copy(n, matrices + (long long)b * n * n, a, n);
    __syncthreads();
    double squares = 0;
    for (int k = threadIdx.x; k < n * n; k += blockDim.x) v[k] = k / n == k % n, squares += double(a[k]) * a[k];
    const real negligible = UNIT * real(sqrt(block_sum(squares)));
    // Players of a tournament: number 0 stays, the others move on by one place each round.
    int players = n + n % 2;
    auto player = [&](int place, int round) { return place == 0 ? 0 : 1 + (place - 1 + round) % (players - 1); };
    bool is_done = n == 1;
    for (int sweep = 0; sweep < MOST_JACOBI && !is_done; sweep++) {
        double rotated = 0;
        for (int round = 0; round < players - 1; round++) {
            for (int k = threadIdx.x; k < players / 2; k += blockDim.x) {
                int p = player(k, round), q = player(players - 1 - k, round);
                cosine[k] = 1, sine[k] = 0;
                if (p >= n || q >= n) continue;
                real pq = a[(long long)p * n + q];
                if (!(fabs(pq) > negligible)) continue;
                jacobi_rotation(a[(long long)p * n + p], pq, a[(long long)q * n + q], &cosine[k], &sine[k]);
                rotated += 1;
            }
            __syncthreads();
            for (int by_rows = 1; by_rows >= 0; by_rows--) {
                for (int k = warp; k < players / 2; k += warps) {
                    int p = player(k, round), q = player(players - 1 - k, round);
                    real c = cosine[k], s = sine[k];
                    if (s == real(0)) continue;
                    for (int i = lane; i < n; i += 32) {
                        for (int of = 0; of <= by_rows; of++) {
                            real *first = by_rows ? (of ? v : a) + (long long)p * n + i : a + (long long)i * n + p;
                            real *second = by_rows ? (of ? v : a) + (long long)q * n + i : a + (long long)i * n + q;
                            real x = *first, y = *second;
                            *first = c * x - s * y;
                            *second = s * x + c * y;
                        }
                    }
                }
                __syncthreads();
            }
        }
        is_done = block_sum(rotated) == 0;
    }
    for (int k = threadIdx.x; k < n; k += blockDim.x) diagonal[k] = a[(long long)k * n + k];
    __syncthreads();
    for (int k = warp; k < n; k += warps) {
        int rank = 0;
        for (int l = 0; l < n; l++) rank += diagonal[l] < diagonal[k] || (diagonal[l] == diagonal[k] && l < k);
        if (lane == 0) values[rank] = diagonal[k] * scale;
        for (int i = lane; i < n; i += 32) a[(long long)rank * n + i] = v[(long long)k * n + i];
    }
    __syncthreads();
    for (int k = threadIdx.x; k < n * n; k += blockDim.x) v[k] = a[k];
    if (threadIdx.x == 0) {
        atomicAdd(again, 1);
        if (is_done) info[b] = 0;
    }
}
