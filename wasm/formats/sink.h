// Where a reader puts what it finds: checks each tensor against the model and the
// budget, takes its memory and fills it. The only place that knows in which type
// and order weights are kept.
#ifndef DEEP_TREE_ECHO_FORMATS_SINK_H_
#define DEEP_TREE_ECHO_FORMATS_SINK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/estimate.h"
#include "formats/memory.h"
#include "formats/tensor.h"
#include "include/echo.h"
#include "rwkv/model.h"
#include "status.h"

namespace echo {

// A tensor about to come.
struct Incoming {
  std::string name;             // PyTorch's
  int32_t type = 0;             // echo_type of its bytes
  int32_t keep = 0;             // echo_type to keep it in: `type` itself or a native one
  int32_t exponent = 0;         // it is kept times 2^exponent; 0 unless `keep` is native
  int32_t n_dims = 0;           // 1 to 3
  size_t shape[3] = {1, 1, 1};  // (n_dims) in PyTorch's order, each at least 1
  uint64_t offset = 0;          // where its data begins in the file
};

class Sink {
 public:
  explicit Sink(const echo_load_options& options);

  // The model's dimensions: filled in by the reader before Announce().
  Weights* weights() { return weights_.get(); }
  const echo_load_options& options() const { return options_; }
  const echo_estimate& estimate() const { return estimate_; }

  // Refuses dimensions that no model has. Within them no product overflows.
  echo_status CheckDimensions() const;

  // How large the weights will be; checked against the budget before any is in.
  echo_status Announce(const WeightEstimate& weights);

  // Begins a tensor: its name, dimensions and size are checked and its memory taken.
  //   left   bytes the file still has, UINT64_MAX if unknown
  echo_status Open(const Incoming& incoming, uint64_t left);

  // The type in which it will stay: the caller may have chosen another for the head.
  int32_t KeptType(const Incoming& incoming) const;

  // Bytes of so many rows of it in memory, those that fill the last group included.
  uint64_t KeptBytes(const Incoming& incoming, uint64_t rows) const;

  // Whether a tensor of so many bytes stays in the file: its rows are read there,
  // one by one, when they are needed.
  bool StaysOutside(const std::string& name, uint64_t bytes) const;

  // Bytes of the open tensor as the file has them, and how many are to come.
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t missing() const { return file_bytes_ - filled_; }

  // The next of these bytes, at most missing().
  void Write(const uint8_t* bytes, size_t size);

  const std::string& name() const { return name_; }  // of the last tensor opened, "" before

  // Binds the model. The sink is spent if it succeeds.
  echo_status Finish(std::unique_ptr<Rwkv>* model);

  // Gives the memory back.
  void Discard();

 private:
  echo_status CheckBudget(uint64_t least_bytes) const;
  bool Interleaves(const Incoming& incoming) const;
  echo_status CheckLayer(const std::string& name) const;
  echo_status CheckShape(const std::string& name, int32_t type, const StoredTensor& stored) const;
  void NoteOutside(uint64_t bytes);
  void StoreRows(const uint8_t* rows, size_t count);
  void StoreGroup();
  void Complete();

  echo_load_options options_;
  std::shared_ptr<Weights> weights_;
  echo_estimate estimate_ = {};
  uint64_t table_bytes_ = 0;  // of the embedding and the head, as far as they are in memory

  // The open tensor.
  std::string name_;
  int32_t file_type_ = 0;
  int32_t exponent_ = 0;
  Tensor tensor_;         // as it is kept
  bool outside_ = false;  // it stays in the file
  StoredTensor* stored_ = nullptr;
  uint8_t* target_ = nullptr;  // where its next row, or group of rows, goes
  uint64_t file_bytes_ = 0;
  uint64_t filled_ = 0;  // of file_bytes_

  Block row_;            // (row bytes in the file) a row whose bytes come in several pieces
  Block float_row_;      // (columns) float32; empty if the type is kept
  Block group_;          // (16, row bytes in memory) rows to be interleaved; empty if they are not
  size_t gathered_ = 0;  // rows in it
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_SINK_H_
