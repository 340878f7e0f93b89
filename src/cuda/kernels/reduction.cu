// Eigenvalues, first part: reduction of symmetric matrices to tridiagonal form by Householder reflectors. The equations
// are in linalg/eigen/reduction.rs:
//
//   T = Q'AQ,  Q = H_0 H_1 ... H_{n-2},  H_i = I - tau_i v_i v_i',  v_i = (0, ..., 0, 1, v_{i,i+2}, ..., v_{i,n-1})'
//   A <- H A H = A + v w' + w v',  w = 1/2 tau^2 (v'A v) v - tau A v
//
// One block per matrix. The matrix is read once per column and written once every WAITING columns: the pass that
// multiplies it by a reflector applies the updates that wait, and products in between are corrected for them. What is
// left of it moves from the caches to shared memory as soon as it fits. A column has two barriers.

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
// one, to rows `stride` apart. Returns the scale, or 0 if an entry is not finite.
__device__ inline real scaled_copy(int n, const real *from, real *to, int stride) {
    real largest = 0;
    double poison = 0;
    for (int i = threadIdx.x / 32; i < n; i += blockDim.x / 32)
        for (int j = threadIdx.x % 32; j <= i; j += 32) {
            largest = fmax(largest, fabs(from[i * n + j]));
            poison += from[i * n + j] * real(0);
        }
    poison = block_sum(poison);
    real scale = power_of_two(block_largest(largest));
    if (!(poison == 0)) return 0;
    for (int i = threadIdx.x / 32; i < n; i += blockDim.x / 32)
        for (int j = threadIdx.x % 32; j < n; j += 32)
            to[i * stride + j] = from[max(i, j) * n + min(i, j)] * (real(1) / scale);
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
    __align__(16) real inner[MOST_WARPS];   // parts of v'A v, by warps
    __align__(16) real squares[MOST_WARPS]; // parts of the square of the column, by warps
};

// The sum over warps; those that a block does not have hold zeros.
__device__ inline real sum_of_warps(const real *parts) {
    real sums[4] = {};
#pragma unroll
    for (int k = 0; k < MOST_WARPS; k++) sums[k % 4] += parts[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// What is left of the matrix, in shared memory: rows and columns from `first` on, `stride` apart, a multiple of ROWS.
struct Left {
    int first, stride;
};

// Rows of a strip that a lane has: side by side in shared memory, 32 apart in global memory.
constexpr int ROWS = STRIP / 32;

struct __align__(16) Side {
    real of[ROWS];
};

// How warps share the rows and columns of the matrix from `first` on: strips of rows, of which the first begins at
// `base`, and groups of columns.
struct Shares {
    int base, strips, groups;
};

// x divided by a number of strips.
__device__ inline int by_strips(int x, int strips) { return strips == 3 ? x / 3 : x >> strips / 2; }

__device__ inline Shares shares(int n, int first, bool is_left, const Left &left) {
    int base = is_left ? left.first + ((first - left.first) & ~(ROWS - 1)) : first & ~31;
    int strips = (n - base + STRIP - 1) / STRIP;
    return {base, strips, by_strips(blockDim.x / 32, strips)};
}

// A row of A v, from the parts that groups of columns gave and the updates that wait.
__device__ inline real product_row(const Reduction &s, const Shares &by, int row, const Waiting &v, const Waiting &w, int waiting) {
    real sums[4] = {};
    const real *parts = s.parts + row - by.base;
#pragma unroll 1
    for (int first = 0; first < by.groups; first += 4)
#pragma unroll
        for (int g = 0; g < 4; g++)
            if (first + g < by.groups) sums[g] += parts[(first + g) * by.strips * STRIP];
#pragma unroll
    for (int k = 0; k < WAITING; k++)
        if (k < waiting) sums[k] += v.of[k] * s.along_w.of[k] + w.of[k] * s.along_v.of[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Adds the updates that wait to entries of column c.
__device__ inline void update(real *entries, const Waiting *v, const Waiting *w, const Waiting &vc, const Waiting &wc) {
#pragma unroll
    for (int q = 0; q < ROWS; q++)
#pragma unroll
        for (int k = 0; k < WAITING; k++) entries[q] += v[q].of[k] * wc.of[k] + w[q].of[k] * vc.of[k];
}

// A warp's part of a pass over the matrix: a strip of rows, of columns `first`, `first + step` and so on. The matrix is
// what is left in shared memory if IS_LEFT, otherwise `a`; if it `moves`, its updates are stored in shared memory.
template <bool IS_LEFT, bool UPDATE> struct Strip {
    static constexpr int APART = IS_LEFT ? 1 : 32;
    real *a;
    Left left;
    bool moves;
    int n, row, step; // the lane's first row
    bool is_row[ROWS];
    Side sums;
    Waiting v[ROWS], w[ROWS];

    __device__ inline Side load(int c) const {
        Side entries = {};
        if constexpr (IS_LEFT) {
            const real *from = shared_memory() + (c - left.first) * left.stride;
            // Rows beyond the last are not stored, and may be loaded where nothing is stored.
            if (!UPDATE) entries = *(const Side *)(from + min(row - left.first, left.stride - ROWS));
            if (UPDATE && is_row[0]) entries = *(const Side *)(from + row - left.first);
        } else {
            const real *from = a + c * n + row;
#pragma unroll
            for (int q = 0; q < ROWS; q++)
                if (is_row[q]) entries.of[q] = from[APART * q];
        }
        return entries;
    }

    __device__ inline void store(int c, const Side &entries) const {
        real *to = shared_memory() + (c - left.first) * left.stride + row - left.first;
        if constexpr (IS_LEFT) {
            if (is_row[0]) *(Side *)to = entries;
        } else {
#pragma unroll
            for (int q = 0; q < ROWS; q++) {
                if (is_row[q] && !moves) a[c * n + row + APART * q] = entries.of[q];
                if (is_row[q] && moves && row + APART * q >= left.first) to[APART * q] = entries.of[q];
            }
        }
    }

    // COUNT columns from `first` on, whose loads overlap; with IS_LAST some of them may be beyond the last.
    template <int COUNT, bool IS_LAST> __device__ inline void multiply(int first, int head, real factor, const Reduction &s) {
        Side entries[COUNT];
        real x[COUNT];
#pragma unroll
        for (int j = 0; j < COUNT; j++) {
            int c = first + j * step;
            bool is_column = !IS_LAST || c < n;
            entries[j] = is_column ? load(c) : Side{};
            x[j] = is_column ? s.column[c] * factor : real(0);
        }
        if (first == head) x[0] = 1;
#pragma unroll
        for (int j = 0; j < COUNT; j++) {
            int c = first + j * step;
            if (UPDATE && (!IS_LAST || c < n)) {
                Waiting vc = s.v[c], wc = s.w[c];
#pragma unroll
                for (int q = 0; q < ROWS; q++)
#pragma unroll
                    for (int k = 0; k < WAITING; k++) entries[j].of[q] += v[q].of[k] * wc.of[k] + w[q].of[k] * vc.of[k];
                store(c, entries[j]);
            }
#pragma unroll
            for (int q = 0; q < ROWS; q++) sums.of[q] += entries[j].of[q] * x[j];
        }
    }
};

// The parts of the product of A and the reflector of column i, which is 1 at row i + 1 and `factor` times the column
// below. With UPDATE the updates that wait are applied to A before. Results go to `parts` and `inner`.
template <bool IS_LEFT, bool UPDATE>
__device__ inline void multiply(int n, int i, real factor, real *a, const Left &left, bool moves, Reduction &s) {
    constexpr int COUNT = (UPDATE ? 2 : 4) * (IS_LEFT ? 1 : 2); // global memory answers later
    Shares by = shares(n, i + 1, IS_LEFT, left);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = by_strips(warp, by.strips), strip = warp - group * by.strips;
    if (group >= by.groups) {
        if (lane == 0) s.inner[warp] = 0;
        return;
    }
    int place = strip * STRIP + lane * (IS_LEFT ? ROWS : 1), row = by.base + place;
    Strip<IS_LEFT, UPDATE> of = {a, left, moves, n, row, by.groups};
    constexpr int APART = IS_LEFT ? 1 : 32;
#pragma unroll
    for (int q = 0; q < ROWS; q++) {
        of.is_row[q] = row + APART * q < n;
        if (UPDATE && of.is_row[q]) of.v[q] = s.v[row + APART * q], of.w[q] = s.w[row + APART * q];
    }
    int c = i + 1 + group;
    for (; c + (COUNT - 1) * by.groups < n; c += COUNT * by.groups) of.template multiply<COUNT, false>(c, i + 1, factor, s);
    if (c < n) of.template multiply<COUNT, true>(c, i + 1, factor, s);
    real inner = 0;
#pragma unroll
    for (int q = 0; q < ROWS; q++) {
        bool is_below = of.is_row[q] && row + APART * q > i;
        real x = row + APART * q == i + 1 ? real(1) : is_below ? s.column[row + APART * q] * factor : real(0);
        inner += is_below ? of.sums.of[q] * x : real(0);
        s.parts[group * by.strips * STRIP + place + APART * q] = of.sums.of[q];
    }
    inner = warp_sum(inner);
    if (lane == 0) s.inner[warp] = inner;
}

// Products of the reflector of column i with the updates that wait, one warp each.
__device__ inline void multiply_waiting(int n, int i, int waiting, real factor, Reduction &s) {
    int lane = threadIdx.x % 32, from = (i + 1) & ~31;
    for (int which = threadIdx.x / 32; which < 2 * waiting; which += blockDim.x / 32) {
        const Waiting *of = which % 2 ? s.w : s.v;
        real sum = 0;
        for (int start = from + lane; start < n; start += 4 * 32) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int row = min(start + 32 * j, n - 1);
                sum += start + 32 * j < n ? of[row].of[which / 2] * s.column[row] : real(0);
            }
        }
        sum = warp_sum(sum) * factor;
        // The head of the reflector is 1.
        if (lane == 0) (which % 2 ? s.along_w : s.along_v).of[which / 2] = sum + of[i + 1].of[which / 2] * (real(1) - s.column[i + 1] * factor);
    }
}

// Row threadIdx.x of column i, of which x is in memory, after the updates that wait and that of the last reflector,
// (I - t v v'): it joins those that wait. v is the thread's row of the reflector.
__device__ inline real with_updates(real x, int n, int i, real t, real v, int waiting, const Shares &by, Reduction &s) {
    int r = threadIdx.x;
    bool is_live = r >= i && r < n;
    Waiting v_i = s.v_next, w_i = s.w_next, v_r = {}, w_r = {};
    if (is_live) v_r = s.v[r], w_r = s.w[r];
    real inner = sum_of_warps(s.inner);
#pragma unroll
    for (int k = 0; k < WAITING; k++) {
        if (k >= waiting) continue;
        inner += real(2) * s.along_v.of[k] * s.along_w.of[k];
        x += v_r.of[k] * w_i.of[k] + w_r.of[k] * v_i.of[k];
    }
    real half = real(0.5) * t * t * inner;
    real w_new = half - t * product_row(s, by, i, v_i, w_i, waiting); // at row i, where v is 1
    if (!is_live) return 0;
    real w = half * v - t * product_row(s, by, r, v_r, w_r, waiting);
    if (waiting == 0) s.v[r] = {}, s.w[r] = {}; // the others wait no more
    s.v[r].of[waiting] = v, s.w[r].of[waiting] = w;
    return x + v * w_new + w;
}

// Reduces matrices [batch, n, n], of which only the lower triangle is read, divided by `scale` [batch]: to the diagonal
// [batch, n] and the entries beside it. Row i of `a` becomes v_i. info is 0, or 1 where an entry is not finite. Shared
// memory has room for the last `room` rows and columns, a multiple of four. One block per matrix, with at least one
// thread per row.
extern "C" __global__ void __launch_bounds__(512) eigen_reduce(int n, int room, const real *matrices, real *a, real *tau, real *diagonal, real *beside, real *scale, int *info) {
    __shared__ Reduction s;
    int b = blockIdx.x, r = threadIdx.x, waiting = 0;
    matrices += (long long)b * n * n, a += (long long)b * n * n, tau += (long long)b * n;
    diagonal += (long long)b * n, beside += (long long)b * n;
    Left left = {max(n - room, 0), room};
    bool is_left = n <= room;
    real found = is_left ? scaled_copy(n, matrices, shared_memory(), room) : scaled_copy(n, matrices, a, n);
    if (r == 0) scale[b] = found, info[b] = found == real(0);
    if (found == real(0)) return;
    // Squares below this are dropped: the rest of a column is then far below rounding, and could underflow.
    constexpr real LEAST = (UNIT / (1 << 20)) * (UNIT / (1 << 20));
    real v = 0, t = 0;
    if (r < MOST_WARPS) s.inner[r] = s.squares[r] = 0;
    if (r < n) s.v[r] = s.w[r] = {}; // rows above the reflectors must be numbers, too
    Shares by = {};
    __syncthreads();
    for (int i = 0; i < n; i++) {
        real x = 0;
        bool is_below = r > i && r < n;
        // Warps with no row from i on have written zeros before.
        if (r - r % 32 < n && r - r % 32 + 31 >= i) {
            int row = max(min(r, n - 1), i);
            x = is_left ? shared_memory()[(i - left.first) * left.stride + row - left.first] : a[i * n + row];
            if (i > 0) x = with_updates(x, n, i, t, v, waiting, by, s);
            if (r == i) diagonal[i] = x;
            real square = warp_sum(is_below && r > i + 1 ? x * x : real(0));
            if (r < n) s.column[r] = is_below ? x : real(0);
            if (r % 32 == 0) s.squares[r / 32] = square;
        }
        if (i > 0) waiting++;
        if (i + 1 == n) break;
        __syncthreads();
        real alpha = s.column[i + 1], rest = sum_of_warps(s.squares), remains = alpha, factor = 0;
        t = 0;
        if (rest > LEAST) {
            remains = sqrt(alpha * alpha + rest);
            remains = alpha > real(0) ? -remains : remains;
            t = (remains - alpha) / remains;
            factor = real(1) / (alpha - remains);
        }
        v = r == i + 1 ? real(1) : is_below ? x * factor : real(0);
        if (r < n) a[i * n + r] = v;
        if (r == 0) tau[i] = t, beside[i] = remains;
        if (r == i + 1) s.v_next = s.v[r], s.w_next = s.w[r];
        by = shares(n, i + 1, is_left, left);
        if (waiting == WAITING) {
            bool moves = !is_left && i + 1 >= left.first;
            if (is_left) multiply<true, true>(n, i, factor, a, left, false, s);
            else multiply<false, true>(n, i, factor, a, left, moves, s);
            waiting = 0, is_left = is_left || moves;
        } else {
            if (is_left) multiply<true, false>(n, i, factor, a, left, false, s);
            else multiply<false, false>(n, i, factor, a, left, false, s);
            multiply_waiting(n, i, waiting, factor, s);
        }
        __syncthreads();
    }
}
