// What other files begin with.
#include "formats/foreign.h"

#include <cstring>

namespace echo {
namespace {

struct Signature {
  const char* bytes;
  size_t size;
  const char* sentence;
};

constexpr Signature kSignatures[] = {
    {"PK\x03\x04", 4,
     "This is a zip archive, as PyTorch's .pth files are; convert it with 'dte convert' first."},
    {"\x80\x02", 2,
     "This is a PyTorch checkpoint from before version 1.6 (a pickle); load it in PyTorch, save it "
     "again and convert that with 'dte convert'."},
    {"\x1F\x8B", 2, "This file is compressed with gzip; unpack it first."},
    {"\x28\xB5\x2F\xFD", 4, "This file is compressed with zstd; unpack it first."},
    {"lmgg", 4,
     "This is an old ggml file without a version; only rwkv.cpp and GGUF files can be read."},
    {"tjgg", 4, "This is an old llama.cpp file; only rwkv.cpp and GGUF files can be read."},
    {"ggmf", 4, "This rwkv.cpp file is big endian; only little endian ones can be read."},
    {"version https://git-lfs", 23,
     "This is a Git LFS pointer and not the model itself; fetch it with 'git lfs pull'."},
};

bool IsText(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const uint8_t byte = bytes[i];
    const bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
    if (!space && (byte < 0x20 || byte == 0x7F)) return false;
  }
  return true;
}

uint8_t FirstVisible(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] > ' ') return bytes[i];
  }
  return 0;
}

}  // namespace

echo_status FailForeign(const uint8_t* bytes, size_t size) {
  for (const Signature& signature : kSignatures) {
    if (size >= signature.size && std::memcmp(bytes, signature.bytes, signature.size) == 0) {
      return Fail(ECHO_ERROR_FORMAT, "%s", signature.sentence);
    }
  }
  // A safetensors file: the length of its JSON header, then the header.
  if (size > 8 && bytes[8] == '{' && bytes[6] == 0 && bytes[7] == 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "This is a safetensors file; convert it with 'dte convert' first.");
  }
  if (IsText(bytes, size)) {
    return FirstVisible(bytes, size) == '<'
               ? Fail(ECHO_ERROR_FORMAT,
                      "This is a web page (HTML) and not a model; the address it came from "
                      "probably answered with an error or a login page.")
               : Fail(ECHO_ERROR_FORMAT, "This is a text and not a model.");
  }
  unsigned shown[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < 4 && i < size; ++i) shown[i] = bytes[i];
  return Fail(ECHO_ERROR_FORMAT,
              "This is neither rwkv.cpp's nor a GGUF file: it begins with the bytes "
              "%02x %02x %02x %02x.",
              shown[0], shown[1], shown[2], shown[3]);
}

}  // namespace echo
