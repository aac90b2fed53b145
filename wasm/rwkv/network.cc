#include "rwkv/network.h"

#include <algorithm>
#include <utility>

#include "formats/quantize.h"
#include "ops/ops.h"

namespace echo {
namespace {

constexpr float kNormEpsilon = 1e-5f;

}  // namespace

echo_status Network::Open(std::shared_ptr<const Weights> weights) {
  weights_ = std::move(weights);
  info_.n_vocab = weights_->n_vocab;
  info_.n_embed = weights_->n_embed;
  info_.n_layer = weights_->n_layer;
  info_.type = weights_->type;
  info_.weight_bytes = weights_->bytes;

  const size_t n_vocab = static_cast<size_t>(info_.n_vocab);
  Binder binder(*weights_, name());
  binder.Matrix("emb.weight", n_vocab, embed(), &embedding_);
  binder.Norm("blocks.0.ln0", embed(), &first_norm_);
  binder.Norm("ln_out", embed(), &last_norm_);
  binder.Matrix("head.weight", n_vocab, embed(), &head_);
  // Every block has the width of the first one's channel mix.
  Tensor key;
  binder.Matrix("blocks.0.ffn.key.weight", 0, embed(), &key);
  if (binder.status() != ECHO_OK) return binder.status();
  info_.n_ffn = static_cast<int32_t>(key.rows);
  const StoredTensor& embedding = weights_->tensors.at("emb.weight");
  info_.embedding_offset = embedding.offset;
  info_.embedding_row_bytes = embedding_.row_bytes;
  info_.embedding_type = embedding_.type;
  info_.embedding_outside = embedding_.data == nullptr ? 1 : 0;
  NoteColumns(embed());
  NoteColumns(ffn());

  const echo_status status = BindLayers(&binder);
  if (status != ECHO_OK) return status;

  // Two vectors of token shift and the heads' matrices, or RWKV 4's five vectors.
  const uint64_t vectors = info_.n_head == 0 ? 5 : 2 + head_size();
  info_.state_size = vectors * embed() * layers();

  TakeAllBuffers();
  info_.work_bytes = workspace_.bytes();
  if (!workspace_.Allocate()) {
    return Fail(ECHO_ERROR_MEMORY,
                "The allocator refused %.0f MB of working memory; free memory or load a smaller "
                "model.",
                static_cast<double>(info_.work_bytes) / 1e6);
  }
  TakeAllBuffers();
  return ECHO_OK;
}

void Network::TakeAllBuffers() {
  const uint64_t c = embed();
  workspace_.Floats(kChunk * c, &x_);
  workspace_.Floats((kChunk + 1) * c, &normed_);
  workspace_.Floats(kChunk * c, &delta_);
  workspace_.Floats(kChunk * c, &mixed_);
  workspace_.Floats(kChunk * c, &gate_);
  workspace_.Floats(kChunk * ffn(), &wide_);
  workspace_.Floats(c, &hidden_);
  workspace_.Floats(info_.state_size, &state_);
  workspace_.Floats(ops::MatMulScratch(widest_, kChunk) / sizeof(float), &scratch_);
  TakeBuffers(&workspace_);
}

echo_status Network::Clone(std::unique_ptr<Rwkv>* clone) const {
  std::unique_ptr<Network> network = New();
  if (network == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a clone.");
  network->info_.architecture = info_.architecture;
  const echo_status status = network->Open(weights_);
  if (status != ECHO_OK) return status;
  *clone = std::move(network);
  return ECHO_OK;
}

void Network::InitState(float* state) const {
  std::fill_n(state, static_cast<size_t>(info_.state_size), 0.0f);
}

void Network::SetHeads(Binder* binder, size_t heads) {
  if (binder->status() != ECHO_OK) return;
  if (heads == 0 || embed() % heads != 0) {
    binder->Reject(Fail(ECHO_ERROR_FORMAT,
                        "%s divides n_embed into heads of one size, but %zu heads do not divide "
                        "%zu; convert the model again.",
                        binder->architecture(), heads, embed()));
    return;
  }
  info_.n_head = static_cast<int32_t>(heads);
  info_.head_size = static_cast<int32_t>(embed() / heads);
}

void Network::BindChannelMix(Binder* binder, const char* mix_k, const char* mix_r,
                             ChannelMixWeights* weights) {
  binder->Vector(mix_k, embed(), &weights->mix_k);
  if (mix_r != nullptr) {
    binder->Vector(mix_r, embed(), &weights->mix_r);
    binder->Matrix("ffn.receptance.weight", embed(), embed(), &weights->receptance);
  }
  binder->Matrix("ffn.key.weight", ffn(), embed(), &weights->key);
  binder->Matrix("ffn.value.weight", embed(), ffn(), &weights->value);
}

void Network::MatMul(const Tensor& matrix, const float* x, size_t n_tokens, float* y) {
  ops::MatMul(matrix, x, n_tokens, y, reinterpret_cast<uint8_t*>(scratch_));
}

void Network::NormAndShift(const NormWeights& norm, size_t n_tokens, const float* from, float* to) {
  const size_t c = embed();
  std::copy_n(from, c, normed_);
  ops::LayerNorm(x_, norm.weight, norm.bias, n_tokens, c, kNormEpsilon, normed_ + c);
  std::copy_n(normed_ + n_tokens * c, c, to);
}

void Network::AddChannelMix(const ChannelMixWeights& weights, bool lerp, size_t n_tokens) {
  const size_t c = embed();
  const auto mix = [&](const float* by) {
    if (lerp) {
      ops::ShiftMix(normed_, by, n_tokens, c, mixed_);
    } else {
      ops::AddDelta(inputs(), delta_, by, n_tokens, c, mixed_);
    }
  };
  // k = max(W_k mix_k, 0)^2
  mix(weights.mix_k);
  MatMul(weights.key, mixed_, n_tokens, wide_);
  ops::SquaredRelu(n_tokens * ffn(), wide_);
  // x += sigmoid(W_r mix_r) W_v k, without the sigmoid in RWKV 7
  if (weights.mix_r != nullptr) {
    mix(weights.mix_r);
    MatMul(weights.receptance, mixed_, n_tokens, gate_);
  }
  MatMul(weights.value, wide_, n_tokens, mixed_);
  if (weights.mix_r != nullptr) ops::MultiplySigmoid(gate_, n_tokens * c, mixed_);
  ops::Add(mixed_, n_tokens * c, x_);
}

const uint8_t* Network::EmbeddingRow(const Input& input, size_t t) const {
  return input.rows != nullptr ? input.rows + t * embedding_.row_bytes
                               : embedding_.data + input.tokens[t] * embedding_.row_bytes;
}

// `begin`: the first token of the chunk. The state as in Layer.
void Network::RunChunk(const Input& input, size_t begin, size_t n_tokens, const float* from,
                       float* to) {
  const size_t c = embed();
  for (size_t t = 0; t < n_tokens; ++t) {
    DequantizeRow(embedding_.type, EmbeddingRow(input, begin + t), c, x_ + t * c);
  }
  ops::LayerNorm(x_, first_norm_.weight, first_norm_.bias, n_tokens, c, kNormEpsilon, x_);
  const size_t layer_state = static_cast<size_t>(info_.state_size) / layers();
  for (size_t i = 0; i < layers(); ++i) {
    Layer(i, n_tokens, from + i * layer_state, to + i * layer_state);
  }
}

echo_status Network::Eval(const Input& input, size_t n_tokens, const float* state_in,
                          float* state_out, float* logits) {
  // The first chunk reads the caller's state, so that no state is copied.
  float* state = state_out != nullptr ? state_out : state_;
  const float* from = state_in;
  if (from == nullptr) {
    InitState(state);
    from = state;
  }
  size_t last = 0;  // tokens in the chunk that ran last
  for (size_t done = 0; done < n_tokens; done += last) {
    last = std::min(kChunk, n_tokens - done);
    RunChunk(input, done, last, from, state);
    from = state;
  }
  const float* x = x_ + (last - 1) * embed();
  ops::LayerNorm(x, last_norm_.weight, last_norm_.bias, 1, embed(), kNormEpsilon, hidden_);
  if (logits != nullptr) MatMul(head_, hidden_, 1, logits);
  evaluated_ = true;
  return ECHO_OK;
}

}  // namespace echo
