// Reading an rwkv.cpp file that arrives in pieces. Each tensor's bytes go from
// the caller's piece to their place, so the file is never in memory as a whole.
#ifndef DEEP_TREE_ECHO_FORMATS_LOADER_H_
#define DEEP_TREE_ECHO_FORMATS_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/memory.h"
#include "formats/tensor.h"
#include "include/echo.h"
#include "rwkv/model.h"
#include "status.h"

namespace echo {

class Loader {
 public:
  // nullptr with a sentence if an option is out of range.
  static echo_status Create(const echo_load_options& options, std::unique_ptr<Loader>* loader);

  echo_status Push(const uint8_t* bytes, size_t size);
  echo_status Finish(std::unique_ptr<Rwkv>* model);
  const echo_estimate& estimate() const { return estimate_; }

 private:
  // What the next bytes of the file are.
  enum class Stage {
    kHeader,  // six int32
    kTensor,  // three int32: dimensions, length of the name, type
    kName,    // the shape and the name
    kData,    // the elements
    kDone,    // nothing: the model has been handed over
    kFailed,
  };

  explicit Loader(const echo_load_options& options) : options_(options) {}

  echo_status Advance(const uint8_t* bytes, size_t size);
  bool Gather(const uint8_t** bytes, size_t* size);
  void Expect(Stage stage, size_t bytes);
  echo_status ParseHeader();
  echo_status CheckSizes();
  echo_status CheckBudget(uint64_t least_bytes) const;
  echo_status ParseTensor();
  echo_status ParseName();
  echo_status CheckLayer() const;
  echo_status CheckShape(const StoredTensor& stored) const;
  echo_status OpenTensor(StoredTensor&& stored);
  echo_status FailUnfinished() const;
  void Store(const uint8_t* bytes, size_t size);
  void StoreRequantized(const uint8_t* bytes, size_t size);
  echo_status Remember(echo_status status);

  echo_load_options options_;
  Stage stage_ = Stage::kHeader;
  uint64_t position_ = 0;  // bytes of the file pushed so far

  // The fixed part being gathered: `gathered_` of `expected_` bytes are in.
  static constexpr size_t kLongestName = 256;
  uint8_t part_[3 * sizeof(int32_t) + kLongestName] = {};
  size_t gathered_ = 0;
  size_t expected_ = 6 * sizeof(int32_t);

  std::shared_ptr<Weights> weights_;
  echo_estimate estimate_ = {};

  // The tensor being read.
  int32_t n_dims_ = 0;
  int32_t type_ = 0;           // in the file
  std::string name_;           // stays the last tensor's between tensors
  uint8_t* target_ = nullptr;  // its memory
  uint64_t filled_ = 0;        // bytes of its file data that are in
  uint64_t data_bytes_ = 0;    // bytes of its data in the file

  // For a head that is requantised on its way: one row as the file has it and
  // the same in floats. Empty while any other tensor is read.
  Block row_;        // (RowBytes(type_, columns))
  Block float_row_;  // (columns) float32

  echo_status failure_ = ECHO_OK;
  std::string sentence_;  // of the failure
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_LOADER_H_
