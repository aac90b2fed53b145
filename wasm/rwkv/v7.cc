// RWKV 7.0. Peng et al., "RWKV-7 'Goose' with Expressive Dynamic State
// Evolution", arXiv:2503.14456, section 4. Shapes as in network.h; the ranks of
// the low-rank matrices of w, a, v and g may differ.
#include <algorithm>
#include <new>

#include "ops/ops.h"
#include "rwkv/architectures.h"

namespace echo {
namespace {

constexpr float kGroupNormEpsilon = 64e-5f;

// The six mixed inputs, in the order of x_rwkvag.
enum Mix { kR, kW, kK, kV, kA, kG, kMixes };

// y = W2 f(W1 x) + base
struct LowRank {
  const float* base = nullptr;  // (C), nullptr for g
  Tensor w1;                    // (rank, C)
  Tensor w2;                    // (C, rank)
};

struct BlockWeights {
  NormWeights ln1;             // (C)
  NormWeights ln2;             // (C)
  NormWeights ln_x;            // (H, S)
  const float* mix = nullptr;  // (6, C)
  LowRank w;                   // decay
  LowRank a;                   // in-context learning rate
  LowRank v;                   // share of the first layer's value; not in layer 0
  LowRank g;                   // gate
  const float* k_k = nullptr;  // (C) removal key, from the key
  const float* k_a = nullptr;  // (C) replacement key, from key and rate
  const float* r_k = nullptr;  // (H, S) bonus of the current token
  Tensor receptance;           // (C, C)
  Tensor key;                  // (C, C)
  Tensor value;                // (C, C)
  Tensor output;               // (C, C)
};

class V7 final : public Network {
 protected:
  const char* name() const override { return "RWKV 7.0"; }

  std::unique_ptr<Network> New() const override { return NewV7(); }

  echo_status BindLayers(Binder* binder) override {
    blocks_.reset(new (std::nothrow) BlockWeights[layers()]);
    channel_mix_.reset(new (std::nothrow) ChannelMixWeights[layers()]);
    if (blocks_ == nullptr || channel_mix_ == nullptr) {
      return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %d layers.", info_.n_layer);
    }
    binder->EnterBlock(0);
    const StoredTensor* r_k = binder->Find("att.r_k");
    SetHeads(binder, r_k == nullptr ? 0 : r_k->shape[1]);
    for (size_t i = 0; i < layers() && binder->status() == ECHO_OK; ++i) {
      binder->EnterBlock(i);
      BindLayer(binder, i > 0, &blocks_[i]);
      BindChannelMix(binder, "ffn.x_k", nullptr, &channel_mix_[i]);
    }
    return binder->status();
  }

  void TakeBuffers(Workspace* workspace) override {
    const uint64_t n = kChunk * embed();
    workspace->Floats(n, &r_);
    workspace->Floats(n, &w_);
    workspace->Floats(n, &k_);
    workspace->Floats(n, &v_);
    workspace->Floats(n, &a_);
    workspace->Floats(n, &g_);
    workspace->Floats(n, &v_first_);
    workspace->Floats(n, &removal_);
    workspace->Floats(n, &out_);
    workspace->Floats(kChunk * rank_, &low_);
  }

  // state: time_shift (C), channel_shift (C), S (H, value, key).
  void Layer(size_t layer, size_t n_tokens, const float* from, float* to) override {
    const size_t c = embed();
    const size_t n = n_tokens * c;
    const BlockWeights& w = blocks_[layer];

    // Time mix.
    NormAndShift(w.ln1, n_tokens, from, to);
    ops::ShiftDelta(normed_, n_tokens, c, delta_);

    MixInput(w, kR, n_tokens);
    MatMul(w.receptance, mixed_, n_tokens, r_);

    MixInput(w, kW, n_tokens);
    MatMul(w.w.w1, mixed_, n_tokens, low_);
    ops::Tanh(n_tokens * w.w.w1.rows, low_);
    MatMul(w.w.w2, low_, n_tokens, w_);
    ops::DecaySigmoid(w.w.base, n_tokens, c, w_);

    MixInput(w, kK, n_tokens);
    MatMul(w.key, mixed_, n_tokens, k_);

    MixInput(w, kV, n_tokens);
    MatMul(w.value, mixed_, n_tokens, v_);
    if (layer == 0) {
      std::copy_n(v_, n, v_first_);
    } else {
      float* share = out_;  // free until the recurrence
      MatMul(w.v.w1, mixed_, n_tokens, low_);
      MatMul(w.v.w2, low_, n_tokens, share);
      ops::MixValue(v_first_, w.v.base, share, n_tokens, c, v_);
    }

    MixInput(w, kA, n_tokens);
    MatMul(w.a.w1, mixed_, n_tokens, low_);
    MatMul(w.a.w2, low_, n_tokens, a_);
    ops::SigmoidBias(w.a.base, n_tokens, c, a_);

    MixInput(w, kG, n_tokens);
    MatMul(w.g.w1, mixed_, n_tokens, low_);
    ops::Sigmoid(n_tokens * w.g.w1.rows, low_);
    MatMul(w.g.w2, low_, n_tokens, g_);

    ops::Keys7(w.k_k, w.k_a, n_tokens, heads(), head_size(), k_, a_, removal_);
    float* replacement = a_;
    ops::Wkv7(r_, w_, k_, v_, removal_, replacement, n_tokens, heads(), head_size(), from + 2 * c,
              to + 2 * c, out_);
    ops::GroupNorm(out_, w.ln_x.weight, w.ln_x.bias, n_tokens, heads(), head_size(),
                   kGroupNormEpsilon, out_);
    ops::BonusGate7(r_, k_, v_, w.r_k, g_, n_tokens, heads(), head_size(), out_);
    MatMul(w.output, out_, n_tokens, mixed_);
    ops::Add(mixed_, n, x_);

    // Channel mix.
    NormAndShift(w.ln2, n_tokens, from + c, to + c);
    ops::ShiftDelta(normed_, n_tokens, c, delta_);
    AddChannelMix(channel_mix_[layer], false, n_tokens);
  }

 private:
  void BindLayer(Binder* binder, bool has_v, BlockWeights* w) {
    const size_t c = embed();
    binder->Norm("ln1", c, &w->ln1);
    binder->Norm("ln2", c, &w->ln2);
    binder->Norm("att.ln_x", c, &w->ln_x);
    binder->Vector("att.x_rwkvag", kMixes * c, &w->mix);
    BindLowRank(binder, "att.w0", "att.w1", "att.w2", &w->w);
    BindLowRank(binder, "att.a0", "att.a1", "att.a2", &w->a);
    if (has_v) BindLowRank(binder, "att.v0", "att.v1", "att.v2", &w->v);
    BindLowRank(binder, nullptr, "att.g1", "att.g2", &w->g);
    binder->Vector("att.k_k", c, &w->k_k);
    binder->Vector("att.k_a", c, &w->k_a);
    binder->Vector("att.r_k", c, &w->r_k);
    binder->Matrix("att.receptance.weight", c, c, &w->receptance);
    binder->Matrix("att.key.weight", c, c, &w->key);
    binder->Matrix("att.value.weight", c, c, &w->value);
    binder->Matrix("att.output.weight", c, c, &w->output);
  }

  void BindLowRank(Binder* binder, const char* base, const char* w1, const char* w2, LowRank* low) {
    if (base != nullptr) binder->Vector(base, embed(), &low->base);
    binder->Matrix(w1, 0, embed(), &low->w1);
    binder->Matrix(w2, embed(), low->w1.rows, &low->w2);
    rank_ = std::max(rank_, low->w1.rows);
    NoteColumns(low->w1.rows);
  }

  // mixed_ = x + (x' - x) mix for one of the six.
  void MixInput(const BlockWeights& w, Mix mix, size_t n_tokens) {
    const size_t c = embed();
    ops::AddDelta(inputs(), delta_, w.mix + mix * c, n_tokens, c, mixed_);
  }

  std::unique_ptr<BlockWeights[]> blocks_;            // (n_layer)
  std::unique_ptr<ChannelMixWeights[]> channel_mix_;  // (n_layer)
  size_t rank_ = 0;                                   // the largest of all ranks
  float* r_ = nullptr;                                // (kChunk, H, S) receptance
  float* w_ = nullptr;                                // (kChunk, H, S) decay
  float* k_ = nullptr;                                // (kChunk, H, S) key
  float* v_ = nullptr;                                // (kChunk, H, S) value
  float* a_ = nullptr;                                // (kChunk, H, S) rate, then replacement key
  float* g_ = nullptr;                                // (kChunk, C) gate
  float* v_first_ = nullptr;                          // (kChunk, H, S) the value of layer 0
  float* removal_ = nullptr;                          // (kChunk, H, S) removal key, negated
  float* out_ = nullptr;                              // (kChunk, H, S)
  float* low_ = nullptr;                              // (kChunk, rank)
};

}  // namespace

std::unique_ptr<Network> NewV7() { return std::unique_ptr<Network>(new (std::nothrow) V7); }

}  // namespace echo
