// Reading a model file that arrives in pieces: finds out by the first bytes what
// the file is and hands it to the reader of that format. The file is never in
// memory as a whole.
#ifndef DEEP_TREE_ECHO_FORMATS_LOADER_H_
#define DEEP_TREE_ECHO_FORMATS_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/reader.h"
#include "formats/sink.h"
#include "include/echo.h"
#include "rwkv/model.h"
#include "status.h"

namespace echo {

class Loader {
 public:
  // nullptr with a sentence if an option is out of range.
  static echo_status Create(const echo_load_options& options, std::unique_ptr<Loader>* loader);

  echo_status Push(const uint8_t* bytes, size_t size);
  echo_status Finish(std::unique_ptr<Rwkv>* model, FileInfo* info);
  const echo_estimate& estimate() const { return sink_.estimate(); }

 private:
  explicit Loader(const echo_load_options& options) : sink_(options) {}

  echo_status CheckUsable() const;
  echo_status Advance(const uint8_t* bytes, size_t size);
  bool Begins(uint32_t magic) const;
  echo_status ChooseReader();
  echo_status FailUnknown() const;
  echo_status Remember(echo_status status);

  Sink sink_;
  std::unique_ptr<Reader> reader_;  // nullptr until the header is in
  uint64_t arrived_ = 0;            // bytes of the file pushed so far
  uint8_t header_[kHeaderBytes] = {};
  size_t gathered_ = 0;  // of header_

  bool spent_ = false;  // the model has been handed over
  echo_status failure_ = ECHO_OK;
  std::string sentence_;  // of the failure
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_LOADER_H_
