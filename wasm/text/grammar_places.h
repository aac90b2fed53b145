// Where texts stand in a grammar. A place is the set of all ways in which the text so far can be
// read: a state of an automaton, and a stack of where to return to. Stacks are shared: a node of
// them is itself a set of (state to return to, node below). Equal sets are one, so places are
// compared by their numbers, and where a byte leads is found out once.
//
// The stacks are those of generalised parsing (Tomita 1985); no rule may begin with itself, so
// they have no cycles.
#ifndef DEEP_TREE_ECHO_TEXT_GRAMMAR_PLACES_H_
#define DEEP_TREE_ECHO_TEXT_GRAMMAR_PLACES_H_

#include <cstddef>
#include <cstdint>

#include "status.h"
#include "text/grammar_program.h"
#include "text/pool.h"

namespace echo {

struct Way {
  uint32_t state;
  uint32_t node;
};

// Sets of ways, each kept once and known by a number.
class WaySets {
 public:
  struct Range {
    const Way* begin_;
    const Way* end_;
    const Way* begin() const { return begin_; }
    const Way* end() const { return end_; }
  };

  // The number of the set of n ways, in order, none twice. kNone if memory has ended.
  uint32_t Intern(const Way* ways, size_t n);

  Range operator[](uint32_t set) const {
    return {ways_.data() + ends_[set], ways_.data() + ends_[set + 1]};
  }
  size_t size() const { return ends_.size() - 1; }
  size_t bytes() const { return ways_.bytes() + ends_.bytes() + table_.bytes(); }
  void Swap(WaySets* other);

  static constexpr uint32_t kNone = UINT32_MAX;

 private:
  bool Rehash();
  size_t Find(const Pool<uint32_t>& table, const Way* ways, size_t n) const;

  Pool<Way> ways_;
  Pool<uint32_t> ends_;   // (size + 1) where sets begin, and the end
  Pool<uint32_t> table_;  // (a power of two) numbers of sets, kNone where there is none
};

class GrammarPlaces {
 public:
  static constexpr uint32_t kDead = 0;  // nothing can be read there
  static constexpr uint32_t kUnknown = UINT32_MAX;

  explicit GrammarPlaces(const GrammarProgram* program) : program_(*program) {}
  bool Begin();

  // The place before the first byte.
  uint32_t First();
  // One state, whose caller is not known.
  uint32_t Alone(uint32_t state);
  // What follows when a way's automaton has returned.
  uint32_t Return(uint32_t node);

  // Where one more byte of a class leads; kDead also where something failed, see Check.
  [[gnu::always_inline]] uint32_t Next(uint32_t place, uint32_t byte_class) {
    const uint32_t known = next_[place * size_t{program_.n_classes} + byte_class];
    return known != kUnknown ? known : Step(place, byte_class);
  }

  WaySets::Range ways(uint32_t place) const { return places_[place]; }
  bool Has(uint32_t place, uint32_t state) const;
  // A number of bytes, at most `most`, that do not tell two places apart, whichever they are: both
  // can read them or neither, and both have escaped after them or neither.
  uint32_t Agreement(uint32_t one, uint32_t other, uint32_t most);

  bool failed() const { return failure_ != Failure::kNone; }
  // Whether all went well since the last call of it.
  echo_status Check();

  size_t bytes() const { return nodes_.bytes() + places_.bytes() + next_.bytes(); }
  // Forgets all places but some, whose numbers change.
  echo_status Keep(uint32_t* const* kept, size_t n);

 private:
  struct Pending {
    uint32_t rank;
    Way back;
  };
  enum class Failure { kNone, kMemory, kWays };

  uint32_t Step(uint32_t place, uint32_t byte_class);
  void Arrive(Way way);
  void Call(uint32_t state, uint32_t node);
  void Enter();
  uint32_t Finish();
  uint32_t Take(Pool<Way>* ways, WaySets* sets);

  const GrammarProgram& program_;
  WaySets nodes_;        // kBottom, kAlone, ...
  WaySets places_;       // kDead, ...
  Pool<uint32_t> next_;  // (places, n_classes)
  Failure failure_ = Failure::kNone;

  // Of the step in progress.
  Pool<Way> arrived_;
  Pool<Way> entered_;
  Pool<Way> callers_;
  Pool<Pending> pending_;

  Pool<Way> pairs_;  // places compared, `state` and `node` of each being one
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_GRAMMAR_PLACES_H_
