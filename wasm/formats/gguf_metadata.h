// The metadata of a GGUF file: pairs of a key and a value of any type, in any
// order. What a model needs is kept, everything else passes by.
#ifndef DEEP_TREE_ECHO_FORMATS_GGUF_METADATA_H_
#define DEEP_TREE_ECHO_FORMATS_GGUF_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/gguf_tokens.h"
#include "formats/part.h"
#include "status.h"

namespace echo {

// What the file says of its model.
struct GgufModel {
  int32_t architecture = 0;  // 60 or 70, ten times RWKV's version
  int32_t n_embed = 0;
  int32_t n_layer = 0;
  int32_t head_size = 0;
  int32_t rescale_every = 0;  // layers after which the file's output matrices are halved; 0 never
  uint32_t alignment = 32;    // of the tensors' data
};

class GgufMetadata {
 public:
  // `total_bytes` is the file's size, 0 if unknown.
  explicit GgufMetadata(uint64_t total_bytes) : total_bytes_(total_bytes) {}

  // Asks for the first part of `pairs` pairs.
  echo_status Begin(uint64_t pairs, Part* part);

  // Reads the part asked for and asks for the next one, unless done().
  echo_status Next(Part* part);
  bool done() const { return done_; }

  // Once done.
  const GgufModel& model() const { return model_; }
  const std::string& tokenizer() const { return tokenizer_; }  // such as "rwkv"; "" if none
  uint64_t n_tokens() const { return tokens_.count(); }
  echo_status TakeVocabulary(std::shared_ptr<const Vocabulary>* vocabulary) {
    return tokens_.Take(vocabulary);
  }

  const std::string& key() const { return key_; }  // the last one read, for sentences

 private:
  // What the part at hand is.
  enum class Step {
    kKeyLength,
    kKey,
    kType,
    kNumber,
    kTextLength,
    kText,
    kArray,
    kItemLength,  // of a text in an array
    kItem,
    kTokenType,
    kSkipped,
  };

  // The numbers that a model has, by the end of their keys.
  enum Number {
    kEmbed,
    kLayers,
    kHeadSize,
    kRescale,
    kShifts,
    kEpsilon,
    kAlignment,
    kSplits,
    kNumbers,
  };
  struct Value {
    bool known = false;
    double number = 0;
  };

  void Ask(Step step, size_t bytes, Part* part);
  echo_status EndPair(Part* part);
  echo_status ReadKey(Part* part);
  echo_status ReadType(Part* part);
  echo_status ReadNumber(const Part& part);
  echo_status ReadText(const Part& part);
  echo_status ReadArray(Part* part);
  echo_status NextItem(Part* part);
  echo_status CheckLength(uint64_t length, const Part& part) const;
  echo_status CheckModel();
  echo_status Whole(Number number, int32_t least, int32_t most, int32_t otherwise, int32_t* value);
  Value* Find(Number* which);

  uint64_t total_bytes_;
  Step step_ = Step::kKeyLength;
  uint64_t pairs_ = 0;  // still to come
  bool done_ = false;

  std::string key_;
  uint32_t type_ = 0;   // of the value
  uint64_t items_ = 0;  // of the array, still to come

  Value values_[2][kNumbers];  // by the architecture in the key: rwkv6, rwkv7
  std::string architecture_;
  std::string tokenizer_;
  GgufTokens tokens_;
  GgufModel model_;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_GGUF_METADATA_H_
