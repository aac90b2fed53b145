#include "text/grammar.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "text/exponential.h"

namespace echo {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kRecent = 32;            // whole masks that are kept
constexpr uint32_t kLevels = 24;            // depths of the tree that are told apart
constexpr uint32_t kFewLevels = 4;          // with no more in common a mask is made from nothing
constexpr uint32_t kMostOthers = 6;         // masks that a new one is compared with
constexpr size_t kMostSlotBytes = 2 << 20;  // of masks of states
constexpr size_t kTidyBytes = 6 << 20;      // of places

echo_status FailMemory() {
  return Fail(ECHO_ERROR_MEMORY, "There is no memory left for the masks of a grammar.");
}

void Set(uint32_t* bits, uint32_t token) { bits[token >> 5] |= 1U << (token & 31); }
bool Test(const uint32_t* bits, size_t token) {
  return (bits[token >> 5] >> (token & 31) & 1) != 0;
}

// The share of softmax(logits) that a mask keeps; NaN counts as -infinity.
double Kept(const float* logits, size_t n, const uint32_t* bits, size_t n_bits) {
  constexpr size_t kBlock = 64;
  float greatest = -1e30f;
  for (size_t i = 0; i < n; ++i) greatest = logits[i] > greatest ? logits[i] : greatest;
  greatest = greatest < 1e30f ? greatest : 1e30f;
  double all = 0.0;
  double kept = 0.0;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t size = std::min(kBlock, n - begin);
    float weights[kBlock];
    for (size_t i = 0; i < size; ++i) {
      const float below = logits[begin + i] - greatest;
      weights[i] = ExpOfNegative(below <= 0.0f ? below : -100.0f);
    }
    float sum[4] = {};
    for (size_t i = 0; i + 4 <= size; i += 4) {
      for (size_t j = 0; j < 4; ++j) sum[j] += weights[i + j];
    }
    for (size_t i = size & ~size_t{3}; i < size; ++i) sum[0] += weights[i];
    const float block = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    all += static_cast<double>(block);
    if (begin >= n_bits) continue;
    // n_bits is a multiple of 32, and so is a block's beginning.
    uint64_t mask = bits[begin >> 5];
    if (begin + 32 < n_bits) mask |= uint64_t{bits[(begin >> 5) + 1]} << 32;
    if (size == kBlock && mask == UINT64_MAX) {
      kept += static_cast<double>(block);
      continue;
    }
    for (size_t i = 0; mask != 0 && i < size; ++i, mask >>= 1) {
      if ((mask & 1) != 0) kept += static_cast<double>(weights[i]);
    }
  }
  return all > 0.0 ? kept / all : 0.0;
}

}  // namespace

// -------------------------------------------------------------------- masks

echo_status GrammarFamily::Begin(const uint32_t* words, size_t n) {
  const echo_status status = ReadGrammar(words, n, &program);
  if (status != ECHO_OK) return status;
  n_words_ = (tree_.n_tokens + 31) / 32;
  tidy_bytes_ = kTidyBytes;
  // Breadth first, each depth begins with the first child of the one above, and each node comes
  // before its children.
  bool room = levels_.Resize(kLevels + 2, 0) && deepest_.Resize(tree_.n_nodes, 0);
  if (!room) return FailMemory();
  for (uint32_t level = 0; level <= kLevels; ++level) {
    levels_[level + 1] = level == 0 ? 1 : tree_.first[levels_[level]];
  }
  uint32_t level = kLevels + 1;
  for (size_t node = tree_.n_nodes; node-- > 0;) {
    while (level > 0 && node < levels_[level]) --level;
    deepest_[node] = static_cast<uint8_t>(level);
    for (uint32_t child = tree_.first[node]; child < tree_.first[node + 1]; ++child) {
      deepest_[node] = std::max(deepest_[node], deepest_[child]);
    }
  }
  room = slot_of_state_.Resize(program.n_states, kNone) &&
         recent_.Resize(kRecent, GrammarPlaces::kDead) && places.Begin();
  return room ? ECHO_OK : FailMemory();
}

size_t GrammarFamily::bytes() const {
  return places.bytes() + program.edges.bytes() + program.states.bytes() + program.calls.bytes() +
         levels_.bytes() + deepest_.bytes() + slot_of_state_.bytes() + slots_.bytes() +
         slot_bits_.bytes() + escapes_.bytes() + path_.bytes() + recent_.bytes() +
         recent_bits_.bytes();
}

void GrammarFamily::Forget() {
  for (size_t i = 0; i < slots_.size(); ++i) slot_of_state_[slots_[i].state] = kNone;
  slots_.Truncate(0);
  slot_bits_.Truncate(0);
  escapes_.Truncate(0);
}

echo_status GrammarFamily::Tidy() {
  if (places.bytes() <= tidy_bytes_) return ECHO_OK;
  Pool<uint32_t*> kept;
  for (Grammar* member = members; member != nullptr; member = member->next_) {
    if (!kept.Push(&member->place_)) return FailMemory();
  }
  const echo_status status = places.Keep(kept.data(), kept.size());
  if (status != ECHO_OK) return status;
  for (size_t i = 0; i < kRecent; ++i) recent_[i] = GrammarPlaces::kDead;
  tidy_bytes_ = std::max(kTidyBytes, 2 * places.bytes());
  return ECHO_OK;
}

// Sets the bits of all tokens below a node of the tree that can be read from a place. Those of at
// most `same` bytes stand there already. False if memory has ended.
bool GrammarFamily::Walk(uint32_t node, uint32_t place, uint32_t* bits, bool note_escapes,
                         uint32_t same) {
  const uint32_t escaped = program.escaped();
  const uint32_t unknown = levels_[same + 1];  // the first node that is deeper
  path_.Truncate(0);
  if (!path_.Push({node, place})) return false;
  while (path_.size() > 0) {
    const Way here = path_[path_.size() - 1];
    path_.Truncate(path_.size() - 1);
    const uint32_t end = tree_.first[here.state + 1];
    for (uint32_t child = tree_.first[here.state]; child < end; ++child) {
      if (deepest_[child] <= same) continue;
      const uint32_t next = places.Next(here.node, program.class_of[tree_.byte[child]]);
      if (next == GrammarPlaces::kDead) continue;
      const uint32_t token = tree_.token[child];
      if (token != kNone && token != 0) Set(bits, token);
      if (tree_.first[child] == tree_.first[child + 1]) continue;
      if (note_escapes && child >= unknown && places.Has(next, escaped) && !escapes_.Push(child)) {
        return false;
      }
      if (!path_.Push({child, next})) return false;
    }
  }
  return true;
}

// Of the last masks takes the one of the state most like a place, as far as that goes: in a text
// of at most 40 characters, only tokens longer than what is left of it tell its states apart.
// `same` receives how long the tokens are whose bits are right now. False if memory has ended.
bool GrammarFamily::LikeAnother(uint32_t place, uint32_t* bits, uint32_t* same) {
  *same = 0;
  size_t like = 0;
  const size_t n_slots = slots_.size();
  for (size_t i = n_slots; i-- > 0 && i + kMostOthers >= n_slots && *same < kLevels;) {
    const uint32_t other = places.Alone(slots_[i].state);
    const uint32_t agreement = places.Agreement(place, other, kLevels);
    if (agreement > *same) {
      *same = agreement;
      like = i;
    }
  }
  if (*same <= kFewLevels) {
    *same = 0;
    return true;
  }
  std::memcpy(bits, slot_bits_.data() + like * n_words_, n_words_ * sizeof(*bits));
  const uint32_t unknown = levels_[*same + 1];
  for (size_t node = unknown; node < tree_.n_nodes; ++node) {
    const uint32_t token = tree_.token[node];
    if (token != kNone) bits[token >> 5] &= ~(1U << (token & 31));
  }
  for (uint32_t i = like == 0 ? 0 : slots_[like - 1].escapes; i < slots_[like].escapes; ++i) {
    const uint32_t node = escapes_[i];
    if (node < unknown && !escapes_.Push(node)) return false;
  }
  return true;
}

// The slot of a state's mask, which is made if there is none.
bool GrammarFamily::StateSlot(uint32_t state, uint32_t* slot) {
  *slot = slot_of_state_[state];
  if (*slot != kNone) return true;
  const size_t begin = slot_bits_.size();
  const size_t first_escape = escapes_.size();
  const uint32_t place = places.Alone(state);
  const uint32_t made = static_cast<uint32_t>(slots_.size());
  uint32_t same;
  if (place == GrammarPlaces::kDead || !slot_bits_.Resize(begin + n_words_, 0) ||
      !LikeAnother(place, slot_bits_.data() + begin, &same) ||
      !Walk(0, place, slot_bits_.data() + begin, true, same) || places.failed() ||
      !slots_.Push({state, static_cast<uint32_t>(escapes_.size())})) {
    slot_bits_.Truncate(begin);
    escapes_.Truncate(first_escape);
    return false;
  }
  slot_of_state_[state] = made;
  *slot = made;
  return true;
}

echo_status GrammarFamily::MakeMask(uint32_t place, uint32_t* bits) {
  std::memset(bits, 0, n_words_ * sizeof(*bits));
  const size_t n_ways = static_cast<size_t>(places.ways(place).end() - places.ways(place).begin());
  for (size_t i = 0; i < n_ways; ++i) {
    const Way way = places.ways(place).begin()[i];
    if (way.state >= program.n_states) {
      Set(bits, 0);  // the text may end
      continue;
    }
    uint32_t slot;
    if (!StateSlot(way.state, &slot)) {
      const echo_status status = places.Check();
      return status != ECHO_OK ? status : FailMemory();
    }
    const uint32_t* own = slot_bits_.data() + slot * n_words_;
    for (size_t word = 0; word < n_words_; ++word) bits[word] |= own[word];
    const uint32_t first = slot == 0 ? 0 : slots_[slot - 1].escapes;
    if (first == slots_[slot].escapes) continue;
    const uint32_t outside = places.Return(way.node);
    if (outside == GrammarPlaces::kDead) continue;
    for (uint32_t escape = first; escape < slots_[slot].escapes; ++escape) {
      if (!Walk(escapes_[escape], outside, bits, false)) return FailMemory();
    }
  }
  return places.Check();
}

echo_status GrammarFamily::Mask(uint32_t place, const uint32_t** bits) {
  const uint32_t recent = place % kRecent;
  if (recent_bits_.size() == 0 && !recent_bits_.Resize(kRecent * n_words_, 0)) return FailMemory();
  uint32_t* const own = recent_bits_.data() + recent * n_words_;
  if (recent_[recent] != place || place == GrammarPlaces::kDead) {
    if (slot_bits_.bytes() > kMostSlotBytes) Forget();
    recent_[recent] = GrammarPlaces::kDead;
    const echo_status status = MakeMask(place, own);
    if (status != ECHO_OK) return status;
    recent_[recent] = place;
  }
  *bits = own;
  return ECHO_OK;
}

// ------------------------------------------------------------------- a text

Grammar::Grammar(std::shared_ptr<GrammarFamily> family) : family_(std::move(family)) { Join(); }

Grammar::Grammar(const Grammar& other)
    : family_(other.family_), place_(other.place_), n_bytes_(other.n_bytes_) {
  Join();
}

Grammar::~Grammar() {
  (before_ != nullptr ? before_->next_ : family_->members) = next_;
  if (next_ != nullptr) next_->before_ = before_;
}

void Grammar::Join() {
  next_ = family_->members;
  if (next_ != nullptr) next_->before_ = this;
  family_->members = this;
}

echo_status Grammar::Create(const uint32_t* words, size_t n,
                            std::shared_ptr<const Tokenizer> tokenizer,
                            std::unique_ptr<Grammar>* grammar) {
  auto* family = new (std::nothrow) GrammarFamily(std::move(tokenizer));
  if (family == nullptr) return FailMemory();
  std::shared_ptr<GrammarFamily> shared(family);
  echo_status status = shared->Begin(words, n);
  if (status != ECHO_OK) return status;
  std::unique_ptr<Grammar> made(new (std::nothrow) Grammar(std::move(shared)));
  if (made == nullptr) return FailMemory();
  made->place_ = family->places.First();
  status = family->places.Check();
  if (status == ECHO_OK) *grammar = std::move(made);
  return status;
}

echo_status Grammar::Mask(const float* logits, size_t n_vocab, float* masked, uint32_t* allowed,
                          double* kept) {
  echo_status status = family_->Tidy();
  if (status != ECHO_OK) return status;
  const uint32_t* bits;
  status = family_->Mask(place_, &bits);
  if (status != ECHO_OK) return status;
  const size_t n_bits = family_->n_words() * 32;
  const size_t n = std::min(n_vocab, n_bits);
  uint32_t count = 0;
  for (size_t word = 0; word < n / 32; ++word) {
    count += static_cast<uint32_t>(__builtin_popcount(bits[word]));
  }
  for (size_t i = n & ~size_t{31}; i < n; ++i) count += Test(bits, i) ? 1 : 0;
  if (count == 0) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "No token of the vocabulary can follow the first %llu bytes of the text; choose a "
                "grammar that this model can write.",
                static_cast<unsigned long long>(n_bytes_));
  }
  *allowed = count;
  if (kept != nullptr) *kept = Kept(logits, n_vocab, bits, n_bits);
  constexpr float kForbidden = -__builtin_inff();
  for (size_t begin = 0; begin < n_vocab; begin += 32) {
    const uint32_t word = begin < n ? bits[begin >> 5] : 0;
    const size_t end = std::min(begin + 32, n_vocab);
    if (word == 0) {
      for (size_t i = begin; i < end; ++i) masked[i] = kForbidden;
    } else if (word == UINT32_MAX) {
      for (size_t i = begin; i < end; ++i) masked[i] = logits[i];
    } else {
      for (size_t i = begin; i < end; ++i) masked[i] = Test(bits, i) ? logits[i] : kForbidden;
    }
  }
  return ECHO_OK;
}

echo_status Grammar::Accept(uint32_t token) {
  uint8_t few[256];
  const Tokenizer& tokenizer = family_->tokenizer();
  const size_t size = token == 0 ? 0 : tokenizer.Decode(&token, 1, few, sizeof(few));
  if (size == 0) {
    return Fail(ECHO_ERROR_ARGUMENT, "token %u stands for no text; accept one that does.",
                static_cast<unsigned>(token));
  }
  if (size <= sizeof(few)) return Feed(few, size);
  std::unique_ptr<uint8_t[]> many(new (std::nothrow) uint8_t[size]);
  if (many == nullptr) return FailMemory();
  tokenizer.Decode(&token, 1, many.get(), size);
  return Feed(many.get(), size);
}

echo_status Grammar::Feed(const uint8_t* bytes, size_t size) {
  Grammar moved(*this);
  for (size_t i = 0; i < size; ++i) {
    echo_status status = family_->Tidy();
    if (status != ECHO_OK) return status;
    moved.place_ = family_->places.Next(moved.place_, family_->program.class_of[bytes[i]]);
    if (moved.place_ != GrammarPlaces::kDead) continue;
    status = family_->places.Check();
    if (status != ECHO_OK) return status;
    return Fail(ECHO_ERROR_ARGUMENT,
                "Byte 0x%02x cannot follow the first %llu bytes of the text; the grammar does not "
                "allow it.",
                static_cast<unsigned>(bytes[i]), static_cast<unsigned long long>(n_bytes_) + i);
  }
  place_ = moved.place_;
  n_bytes_ += size;
  return ECHO_OK;
}

int32_t Grammar::Ending() const {
  const WaySets::Range ways = family_->places.ways(place_);
  if (!family_->places.Has(place_, family_->program.accepted())) return 0;
  return ways.end() - ways.begin() > 1 ? 1 : 2;
}

}  // namespace echo
