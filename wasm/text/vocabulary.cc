// The parser of vocabulary lines and of Python's string and bytes literals.
#include "text/vocabulary.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace echo {
namespace {

constexpr uint32_t kMostId = (1 << 20) - 1;

struct Span {
  const uint8_t* begin;
  const uint8_t* end;

  bool empty() const { return begin == end; }
  size_t size() const { return static_cast<size_t>(end - begin); }
};

// A decimal number of at most nine digits that is the whole span.
bool ParseNumber(Span span, uint32_t* number) {
  if (span.empty() || span.size() > 9) return false;
  *number = 0;
  for (const uint8_t* at = span.begin; at != span.end; ++at) {
    if (*at < '0' || *at > '9') return false;
    *number = *number * 10 + (*at - '0');
  }
  return true;
}

int HexDigit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

// Takes exactly `digits` hexadecimal digits off the span.
bool TakeHex(Span* span, size_t digits, uint32_t* value) {
  if (span->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = HexDigit(*span->begin++);
    if (digit < 0) return false;
    *value = *value << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

// Up to three octal digits, the first of which is `value`.
void TakeOctal(Span* span, uint32_t* value) {
  for (int i = 0; i < 2 && !span->empty() && *span->begin >= '0' && *span->begin <= '7'; ++i) {
    *value = *value * 8 + (*span->begin++ - '0');
  }
}

uint8_t* PutUtf8(uint32_t point, uint8_t* to) {
  const auto put = [&to](uint32_t byte) { *to++ = static_cast<uint8_t>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return to;
}

// What stands after a backslash, as a code point or a byte. `*is_bytes` literals
// know no \u and \U, and keep numbers within a byte.
bool TakeEscape(Span* span, bool is_bytes, uint32_t* value) {
  if (span->empty()) return false;
  const uint8_t kind = *span->begin++;
  static constexpr char kNames[] = "abfnrtv\\'\"";
  static constexpr char kValues[] = "\a\b\f\n\r\t\v\\'\"";
  if (kind != 0) {
    if (const char* found = std::strchr(kNames, kind)) {
      *value = static_cast<uint8_t>(kValues[found - kNames]);
      return true;
    }
  }
  if (kind >= '0' && kind <= '7') {
    *value = kind - '0';
    TakeOctal(span, value);
    return *value <= 0xFF;
  }
  if (kind == 'x') return TakeHex(span, 2, value);
  if (is_bytes) return false;
  if (kind == 'u' || kind == 'U') {
    return TakeHex(span, kind == 'u' ? 4 : 8, value) && *value <= 0x10FFFF &&
           (*value < 0xD800 || *value > 0xDFFF);
  }
  return false;
}

// Writes the value of a literal, never longer than the literal itself. False if
// it is none.
bool ParseLiteral(Span span, uint8_t** to) {
  const bool is_bytes = !span.empty() && *span.begin == 'b';
  if (is_bytes) ++span.begin;
  if (span.size() < 2) return false;
  const uint8_t quote = *span.begin++;
  if ((quote != '\'' && quote != '"') || *--span.end != quote) return false;
  while (!span.empty()) {
    uint32_t value = *span.begin++;
    if (value == quote || (is_bytes && value >= 0x80)) return false;
    if (value != '\\') {
      *(*to)++ = static_cast<uint8_t>(value);
      continue;
    }
    if (!TakeEscape(&span, is_bytes, &value)) return false;
    if (is_bytes) {
      *(*to)++ = static_cast<uint8_t>(value);
    } else {
      *to = PutUtf8(value, *to);
    }
  }
  return true;
}

// The line without its end, and the text after it.
Span TakeLine(Span* text) {
  const void* found = std::memchr(text->begin, '\n', text->size());
  Span line = {text->begin, found == nullptr ? text->end : static_cast<const uint8_t*>(found)};
  text->begin = found == nullptr ? text->end : line.end + 1;
  if (!line.empty() && line.end[-1] == '\r') --line.end;
  return line;
}

echo_status ParseLine(Span line, size_t number, const uint8_t* pool, uint8_t** to,
                      Vocabulary::Entry* entry) {
  // The token may hold spaces: its fields are what the outermost ones leave.
  const uint8_t* first = std::find(line.begin, line.end, ' ');
  const uint8_t* last = line.end;
  while (last > first && *last != ' ') --last;
  uint32_t size = 0;
  if (first == line.end || last == first || !ParseNumber({line.begin, first}, &entry->id) ||
      !ParseNumber({last + 1, line.end}, &size)) {
    return Fail(ECHO_ERROR_FORMAT, "Line %zu of the vocabulary is not \"id 'token' byte_length\".",
                number);
  }
  if (entry->id > kMostId) {
    return Fail(ECHO_ERROR_FORMAT, "Line %zu of the vocabulary has the id %u; ids end at %u.",
                number, static_cast<unsigned>(entry->id), static_cast<unsigned>(kMostId));
  }
  uint8_t* begin = *to;
  if (!ParseLiteral({first + 1, last}, to)) {
    return Fail(ECHO_ERROR_FORMAT,
                "Line %zu of the vocabulary (id %u) does not hold a Python string or bytes "
                "literal.",
                number, static_cast<unsigned>(entry->id));
  }
  entry->begin = static_cast<uint32_t>(begin - pool);
  entry->size = static_cast<uint32_t>(*to - begin);
  if (entry->size == 0) {
    return Fail(ECHO_ERROR_FORMAT, "Line %zu of the vocabulary (id %u) has an empty token.", number,
                static_cast<unsigned>(entry->id));
  }
  if (entry->size != size) {
    return Fail(ECHO_ERROR_FORMAT,
                "Line %zu of the vocabulary (id %u) says %u bytes, but its token has %u.", number,
                static_cast<unsigned>(entry->id), static_cast<unsigned>(size),
                static_cast<unsigned>(entry->size));
  }
  return ECHO_OK;
}

}  // namespace

echo_status ReadVocabulary(const uint8_t* text, size_t size, Vocabulary* vocabulary) {
  if (size == 0) return Fail(ECHO_ERROR_FORMAT, "The vocabulary is empty.");
  if (size > INT32_MAX) {
    return Fail(ECHO_ERROR_FORMAT, "The vocabulary has %zu bytes, more than 2 GB.", size);
  }
  const size_t most_lines = static_cast<size_t>(std::count(text, text + size, '\n')) + 1;
  std::unique_ptr<uint8_t[]> pool(new (std::nothrow) uint8_t[size]);
  vocabulary->entries.reset(new (std::nothrow) Vocabulary::Entry[most_lines]);
  if (pool == nullptr || vocabulary->entries == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left to read a vocabulary of %zu bytes.",
                size);
  }
  uint8_t* to = pool.get();
  Span rest = {text, text + size};
  for (size_t number = 1; !rest.empty(); ++number) {
    const Span line = TakeLine(&rest);
    if (line.empty()) continue;
    const echo_status status =
        ParseLine(line, number, pool.get(), &to, &vocabulary->entries[vocabulary->n_entries]);
    if (status != ECHO_OK) return status;
    ++vocabulary->n_entries;
  }
  if (vocabulary->n_entries == 0) {
    return Fail(ECHO_ERROR_FORMAT, "The vocabulary has no token in its %zu bytes.", size);
  }
  // The literals were longer than the tokens: keep only what these need.
  vocabulary->pool_size = static_cast<size_t>(to - pool.get());
  vocabulary->pool.reset(new (std::nothrow) uint8_t[vocabulary->pool_size]);
  if (vocabulary->pool == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %zu bytes of tokens.",
                vocabulary->pool_size);
  }
  std::memcpy(vocabulary->pool.get(), pool.get(), vocabulary->pool_size);
  return ECHO_OK;
}

}  // namespace echo
