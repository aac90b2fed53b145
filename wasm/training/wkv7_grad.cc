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
// backward pass recomputes the fifteen between.
//
// Layout: r, w, k, v, a, b, y and their gradients are (batch, time, heads, N);
// the state is (batch, heads, N, N); checkpoints are
// (batch, heads, ceil(time / 16), N, N).  All are dense and row major.

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int64_t kStride = 16;

template <typename T, int N>
void Forward(int64_t batch, int64_t time, int64_t heads, const T* r, const T* w, const T* k,
             const T* v, const T* a, const T* b, T* state, T* y, T* checkpoints) {
  const int64_t chunks = (time + kStride - 1) / kStride;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      T* s = state + (n * heads + h) * N * N;
      T* kept = checkpoints + (n * heads + h) * chunks * N * N;
      for (int64_t t = 0; t < time; ++t) {
        if (t % kStride == 0) {
          std::memcpy(kept + t / kStride * N * N, s, sizeof(T) * N * N);
        }
        const int64_t at = ((n * time + t) * heads + h) * N;
        const T *rt = r + at, *wt = w + at, *kt = k + at;
        const T *vt = v + at, *ta = a + at, *bt = b + at;
        for (int i = 0; i < N; ++i) {
          T* row = s + i * N;
          T sa = 0, out = 0;
          for (int j = 0; j < N; ++j) sa += row[j] * ta[j];
          const T value = vt[i];
          for (int j = 0; j < N; ++j) {
            const T next = row[j] * wt[j] + sa * bt[j] + value * kt[j];
            row[j] = next;
            out += next * rt[j];
          }
          y[at + i] = out;
        }
      }
    }
  }
}

template <typename T, int N>
void Backward(int64_t batch, int64_t time, int64_t heads, const T* r, const T* w, const T* k,
              const T* v, const T* a, const T* b, const T* checkpoints, const T* dy, T* dr, T* dw,
              T* dk, T* dv, T* da, T* db) {
  const int64_t chunks = (time + kStride - 1) / kStride;
  std::vector<T> scratch((kStride + 2) * N * N + kStride * N);
  T* states = scratch.data();                // S before and after each token
  T* grad = states + (kStride + 1) * N * N;  // D, then E
  T* all_sa = grad + N * N;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      std::memset(grad, 0, sizeof(T) * N * N);
      for (int64_t c = chunks - 1; c >= 0; --c) {
        const int64_t first = c * kStride;
        const int64_t count = time - first < kStride ? time - first : kStride;
        std::memcpy(states, checkpoints + ((n * heads + h) * chunks + c) * N * N,
                    sizeof(T) * N * N);
        for (int64_t q = 0; q < count; ++q) {
          const int64_t at = ((n * time + first + q) * heads + h) * N;
          const T *wt = w + at, *kt = k + at, *vt = v + at;
          const T *ta = a + at, *bt = b + at;
          for (int i = 0; i < N; ++i) {
            const T* __restrict before = states + (q * N + i) * N;
            T* __restrict after = states + ((q + 1) * N + i) * N;
            T sa = 0;
            for (int j = 0; j < N; ++j) sa += before[j] * ta[j];
            all_sa[q * N + i] = sa;
            const T value = vt[i];
            for (int j = 0; j < N; ++j) {
              after[j] = before[j] * wt[j] + sa * bt[j] + value * kt[j];
            }
          }
        }
        for (int64_t q = count - 1; q >= 0; --q) {
          const int64_t at = ((n * time + first + q) * heads + h) * N;
          const T *rt = r + at, *wt = w + at, *kt = k + at;
          const T *vt = v + at, *ta = a + at, *bt = b + at;
          alignas(64) T gr[N] = {}, gw[N] = {}, gk[N] = {}, ga[N] = {}, gb[N] = {};
          for (int i = 0; i < N; ++i) {
            const T* __restrict before = states + (q * N + i) * N;
            const T* __restrict after = before + N * N;
            T* __restrict d = grad + i * N;
            const T dyi = dy[at + i], value = vt[i], sa = all_sa[q * N + i];
            T dvi = 0, dsa = 0;
            for (int j = 0; j < N; ++j) {
              const T e = d[j] + dyi * rt[j];
              d[j] = e;
              gr[j] += after[j] * dyi;
              gk[j] += e * value;
              gb[j] += e * sa;
              gw[j] += e * before[j];
              dvi += e * kt[j];
              dsa += e * bt[j];
            }
            dv[at + i] += dvi;
            for (int j = 0; j < N; ++j) {
              ga[j] += before[j] * dsa;
              d[j] = d[j] * wt[j] + dsa * ta[j];
            }
          }
          for (int j = 0; j < N; ++j) {
            dr[at + j] += gr[j];
            dw[at + j] += gw[j];
            dk[at + j] += gk[j];
            da[at + j] += ga[j];
            db[at + j] += gb[j];
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
