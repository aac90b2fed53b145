// The reader of GGUF files, versions 2 and 3, that hold RWKV 6 or 7.
#ifndef DEEP_TREE_ECHO_FORMATS_GGUF_H_
#define DEEP_TREE_ECHO_FORMATS_GGUF_H_

#include <memory>

#include "formats/reader.h"

namespace echo {

// The first four bytes, as little-endian uint32: "GGUF".
constexpr uint32_t kGgufMagic = 0x46554747;

// nullptr without memory. `sink` must outlive the reader.
std::unique_ptr<Reader> NewGgufReader(uint64_t total_bytes, Sink* sink);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_GGUF_H_
