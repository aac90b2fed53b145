// The working memory of one model: one block, cut into named buffers once.
#ifndef DEEP_TREE_ECHO_RWKV_WORKSPACE_H_
#define DEEP_TREE_ECHO_RWKV_WORKSPACE_H_

#include <cstddef>
#include <cstdint>

#include "formats/memory.h"

namespace echo {

// A first pass over the buffers counts, Allocate() takes the memory, a second
// pass over the same buffers hands it out.
class Workspace {
 public:
  // *buffer (n), 64-byte aligned; unchanged in the first pass.
  void Floats(uint64_t n, float** buffer) {
    if (block_.data() != nullptr) {
      *buffer = reinterpret_cast<float*>(block_.data() + static_cast<size_t>(bytes_));
    }
    bytes_ += (n * sizeof(float) + 63) / 64 * 64;
  }

  // Bytes asked for in the pass under way.
  uint64_t bytes() const { return bytes_; }

  // Ends the first pass. False if the allocator refuses.
  bool Allocate() {
    if (bytes_ > SIZE_MAX / 2) return false;
    block_ = Block::Allocate(static_cast<size_t>(bytes_));
    bytes_ = 0;
    return block_.data() != nullptr;
  }

 private:
  Block block_;
  uint64_t bytes_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_RWKV_WORKSPACE_H_
