// Fuzzes everything that a model file can reach: the loader with pieces of any
// size and, where a model results, its evaluation.
//
// The first two bytes of an input steer, the rest is the file:
//   byte 0  piece size: 0 the whole file at once, else pieces of 1 to 256 bytes
//           that vary with it
//   byte 1  bits 0-2 the head type (0 keeps it), bit 3 announces the size, bit 4
//           leaves the embedding in the file
#include "fuzz/harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint32_t step = data[0];
  const uint32_t choice = data[1];
  const uint8_t* file = data + 2;
  size -= 2;

  echo_load_options options = {};
  options.total_bytes = (choice & 8) != 0 ? size : 0;
  options.budget_bytes = fuzz::kBudget;
  options.head_type = fuzz::kHeadTypes[choice & 7];
  options.embedding_limit = (choice & 16) != 0 ? 1 : 0;
  echo_loader* loader = nullptr;
  if (echo_loader_new(&options, &loader) != ECHO_OK) return 0;

  const echo_status pushed = fuzz::PushAll(loader, file, size, step);
  echo_rwkv* model = fuzz::Finish(loader, pushed);
  if (model != nullptr) fuzz::Evaluate(model, file, size);
  echo_rwkv_free(model);
  return 0;
}
