#include "formats/gguf_tokens.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <new>
#include <utility>

namespace echo {
namespace {

// Thirty times the World vocabulary.
constexpr size_t kMostBytes = 16 << 20;

// ggml's token types that text is made of.
constexpr int32_t kNormal = 1;
constexpr int32_t kUserDefined = 4;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that stands at `*at` and after it; moves on behind it. A backslash
// before anything unknown is passed over.
uint8_t TakeByte(const std::string& text, size_t* at) {
  char c = text[(*at)++];
  if (c != '\\' || *at == text.size()) return static_cast<uint8_t>(c);
  c = text[(*at)++];
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'x': {
      const int high = *at + 1 < text.size() ? HexDigit(text[*at]) : -1;
      const int low = high < 0 ? -1 : HexDigit(text[*at + 1]);
      if (low < 0) return 'x';
      *at += 2;
      return static_cast<uint8_t>(high << 4 | low);
    }
    default:
      return static_cast<uint8_t>(c);
  }
}

echo_status CheckCount(uint64_t count, bool again) {
  if (again) {
    return Fail(ECHO_ERROR_FORMAT,
                "The tokens are in the metadata twice; the file is damaged, fetch it again.");
  }
  if (count == 0 || count > GgufTokens::kMost) {
    return Fail(ECHO_ERROR_FORMAT,
                "The metadata lists %" PRIu64 " tokens, and 1 to %" PRIu64
                " can be; the file is damaged, fetch it again.",
                count, GgufTokens::kMost);
  }
  return ECHO_OK;
}

echo_status FailMemory(uint64_t count) {
  return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %" PRIu64 " tokens.", count);
}

}  // namespace

echo_status GgufTokens::BeginTexts(uint64_t count) {
  const echo_status status = CheckCount(count, most_texts_ != 0);
  if (status != ECHO_OK) return status;
  list_.entries.reset(new (std::nothrow) Vocabulary::Entry[count]);
  if (list_.entries == nullptr) return FailMemory(count);
  most_texts_ = count;
  return ECHO_OK;
}

echo_status GgufTokens::BeginTypes(uint64_t count) {
  const echo_status status = CheckCount(count, most_types_ != 0);
  if (status != ECHO_OK) return status;
  types_.reset(new (std::nothrow) uint8_t[count]);
  if (types_ == nullptr) return FailMemory(count);
  most_types_ = count;
  return ECHO_OK;
}

// Makes room for more bytes of tokens.
echo_status GgufTokens::Reserve(size_t bytes) {
  const size_t needed = list_.pool_size + bytes;
  if (needed <= pool_capacity_) return ECHO_OK;
  if (needed > kMostBytes) {
    return Fail(ECHO_ERROR_FORMAT,
                "The tokens take more than %zu MB; the file is damaged, fetch it again.",
                kMostBytes >> 20);
  }
  const size_t capacity = std::min(std::max(needed, 2 * pool_capacity_), kMostBytes);
  std::unique_ptr<uint8_t[]> pool(new (std::nothrow) uint8_t[capacity]);
  if (pool == nullptr) return FailMemory(most_texts_);
  if (list_.pool_size > 0) std::memcpy(pool.get(), list_.pool.get(), list_.pool_size);
  list_.pool = std::move(pool);
  pool_capacity_ = capacity;
  return ECHO_OK;
}

echo_status GgufTokens::AddText(const std::string& escaped) {
  const echo_status status = Reserve(escaped.size());
  if (status != ECHO_OK) return status;
  Vocabulary::Entry* entry = &list_.entries[list_.n_entries];
  entry->id = static_cast<uint32_t>(list_.n_entries++);
  entry->begin = static_cast<uint32_t>(list_.pool_size);
  for (size_t at = 0; at < escaped.size();) list_.pool[list_.pool_size++] = TakeByte(escaped, &at);
  entry->size = static_cast<uint32_t>(list_.pool_size - entry->begin);
  return ECHO_OK;
}

void GgufTokens::AddType(int32_t type) {
  types_[n_types_++] = type == kNormal || type == kUserDefined ? 1 : 0;
}

echo_status GgufTokens::Take(std::shared_ptr<const Vocabulary>* vocabulary) {
  vocabulary->reset();
  // What stays moves forward within the list.
  size_t kept = 0;
  size_t pool_size = 0;
  for (size_t i = 0; i < list_.n_entries; ++i) {
    Vocabulary::Entry entry = list_.entries[i];
    if (entry.size == 0 || (i < n_types_ && types_[i] == 0)) continue;
    std::memmove(list_.pool.get() + pool_size, list_.pool.get() + entry.begin, entry.size);
    entry.begin = static_cast<uint32_t>(pool_size);
    pool_size += entry.size;
    list_.entries[kept++] = entry;
  }
  if (kept == 0) return ECHO_OK;
  std::unique_ptr<Vocabulary> taken(new (std::nothrow) Vocabulary);
  if (taken == nullptr) return FailMemory(kept);
  taken->entries.reset(new (std::nothrow) Vocabulary::Entry[kept]);
  taken->pool.reset(new (std::nothrow) uint8_t[pool_size]);
  if (taken->entries == nullptr || taken->pool == nullptr) return FailMemory(kept);
  std::copy_n(list_.entries.get(), kept, taken->entries.get());
  std::copy_n(list_.pool.get(), pool_size, taken->pool.get());
  taken->n_entries = kept;
  taken->pool_size = pool_size;
  list_ = Vocabulary();
  *vocabulary = std::move(taken);
  return ECHO_OK;
}

}  // namespace echo
