// The arithmetic of libecho as plain functions. Each of them picks, at run time,
// the best SIMD instructions of the machine (Google Highway, dynamic dispatch);
// in WebAssembly there is one target and the calls are direct.
//
// T is a number of tokens; arrays are row-major, shapes stand in parentheses.
// Outputs may be inputs where the comment says "in place".
#ifndef DEEP_TREE_ECHO_OPS_OPS_H_
#define DEEP_TREE_ECHO_OPS_OPS_H_

#include <cstddef>
#include <cstdint>

#include "formats/tensor.h"

namespace echo::ops {

// ---------------------------------------------------------------- matrices

// Bytes of scratch for MatMul of `n_tokens` vectors with `columns` elements.
size_t MatMulScratch(size_t columns, size_t n_tokens);

// y = x W^T for every type: W (rows, columns), x (T, columns), y (T, rows).
// The weights are read once for all T vectors. `scratch` is 64-byte aligned.
void MatMul(const Tensor& matrix, const float* x, size_t n_tokens, float* y, uint8_t* scratch);

// ------------------------------------------------------------------- norms

// y = (x - mean) / sqrt(variance + epsilon) * weight + bias over each row:
// x, y (rows, n), weight, bias (n). In place is allowed.
void LayerNorm(const float* x, const float* weight, const float* bias, size_t rows, size_t n,
               float epsilon, float* y);

// The same over each of `groups` groups of a row: x, y (rows, groups, size),
// weight, bias (groups, size). In place is allowed.
void GroupNorm(const float* x, const float* weight, const float* bias, size_t rows, size_t groups,
               size_t size, float epsilon, float* y);

// ------------------------------------------------------------- token shift
// x (T + 1, n) points at row 0, the input before the first token; row t + 1 is
// the input of token t. Outputs are (T, n).

// out = x mix + x' (1 - mix), mix (n). RWKV 4 and 5.
void ShiftMix(const float* x, const float* mix, size_t n_tokens, size_t n, float* out);

// delta = x' - x.
void ShiftDelta(const float* x, size_t n_tokens, size_t n, float* delta);

// out = x + delta mix, mix (n). Here x is (T, n), row t the input of token t.
void AddDelta(const float* x, const float* delta, const float* mix, size_t n_tokens, size_t n,
              float* out);

// out = x + delta (mix + lora), lora (T, n). In place of lora is allowed.
void AddDeltaLora(const float* x, const float* delta, const float* mix, const float* lora,
                  size_t n_tokens, size_t n, float* out);

// ------------------------------------------------------------ element-wise
// All in place on x (n).

void Add(const float* y, size_t n, float* x);       // x += y
void Multiply(const float* y, size_t n, float* x);  // x *= y
void Sigmoid(size_t n, float* x);
void Tanh(size_t n, float* x);
void MultiplySilu(const float* y, size_t n, float* x);     // x *= y sigmoid(y)
void MultiplySigmoid(const float* y, size_t n, float* x);  // x *= sigmoid(y)
void SquaredRelu(size_t n, float* x);                      // x = max(x, 0)^2
void FlushTiny(size_t n, float* x);                        // |x| < 1e-30 becomes 0, see wkv-inl.h

// ------------------------------------------------------- RWKV 6 and 7 only

// x = exp(-exp(base + x)): x (T, n), base (n). The decay of RWKV 6.
void DecayExpExp(const float* base, size_t n_tokens, size_t n, float* x);

// x = exp(-exp(-0.5) sigmoid(base + x)). The decay of RWKV 7.
void DecaySigmoid(const float* base, size_t n_tokens, size_t n, float* x);

// x = sigmoid(base + x). The in-context learning rate of RWKV 7.
void SigmoidBias(const float* base, size_t n_tokens, size_t n, float* x);

// v += (first - v) sigmoid(base + gate): v, first, gate (T, n), base (n).
void MixValue(const float* first, const float* base, const float* gate, size_t n_tokens, size_t n,
              float* v);

// The keys of RWKV 7, per head of `size` channels, all (T, heads, size):
//   removal      = -normalise(k k_k)
//   replacement  = normalise(k k_k) a, written over a
//   k            = k (1 + (a - 1) k_a)
void Keys7(const float* k_k, const float* k_a, size_t n_tokens, size_t heads, size_t size, float* k,
           float* a, float* removal);

// x = (x + v sum_head(r k r_k)) g: x, r, k, v, g (T, heads, size), r_k (heads, size).
void BonusGate7(const float* r, const float* k, const float* v, const float* r_k, const float* g,
                size_t n_tokens, size_t heads, size_t size, float* x);

// -------------------------------------------------------- WKV recurrences

// RWKV 4: k, v, out (T, n); first, decay (n); aa, bb, pp (n) are updated.
void Wkv4(const float* first, const float* decay, const float* k, const float* v, size_t n_tokens,
          size_t n, float* aa, float* bb, float* pp, float* out);

// RWKV 5 and 6: r, k, v, out (T, heads, size); first (heads, size); decay
// (heads, size) for RWKV 5 with decay_stride 0, (T, heads, size) for RWKV 6 with
// decay_stride heads * size; state (heads, key, value) is updated.
void Wkv56(const float* r, const float* k, const float* v, const float* first, const float* decay,
           size_t decay_stride, size_t n_tokens, size_t heads, size_t size, float* state,
           float* out);

// RWKV 7: all inputs and out (T, heads, size); the state (heads, value, key) is read
// from one place and written to another or the same.
void Wkv7(const float* r, const float* w, const float* k, const float* v, const float* removal,
          const float* replacement, size_t n_tokens, size_t heads, size_t size, const float* from,
          float* to, float* out);

}  // namespace echo::ops
#endif  // DEEP_TREE_ECHO_OPS_OPS_H_
