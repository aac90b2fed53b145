// Fuzzes everything that a model file can reach: the loader with pieces of any
// size and, where a model results, its evaluation.
//
// The first two bytes of an input steer, the rest is the file:
//   byte 0  piece size: 0 the whole file at once, else pieces of 1 to 256 bytes
//           that vary with it
//   byte 1  bits 0-2 the head type (0 keeps it), bit 3 announces the size
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "include/echo.h"

namespace {

// A hostile header must not take the machine's memory.
constexpr uint64_t kBudget = 64 << 20;
constexpr int32_t kHeadTypes[8] = {-1,        ECHO_F32,  ECHO_F16,  ECHO_Q4_0,
                                   ECHO_Q4_1, ECHO_Q5_0, ECHO_Q5_1, ECHO_Q8_0};

echo_status PushAll(echo_loader* loader, const uint8_t* file, size_t size, uint32_t step) {
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
// be all of the budget, so the states here are small beside it.
void Evaluate(echo_rwkv* model) {
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
  echo_rwkv_eval(model, tokens, 2, nullptr, state.get(), logits.get());
  echo_rwkv_hidden(model, hidden.get());
  echo_rwkv_state_init(clone, state.get());
  echo_rwkv_eval(clone, tokens, 1, state.get(), state.get(), nullptr);
  echo_rwkv_eval(clone, tokens + 1, 1, state.get(), nullptr, logits.get());
  echo_rwkv_free(clone);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint32_t step = data[0];
  const uint32_t choice = data[1];
  const uint8_t* file = data + 2;
  size -= 2;

  echo_load_options options = {};
  options.total_bytes = (choice & 8) != 0 ? size : 0;
  options.budget_bytes = kBudget;
  options.head_type = kHeadTypes[choice & 7];
  echo_loader* loader = nullptr;
  if (echo_loader_new(&options, &loader) != ECHO_OK) return 0;

  const echo_status pushed = PushAll(loader, file, size, step);
  echo_estimate estimate;
  echo_loader_estimate(loader, &estimate);
  echo_rwkv* model = nullptr;
  const echo_status finished = echo_loader_finish(loader, &model);
  // A failed loader stays failed, and says so in a sentence.
  if (pushed != ECHO_OK && finished != pushed) std::abort();
  if (finished != ECHO_OK && (model != nullptr || echo_last_error()[0] == '\0')) std::abort();
  echo_loader_free(loader);
  if (model != nullptr) Evaluate(model);
  echo_rwkv_free(model);
  return 0;
}
