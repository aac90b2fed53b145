// RWKV 6.0. Peng et al., "Eagle and Finch: RWKV with Matrix-Valued States and
// Dynamic Recurrence", arXiv:2404.05892, section 4 (Finch): the token shift and
// the decay depend on the data through low-rank matrices ("lora" in the paper).
// Shapes as in network.h; M is the rank of the token shift, D of the decay.
#include <algorithm>
#include <new>

#include "ops/ops.h"
#include "rwkv/architectures.h"

namespace echo {
namespace {

constexpr float kGroupNormEpsilon = 64e-5f;

// The five mixed inputs, in the order of the low-rank tensors.
enum Mix { kW, kK, kV, kR, kG, kMixes };

constexpr const char* kMixNames[kMixes] = {"att.time_maa_w", "att.time_maa_k", "att.time_maa_v",
                                           "att.time_maa_r", "att.time_maa_g"};

struct BlockWeights {
  NormWeights ln1;                // (C)
  NormWeights ln2;                // (C)
  NormWeights ln_x;               // (H, S)
  const float* maa_x = nullptr;   // (C) mix of the low-rank input
  const float* maa[kMixes] = {};  // (C) each
  Tensor maa_w1[kMixes];          // (M, C) each
  Tensor maa_w2[kMixes];          // (C, M) each
  const float* decay = nullptr;   // (H, S) w before exp(-exp(w))
  Tensor decay_w1;                // (D, C)
  Tensor decay_w2;                // (C, D)
  const float* first = nullptr;   // (H, S) u, the bonus of the current token
  Tensor key;                     // (C, C)
  Tensor value;                   // (C, C)
  Tensor receptance;              // (C, C)
  Tensor gate;                    // (C, C)
  Tensor output;                  // (C, C)
};

class V6 final : public Network {
 protected:
  const char* name() const override { return "RWKV 6.0"; }

  std::unique_ptr<Network> New() const override { return NewV6(); }

  echo_status BindLayers(Binder* binder) override {
    blocks_.reset(new (std::nothrow) BlockWeights[layers()]);
    channel_mix_.reset(new (std::nothrow) ChannelMixWeights[layers()]);
    if (blocks_ == nullptr || channel_mix_ == nullptr) {
      return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %d layers.", info_.n_layer);
    }
    binder->EnterBlock(0);
    const StoredTensor* first = binder->Find("att.time_faaaa");
    SetHeads(binder, first == nullptr ? 0 : first->shape[0]);
    for (size_t i = 0; i < layers() && binder->status() == ECHO_OK; ++i) {
      binder->EnterBlock(i);
      BindLayer(binder, &blocks_[i]);
      BindChannelMix(binder, "ffn.time_maa_k", "ffn.time_maa_r", &channel_mix_[i]);
    }
    return binder->status();
  }

  void TakeBuffers(Workspace* workspace) override {
    const uint64_t n = kChunk * embed();
    workspace->Floats(n, &r_);
    workspace->Floats(n, &w_);
    workspace->Floats(n, &k_);
    workspace->Floats(n, &v_);
    workspace->Floats(n, &g_);
    workspace->Floats(n, &low_input_);
    workspace->Floats(n, &out_);
    workspace->Floats(kChunk * rank_, &low_);
  }

  // state: time_shift (C), channel_shift (C), S (H, key, value).
  void Layer(size_t layer, size_t n_tokens, const float* from, float* to) override {
    const size_t c = embed();
    const size_t n = n_tokens * c;
    const BlockWeights& w = blocks_[layer];

    // Time mix.
    NormAndShift(w.ln1, n_tokens, from, to);
    ops::ShiftDelta(normed_, n_tokens, c, delta_);
    ops::AddDelta(inputs(), delta_, w.maa_x, n_tokens, c, low_input_);

    MixInput(w, kW, n_tokens);
    MatMul(w.decay_w1, mixed_, n_tokens, low_);
    ops::Tanh(n_tokens * w.decay_w1.rows, low_);
    MatMul(w.decay_w2, low_, n_tokens, w_);
    ops::DecayExpExp(w.decay, n_tokens, c, w_);
    MixInput(w, kK, n_tokens);
    MatMul(w.key, mixed_, n_tokens, k_);
    MixInput(w, kV, n_tokens);
    MatMul(w.value, mixed_, n_tokens, v_);
    MixInput(w, kR, n_tokens);
    MatMul(w.receptance, mixed_, n_tokens, r_);
    MixInput(w, kG, n_tokens);
    MatMul(w.gate, mixed_, n_tokens, g_);

    float* s = to + 2 * c;
    if (from != to) std::copy_n(from + 2 * c, c * head_size(), s);
    ops::Wkv56(r_, k_, v_, w.first, w_, c, n_tokens, heads(), head_size(), s, out_);
    ops::GroupNorm(out_, w.ln_x.weight, w.ln_x.bias, n_tokens, heads(), head_size(),
                   kGroupNormEpsilon, out_);
    ops::MultiplySilu(g_, n, out_);
    MatMul(w.output, out_, n_tokens, mixed_);
    ops::Add(mixed_, n, x_);

    // Channel mix.
    NormAndShift(w.ln2, n_tokens, from + c, to + c);
    ops::ShiftDelta(normed_, n_tokens, c, delta_);
    AddChannelMix(channel_mix_[layer], false, n_tokens);
  }

 private:
  void BindLayer(Binder* binder, BlockWeights* w) {
    const size_t c = embed();
    binder->Norm("ln1", c, &w->ln1);
    binder->Norm("ln2", c, &w->ln2);
    binder->Norm("att.ln_x", c, &w->ln_x);
    binder->Vector("att.time_maa_x", c, &w->maa_x);
    for (size_t m = 0; m < kMixes; ++m) binder->Vector(kMixNames[m], c, &w->maa[m]);
    Tensor all_w1;  // (5 M, C)
    binder->Matrix("att.time_maa_w1", 0, c, &all_w1);
    const size_t rank = all_w1.rows / kMixes;
    binder->Matrices("att.time_maa_w1", kMixes, rank, c, w->maa_w1);
    binder->Matrices("att.time_maa_w2", kMixes, c, rank, w->maa_w2);
    binder->Vector("att.time_decay", c, &w->decay);
    binder->Matrix("att.time_decay_w1", 0, c, &w->decay_w1);
    binder->Matrix("att.time_decay_w2", c, w->decay_w1.rows, &w->decay_w2);
    binder->Vector("att.time_faaaa", c, &w->first);
    binder->Matrix("att.key.weight", c, c, &w->key);
    binder->Matrix("att.value.weight", c, c, &w->value);
    binder->Matrix("att.receptance.weight", c, c, &w->receptance);
    binder->Matrix("att.gate.weight", c, c, &w->gate);
    binder->Matrix("att.output.weight", c, c, &w->output);
    for (const size_t r : {rank, w->decay_w1.rows}) {
      rank_ = r > rank_ ? r : rank_;
      NoteColumns(r);
    }
  }

  // mixed_ = x + delta (maa + W2 tanh(W1 low_input_)) for one of the five.
  void MixInput(const BlockWeights& w, Mix mix, size_t n_tokens) {
    MatMul(w.maa_w1[mix], low_input_, n_tokens, low_);
    ops::Tanh(n_tokens * w.maa_w1[mix].rows, low_);
    MatMul(w.maa_w2[mix], low_, n_tokens, mixed_);
    ops::AddDeltaLora(inputs(), delta_, w.maa[mix], mixed_, n_tokens, embed(), mixed_);
  }

  std::unique_ptr<BlockWeights[]> blocks_;            // (n_layer)
  std::unique_ptr<ChannelMixWeights[]> channel_mix_;  // (n_layer)
  size_t rank_ = 0;                                   // the largest of all M and D
  float* r_ = nullptr;                                // (kChunk, H, S) receptance
  float* w_ = nullptr;                                // (kChunk, H, S) decay
  float* k_ = nullptr;                                // (kChunk, H, S) key
  float* v_ = nullptr;                                // (kChunk, H, S) value
  float* g_ = nullptr;                                // (kChunk, C) gate
  float* low_input_ = nullptr;                        // (kChunk, C) input of all low-rank mixes
  float* out_ = nullptr;                              // (kChunk, H, S)
  float* low_ = nullptr;                              // (kChunk, rank)
};

}  // namespace

std::unique_ptr<Network> NewV6() { return std::unique_ptr<Network>(new (std::nothrow) V6); }

}  // namespace echo
