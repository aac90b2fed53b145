// Reading a World vocabulary file: lines "id 'token' byte_length", where the
// token is a Python literal of a string or of bytes.
#ifndef DEEP_TREE_ECHO_TEXT_VOCABULARY_H_
#define DEEP_TREE_ECHO_TEXT_VOCABULARY_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "status.h"

namespace echo {

struct Vocabulary {
  struct Entry {
    uint32_t id;
    uint32_t begin;  // of the token in `pool`
    uint32_t size;   // its bytes, at least 1
  };
  std::unique_ptr<Entry[]> entries;  // (n_entries), in the file's order
  std::unique_ptr<uint8_t[]> pool;   // (pool_size) all tokens, one after another
  size_t n_entries = 0;
  size_t pool_size = 0;
};

// Every line is checked, its length field too; what is wrong is named with its
// line. Whether ids or tokens repeat is not checked here.
echo_status ReadVocabulary(const uint8_t* text, size_t size, Vocabulary* vocabulary);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_VOCABULARY_H_
