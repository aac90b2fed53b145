// RWKV 5.1 and 5.2. Peng et al., "Eagle and Finch: RWKV with Matrix-Valued
// States and Dynamic Recurrence", arXiv:2404.05892, section 4 (Eagle is 5.2;
// 5.1 lacks the gate and has one decay and one bonus a head). Shapes as in
// network.h.
#include <algorithm>
#include <new>

#include "ops/ops.h"
#include "rwkv/architectures.h"

namespace echo {
namespace {

// The author's code divides the heads' output by 8 before a norm with epsilon
// 1e-5, whatever the head size, which is a norm with 64e-5. The byte-level models
// that rwkv.cpp is tested with, the only ones with smaller heads, were made
// without that division.
float GroupNormEpsilon(size_t head_size) { return head_size < 16 ? 1e-5f : 64e-5f; }

struct BlockWeights {
  NormWeights ln1;               // (C)
  NormWeights ln2;               // (C)
  NormWeights ln_x;              // (H, S)
  const float* mix_k = nullptr;  // (C)
  const float* mix_v = nullptr;  // (C)
  const float* mix_r = nullptr;  // (C)
  const float* mix_g = nullptr;  // (C), 5.2
  const float* decay = nullptr;  // (H, S), 5.1: (H); in (0, 1): exp(-exp(w))
  const float* first = nullptr;  // (H, S), 5.1: (H); u, the bonus of the current token
  Tensor key;                    // (C, C)
  Tensor value;                  // (C, C)
  Tensor receptance;             // (C, C)
  Tensor gate;                   // (C, C), 5.2
  Tensor output;                 // (C, C)
};

class V5 final : public Network {
 public:
  explicit V5(bool gate) : has_gate_(gate) {}

 protected:
  const char* name() const override { return has_gate_ ? "RWKV 5.2" : "RWKV 5.1"; }

  std::unique_ptr<Network> New() const override { return NewV5(has_gate_); }

  echo_status BindLayers(Binder* binder) override {
    const size_t c = embed();
    blocks_.reset(new (std::nothrow) BlockWeights[layers()]);
    channel_mix_.reset(new (std::nothrow) ChannelMixWeights[layers()]);
    if (blocks_ == nullptr || channel_mix_ == nullptr) {
      return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %d layers.", info_.n_layer);
    }
    binder->EnterBlock(0);
    const StoredTensor* decay = binder->Find("att.time_decay");
    SetHeads(binder, decay == nullptr ? 0 : decay->shape[0]);
    const size_t decays = has_gate_ ? c : heads();
    for (size_t i = 0; i < layers(); ++i) {
      BlockWeights& w = blocks_[i];
      binder->EnterBlock(i);
      binder->Norm("ln1", c, &w.ln1);
      binder->Norm("ln2", c, &w.ln2);
      binder->Norm("att.ln_x", c, &w.ln_x);
      binder->Vector("att.time_mix_k", c, &w.mix_k);
      binder->Vector("att.time_mix_v", c, &w.mix_v);
      binder->Vector("att.time_mix_r", c, &w.mix_r);
      binder->Vector("att.time_decay", decays, &w.decay);
      binder->Vector(has_gate_ ? "att.time_faaaa" : "att.time_first", decays, &w.first);
      binder->Matrix("att.key.weight", c, c, &w.key);
      binder->Matrix("att.value.weight", c, c, &w.value);
      binder->Matrix("att.receptance.weight", c, c, &w.receptance);
      binder->Matrix("att.output.weight", c, c, &w.output);
      if (has_gate_) {
        binder->Vector("att.time_mix_g", c, &w.mix_g);
        binder->Matrix("att.gate.weight", c, c, &w.gate);
      }
      BindChannelMix(binder, "ffn.time_mix_k", "ffn.time_mix_r", &channel_mix_[i]);
    }
    return binder->status();
  }

  void TakeBuffers(Workspace* workspace) override {
    const uint64_t n = kChunk * embed();
    workspace->Floats(n, &r_);
    workspace->Floats(n, &k_);
    workspace->Floats(n, &v_);
    workspace->Floats(n, &g_);
    workspace->Floats(n, &out_);
    workspace->Floats(embed(), &decay_);
    workspace->Floats(embed(), &first_);
  }

  // state: time_shift (C), channel_shift (C), S (H, key, value).
  void Layer(size_t layer, size_t n_tokens, const float* from, float* to) override {
    const size_t c = embed();
    const BlockWeights& w = blocks_[layer];
    const float* decay = w.decay;  // (H, S)
    const float* first = w.first;  // (H, S)
    if (!has_gate_) {
      for (size_t h = 0; h < heads(); ++h) {
        std::fill_n(decay_ + h * head_size(), head_size(), w.decay[h]);
        std::fill_n(first_ + h * head_size(), head_size(), w.first[h]);
      }
      decay = decay_;
      first = first_;
    }

    // Time mix.
    NormAndShift(w.ln1, n_tokens, from, to);
    ops::ShiftMix(normed_, w.mix_r, n_tokens, c, mixed_);
    MatMul(w.receptance, mixed_, n_tokens, r_);
    ops::ShiftMix(normed_, w.mix_k, n_tokens, c, mixed_);
    MatMul(w.key, mixed_, n_tokens, k_);
    ops::ShiftMix(normed_, w.mix_v, n_tokens, c, mixed_);
    MatMul(w.value, mixed_, n_tokens, v_);
    float* s = to + 2 * c;
    if (from != to) std::copy_n(from + 2 * c, c * head_size(), s);
    ops::Wkv56(r_, k_, v_, first, decay, 0, n_tokens, heads(), head_size(), s, out_);
    ops::GroupNorm(out_, w.ln_x.weight, w.ln_x.bias, n_tokens, heads(), head_size(),
                   GroupNormEpsilon(head_size()), out_);
    if (has_gate_) {
      ops::ShiftMix(normed_, w.mix_g, n_tokens, c, mixed_);
      MatMul(w.gate, mixed_, n_tokens, g_);
      ops::MultiplySilu(g_, n_tokens * c, out_);
    }
    MatMul(w.output, out_, n_tokens, mixed_);
    ops::Add(mixed_, n_tokens * c, x_);

    // Channel mix.
    NormAndShift(w.ln2, n_tokens, from + c, to + c);
    AddChannelMix(channel_mix_[layer], true, n_tokens);
  }

 private:
  const bool has_gate_;
  std::unique_ptr<BlockWeights[]> blocks_;            // (n_layer)
  std::unique_ptr<ChannelMixWeights[]> channel_mix_;  // (n_layer)
  float* r_ = nullptr;                                // (kChunk, H, S) receptance
  float* k_ = nullptr;                                // (kChunk, H, S) key
  float* v_ = nullptr;                                // (kChunk, H, S) value
  float* g_ = nullptr;                                // (kChunk, C) gate
  float* out_ = nullptr;                              // (kChunk, H, S)
  float* decay_ = nullptr;                            // (H, S) 5.1's, spread over a head
  float* first_ = nullptr;                            // (H, S) likewise
};

}  // namespace

std::unique_ptr<Network> NewV5(bool gate) {
  return std::unique_ptr<Network>(new (std::nothrow) V5(gate));
}

}  // namespace echo
