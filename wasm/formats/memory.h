// Aligned memory whose failure is an answer, not an exception.
#ifndef DEEP_TREE_ECHO_FORMATS_MEMORY_H_
#define DEEP_TREE_ECHO_FORMATS_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace echo {

// Owns `size` bytes, 64-byte aligned and zeroed, or nothing.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept { *this = std::move(other); }
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { std::free(data_); }

  // Empty (data() == nullptr) if the allocator refuses or size is 0.
  static Block Allocate(size_t size);

  uint8_t* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_MEMORY_H_
