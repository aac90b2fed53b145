// What the targets that load models share.
#ifndef DEEP_TREE_ECHO_FUZZ_HARNESS_H_
#define DEEP_TREE_ECHO_FUZZ_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "include/echo.h"

namespace fuzz {

// A hostile header must not take the machine's memory.
constexpr uint64_t kBudget = 64 << 20;
constexpr int32_t kHeadTypes[8] = {-1,        ECHO_F32,  ECHO_F16,  ECHO_Q4_0,
                                   ECHO_Q4_1, ECHO_Q5_0, ECHO_Q5_1, ECHO_Q8_0};

// Pushes a file in pieces: the whole at once if `step` is 0, else of 1 to 256 bytes.
inline echo_status PushAll(echo_loader* loader, const uint8_t* file, size_t size, uint32_t step) {
  uint32_t piece = step;
  while (size > 0) {
    piece = (piece * 5 + 3) % 256;  // visits every size from 1 to 256
    const size_t wanted = step == 0 ? size : piece + 1;
    const size_t taken = wanted < size ? wanted : size;
    const echo_status status = echo_loader_push(loader, file, taken);
    if (status != ECHO_OK) return status;
    file += taken;
    size -= taken;
  }
  return ECHO_OK;
}

// Two tokens at once on the model and one by one on a clone. `weight_bytes` may
// be all of the budget, so the states here are small beside it. An embedding that
// has stayed outside is looked for in the file, where it must be, or is all alike if
// there is none.
inline void Evaluate(echo_rwkv* model, const uint8_t* file, size_t size) {
  echo_rwkv_info info;
  if (echo_rwkv_get_info(model, &info) != ECHO_OK) std::abort();
  if (info.state_size > kBudget / sizeof(float)) return;
  const size_t state_size = static_cast<size_t>(info.state_size);
  const size_t n_vocab = static_cast<size_t>(info.n_vocab);
  const std::unique_ptr<float[]> state(new float[state_size]);
  const std::unique_ptr<float[]> logits(new float[n_vocab]);
  const std::unique_ptr<float[]> hidden(new float[static_cast<size_t>(info.n_embed)]);
  const uint32_t tokens[2] = {0, static_cast<uint32_t>(info.n_vocab) - 1};

  echo_rwkv* clone = nullptr;
  if (echo_rwkv_clone(model, &clone) != ECHO_OK) return;
  if (info.embedding_outside != 0) {
    const size_t row_bytes = static_cast<size_t>(info.embedding_row_bytes);
    if (echo_rwkv_eval(model, tokens, 1, nullptr, nullptr, nullptr) == ECHO_OK) std::abort();
    const std::unique_ptr<uint8_t[]> rows(new uint8_t[2 * row_bytes]);
    std::memset(rows.get(), 0x2C, 2 * row_bytes);
    if (file != nullptr) {
      if (info.embedding_offset + n_vocab * row_bytes > size) std::abort();
      const uint8_t* embedding = file + info.embedding_offset;
      std::memcpy(rows.get(), embedding, row_bytes);
      std::memcpy(rows.get() + row_bytes, embedding + (n_vocab - 1) * row_bytes, row_bytes);
    }
    echo_rwkv_eval_rows(model, rows.get(), 2, nullptr, state.get(), logits.get());
    echo_rwkv_eval_rows(clone, rows.get() + row_bytes, 1, state.get(), state.get(), nullptr);
    echo_rwkv_free(clone);
    return;
  }
  echo_rwkv_eval(model, tokens, 2, nullptr, state.get(), logits.get());
  echo_rwkv_hidden(model, hidden.get());
  echo_rwkv_state_init(clone, state.get());
  echo_rwkv_eval(clone, tokens, 1, state.get(), state.get(), nullptr);
  echo_rwkv_eval(clone, tokens + 1, 1, state.get(), nullptr, logits.get());
  echo_rwkv_free(clone);
}

// Ends a load: a failed loader stays failed and says so in a sentence. NULL without a
// model. Frees the loader.
inline echo_rwkv* Finish(echo_loader* loader, echo_status pushed) {
  echo_estimate estimate;
  echo_loader_estimate(loader, &estimate);
  echo_rwkv* model = nullptr;
  const echo_status finished = echo_loader_finish(loader, &model);
  if (pushed != ECHO_OK && finished != pushed) std::abort();
  if (finished != ECHO_OK && (model != nullptr || echo_last_error()[0] == '\0')) std::abort();
  echo_loader_free(loader);
  return model;
}

}  // namespace fuzz
#endif  // DEEP_TREE_ECHO_FUZZ_HARNESS_H_
