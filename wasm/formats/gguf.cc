// GGUF: a header, pairs of metadata, descriptions of the tensors, and their data.
#include "formats/gguf.h"

#include <algorithm>
#include <cinttypes>
#include <new>
#include <utility>
#include <vector>

#include "formats/gguf_metadata.h"
#include "formats/gguf_names.h"
#include "formats/gguf_tensors.h"
#include "formats/part.h"
#include "formats/types.h"

namespace echo {
namespace {

class GgufReader final : public Reader {
 public:
  GgufReader(uint64_t total_bytes, Sink* sink)
      : total_bytes_(total_bytes), sink_(sink), metadata_(total_bytes), tensors_(total_bytes) {
    part_.Want(kHeaderBytes);
  }

  echo_status Push(const uint8_t* bytes, size_t size) override;
  echo_status End() const override;
  echo_status TakeInfo(FileInfo* info) override;

 private:
  // What the next bytes of the file are.
  enum class Stage {
    kHeader,    // magic, version, number of tensors, number of pairs
    kMetadata,  // the pairs
    kTensors,   // the descriptions of the tensors
    kPadding,   // before a tensor's data
    kData,      // the elements
    kUnused,    // those that no computation reads
    kEnd,       // nothing but the last padding
  };

  echo_status Next();
  echo_status ParseHeader();
  echo_status BeginData();
  echo_status ReadSizes();
  echo_status Announce();
  void NextTensor();
  echo_status OpenTensor();
  echo_status OpenIncoming();

  uint64_t total_bytes_;  // 0 if unknown
  Sink* sink_;
  Stage stage_ = Stage::kHeader;
  Part part_;
  GgufMetadata metadata_;
  GgufTensors tensors_;

  uint64_t data_ = 0;               // where the data begins
  size_t next_ = 0;                 // the tensor of the list that is read, or comes next
  std::vector<Incoming> incoming_;  // what it becomes
  size_t opened_ = 0;               // of these
};

// The embedding or the head.
bool IsTable(const Incoming& incoming) {
  return incoming.name == "emb.weight" || incoming.name == "head.weight";
}

uint64_t Align(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

echo_status GgufReader::Push(const uint8_t* bytes, size_t size) {
  while (true) {
    if (stage_ == Stage::kData) {
      const size_t taken = static_cast<size_t>(std::min<uint64_t>(size, sink_->missing()));
      sink_->Write(bytes, taken);
      part_.Pass(taken);
      bytes += taken;
      size -= taken;
      if (sink_->missing() > 0) return ECHO_OK;
      const echo_status status = OpenIncoming();
      if (status != ECHO_OK) return status;
      continue;
    }
    if (!part_.Take(&bytes, &size)) return ECHO_OK;
    if (stage_ == Stage::kEnd) {
      if (size == 0) return ECHO_OK;
      return Fail(ECHO_ERROR_FORMAT,
                  "After %s, its last tensor, the file goes on; it is damaged, fetch it again.",
                  tensors_.list().back().name.c_str());
    }
    const echo_status status = Next();
    if (status != ECHO_OK) return status;
  }
}

// Reads the part that is in.
echo_status GgufReader::Next() {
  echo_status status = ECHO_OK;
  switch (stage_) {
    case Stage::kHeader:
      return ParseHeader();
    case Stage::kMetadata:
      status = metadata_.Next(&part_);
      if (status == ECHO_OK && metadata_.done()) {
        stage_ = Stage::kTensors;
        tensors_.Begin(&part_);
      }
      return status;
    case Stage::kTensors:
      status = tensors_.Next(&part_);
      return status == ECHO_OK && tensors_.done() ? BeginData() : status;
    case Stage::kPadding:
      return OpenTensor();
    default:  // the data of an unused tensor is over
      ++next_;
      NextTensor();
      return ECHO_OK;
  }
}

echo_status GgufReader::ParseHeader() {
  const uint32_t version = part_.Read<uint32_t>(4);
  if ((version & 0xFFFF) == 0) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "This GGUF file is big endian; only little endian ones can be read.");
  }
  if (version != 2 && version != 3) {
    return Fail(ECHO_ERROR_UNSUPPORTED, "The file has GGUF's version %u; 2 and 3 can be read.",
                static_cast<unsigned>(version));
  }
  const echo_status status = tensors_.Expect(part_.Read<uint64_t>(8));
  if (status != ECHO_OK) return status;
  stage_ = Stage::kMetadata;
  return metadata_.Begin(part_.Read<uint64_t>(16), &part_);
}

// All descriptions are in.
echo_status GgufReader::BeginData() {
  data_ = Align(part_.position(), metadata_.model().alignment);
  echo_status status = tensors_.Place(data_, metadata_.model().alignment);
  if (status == ECHO_OK) status = ReadSizes();
  if (status == ECHO_OK) status = Announce();
  if (status == ECHO_OK) NextTensor();
  return status;
}

// The dimensions of the model and the type of its matrices.
echo_status GgufReader::ReadSizes() {
  Weights* weights = sink_->weights();
  weights->n_embed = metadata_.model().n_embed;
  weights->n_layer = metadata_.model().n_layer;
  for (const GgufTensor& tensor : tensors_.list()) {
    if (tensor.name == "token_embd.weight" && tensor.n_dims >= 2) {
      weights->n_vocab = static_cast<int32_t>(tensor.shape[tensor.n_dims - 2]);
    } else if (tensor.name == "blk.0.channel_mix_key.weight") {
      weights->type = tensor.type;
    }
  }
  if (weights->n_vocab == 0) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file has no matrix token_embd.weight; it is incomplete, convert the model "
                "again.");
  }
  const echo_status status = sink_->CheckDimensions();
  if (status != ECHO_OK) return status;
  if (metadata_.n_tokens() > static_cast<uint64_t>(weights->n_vocab)) {
    return Fail(ECHO_ERROR_FORMAT,
                "The metadata lists %" PRIu64
                " tokens, but the model's vocabulary has %d; the file is damaged, fetch it again.",
                metadata_.n_tokens(), weights->n_vocab);
  }
  return ECHO_OK;
}

// What the weights will take is known exactly, and refused here if it is too much.
echo_status GgufReader::Announce() {
  uint64_t bytes = 0;
  uint64_t tables = 0;
  uint64_t outside = 0;
  for (const GgufTensor& tensor : tensors_.list()) {
    const echo_status status = NameTensor(metadata_.model(), tensor, &incoming_);
    if (status != ECHO_OK) return status;
    for (const Incoming& incoming : incoming_) {
      const size_t columns = incoming.shape[incoming.n_dims - 1];
      const uint64_t rows = tensor.bytes / incoming_.size() / RowBytes(incoming.type, columns);
      const uint64_t kept = sink_->KeptBytes(incoming, rows);
      if (sink_->StaysOutside(incoming.name, kept)) {
        outside += kept;
        continue;
      }
      bytes += kept;
      if (IsTable(incoming)) tables += kept;
    }
  }
  return sink_->Announce({bytes, bytes, tables, outside});
}

// On to the data of the tensor that comes next, or to the end.
void GgufReader::NextTensor() {
  const uint64_t position = part_.position();
  if (next_ == tensors_.list().size()) {
    stage_ = Stage::kEnd;
    part_.Skip(Align(position, metadata_.model().alignment) - position);
  } else {
    stage_ = Stage::kPadding;
    part_.Skip(data_ + tensors_.list()[next_].offset - position);
  }
}

echo_status GgufReader::OpenTensor() {
  const GgufTensor& tensor = tensors_.list()[next_];
  const echo_status status = NameTensor(metadata_.model(), tensor, &incoming_);
  if (status != ECHO_OK) return status;
  opened_ = 0;
  if (!incoming_.empty()) return OpenIncoming();
  stage_ = Stage::kUnused;
  part_.Skip(tensor.bytes);
  return ECHO_OK;
}

// The next of what the tensor becomes, if there is more.
echo_status GgufReader::OpenIncoming() {
  if (opened_ == incoming_.size()) {
    ++next_;
    NextTensor();
    return ECHO_OK;
  }
  stage_ = Stage::kData;
  const uint64_t left = total_bytes_ == 0 ? UINT64_MAX : total_bytes_ - part_.position();
  incoming_[opened_].offset = part_.position();
  return sink_->Open(incoming_[opened_++], left);
}

// More may come after a failure here.
echo_status GgufReader::End() const {
  switch (stage_) {
    case Stage::kHeader:
    case Stage::kMetadata:
      return Fail(ECHO_ERROR_FORMAT,
                  "The file ends inside its metadata, after %s; it is truncated, fetch it again.",
                  metadata_.key().empty() ? "the header" : metadata_.key().c_str());
    case Stage::kTensors:
      return Fail(ECHO_ERROR_FORMAT,
                  "The file ends inside the descriptions of its tensors; it is truncated, fetch it "
                  "again.");
    case Stage::kData:
    case Stage::kUnused:
    case Stage::kPadding: {
      const GgufTensor& tensor = tensors_.list()[next_];
      const uint64_t end = data_ + tensor.offset + tensor.bytes;
      return Fail(ECHO_ERROR_FORMAT,
                  "The file ends inside %s: %" PRIu64 " of its %" PRIu64
                  " bytes are missing; it is truncated, fetch it again.",
                  tensor.name.c_str(), std::min(end - part_.position(), tensor.bytes),
                  tensor.bytes);
    }
    case Stage::kEnd:
      break;
  }
  if (part_.position() < total_bytes_) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file ends after %s: %" PRIu64 " of the announced %" PRIu64
                " bytes are missing; it is truncated, fetch it again.",
                tensors_.list().back().name.c_str(), total_bytes_ - part_.position(), total_bytes_);
  }
  return ECHO_OK;
}

echo_status GgufReader::TakeInfo(FileInfo* info) {
  info->format = ECHO_FORMAT_GGUF;
  info->tokenizer = metadata_.tokenizer();
  if (info->tokenizer != "rwkv") return ECHO_OK;
  return metadata_.TakeVocabulary(&info->vocabulary);
}

}  // namespace

std::unique_ptr<Reader> NewGgufReader(uint64_t total_bytes, Sink* sink) {
  return std::unique_ptr<Reader>(new (std::nothrow) GgufReader(total_bytes, sink));
}

}  // namespace echo
