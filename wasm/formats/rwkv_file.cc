// rwkv.cpp's format: a header of six little-endian int32, then tensor after
// tensor to the end of the file, without a count or an index.
#include "formats/rwkv_file.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <new>
#include <string>

#include "formats/types.h"

namespace echo {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are mapped onto memory as is");

int32_t LoadInt32(const uint8_t* bytes) {
  int32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

echo_status CheckType(int32_t type, const char* owner) {
  if (IsNative(type)) return ECHO_OK;
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

class RwkvFileReader final : public Reader {
 public:
  RwkvFileReader(uint64_t total_bytes, Sink* sink) : total_bytes_(total_bytes), sink_(sink) {}

  echo_status Push(const uint8_t* bytes, size_t size) override;
  echo_status End() const override;
  echo_status TakeInfo(FileInfo* info) override {
    info->format = ECHO_FORMAT_RWKV_CPP;
    return ECHO_OK;
  }

 private:
  // What the next bytes of the file are.
  enum class Stage {
    kHeader,  // six int32
    kTensor,  // three int32: dimensions, length of the name, type
    kName,    // the shape and the name
    kData,    // the elements
  };

  bool Gather(const uint8_t** bytes, size_t* size);
  void Expect(Stage stage, size_t bytes);
  echo_status ParseHeader();
  echo_status ParseTensor();
  echo_status ParseName();

  // Where the file is read, for sentences.
  const char* Place() const { return sink_->name().empty() ? "the header" : sink_->name().c_str(); }

  uint64_t total_bytes_;  // 0 if unknown
  Sink* sink_;
  Stage stage_ = Stage::kHeader;
  uint64_t position_ = 0;  // bytes of the file read so far

  // The fixed part being gathered: `gathered_` of `expected_` bytes are in.
  static constexpr size_t kLongestName = 256;
  uint8_t part_[3 * sizeof(int32_t) + kLongestName] = {};
  size_t gathered_ = 0;
  size_t expected_ = kHeaderBytes;

  int32_t n_dims_ = 0;  // of the tensor described
  int32_t type_ = 0;
};

echo_status RwkvFileReader::Push(const uint8_t* bytes, size_t size) {
  while (true) {
    if (stage_ == Stage::kData) {
      const size_t taken = static_cast<size_t>(std::min<uint64_t>(size, sink_->missing()));
      sink_->Write(bytes, taken);
      bytes += taken;
      size -= taken;
      position_ += taken;
      if (sink_->missing() > 0) break;
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

void RwkvFileReader::Expect(Stage stage, size_t bytes) {
  stage_ = stage;
  gathered_ = 0;
  expected_ = bytes;
}

// Takes bytes for the fixed part; true once it is complete.
bool RwkvFileReader::Gather(const uint8_t** bytes, size_t* size) {
  const size_t taken = std::min(*size, expected_ - gathered_);
  if (taken > 0) std::memcpy(part_ + gathered_, *bytes, taken);
  gathered_ += taken;
  *bytes += taken;
  *size -= taken;
  position_ += taken;
  return gathered_ == expected_;
}

echo_status RwkvFileReader::ParseHeader() {
  int32_t header[6];  // magic, version, n_vocab, n_embed, n_layer, type
  std::memcpy(header, part_, sizeof(header));
  const int32_t version = header[1];
  if (version != 100 && version != 101) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "The file has rwkv.cpp's format version %d; 100 and 101 can be read.", version);
  }
  Weights* weights = sink_->weights();
  weights->n_vocab = header[2];
  weights->n_embed = header[3];
  weights->n_layer = header[4];
  weights->type = header[5];
  echo_status status = sink_->CheckDimensions();
  if (status != ECHO_OK) return status;
  status = CheckType(header[5], "The header");
  if (status != ECHO_OK) return status;
  if (version == 100 && FindType(header[5])->block_columns > 1) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "This %s file has format version 100, whose blocks are laid out differently; "
                "quantise the model again with a current rwkv.cpp (version 101).",
                TypeName(header[5]));
  }
  Expect(Stage::kTensor, 3 * sizeof(int32_t));

  const uint64_t least = LeastFileBytes(*weights);
  if (total_bytes_ != 0 && total_bytes_ < least) {
    return Fail(ECHO_ERROR_FORMAT,
                "The header promises n_vocab %d, n_embed %d and n_layer %d in %s, at least %" PRIu64
                " bytes, but the file has %" PRIu64 "; it is truncated or damaged, fetch it again.",
                weights->n_vocab, weights->n_embed, weights->n_layer, TypeName(weights->type),
                least, total_bytes_);
  }
  return sink_->Announce(EstimateWeights(*weights, total_bytes_, sink_->options()));
}

echo_status RwkvFileReader::ParseTensor() {
  const int32_t n_dims = LoadInt32(part_);
  const int32_t name_length = LoadInt32(part_ + 4);
  const int32_t type = LoadInt32(part_ + 8);
  if (n_dims < 1 || n_dims > 3 || name_length < 1 ||
      name_length > static_cast<int32_t>(kLongestName)) {
    return Fail(ECHO_ERROR_FORMAT,
                "After %s the file goes on with something that is no tensor (%d dimensions, a "
                "name of %d bytes); it is damaged, fetch it again.",
                Place(), n_dims, name_length);
  }
  n_dims_ = n_dims;
  type_ = type;
  Expect(Stage::kName,
         static_cast<size_t>(n_dims) * sizeof(int32_t) + static_cast<size_t>(name_length));
  return ECHO_OK;
}

echo_status RwkvFileReader::ParseName() {
  const size_t shape_bytes = static_cast<size_t>(n_dims_) * sizeof(int32_t);
  for (size_t i = shape_bytes; i < gathered_; ++i) {
    if (part_[i] <= ' ' || part_[i] > '~') {
      return Fail(ECHO_ERROR_FORMAT,
                  "A tensor after %s has the byte 0x%02x in its name; the file is damaged, fetch "
                  "it again.",
                  Place(), part_[i]);
    }
  }
  Incoming incoming;
  incoming.name.assign(reinterpret_cast<const char*>(part_) + shape_bytes, gathered_ - shape_bytes);
  incoming.type = type_;
  incoming.keep = type_;
  incoming.n_dims = n_dims_;
  const echo_status status = CheckType(type_, incoming.name.c_str());
  if (status != ECHO_OK) return status;
  for (int32_t i = 0; i < n_dims_; ++i) {  // the file begins with PyTorch's last dimension
    const int32_t size = LoadInt32(part_ + static_cast<size_t>(i) * sizeof(int32_t));
    if (size < 1) {
      return Fail(ECHO_ERROR_FORMAT,
                  "%s has a dimension of %d elements; the file is damaged, fetch it again.",
                  incoming.name.c_str(), size);
    }
    incoming.shape[n_dims_ - 1 - i] = static_cast<size_t>(size);
  }
  incoming.offset = position_;
  const uint64_t left = total_bytes_ == 0 ? UINT64_MAX : total_bytes_ - position_;
  const echo_status opened = sink_->Open(incoming, left);
  if (opened != ECHO_OK) return opened;
  stage_ = Stage::kData;
  return ECHO_OK;
}

// More may come after a failure here.
echo_status RwkvFileReader::End() const {
  if (stage_ == Stage::kData) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends inside %s: %" PRIu64 " of its %" PRIu64
                " bytes are missing; it is truncated, fetch it again.",
                Place(), sink_->missing(), sink_->file_bytes());
  }
  if (stage_ != Stage::kTensor || gathered_ > 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends inside the description of a tensor, after %s; it is truncated, "
                "fetch it again.",
                Place());
  }
  if (position_ < total_bytes_) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends after %s: %" PRIu64 " of the announced %" PRIu64
                " bytes are missing; it is truncated, fetch it again.",
                Place(), total_bytes_ - position_, total_bytes_);
  }
  return ECHO_OK;
}

}  // namespace

std::unique_ptr<Reader> NewRwkvFileReader(uint64_t total_bytes, Sink* sink) {
  return std::unique_ptr<Reader>(new (std::nothrow) RwkvFileReader(total_bytes, sink));
}

}  // namespace echo
