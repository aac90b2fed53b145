// The arithmetic of sizes. All of it stays far below 2^64, because the loader
// has capped the header's numbers.
#include "formats/estimate.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <iterator>

#include "formats/keep.h"
#include "formats/types.h"

namespace echo {
namespace {

// Bytes of `elements` stored as `type`.
uint64_t Bytes(int32_t type, uint64_t elements) {
  const TypeInfo* info = FindType(type);
  return elements / info->block_columns * info->block_bytes;
}

// Elements of the embedding, and of the head too.
uint64_t TableElements(const Weights& header) {
  return static_cast<uint64_t>(header.n_vocab) * static_cast<uint64_t>(header.n_embed);
}

// Elements of one square matrix in every layer.
uint64_t SquareElements(const Weights& header) {
  const uint64_t n_embed = static_cast<uint64_t>(header.n_embed);
  return static_cast<uint64_t>(header.n_layer) * n_embed * n_embed;
}

// Quantised files keep the embedding and the head in FP32 or FP16.
int32_t LeastTableType(const Weights& header) {
  return header.type == ECHO_F32 ? ECHO_F32 : ECHO_F16;
}

// What a file may have beside its elements: up to 64 tensors a layer, each with
// a description of up to 64 bytes.
uint64_t NamesBytes(const Weights& header) {
  return (static_cast<uint64_t>(header.n_layer) + 1) * 64 * 64;
}

// Rounded up, as what is needed.
uint64_t Megabytes(uint64_t bytes) { return (bytes + 999999) / 1000000; }

}  // namespace

uint64_t LeastFileBytes(const Weights& header) {
  // Every architecture has four square matrices in a layer's time mix. The head may be smaller than
  // the rest, where it alone was quantised.
  const uint64_t table = TableElements(header);
  const uint64_t head = std::min(Bytes(header.type, table), Bytes(ECHO_Q4_0, table));
  return head + Bytes(header.type, table + 4 * SquareElements(header));
}

WeightEstimate EstimateWeights(const Weights& header, uint64_t file_bytes,
                               const echo_load_options& options) {
  const int32_t head_type = options.head_type;
  const uint64_t table = TableElements(header);
  const uint64_t square = SquareElements(header);
  const uint64_t least_table = Bytes(LeastTableType(header), table);
  const uint64_t head = head_type < 0 ? least_table : Bytes(head_type, table);
  const auto outside = [&](uint64_t embedding) {
    return options.embedding_limit > 0 && embedding > options.embedding_limit ? embedding : 0;
  };
  const uint64_t out = outside(least_table);
  const uint64_t tables = least_table - out + head;
  if (file_bytes == 0) {
    // Four squares in the time mix; a channel mix of usually four times the
    // width, there and back, and at least once.
    return {tables + Bytes(header.type, 12 * square), tables + Bytes(header.type, 6 * square),
            tables, out};
  }
  // The file is its tensors but for their names. A head to be requantised was
  // FP32, for all that a quantised file's header tells.
  uint64_t bytes = file_bytes;
  if (head_type >= 0) {
    const uint64_t replaced = Bytes(header.type == ECHO_F16 ? ECHO_F16 : ECHO_F32, table);
    bytes = (file_bytes > replaced ? file_bytes - replaced : 0) + head;
  }
  bytes = std::max(bytes - std::min(bytes, out), tables);
  // A quantised file may have its embedding in FP32, which its header does not tell.
  const uint64_t may_be_out = outside(Bytes(ECHO_F32, table)) - out;
  return {bytes, bytes - std::min(bytes, NamesBytes(header) + may_be_out), tables, out};
}

echo_status FailBudget(const Weights& header, uint64_t weight_bytes, uint64_t table_bytes,
                       uint64_t other_bytes, uint64_t budget_bytes) {
  const uint64_t needed = weight_bytes + other_bytes;
  // The same model in a smaller type: the matrices shrink, the tables only to FP16.
  const uint64_t least_tables = std::min(table_bytes, 2 * Bytes(ECHO_F16, TableElements(header)));
  const uint64_t matrices = weight_bytes > table_bytes ? weight_bytes - table_bytes : 0;
  const TypeInfo* now = FindType(MatrixType(header.type));
  const uint64_t elements = matrices / now->block_bytes * now->block_columns;

  const TypeInfo* smaller = nullptr;  // the most precise that fits, else the smallest
  uint64_t smaller_bytes = needed;
  for (const TypeInfo* type = now + 1; type != std::end(kTypes); ++type) {
    if (!type->native) continue;
    const uint64_t bytes = other_bytes + least_tables + Bytes(type->type, elements);
    if (bytes >= smaller_bytes) continue;
    smaller = type;
    smaller_bytes = bytes;
    if (bytes <= budget_bytes) break;
  }
  char advice[160];
  if (smaller == nullptr) {
    std::snprintf(advice, sizeof(advice), "choose a model with fewer parameters");
  } else if (smaller_bytes > budget_bytes) {
    std::snprintf(advice, sizeof(advice),
                  "even in %s it would need about %" PRIu64
                  " MB, so choose a model with fewer parameters",
                  smaller->name, Megabytes(smaller_bytes));
  } else {
    std::snprintf(advice, sizeof(advice), "the same model in %s would need about %" PRIu64 " MB",
                  smaller->name, Megabytes(smaller_bytes));
  }
  return Fail(ECHO_ERROR_BUDGET,
              "This model needs about %" PRIu64 " MB and %" PRIu64 " MB are allowed; %s.",
              Megabytes(needed), budget_bytes / 1000000, advice);
}

}  // namespace echo
