// An RWKV model bound to its weights, for every architecture. What differs
// between them is in v4.cc ... v7.cc; what they share is here and in model.cc.
#ifndef DEEP_TREE_ECHO_RWKV_MODEL_H_
#define DEEP_TREE_ECHO_RWKV_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "formats/tensor.h"
#include "include/echo.h"
#include "status.h"

namespace echo {

// What is read: tokens, or in their place their rows of the embedding, as the file
// has them. The other is nullptr.
struct Input {
  const uint32_t* tokens = nullptr;  // (n_tokens)
  const uint8_t* rows = nullptr;     // (n_tokens, embedding_row_bytes)
};

class Rwkv {
 public:
  virtual ~Rwkv() = default;

  // Finds the architecture in the names of the tensors, checks every shape and
  // every type, binds the weights and allocates the working memory. The weights
  // are shared with clones.
  static echo_status Create(std::shared_ptr<const Weights> weights, std::unique_ptr<Rwkv>* model);

  // Working memory of one evaluation in bytes and state size in floats for a
  // model of these dimensions, before its weights are there (an upper bound).
  static uint64_t EstimateWorkBytes(const Weights& header);
  static uint64_t EstimateStateBytes(const Weights& header);

  virtual echo_status Clone(std::unique_ptr<Rwkv>* clone) const = 0;
  virtual void InitState(float* state) const = 0;  // (state_size)

  // As echo_rwkv_eval, its arguments checked: n_tokens >= 1, tokens < n_vocab, and
  // rows where the embedding has stayed in the file.
  virtual echo_status Eval(const Input& input, size_t n_tokens, const float* state_in,
                           float* state_out, float* logits) = 0;

  virtual const float* hidden() const = 0;  // (n_embed), nullptr before the first Eval

  const echo_rwkv_info& info() const { return info_; }

 protected:
  echo_rwkv_info info_ = {};
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_RWKV_MODEL_H_
