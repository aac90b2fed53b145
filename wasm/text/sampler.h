// From logits to a token. The order of work is in include/echo.h; p there is
// always the softmax of step 3 over the whole vocabulary: no cut renormalises it
// for the next.
#ifndef DEEP_TREE_ECHO_TEXT_SAMPLER_H_
#define DEEP_TREE_ECHO_TEXT_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "include/echo.h"
#include "status.h"
#include "text/random.h"

namespace echo {

class Sampler {
 public:
  static echo_status Create(const echo_sampler_settings& settings, uint32_t n_vocab,
                            std::unique_ptr<Sampler>* sampler);

  echo_status Bias(const uint32_t* tokens, const float* bias, size_t count);
  echo_status Accept(uint32_t token);
  echo_status Sample(const float* logits, uint32_t* token, float* probability);

 private:
  Sampler(const echo_sampler_settings& settings, uint32_t n_vocab)
      : settings_(settings), n_vocab_(n_vocab), random_(settings.seed) {
    if (static_cast<uint32_t>(settings_.top_k) >= n_vocab) settings_.top_k = 0;
  }

  bool Allocate();
  bool Adjust(const float* logits);
  void Penalize();
  float Distance(uint32_t token, float greatest) const;
  double Weigh(float greatest);
  bool WholeSoftmax() const;
  void GatherAbove(double least);
  void GatherTop(size_t k);
  void KeepTypical(float greatest, double mass);
  uint32_t Draw(double mass, double u);

  echo_sampler_settings settings_;
  size_t n_vocab_;
  Random random_;
  bool biased_ = false;

  std::unique_ptr<float[]> bias_;         // (n_vocab)
  std::unique_ptr<uint32_t[]> counts_;    // (n_vocab) how often a token was accepted
  std::unique_ptr<uint32_t[]> accepted_;  // (n_vocab) the n_accepted_ tokens with a count
  size_t n_accepted_ = 0;

  // Of the draw in progress.
  std::unique_ptr<float[]> logits_;   // (n_vocab) after steps 1 and 2
  std::unique_ptr<float[]> weights_;  // (n_vocab) p times the sum of all weights
  // The tokens that may be drawn, as ranks: 64-bit numbers, greater ones better,
  // made of what tokens are ordered by and, for equals, of the id.
  std::unique_ptr<uint64_t[]> candidates_;  // (n_vocab) of which n_candidates_ are in use
  size_t n_candidates_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_SAMPLER_H_
