// The list of a GGUF file's tensors, which comes before their data.
#ifndef DEEP_TREE_ECHO_FORMATS_GGUF_TENSORS_H_
#define DEEP_TREE_ECHO_FORMATS_GGUF_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/part.h"
#include "status.h"

namespace echo {

struct GgufTensor {
  std::string name;
  int32_t type = 0;                // echo_type
  int32_t n_dims = 0;              // 1 to 4
  size_t shape[4] = {1, 1, 1, 1};  // (n_dims), outermost first: the file's order reversed
  uint64_t offset = 0;             // of its data within the data of the file
  uint64_t bytes = 0;
};

class GgufTensors {
 public:
  // `total_bytes` is the file's size, 0 if unknown.
  explicit GgufTensors(uint64_t total_bytes) : total_bytes_(total_bytes) {}

  // Refuses an impossible count.
  echo_status Expect(uint64_t count);

  // Asks for the first part.
  void Begin(Part* part);

  // Reads the part asked for and asks for the next one, unless done().
  echo_status Next(Part* part);
  bool done() const { return tensors_.size() == count_; }

  // Once done: sorts the tensors by their places and refuses any that repeat,
  // overlap or leave a gap, and a file that is too short or too long for them.
  //   begin  where the data begins, a multiple of `alignment`
  echo_status Place(uint64_t begin, uint32_t alignment);

  const std::vector<GgufTensor>& list() const { return tensors_; }

 private:
  enum class Step { kNameLength, kName, kDims, kRest };

  echo_status ReadName(Part* part);
  echo_status ReadRest(const Part& part);
  echo_status CheckNames() const;
  const char* Last() const;

  uint64_t total_bytes_;
  uint64_t count_ = 0;
  Step step_ = Step::kNameLength;
  GgufTensor tensor_;  // the one being read
  std::vector<GgufTensor> tensors_;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_GGUF_TENSORS_H_
