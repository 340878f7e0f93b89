// Enough of CUDA to run the kernels of this project on a processor, one block after the other. The threads of a block are
// fibres. A warp runs as far as the next barrier of the block before the next warp does, by chance the first warp first or the
// last, and so do the threads within it: what a missing barrier would let happen can happen.
// Shared memory starts as NaN in every block; kernels must be in a namespace without a name, so that all of it is in one
// section. Every launch is checked against the parameters of its kernel.

#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#define EMULATED
#define __global__
#define __device__
#define __shared__ static __attribute__((section("shared_memory")))
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))

using std::exp, std::fabs, std::fmax, std::fmin, std::frexp, std::isnan, std::ldexp, std::log, std::log1p, std::max, std::min;
using std::sqrt, std::tanh;

struct Index { unsigned x, y; };
struct float4 { float x, y, z, w; };

static Index threadIdx, blockIdx, blockDim, gridDim;
alignas(16) static unsigned char shared_bytes[1 << 16];
extern "C" __attribute__((weak, visibility("hidden"))) char __start_shared_memory[], __stop_shared_memory[];

namespace emulation {
constexpr int THREADS = 1024, STACK = 1 << 16;
static jmp_buf scheduler, fibres[THREADS];
static ucontext_t first_entry;
enum State { READY, AT_WARP, AT_BLOCK, DONE };
static State state[THREADS];
static bool started[THREADS];
static std::vector<char> stacks;
static std::function<void()> body;
static int current;
static double exchanged[2][THREADS]; // in turns, so that one barrier of the warp is enough
static bool turn[THREADS];

// A fibre runs one block after the other: to make a new one would take longer than most blocks.
static void entry() {
    for (;;) {
        body();
        state[current] = DONE;
        if (!_setjmp(fibres[current])) _longjmp(scheduler, 1);
    }
}

static void resume(int thread) {
    current = thread;
    threadIdx = {unsigned(thread), 0};
    if (_setjmp(scheduler)) return;
    if (started[thread]) _longjmp(fibres[thread], 1);
    started[thread] = true;
    getcontext(&first_entry);
    first_entry.uc_stack.ss_sp = stacks.data() + size_t(thread) * STACK;
    first_entry.uc_stack.ss_size = STACK;
    first_entry.uc_link = nullptr;
    makecontext(&first_entry, entry, 0);
    setcontext(&first_entry);
}

static void wait_at(State barrier) {
    state[current] = barrier;
    if (!_setjmp(fibres[current])) _longjmp(scheduler, 1);
}

// Whether any thread of a range is in a state.
static bool any(int from, int to, State wanted) {
    for (int t = from; t < to; t++)
        if (state[t] == wanted) return true;
    return false;
}

static void let_go(int from, int to, State barrier) {
    for (int t = from; t < to; t++)
        if (state[t] == barrier) state[t] = READY;
}

static void run_warp(int from, bool backwards) {
    static int k; // survives the jumps
    for (;;) {
        for (k = 0; k < 32; k++) {
            int thread = from + (backwards ? 31 - k : k);
            if (state[thread] == READY) resume(thread);
        }
        if (!any(from, from + 32, AT_WARP)) return;
        if (any(from, from + 32, AT_BLOCK)) {
            fprintf(stderr, "threads of one warp wait at different barriers\n");
            abort();
        }
        let_go(from, from + 32, AT_WARP);
    }
}

static void run_block(int threads, unsigned shared) {
    memset(shared_bytes, 0xff, shared);
    memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
    for (int t = 0; t < threads; t++) turn[t] = false, state[t] = READY;
    static unsigned chance = 1; // the same in every run
    static int warp;            // survives the jumps
    while (any(0, threads, READY)) {
        chance = chance * 1664525 + 1013904223;
        for (warp = 0; warp < threads / 32; warp++)
            run_warp(32 * (chance >> 31 ? threads / 32 - 1 - warp : warp), chance >> 30 & 1);
        let_go(0, threads, AT_BLOCK);
    }
}

template <class A> char kind() {
    if (std::is_pointer<A>::value) return 'p';
    if (std::is_same<A, int>::value) return 'i';
    if (std::is_same<A, long long>::value) return 'l';
    if (std::is_same<A, double>::value && sizeof(real) == 8) return 'f'; // real or double
    return std::is_same<A, real>::value ? 'r' : 'd';
}

template <class... A, size_t... I> void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*(A *)arguments[I]...);
}

// 0, or 1 where the kinds of the arguments, if given, are not those of the kernel.
template <class... A>
int launch(void (*kernel)(A...), unsigned x, unsigned y, unsigned block, unsigned shared, const char *kinds, void **arguments) {
    const char expected[] = {kind<A>()..., 0};
    if ((kinds && strlen(kinds) != sizeof...(A)) || shared > sizeof shared_bytes || block > THREADS || block % 32) return 1;
    for (size_t k = 0; kinds && k < sizeof...(A); k++) {
        bool floating = expected[k] == 'f' && (kinds[k] == 'r' || kinds[k] == 'd');
        if (kinds[k] != expected[k] && !floating) return 1;
    }
    stacks.resize(size_t(THREADS) * STACK);
    gridDim = {x, y};
    blockDim = {block, 1};
    body = [&] { call(kernel, arguments, std::index_sequence_for<A...>()); };
    for (blockIdx.y = 0; blockIdx.y < y; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < x; blockIdx.x++) run_block(block, shared);
    return 0;
}
} // namespace emulation

#define __syncthreads() emulation::wait_at(emulation::AT_BLOCK)
#define __syncwarp() emulation::wait_at(emulation::AT_WARP)

namespace emulation {
// What all threads of the warp give. All of them take part; other warps need not.
static const double *exchange(double x) {
    double *all = exchanged[turn[current]];
    turn[current] = !turn[current];
    all[current] = x;
    wait_at(AT_WARP);
    return all + (current & ~31);
}
} // namespace emulation

static double __shfl_xor_sync(unsigned, double x, int mask) {
    return emulation::exchange(x)[(threadIdx.x ^ mask) % 32];
}

static unsigned __ballot_sync(unsigned, bool condition) {
    const double *all = emulation::exchange(condition);
    unsigned bits = 0;
    for (int lane = 0; lane < 32; lane++) bits |= unsigned(all[lane] != 0) << lane;
    return bits;
}

static int __popc(unsigned x) { return __builtin_popcount(x); }
static int __ffs(unsigned x) { return __builtin_ffs(x); }

static int atomicAdd(int *at, int x) {
    int before = *at;
    *at += x;
    return before;
}
