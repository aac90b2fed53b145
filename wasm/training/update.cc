// What a step changes: AdamW in one pass over memory, and the rows of the
// embedding that a batch has read.

#include <cmath>
#include <cstdint>

namespace {

// AdamW (arXiv:1711.05101).  `one` and `two` are the decay rates of the
// moments, `scale_one` and `scale_two` undo their bias: 1 / (1 - one^t) and
// 1 / sqrt(1 - two^t).  `shrink` is rate * decay.
template <typename T>
void AdamW(int64_t size, T rate, T shrink, T one, T two, T scale_one, T scale_two, T factor,
           const T* gradient, T* first, T* second, T* values) {
  for (int64_t i = 0; i < size; ++i) {
    const T g = gradient[i] * factor;
    const T m = one * first[i] + (T(1) - one) * g;
    const T v = two * second[i] + (T(1) - two) * g * g;
    first[i] = m;
    second[i] = v;
    const T step = rate * scale_one * m / (std::sqrt(v) * scale_two + T(1e-8));
    values[i] -= step + shrink * values[i];
  }
}

template <typename T>
void EmbeddingGrad(int64_t rows, int64_t width, const int32_t* tokens, const T* dy, T* gradient) {
  for (int64_t n = 0; n < rows; ++n) {
    T* row = gradient + tokens[n] * width;
    for (int64_t c = 0; c < width; ++c) row[c] += dy[n * width + c];
  }
}

}  // namespace

#define ECHO_UPDATE(T, SUFFIX)                                                                     \
  extern "C" void echo_adamw_##SUFFIX(int64_t size, T rate, T shrink, T one, T two, T scale_one,   \
                                      T scale_two, T factor, const T* gradient, T* first,          \
                                      T* second, T* values) {                                      \
    AdamW<T>(size, rate, shrink, one, two, scale_one, scale_two, factor, gradient, first, second,  \
             values);                                                                              \
  }                                                                                                \
  extern "C" void echo_embedding_grad_##SUFFIX(int64_t rows, int64_t width, const int32_t* tokens, \
                                               const T* dy, T* gradient) {                         \
    EmbeddingGrad<T>(rows, width, tokens, dy, gradient);                                           \
  }

ECHO_UPDATE(float, f32)
ECHO_UPDATE(double, f64)
