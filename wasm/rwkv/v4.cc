// RWKV 4.0. Peng et al., "RWKV: Reinventing RNNs for the Transformer Era",
// arXiv:2305.13048: time mix in section 3.1, the recurrence in its stable form
// in the appendix. Shapes as in network.h.
#include <algorithm>
#include <new>

#include "ops/ops.h"
#include "rwkv/architectures.h"

namespace echo {
namespace {

struct BlockWeights {
  NormWeights ln1;               // (C)
  NormWeights ln2;               // (C)
  const float* mix_k = nullptr;  // (C)
  const float* mix_v = nullptr;  // (C)
  const float* mix_r = nullptr;  // (C)
  const float* decay = nullptr;  // (C) negative: -exp(w)
  const float* first = nullptr;  // (C) u, the bonus of the current token
  Tensor key;                    // (C, C)
  Tensor value;                  // (C, C)
  Tensor receptance;             // (C, C)
  Tensor output;                 // (C, C)
};

class V4 final : public Network {
 protected:
  const char* name() const override { return "RWKV 4.0"; }

  std::unique_ptr<Network> New() const override { return NewV4(); }

  echo_status BindLayers(Binder* binder) override {
    const size_t c = embed();
    blocks_.reset(new (std::nothrow) BlockWeights[layers()]);
    channel_mix_.reset(new (std::nothrow) ChannelMixWeights[layers()]);
    if (blocks_ == nullptr || channel_mix_ == nullptr) {
      return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %d layers.", info_.n_layer);
    }
    for (size_t i = 0; i < layers(); ++i) {
      BlockWeights& w = blocks_[i];
      binder->EnterBlock(i);
      binder->Norm("ln1", c, &w.ln1);
      binder->Norm("ln2", c, &w.ln2);
      binder->Vector("att.time_mix_k", c, &w.mix_k);
      binder->Vector("att.time_mix_v", c, &w.mix_v);
      binder->Vector("att.time_mix_r", c, &w.mix_r);
      binder->Vector("att.time_decay", c, &w.decay);
      binder->Vector("att.time_first", c, &w.first);
      binder->Matrix("att.key.weight", c, c, &w.key);
      binder->Matrix("att.value.weight", c, c, &w.value);
      binder->Matrix("att.receptance.weight", c, c, &w.receptance);
      binder->Matrix("att.output.weight", c, c, &w.output);
      BindChannelMix(binder, "ffn.time_mix_k", "ffn.time_mix_r", &channel_mix_[i]);
    }
    return binder->status();
  }

  void TakeBuffers(Workspace* workspace) override {
    const uint64_t n = kChunk * embed();
    workspace->Floats(n, &r_);
    workspace->Floats(n, &k_);
    workspace->Floats(n, &v_);
    workspace->Floats(n, &wkv_);
  }

  void InitState(float* state) const override {
    Network::InitState(state);
    // No token seen yet: the exponent of the sums is "minus infinity".
    const size_t c = embed();
    for (size_t i = 0; i < layers(); ++i) std::fill_n(state + (5 * i + 4) * c, c, -1e30f);
  }

  // state: time_shift, channel_shift, aa, bb, pp, each (C).
  void Layer(size_t layer, size_t n_tokens, const float* from, float* to) override {
    const size_t c = embed();
    const BlockWeights& w = blocks_[layer];

    // Time mix.
    NormAndShift(w.ln1, n_tokens, from, to);
    ops::ShiftMix(normed_, w.mix_r, n_tokens, c, mixed_);
    MatMul(w.receptance, mixed_, n_tokens, r_);
    ops::ShiftMix(normed_, w.mix_k, n_tokens, c, mixed_);
    MatMul(w.key, mixed_, n_tokens, k_);
    ops::ShiftMix(normed_, w.mix_v, n_tokens, c, mixed_);
    MatMul(w.value, mixed_, n_tokens, v_);
    float* aa = to + 2 * c;
    if (from != to) std::copy_n(from + 2 * c, 3 * c, aa);
    ops::Wkv4(w.first, w.decay, k_, v_, n_tokens, c, aa, aa + c, aa + 2 * c, wkv_);
    ops::MultiplySigmoid(r_, n_tokens * c, wkv_);
    MatMul(w.output, wkv_, n_tokens, mixed_);
    ops::Add(mixed_, n_tokens * c, x_);

    // Channel mix.
    NormAndShift(w.ln2, n_tokens, from + c, to + c);
    AddChannelMix(channel_mix_[layer], true, n_tokens);
  }

 private:
  std::unique_ptr<BlockWeights[]> blocks_;            // (n_layer)
  std::unique_ptr<ChannelMixWeights[]> channel_mix_;  // (n_layer)
  float* r_ = nullptr;                                // (kChunk, C) receptance
  float* k_ = nullptr;                                // (kChunk, C) key
  float* v_ = nullptr;                                // (kChunk, C) value
  float* wkv_ = nullptr;                              // (kChunk, C)
};

}  // namespace

std::unique_ptr<Network> NewV4() { return std::unique_ptr<Network>(new (std::nothrow) V4); }

}  // namespace echo
