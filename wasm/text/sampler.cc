// Drawing a token without sorting the vocabulary: what cannot be drawn is left
// out by its weight alone, and the rest stands in a heap that gives up its best
// only as far as the cuts and the draw ask. Sums are taken in the order of the
// ids or of the candidates, never in the order of a heap, so that they do not
// depend on the standard library.
#include "text/sampler.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <utility>

#include "text/exponential.h"

namespace echo {
namespace {

constexpr uint32_t kMostVocab = 1 << 24;
constexpr size_t kLanes = 8;      // independent sums, which a compiler turns into vectors
constexpr size_t kStretch = 512;  // elements summed in float before going on in double
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The greatest of `values` (count); -infinity if there is none.
float Greatest(const float* values, size_t count) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -kInfinity);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j)
      lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
  }
  for (; i < count; ++i) lanes[0] = values[i] > lanes[0] ? values[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

// The sum of term(0) ... term(count - 1), always in the same order.
template <class Term>
double Sum(size_t count, const Term& term) {
  double sum = 0.0;
  for (size_t begin = 0; begin < count; begin += kStretch) {
    const size_t end = std::min(count, begin + kStretch);
    float lanes[kLanes] = {};
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lanes[j] += term(i + j);
    }
    for (; i < end; ++i) lanes[0] += term(i);
    for (const float lane : lanes) sum += lane;
  }
  return sum;
}

// NaN counts as -infinity, and infinity as the greatest float.
float Tame(float logit) {
  const float number = logit == logit ? logit : -kInfinity;  // NOLINT(misc-redundant-expression)
  return number > FLT_MAX ? FLT_MAX : number;
}

float Probability(const float* logits, size_t n_vocab, uint32_t token) {
  // Greatest() passes over NaN, and Tame() makes its weight 0.
  const float greatest = Tame(Greatest(logits, n_vocab));
  const auto weight = [=](size_t i) { return ExpOfNegative(Tame(logits[i]) - greatest); };
  return static_cast<float>(weight(token) / Sum(n_vocab, weight));
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// The bits of floats that are not negative are in the floats' order.
uint64_t Rank(uint32_t order, uint32_t token) {
  return static_cast<uint64_t>(order) << 32 | (UINT32_MAX - token);
}

uint64_t RankByWeight(float weight, uint32_t token) { return Rank(BitsOf(weight), token); }

uint32_t TokenOf(uint64_t rank) { return UINT32_MAX - static_cast<uint32_t>(rank); }

bool Within(float value, float least, float most) { return value >= least && value <= most; }

echo_status CheckSettings(const echo_sampler_settings& settings, uint32_t n_vocab) {
  const auto fail = [](const char* name, float value, const char* range) {
    return Fail(ECHO_ERROR_ARGUMENT, "%s is %g and must be %s.", name, static_cast<double>(value),
                range);
  };
  if (n_vocab < 1 || n_vocab > kMostVocab) {
    return Fail(ECHO_ERROR_ARGUMENT, "n_vocab is %u and must be from 1 to %u.",
                static_cast<unsigned>(n_vocab), static_cast<unsigned>(kMostVocab));
  }
  if (!Within(settings.temperature, 0.0f, FLT_MAX)) {
    return fail("temperature", settings.temperature, "a number of at least 0");
  }
  if (!Within(settings.top_p, FLT_TRUE_MIN, 1.0f)) {
    return fail("top_p", settings.top_p, "above 0 and at most 1 (1 is off)");
  }
  if (!Within(settings.min_p, 0.0f, 1.0f) || settings.min_p == 1.0f) {
    return fail("min_p", settings.min_p, "at least 0 (off) and below 1");
  }
  if (!Within(settings.typical_p, FLT_TRUE_MIN, 1.0f)) {
    return fail("typical_p", settings.typical_p, "above 0 and at most 1 (1 is off)");
  }
  if (!Within(settings.repetition_penalty, FLT_TRUE_MIN, FLT_MAX)) {
    return fail("repetition_penalty", settings.repetition_penalty, "above 0 (1 is off)");
  }
  if (!Within(settings.presence_penalty, -FLT_MAX, FLT_MAX)) {
    return fail("presence_penalty", settings.presence_penalty, "a number (0 is off)");
  }
  if (!Within(settings.frequency_penalty, -FLT_MAX, FLT_MAX)) {
    return fail("frequency_penalty", settings.frequency_penalty, "a number (0 is off)");
  }
  if (settings.top_k < 0) {
    return Fail(ECHO_ERROR_ARGUMENT, "top_k is %d and must be at least 0 (0 is off).",
                settings.top_k);
  }
  return ECHO_OK;
}

echo_status FailToken(uint32_t token, size_t n_vocab) {
  return Fail(ECHO_ERROR_ARGUMENT, "token %u is not below n_vocab, which is %zu.",
              static_cast<unsigned>(token), n_vocab);
}

}  // namespace

echo_status Sampler::Create(const echo_sampler_settings& settings, uint32_t n_vocab,
                            std::unique_ptr<Sampler>* sampler) {
  const echo_status status = CheckSettings(settings, n_vocab);
  if (status != ECHO_OK) return status;
  std::unique_ptr<Sampler> made(new (std::nothrow) Sampler(settings, n_vocab));
  if (made == nullptr || !made->Allocate()) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a sampler of %u tokens.",
                static_cast<unsigned>(n_vocab));
  }
  *sampler = std::move(made);
  return ECHO_OK;
}

bool Sampler::Allocate() {
  bias_.reset(new (std::nothrow) float[n_vocab_]());
  counts_.reset(new (std::nothrow) uint32_t[n_vocab_]());
  accepted_.reset(new (std::nothrow) uint32_t[n_vocab_]());
  logits_.reset(new (std::nothrow) float[n_vocab_]());
  weights_.reset(new (std::nothrow) float[n_vocab_]());
  candidates_.reset(new (std::nothrow) uint64_t[n_vocab_]());
  return bias_ != nullptr && counts_ != nullptr && accepted_ != nullptr && logits_ != nullptr &&
         weights_ != nullptr && candidates_ != nullptr;
}

echo_status Sampler::Bias(const uint32_t* tokens, const float* bias, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (tokens[i] >= n_vocab_) return FailToken(tokens[i], n_vocab_);
    if (std::isnan(bias[i])) {
      return Fail(ECHO_ERROR_ARGUMENT, "The bias of token %u is not a number.",
                  static_cast<unsigned>(tokens[i]));
    }
  }
  for (size_t i = 0; i < count; ++i) bias_[tokens[i]] = bias[i];
  biased_ = biased_ || count > 0;
  return ECHO_OK;
}

echo_status Sampler::Accept(uint32_t token) {
  if (token >= n_vocab_) return FailToken(token, n_vocab_);
  if (counts_[token] == 0) accepted_[n_accepted_++] = token;
  if (counts_[token] < UINT32_MAX) ++counts_[token];
  return ECHO_OK;
}

// Steps 1 and 2, into logits_. False if none of the logits given is finite.
bool Sampler::Adjust(const float* logits) {
  uint32_t finite = 0;
  for (size_t i = 0; i < n_vocab_; ++i) {
    finite |= std::fabs(logits[i]) <= FLT_MAX ? 1 : 0;
    logits_[i] = Tame(logits[i]);
  }
  if (biased_) {
    for (size_t i = 0; i < n_vocab_; ++i) logits_[i] = Tame(logits_[i] + bias_[i]);
  }
  Penalize();
  return finite != 0;
}

void Sampler::Penalize() {
  for (size_t i = 0; i < n_accepted_; ++i) {
    const uint32_t token = accepted_[i];
    float logit = logits_[token];
    logit =
        logit > 0.0f ? logit / settings_.repetition_penalty : logit * settings_.repetition_penalty;
    logit -= settings_.presence_penalty +
             settings_.frequency_penalty * static_cast<float>(counts_[token]);
    logits_[token] = Tame(logit);
  }
}

// The logarithm of a token's weight.
float Sampler::Distance(uint32_t token, float greatest) const {
  return (logits_[token] - greatest) / settings_.temperature;
}

// Fills weights_, whose greatest is 1, and returns their sum.
double Sampler::Weigh(float greatest) {
  const float temperature = settings_.temperature;
  const float* logits = logits_.get();
  float* weights = weights_.get();
  for (size_t i = 0; i < n_vocab_; ++i) {
    weights[i] = ExpOfNegative((logits[i] - greatest) / temperature);
  }
  return Sum(n_vocab_, [weights](size_t i) { return weights[i]; });
}

// No cut is set: the draw itself ends the walk through the candidates.
bool Sampler::WholeSoftmax() const {
  return settings_.top_k == 0 && settings_.typical_p == 1.0f && settings_.top_p == 1.0f &&
         settings_.min_p == 0.0f;
}

// Candidates are all tokens with a weight of at least `least` and above 0.
void Sampler::GatherAbove(double least) {
  const float bound = std::max(static_cast<float>(least), FLT_TRUE_MIN);
  n_candidates_ = 0;
  for (uint32_t i = 0; i < n_vocab_; ++i) {
    if (weights_[i] >= bound) candidates_[n_candidates_++] = RankByWeight(weights_[i], i);
  }
}

// Candidates are the best k. They gather in the array until it holds several
// times k, and then the worst of them sets the bar for those to come.
void Sampler::GatherTop(size_t k) {
  uint64_t* begin = candidates_.get();
  const size_t capacity = std::min(n_vocab_, 4 * k + 1024);
  float bar = 0.0f;  // a later token of equal weight has a higher id and loses
  n_candidates_ = 0;
  for (uint32_t i = 0; i < n_vocab_; ++i) {
    if (!(weights_[i] > bar)) continue;
    if (n_candidates_ == capacity) {
      std::nth_element(begin, begin + (k - 1), begin + n_candidates_, std::greater<>());
      n_candidates_ = k;
      bar = weights_[TokenOf(begin[k - 1])];
      if (!(weights_[i] > bar)) continue;
    }
    begin[n_candidates_++] = RankByWeight(weights_[i], i);
  }
  if (n_candidates_ > k) {
    std::nth_element(begin, begin + (k - 1), begin + n_candidates_, std::greater<>());
    n_candidates_ = k;
  }
}

// Keeps the candidates whose surprise is nearest to the entropy, up to a share
// typical_p of all. -log p - H is the mean log weight less the token's own.
void Sampler::KeepTypical(float greatest, double mass) {
  double mean = 0.0;
  for (uint32_t i = 0; i < n_vocab_; ++i) {
    if (weights_[i] > 0.0f) mean += static_cast<double>(weights_[i]) * Distance(i, greatest);
  }
  mean /= mass;
  uint64_t* begin = candidates_.get();
  for (size_t i = 0; i < n_candidates_; ++i) {
    const uint32_t token = TokenOf(begin[i]);
    const float shift = static_cast<float>(std::fabs(Distance(token, greatest) - mean));
    begin[i] = Rank(~BitsOf(shift), token);
  }
  std::make_heap(begin, begin + n_candidates_);
  const double enough = settings_.typical_p * mass;
  double kept = 0.0;
  size_t left = n_candidates_;
  while (left > 0 && kept < enough) {
    std::pop_heap(begin, begin + left);
    kept += weights_[TokenOf(begin[--left])];
  }
  n_candidates_ -= left;
  for (size_t i = 0; i < n_candidates_; ++i) {
    const uint32_t token = TokenOf(begin[left + i]);
    begin[i] = RankByWeight(weights_[token], token);
  }
}

// top_p, min_p and the draw over the candidates left. `mass` is the sum of all
// weights, u the draw.
uint32_t Sampler::Draw(double mass, double u) {
  uint64_t* begin = candidates_.get();
  const auto weight = [this](uint64_t rank) { return weights_[TokenOf(rank)]; };
  std::make_heap(begin, begin + n_candidates_);
  const bool whole = WholeSoftmax();
  const float least = settings_.min_p * weight(begin[0]);
  const double enough = settings_.top_p < 1.0f ? settings_.top_p * mass : DBL_MAX;
  double taken = 0.0;
  size_t left = n_candidates_;
  // The best go to the array's end, one before the other.
  while (left > 0 && taken < enough && weight(begin[0]) >= least) {
    std::pop_heap(begin, begin + left);
    taken += weight(begin[--left]);
    if (whole && taken > u * mass) return TokenOf(begin[left]);
  }
  double passed = 0.0;
  for (size_t i = n_candidates_; i-- > left + 1;) {
    passed += weight(begin[i]);
    if (passed > u * taken) return TokenOf(begin[i]);
  }
  return TokenOf(begin[left]);
}

echo_status Sampler::Sample(const float* logits, uint32_t* token, float* probability) {
  if (!Adjust(logits)) {
    return Fail(ECHO_ERROR_ARGUMENT, "None of the %zu logits is finite.", n_vocab_);
  }
  const float greatest = Greatest(logits_.get(), n_vocab_);
  if (greatest == -kInfinity) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "Biases and penalties leave none of the %zu tokens to be drawn.", n_vocab_);
  }
  uint32_t drawn;
  if (settings_.temperature == 0.0f) {
    drawn = static_cast<uint32_t>(std::find(logits_.get(), logits_.get() + n_vocab_, greatest) -
                                  logits_.get());
  } else {
    const double mass = Weigh(greatest);
    const double u = random_.Uniform();
    const bool typical = settings_.typical_p < 1.0f;
    const size_t top_k = static_cast<size_t>(settings_.top_k);
    if (top_k > 0) {
      GatherTop(top_k);
    } else {
      // The tokens left out are too light, even all together, to be needed: the
      // heavier ones hold the share that top_p or the draw asks for.
      const double share = WholeSoftmax() ? u : settings_.top_p;
      const double light = 0.999 * (1.0 - share) * mass / static_cast<double>(n_vocab_);
      GatherAbove(typical ? 0.0 : std::max(light, static_cast<double>(settings_.min_p)));
    }
    if (typical) KeepTypical(greatest, mass);
    drawn = Draw(mass, u);
  }
  if (probability != nullptr) *probability = Probability(logits, n_vocab_, drawn);
  *token = drawn;
  return ECHO_OK;
}

}  // namespace echo
