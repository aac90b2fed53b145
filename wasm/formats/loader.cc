// The public face of loading: what goes for every format.
#include "formats/loader.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <new>

#include "formats/foreign.h"
#include "formats/gguf.h"
#include "formats/rwkv_file.h"
#include "formats/types.h"

namespace echo {

echo_status Loader::Create(const echo_load_options& options, std::unique_ptr<Loader>* loader) {
  if (options.reserved != 0) {
    return Fail(ECHO_ERROR_ARGUMENT, "reserved is %d and must be 0.", options.reserved);
  }
  if (options.head_type != -1 && !IsNative(options.head_type)) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "head_type is %d and must be -1 (keep) or one of 0, 1, 2, 3, 7, 8, 9.",
                options.head_type);
  }
  loader->reset(new (std::nothrow) Loader(options));
  if (*loader == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a loader.");
  return ECHO_OK;
}

// A failed loader keeps its sentence and gives its memory back at once.
echo_status Loader::Remember(echo_status status) {
  if (status != ECHO_OK) {
    failure_ = status;
    sentence_ = LastError();
    reader_.reset();
    sink_.Discard();
  }
  return status;
}

echo_status Loader::CheckUsable() const {
  if (failure_ != ECHO_OK) return Fail(failure_, "%s", sentence_.c_str());
  if (spent_) {
    return Fail(ECHO_ERROR_ARGUMENT, "This loader has handed its model over; make a new one.");
  }
  return ECHO_OK;
}

echo_status Loader::Push(const uint8_t* bytes, size_t size) {
  const echo_status status = CheckUsable();
  return status != ECHO_OK ? status : Remember(Advance(bytes, size));
}

echo_status Loader::Advance(const uint8_t* bytes, size_t size) {
  const uint64_t total = sink_.options().total_bytes;
  arrived_ += size;
  if (total != 0 && arrived_ > total) {
    return Fail(ECHO_ERROR_FORMAT,
                "The file was announced with %" PRIu64 " bytes, but %" PRIu64
                " have arrived; load it again.",
                total, arrived_);
  }
  if (reader_ == nullptr) {
    const size_t taken = std::min(size, kHeaderBytes - gathered_);
    if (taken > 0) std::memcpy(header_ + gathered_, bytes, taken);
    gathered_ += taken;
    if (gathered_ < kHeaderBytes) return ECHO_OK;
    bytes += taken;
    size -= taken;
    echo_status status = ChooseReader();
    if (status == ECHO_OK) status = reader_->Push(header_, kHeaderBytes);
    if (status != ECHO_OK) return status;
  }
  return reader_->Push(bytes, size);
}

bool Loader::Begins(uint32_t magic) const {
  return std::memcmp(header_, &magic, std::min(gathered_, sizeof(magic))) == 0;
}

echo_status Loader::ChooseReader() {
  const uint64_t total = sink_.options().total_bytes;
  if (Begins(kRwkvFileMagic)) {
    reader_ = NewRwkvFileReader(total, &sink_);
  } else if (Begins(kGgufMagic)) {
    reader_ = NewGgufReader(total, &sink_);
  } else {
    return FailForeign(header_, gathered_);
  }
  if (reader_ == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a reader.");
  return ECHO_OK;
}

// The file ends before its header does.
echo_status Loader::FailUnknown() const {
  if (gathered_ == 0) return Fail(ECHO_ERROR_FORMAT, "The file is empty.");
  if (!Begins(kRwkvFileMagic) && !Begins(kGgufMagic)) return FailForeign(header_, gathered_);
  return Fail(ECHO_ERROR_FORMAT,
              "The file ends after %zu of the %zu bytes of its header; it is truncated, fetch it "
              "again.",
              gathered_, kHeaderBytes);
}

echo_status Loader::Finish(std::unique_ptr<Rwkv>* model, FileInfo* info) {
  echo_status status = CheckUsable();
  if (status != ECHO_OK) return status;
  // A file that cannot end here leaves the loader as it is: more may come.
  if (reader_ == nullptr) return FailUnknown();
  status = reader_->End();
  if (status != ECHO_OK) return status;
  status = reader_->TakeInfo(info);
  if (status == ECHO_OK) status = sink_.Finish(model);
  if (status != ECHO_OK) return Remember(status);
  reader_.reset();
  spent_ = true;
  return ECHO_OK;
}

}  // namespace echo
