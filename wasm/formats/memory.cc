// Block: aligned and zeroed memory from the C allocator.
#include "formats/memory.h"

#include <cstring>

namespace echo {

Block Block::Allocate(size_t size) {
  constexpr size_t kAlignment = 64;
  Block block;
  if (size == 0 || size > SIZE_MAX - kAlignment) return block;
  // The allocator wants whole multiples of the alignment; the tail is zeroed
  // too, so that a kernel may read up to the end of a last vector.
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) return block;
  std::memset(memory, 0, rounded);
  block.data_ = static_cast<uint8_t*>(memory);
  block.size_ = size;
  return block;
}

}  // namespace echo
