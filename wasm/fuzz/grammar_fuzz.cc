// Fuzzes grammars: a program, then what to do with it.
//
// Byte 0 says how many words the program has, each of two bytes (little endian, all ones stand for
// the greatest word); every byte after it is a step: a token to read, a mask to check, a clone to
// go on with. A mask must allow exactly the tokens that a clone can read.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "include/echo.h"

namespace {

constexpr size_t kVocab = 300;

// Every byte, and some longer tokens of bytes that small programs like.
echo_tokenizer* MakeTokenizer() {
  std::string lines;
  char line[64];
  for (int byte = 0; byte < 256; ++byte) {
    std::snprintf(line, sizeof(line), "%d b'\\x%02x' 1\n", byte + 1, byte);
    lines += line;
  }
  for (int i = 0; i < 27; ++i) {
    std::snprintf(line, sizeof(line), "%d b'\\x%02x\\x%02x\\x%02x' 3\n", 260 + i, i / 9, i / 3 % 3,
                  i % 3);
    lines += line;
  }
  echo_tokenizer* tokenizer = nullptr;
  if (echo_tokenizer_world(reinterpret_cast<const uint8_t*>(lines.data()), lines.size(),
                           &tokenizer) != ECHO_OK) {
    std::abort();
  }
  return tokenizer;
}

void CheckMask(echo_grammar* grammar) {
  const std::vector<float> logits(kVocab, 0.0f);
  std::vector<float> masked(kVocab);
  uint32_t allowed = 0;
  double kept = 0.0;
  const echo_status status =
      echo_grammar_mask(grammar, logits.data(), kVocab, masked.data(), &allowed, &kept);
  if (status == ECHO_ERROR_BUDGET) return;
  uint32_t count = 0;
  for (uint32_t token = 0; token < kVocab; ++token) {
    echo_grammar* clone = nullptr;
    if (echo_grammar_clone(grammar, &clone) != ECHO_OK) std::abort();
    int32_t ending = 0;
    echo_grammar_ending(clone, &ending);
    const bool fits = token == 0 ? ending != 0 : echo_grammar_accept(clone, token) == ECHO_OK;
    if (fits) ++count;
    if (status == ECHO_OK && fits != std::isfinite(masked[token])) std::abort();
    echo_grammar_free(clone);
  }
  if ((count > 0) != (status == ECHO_OK) || (status == ECHO_OK && count != allowed)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static echo_tokenizer* const tokenizer = MakeTokenizer();
  if (size < 1 || size - 1 < 2 * size_t{data[0]}) return 0;
  const size_t steps = 1 + 2 * size_t{data[0]};
  std::vector<uint32_t> words;
  for (size_t i = 1; i < steps; i += 2) {
    const uint32_t word = data[i] | static_cast<uint32_t>(data[i + 1]) << 8;
    words.push_back(word == 0xFFFF ? UINT32_MAX : word);
  }
  words.reserve(1);
  echo_grammar* grammar = nullptr;
  if (echo_grammar_new(words.data(), words.size(), tokenizer, &grammar) != ECHO_OK) {
    if (grammar != nullptr || echo_last_error()[0] == '\0') std::abort();
    return 0;
  }
  CheckMask(grammar);
  for (size_t i = steps; i < size && i < steps + 40; ++i) {
    if (data[i] == 254) {
      CheckMask(grammar);
    } else if (data[i] == 253) {
      echo_grammar* clone = nullptr;
      if (echo_grammar_clone(grammar, &clone) != ECHO_OK) std::abort();
      echo_grammar_free(grammar);
      grammar = clone;
    } else {
      echo_grammar_accept(grammar, data[i] < 250 ? data[i] + 1U : 260U + i % 27);
    }
  }
  CheckMask(grammar);
  echo_grammar_free(grammar);
  return 0;
}
