// How much memory a model will take, known from 24 bytes of header, and the
// sentence for a model that is too large.
#ifndef DEEP_TREE_ECHO_FORMATS_ESTIMATE_H_
#define DEEP_TREE_ECHO_FORMATS_ESTIMATE_H_

#include <cstdint>

#include "formats/tensor.h"
#include "include/echo.h"
#include "status.h"

namespace echo {

// The least bytes a file with this header can have, whichever tensors the
// quantiser left alone. A shorter file is damaged.
uint64_t LeastFileBytes(const Weights& header);

struct WeightEstimate {
  uint64_t expected;  // memory the weights will take, as models usually are
  uint64_t least;     // memory they take in any case
  uint64_t tables;    // of the expected: the embedding and the head
  uint64_t outside;   // not of them: the embedding, if it stays in the file
};

//   file_bytes  the file's size, 0 if unknown
//   options     of which the head's type and the embedding's limit count
WeightEstimate EstimateWeights(const Weights& header, uint64_t file_bytes,
                               const echo_load_options& options);

// The sentence for weights that with `other_bytes` do not fit in `budget_bytes`:
// what the model needs, and in which type it would fit.
//   table_bytes  of the weights: the embedding and the head
echo_status FailBudget(const Weights& header, uint64_t weight_bytes, uint64_t table_bytes,
                       uint64_t other_bytes, uint64_t budget_bytes);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_ESTIMATE_H_
