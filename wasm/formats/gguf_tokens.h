// The tokens that a GGUF file lists for its tokenizer, as they arrive.
#ifndef DEEP_TREE_ECHO_FORMATS_GGUF_TOKENS_H_
#define DEEP_TREE_ECHO_FORMATS_GGUF_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "status.h"
#include "text/vocabulary.h"

namespace echo {

class GgufTokens {
 public:
  static constexpr uint64_t kMost = 1 << 20;  // tokens

  // The list of texts, and that of their types, in either order; each at most once.
  echo_status BeginTexts(uint64_t count);
  echo_status BeginTypes(uint64_t count);

  // The text of the next token, Python's escapes in it: \n, \x0a and so on.
  echo_status AddText(const std::string& escaped);
  void AddType(int32_t type);

  uint64_t count() const { return most_texts_; }

  // The vocabulary of what text can consist of: no control tokens, no fillers.
  // nullptr if no texts were listed.
  echo_status Take(std::shared_ptr<const Vocabulary>* vocabulary);

 private:
  echo_status Reserve(size_t bytes);

  Vocabulary list_;  // every token, its id being its place
  size_t pool_capacity_ = 0;
  uint64_t most_texts_ = 0;
  std::unique_ptr<uint8_t[]> types_;  // (most_types_); nullptr: all are normal
  uint64_t most_types_ = 0;
  uint64_t n_types_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_GGUF_TOKENS_H_
