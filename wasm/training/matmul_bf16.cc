// Matrix products in bfloat16 with sums in single precision, for processors with
// AVX-512 BF16: twice the rate of single precision, which training hardly notices.
//
//   C[m, n] = sum over k of A[m, k] B[k, n]
//
// A and B are float32 with any strides of which one is 1, so that the three
// products of a linear layer (forward, gradient of the input, gradient of the
// weight) need no transposed copies.  Both are rounded while they are packed:
// A in panels of 12 rows, B in panels of 32 columns, two steps of k side by side
// as the instruction wants them.  A panel's last rows or columns may be zeros.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#include <immintrin.h>

namespace {

constexpr int64_t kRows = 12, kColumns = 32;  // of a tile of C
constexpr int64_t kDepth = 384;               // steps of k at a time, so that a panel stays in L1
constexpr int64_t kWide = 768;                // columns at a time, so that they stay in L2

struct Matrix {
  const float* data;
  int64_t outer;  // stride from one row of A (one column of B) to the next
  int64_t inner;  // stride from one k to the next
};

// Two rows of 16 floats become 16 pairs of bfloat16, the first row's in the low half.
inline __m512i Pairs(__m512 even, __m512 odd) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even)));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// Packs `count` <= P outer places and `depth` steps of k as (ceil(depth / 2), P) pairs.
template <int64_t P>
void Pack(const Matrix& from, int64_t first, int64_t count, int64_t k0, int64_t depth,
          uint32_t* to) {
  const int64_t pairs = (depth + 1) / 2;
  const float* data = from.data + first * from.outer + k0 * from.inner;
  if (from.outer == 1) {
    for (int64_t q = 0; q < pairs; ++q) {
      const float* even = data + 2 * q * from.inner;
      const bool whole = 2 * q + 1 < depth;
      for (int64_t p = 0; p < P; p += 16) {
        const int64_t left = std::clamp<int64_t>(count - p, 0, 16);
        const __mmask16 mask = static_cast<__mmask16>((1U << left) - 1);
        const __m512 one = _mm512_maskz_loadu_ps(mask, even + p);
        const __m512 two =
            _mm512_maskz_loadu_ps(whole ? mask : static_cast<__mmask16>(0), even + from.inner + p);
        const int64_t room = std::min<int64_t>(16, P - p);
        _mm512_mask_storeu_epi32(to + q * P + p, static_cast<__mmask16>((1U << room) - 1),
                                 Pairs(one, two));
      }
    }
    return;
  }
  alignas(64) uint32_t block[P][16];
  for (int64_t q0 = 0; q0 < pairs; q0 += 16) {
    const int64_t steps = std::min<int64_t>(16, pairs - q0), left = depth - 2 * q0;
    const __mmask16 low = static_cast<__mmask16>((1U << std::clamp<int64_t>(left, 0, 16)) - 1);
    const __mmask16 high =
        static_cast<__mmask16>((1U << std::clamp<int64_t>(left - 16, 0, 16)) - 1);
    for (int64_t p = 0; p < P; ++p) {
      const float* row = data + p * from.outer + 2 * q0;
      const bool there = p < count;
      const __m512 one = there ? _mm512_maskz_loadu_ps(low, row) : _mm512_setzero_ps();
      const __m512 two = there ? _mm512_maskz_loadu_ps(high, row + 16) : _mm512_setzero_ps();
      _mm512_store_si512(block[p], reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(two, one)));
    }
    for (int64_t q = 0; q < steps; ++q) {
      for (int64_t p = 0; p < P; ++p) to[(q0 + q) * P + p] = block[p][q];
    }
  }
}

// One tile of C: 24 sums in registers.
void Tile(int64_t pairs, const uint32_t* a, const uint32_t* b, float* c, int64_t stride,
          int64_t rows, int64_t columns, bool add) {
  __m512 sum[kRows][2];
  for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (int64_t q = 0; q < pairs; ++q) {
    const __m512bh left = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + q * kColumns));
    const __m512bh right = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + q * kColumns + 16));
    const uint32_t* row = a + q * kRows;
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512bh each =
          reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int32_t>(row[r])));
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], left, each);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], right, each);
    }
  }
  const auto mask = [columns](int64_t from) {
    return static_cast<__mmask16>((1U << std::clamp<int64_t>(columns - from, 0, 16)) - 1);
  };
  const __mmask16 masks[2] = {mask(0), mask(16)};
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    if (r >= rows) continue;
    for (int h = 0; h < 2; ++h) {
      float* out = c + r * stride + 16 * h;
      __m512 value = sum[r][h];
      if (add) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(masks[h], out));
      _mm512_mask_storeu_ps(out, masks[h], value);
    }
  }
}

void Multiply(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, float* c) {
  const int64_t panels = (m + kRows - 1) / kRows, most = (std::min(k, kDepth) + 1) / 2;
  thread_local std::vector<uint32_t> left, right;
  left.resize(static_cast<size_t>(panels * most * kRows));
  right.resize(static_cast<size_t>(most * kWide));
  for (int64_t k0 = 0; k0 < k; k0 += kDepth) {
    const int64_t depth = std::min(kDepth, k - k0), pairs = (depth + 1) / 2;
    for (int64_t p = 0; p < panels; ++p) {
      Pack<kRows>(a, p * kRows, std::min(kRows, m - p * kRows), k0, depth,
                  left.data() + p * pairs * kRows);
    }
    for (int64_t n0 = 0; n0 < n; n0 += kWide) {
      const int64_t wide = std::min(kWide, n - n0);
      for (int64_t at = 0; at < wide; at += kColumns) {
        Pack<kColumns>(b, n0 + at, std::min(kColumns, wide - at), k0, depth,
                       right.data() + at * pairs);
      }
      for (int64_t p = 0; p < panels; ++p) {
        for (int64_t at = 0; at < wide; at += kColumns) {
          Tile(pairs, left.data() + p * pairs * kRows, right.data() + at * pairs,
               c + p * kRows * n + n0 + at, n, std::min(kRows, m - p * kRows), wide - at, k0 > 0);
        }
      }
    }
  }
}

}  // namespace

#endif

// C (m, n) is dense and overwritten.  Returns 1 where the processor that this was
// compiled for has no such instructions, or no stride of a matrix is 1.
extern "C" int echo_matmul_bf16(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_outer,
                                int64_t a_inner, const float* b, int64_t b_outer, int64_t b_inner,
                                float* c) {
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
  if ((a_outer != 1 && a_inner != 1) || (b_outer != 1 && b_inner != 1)) return 1;
  Multiply(m, n, k, {a, a_outer, a_inner}, {b, b_outer, b_inner}, c);
  return 0;
#else
  static_cast<void>(m), static_cast<void>(n), static_cast<void>(k), static_cast<void>(a);
  static_cast<void>(a_outer), static_cast<void>(a_inner), static_cast<void>(b);
  static_cast<void>(b_outer), static_cast<void>(b_inner), static_cast<void>(c);
  return 1;
#endif
}
