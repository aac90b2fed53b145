// The piece of a file that a parser needs next, collected from whatever arrives.
#ifndef DEEP_TREE_ECHO_FORMATS_PART_H_
#define DEEP_TREE_ECHO_FORMATS_PART_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace echo {

class Part {
 public:
  // From here on these bytes are collected ...
  void Want(size_t size) { Expect(size, true); }
  // ... or passed over.
  void Skip(uint64_t size) { Expect(size, false); }

  // Takes what is missing off a piece; true once nothing is.
  bool Take(const uint8_t** bytes, size_t* size) {
    const size_t taken = static_cast<size_t>(std::min<uint64_t>(*size, missing_));
    if (kept_ && taken > 0) bytes_.append(reinterpret_cast<const char*>(*bytes), taken);
    missing_ -= taken;
    position_ += taken;
    *bytes += taken;
    *size -= taken;
    return missing_ == 0;
  }

  // Bytes that somebody else has taken.
  void Pass(size_t size) { position_ += size; }

  const std::string& bytes() const { return bytes_; }  // collected so far
  uint64_t position() const { return position_; }      // bytes of the file before what comes next

  // A little-endian number at an offset of the collected bytes.
  template <class Number>
  Number Read(size_t offset) const {
    Number number;
    std::memcpy(&number, bytes_.data() + offset, sizeof(number));
    return number;
  }

 private:
  void Expect(uint64_t size, bool kept) {
    bytes_.clear();
    missing_ = size;
    kept_ = kept;
  }

  std::string bytes_;
  uint64_t missing_ = 0;
  uint64_t position_ = 0;
  bool kept_ = true;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_PART_H_
