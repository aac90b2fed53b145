// The WKV recurrences, the only part of a forward pass that must go token by
// token. The papers' equations stand beside each of them.
//
// A state decays by a factor below 1 a token, so a channel that is no longer fed
// would turn denormal after a while, and WebAssembly cannot switch denormals off.
// Flush() cuts such numbers at 1e-30, far below what a float32 sum can notice.
#if defined(DEEP_TREE_ECHO_OPS_WKV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_WKV_INL_H_
#undef DEEP_TREE_ECHO_OPS_WKV_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_WKV_INL_H_
#endif

#include "ops/activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// RWKV 4 (arXiv:2305.13048, appendix "numerical stability"): numerator and
// denominator are kept divided by exp(pp), pp being the largest exponent so far.
//   out = (e1 aa + e2 v) / (e1 bb + e2),  p = max(pp, first + k),
//         e1 = exp(pp - p), e2 = exp(first + k - p)
//   then aa, bb, pp the same with p = max(pp + decay, k)
inline void Wkv4All(const float* HWY_RESTRICT first, const float* HWY_RESTRICT decay,
                    const float* HWY_RESTRICT k, const float* HWY_RESTRICT v, size_t n_tokens,
                    size_t n, float* HWY_RESTRICT aa, float* HWY_RESTRICT bb,
                    float* HWY_RESTRICT pp, float* HWY_RESTRICT out) {
  for (size_t t = 0; t < n_tokens; ++t, k += n, v += n, out += n) {
    Each(n, [&](size_t i, auto io) HWY_ATTR {
      const Vec key = io.Load(k + i);
      const Vec value = io.Load(v + i);
      const Vec a = io.Load(aa + i);
      const Vec b = io.Load(bb + i);
      const Vec exponent = io.Load(pp + i);

      const Vec now = hn::Add(io.Load(first + i), key);
      Vec p = hn::Max(exponent, now);
      Vec e1 = Exp(hn::Sub(exponent, p));
      Vec e2 = Exp(hn::Sub(now, p));
      io.Store(hn::Div(hn::MulAdd(e1, a, hn::Mul(e2, value)), hn::MulAdd(e1, b, e2)), out + i);

      const Vec later = hn::Add(exponent, io.Load(decay + i));
      p = hn::Max(later, key);
      e1 = Exp(hn::Sub(later, p));
      e2 = Exp(hn::Sub(key, p));
      io.Store(Flush(hn::MulAdd(e1, a, hn::Mul(e2, value))), aa + i);
      io.Store(Flush(hn::MulAdd(e1, b, e2)), bb + i);
      io.Store(p, pp + i);
    });
  }
}

// RWKV 5 and 6 (arXiv:2404.05892), per head, S (key i, value j):
//   out_j = sum_i r_i (S_ij + u_i k_i v_j)
//   S_ij  = w_i S_ij + k_i v_j
inline void Wkv56All(const float* r, const float* k, const float* v, const float* first,
                     const float* decay, size_t decay_stride, size_t n_tokens, size_t heads,
                     size_t size, float* HWY_RESTRICT state, float* HWY_RESTRICT out) {
  const Floats d;
  const size_t n = heads * size;
  // Heads outside, tokens inside: a head's state stays in the first-level cache.
  for (size_t head = 0; head < heads; ++head) {
    const size_t h = head * size;
    float* HWY_RESTRICT s = state + h * size;
    for (size_t t = 0; t < n_tokens; ++t) {
      const float* rt = r + t * n + h;
      const float* kt = k + t * n + h;
      const float* vt = v + t * n + h;
      const float* wt = decay + t * decay_stride + h;
      float* HWY_RESTRICT y = out + t * n + h;
      Each(size, [&](size_t j, auto io) HWY_ATTR {
        const Vec value = io.Load(vt + j);
        Vec sum = hn::Zero(d);
        for (size_t i = 0; i < size; ++i) {
          const Vec old = io.Load(s + i * size + j);
          const Vec kv = hn::Mul(hn::Set(d, kt[i]), value);
          const Vec seen = hn::MulAdd(kv, hn::Set(d, first[h + i]), old);
          sum = hn::MulAdd(hn::Set(d, rt[i]), seen, sum);
          io.Store(Flush(hn::MulAdd(old, hn::Set(d, wt[i]), kv)), s + i * size + j);
        }
        io.Store(sum, y + j);
      });
    }
  }
}

// RWKV 7 (arXiv:2503.14456), per head, S (value i, key j), a the removal key, b
// the replacement key:
//   S_ij  = S_ij w_j + (sum_l S_il a_l) b_j + v_i k_j
//   out_i = sum_j S_ij r_j
// The vectors of one head and token.
struct Head7 {
  const float* r;
  const float* w;
  const float* k;
  const float* v;
  const float* removal;
  const float* replacement;
};

// Rows of S that go through the vectors together, as the registers allow.
constexpr size_t kStateRows = HWY_MAX_BYTES == 64 ? 4 : 2;

// `kRows` rows of S from `row` on; from, to (size, size), out (size).
template <size_t kRows>
HWY_INLINE void Rows7(const Head7& x, size_t row, size_t size, const float* from, float* to,
                      float* HWY_RESTRICT out) {
  const Floats d;
  const float* s = from + row * size;
  float* next_s = to + row * size;
  Vec removed[kRows];
  for (size_t i = 0; i < kRows; ++i) removed[i] = hn::Zero(d);
  Each(size, [&](size_t j, auto io) HWY_ATTR {
    const Vec removal = io.Load(x.removal + j);
    for (size_t i = 0; i < kRows; ++i) {
      removed[i] = hn::MulAdd(io.Load(s + i * size + j), removal, removed[i]);
    }
  });
  Vec sa[kRows];
  Vec value[kRows];
  Vec sum[kRows];
  for (size_t i = 0; i < kRows; ++i) {
    sa[i] = hn::Set(d, hn::ReduceSum(d, removed[i]));
    value[i] = hn::Set(d, x.v[row + i]);
    sum[i] = hn::Zero(d);
  }
  Each(size, [&](size_t j, auto io) HWY_ATTR {
    const Vec k = io.Load(x.k + j);
    const Vec w = io.Load(x.w + j);
    const Vec replacement = io.Load(x.replacement + j);
    const Vec r = io.Load(x.r + j);
    for (size_t i = 0; i < kRows; ++i) {
      Vec next = hn::Mul(value[i], k);
      next = hn::MulAdd(io.Load(s + i * size + j), w, next);
      next = Flush(hn::MulAdd(sa[i], replacement, next));
      io.Store(next, next_s + i * size + j);
      sum[i] = hn::MulAdd(next, r, sum[i]);
    }
  });
  for (size_t i = 0; i < kRows; ++i) out[row + i] = hn::ReduceSum(d, sum[i]);
}

inline void Wkv7All(const float* r, const float* w, const float* k, const float* v,
                    const float* removal, const float* replacement, size_t n_tokens, size_t heads,
                    size_t size, const float* from, float* to, float* HWY_RESTRICT out) {
  const size_t n = heads * size;
  for (size_t head = 0; head < heads; ++head) {
    const size_t h = head * size;
    const float* s = from + h * size;
    for (size_t t = 0; t < n_tokens; ++t) {
      const size_t at = t * n + h;
      const Head7 x = {r + at, w + at, k + at, v + at, removal + at, replacement + at};
      size_t row = 0;
      for (; row + kStateRows <= size; row += kStateRows) {
        Rows7<kStateRows>(x, row, size, s, to + h * size, out + at);
      }
      for (; row < size; ++row) Rows7<1>(x, row, size, s, to + h * size, out + at);
      s = to + h * size;
    }
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
