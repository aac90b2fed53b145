// The parser of rwkv.cpp files. The format: a header of six little-endian int32,
// then tensor after tensor to the end of the file, without a count or an index.
#include "formats/loader.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <new>
#include <utility>

#include "formats/estimate.h"
#include "formats/foreign.h"
#include "formats/quantize.h"
#include "formats/types.h"

namespace echo {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are mapped onto memory as is");

constexpr uint32_t kMagic = 0x67676d66;
constexpr char kHead[] = "head.weight";

// Far beyond any model there is; within them no product of sizes overflows.
constexpr int32_t kMostVocab = 1 << 24;
constexpr int32_t kMostEmbed = 1 << 16;
constexpr int32_t kMostLayers = 1 << 10;
constexpr size_t kMostTensorsPerLayer = 64;

int32_t LoadInt32(const uint8_t* bytes) {
  int32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

bool InRange(int32_t value, int32_t most) { return value >= 1 && value <= most; }

echo_status CheckType(int32_t type, const char* owner) {
  if (FindType(type) != nullptr) return ECHO_OK;
  if (type >= 4 && type <= 6) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "%s has the data type %d, which rwkv.cpp no longer has; quantise the model again "
                "from FP16 or FP32.",
                owner, type);
  }
  return Fail(ECHO_ERROR_FORMAT,
              "%s has the unknown data type %d (known are 0, 1, 2, 3, 7, 8 and 9); the file is "
              "damaged, fetch it again.",
              owner, type);
}

}  // namespace

echo_status Loader::Create(const echo_load_options& options, std::unique_ptr<Loader>* loader) {
  if (options.reserved != 0) {
    return Fail(ECHO_ERROR_ARGUMENT, "reserved is %d and must be 0.", options.reserved);
  }
  if (options.head_type != -1 && FindType(options.head_type) == nullptr) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "head_type is %d and must be -1 (keep) or one of 0, 1, 2, 3, 7, 8, 9.",
                options.head_type);
  }
  loader->reset(new (std::nothrow) Loader(options));
  if (*loader == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a loader.");
  (*loader)->weights_ = std::make_shared<Weights>();
  return ECHO_OK;
}

// A failed loader keeps its sentence and gives its memory back at once.
echo_status Loader::Remember(echo_status status) {
  if (status != ECHO_OK) {
    stage_ = Stage::kFailed;
    failure_ = status;
    sentence_ = LastError();
    weights_.reset();
  }
  return status;
}

echo_status Loader::Push(const uint8_t* bytes, size_t size) {
  if (stage_ == Stage::kFailed) return Fail(failure_, "%s", sentence_.c_str());
  if (stage_ == Stage::kDone) {
    return Fail(ECHO_ERROR_ARGUMENT, "This loader has handed its model over; make a new one.");
  }
  return Remember(Advance(bytes, size));
}

echo_status Loader::Advance(const uint8_t* bytes, size_t size) {
  const uint64_t arrived = position_ + size;
  if (options_.total_bytes != 0 && arrived > options_.total_bytes) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file was announced with %" PRIu64 " bytes, but %" PRIu64
                " have arrived; load it again.",
                options_.total_bytes, arrived);
  }
  while (true) {
    if (stage_ == Stage::kData) {
      const size_t taken = static_cast<size_t>(std::min<uint64_t>(size, data_bytes_ - filled_));
      Store(bytes, taken);
      bytes += taken;
      size -= taken;
      position_ += taken;
      if (filled_ < data_bytes_) break;
      Expect(Stage::kTensor, 3 * sizeof(int32_t));
    }
    if (!Gather(&bytes, &size)) break;
    const echo_status status = stage_ == Stage::kHeader   ? ParseHeader()
                               : stage_ == Stage::kTensor ? ParseTensor()
                                                          : ParseName();
    if (status != ECHO_OK) return status;
  }
  return ECHO_OK;
}

void Loader::Expect(Stage stage, size_t bytes) {
  stage_ = stage;
  gathered_ = 0;
  expected_ = bytes;
}

// Takes bytes for the fixed part; true once it is complete.
bool Loader::Gather(const uint8_t** bytes, size_t* size) {
  const size_t taken = std::min(*size, expected_ - gathered_);
  if (taken > 0) std::memcpy(part_ + gathered_, *bytes, taken);
  gathered_ += taken;
  *bytes += taken;
  *size -= taken;
  position_ += taken;
  return gathered_ == expected_;
}

echo_status Loader::ParseHeader() {
  int32_t header[6];  // magic, version, n_vocab, n_embed, n_layer, type
  std::memcpy(header, part_, sizeof(header));
  if (static_cast<uint32_t>(header[0]) != kMagic) return FailForeign(part_, gathered_);
  const int32_t version = header[1];
  if (version != 100 && version != 101) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "The file has rwkv.cpp's format version %d; 100 and 101 can be read.", version);
  }
  weights_->n_vocab = header[2];
  weights_->n_embed = header[3];
  weights_->n_layer = header[4];
  weights_->type = header[5];
  if (!InRange(header[2], kMostVocab) || !InRange(header[3], kMostEmbed) ||
      !InRange(header[4], kMostLayers)) {
    return Fail(ECHO_ERROR_FORMAT,
                "The header says n_vocab %d, n_embed %d and n_layer %d, which no model has "
                "(1 to %d, %d and %d); the file is damaged, fetch it again.",
                header[2], header[3], header[4], kMostVocab, kMostEmbed, kMostLayers);
  }
  const echo_status status = CheckType(header[5], "The header");
  if (status != ECHO_OK) return status;
  if (version == 100 && FindType(header[5])->block_columns > 1) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "This %s file has format version 100, whose blocks are laid out differently; "
                "quantise the model again with a current rwkv.cpp (version 101).",
                TypeName(header[5]));
  }
  Expect(Stage::kTensor, 3 * sizeof(int32_t));
  return CheckSizes();
}

// The size of the file and of the model, before any weight is in.
echo_status Loader::CheckSizes() {
  const uint64_t total = options_.total_bytes;
  const uint64_t least = LeastFileBytes(*weights_);
  if (total != 0 && total < least) {
    return Fail(ECHO_ERROR_FORMAT,
                "The header promises n_vocab %d, n_embed %d and n_layer %d in %s, at least %" PRIu64
                " bytes, but the file has %" PRIu64 "; it is truncated or damaged, fetch it again.",
                weights_->n_vocab, weights_->n_embed, weights_->n_layer, TypeName(weights_->type),
                least, total);
  }
  const WeightEstimate weights = EstimateWeights(*weights_, total, options_.head_type);
  estimate_.weight_bytes = weights.expected;
  estimate_.state_bytes = Rwkv::EstimateStateBytes(*weights_);
  estimate_.work_bytes = Rwkv::EstimateWorkBytes(*weights_);
  estimate_.known = 1;
  return CheckBudget(weights.least);
}

// Refuses weights that take at least these bytes, with a sentence about those
// that are expected.
echo_status Loader::CheckBudget(uint64_t least_bytes) const {
  const uint64_t other = estimate_.state_bytes + estimate_.work_bytes;
  if (options_.budget_bytes == 0 || least_bytes + other <= options_.budget_bytes) return ECHO_OK;
  return FailBudget(*weights_, std::max(least_bytes, estimate_.weight_bytes), other,
                    options_.budget_bytes);
}

echo_status Loader::ParseTensor() {
  const int32_t n_dims = LoadInt32(part_);
  const int32_t name_length = LoadInt32(part_ + 4);
  const int32_t type = LoadInt32(part_ + 8);
  if (n_dims < 1 || n_dims > 3 || !InRange(name_length, kLongestName)) {
    return Fail(ECHO_ERROR_FORMAT,
                "After %s the file goes on with something that is no tensor (%d dimensions, a "
                "name of %d bytes); it is damaged, fetch it again.",
                name_.empty() ? "the header" : name_.c_str(), n_dims, name_length);
  }
  n_dims_ = n_dims;
  type_ = type;
  Expect(Stage::kName,
         static_cast<size_t>(n_dims) * sizeof(int32_t) + static_cast<size_t>(name_length));
  return ECHO_OK;
}

echo_status Loader::ParseName() {
  const size_t shape_bytes = static_cast<size_t>(n_dims_) * sizeof(int32_t);
  for (size_t i = shape_bytes; i < gathered_; ++i) {
    if (part_[i] <= ' ' || part_[i] > '~') {
      return Fail(ECHO_ERROR_FORMAT,
                  "A tensor after %s has the byte 0x%02x in its name; the file is damaged, fetch "
                  "it again.",
                  name_.empty() ? "the header" : name_.c_str(), part_[i]);
    }
  }
  name_.assign(reinterpret_cast<const char*>(part_) + shape_bytes, gathered_ - shape_bytes);
  echo_status status = CheckType(type_, name_.c_str());
  if (status != ECHO_OK) return status;

  StoredTensor stored;
  stored.n_dims = n_dims_;
  for (int32_t i = 0; i < n_dims_; ++i) {  // the file begins with PyTorch's last dimension
    const int32_t size = LoadInt32(part_ + static_cast<size_t>(i) * sizeof(int32_t));
    if (size < 1) {
      return Fail(ECHO_ERROR_FORMAT,
                  "%s has a dimension of %d elements; the file is damaged, fetch it again.",
                  name_.c_str(), size);
    }
    stored.shape[2 - i] = static_cast<size_t>(size);
  }
  status = CheckLayer();
  if (status != ECHO_OK) return status;
  status = CheckShape(stored);
  if (status != ECHO_OK) return status;
  return OpenTensor(std::move(stored));
}

// A header with fewer layers than the file has would quietly be another model.
echo_status Loader::CheckLayer() const {
  constexpr char kBlocks[] = "blocks.";
  constexpr size_t kLength = sizeof(kBlocks) - 1;
  if (name_.compare(0, kLength, kBlocks) != 0) return ECHO_OK;
  int32_t layer = 0;
  for (size_t i = kLength; i < name_.size() && name_[i] >= '0' && name_[i] <= '9'; ++i) {
    layer = std::min(10 * layer + (name_[i] - '0'), kMostLayers);
  }
  if (layer < weights_->n_layer) return ECHO_OK;
  return Fail(ECHO_ERROR_FORMAT,
              "%s is in the file, but the header says n_layer %d; the file is damaged, fetch it "
              "again.",
              name_.c_str(), weights_->n_layer);
}

// Refuses what no tensor of this model can be, before memory is taken for it.
echo_status Loader::CheckShape(const StoredTensor& stored) const {
  const uint64_t rows = stored.shape[0];
  const uint64_t middle = stored.shape[1];
  const uint64_t columns = stored.shape[2];
  const uint64_t vocab = static_cast<uint64_t>(weights_->n_vocab);
  const uint64_t embed = static_cast<uint64_t>(weights_->n_embed);
  // The vocabulary's tables are the largest, or a channel mix of up to 32 times
  // the width; the low-rank matrices of small models may exceed both.
  const uint64_t most = std::max({vocab * embed, 32 * embed * embed, embed * 4096});
  if (middle > most / rows || columns > most / (rows * middle)) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has the shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64
                "), too large for a model with n_vocab %d and n_embed %d; the file is damaged, "
                "fetch it again.",
                name_.c_str(), rows, middle, columns, weights_->n_vocab, weights_->n_embed);
  }
  if (rows * middle * columns > SIZE_MAX / sizeof(float)) {
    return Fail(ECHO_ERROR_MEMORY,
                "%s has the shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64
                "), more than 32-bit memory can hold; load a smaller model.",
                name_.c_str(), rows, middle, columns);
  }
  if (RowBytes(type_, static_cast<size_t>(columns)) == 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has rows of %" PRIu64
                " elements, but %s stores blocks of 32; the file is damaged, fetch it again.",
                name_.c_str(), columns, TypeName(type_));
  }
  if (weights_->tensors.count(name_) != 0) {
    return Fail(ECHO_ERROR_FORMAT, "%s is in the file twice; it is damaged, fetch it again.",
                name_.c_str());
  }
  const size_t most_tensors = kMostTensorsPerLayer * (static_cast<size_t>(weights_->n_layer) + 1);
  if (weights_->tensors.size() >= most_tensors) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is one tensor more than the %zu that a model of %d layers may have; the file "
                "is damaged, fetch it again.",
                name_.c_str(), most_tensors, weights_->n_layer);
  }
  return ECHO_OK;
}

// Takes memory for a tensor whose shape is checked, and starts reading its data.
echo_status Loader::OpenTensor(StoredTensor&& stored) {
  Tensor& tensor = stored.tensor;
  tensor.rows = stored.shape[0] * stored.shape[1];
  tensor.columns = stored.shape[2];
  const size_t file_row_bytes = RowBytes(type_, tensor.columns);
  data_bytes_ = static_cast<uint64_t>(tensor.rows) * file_row_bytes;
  filled_ = 0;

  const uint64_t end = position_ + data_bytes_;
  if (options_.total_bytes != 0 && end > options_.total_bytes) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends inside %s: it has %" PRIu64 " bytes and %" PRIu64
                " are missing; it is truncated, fetch it again.",
                name_.c_str(), options_.total_bytes, end - options_.total_bytes);
  }

  const bool requantize = options_.head_type >= 0 && options_.head_type != type_ && name_ == kHead;
  tensor.type = requantize ? options_.head_type : type_;
  tensor.row_bytes = RowBytes(tensor.type, tensor.columns);
  if (tensor.row_bytes == 0) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "head.weight has rows of %zu elements, but %s stores blocks of 32; load this "
                "model without a head_type.",
                tensor.columns, TypeName(tensor.type));
  }
  const uint64_t bytes = static_cast<uint64_t>(tensor.rows) * tensor.row_bytes;
  const uint64_t weight_bytes = weights_->bytes + bytes;
  const echo_status status = CheckBudget(weight_bytes);
  if (status != ECHO_OK) return status;

  row_ = Block();
  float_row_ = Block();
  if (requantize) {
    row_ = Block::Allocate(file_row_bytes);
    float_row_ = Block::Allocate(tensor.columns * sizeof(float));
  }
  stored.memory = Block::Allocate(static_cast<size_t>(bytes));
  target_ = stored.memory.data();
  if (target_ == nullptr ||
      (requantize && (row_.data() == nullptr || float_row_.data() == nullptr))) {
    return Fail(ECHO_ERROR_MEMORY,
                "The allocator refused the %" PRIu64 " bytes of %s after %" PRIu64
                " bytes of weights; free memory or load a smaller model.",
                bytes, name_.c_str(), weights_->bytes);
  }
  tensor.data = target_;
  weights_->bytes = weight_bytes;
  estimate_.weight_bytes = std::max(estimate_.weight_bytes, weight_bytes);
  weights_->tensors.emplace(name_, std::move(stored));
  stage_ = Stage::kData;
  return ECHO_OK;
}

void Loader::Store(const uint8_t* bytes, size_t size) {
  if (size == 0) return;
  if (row_.size() != 0) {
    StoreRequantized(bytes, size);
  } else {
    std::memcpy(target_ + filled_, bytes, size);
    filled_ += size;
  }
}

// Collects rows of the file and rounds each to the type the caller asked for.
void Loader::StoreRequantized(const uint8_t* bytes, size_t size) {
  const size_t columns = float_row_.size() / sizeof(float);
  while (size > 0) {
    const size_t begun = static_cast<size_t>(filled_ % row_.size());
    const size_t taken = std::min(size, row_.size() - begun);
    std::memcpy(row_.data() + begun, bytes, taken);
    bytes += taken;
    size -= taken;
    filled_ += taken;
    if (begun + taken < row_.size()) return;
    DequantizeRow(type_, row_.data(), columns, float_row_.floats());
    QuantizeRow(options_.head_type, float_row_.floats(), columns, target_);
    target_ += RowBytes(options_.head_type, columns);
  }
}

echo_status Loader::Finish(std::unique_ptr<Rwkv>* model) {
  if (stage_ == Stage::kFailed) return Fail(failure_, "%s", sentence_.c_str());
  if (stage_ == Stage::kDone) {
    return Fail(ECHO_ERROR_ARGUMENT, "This loader has handed its model over; make a new one.");
  }
  const bool between_tensors = stage_ == Stage::kTensor && gathered_ == 0;
  if (!between_tensors || position_ < options_.total_bytes) return FailUnfinished();

  std::unique_ptr<Rwkv> created;
  echo_status status = Rwkv::Create(weights_, &created);
  if (status != ECHO_OK) return Remember(status);
  const echo_rwkv_info& info = created->info();
  estimate_.weight_bytes = info.weight_bytes;
  estimate_.state_bytes = info.state_size * sizeof(float);
  estimate_.work_bytes = info.work_bytes;
  status = CheckBudget(info.weight_bytes);
  if (status != ECHO_OK) return Remember(status);
  stage_ = Stage::kDone;
  weights_.reset();
  *model = std::move(created);
  return ECHO_OK;
}

// Why the file cannot end here. The loader stays as it is: more may come.
echo_status Loader::FailUnfinished() const {
  if (position_ == 0) {
    return Fail(ECHO_ERROR_FORMAT, "The file is empty.");
  }
  if (stage_ == Stage::kHeader) {
    const size_t known = std::min(gathered_, sizeof(kMagic));
    if (std::memcmp(part_, &kMagic, known) != 0) return FailForeign(part_, gathered_);
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends after %zu of the 24 bytes of its header; it is truncated, fetch it "
                "again.",
                gathered_);
  }
  if (stage_ == Stage::kData) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends inside %s: %" PRIu64 " of its %" PRIu64
                " bytes are missing; it is truncated, fetch it again.",
                name_.c_str(), data_bytes_ - filled_, data_bytes_);
  }
  if (stage_ == Stage::kTensor && gathered_ == 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends after %s: %" PRIu64 " of the announced %" PRIu64
                " bytes are missing; it is truncated, fetch it again.",
                name_.empty() ? "the header" : name_.c_str(), options_.total_bytes - position_,
                options_.total_bytes);
  }
  return Fail(ECHO_ERROR_FORMAT,
              "The file ends inside the description of a tensor, after %s; it is truncated, "
              "fetch it again.",
              name_.empty() ? "the header" : name_.c_str());
}

}  // namespace echo
