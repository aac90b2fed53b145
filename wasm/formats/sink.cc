// Checking, placing and rounding the tensors of a model.
#include "formats/sink.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <utility>

#include "formats/keep.h"
#include "formats/repack.h"
#include "formats/types.h"

namespace echo {
namespace {

constexpr char kEmbedding[] = "emb.weight";  // read row by row, so it stays as it is
constexpr char kHead[] = "head.weight";

// Far beyond any model there is.
constexpr int32_t kMostVocab = 1 << 24;
constexpr int32_t kMostEmbed = 1 << 16;
constexpr int32_t kMostLayers = 1 << 10;
constexpr size_t kMostTensorsPerLayer = 64;

bool InRange(int32_t value, int32_t most) { return value >= 1 && value <= most; }

}  // namespace

Sink::Sink(const echo_load_options& options)
    : options_(options), weights_(std::make_shared<Weights>()) {}

echo_status Sink::CheckDimensions() const {
  const Weights& w = *weights_;
  if (InRange(w.n_vocab, kMostVocab) && InRange(w.n_embed, kMostEmbed) &&
      InRange(w.n_layer, kMostLayers)) {
    return ECHO_OK;
  }
  return Fail(ECHO_ERROR_FORMAT,
              "The header says n_vocab %d, n_embed %d and n_layer %d, which no model has "
              "(1 to %d, %d and %d); the file is damaged, fetch it again.",
              w.n_vocab, w.n_embed, w.n_layer, kMostVocab, kMostEmbed, kMostLayers);
}

echo_status Sink::Announce(const WeightEstimate& weights) {
  estimate_.weight_bytes = weights.expected;
  estimate_.outside_bytes = weights.outside;
  table_bytes_ = weights.tables;
  estimate_.state_bytes = Rwkv::EstimateStateBytes(*weights_);
  estimate_.work_bytes = Rwkv::EstimateWorkBytes(*weights_);
  estimate_.known = 1;
  return CheckBudget(weights.least);
}

// Refuses weights that take at least these bytes, with a sentence about those
// that are expected.
echo_status Sink::CheckBudget(uint64_t least_bytes) const {
  const uint64_t other = estimate_.state_bytes + estimate_.work_bytes;
  if (options_.budget_bytes == 0 || least_bytes + other <= options_.budget_bytes) return ECHO_OK;
  return FailBudget(*weights_, std::max(least_bytes, estimate_.weight_bytes), table_bytes_, other,
                    options_.budget_bytes);
}

// A header with fewer layers than the file has would quietly be another model.
echo_status Sink::CheckLayer(const std::string& name) const {
  constexpr char kBlocks[] = "blocks.";
  constexpr size_t kLength = sizeof(kBlocks) - 1;
  if (name.compare(0, kLength, kBlocks) != 0) return ECHO_OK;
  int32_t layer = 0;
  for (size_t i = kLength; i < name.size() && name[i] >= '0' && name[i] <= '9'; ++i) {
    layer = std::min(10 * layer + (name[i] - '0'), kMostLayers);
  }
  if (layer < weights_->n_layer) return ECHO_OK;
  return Fail(ECHO_ERROR_FORMAT,
              "%s is in the file, but the header says n_layer %d; the file is damaged, fetch it "
              "again.",
              name.c_str(), weights_->n_layer);
}

// Refuses what no tensor of this model can be, before memory is taken for it.
echo_status Sink::CheckShape(const std::string& name, int32_t type,
                             const StoredTensor& stored) const {
  const uint64_t rows = stored.shape[0];
  const uint64_t middle = stored.shape[1];
  const uint64_t columns = stored.shape[2];
  const uint64_t vocab = static_cast<uint64_t>(weights_->n_vocab);
  const uint64_t embed = static_cast<uint64_t>(weights_->n_embed);
  // The vocabulary's tables are the largest, or a channel mix of up to 32 times
  // the width; the low-rank matrices of small models may exceed both.
  const uint64_t most = std::max({vocab * embed, 32 * embed * embed, embed * 4096});
  if (rows > most || middle > most / rows || columns > most / (rows * middle)) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has the shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64
                "), too large for a model with n_vocab %d and n_embed %d; the file is damaged, "
                "fetch it again.",
                name.c_str(), rows, middle, columns, weights_->n_vocab, weights_->n_embed);
  }
  if (rows * middle * columns > SIZE_MAX / sizeof(float)) {
    return Fail(ECHO_ERROR_MEMORY,
                "%s has the shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64
                "), more than 32-bit memory can hold; load a smaller model.",
                name.c_str(), rows, middle, columns);
  }
  if (RowBytes(type, static_cast<size_t>(columns)) == 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s has rows of %" PRIu64
                " elements, but %s stores blocks of %zu; the file is damaged, fetch it again.",
                name.c_str(), columns, TypeName(type), FindType(type)->block_columns);
  }
  if (weights_->tensors.count(name) != 0) {
    return Fail(ECHO_ERROR_FORMAT, "%s is in the file twice; it is damaged, fetch it again.",
                name.c_str());
  }
  const size_t most_tensors = kMostTensorsPerLayer * (static_cast<size_t>(weights_->n_layer) + 1);
  if (weights_->tensors.size() >= most_tensors) {
    return Fail(ECHO_ERROR_FORMAT,
                "%s is one tensor more than the %zu that a model of %d layers may have; the file "
                "is damaged, fetch it again.",
                name.c_str(), most_tensors, weights_->n_layer);
  }
  return ECHO_OK;
}

int32_t Sink::KeptType(const Incoming& incoming) const {
  return options_.head_type >= 0 && incoming.name == kHead ? options_.head_type : incoming.keep;
}

bool Sink::Interleaves(const Incoming& incoming) const {
  return IsInterleaved(KeptType(incoming)) && incoming.name != kEmbedding;
}

uint64_t Sink::KeptBytes(const Incoming& incoming, uint64_t rows) const {
  const uint64_t kept =
      Interleaves(incoming) ? (rows + kGroupRows - 1) / kGroupRows * kGroupRows : rows;
  return kept * RowBytes(KeptType(incoming), incoming.shape[incoming.n_dims - 1]);
}

bool Sink::StaysOutside(const std::string& name, uint64_t bytes) const {
  return name == kEmbedding && options_.embedding_limit > 0 && bytes > options_.embedding_limit;
}

echo_status Sink::Open(const Incoming& incoming, uint64_t left) {
  const std::string& name = incoming.name;
  const int32_t type = incoming.type;
  StoredTensor stored;
  stored.n_dims = incoming.n_dims;
  std::copy_n(incoming.shape, incoming.n_dims, stored.shape + 3 - incoming.n_dims);
  echo_status status = CheckLayer(name);
  if (status != ECHO_OK) return status;
  status = CheckShape(name, type, stored);
  if (status != ECHO_OK) return status;

  Tensor& tensor = stored.tensor;
  tensor.rows = stored.shape[0] * stored.shape[1];
  tensor.columns = stored.shape[2];
  const size_t file_row_bytes = RowBytes(type, tensor.columns);
  const uint64_t file_bytes = static_cast<uint64_t>(tensor.rows) * file_row_bytes;
  if (file_bytes > left) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends inside %s: it has %" PRIu64 " bytes and %" PRIu64
                " are missing; it is truncated, fetch it again.",
                name.c_str(), options_.total_bytes, file_bytes - left);
  }
  tensor.type = KeptType(incoming);
  tensor.row_bytes = RowBytes(tensor.type, tensor.columns);
  if (tensor.row_bytes == 0) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "head.weight has rows of %zu elements, but %s stores blocks of 32; load this "
                "model without a head_type.",
                tensor.columns, TypeName(tensor.type));
  }
  tensor.interleaved = Interleaves(incoming);
  outside_ = StaysOutside(name, file_bytes);
  const uint64_t bytes = outside_ ? 0 : KeptBytes(incoming, tensor.rows);
  const uint64_t weight_bytes = weights_->bytes + bytes;
  status = CheckBudget(weight_bytes);
  if (status != ECHO_OK) return status;

  stored.offset = incoming.offset;
  row_ = Block::Allocate(file_row_bytes);
  float_row_ = tensor.type == type ? Block() : Block::Allocate(tensor.columns * sizeof(float));
  group_ = tensor.interleaved ? Block::Allocate(kGroupRows * tensor.row_bytes) : Block();
  gathered_ = 0;
  stored.memory = Block::Allocate(static_cast<size_t>(bytes));
  target_ = stored.memory.data();
  if ((target_ == nullptr && !outside_) || row_.data() == nullptr ||
      (tensor.type != type && float_row_.data() == nullptr) ||
      (tensor.interleaved && group_.data() == nullptr)) {
    return Fail(ECHO_ERROR_MEMORY,
                "The allocator refused the %" PRIu64 " bytes of %s after %" PRIu64
                " bytes of weights; free memory or load a smaller model.",
                bytes, name.c_str(), weights_->bytes);
  }
  tensor.data = target_;
  tensor_ = tensor;
  name_ = name;
  file_type_ = type;
  exponent_ = incoming.exponent;
  file_bytes_ = file_bytes;
  filled_ = 0;
  weights_->bytes = weight_bytes;
  if (name == kEmbedding) NoteOutside(outside_ ? file_bytes : 0);
  estimate_.weight_bytes = std::max(estimate_.weight_bytes, weight_bytes);
  stored_ = &weights_->tensors.emplace(name, std::move(stored)).first->second;
  return ECHO_OK;
}

// What was expected of the embedding gives way to what it is.
void Sink::NoteOutside(uint64_t bytes) {
  estimate_.weight_bytes += estimate_.outside_bytes;
  estimate_.weight_bytes -= std::min(estimate_.weight_bytes, bytes);
  estimate_.outside_bytes = bytes;
}

// Whole rows go on at once; a row that comes in several pieces is collected.
void Sink::Write(const uint8_t* bytes, size_t size) {
  if (size == 0) return;
  const size_t row_bytes = row_.size();
  const size_t begun = static_cast<size_t>(filled_ % row_bytes);
  filled_ += size;
  if (outside_) return;
  if (begun > 0) {
    const size_t taken = std::min(size, row_bytes - begun);
    std::memcpy(row_.data() + begun, bytes, taken);
    if (begun + taken == row_bytes) StoreRows(row_.data(), 1);
    bytes += taken;
    size -= taken;
  }
  const size_t whole = size / row_bytes;
  if (whole > 0) StoreRows(bytes, whole);
  const size_t rest = size - whole * row_bytes;
  if (rest > 0) std::memcpy(row_.data(), bytes + whole * row_bytes, rest);
  if (filled_ == file_bytes_) Complete();
}

// Every row of every tensor passes here once, in the order of the file and in
// the file's type; here it gets the type and the place that it is kept in.
void Sink::StoreRows(const uint8_t* rows, size_t count) {
  const size_t row_bytes = tensor_.row_bytes;
  for (size_t row = 0; row < count; ++row) {
    uint8_t* place = tensor_.interleaved ? group_.data() + gathered_ * row_bytes : target_;
    KeepRow(file_type_, rows + row * row_.size(), tensor_.columns, float_row_.floats(),
            tensor_.type, place);
    if (exponent_ != 0) ScaleRow(tensor_.type, place, tensor_.columns, exponent_);
    if (!tensor_.interleaved) {
      target_ += row_bytes;
    } else if (++gathered_ == kGroupRows) {
      StoreGroup();
    }
  }
}

// The gathered rows to their place.
void Sink::StoreGroup() {
  InterleaveRows(tensor_.type, group_.data(), tensor_.columns, target_);
  target_ += group_.size();
  gathered_ = 0;
}

// The last row is in.
void Sink::Complete() {
  if (gathered_ > 0) {
    const size_t filled = gathered_ * tensor_.row_bytes;
    std::memset(group_.data() + filled, 0, group_.size() - filled);
    StoreGroup();
  }
  Tensor& tensor = stored_->tensor;
  uint8_t* data = stored_->memory.data();
  if (tensor.interleaved) {
    const size_t groups = (tensor.rows + kGroupRows - 1) / kGroupRows;
    tensor.raised = RaiseScales(tensor.type, groups, tensor.columns, data);
  } else if (tensor.type == ECHO_F16 && name_ != kEmbedding) {
    tensor.raised = RaiseScales(tensor.type, tensor.rows, tensor.columns, data);
  }
}

echo_status Sink::Finish(std::unique_ptr<Rwkv>* model) {
  std::unique_ptr<Rwkv> created;
  const echo_status status = Rwkv::Create(weights_, &created);
  if (status != ECHO_OK) return status;
  const echo_rwkv_info& info = created->info();
  estimate_.weight_bytes = info.weight_bytes;
  estimate_.state_bytes = info.state_size * sizeof(float);
  estimate_.work_bytes = info.work_bytes;
  const echo_status fits = CheckBudget(info.weight_bytes);
  if (fits != ECHO_OK) return fits;
  Discard();
  *model = std::move(created);
  return ECHO_OK;
}

void Sink::Discard() {
  row_ = Block();
  float_row_ = Block();
  group_ = Block();
  stored_ = nullptr;
  weights_.reset();
}

}  // namespace echo
