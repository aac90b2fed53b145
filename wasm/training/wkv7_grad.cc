// The WKV-7 recurrence and its gradient, for training on a CPU.
//
// RWKV-7 "Goose" (arXiv:2503.14456), one head of size N.  The state S is an
// N x N matrix (row i: value channel, column j: key channel), and a token does
//
//   S_t = S_{t-1} diag(w_t) + (S_{t-1} a_t) b_t^T + v_t k_t^T,    y_t = S_t r_t
//
// Backward.  Let D_t = dL/dS_t gathered from all later tokens, and
// E = D_t + dy_t r_t^T.  Reading the line above term by term:
//
//   dr_j = sum_i S_t[i,j] dy_i         dw_j = sum_i E[i,j] S_{t-1}[i,j]
//   dk_j = sum_i E[i,j] v_i            dv_i = sum_j E[i,j] k_j
//   db_j = sum_i E[i,j] sa_i           with sa = S_{t-1} a_t
//   dsa_i = sum_j E[i,j] b_j           da_j = sum_i S_{t-1}[i,j] dsa_i
//   D_{t-1} = E diag(w_t) + dsa a_t^T
//
// The backward pass needs every S_t.  Keeping them all would take N times the
// memory of the activations, so the forward pass keeps one state in 16 and the
// backward pass recomputes the fifteen between.  A row of S and of D depends on no
// other row, so a few rows go through the sixteen tokens at a time: they stay in the
// first-level cache, where sixteen whole states would not.
//
// Layout: r, w, k, v, a, b, y and their gradients are (batch, time, heads, N);
// the state is (batch, heads, N, N); checkpoints are
// (batch, heads, ceil(time / 16), N, N).  All are dense and row major.

#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace {

constexpr int64_t kStride = 16;
constexpr int kRows = 4;  // of the state at a time

// A row of the state is worked through in vectors of the machine's widest kind,
// or of a whole row where that is shorter.
template <typename T, int N>
struct Lanes {
  static constexpr int kCount = N * sizeof(T) < 64 ? N : 64 / sizeof(T);
  static constexpr int kBlocks = N / kCount;
  typedef T Vector __attribute__((vector_size(kCount * sizeof(T))));

  static Vector Load(const T* from) {
    Vector v;
    std::memcpy(&v, from, sizeof(v));
    return v;
  }
  static void Store(T* to, Vector v) { std::memcpy(to, &v, sizeof(v)); }
  static T Sum(Vector v) {
#ifdef __AVX512F__
    if constexpr (sizeof(T) == 4 && kCount == 16) {
      return _mm512_reduce_add_ps(reinterpret_cast<__m512>(v));
    }
#endif
    T sum = 0;
    for (int l = 0; l < kCount; ++l) sum += v[l];
    return sum;
  }
};

// kRows rows of S_t from those of S_{t-1} (which may be the same array), and
// sa = S_{t-1} a_t.  With `r` also y = S_t r.
template <typename T, int N>
inline void Step(const T* before, T* after, const T* w, const T* k, const T* v, const T* a,
                 const T* b, const T* r, T* sa, T* y) {
  using L = Lanes<T, N>;
  using Vector = typename L::Vector;
  Vector sum[kRows] = {};
  for (int q = 0; q < N; q += L::kCount) {
    const Vector wide_a = L::Load(a + q);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) sum[i] += L::Load(before + i * N + q) * wide_a;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) sa[i] = L::Sum(sum[i]);
  Vector out[kRows] = {};
  for (int q = 0; q < N; q += L::kCount) {
    const Vector wide_w = L::Load(w + q), wide_k = L::Load(k + q), wide_b = L::Load(b + q);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vector next = L::Load(before + i * N + q) * wide_w + sa[i] * wide_b + v[i] * wide_k;
      L::Store(after + i * N + q, next);
      if (r) out[i] += next * L::Load(r + q);
    }
  }
  if (!r) return;
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) y[i] = L::Sum(out[i]);
}

template <typename T, int N>
void Forward(int64_t batch, int64_t time, int64_t heads, const T* r, const T* w, const T* k,
             const T* v, const T* a, const T* b, T* state, T* y, T* checkpoints) {
  const int64_t chunks = (time + kStride - 1) / kStride;
  T sa[kRows];
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      T* s = state + (n * heads + h) * N * N;
      T* kept = checkpoints + (n * heads + h) * chunks * N * N;
      for (int64_t c = 0; c < chunks; ++c) {
        std::memcpy(kept + c * N * N, s, sizeof(T) * N * N);
        const int64_t end = (c + 1) * kStride < time ? (c + 1) * kStride : time;
        for (int i = 0; i < N; i += kRows) {
          for (int64_t t = c * kStride; t < end; ++t) {
            const int64_t at = ((n * time + t) * heads + h) * N;
            Step<T, N>(s + i * N, s + i * N, w + at, k + at, v + at + i, a + at, b + at, r + at, sa,
                       y + at + i);
          }
        }
      }
    }
  }
}

// One token of the backward pass for kRows rows: D goes in and comes out in `grad`.
template <typename T, int N>
inline void StepGrad(const T* before, const T* after, const T* sa, const T* r, const T* w,
                     const T* k, const T* v, const T* a, const T* b, const T* dy, T* grad, T* dr,
                     T* dw, T* dk, T* dv, T* da, T* db) {
  using L = Lanes<T, N>;
  using Vector = typename L::Vector;
  Vector value[kRows] = {}, dot[kRows] = {};
  for (int q = 0; q < N; q += L::kCount) {
    const Vector wide_r = L::Load(r + q), wide_k = L::Load(k + q), wide_b = L::Load(b + q);
    Vector gr = L::Load(dr + q), gw = L::Load(dw + q), gk = L::Load(dk + q), gb = L::Load(db + q);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vector e = L::Load(grad + i * N + q) + dy[i] * wide_r;
      L::Store(grad + i * N + q, e);
      gr += dy[i] * L::Load(after + i * N + q);
      gw += e * L::Load(before + i * N + q);
      gk += v[i] * e;
      gb += sa[i] * e;
      value[i] += e * wide_k;
      dot[i] += e * wide_b;
    }
    L::Store(dr + q, gr);
    L::Store(dw + q, gw);
    L::Store(dk + q, gk);
    L::Store(db + q, gb);
  }
  T dsa[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    dv[i] += L::Sum(value[i]);
    dsa[i] = L::Sum(dot[i]);
  }
  for (int q = 0; q < N; q += L::kCount) {
    const Vector wide_w = L::Load(w + q), wide_a = L::Load(a + q);
    Vector ga = L::Load(da + q);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      ga += dsa[i] * L::Load(before + i * N + q);
      L::Store(grad + i * N + q, L::Load(grad + i * N + q) * wide_w + dsa[i] * wide_a);
    }
    L::Store(da + q, ga);
  }
}

template <typename T, int N>
void Backward(int64_t batch, int64_t time, int64_t heads, const T* r, const T* w, const T* k,
              const T* v, const T* a, const T* b, const T* checkpoints, const T* dy, T* dr, T* dw,
              T* dk, T* dv, T* da, T* db) {
  constexpr int kSize = kRows * N;
  const int64_t chunks = (time + kStride - 1) / kStride;
  std::vector<T> whole(N * N), scratch((kStride + 1) * kSize + kStride * kRows);
  T* states = scratch.data();  // kRows rows of S before and after each token
  T* all_sa = states + (kStride + 1) * kSize;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      std::memset(whole.data(), 0, sizeof(T) * N * N);  // D, then E
      for (int64_t c = chunks - 1; c >= 0; --c) {
        const int64_t first = c * kStride;
        const int64_t count = time - first < kStride ? time - first : kStride;
        const T* kept = checkpoints + ((n * heads + h) * chunks + c) * N * N;
        for (int i = 0; i < N; i += kRows) {
          std::memcpy(states, kept + i * N, sizeof(T) * kSize);
          for (int64_t q = 0; q < count; ++q) {
            const int64_t at = ((n * time + first + q) * heads + h) * N;
            T* before = states + q * kSize;
            Step<T, N>(before, before + kSize, w + at, k + at, v + at + i, a + at, b + at,
                       static_cast<const T*>(nullptr), all_sa + q * kRows,
                       static_cast<T*>(nullptr));
          }
          for (int64_t q = count - 1; q >= 0; --q) {
            const int64_t at = ((n * time + first + q) * heads + h) * N;
            const T* before = states + q * kSize;
            StepGrad<T, N>(before, before + kSize, all_sa + q * kRows, r + at, w + at, k + at,
                           v + at + i, a + at, b + at, dy + at + i, whole.data() + i * N, dr + at,
                           dw + at, dk + at, dv + at + i, da + at, db + at);
          }
        }
      }
    }
  }
}

}  // namespace

// Both return 0, or 1 for a head size that is not compiled in.  `state` goes in
// and comes out; the six gradients are added to what is there.
#define ECHO_WKV7(T, SUFFIX)                                                                     \
  extern "C" int echo_wkv7_forward_##SUFFIX(                                                     \
      int64_t batch, int64_t time, int64_t heads, int64_t size, const T* r, const T* w,          \
      const T* k, const T* v, const T* a, const T* b, T* state, T* y, T* checkpoints) {          \
    if (size == 64) {                                                                            \
      Forward<T, 64>(batch, time, heads, r, w, k, v, a, b, state, y, checkpoints);               \
    } else if (size == 8) {                                                                      \
      Forward<T, 8>(batch, time, heads, r, w, k, v, a, b, state, y, checkpoints);                \
    } else {                                                                                     \
      return 1;                                                                                  \
    }                                                                                            \
    return 0;                                                                                    \
  }                                                                                              \
  extern "C" int echo_wkv7_backward_##SUFFIX(                                                    \
      int64_t batch, int64_t time, int64_t heads, int64_t size, const T* r, const T* w,          \
      const T* k, const T* v, const T* a, const T* b, const T* checkpoints, const T* dy, T* dr,  \
      T* dw, T* dk, T* dv, T* da, T* db) {                                                       \
    if (size == 64) {                                                                            \
      Backward<T, 64>(batch, time, heads, r, w, k, v, a, b, checkpoints, dy, dr, dw, dk, dv, da, \
                      db);                                                                       \
    } else if (size == 8) {                                                                      \
      Backward<T, 8>(batch, time, heads, r, w, k, v, a, b, checkpoints, dy, dr, dw, dk, dv, da,  \
                     db);                                                                        \
    } else {                                                                                     \
      return 1;                                                                                  \
    }                                                                                            \
    return 0;                                                                                    \
  }

ECHO_WKV7(float, f32)
ECHO_WKV7(double, f64)
