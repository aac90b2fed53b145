// Text to token ids and back: one token a byte, or the RWKV World vocabulary.
#ifndef DEEP_TREE_ECHO_TEXT_TOKENIZER_H_
#define DEEP_TREE_ECHO_TEXT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "include/echo.h"
#include "status.h"
#include "text/prefix_tree.h"
#include "text/vocabulary.h"

namespace echo {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  static echo_status Bytes(uint32_t offset, std::unique_ptr<Tokenizer>* tokenizer);
  static echo_status World(std::shared_ptr<const Vocabulary> vocabulary,
                           std::unique_ptr<Tokenizer>* tokenizer);

  // Both write at most `capacity` items and return how many there are.
  virtual size_t Encode(const uint8_t* text, size_t size, uint32_t* tokens,
                        size_t capacity) const = 0;
  virtual size_t Decode(const uint32_t* tokens, size_t n_tokens, uint8_t* bytes,
                        size_t capacity) const = 0;

  // All tokens as a tree; it lives as long as the tokenizer.
  virtual PrefixTree Tree() const = 0;
};

}  // namespace echo

// The interface's tokenizer: grammars share what is behind it.
struct echo_tokenizer {
  std::shared_ptr<const echo::Tokenizer> object;
};
#endif  // DEEP_TREE_ECHO_TEXT_TOKENIZER_H_
