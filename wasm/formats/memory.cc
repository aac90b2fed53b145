// Block: aligned and zeroed memory from the C allocator.
#include "formats/memory.h"

#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace echo {
namespace {

constexpr size_t kAlignment = 64;

// Large blocks begin where a huge page may, and the kernel is asked for such pages:
// a product reads a matrix from end to end, and a page of 4 KB is over too soon.
#if defined(__linux__) && defined(MADV_HUGEPAGE)
constexpr size_t kHugePage = size_t{1} << 21;

void* Take(size_t size) {
  if (size < kHugePage) return std::aligned_alloc(kAlignment, size);
  void* memory = nullptr;
  if (posix_memalign(&memory, kHugePage, size) != 0) return nullptr;
  madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish; may be refused
  return memory;
}
#else
void* Take(size_t size) { return std::aligned_alloc(kAlignment, size); }
#endif

}  // namespace

Block Block::Allocate(size_t size) {
  Block block;
  if (size == 0 || size > SIZE_MAX - kAlignment) return block;
  // The allocator wants whole multiples of the alignment; the tail is zeroed
  // too, so that a kernel may read up to the end of a last vector.
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = Take(rounded);
  if (memory == nullptr) return block;
  std::memset(memory, 0, rounded);
  block.data_ = static_cast<uint8_t*>(memory);
  block.size_ = size;
  return block;
}

}  // namespace echo
