// What parses one file format: it takes the file in pieces and hands the tensors
// to a sink. The loader chooses the reader by the first bytes.
#ifndef DEEP_TREE_ECHO_FORMATS_READER_H_
#define DEEP_TREE_ECHO_FORMATS_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/sink.h"
#include "status.h"
#include "text/vocabulary.h"

namespace echo {

// Both formats begin with a header of this size.
constexpr size_t kHeaderBytes = 24;

// What a file says beside its weights.
struct FileInfo {
  int32_t format = ECHO_FORMAT_RWKV_CPP;
  std::string tokenizer;                         // its kind, such as "rwkv"; "" if there is none
  std::shared_ptr<const Vocabulary> vocabulary;  // nullptr unless it is "rwkv"
};

class Reader {
 public:
  virtual ~Reader() = default;

  // The next bytes of the file, from its first on. After a failure there are no
  // more calls.
  virtual echo_status Push(const uint8_t* bytes, size_t size) = 0;

  // Whether the file may end here; the sentence says what is missing.
  virtual echo_status End() const = 0;

  // After the end.
  virtual echo_status TakeInfo(FileInfo* info) = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_READER_H_
