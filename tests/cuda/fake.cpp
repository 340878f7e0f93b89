// Stands in for libcuda, NVRTC, cuBLAS and cuSOLVER on a machine without a GPU, so that the driver side of the program runs
// whole: NVRTC calls the C++ compiler with emulation.h, a module is the library it made, device memory is memory, cuBLAS and
// cuSOLVER are plain loops. Only what the program calls is here. FAKE_* in the environment choose what the driver says.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

// One kernel and one compilation at a time: emulated kernels keep their state in statics.
static std::mutex one_at_a_time;

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

// The driver.

API int cuInit(unsigned) { return setting("FAKE_INIT", 0); }
API int cuDriverGetVersion(int *version) { return *version = setting("FAKE_VERSION", 13000), 0; }
API int cuDeviceGetCount(int *count) { return *count = setting("FAKE_DEVICES", 1), 0; }
API int cuDeviceGet(int *device, int number) { return *device = number, 0; }
API int cuDeviceGetName(char *name, int length, int) { return snprintf(name, length, "Fake GPU"), 0; }
API int cuDeviceGetAttribute(int *value, int attribute, int) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 132 : attribute == 97 ? 1 << 16 : 1;
    return 0;
}
API int cuDevicePrimaryCtxRetain(void **context, int) { return *context = (void *)8, 0; }
API int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
API int cuCtxGetCurrent(void **context) { return *context = (void *)8, 0; }
API int cuCtxSetCurrent(void *) { return 0; }
API int cuCtxSynchronize() { return 0; }
API int cuStreamCreate(void **stream, unsigned) { return *stream = (void *)16, 0; }
API int cuStreamDestroy_v2(void *) { return 0; }
API int cuStreamSynchronize(void *) { return 0; }
API int cuEventCreate(void **event, unsigned) { return *event = (void *)24, 0; }
API int cuEventDestroy_v2(void *) { return 0; }
API int cuEventRecord(void *, void *) { return 0; }
API int cuStreamWaitEvent(void *, void *, unsigned) { return 0; }
API int cuGetErrorName(int code, const char **name) {
    *name = code == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
    return 0;
}
API int cuGetErrorString(int, const char **text) { return *text = "as the test asked for", 0; }

API int cuMemGetInfo_v2(size_t *free, size_t *total) {
    *free = setting("FAKE_MEMORY", 1L << 34), *total = 1L << 34;
    return 0;
}
API int cuMemAlloc_v2(uint64_t *at, size_t bytes) {
    if (bytes > size_t(setting("FAKE_MEMORY", 1L << 34))) return 2;
    *at = uint64_t(malloc(bytes));
    memset((void *)*at, 0xff, bytes); // NaN: what is read must have been written
    return 0;
}
API int cuMemFree_v2(uint64_t at) { return free((void *)at), 0; }
API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) { return memcpy((void *)to, from, bytes), 0; }
API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) { return memcpy(to, (void *)from, bytes), 0; }

// A module is the path of a library; a function is that library and a name.
struct Function {
    void *library;
    std::string name;
};

API int cuModuleLoadData(void **module, const void *image) {
    if (setting("FAKE_LOAD", 0)) return setting("FAKE_LOAD", 0);
    *module = dlopen((const char *)image, RTLD_NOW | RTLD_LOCAL);
    return *module ? 0 : 200;
}
API int cuModuleUnload(void *) { return 0; }
API int cuModuleGetFunction(void **function, void *module, const char *name) {
    return *function = new Function{module, name}, 0;
}
API int cuFuncGetAttribute(int *value, int, void *) { return *value = 1 << 15, 0; }
API int cuFuncSetAttribute(void *, int attribute, int) { return attribute == 8 ? 0 : 1; }
API int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned, unsigned block, unsigned, unsigned, unsigned shared,
                       void *, void **arguments, void **) {
    typedef int (*Run)(const char *, unsigned, unsigned, unsigned, unsigned, const char *, void **);
    std::lock_guard<std::mutex> lock(one_at_a_time);
    Function *f = (Function *)function;
    Run run = (Run)dlsym(f->library, "run");
    return run(f->name.c_str(), x, y, block, shared, nullptr, arguments) ? 1 : 0;
}

// NVRTC.

struct Source {
    std::string text, code, log;
};
static std::map<std::string, std::string> compiled;

API int nvrtcVersion(int *major, int *minor) { return *major = 13, *minor = 0, 0; }
API int nvrtcCreateProgram(void **program, const char *text, const char *, int, const char **, const char **) {
    return *program = new Source{text, "", ""}, 0;
}
API int nvrtcDestroyProgram(void **program) { return delete (Source *)*program, 0; }
API int nvrtcCompileProgram(void *program, int, const char **) {
    std::lock_guard<std::mutex> lock(one_at_a_time);
    Source *source = (Source *)program;
    std::string &library = compiled[source->text];
    if (library.empty()) {
        const char *place = getenv("FAKE_FOLDER");
        std::string parent = place ? place : "/tmp", folder = parent + "/kernels-XXXXXX";
        // Another process may have compiled the same text.
        library = parent + "/" + std::to_string(std::hash<std::string>()(source->text)) + ".so";
        if (std::ifstream(library)) return source->code = library, 0;
        if (!mkdtemp(&folder[0])) return 1;
        std::string made = folder + "/kernels.so", file = folder + "/kernels.cpp", line, dispatch;
        std::istringstream lines(source->text);
        std::ofstream out(file);
        for (bool first = true; std::getline(lines, line); first = false) {
            out << line << "\n";
            if (first) out << "#include \"" HEADER "\"\nnamespace {\n";
            size_t kernel = line.find("__global__ void ");
            if (kernel == std::string::npos) continue;
            std::string name = line.substr(kernel + 16);
            if (name.compare(0, 17, "__launch_bounds__") == 0) name = name.substr(name.find(") ") + 2);
            name = name.substr(0, name.find('('));
            dispatch += "if (!strcmp(name, \"" + name + "\")) return emulation::launch(" + name +
                        ", x, y, block, shared, kinds, arguments);\n";
        }
        out << "}\nextern \"C\" __attribute__((visibility(\"default\"))) int run(const char *name, unsigned x, unsigned y, unsigned "
               "block, unsigned shared, const char *kinds, void **arguments) {\n" << dispatch << "return 2; }\n";
        out.close();
        std::string command = "c++ -std=c++17 -O1 -w -shared -fPIC -fvisibility=hidden -Wl,-Bsymbolic -o " + made + " " + file;
        if (system(command.c_str()) || rename(made.c_str(), library.c_str())) return 6;
    }
    return source->code = library, 0;
}
API int nvrtcGetProgramLogSize(void *program, size_t *size) { return *size = ((Source *)program)->log.size() + 1, 0; }
API int nvrtcGetProgramLog(void *program, char *log) { return strcpy(log, ((Source *)program)->log.c_str()), 0; }
API int nvrtcGetCUBINSize(void *program, size_t *size) { return *size = ((Source *)program)->code.size() + 1, 0; }
API int nvrtcGetCUBIN(void *program, char *code) { return strcpy(code, ((Source *)program)->code.c_str()), 0; }

// cuBLAS: column-major, operation 0 is none and 1 the transpose.

API int cublasCreate_v2(void **handle) { return *handle = (void *)32, 0; }
API int cublasDestroy_v2(void *) { return 0; }
API int cublasSetStream_v2(void *, void *) { return 0; }

template <class F>
static int gemm(int ta, int tb, int m, int n, int k, F alpha, const F *a, int lda, long long sa, const F *b, int ldb,
                long long sb, F beta, F *c, int ldc, long long sc, int batch) {
    if (lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m)) return 7;
    if (m == 4096) return 0; // only measured, never read
    for (int s = 0; s < batch; s++, a += sa, b += sb, c += sc)
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++)
                    sum += double(a[ta ? l + i * (long long)lda : i + l * (long long)lda]) *
                           b[tb ? j + l * (long long)ldb : l + j * (long long)ldb];
                F &out = c[i + j * (long long)ldc];
                out = F(alpha * sum + (beta == 0 ? 0 : beta * out));
            }
    return 0;
}
API int cublasSgemmStridedBatched(void *, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda,
                                  long long sa, const float *b, int ldb, long long sb, const float *beta, float *c, int ldc,
                                  long long sc, int batch) {
    return gemm(ta, tb, m, n, k, *alpha, a, lda, sa, b, ldb, sb, *beta, c, ldc, sc, batch);
}
API int cublasDgemmStridedBatched(void *, int ta, int tb, int m, int n, int k, const double *alpha, const double *a, int lda,
                                  long long sa, const double *b, int ldb, long long sb, const double *beta, double *c, int ldc,
                                  long long sc, int batch) {
    return gemm(ta, tb, m, n, k, *alpha, a, lda, sa, b, ldb, sb, *beta, c, ldc, sc, batch);
}

// cuSOLVER: cyclic Jacobi rotations of the lower triangle.

API int cusolverDnCreate(void **handle) { return *handle = (void *)40, 0; }
API int cusolverDnDestroy(void *) { return 0; }
API int cusolverDnSetStream(void *, void *) { return 0; }
API int cusolverDnSetDeterministicMode(void *, int mode) { return mode == 1 ? 0 : 3; }
API int cusolverDnCreateParams(void **params) { return *params = (void *)48, 0; }
API int cusolverDnDestroyParams(void *) { return 0; }

template <class F> static int eigen(int n, F *a, F *w) {
    std::vector<double> m(n * n), v(n * n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            m[i + j * n] = i >= j ? a[i + j * n] : a[j + i * n];
            if (!std::isfinite(m[i + j * n])) return 1;
            v[i + j * n] = i == j;
        }
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                double apq = m[p + q * n];
                off += apq * apq;
                if (std::fabs(apq) < 1e-300) continue;
                double theta = (m[q + q * n] - m[p + p * n]) / (2 * apq);
                double t = (theta < 0 ? -1 : 1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
                double c = 1 / std::sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) {
                    double x = m[k + p * n], y = m[k + q * n];
                    m[k + p * n] = c * x - s * y, m[k + q * n] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = m[p + k * n], y = m[q + k * n];
                    m[p + k * n] = c * x - s * y, m[q + k * n] = s * x + c * y;
                    x = v[k + p * n], y = v[k + q * n];
                    v[k + p * n] = c * x - s * y, v[k + q * n] = s * x + c * y;
                }
            }
        if (off < 1e-30) break;
    }
    std::vector<int> order(n);
    for (int k = 0; k < n; k++) order[k] = k;
    std::sort(order.begin(), order.end(), [&](int i, int j) { return m[i + i * n] < m[j + j * n]; });
    for (int k = 0; k < n; k++) {
        w[k] = F(m[order[k] + order[k] * n]);
        for (int i = 0; i < n; i++) a[i + k * n] = F(v[i + order[k] * n]);
    }
    return 0;
}

API int cusolverDnXsyevBatched_bufferSize(void *, void *, int, int, int64_t n, int, const void *, int64_t, int, const void *, int,
                                          size_t *on_device, size_t *on_host, int64_t batch) {
    return *on_device = 8 * n * batch, *on_host = 64, 0;
}
API int cusolverDnXsyevBatched(void *, void *, int vectors, int lower, int64_t n, int type, void *a, int64_t lda, int, void *w,
                               int, void *, size_t, void *, size_t, int *info, int64_t batch) {
    if (!vectors || lower != 0 || lda != n) return 3;
    for (int64_t b = 0; b < batch; b++)
        info[b] = type == 0 ? eigen(int(n), (float *)a + b * n * n, (float *)w + b * n)
                            : eigen(int(n), (double *)a + b * n * n, (double *)w + b * n);
    return 0;
}
