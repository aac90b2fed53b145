#include "formats/gguf_names.h"

#include <cstring>
#include <initializer_list>
#include <string>

#include "formats/keep.h"

namespace echo {
namespace {

// What a tensor is and how it stays.
enum class Role {
  kTable,      // the embedding: rows are read one by one, in the file's own type
  kMatrix,     // (rows, columns), multiplied
  kRescaled,   // likewise; llama.cpp has it divided, see Exponent()
  kMatrices,   // (n, rows, columns)
  kVector,     // (C) floats
  kHeads,      // (H, S) floats, flat in some files
  kHeadsLast,  // (H, S, 1)
  kFused6,     // (5, C): the mixes w, k, v, r and g, each a vector of its own
  kFused7,     // (6, 1, C): the mixes r, w, k, v, a and g, together
  kFirst,      // a vector or matrix that block 0 has but does not use
};

struct Rule {
  const char* gguf;
  const char* torch;
  Role role;
  int32_t architecture;  // 60 or 70; 0 for both
};

constexpr Rule kGlobal[] = {
    {"token_embd.weight", "emb.weight", Role::kTable, 0},
    {"token_embd_norm.weight", "blocks.0.ln0.weight", Role::kVector, 0},
    {"token_embd_norm.bias", "blocks.0.ln0.bias", Role::kVector, 0},
    {"output_norm.weight", "ln_out.weight", Role::kVector, 0},
    {"output_norm.bias", "ln_out.bias", Role::kVector, 0},
    {"output.weight", "head.weight", Role::kMatrix, 0},
};

// Behind "blk.N." and "blocks.N.".
constexpr Rule kBlock[] = {
    {"attn_norm.weight", "ln1.weight", Role::kVector, 0},
    {"attn_norm.bias", "ln1.bias", Role::kVector, 0},
    {"attn_norm_2.weight", "ln2.weight", Role::kVector, 0},
    {"attn_norm_2.bias", "ln2.bias", Role::kVector, 0},
    {"time_mix_ln.weight", "att.ln_x.weight", Role::kVector, 0},
    {"time_mix_ln.bias", "att.ln_x.bias", Role::kVector, 0},
    {"time_mix_receptance.weight", "att.receptance.weight", Role::kMatrix, 0},
    {"time_mix_key.weight", "att.key.weight", Role::kMatrix, 0},
    {"time_mix_value.weight", "att.value.weight", Role::kMatrix, 0},
    {"time_mix_output.weight", "att.output.weight", Role::kRescaled, 0},
    {"channel_mix_key.weight", "ffn.key.weight", Role::kMatrix, 0},
    {"channel_mix_value.weight", "ffn.value.weight", Role::kRescaled, 0},

    {"time_mix_lerp_x.weight", "att.time_maa_x", Role::kVector, 60},
    {"time_mix_lerp_w.weight", "att.time_maa_w", Role::kVector, 60},
    {"time_mix_lerp_k.weight", "att.time_maa_k", Role::kVector, 60},
    {"time_mix_lerp_v.weight", "att.time_maa_v", Role::kVector, 60},
    {"time_mix_lerp_r.weight", "att.time_maa_r", Role::kVector, 60},
    {"time_mix_lerp_g.weight", "att.time_maa_g", Role::kVector, 60},
    {"time_mix_lerp_fused.weight", "att.time_maa_", Role::kFused6, 60},
    {"time_mix_w1.weight", "att.time_maa_w1", Role::kMatrix, 60},
    {"time_mix_w2.weight", "att.time_maa_w2", Role::kMatrices, 60},
    {"time_mix_first.weight", "att.time_faaaa", Role::kHeadsLast, 60},
    {"time_mix_decay.weight", "att.time_decay", Role::kVector, 60},
    {"time_mix_decay_w1.weight", "att.time_decay_w1", Role::kMatrix, 60},
    {"time_mix_decay_w2.weight", "att.time_decay_w2", Role::kMatrix, 60},
    {"time_mix_gate.weight", "att.gate.weight", Role::kMatrix, 60},
    {"channel_mix_lerp_k.weight", "ffn.time_maa_k", Role::kVector, 60},
    {"channel_mix_lerp_r.weight", "ffn.time_maa_r", Role::kVector, 60},
    {"channel_mix_receptance.weight", "ffn.receptance.weight", Role::kMatrix, 60},

    {"time_mix_lerp_fused.weight", "att.x_rwkvag", Role::kFused7, 70},
    {"time_mix_w0.weight", "att.w0", Role::kVector, 70},
    {"time_mix_w1.weight", "att.w1", Role::kMatrix, 70},
    {"time_mix_w2.weight", "att.w2", Role::kMatrix, 70},
    {"time_mix_a0.weight", "att.a0", Role::kVector, 70},
    {"time_mix_a1.weight", "att.a1", Role::kMatrix, 70},
    {"time_mix_a2.weight", "att.a2", Role::kMatrix, 70},
    {"time_mix_v0.weight", "att.v0", Role::kFirst, 70},
    {"time_mix_v1.weight", "att.v1", Role::kFirst, 70},
    {"time_mix_v2.weight", "att.v2", Role::kFirst, 70},
    {"time_mix_g1.weight", "att.g1", Role::kMatrix, 70},
    {"time_mix_g2.weight", "att.g2", Role::kMatrix, 70},
    {"time_mix_k_k.weight", "att.k_k", Role::kVector, 70},
    {"time_mix_k_a.weight", "att.k_a", Role::kVector, 70},
    {"time_mix_r_k.weight", "att.r_k", Role::kHeads, 70},
    {"channel_mix_lerp_k.weight", "ffn.x_k", Role::kVector, 70},
};

template <size_t n>
const Rule* FindRule(const Rule (&rules)[n], int32_t architecture, const char* name) {
  for (const Rule& rule : rules) {
    if ((rule.architecture == 0 || rule.architecture == architecture) &&
        std::strcmp(rule.gguf, name) == 0) {
      return &rule;
    }
  }
  return nullptr;
}

// Splits "blk.12.rest": false if the name does not begin so.
bool TakeBlock(const std::string& name, int32_t n_layer, int32_t* layer, const char** rest) {
  if (name.compare(0, 4, "blk.") != 0) return false;
  size_t at = 4;
  int64_t number = 0;
  for (; at < name.size() && name[at] >= '0' && name[at] <= '9'; ++at) {
    number = 10 * number + (name[at] - '0');
    if (number >= n_layer) return false;
  }
  if (at == 4 || at == name.size() || name[at] != '.') return false;
  *layer = static_cast<int32_t>(number);
  *rest = name.c_str() + at + 1;
  return true;
}

echo_status FailShape(const GgufTensor& tensor, const char* wanted) {
  std::string shape;
  for (int32_t i = 0; i < tensor.n_dims; ++i) {
    shape += (i == 0 ? "" : ", ") + std::to_string(tensor.shape[i]);
  }
  return Fail(ECHO_ERROR_FORMAT,
              "%s has the shape (%s), but %s is needed; convert the model again.",
              tensor.name.c_str(), shape.c_str(), wanted);
}

size_t Elements(const GgufTensor& tensor) {
  return tensor.shape[0] * tensor.shape[1] * tensor.shape[2] * tensor.shape[3];
}

void SetShape(std::initializer_list<size_t> shape, Incoming* incoming) {
  incoming->n_dims = 0;
  for (const size_t size : shape) incoming->shape[incoming->n_dims++] = size;
}

// The file's own shape without outer dimensions of 1. False if more than three stay.
bool CopyShape(const GgufTensor& tensor, Incoming* incoming) {
  int32_t first = 0;
  while (first < tensor.n_dims - 1 && tensor.shape[first] == 1) ++first;
  if (tensor.n_dims - first > 3) return false;
  incoming->n_dims = 0;
  for (int32_t i = first; i < tensor.n_dims; ++i) {
    incoming->shape[incoming->n_dims++] = tensor.shape[i];
  }
  return true;
}

// llama.cpp keeps x small in half floats: after every n layers it halves x, and to
// that end the output matrices of layer l are divided by 2^(l / n). Here x is not
// halved, so the matrices get back what they had.
int32_t Exponent(const GgufModel& model, int32_t layer) {
  return model.rescale_every == 0 ? 0 : layer / model.rescale_every;
}

}  // namespace

echo_status NameTensor(const GgufModel& model, const GgufTensor& tensor,
                       std::vector<Incoming>* incoming) {
  incoming->clear();
  const char* name = tensor.name.c_str();
  int32_t layer = 0;
  const bool in_block = TakeBlock(tensor.name, model.n_layer, &layer, &name);
  const Rule* rule = in_block ? FindRule(kBlock, model.architecture, name)
                              : FindRule(kGlobal, model.architecture, name);
  if (rule == nullptr) {
    return Fail(ECHO_ERROR_UNSUPPORTED,
                "%s is in the file, but RWKV %d with %d layers has no such tensor; this variant "
                "cannot be run.",
                tensor.name.c_str(), model.architecture / 10, model.n_layer);
  }
  const size_t c = static_cast<size_t>(model.n_embed);
  const size_t heads = c / static_cast<size_t>(model.head_size);
  const size_t elements = Elements(tensor);

  Role role = rule->role;
  if (role == Role::kFirst) {
    if (layer == 0) return ECHO_OK;
    role = std::strcmp(rule->torch, "att.v0") == 0 ? Role::kVector : Role::kMatrix;
  }
  Incoming made;
  made.name = (in_block ? "blocks." + std::to_string(layer) + "." : "") + rule->torch;
  made.type = tensor.type;
  made.keep = ECHO_F32;
  switch (role) {
    case Role::kTable:
      made.keep = tensor.type;
      break;
    case Role::kRescaled:
      made.exponent = Exponent(model, layer);
      made.keep = MatrixType(tensor.type);
      break;
    case Role::kMatrix:
    case Role::kMatrices:
      made.keep = MatrixType(tensor.type);
      break;
    case Role::kHeads:
    case Role::kHeadsLast:
      if (elements != c) return FailShape(tensor, "one number for each of the embedding's");
      SetShape({heads, static_cast<size_t>(model.head_size)}, &made);
      if (role == Role::kHeadsLast) made.shape[made.n_dims++] = 1;
      break;
    case Role::kFused7:
      if (elements != 6 * c) return FailShape(tensor, "six vectors of the embedding's length");
      SetShape({6, 1, c}, &made);
      break;
    case Role::kFused6:
      if (elements != 5 * c) return FailShape(tensor, "five vectors of the embedding's length");
      SetShape({c}, &made);
      for (const char mix : {'w', 'k', 'v', 'r', 'g'}) {
        incoming->push_back(made);
        incoming->back().name += mix;
      }
      return ECHO_OK;
    default:  // a vector
      SetShape({elements}, &made);
  }
  if (made.n_dims == 0 && !CopyShape(tensor, &made)) {
    return FailShape(tensor, "one of at most three dimensions");
  }
  incoming->push_back(made);
  return ECHO_OK;
}

}  // namespace echo
