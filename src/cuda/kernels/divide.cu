// Eigenvalues, second part: divide and conquer for symmetric tridiagonal matrices. The equations are in
// linalg/eigen/divide.rs and secular.rs:
//
//   T = diag(T_1, T_2) + rho u u',  T_k = Q_k D_k Q_k',  z = diag(Q_1, Q_2)'u,  D + rho z z' = S L S',  Q = diag(Q_1, Q_2) S
//   1/rho + sum_j z_j^2 / (d_j - lambda) = 0,  S_ji ~ z_j / (d_j - lambda_i),  z_j^2 = prod_i (lambda_i - d_j) / prod_{i!=j} (d_i - d_j)
//
// Cuppen (1981), Li (1993), Gu and Eisenstat (1995). The matrix is halved `depth` times: part p of level l has the rows
// from p n / 2^l on. The parts of the last level are solved by rotations, one warp each; then every level is one launch
// with a block for each part that finds its eigenvalues, and one that multiplies, with a block for each tile of the new
// eigenvectors. Eigenvectors are rows, ascending within their part; their columns outside the part are not defined.

// Largest part that is solved by rotations: a warp has a lane for each row.
constexpr int MOST_LEAF = 32;

struct Part {
    int from, middle, to;
};

__device__ inline Part part_of(int n, int level, int number) {
    return {(number * n) >> level, ((2 * number + 1) * n) >> (level + 1), ((number + 1) * n) >> level};
}

// Sweeps of implicit QL for an eigenvalue; two or three are usual.
constexpr int MOST_SWEEPS = 60;

// One sweep of implicit QL for the eigenvalue in place l of a matrix with m rows. Returns the last place of its block,
// l if the eigenvalue is found. Rotation i, of places i and i + 1, is stored for `end` > i >= `begin`.
__device__ inline int ql_sweep(int m, int l, real *d, real *e, real *cosine, real *sine, int *begin) {
    int end = l;
    while (end < m - 1 && !(fabs(e[end]) <= UNIT * (fabs(d[end]) + fabs(d[end + 1])))) end++;
    *begin = l;
    if (end == l) return end;
    real half_gap = (d[l + 1] - d[l]) / (e[l] + e[l]), root = sqrt(half_gap * half_gap + real(1));
    real g = d[end] - d[l] + e[l] / (half_gap + (half_gap < real(0) ? -root : root));
    real s = 1, c = 1, p = 0;
    for (int i = end - 1; i >= l; i--) {
        real f = s * e[i], b = c * e[i], r = sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == real(0)) {
            d[i + 1] -= p;
            e[end] = 0;
            *begin = i + 1;
            return end;
        }
        real inverse = real(1) / r;
        s = f * inverse, c = g * inverse;
        g = d[i + 1] - p;
        real t = (d[i] - g) * s + (c + c) * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        cosine[i] = c, sine[i] = s;
    }
    d[l] -= p;
    e[l] = g;
    e[end] = 0;
    return end;
}

// Solves the parts of the last level by QL (linalg/eigen/leaf.rs): eigenvalues, ascending, and eigenvectors into the
// rows and columns of the part in q [batch, n, n]. The first lane finds the rotations of a sweep, then each lane
// applies them to a row. info becomes 2 where an eigenvalue is not found. One warp per part.
extern "C" __global__ void __launch_bounds__(32) eigen_leaves(int n, int depth, const real *diagonal, const real *beside, real *values, real *q, int *info) {
    __shared__ real d[MOST_LEAF], e[MOST_LEAF + 1], cosine[MOST_LEAF], sine[MOST_LEAF], columns[MOST_LEAF][MOST_LEAF + 1];
    __shared__ int begin, end;
    int b = blockIdx.y, lane = threadIdx.x;
    Part part = part_of(n, depth, blockIdx.x);
    int m = part.to - part.from;
    if (info[b] == 1) return;
    diagonal += (long long)b * n + part.from, beside += (long long)b * n + part.from, values += (long long)b * n + part.from;
    q += ((long long)b * n + part.from) * n + part.from;
    if (lane < m) {
        // What couples a part to its neighbours is taken from its ends; merges bring it back.
        real x = diagonal[lane];
        if (lane == 0 && part.from > 0) x -= fabs(beside[-1]);
        if (lane == m - 1 && part.to < n) x -= fabs(beside[lane]);
        d[lane] = x;
        e[lane] = lane + 1 < m ? beside[lane] : real(0);
    }
    for (int j = 0; j < m; j++) columns[j][lane] = j == lane;
    for (int l = 0; l < m; l++)
        for (int sweep = 0; sweep <= MOST_SWEEPS; sweep++) {
            __syncwarp();
            if (lane == 0) end = ql_sweep(m, l, d, e, cosine, sine, &begin);
            __syncwarp();
            if (end == l) break;
            real y = columns[end][lane];
            for (int i = end - 1; i >= begin; i--) {
                real x = columns[i][lane], c = cosine[i], s = sine[i];
                columns[i + 1][lane] = s * x + c * y;
                y = c * x - s * y;
            }
            columns[begin][lane] = y;
            if (sweep == MOST_SWEEPS && lane == 0) info[b] = 2;
        }
    __syncwarp();
    // What is not a number has no place in an order.
    if (lane < m && isnan(d[lane])) d[lane] = 0, info[b] = 2;
    __syncwarp();
    for (int j = 0; j < m; j++) {
        int rank = 0;
        for (int k = 0; k < m; k++) rank += d[k] < d[j] || (d[k] == d[j] && k < j);
        if (lane < m) q[(long long)rank * n + lane] = columns[j][lane];
        if (lane == 0) values[rank] = d[j];
    }
}

// Halves of a part's columns in which an eigenvector of the level below is not zero.
constexpr int UPPER = 1, LOWER = 2, BOTH = 3;

// A merge as the block that finds its eigenvalues shares it. Poles are numbered in ascending order.
struct Merge {
    real d[MOST_ROWS], z[MOST_ROWS];
    real pole[MOST_ROWS], weight[MOST_ROWS]; // d and z of those that are kept; before, the values by rows
    real origin[MOST_ROWS], offset[MOST_ROWS]; // the roots; before, cosines and sines of the rotations of deflation
    int row[MOST_ROWS], half[MOST_ROWS];
    int kept[MOST_ROWS], deflated[MOST_ROWS];
    int turned[MOST_ROWS]; // pairs that are rotated: two poles and their halves; then the halves of those kept
    int n_kept, n_deflated, n_turned;
    unsigned bits[MOST_ROWS / 32], pairs[MOST_ROWS / 32];
};

// x / y to about two units in the last place: without the branches of a division, many of them can overlap.
__device__ inline float quotient(float x, float y) {
#ifdef EMULATED
    return x / y;
#else
    return __fdividef(x, y);
#endif
}
__device__ inline double quotient(double x, double y) { return x / y; }

// Stores the truth of a condition for each thread of the block as bits of words, and waits. One word per warp.
__device__ inline void store_bits(bool condition, unsigned *words) {
    unsigned word = __ballot_sync(0xffffffffu, condition);
    if (threadIdx.x % 32 == 0) words[threadIdx.x / 32] = word;
    __syncthreads();
}

// Number of ones before a bit.
__device__ inline int ones_before(const unsigned *words, int bit) {
    int ones = __popc(words[bit / 32] & ((1u << bit % 32) - 1));
    for (int w = 0; w < bit / 32; w++) ones += __popc(words[w]);
    return ones;
}

// The first one of `count` bits from a bit on, or `count`.
__device__ inline int next_one(const unsigned *words, int bit, int count) {
    while (bit < count) {
        unsigned rest = words[bit / 32] >> bit % 32;
        if (rest) return bit + __ffs(rest) - 1;
        bit = (bit / 32 + 1) * 32;
    }
    return count;
}

// Whether two poles are equal to rounding: the rotation that makes z of the first zero adds next to nothing beside the
// diagonal.
__device__ inline bool are_equal(const Merge &s, int p, int j, real tolerance) {
    real z = s.z[j], z_p = s.z[p];
    return fabs((s.d[j] - s.d[p]) * z * z_p) <= tolerance * (z * z + z_p * z_p);
}

// Plans the rotation that deflates pole p, in favour of j.
__device__ inline void plan_rotation(Merge &s, int p, int j) {
    real z = s.z[j], z_p = s.z[p], norm = sqrt(z * z + z_p * z_p), c = z / norm, t = -z_p / norm, d = s.d[j], d_p = s.d[p];
    s.origin[s.n_turned] = c, s.offset[s.n_turned] = t;
    s.turned[s.n_turned++] = p | j << 10 | s.half[p] << 20 | s.half[j] << 22;
    if (s.half[j] != s.half[p]) s.half[j] = s.half[p] = BOTH;
    s.d[p] = d_p * c * c + d * t * t;
    s.d[j] = d_p * t * t + d * c * c;
    s.z[j] = norm;
    s.z[p] = 0;
}

// Deflates negligible entries of z, and equal poles by rotations (LAPACK's dlaed2 has the same rules). Each thread has
// a pole. Only a rotation changes the neighbour of the next pole, so that one thread has no more than these to look at.
__device__ inline void deflate(Merge &s, int count, real rho, real tolerance) {
    int t = threadIdx.x;
    store_bits(t < count && rho * fabs(s.z[t]) > tolerance, s.bits);
    int n_large = ones_before(s.bits, blockDim.x - 1) + (s.bits[(blockDim.x - 1) / 32] >> 31);
    bool is_large = t < count && s.bits[t / 32] >> t % 32 & 1;
    if (is_large) s.kept[ones_before(s.bits, t)] = t;
    __syncthreads();
    store_bits(t > 0 && t < n_large && are_equal(s, s.kept[max(t - 1, 0)], s.kept[t], tolerance), s.pairs);
    if (t == 0) {
        s.n_turned = 0;
        for (int k = next_one(s.pairs, 0, n_large); k < n_large;) {
            plan_rotation(s, s.kept[k - 1], s.kept[k]);
            k++;
            if (k < n_large && !are_equal(s, s.kept[k - 1], s.kept[k], tolerance)) k = next_one(s.pairs, k + 1, n_large);
        }
    }
    __syncthreads();
    bool is_kept = is_large && s.z[t] != real(0);
    store_bits(is_kept, s.bits);
    int before = ones_before(s.bits, t);
    if (is_kept) s.kept[before] = t;
    if (t < count && !is_kept) s.deflated[t - before] = t;
    if (t == count - 1) s.n_kept = before + is_kept, s.n_deflated = count - s.n_kept;
}

// Steps before a root is taken as it is; four to seven are usual.
constexpr int MOST_STEPS = 60;

// A root of a quadratic equation, c x^2 - a x + b = 0, without cancellation: the one of the step.
__device__ inline real quadratic(real a, real b, real c) {
    real root = sqrt(fmax(a * a - real(4) * b * c, real(0)));
    return a > real(0) ? (b + b) / (a + root) : (a - root) / (c + c);
}

// Root i of the secular equation of k >= 2 poles, as the distance from the nearer pole; the last root is at most
// `last_gap` above its pole.
__device__ inline void secular_root(const real *d, const real *z, int k, int i, real inverse, real last_gap, real *origin, real *offset) {
    bool is_last = i + 1 == k;
    real left = d[i], gap = is_last ? last_gap : d[i + 1] - left, middle = real(0.5) * gap;
    real z_left = z[i] * z[i], z_right = is_last ? real(0) : z[i + 1] * z[i + 1];
    // The sum over all other poles in the middle of the interval.
    real c = inverse;
#pragma unroll 8
    for (int j = 0; j < k; j++) {
        real term = quotient(z[j] * z[j], (d[j] - left) - middle);
        c += j == i || j == i + 1 ? real(0) : term;
    }
    bool at_left = is_last || c - z_left / middle + z_right / middle >= real(0);
    real base = at_left ? left : d[i + 1];
    real to_left = at_left ? real(0) : -gap, to_right = at_left ? gap : real(0);
    real low = at_left ? real(0) : -middle, high = at_left ? (is_last ? gap : middle) : real(0);
    real tau = quadratic(c * (to_left + to_right) + z_left + z_right, z_left * to_right + z_right * to_left, c);
    if (!(tau > low && tau < high)) tau = real(0.5) * (low + high);
    const real close = sizeof(real) == 4 ? real(3.0517578125e-5) : real(1.3170890159654386e-9); // an eighth of the root of UNIT
    for (int step = 0; step < MOST_STEPS; step++) {
        real w = inverse, dw = 0, size = 0;
#pragma unroll 8
        for (int j = 0; j < k; j++) {
            real r = quotient(real(1), (d[j] - base) - tau), term = z[j] * z[j] * r;
            w += term;
            size += fabs(term);
            dw += term * r;
        }
        real error = UNIT * (real(8) * size + inverse + inverse + fabs(tau) * dw);
        if (fabs(w) <= error) break;
        (w > real(0) ? high : low) = tau;
        real dl = to_left - tau, dr = to_right - tau;
        real fixed = at_left ? z_left / (dl * dl) : z_right / (dr * dr);
        real c = at_left ? w - dr * dw + gap * fixed : w - dl * dw - gap * fixed;
        real next = tau + quadratic((dl + dr) * w - dl * dr * dw, dl * dr * w, c);
        if (!(next > low && next < high)) next = real(0.5) * (low + high);
        // The step's error is of second order: what is left after a small one is below rounding.
        bool is_small = !(fabs(next - tau) > close * fmin(fabs(dl), fabs(dr)));
        tau = next;
        if (is_small) break;
    }
    *origin = base, *offset = tau;
}

// What a merge leaves for the product of eigenvectors; each is [batch, n].
struct Merged {
    // By eigenvalue of D + rho z z', those that are kept first: its row in the result, and in the order of poles as
    // distance from a pole; the factor that makes the norm of its vector one.
    int *to;
    real *origin, *offset, *scale;
    // By pole in the order upper half, both, lower half; then, of the deflated ones, only the row and the half.
    int *row, *half;
    real *pole, *z;
    // For each part of the level, at the place of its first row: poles kept; those not of the lower half, those of the upper.
    int *counts;
};

__device__ inline Merged merged_at(real *reals, int *ints, int n, int b) {
    reals += (long long)b * 5 * n, ints += (long long)b * 6 * n;
    return {ints, reals, reals + n, reals + 2 * n, ints + n, ints + 2 * n, reals + 3 * n, reals + 4 * n, ints + 3 * n};
}

// The values and z of a part in ascending order. j is the thread's row.
__device__ inline void sort_poles(int n, Part part, real coupling, const real *values, const real *q, Merge &s) {
    int j = threadIdx.x, count = part.to - part.from, upper = part.middle - part.from;
    if (j < count) s.pole[j] = values[part.from + j];
    __syncthreads();
    if (j >= count) return;
    // |z|^2 = 2 before it is scaled.
    const real scale = 0.70710678118654752440;
    const real *vector = q + (long long)(part.from + j) * n + part.middle;
    real z = j < upper ? vector[-1] * scale : coupling < real(0) ? -vector[0] * scale : vector[0] * scale, d = s.pole[j];
    // Its rank is its place in its own half, and the number of smaller ones in the other.
    int low = j < upper ? upper : 0, high = j < upper ? count : upper, start = low;
    while (low < high) {
        int between = (low + high) / 2;
        bool before = j < upper ? s.pole[between] < d : s.pole[between] <= d;
        (before ? low : high) = before ? between + 1 : between;
    }
    int rank = (j < upper ? j : j - upper) + low - start;
    s.d[rank] = d, s.z[rank] = z, s.row[rank] = part.from + j, s.half[rank] = j < upper ? UPPER : LOWER;
}

// Rotates the rows of q as deflation says; each thread has a column.
__device__ inline void rotate_rows(int n, Part part, const Merge &s, real *q) {
    int column = part.from + threadIdx.x, here = column < part.middle ? UPPER : LOWER;
    if (column >= part.to) return;
    for (int k = 0; k < s.n_turned; k++) {
        int pair = s.turned[k];
        real *first = q + (long long)s.row[pair & 1023] * n + column, *second = q + (long long)s.row[pair >> 10 & 1023] * n + column;
        real x = pair >> 20 & here ? *first : real(0), y = pair >> 22 & here ? *second : real(0);
        *first = s.origin[k] * x + s.offset[k] * y;
        *second = s.origin[k] * y - s.offset[k] * x;
    }
}

// Stores the poles by halves, which are in `turned`, and the rows and halves of those that are deflated.
__device__ inline void store_poles(Part part, const Merge &s, const Merged &out) {
    int t = threadIdx.x, own = t < s.n_kept ? s.turned[t] : 0, place = 0, upper = 0, both = 0;
#pragma unroll 8
    for (int l = 0; l < s.n_kept; l++) {
        int half = s.turned[l];
        upper += half == UPPER, both += half == BOTH;
        place += l < t && half == own;
    }
    if (t == 0) {
        int *counts = out.counts + 3 * (long long)part.from;
        counts[0] = s.n_kept, counts[1] = upper + both, counts[2] = upper;
    }
    if (t < s.n_kept) {
        place += part.from + (own == UPPER ? 0 : own == BOTH ? upper : upper + both);
        out.row[place] = s.row[s.kept[t]], out.pole[place] = s.pole[t], out.z[place] = s.weight[t];
    }
    if (t < s.n_deflated) {
        place = part.from + s.n_kept + t;
        out.row[place] = s.row[s.deflated[t]], out.half[place] = s.half[s.deflated[t]];
    }
}

// The eigenvalues of a part from those of its halves, and what the product needs for its eigenvectors. One block per
// part, with at least one thread per row.
extern "C" __global__ void __launch_bounds__(512) eigen_merge(int n, int level, const real *beside, real *values, real *q, real *reals, int *ints, int *info) {
    __shared__ Merge s;
    int b = blockIdx.y, t = threadIdx.x;
    if (info[b] == 1) return;
    Part part = part_of(n, level, blockIdx.x);
    Merged out = merged_at(reals, ints, n, b);
    values += (long long)b * n, q += (long long)b * n * n;
    int count = part.to - part.from;
    real coupling = beside[(long long)b * n + part.middle - 1], rho = real(2) * fabs(coupling);
    sort_poles(n, part, coupling, values, q, s);
    __syncthreads();
    real largest = block_largest(t < count ? fmax(fabs(s.d[t]), fabs(s.z[t])) : real(0));
    deflate(s, count, rho, real(8) * UNIT * largest);
    __syncthreads();
    rotate_rows(n, part, s, q);
    int k = s.n_kept;
    if (t < k) s.pole[t] = s.d[s.kept[t]], s.weight[t] = s.z[s.kept[t]];
    __syncthreads();
    double squares = block_sum(t < k ? double(s.weight[t] * s.weight[t]) : 0.0);
    real origin = 0, offset = rho * real(squares) * (real(1) + real(4) * UNIT), value = 0;
    if (t < k) {
        origin = s.pole[t];
        if (k > 1) secular_root(s.pole, s.weight, k, t, real(1) / rho, offset, &origin, &offset);
        s.origin[t] = origin, s.offset[t] = offset;
        value = origin + offset;
    } else if (t < count) {
        value = s.d[s.deflated[t - k]];
    }
    if (isnan(value)) value = 0, info[b] = 2; // it would have no place in the order
    __syncthreads();
    // The z that make the computed roots exact.
    real exact = 1;
    if (t < k) {
        real d = s.pole[t];
#pragma unroll 8
        for (int i = 0; i < k; i++) exact *= quotient((d - s.origin[i]) - s.offset[i], i == t ? real(1) : d - s.pole[i]);
        exact = s.weight[t] < real(0) ? -sqrt(fabs(exact)) : sqrt(fabs(exact));
    }
    if (t < count) s.d[t] = value; // deflated values have been read
    __syncthreads();
    if (t < k) s.weight[t] = exact, s.turned[t] = s.half[s.kept[t]];
    __syncthreads();
    store_poles(part, s, out);
    if (t >= count) return;
    int rank = 0;
#pragma unroll 8
    for (int l = 0; l < count; l++) rank += s.d[l] < value || (s.d[l] == value && l < t);
    values[part.from + rank] = value;
    out.to[part.from + t] = part.from + rank;
    if (t >= k) return;
    real norm = 0;
#pragma unroll 8
    for (int j = 0; j < k; j++) {
        real x = quotient(s.weight[j], (s.pole[j] - origin) - offset);
        norm += x * x;
    }
    out.origin[part.from + t] = origin, out.offset[part.from + t] = offset, out.scale[part.from + t] = real(1) / sqrt(norm);
}

// Rows and columns of a tile of a product, and terms that it loads at once.
constexpr int TILE = 64, DEPTH = 16, TERMS = DEPTH * TILE / 256;

// The eigenvectors of the parts of a level: the rows of `out` from those of q, which belong to halves. Blocks, along x:
// tiles of columns, in each half `across` of them; tiles of eigenvectors, `down` of them; parts. 256 threads, each with four by four entries.
extern "C" __global__ void __launch_bounds__(256) eigen_product(int n, int level, int across, int down, const real *q, real *reals, int *ints, real *out, const int *info) {
    __shared__ __align__(16) real left[DEPTH][TILE + 4], right[DEPTH][TILE + 4];
    int b = blockIdx.y, number = blockIdx.x;
    if (info[b] == 1) return;
    bool lower = number / across % 2;
    Part part = part_of(n, level, number / (2 * across * down));
    Merged by = merged_at(reals, ints, n, b);
    q += (long long)b * n * n, out += (long long)b * n * n;
    int first = number / (2 * across) % down * TILE, count = part.to - part.from;
    int column = (lower ? part.middle : part.from) + number % across * TILE, end = lower ? part.to : part.middle;
    if (first >= count || column >= end) return;
    const int *counts = by.counts + 3 * (long long)part.from;
    int kept = counts[0], stop = lower ? kept : counts[1];
    int x = threadIdx.x % 16, y = threadIdx.x / 16;
    // A thread always loads the same column of both tiles; those that come next are loaded while it multiplies.
    int of = threadIdx.x % TILE, t = part.from + first + of, from = lower ? counts[2] : 0;
    bool is_kept = first + of < kept;
    real origin = is_kept ? by.origin[t] : real(0), offset = is_kept ? by.offset[t] : real(1);
    real scale = is_kept ? by.scale[t] : real(0), sums[4][4] = {}, next_left[TERMS], next_right[TERMS];
    auto load = [&]() {
#pragma unroll
        for (int i = 0; i < TERMS; i++) {
            int term = from + threadIdx.x / TILE + i * (256 / TILE), place = part.from + term;
            next_left[i] = next_right[i] = 0;
            if (term >= stop) continue;
            if (is_kept) next_left[i] = quotient(by.z[place], (by.pole[place] - origin) - offset) * scale;
            if (column + of < end) next_right[i] = q[by.row[place] * n + column + of];
        }
    };
    if (first >= kept) stop = from;
    load();
    for (; from < stop;) {
#pragma unroll
        for (int i = 0; i < TERMS; i++) {
            int term = threadIdx.x / TILE + i * (256 / TILE);
            left[term][of] = next_left[i], right[term][of] = next_right[i];
        }
        __syncthreads();
        from += DEPTH;
        load();
#pragma unroll
        for (int term = 0; term < DEPTH; term++)
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) sums[i][j] += left[term][4 * y + i] * right[term][4 * x + j];
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) {
        int of = first + 4 * y + i;
        if (of >= count) return;
        int place = part.from + of;
        real *to = out + (long long)by.to[place] * n;
        // A deflated vector is copied where it is not zero.
        const real *from = q + (long long)by.row[place] * n;
        bool is_zero = of < kept || !(by.half[place] & (lower ? LOWER : UPPER));
        for (int j = 0; j < 4; j++) {
            int c = column + 4 * x + j;
            if (c < end) to[c] = of < kept ? sums[i][j] : is_zero ? real(0) : from[c];
        }
    }
}
