// The recurrent scan; the equations are in nn/scan.rs. A block processes one sequence in one direction from its first
// step to its last: the recurrent kernel stays in registers, the state in shared memory. The second dimension of the
// grid is the direction. Everything stored is indexed by the position in the sequence.

// The arguments that differ between directions.
struct Pass {
    const real *projected; // [batch, n, width], without bias
    const real *kernel;    // [units, width]
    const real *bias;      // GRU [2, width], LSTM [width]
    int descending;        // whether it starts at the last position
};

__device__ inline Pass pass_of(int direction, const real *projected, long long stride, const real *kernel0, const real *bias0,
                               const real *kernel1, const real *bias1, int descending) {
    Pass pass = {projected + direction * stride, direction ? kernel1 : kernel0, direction ? bias1 : bias0,
                 (descending >> direction) & 1};
    return pass;
}

// The sum of UNITS products, in four parts.
template <int UNITS> __device__ inline real dot(const real *a, const real *b) {
    real sums[4] = {0, 0, 0, 0};
#pragma unroll
    for (int u = 0; u < UNITS; u++) sums[u % 4] += a[u] * b[u];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// out [batch, n, columns]; kept [direction][batch, n, KEPT * units]; before [direction][batch, n, units], the state
// before a step. as_read: outputs stay in the order in which they are read. GATES 3 is a GRU, 4 an LSTM. One thread
// per gate and unit.
template <int GATES, int UNITS>
__device__ inline void scan_forward(int n, int columns, int as_read, Pass pass, real *kept, real *before, real *out) {
    constexpr int WIDTH = GATES * UNITS, KEPT = GATES == 3 ? 4 : 6;
    __shared__ __align__(16) real h[UNITS], gates[WIDTH + UNITS];
    int gate = threadIdx.x, b = blockIdx.x, direction = blockIdx.y;
    bool active = gate < WIDTH;
    long long sequence = (long long)(direction * gridDim.x + b) * n;
    const real *projected = pass.projected + (long long)b * n * WIDTH;
    real column[UNITS], bias = 0, input_bias = 0, state = 0, cell = 0;
    if (active) {
#pragma unroll
        for (int u = 0; u < UNITS; u++) column[u] = pass.kernel[u * WIDTH + gate];
        bias = pass.bias[GATES == 3 ? WIDTH + gate : gate];
        input_bias = GATES == 3 ? pass.bias[gate] : real(0);
    }
    if (gate < UNITS) h[gate] = 0;
    real next = active ? projected[(pass.descending ? n - 1 : 0) * WIDTH + gate] : real(0);
    __syncthreads();
    for (int step = 0; step < n; step++) {
        int k = pass.descending ? n - 1 - step : step;
        real a = next + input_bias;
        if (active && step + 1 < n) next = projected[(pass.descending ? k - 1 : k + 1) * WIDTH + gate];
        if (active) {
            real c = bias + dot<UNITS>(column, h);
            if (GATES == 3 && gate >= 2 * UNITS) {
                gates[gate] = c;
                gates[UNITS + gate] = a;
            } else {
                gates[gate] = GATES == 4 && gate / UNITS == 2 ? tanh(a + c) : sigmoid(a + c);
            }
        }
        __syncthreads();
        if (gate < UNITS) {
            int u = gate;
            real *keep = kept + (sequence + k) * KEPT * UNITS + u;
            before[(sequence + k) * UNITS + u] = state;
            if (GATES == 3) {
                real z = gates[u], r = gates[UNITS + u], c = gates[2 * UNITS + u], g = tanh(gates[3 * UNITS + u] + r * c);
                state = g + z * (state - g);
                keep[0] = z, keep[UNITS] = r, keep[2 * UNITS] = g, keep[3 * UNITS] = c;
            } else {
                real i = gates[u], f = gates[UNITS + u], g = gates[2 * UNITS + u], o = gates[3 * UNITS + u];
                keep[4 * UNITS] = cell; // the cell before the step
                cell = f * cell + i * g;
                real th = tanh(cell);
                state = o * th;
                keep[0] = i, keep[UNITS] = f, keep[2 * UNITS] = g, keep[3 * UNITS] = o, keep[5 * UNITS] = th;
            }
            h[u] = state;
            out[((long long)b * n + (as_read ? step : k)) * columns + direction * UNITS + u] = state;
        }
        __syncthreads();
    }
}

// Gradients of the projected input, da, and of the recurrent product, dc, both [direction][batch, n, width]; for an
// LSTM they are equal, and only dc is written. One thread per gate and unit: it holds one gate's part of one row of
// the recurrent kernel.
template <int GATES, int UNITS>
__device__ inline void scan_backward(int n, int columns, int as_read, Pass pass, const real *kept, const real *before,
                                     const real *d_out, real *da, real *dc) {
    constexpr int WIDTH = GATES * UNITS, KEPT = GATES == 3 ? 4 : 6;
    __shared__ __align__(16) real d[WIDTH], parts[WIDTH];
    int gate = threadIdx.x, b = blockIdx.x, direction = blockIdx.y, u = gate % UNITS, q = gate / UNITS;
    bool active = gate < WIDTH, leads = gate < UNITS;
    long long sequence = (long long)(direction * gridDim.x + b) * n;
    real row[UNITS], carry = 0, d_cell = 0;
    if (active) {
#pragma unroll
        for (int v = 0; v < UNITS; v++) row[v] = pass.kernel[u * WIDTH + q * UNITS + v];
        parts[gate] = 0;
    }
    // Inputs of a step, loaded one step ahead: KEPT values, the state before, the gradient of the output.
    real next[KEPT + 2];
    auto load = [&](int step) {
        int k = pass.descending ? n - 1 - step : step;
#pragma unroll
        for (int j = 0; j < KEPT; j++) next[j] = kept[((sequence + k) * KEPT + j) * UNITS + u];
        next[KEPT] = before[(sequence + k) * UNITS + u];
        next[KEPT + 1] = d_out[((long long)b * n + (as_read ? step : k)) * columns + direction * UNITS + u];
    };
    if (leads) load(n - 1);
    __syncthreads();
    for (int step = n - 1; step >= 0; step--) {
        int k = pass.descending ? n - 1 - step : step;
        if (leads) {
            real now[KEPT + 2];
#pragma unroll
            for (int j = 0; j < KEPT + 2; j++) now[j] = next[j];
            if (step > 0) load(step - 1);
            real dh = now[KEPT + 1] + carry;
#pragma unroll
            for (int g = 0; g < GATES; g++) dh += parts[g * UNITS + u];
            real *to = dc + (sequence + k) * WIDTH + u;
            if (GATES == 3) {
                real z = now[0], r = now[1], g = now[2], c = now[3];
                real dz = dh * (now[KEPT] - g) * z * (real(1) - z);
                real dg = dh * (real(1) - z) * (real(1) - g * g);
                real dr = dg * c * r * (real(1) - r);
                d[u] = dz, d[UNITS + u] = dr, d[2 * UNITS + u] = dg * r;
                real *input = da + (sequence + k) * WIDTH + u;
                input[0] = dz, input[UNITS] = dr, input[2 * UNITS] = dg;
                to[0] = dz, to[UNITS] = dr, to[2 * UNITS] = dg * r;
                carry = dh * z;
            } else {
                real i = now[0], f = now[1], g = now[2], o = now[3], cell_before = now[4], th = now[5];
                real ds = d_cell + dh * o * (real(1) - th * th);
                real di = ds * g * i * (real(1) - i), df = ds * cell_before * f * (real(1) - f);
                real dg = ds * i * (real(1) - g * g), d_o = dh * th * o * (real(1) - o);
                d[u] = di, d[UNITS + u] = df, d[2 * UNITS + u] = dg, d[(GATES - 1) * UNITS + u] = d_o;
                to[0] = di, to[UNITS] = df, to[2 * UNITS] = dg, to[(GATES - 1) * UNITS] = d_o;
                d_cell = ds * f;
            }
        }
        __syncthreads();
        if (active) parts[gate] = dot<UNITS>(row, d + q * UNITS);
        __syncthreads();
    }
}
