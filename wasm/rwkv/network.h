// What the forward passes of all architectures share: the embedding, the way
// through the layers in chunks of tokens, the channel mix, the head.
//
// Shapes in comments: T tokens of a chunk (at most kChunk), C n_embed, F n_ffn,
// V n_vocab, H heads, S head size, C = H S.
#ifndef DEEP_TREE_ECHO_RWKV_NETWORK_H_
#define DEEP_TREE_ECHO_RWKV_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "formats/tensor.h"
#include "rwkv/binder.h"
#include "rwkv/model.h"
#include "rwkv/workspace.h"

namespace echo {

class Network : public Rwkv {
 public:
  // Tokens that go through a layer together. A matrix is read once for all of
  // them, and the working memory is that of one chunk, however long the text.
  static constexpr size_t kChunk = 32;

  // Binds the weights and takes the working memory.
  echo_status Open(std::shared_ptr<const Weights> weights);

  echo_status Clone(std::unique_ptr<Rwkv>* clone) const override;
  void InitState(float* state) const override;
  echo_status Eval(const Input& input, size_t n_tokens, const float* state_in, float* state_out,
                   float* logits) override;
  const float* hidden() const override { return evaluated_ ? hidden_ : nullptr; }

 protected:
  // Weights of a channel mix. RWKV 7 has no receptance.
  struct ChannelMixWeights {
    const float* mix_k = nullptr;  // (C)
    const float* mix_r = nullptr;  // (C)
    Tensor receptance;             // (C, C)
    Tensor key;                    // (F, C)
    Tensor value;                  // (C, F)
  };

  // ------------------------------------------ what an architecture supplies

  // Finds its tensors. Sets info_.n_head and head_size where it has heads.
  virtual echo_status BindLayers(Binder* binder) = 0;

  // Asks for its buffers, for kChunk tokens each; called twice, see Workspace.
  virtual void TakeBuffers(Workspace* workspace) = 0;

  // One layer over T tokens: updates x_; reads the layer's state from one place and
  // writes it to another or the same.
  virtual void Layer(size_t layer, size_t n_tokens, const float* from, float* to) = 0;

  // Another network of the same architecture, nullptr without memory.
  virtual std::unique_ptr<Network> New() const = 0;

  virtual const char* name() const = 0;  // in sentences: "RWKV 7.0"

  // ------------------------------------------------- what it may build upon

  // normed_ = layer norm of x_, with the previous input in row 0: `from` (C); the
  // last row goes to `to` (C).
  void NormAndShift(const NormWeights& norm, size_t n_tokens, const float* from, float* to);

  // The inputs of the tokens themselves: normed_ without row 0, (T, C).
  const float* inputs() const { return normed_ + embed(); }

  // The channel mix over normed_, added to x_. With `lerp` the token shift is
  // x mix + x' (1 - mix), else x + (x' - x) mix; the latter wants delta_ set.
  void AddChannelMix(const ChannelMixWeights& weights, bool lerp, size_t n_tokens);

  // y (T, rows) = x (T, columns) W^T, in the shared scratch memory.
  void MatMul(const Tensor& matrix, const float* x, size_t n_tokens, float* y);

  void BindChannelMix(Binder* binder, const char* mix_k, const char* mix_r,
                      ChannelMixWeights* weights);

  // Records the widest input that a matrix of this network takes.
  void NoteColumns(size_t columns) { widest_ = columns > widest_ ? columns : widest_; }

  // Sets info_.n_head and head_size, refusing what does not fit n_embed.
  void SetHeads(Binder* binder, size_t heads);

  size_t embed() const { return static_cast<size_t>(info_.n_embed); }
  size_t ffn() const { return static_cast<size_t>(info_.n_ffn); }
  size_t layers() const { return static_cast<size_t>(info_.n_layer); }
  size_t heads() const { return static_cast<size_t>(info_.n_head); }
  size_t head_size() const { return static_cast<size_t>(info_.head_size); }

  float* x_ = nullptr;       // (kChunk, C) the residual stream
  float* normed_ = nullptr;  // (kChunk + 1, C) see NormAndShift
  float* delta_ = nullptr;   // (kChunk, C) previous input minus input
  float* mixed_ = nullptr;   // (kChunk, C) input of a matrix, or output of the last one

 private:
  void TakeAllBuffers();
  const uint8_t* EmbeddingRow(const Input& input, size_t t) const;
  void RunChunk(const Input& input, size_t begin, size_t n_tokens, const float* from, float* to);

  std::shared_ptr<const Weights> weights_;
  Tensor embedding_;        // (V, C), its data nullptr if it has stayed in the file
  NormWeights first_norm_;  // ln0, (C)
  NormWeights last_norm_;   // ln_out, (C)
  Tensor head_;             // (V, C)

  Workspace workspace_;
  float* gate_ = nullptr;     // (kChunk, C) receptance of the channel mix
  float* wide_ = nullptr;     // (kChunk, F)
  float* hidden_ = nullptr;   // (C)
  float* state_ = nullptr;    // (state_size) for callers who discard the state
  float* scratch_ = nullptr;  // of ops::MatMul
  size_t widest_ = 0;
  bool evaluated_ = false;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_RWKV_NETWORK_H_
