// Fuzzes the World tokenizer: a vocabulary file, then a text for it.
//
// The first two bytes are the length of the text at the input's end (little
// endian, cut to what is there). Byte 2, where bit 0 is set, puts the 256 lines of
// single bytes before the vocabulary, without which every one is refused.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "include/echo.h"

namespace {

// Lines "id b'\x00' 1" for the ids 1 to 256.
std::string SingleBytes() {
  std::string lines;
  for (int byte = 0; byte < 256; ++byte) {
    char line[32];
    std::snprintf(line, sizeof(line), "%d b'\\x%02x' 1\n", byte + 1, byte);
    lines += line;
  }
  return lines;
}

// What was encoded decodes to itself, in full buffers and in short ones.
void RoundTrip(const echo_tokenizer* tokenizer, const std::vector<uint8_t>& text) {
  std::vector<uint32_t> tokens(text.size() + 1);
  size_t n_tokens = 0;
  if (echo_tokenizer_encode(tokenizer, text.data(), text.size(), tokens.data(), text.size(),
                            &n_tokens) != ECHO_OK ||
      n_tokens > text.size()) {
    std::abort();
  }
  std::vector<uint8_t> bytes(text.size() + 1);
  size_t n_bytes = 0;
  echo_tokenizer_decode(tokenizer, tokens.data(), n_tokens, bytes.data(), text.size(), &n_bytes);
  if (n_bytes != text.size() || !std::equal(text.begin(), text.end(), bytes.begin())) std::abort();

  size_t needed = 0;
  echo_tokenizer_encode(tokenizer, text.data(), text.size(), tokens.data(), n_tokens / 2, &needed);
  if (needed != n_tokens) std::abort();
  echo_tokenizer_decode(tokenizer, tokens.data(), n_tokens / 2, bytes.data(), n_bytes / 3, &needed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t wanted = data[0] | static_cast<size_t>(data[1]) << 8;
  const bool complete = (data[2] & 1) != 0;
  data += 3;
  size -= 3;
  const size_t text_size = std::min(size, wanted);
  static const std::string kSingleBytes = SingleBytes();
  std::string vocabulary = complete ? kSingleBytes : std::string();
  vocabulary.append(reinterpret_cast<const char*>(data), size - text_size);
  // Exactly as large as the text, so that reading past its end is seen; the empty
  // one still has an address.
  std::vector<uint8_t> text(data + (size - text_size), data + size);
  text.reserve(1);

  echo_tokenizer* tokenizer = nullptr;
  const echo_status status = echo_tokenizer_world(
      reinterpret_cast<const uint8_t*>(vocabulary.data()), vocabulary.size(), &tokenizer);
  if (status == ECHO_OK) {
    RoundTrip(tokenizer, text);
  } else if (tokenizer != nullptr || echo_last_error()[0] == '\0') {
    std::abort();
  }
  echo_tokenizer_free(tokenizer);
  return 0;
}
