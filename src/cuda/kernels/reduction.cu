// Eigenvalues, first part: reduction of symmetric matrices to tridiagonal form by Householder reflectors. The equations
// are in linalg/eigen/reduction.rs:
//
//   T = Q'AQ,  Q = H_0 H_1 ... H_{n-2},  H_i = I - tau_i v_i v_i',  v_i = (0, ..., 0, 1, v_{i,i+2}, ..., v_{i,n-1})'
//   A <- H A H = A + v w' + w v',  w = 1/2 tau^2 (v'A v) v - tau A v
//
// One block per matrix. The matrix is read once per column, from the caches, and written once every WAITING columns:
// the pass that multiplies it by a reflector applies the updates that wait, and products in between are corrected for
// them. A column has two barriers.

// Most rows that the eigensolver takes: in some places a block has a thread for each.
constexpr int MOST_ROWS = 512;
// Updates A + v w' + w v' that wait for one pass; of a row they are one load each for v and w.
constexpr int WAITING = 16 / sizeof(real);
// Rows of a column that a warp multiplies at once.
constexpr int STRIP = 128;
// Distance from 1 to the next larger number.
constexpr real UNIT = sizeof(real) == 4 ? 1.1920928955078125e-7 : 2.220446049250313e-16;

struct __align__(16) Waiting {
    real of[WAITING];
};

// The sum of x over a warp, returned to all its lanes.
__device__ inline real warp_sum(real x) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}

// The largest x of the block, returned to all its threads.
__device__ inline real block_largest(real x) {
    __shared__ real warps[32];
    for (int offset = 16; offset > 0; offset /= 2) x = fmax(x, real(__shfl_xor_sync(0xffffffffu, x, offset)));
    __syncthreads(); // the previous result may still be in use
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    for (int w = 0; w < blockDim.x / 32; w++) x = fmax(x, warps[w]);
    return x;
}

// A power of two near a number, so that scaling by it does not round; 1 for zero. Its inverse is a number, too.
__device__ inline real power_of_two(real x) {
    int exponent;
    if (x == real(0)) return real(1);
    frexp(fmax(x, sizeof(real) == 4 ? real(1.1754943508222875e-38) : real(2.2250738585072014e-308)), &exponent);
    return ldexp(real(1), exponent - 1);
}

// Copies a matrix, of which only the lower triangle is read, divided by a scale that makes its largest entry about
// one. Returns the scale, or 0 if an entry is not finite.
__device__ inline real scaled_copy(int n, const real *from, real *to) {
    real largest = 0;
    double poison = 0;
    for (int i = threadIdx.x / 32; i < n; i += blockDim.x / 32)
        for (int j = threadIdx.x % 32; j <= i; j += 32) {
            largest = fmax(largest, fabs(from[(long long)i * n + j]));
            poison += from[(long long)i * n + j] * real(0);
        }
    poison = block_sum(poison);
    real scale = power_of_two(block_largest(largest));
    if (!(poison == 0)) return 0;
    for (int i = threadIdx.x / 32; i < n; i += blockDim.x / 32)
        for (int j = threadIdx.x % 32; j < n; j += 32)
            to[(long long)i * n + j] = from[(long long)max(i, j) * n + min(i, j)] * (real(1) / scale);
    return scale;
}

// Most warps of a block, each with partial sums.
constexpr int MOST_WARPS = MOST_ROWS / 32;

// The state of a reduction that the threads of a block share.
struct Reduction {
    Waiting v[MOST_ROWS], w[MOST_ROWS]; // by rows
    Waiting v_next, w_next;             // those of the row that is reduced next
    Waiting along_v, along_w;           // products of the reflector with the v and w that wait
    real column[MOST_ROWS];             // the column that becomes a reflector, zero down to the diagonal
    real parts[4 * MOST_ROWS];          // of the product of A and a reflector, by groups of columns
    real inner[MOST_WARPS];             // parts of v'A v, by warps
    real squares[MOST_WARPS];           // parts of the square of the column, by warps
    real head;                          // the entry of the column below the diagonal
};

// The sum over warps; those that a block does not have hold zeros.
__device__ inline real sum_of_warps(const real *parts) {
    real sums[4] = {};
#pragma unroll
    for (int k = 0; k < MOST_WARPS; k++) sums[k % 4] += parts[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// How warps share the columns and rows of the matrix from `first` on: in strips of rows, and groups of columns.
struct Shares {
    int base, strips, groups;
};

__device__ inline Shares shares(int n, int first) {
    int base = first & ~31, strips = (n - base + STRIP - 1) / STRIP, warps = blockDim.x / 32;
    return {base, strips, strips == 1 ? warps : strips == 2 ? warps / 2 : strips == 3 ? warps / 3 : warps / 4};
}

// A row of A v, from the parts that groups of columns gave and the updates that wait.
__device__ inline real product_row(const Reduction &s, const Shares &by, int row, const Waiting &v, const Waiting &w, int waiting) {
    real sums[4] = {};
    const real *parts = s.parts + row - by.base;
#pragma unroll
    for (int g = 0; g < MOST_WARPS; g++)
        if (g < by.groups) sums[g % 4] += parts[g * by.strips * STRIP];
#pragma unroll
    for (int k = 0; k < WAITING; k++)
        if (k < waiting) sums[k] += v.of[k] * s.along_w.of[k] + w.of[k] * s.along_v.of[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The parts of the product of A and the reflector of column i, 1 at row i + 1 and `factor` times the column below. With
// UPDATE the updates that wait are applied to A before. The result of each warp's rows goes to `parts` and `inner`.
template <bool UPDATE>
__device__ inline void multiply(int n, int i, real factor, real *a, Reduction &s) {
    constexpr int ROWS = STRIP / 32;
    Shares by = shares(n, i + 1);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / by.strips, strip = warp - group * by.strips;
    if (group >= by.groups) {
        if (lane == 0) s.inner[warp] = 0;
        return;
    }
    // Rows beyond the last repeat it: a load that depends on no branch can begin early.
    int first = by.base + strip * STRIP + lane, rows[ROWS];
    real sums[ROWS] = {};
    Waiting v[ROWS], w[ROWS];
#pragma unroll
    for (int q = 0; q < ROWS; q++) {
        rows[q] = min(first + 32 * q, n - 1);
        if (UPDATE) v[q] = s.v[rows[q]], w[q] = s.w[rows[q]];
    }
#pragma unroll 4
    for (int c = i + 1 + group; c < n; c += by.groups) {
        real x = c == i + 1 ? real(1) : s.column[c] * factor;
        real *of_column = a + c * n, entries[ROWS];
#pragma unroll
        for (int q = 0; q < ROWS; q++) entries[q] = of_column[rows[q]];
        if (UPDATE) {
            Waiting vc = s.v[c], wc = s.w[c];
#pragma unroll
            for (int q = 0; q < ROWS; q++) {
#pragma unroll
                for (int k = 0; k < WAITING; k++) entries[q] += v[q].of[k] * wc.of[k] + w[q].of[k] * vc.of[k];
                if (first + 32 * q < n) of_column[rows[q]] = entries[q];
            }
        }
#pragma unroll
        for (int q = 0; q < ROWS; q++) sums[q] += entries[q] * x;
    }
    real inner = 0;
#pragma unroll
    for (int q = 0; q < ROWS; q++) {
        int row = first + 32 * q;
        s.parts[(group * by.strips + strip) * STRIP + lane + 32 * q] = sums[q];
        if (row < n) inner += sums[q] * (row == i + 1 ? real(1) : s.column[row] * factor);
    }
    inner = warp_sum(inner);
    if (lane == 0) s.inner[warp] = inner;
}

// Products of the reflector of column i with the updates that wait, one warp each.
__device__ inline void multiply_waiting(int n, int i, int waiting, real factor, Reduction &s) {
    int lane = threadIdx.x % 32;
    for (int which = threadIdx.x / 32; which < 2 * waiting; which += blockDim.x / 32) {
        const Waiting *of = which % 2 ? s.w : s.v;
        real sum = 0;
#pragma unroll 4
        for (int row = ((i + 1) & ~31) + lane; row < n; row += 32)
            sum += of[row].of[which / 2] * (row == i + 1 ? real(1) : s.column[row] * factor);
        sum = warp_sum(sum);
        if (lane == 0) (which % 2 ? s.along_w : s.along_v).of[which / 2] = sum;
    }
}

// Reduces matrices [batch, n, n], of which only the lower triangle is read, divided by `scale` [batch]: to the diagonal
// [batch, n] and the entries beside it. Row i of `a` becomes v_i. info is 0, or 1 where an entry is not finite. One
// block per matrix, with at least one thread per row.
extern "C" __global__ void __launch_bounds__(512) eigen_reduce(int n, const real *matrices, real *a, real *tau, real *diagonal, real *beside, real *scale, int *info) {
    __shared__ Reduction s;
    int b = blockIdx.x, r = threadIdx.x, waiting = 0;
    a += (long long)b * n * n, tau += (long long)b * n, diagonal += (long long)b * n, beside += (long long)b * n;
    real found = scaled_copy(n, matrices + (long long)b * n * n, a);
    if (r == 0) scale[b] = found, info[b] = found == real(0);
    if (found == real(0)) return;
    // Squares below this are dropped: the rest of a column is then far below rounding, and could underflow.
    constexpr real LEAST = (UNIT / (1 << 20)) * (UNIT / (1 << 20));
    real v = 0, t = 0;
    if (r < MOST_WARPS) s.inner[r] = s.squares[r] = 0;
    __syncthreads();
    for (int i = 0; i < n; i++) {
        real x = r < n ? a[i * n + r] : real(0);
        if (i > 0) {
            // The update of the last reflector joins those that wait, and all of them meet column i.
            Shares by = shares(n, i);
            bool live = r >= i && r < n;
            Waiting v_i = s.v_next, w_i = s.w_next, v_r = s.v[min(r, n - 1)], w_r = s.w[min(r, n - 1)];
            real inner = sum_of_warps(s.inner);
#pragma unroll
            for (int k = 0; k < WAITING; k++) {
                if (k >= waiting) continue;
                inner += real(2) * s.along_v.of[k] * s.along_w.of[k];
                x += v_r.of[k] * w_i.of[k] + w_r.of[k] * v_i.of[k];
            }
            real half = real(0.5) * t * t * inner;
            real w_new = half - t * product_row(s, by, i, v_i, w_i, waiting);
            real w = live ? half * v - t * product_row(s, by, max(min(r, n - 1), i), v_r, w_r, waiting) : real(0);
            x += v * w_new + w;
            if (r < n) {
                if (waiting == 0) s.v[r] = {}, s.w[r] = {}; // the others wait no more
                s.v[r].of[waiting] = v, s.w[r].of[waiting] = w;
            }
            waiting++;
        }
        if (r == i) diagonal[i] = x;
        if (i + 1 == n) break;
        bool below = r > i && r < n;
        real square = warp_sum(below && r > i + 1 ? x * x : real(0));
        if (r < n) s.column[r] = below ? x : real(0);
        if (r % 32 == 0) s.squares[r / 32] = square;
        if (r == i + 1) s.head = x;
        __syncthreads();
        real alpha = s.head, rest = sum_of_warps(s.squares), left = alpha, factor = 0;
        t = 0;
        if (rest > LEAST) {
            left = sqrt(alpha * alpha + rest);
            left = alpha > real(0) ? -left : left;
            t = (left - alpha) / left;
            factor = real(1) / (alpha - left);
        }
        v = r == i + 1 ? real(1) : below ? x * factor : real(0);
        if (r < n) a[i * n + r] = v;
        if (r == 0) tau[i] = t, beside[i] = left;
        if (r == i + 1) s.v_next = s.v[r], s.w_next = s.w[r];
        if (waiting == WAITING) {
            multiply<true>(n, i, factor, a, s);
            waiting = 0;
        } else {
            multiply<false>(n, i, factor, a, s);
            multiply_waiting(n, i, waiting, factor, s);
        }
        __syncthreads();
    }
}
