// Parsing the pairs, a part at a time.
#include "formats/gguf_metadata.h"

#include <cinttypes>
#include <cmath>
#include <cstring>

namespace echo {
namespace {

constexpr uint64_t kMostPairs = 1 << 16;
constexpr uint64_t kLongestKey = UINT16_MAX;  // as the format says
constexpr uint64_t kLongestText = 256;        // of those that are kept
constexpr uint64_t kLongestToken = UINT16_MAX;
constexpr uint64_t kLongest = uint64_t{1} << 40;  // of anything, where the file's size is unknown
constexpr uint32_t kMostAlignment = 1 << 16;

constexpr char kArchitectureKey[] = "general.architecture";
constexpr char kTokenizerKey[] = "tokenizer.ggml.model";
constexpr char kTokensKey[] = "tokenizer.ggml.tokens";
constexpr char kTypesKey[] = "tokenizer.ggml.token_type";

// The types of values, by their numbers in the file.
enum ValueType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kText,
  kArrayOf,
  kUint64,
  kInt64,
  kFloat64,
  kValueTypes,
};
// Bytes of a number, or of the length before a text.
constexpr size_t kValueBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

bool IsNumber(uint32_t type) { return type != kText && type != kArrayOf && type != kBool; }

double NumberOf(uint32_t type, const Part& part) {
  switch (type) {
    case kUint8:
      return part.Read<uint8_t>(0);
    case kInt8:
      return part.Read<int8_t>(0);
    case kUint16:
      return part.Read<uint16_t>(0);
    case kInt16:
      return part.Read<int16_t>(0);
    case kUint32:
      return part.Read<uint32_t>(0);
    case kInt32:
      return part.Read<int32_t>(0);
    case kFloat32:
      return part.Read<float>(0);
    case kUint64:
      return static_cast<double>(part.Read<uint64_t>(0));
    case kInt64:
      return static_cast<double>(part.Read<int64_t>(0));
    default:
      return part.Read<double>(0);
  }
}

// For sentences: what is not printable is a question mark.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

// What stands behind "rwkv6." or "rwkv7.", or the whole key.
static constexpr const char* kNumberKeys[] = {
    "embedding_length",       "block_count",       "wkv.head_size",
    "rescale_every_n_layers", "token_shift_count", "attention.layer_norm_epsilon",
    "general.alignment",      "split.count",
};

void GgufMetadata::Ask(Step step, size_t bytes, Part* part) {
  step_ = step;
  part->Want(bytes);
}

echo_status GgufMetadata::Begin(uint64_t pairs, Part* part) {
  if (pairs == 0 || pairs > kMostPairs) {
    return Fail(ECHO_ERROR_FORMAT,
                "The header promises %" PRIu64 " pairs of metadata, and 1 to %" PRIu64
                " can be; the file is damaged, fetch it again.",
                pairs, kMostPairs);
  }
  pairs_ = pairs;
  Ask(Step::kKeyLength, sizeof(uint64_t), part);
  return ECHO_OK;
}

echo_status GgufMetadata::EndPair(Part* part) {
  if (--pairs_ > 0) {
    Ask(Step::kKeyLength, sizeof(uint64_t), part);
    return ECHO_OK;
  }
  done_ = true;
  return CheckModel();
}

echo_status GgufMetadata::Next(Part* part) {
  echo_status status = ECHO_OK;
  switch (step_) {
    case Step::kKeyLength: {
      const uint64_t length = part->Read<uint64_t>(0);
      if (length == 0 || length > kLongestKey) {
        return Fail(ECHO_ERROR_FORMAT,
                    "After %s the metadata goes on with a key of %" PRIu64
                    " bytes; the file is damaged, fetch it again.",
                    key_.empty() ? "the header" : key_.c_str(), length);
      }
      Ask(Step::kKey, static_cast<size_t>(length), part);
      return ECHO_OK;
    }
    case Step::kKey:
      return ReadKey(part);
    case Step::kType:
      return ReadType(part);
    case Step::kNumber:
      status = ReadNumber(*part);
      break;
    case Step::kTextLength: {
      const uint64_t length = part->Read<uint64_t>(0);
      status = CheckLength(length, *part);
      if (status != ECHO_OK) return status;
      if (key_ != kArchitectureKey && key_ != kTokenizerKey) {
        step_ = Step::kSkipped;
        part->Skip(length);
        return ECHO_OK;
      }
      if (length > kLongestText) {
        return Fail(ECHO_ERROR_FORMAT,
                    "%s is a text of %" PRIu64 " bytes; the file is damaged, fetch it again.",
                    key_.c_str(), length);
      }
      Ask(Step::kText, static_cast<size_t>(length), part);
      return ECHO_OK;
    }
    case Step::kText:
      status = ReadText(*part);
      break;
    case Step::kArray:
      return ReadArray(part);
    case Step::kItemLength: {
      const uint64_t length = part->Read<uint64_t>(0);
      status = CheckLength(length, *part);
      if (status != ECHO_OK) return status;
      step_ = Step::kItem;
      if (key_ != kTokensKey) {
        part->Skip(length);
        return ECHO_OK;
      }
      if (length > kLongestToken) {
        return Fail(ECHO_ERROR_FORMAT,
                    "%s has a token of %" PRIu64 " bytes; the file is damaged, fetch it again.",
                    key_.c_str(), length);
      }
      part->Want(static_cast<size_t>(length));
      return ECHO_OK;
    }
    case Step::kItem:
      if (key_ == kTokensKey) status = tokens_.AddText(part->bytes());
      return status != ECHO_OK ? status : NextItem(part);
    case Step::kTokenType:
      tokens_.AddType(part->Read<int32_t>(0));
      return NextItem(part);
    case Step::kSkipped:
      break;
  }
  return status != ECHO_OK ? status : EndPair(part);
}

echo_status GgufMetadata::ReadKey(Part* part) {
  for (const char c : part->bytes()) {
    if (c <= ' ' || c > '~') {
      return Fail(ECHO_ERROR_FORMAT,
                  "A key of the metadata after %s has the byte 0x%02x in it; the file is damaged, "
                  "fetch it again.",
                  key_.empty() ? "the header" : key_.c_str(),
                  static_cast<unsigned>(static_cast<uint8_t>(c)));
    }
  }
  key_ = part->bytes();
  Ask(Step::kType, sizeof(uint32_t), part);
  return ECHO_OK;
}

// The value that the key at hand names, nullptr if it is no number of ours.
GgufMetadata::Value* GgufMetadata::Find(Number* which) {
  static_assert(sizeof(kNumberKeys) / sizeof(*kNumberKeys) == kNumbers, "a key for each number");
  const bool is_6 = key_.compare(0, 6, "rwkv6.") == 0;
  const bool is_7 = key_.compare(0, 6, "rwkv7.") == 0;
  const size_t begin = is_6 || is_7 ? 6 : 0;
  for (int i = begin == 0 ? kAlignment : 0; i < (begin == 0 ? kNumbers : kAlignment); ++i) {
    if (key_.compare(begin, std::string::npos, kNumberKeys[i]) != 0) continue;
    *which = static_cast<Number>(i);
    return &values_[is_7 ? 1 : 0][i];
  }
  return nullptr;
}

echo_status GgufMetadata::ReadType(Part* part) {
  type_ = part->Read<uint32_t>(0);
  if (type_ >= kValueTypes) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has a value of the type %u, which GGUF does not have (0 to 12); the file is "
                "damaged, fetch it again.",
                key_.c_str(), static_cast<unsigned>(type_));
  }
  const bool text = key_ == kArchitectureKey || key_ == kTokenizerKey;
  const bool array = key_ == kTokensKey || key_ == kTypesKey;
  Number which;
  const bool number = Find(&which) != nullptr;
  if ((text && type_ != kText) || (array && type_ != kArrayOf) || (number && !IsNumber(type_))) {
    return Fail(ECHO_ERROR_FORMAT, "%s must be %s; the file is damaged, fetch it again.",
                key_.c_str(),
                text    ? "a text"
                : array ? "a list"
                        : "a number");
  }
  Ask(type_ == kText      ? Step::kTextLength
      : type_ == kArrayOf ? Step::kArray
                          : Step::kNumber,
      kValueBytes[type_], part);
  return ECHO_OK;
}

echo_status GgufMetadata::ReadNumber(const Part& part) {
  Number which;
  Value* value = Find(&which);
  if (value == nullptr) return ECHO_OK;
  if (value->known) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is in the metadata twice; the file is damaged, fetch it again.", key_.c_str());
  }
  value->known = true;
  value->number = NumberOf(type_, part);
  if (which == kSplits && value->number > 1) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "This is one of %.0f parts of a GGUF file; join them with llama.cpp's "
                "llama-gguf-split --merge first.",
                value->number);
  }
  return ECHO_OK;
}

echo_status GgufMetadata::ReadText(const Part& part) {
  std::string* text = key_ == kArchitectureKey ? &architecture_ : &tokenizer_;
  if (!text->empty()) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is in the metadata twice; the file is damaged, fetch it again.", key_.c_str());
  }
  *text = Printable(part.bytes());
  // A model of another kind is refused at once, before its gigabytes come.
  if (text == &architecture_ && architecture_ != "rwkv6" && architecture_ != "rwkv7") {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "This GGUF file holds a model of the architecture \"%s\"; rwkv6 and rwkv7 can be "
                "run.",
                architecture_.c_str());
  }
  return ECHO_OK;
}

echo_status GgufMetadata::ReadArray(Part* part) {
  const uint32_t item = part->Read<uint32_t>(0);
  items_ = part->Read<uint64_t>(sizeof(uint32_t));
  if (item == kArrayOf || item >= kValueTypes) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is a list of %s, which no model has; the file is damaged, fetch it again.",
                key_.c_str(), item == kArrayOf ? "lists" : "an unknown type");
  }
  if ((key_ == kTokensKey && item != kText) || (key_ == kTypesKey && item != kInt32)) {
    return Fail(ECHO_ERROR_FORMAT, "%s must be a list of %s; the file is damaged, fetch it again.",
                key_.c_str(), key_ == kTokensKey ? "texts" : "int32");
  }
  echo_status status = CheckLength(items_, *part);
  if (status == ECHO_OK) status = CheckLength(items_ * kValueBytes[item], *part);
  if (status == ECHO_OK && key_ == kTokensKey) status = tokens_.BeginTexts(items_);
  if (status == ECHO_OK && key_ == kTypesKey) status = tokens_.BeginTypes(items_);
  if (status != ECHO_OK) return status;
  if (item != kText && key_ != kTypesKey) {
    step_ = Step::kSkipped;
    part->Skip(items_ * kValueBytes[item]);
    return ECHO_OK;
  }
  ++items_;  // the one that NextItem() counts as read
  step_ = item == kText ? Step::kItem : Step::kTokenType;
  return NextItem(part);
}

// Asks for the next item of a list, or ends it.
echo_status GgufMetadata::NextItem(Part* part) {
  if (--items_ == 0) return EndPair(part);
  if (step_ == Step::kTokenType) {
    part->Want(sizeof(int32_t));
  } else {
    Ask(Step::kItemLength, sizeof(uint64_t), part);
  }
  return ECHO_OK;
}

// A length must lie within the file.
echo_status GgufMetadata::CheckLength(uint64_t length, const Part& part) const {
  if (total_bytes_ != 0 ? length > total_bytes_ - part.position() : length > kLongest) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has a length of %" PRIu64
                ", beyond the end of the file; it is truncated or damaged, fetch it again.",
                key_.c_str(), length);
  }
  return ECHO_OK;
}

// A whole number in [least, most] out of the metadata; `otherwise` if it is not
// there, unless that is negative.
echo_status GgufMetadata::Whole(Number number, int32_t least, int32_t most, int32_t otherwise,
                                int32_t* value) {
  const Value& found = values_[architecture_ == "rwkv7" && number < kAlignment ? 1 : 0][number];
  const std::string prefix = number < kAlignment ? architecture_ + "." : "";
  const std::string key = prefix + kNumberKeys[number];
  if (!found.known && otherwise >= 0) {
    *value = otherwise;
    return ECHO_OK;
  }
  if (!found.known) {
    return Fail(ECHO_ERROR_FORMAT,
                "The metadata has no %s; the file is incomplete, convert the model again.",
                key.c_str());
  }
  // Not a number fails the comparisons too.
  if (!(found.number >= least && found.number <= most) ||
      found.number != std::floor(found.number)) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is %g, and must be a whole number from %d to %d; the file is damaged, fetch it "
                "again.",
                key.c_str(), found.number, least, most);
  }
  *value = static_cast<int32_t>(found.number);
  return ECHO_OK;
}

echo_status GgufMetadata::CheckModel() {
  if (architecture_.empty()) {
    return Fail(ECHO_ERROR_FORMAT,
                "The metadata has no %s; the file is incomplete, convert the model again.",
                kArchitectureKey);
  }
  model_.architecture = architecture_ == "rwkv7" ? 70 : 60;
  int32_t alignment = 0;
  int32_t shifts = 0;
  echo_status status = Whole(kEmbed, 1, INT32_MAX, -1, &model_.n_embed);
  if (status == ECHO_OK) status = Whole(kLayers, 1, INT32_MAX, -1, &model_.n_layer);
  if (status == ECHO_OK) status = Whole(kHeadSize, 1, model_.n_embed, -1, &model_.head_size);
  if (status == ECHO_OK) status = Whole(kRescale, 0, INT32_MAX, 0, &model_.rescale_every);
  if (status == ECHO_OK) status = Whole(kShifts, 2, 2, 2, &shifts);
  if (status == ECHO_OK) status = Whole(kAlignment, 1, kMostAlignment, 32, &alignment);
  if (status != ECHO_OK) return status;
  if ((alignment & (alignment - 1)) != 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "general.alignment is %d, and must be a power of two; the file is damaged, fetch "
                "it again.",
                alignment);
  }
  model_.alignment = static_cast<uint32_t>(alignment);
  if (model_.architecture == 70) model_.rescale_every = 0;
  if (model_.n_embed % model_.head_size != 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s.wkv.head_size is %d and does not divide the embedding length, which is %d; the "
                "file is damaged, fetch it again.",
                architecture_.c_str(), model_.head_size, model_.n_embed);
  }
  const Value& epsilon = values_[model_.architecture == 70 ? 1 : 0][kEpsilon];
  if (epsilon.known && !(std::fabs(epsilon.number - 1e-5) < 1e-8)) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "%s.attention.layer_norm_epsilon is %g; models with 1e-05 can be run.",
                architecture_.c_str(), epsilon.number);
  }
  return ECHO_OK;
}

}  // namespace echo
