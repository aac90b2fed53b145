// Fuzzes the head of GGUF files: metadata, descriptions of tensors, tokens. The
// data of the tensors is added here for as long as the loader wants more, so inputs
// stay as short as heads are, and many a changed head still gives a model, which is
// evaluated, and a tokenizer, which must write what it reads.
//
// The first four bytes of an input steer, the rest is the head:
//   byte 0     piece size, see harness.h
//   byte 1     bits 0-2 the head type (0 keeps it), bit 3 announces the size, bit 4
//              leaves the embedding in the file
//   bytes 2-3  the announced data, little endian: so many times 32 bytes
#include <algorithm>

#include "fuzz/harness.h"

namespace {

constexpr size_t kUnit = 32;
constexpr size_t kMostUnits = 20000;

// Small halves and floats, and codes of any kind: 0x2c makes about 0.06 of a half.
void FillUnit(size_t number, uint8_t* unit) {
  for (size_t i = 0; i < kUnit; ++i) {
    unit[i] = i % 2 == 1 ? 0x2C : static_cast<uint8_t>((number + i) * 37 / 2);
  }
}

// Data until the file may end, or the loader fails.
echo_rwkv* PushData(echo_loader* loader) {
  uint8_t unit[kUnit];
  for (size_t number = 0; number < kMostUnits; ++number) {
    echo_rwkv* model = nullptr;
    if (echo_loader_finish(loader, &model) == ECHO_OK) {
      echo_loader_free(loader);
      return model;
    }
    FillUnit(number, unit);
    const echo_status pushed = echo_loader_push(loader, unit, kUnit);
    if (pushed != ECHO_OK) return fuzz::Finish(loader, pushed);
  }
  return fuzz::Finish(loader, ECHO_OK);
}

// The tokens of any bytes decode to these bytes, also after the model has gone.
void RoundTrip(const echo_tokenizer* tokenizer) {
  uint8_t text[256];
  for (size_t i = 0; i < 256; ++i) text[i] = static_cast<uint8_t>(i * 7);
  uint32_t tokens[256];
  uint8_t back[256];
  size_t n_tokens = 0;
  size_t n_bytes = 0;
  if (echo_tokenizer_encode(tokenizer, text, 256, tokens, 256, &n_tokens) != ECHO_OK ||
      n_tokens > 256 ||
      echo_tokenizer_decode(tokenizer, tokens, n_tokens, back, 256, &n_bytes) != ECHO_OK ||
      n_bytes != 256 || !std::equal(text, text + 256, back)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const uint32_t step = data[0];
  const uint32_t choice = data[1];
  const uint64_t announced = (data[2] | static_cast<uint64_t>(data[3]) << 8) * kUnit;
  data += 4;
  size -= 4;

  echo_load_options options = {};
  options.total_bytes = (choice & 8) != 0 ? size + announced : 0;
  options.budget_bytes = fuzz::kBudget;
  options.head_type = fuzz::kHeadTypes[choice & 7];
  options.embedding_limit = (choice & 16) != 0 ? 1 : 0;
  echo_loader* loader = nullptr;
  if (echo_loader_new(&options, &loader) != ECHO_OK) return 0;
  const echo_status pushed = fuzz::PushAll(loader, data, size, step);
  echo_estimate estimate = {};
  echo_loader_estimate(loader, &estimate);
  const bool in_data = pushed == ECHO_OK && estimate.known == 1;
  echo_rwkv* model = in_data ? PushData(loader) : fuzz::Finish(loader, pushed);
  if (model == nullptr) return 0;

  fuzz::Evaluate(model, nullptr, 0);
  echo_rwkv_info info;
  echo_tokenizer* tokenizer = nullptr;
  if (echo_rwkv_get_info(model, &info) != ECHO_OK) std::abort();
  const echo_status status = echo_rwkv_tokenizer(model, &tokenizer);
  if ((status == ECHO_OK) != (tokenizer != nullptr)) std::abort();
  if (status == ECHO_OK && info.has_tokenizer != 1) std::abort();
  echo_rwkv_free(model);
  if (tokenizer != nullptr) RoundTrip(tokenizer);
  echo_tokenizer_free(tokenizer);
  return 0;
}
