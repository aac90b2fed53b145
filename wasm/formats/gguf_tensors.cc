// Parsing the descriptions and checking that their data lies one behind another.
#include "formats/gguf_tensors.h"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "formats/types.h"

namespace echo {
namespace {

constexpr uint64_t kMostTensors = 1 << 16;
constexpr uint64_t kLeastBytes = 8 + 1 + 4 + 8 + 4 + 8;  // of a description
constexpr uint64_t kLongestName = 128;                   // ggml has 64
constexpr uint64_t kMostElements = uint64_t{1} << 31;    // of a tensor, in 32-bit memory too
constexpr uint64_t kMostOffset = uint64_t{1} << 48;

// ggml's types, by their numbers in the file; those without an echo_type are only
// known by name.
struct GgmlType {
  uint32_t number;
  int32_t type;
  const char* name;
};
constexpr int32_t kUnread = -1;
constexpr GgmlType kGgmlTypes[] = {
    {0, ECHO_F32, "F32"},     {1, ECHO_F16, "F16"},    {2, ECHO_Q4_0, "Q4_0"},
    {3, ECHO_Q4_1, "Q4_1"},   {6, ECHO_Q5_0, "Q5_0"},  {7, ECHO_Q5_1, "Q5_1"},
    {8, ECHO_Q8_0, "Q8_0"},   {12, ECHO_Q4_K, "Q4_K"}, {13, ECHO_Q5_K, "Q5_K"},
    {14, ECHO_Q6_K, "Q6_K"},  {30, ECHO_BF16, "BF16"}, {9, kUnread, "Q8_1"},
    {10, kUnread, "Q2_K"},    {11, kUnread, "Q3_K"},   {15, kUnread, "Q8_K"},
    {16, kUnread, "IQ2_XXS"}, {17, kUnread, "IQ2_XS"}, {18, kUnread, "IQ3_XXS"},
    {19, kUnread, "IQ1_S"},   {20, kUnread, "IQ4_NL"}, {21, kUnread, "IQ3_S"},
    {22, kUnread, "IQ2_S"},   {23, kUnread, "IQ4_XS"}, {24, kUnread, "I8"},
    {25, kUnread, "I16"},     {26, kUnread, "I32"},    {27, kUnread, "I64"},
    {28, kUnread, "F64"},     {29, kUnread, "IQ1_M"},  {34, kUnread, "TQ1_0"},
    {35, kUnread, "TQ2_0"},   {39, kUnread, "MXFP4"},
};

echo_status FindGgmlType(const std::string& name, uint32_t number, int32_t* type) {
  for (const GgmlType& known : kGgmlTypes) {
    if (known.number != number) continue;
    if (known.type == kUnread) {
      return Fail(ECHO_ERROR_UNSUPPORTED,
                  "%s is stored in %s, which cannot be read; choose a file in F16, Q8_0, Q6_K, "
                  "Q5_K, Q4_K, Q5_1, Q5_0, Q4_1 or Q4_0.",
                  name.c_str(), known.name);
    }
    *type = known.type;
    return ECHO_OK;
  }
  return Fail(ECHO_ERROR_FORMAT,
              "%s has the unknown data type %u; the file is damaged, fetch it again.", name.c_str(),
              static_cast<unsigned>(number));
}

uint64_t Align(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

}  // namespace

// The last tensor read, for sentences.
const char* GgufTensors::Last() const {
  return tensors_.empty() ? "the metadata" : tensors_.back().name.c_str();
}

echo_status GgufTensors::Expect(uint64_t count) {
  if (count == 0 || count > kMostTensors ||
      (total_bytes_ != 0 && count * kLeastBytes > total_bytes_)) {
    return Fail(ECHO_ERROR_FORMAT,
                "The header promises %" PRIu64
                " tensors, which no model of this size has; the file is damaged, fetch it again.",
                count);
  }
  count_ = count;
  return ECHO_OK;
}

void GgufTensors::Begin(Part* part) {
  step_ = Step::kNameLength;
  part->Want(sizeof(uint64_t));
}

echo_status GgufTensors::Next(Part* part) {
  switch (step_) {
    case Step::kNameLength: {
      const uint64_t length = part->Read<uint64_t>(0);
      if (length == 0 || length > kLongestName) {
        return Fail(ECHO_ERROR_FORMAT,
                    "After %s the file goes on with a tensor whose name has %" PRIu64
                    " bytes; it is damaged, fetch it again.",
                    Last(), length);
      }
      step_ = Step::kName;
      part->Want(static_cast<size_t>(length));
      return ECHO_OK;
    }
    case Step::kName:
      return ReadName(part);
    case Step::kDims: {
      const uint32_t n_dims = part->Read<uint32_t>(0);
      if (n_dims < 1 || n_dims > 4) {
        return Fail(ECHO_ERROR_FORMAT,
                    "%s has %u dimensions, and 1 to 4 can be; the file is damaged, fetch it again.",
                    tensor_.name.c_str(), static_cast<unsigned>(n_dims));
      }
      tensor_.n_dims = static_cast<int32_t>(n_dims);
      step_ = Step::kRest;
      part->Want(n_dims * sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t));
      return ECHO_OK;
    }
    case Step::kRest:
      break;
  }
  const echo_status status = ReadRest(*part);
  if (status != ECHO_OK) return status;
  tensors_.push_back(std::move(tensor_));
  tensor_ = GgufTensor();
  if (!done()) Begin(part);
  return ECHO_OK;
}

echo_status GgufTensors::ReadName(Part* part) {
  for (const char c : part->bytes()) {
    if (c <= ' ' || c > '~') {
      return Fail(ECHO_ERROR_FORMAT,
                  "A tensor after %s has the byte 0x%02x in its name; the file is damaged, fetch "
                  "it again.",
                  Last(), static_cast<unsigned>(static_cast<uint8_t>(c)));
    }
  }
  tensor_.name = part->bytes();
  step_ = Step::kDims;
  part->Want(sizeof(uint32_t));
  return ECHO_OK;
}

// Shape, type and offset.
echo_status GgufTensors::ReadRest(const Part& part) {
  const char* name = tensor_.name.c_str();
  const size_t n_dims = static_cast<size_t>(tensor_.n_dims);
  uint64_t elements = 1;
  for (size_t i = 0; i < n_dims; ++i) {  // the file begins with the innermost dimension
    const uint64_t size = part.Read<uint64_t>(i * sizeof(uint64_t));
    if (size == 0 || size > kMostElements / elements) {
      return Fail(ECHO_ERROR_FORMAT,
                  "%s has a dimension of %" PRIu64
                  " elements; the file is damaged, fetch it again.",
                  name, size);
    }
    elements *= size;
    tensor_.shape[n_dims - 1 - i] = static_cast<size_t>(size);
  }
  const size_t type_at = n_dims * sizeof(uint64_t);
  const echo_status status =
      FindGgmlType(tensor_.name, part.Read<uint32_t>(type_at), &tensor_.type);
  if (status != ECHO_OK) return status;
  const TypeInfo& type = *FindType(tensor_.type);
  const size_t columns = tensor_.shape[n_dims - 1];
  if (columns % type.block_columns != 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has rows of %zu elements, but %s stores blocks of %zu; the file is damaged, "
                "fetch it again.",
                name, columns, type.name, type.block_columns);
  }
  tensor_.bytes = elements / type.block_columns * type.block_bytes;
  tensor_.offset = part.Read<uint64_t>(type_at + sizeof(uint32_t));
  if (tensor_.offset > kMostOffset) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has its data at the offset %" PRIu64
                ", beyond any file; it is damaged, fetch it again.",
                name, tensor_.offset);
  }
  return ECHO_OK;
}

echo_status GgufTensors::CheckNames() const {
  std::vector<const std::string*> names;
  names.reserve(tensors_.size());
  for (const GgufTensor& tensor : tensors_) names.push_back(&tensor.name);
  std::sort(names.begin(), names.end(),
            [](const std::string* a, const std::string* b) { return *a < *b; });
  for (size_t i = 1; i < names.size(); ++i) {
    if (*names[i - 1] != *names[i]) continue;
    return Fail(ECHO_ERROR_FORMAT, "%s is in the file twice; it is damaged, fetch it again.",
                names[i]->c_str());
  }
  return ECHO_OK;
}

echo_status GgufTensors::Place(uint64_t begin, uint32_t alignment) {
  const echo_status status = CheckNames();
  if (status != ECHO_OK) return status;
  std::sort(tensors_.begin(), tensors_.end(), [](const GgufTensor& a, const GgufTensor& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.name < b.name;
  });
  uint64_t end = 0;  // of the data so far
  const char* before = "the descriptions";
  for (const GgufTensor& tensor : tensors_) {
    const uint64_t expected = Align(end, alignment);
    if (tensor.offset != expected) {
      return Fail(ECHO_ERROR_FORMAT,
                  "%s has its data at the offset %" PRIu64 " and should have it at %" PRIu64
                  ", right after %s; the file is damaged, fetch "
                  "it again.",
                  tensor.name.c_str(), tensor.offset, expected, before);
    }
    end = tensor.offset + tensor.bytes;
    before = tensor.name.c_str();
    if (total_bytes_ != 0 && begin + end > total_bytes_) {
      return Fail(ECHO_ERROR_FORMAT,
                  "The file ends inside %s: it has %" PRIu64 " bytes and at least %" PRIu64
                  " are missing; it is truncated, fetch it again.",
                  before, total_bytes_, begin + end - total_bytes_);
    }
  }
  if (total_bytes_ > Align(begin + end, alignment)) {
    return Fail(ECHO_ERROR_FORMAT,
                "After %s, its last tensor, the file goes on with %" PRIu64
                " bytes; it is damaged, fetch it again.",
                before, total_bytes_ - begin - end);
  }
  return ECHO_OK;
}

}  // namespace echo
