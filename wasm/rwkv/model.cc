// Which architecture a file has, and how much memory it takes to run.
#include "rwkv/model.h"

#include <algorithm>
#include <utility>

#include "rwkv/architectures.h"

namespace echo {
namespace {

// In block 0, the names that tell the architectures apart.
bool Has(const Weights& weights, const char* name) {
  return weights.tensors.find(name) != weights.tensors.end();
}

// Ten times the version, as echo_rwkv_info says it.
int32_t Architecture(const Weights& weights) {
  if (Has(weights, "blocks.0.att.r_k")) return 70;
  if (Has(weights, "blocks.0.att.time_maa_x")) return 60;
  if (!Has(weights, "blocks.0.att.ln_x.weight")) return 40;
  return Has(weights, "blocks.0.att.gate.weight") ? 52 : 51;
}

std::unique_ptr<Network> NewNetwork(int32_t architecture) {
  switch (architecture) {
    case 70:
      return NewV7();
    case 60:
      return NewV6();
    case 40:
      return NewV4();
    default:
      return NewV5(architecture == 52);
  }
}

// Head size of every released model of RWKV 5, 6 and 7; smaller models have at
// most one head.
uint64_t LikelyHeadSize(const Weights& header) {
  return static_cast<uint64_t>(std::min(header.n_embed, 64));
}

}  // namespace

echo_status Rwkv::Create(std::shared_ptr<const Weights> weights, std::unique_ptr<Rwkv>* model) {
  const int32_t architecture = Architecture(*weights);
  std::unique_ptr<Network> network = NewNetwork(architecture);
  if (network == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a model.");
  network->info_.architecture = architecture;
  const echo_status status = network->Open(std::move(weights));
  if (status != ECHO_OK) return status;
  *model = std::move(network);
  return ECHO_OK;
}

uint64_t Rwkv::EstimateStateBytes(const Weights& header) {
  const uint64_t vectors = std::max<uint64_t>(5, 2 + LikelyHeadSize(header));
  return vectors * static_cast<uint64_t>(header.n_embed) * static_cast<uint64_t>(header.n_layer) *
         sizeof(float);
}

uint64_t Rwkv::EstimateWorkBytes(const Weights& header) {
  // At most sixteen buffers of one chunk, the channel mix's (taken as four times
  // as wide) and its rounded copy, which has room for some rows of the matrix; and
  // what 64-byte alignment adds.
  const uint64_t token = static_cast<uint64_t>(header.n_embed) * sizeof(float);
  const uint64_t chunk = Network::kChunk * token;
  return (16 + 2 * 4) * chunk + 9 * 4 * token + 32 * 64 + EstimateStateBytes(header);
}

}  // namespace echo
