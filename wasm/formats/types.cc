// Looking up the element types.
#include "formats/types.h"

namespace echo {

const TypeInfo* FindType(int32_t type) {
  for (const TypeInfo& info : kTypes) {
    if (info.type == type) return &info;
  }
  return nullptr;
}

bool IsNative(int32_t type) {
  const TypeInfo* info = FindType(type);
  return info != nullptr && info->native;
}

const char* TypeName(int32_t type) {
  const TypeInfo* info = FindType(type);
  return info == nullptr ? "unknown" : info->name;
}

size_t RowBytes(int32_t type, size_t columns) {
  const TypeInfo* info = FindType(type);
  if (info == nullptr || columns % info->block_columns != 0) return 0;
  const size_t blocks = columns / info->block_columns;
  return blocks > SIZE_MAX / info->block_bytes ? 0 : blocks * info->block_bytes;
}

}  // namespace echo
