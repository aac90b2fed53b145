// The reader of rwkv.cpp files, versions 100 and 101.
#ifndef DEEP_TREE_ECHO_FORMATS_RWKV_FILE_H_
#define DEEP_TREE_ECHO_FORMATS_RWKV_FILE_H_

#include <memory>

#include "formats/reader.h"

namespace echo {

// The first four bytes, as little-endian uint32.
constexpr uint32_t kRwkvFileMagic = 0x67676d66;

// nullptr without memory. `sink` must outlive the reader.
std::unique_ptr<Reader> NewRwkvFileReader(uint64_t total_bytes, Sink* sink);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_RWKV_FILE_H_
