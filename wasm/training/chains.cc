// The element-wise chains of RWKV-7 between its matrix products, forward and
// backward, each as one pass over memory: layer norm, token-shift mixes, the
// inputs of the recurrence, what follows it, and the loss.  In NumPy each chain
// would be a dozen passes, and they would take longer than the products.
//
// Activations are dense (rows, channels), rows being batch x time.  Gradients
// of parameters are added to what is there; gradients of activations are
// written, except where a comment says that they are added.

#include <cmath>
#include <cstdint>
#include <vector>

namespace {

template <typename T>
inline T Sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

constexpr double kDecay = 0.606531;  // exp(-0.5), the slowest decay's exponent

// y = (x - mean) * rstd * gain + bias
template <typename T>
void LayerNorm(int64_t rows, int64_t width, T eps, const T* x, const T* gain, const T* bias, T* y,
               T* mean, T* rstd) {
  for (int64_t n = 0; n < rows; ++n) {
    const T* xn = x + n * width;
    T* yn = y + n * width;
    T m = 0, s = 0;
    for (int64_t c = 0; c < width; ++c) m += xn[c];
    m /= width;
    for (int64_t c = 0; c < width; ++c) s += (xn[c] - m) * (xn[c] - m);
    const T inv = T(1) / std::sqrt(s / width + eps);
    for (int64_t c = 0; c < width; ++c) {
      yn[c] = (xn[c] - m) * inv * gain[c] + bias[c];
    }
    mean[n] = m;
    rstd[n] = inv;
  }
}

// dx is added to: the residual branch is already in it.
template <typename T>
void LayerNormGrad(int64_t rows, int64_t width, const T* x, const T* gain, const T* mean,
                   const T* rstd, const T* dy, T* dx, T* dgain, T* dbias) {
  for (int64_t n = 0; n < rows; ++n) {
    const T *xn = x + n * width, *dn = dy + n * width;
    T* out = dx + n * width;
    const T m = mean[n], inv = rstd[n];
    T s0 = 0, s1 = 0;
    for (int64_t c = 0; c < width; ++c) {
      const T hat = (xn[c] - m) * inv, d = dn[c] * gain[c];
      s0 += d;
      s1 += d * hat;
      dgain[c] += dn[c] * hat;
      dbias[c] += dn[c];
    }
    s0 /= width;
    s1 /= width;
    for (int64_t c = 0; c < width; ++c) {
      const T hat = (xn[c] - m) * inv;
      out[c] += inv * (dn[c] * gain[c] - s0 - hat * s1);
    }
  }
}

// out[m] = x + (previous - x) * mix[m], where previous is the row before, and
// `last` (batch, width) the row before the first.
template <typename T>
void ShiftMix(int64_t batch, int64_t time, int64_t width, int64_t mixes, const T* x, const T* last,
              const T* mix, T* out) {
  const int64_t plane = batch * time * width;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t t = 0; t < time; ++t) {
      const int64_t at = (n * time + t) * width;
      const T* now = x + at;
      const T* previous = t ? now - width : last + n * width;
      for (int64_t m = 0; m < mixes; ++m) {
        T* o = out + m * plane + at;
        const T* weight = mix + m * width;
        for (int64_t c = 0; c < width; ++c) {
          o[c] = now[c] + (previous[c] - now[c]) * weight[c];
        }
      }
    }
  }
}

template <typename T>
void ShiftMixGrad(int64_t batch, int64_t time, int64_t width, int64_t mixes, const T* x,
                  const T* last, const T* mix, const T* dout, T* dx, T* dmix) {
  const int64_t plane = batch * time * width;
  std::vector<T> carried(width), next(width);  // what row t hands to row t - 1
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < width; ++c) carried[c] = 0;
    for (int64_t t = time - 1; t >= 0; --t) {
      const int64_t at = (n * time + t) * width;
      const T* now = x + at;
      const T* previous = t ? now - width : last + n * width;
      T* d = dx + at;
      T* hand = next.data();
      for (int64_t c = 0; c < width; ++c) {
        d[c] = carried[c];
        hand[c] = 0;
      }
      for (int64_t m = 0; m < mixes; ++m) {
        const T* o = dout + m * plane + at;
        const T* weight = mix + m * width;
        T* dweight = dmix + m * width;
        for (int64_t c = 0; c < width; ++c) {
          const T shifted = o[c] * weight[c];
          d[c] += o[c] - shifted;
          hand[c] += shifted;
          dweight[c] += o[c] * (previous[c] - now[c]);
        }
      }
      carried.swap(next);
    }
  }
}

// From the raw projections to the inputs of the recurrence, head by head:
//   w = exp(-0.606531 s), s = sigmoid(w0 + wl)      rate = sigmoid(a0 + al)
//   v = raw v, or in later layers v + (v_first - v) gate, gate = sigmoid(v0 + vl)
//   kk = k k_k / |k k_k|      a = -kk      b = kk rate
//   k' = k (1 + (rate - 1) k_a)
// `vl` null means the first layer.
template <typename T>
void Inputs(int64_t rows, int64_t heads, int64_t size, const T* k, const T* v, const T* first,
            const T* wl, const T* al, const T* vl, const T* w0, const T* a0, const T* v0,
            const T* k_k, const T* k_a, T* s, T* w, T* rate, T* gate, T* value, T* key, T* a, T* b,
            T* inverse) {
  const int64_t width = heads * size;
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t at = n * width;
    for (int64_t c = 0; c < width; ++c) {
      s[at + c] = Sigmoid(w0[c] + wl[at + c]);
      w[at + c] = std::exp(-T(kDecay) * s[at + c]);
      const T p = Sigmoid(a0[c] + al[at + c]);
      rate[at + c] = p;
      key[at + c] = k[at + c] * (T(1) + (p - T(1)) * k_a[c]);
    }
    if (vl) {
      for (int64_t c = 0; c < width; ++c) {
        const T p = Sigmoid(v0[c] + vl[at + c]);
        gate[at + c] = p;
        value[at + c] = v[at + c] + (first[at + c] - v[at + c]) * p;
      }
    }
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t from = at + h * size;
      const T *kh = k + from, *scale = k_k + h * size;
      T sum = 0;
      for (int64_t j = 0; j < size; ++j) {
        sum += kh[j] * scale[j] * kh[j] * scale[j];
      }
      const T inv = T(1) / std::sqrt(sum + T(1e-24));
      inverse[n * heads + h] = inv;
      for (int64_t j = 0; j < size; ++j) {
        const T hat = kh[j] * scale[j] * inv;
        a[from + j] = -hat;
        b[from + j] = hat * rate[from + j];
      }
    }
  }
}

// dv in: gradient of the mixed value; `dfirst` is added to.  The outputs dwl,
// dal, dvl may be the arrays dw, da, dv: each element is read before written.
template <typename T>
void InputsGrad(int64_t rows, int64_t heads, int64_t size, const T* k, const T* v, const T* first,
                const T* k_k, const T* k_a, const T* s, const T* w, const T* rate, const T* gate,
                const T* a, const T* inverse, const T* dw, const T* dkey, const T* dvalue,
                const T* da, const T* db, T* dk, T* dv, T* dfirst, T* dwl, T* dal, T* dvl, T* dw0,
                T* da0, T* dv0, T* dk_k, T* dk_a) {
  const int64_t width = heads * size;
  std::vector<T> space(size);
  T* dhat = space.data();
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t at = n * width;
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t from = at + h * size;
      const T* scale = k_k + h * size;
      T dot = 0;
      for (int64_t j = 0; j < size; ++j) {
        dhat[j] = db[from + j] * rate[from + j] - da[from + j];
        dot -= dhat[j] * a[from + j];
      }
      const T inv = inverse[n * heads + h];
      for (int64_t j = 0; j < size; ++j) {
        const T hat = -a[from + j], kj = k[from + j], p = rate[from + j];
        const T du = (dhat[j] - hat * dot) * inv;
        const T dkj = dkey[from + j], mix = k_a[h * size + j];
        dk[from + j] = du * scale[j] + dkj * (T(1) + (p - T(1)) * mix);
        dk_k[h * size + j] += du * kj;
        dk_a[h * size + j] += dkj * kj * (p - T(1));
        const T dp = db[from + j] * hat + dkj * kj * mix;
        const T dz = dp * p * (T(1) - p);
        dal[from + j] = dz;
        da0[h * size + j] += dz;
      }
    }
    for (int64_t c = 0; c < width; ++c) {
      const T q = s[at + c];
      const T dz = -T(kDecay) * dw[at + c] * w[at + c] * q * (T(1) - q);
      dwl[at + c] = dz;
      dw0[c] += dz;
    }
    if (gate) {
      for (int64_t c = 0; c < width; ++c) {
        const T p = gate[at + c], d = dvalue[at + c];
        dv[at + c] = d * (T(1) - p);
        dfirst[at + c] += d * p;
        const T dz = d * (first[at + c] - v[at + c]) * p * (T(1) - p);
        dvl[at + c] = dz;
        dv0[c] += dz;
      }
    }
  }
}

// out = (group_norm(y) + (r . (k r_k)) v) * g, head by head
template <typename T>
void Outputs(int64_t rows, int64_t heads, int64_t size, T eps, const T* y, const T* r, const T* k,
             const T* v, const T* g, const T* gain, const T* bias, const T* r_k, T* out, T* mean,
             T* rstd, T* bonus) {
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t c0 = h * size, at = n * heads * size + c0;
      T m = 0, q = 0, dot = 0;
      for (int64_t j = 0; j < size; ++j) m += y[at + j];
      m /= size;
      for (int64_t j = 0; j < size; ++j) {
        q += (y[at + j] - m) * (y[at + j] - m);
        dot += r[at + j] * k[at + j] * r_k[c0 + j];
      }
      const T inv = T(1) / std::sqrt(q / size + eps);
      for (int64_t j = 0; j < size; ++j) {
        const T norm = (y[at + j] - m) * inv * gain[c0 + j] + bias[c0 + j];
        out[at + j] = (norm + dot * v[at + j]) * g[at + j];
      }
      mean[n * heads + h] = m;
      rstd[n * heads + h] = inv;
      bonus[n * heads + h] = dot;
    }
  }
}

template <typename T>
void OutputsGrad(int64_t rows, int64_t heads, int64_t size, const T* y, const T* r, const T* k,
                 const T* v, const T* g, const T* gain, const T* bias, const T* r_k, const T* mean,
                 const T* rstd, const T* bonus, const T* dout, T* dy, T* dr, T* dk, T* dv, T* dg,
                 T* dgain, T* dbias, T* dr_k) {
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t c0 = h * size, at = n * heads * size + c0;
      const T m = mean[n * heads + h], inv = rstd[n * heads + h];
      const T dot = bonus[n * heads + h];
      T s0 = 0, s1 = 0, ddot = 0;
      for (int64_t j = 0; j < size; ++j) {
        const T hat = (y[at + j] - m) * inv;
        const T norm = hat * gain[c0 + j] + bias[c0 + j];
        const T d = dout[at + j] * g[at + j];
        dg[at + j] = dout[at + j] * (norm + dot * v[at + j]);
        dv[at + j] = d * dot;
        ddot += d * v[at + j];
        dgain[c0 + j] += d * hat;
        dbias[c0 + j] += d;
        s0 += d * gain[c0 + j];
        s1 += d * gain[c0 + j] * hat;
      }
      s0 /= size;
      s1 /= size;
      for (int64_t j = 0; j < size; ++j) {
        const T hat = (y[at + j] - m) * inv;
        const T d = dout[at + j] * g[at + j] * gain[c0 + j];
        dy[at + j] = inv * (d - s0 - hat * s1);
        dr[at + j] = ddot * k[at + j] * r_k[c0 + j];
        dk[at + j] = ddot * r[at + j] * r_k[c0 + j];
        dr_k[c0 + j] += ddot * r[at + j] * k[at + j];
      }
    }
  }
}

// What each row's target costs, in nats.
template <typename T>
void Costs(int64_t rows, int64_t classes, const int32_t* target, const T* logits, T* nats) {
  for (int64_t n = 0; n < rows; ++n) {
    const T* row = logits + n * classes;
    T top = row[0], sum = 0;
    for (int64_t c = 1; c < classes; ++c) top = row[c] > top ? row[c] : top;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(row[c] - top);
    nats[n] = std::log(sum) + top - row[target[n]];
  }
}

// The same, and each row of the logits becomes weight[n] * its cost's gradient.
template <typename T>
void CrossEntropy(int64_t rows, int64_t classes, const T* weight, const int32_t* target, T* logits,
                  T* nats) {
  for (int64_t n = 0; n < rows; ++n) {
    T* row = logits + n * classes;
    T top = row[0], sum = 0;
    for (int64_t c = 1; c < classes; ++c) top = row[c] > top ? row[c] : top;
    const T wanted = row[target[n]] - top;
    for (int64_t c = 0; c < classes; ++c) {
      row[c] = std::exp(row[c] - top);
      sum += row[c];
    }
    nats[n] = std::log(sum) - wanted;
    const T factor = weight[n] / sum;
    for (int64_t c = 0; c < classes; ++c) row[c] *= factor;
    row[target[n]] -= weight[n];
  }
}

}  // namespace

#define ECHO_CHAINS(T, SUFFIX)                                                                     \
  extern "C" void echo_layer_norm_##SUFFIX(int64_t rows, int64_t width, T eps, const T* x,         \
                                           const T* gain, const T* bias, T* y, T* mean, T* rstd) { \
    LayerNorm<T>(rows, width, eps, x, gain, bias, y, mean, rstd);                                  \
  }                                                                                                \
  extern "C" void echo_layer_norm_grad_##SUFFIX(int64_t rows, int64_t width, const T* x,           \
                                                const T* gain, const T* mean, const T* rstd,       \
                                                const T* dy, T* dx, T* dgain, T* dbias) {          \
    LayerNormGrad<T>(rows, width, x, gain, mean, rstd, dy, dx, dgain, dbias);                      \
  }                                                                                                \
  extern "C" void echo_shift_mix_##SUFFIX(int64_t batch, int64_t time, int64_t width,              \
                                          int64_t mixes, const T* x, const T* last, const T* mix,  \
                                          T* out) {                                                \
    ShiftMix<T>(batch, time, width, mixes, x, last, mix, out);                                     \
  }                                                                                                \
  extern "C" void echo_shift_mix_grad_##SUFFIX(int64_t batch, int64_t time, int64_t width,         \
                                               int64_t mixes, const T* x, const T* last,           \
                                               const T* mix, const T* dout, T* dx, T* dmix) {      \
    ShiftMixGrad<T>(batch, time, width, mixes, x, last, mix, dout, dx, dmix);                      \
  }                                                                                                \
  extern "C" void echo_inputs_##SUFFIX(                                                            \
      int64_t rows, int64_t heads, int64_t size, const T* k, const T* v, const T* first,           \
      const T* wl, const T* al, const T* vl, const T* w0, const T* a0, const T* v0, const T* k_k,  \
      const T* k_a, T* s, T* w, T* rate, T* gate, T* value, T* key, T* a, T* b, T* inverse) {      \
    Inputs<T>(rows, heads, size, k, v, first, wl, al, vl, w0, a0, v0, k_k, k_a, s, w, rate, gate,  \
              value, key, a, b, inverse);                                                          \
  }                                                                                                \
  extern "C" void echo_inputs_grad_##SUFFIX(                                                       \
      int64_t rows, int64_t heads, int64_t size, const T* k, const T* v, const T* first,           \
      const T* k_k, const T* k_a, const T* s, const T* w, const T* rate, const T* gate,            \
      const T* a, const T* inverse, const T* dw, const T* dkey, const T* dvalue, const T* da,      \
      const T* db, T* dk, T* dv, T* dfirst, T* dwl, T* dal, T* dvl, T* dw0, T* da0, T* dv0,        \
      T* dk_k, T* dk_a) {                                                                          \
    InputsGrad<T>(rows, heads, size, k, v, first, k_k, k_a, s, w, rate, gate, a, inverse, dw,      \
                  dkey, dvalue, da, db, dk, dv, dfirst, dwl, dal, dvl, dw0, da0, dv0, dk_k, dk_a); \
  }                                                                                                \
  extern "C" void echo_outputs_##SUFFIX(int64_t rows, int64_t heads, int64_t size, T eps,          \
                                        const T* y, const T* r, const T* k, const T* v,            \
                                        const T* g, const T* gain, const T* bias, const T* r_k,    \
                                        T* out, T* mean, T* rstd, T* bonus) {                      \
    Outputs<T>(rows, heads, size, eps, y, r, k, v, g, gain, bias, r_k, out, mean, rstd, bonus);    \
  }                                                                                                \
  extern "C" void echo_outputs_grad_##SUFFIX(                                                      \
      int64_t rows, int64_t heads, int64_t size, const T* y, const T* r, const T* k, const T* v,   \
      const T* g, const T* gain, const T* bias, const T* r_k, const T* mean, const T* rstd,        \
      const T* bonus, const T* dout, T* dy, T* dr, T* dk, T* dv, T* dg, T* dgain, T* dbias,        \
      T* dr_k) {                                                                                   \
    OutputsGrad<T>(rows, heads, size, y, r, k, v, g, gain, bias, r_k, mean, rstd, bonus, dout, dy, \
                   dr, dk, dv, dg, dgain, dbias, dr_k);                                            \
  }                                                                                                \
  extern "C" void echo_costs_##SUFFIX(int64_t rows, int64_t classes, const int32_t* target,        \
                                      const T* logits, T* nats) {                                  \
    Costs<T>(rows, classes, target, logits, nats);                                                 \
  }                                                                                                \
  extern "C" void echo_cross_entropy_##SUFFIX(int64_t rows, int64_t classes, const T* weight,      \
                                              const int32_t* target, T* logits, T* nats) {         \
    CrossEntropy<T>(rows, classes, weight, target, logits, nats);                                  \
  }

ECHO_CHAINS(float, f32)
ECHO_CHAINS(double, f64)
