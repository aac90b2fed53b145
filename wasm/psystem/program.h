// The rules of a membrane system as numbers: objects, labels and rules by index.
#ifndef DEEP_TREE_ECHO_PSYSTEM_PROGRAM_H_
#define DEEP_TREE_ECHO_PSYSTEM_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "include/echo.h"

namespace echo::psystem {

// The most copies of one object, and of all together.
inline constexpr uint64_t kMaxCount = uint64_t{1} << 62;

// Some copies of an object.
struct Term {
  uint32_t object;
  uint64_t count;
};

// By object, each once, no count 0.
using Multiset = std::vector<Term>;

enum class Effect : int32_t { kKeep = 0, kDissolve = 1, kDivide = 2 };

struct Rule {
  struct Inner {
    uint32_t label;
    Multiset objects;
  };
  struct Created {
    uint32_t label;
    int32_t charge;
    Multiset objects;
  };

  uint32_t label;
  int32_t charge;         // -1, 0 or 1, as all charges
  int32_t new_charge;     // of the first half if it divides
  int32_t second_charge;  // of the other half
  Effect effect;
  bool exclusive;      // one application a membrane and step
  int32_t group;       // rules that share by probabilities; -1 is none
  double probability;  // if there is a group
  Multiset take;
  Multiset take_outside;
  Multiset give;
  Multiset give_outside;
  Multiset second;
  std::vector<Inner> inner;
  std::vector<Created> created;
  std::vector<uint32_t> stronger;  // rules that rule it out, ascending
};

// A rule to look at where an object is.
struct Trigger {
  uint32_t object;
  uint32_t rule;
};

// Reads the words of echo_psystem_new and finds rules fast.
class Program {
 public:
  // The rules of a label and a charge, each in exactly one of the three.
  struct Found {
    std::vector<Trigger> inside;   // by object, then rule: object in the membrane
    std::vector<Trigger> outside;  // object in the region around
    std::vector<uint32_t> always;  // takes nothing but what the environment has without end
  };

  echo_status Read(const int64_t* words, size_t n);

  const Rule& rule(uint32_t index) const { return rules_[index]; }
  const Found& found(uint32_t label, int32_t charge) const {
    return found_[label * 3 + static_cast<uint32_t>(charge + 1)];
  }
  bool endless(uint32_t object) const { return endless_[object]; }
  uint32_t n_objects() const { return n_objects_; }
  uint32_t n_labels() const { return n_labels_; }
  uint64_t most_objects() const { return most_objects_; }
  uint64_t most_membranes() const { return most_membranes_; }

 private:
  void Index();

  uint32_t n_objects_ = 0;
  uint32_t n_labels_ = 0;
  uint64_t most_objects_ = 0;
  uint64_t most_membranes_ = 0;
  std::vector<bool> endless_;  // (n_objects)
  std::vector<Rule> rules_;
  std::vector<Found> found_;  // (n_labels, 3)
};

// Words from outside, in order; what is out of range makes it bad for good.
class Words {
 public:
  Words(const int64_t* words, size_t n) : words_(words), n_(n) {}

  // The next one, which must lie in [least, most]; `least` if it does not.
  int64_t Take(int64_t least, int64_t most) {
    if (bad_ || at_ == n_ || words_[at_] < least || words_[at_] > most) {
      bad_ = true;
      return least;
    }
    return words_[at_++];
  }

  // The length of a list that follows, each entry at least `width` words.
  size_t Length(size_t width) {
    return static_cast<size_t>(Take(0, static_cast<int64_t>((n_ - at_) / width)));
  }

  // Pairs of object and count, by object.
  Multiset Objects(uint32_t n_objects);

  bool bad() const { return bad_; }
  bool done() const { return at_ == n_; }
  size_t at() const { return at_; }

 private:
  const int64_t* words_;
  size_t n_;
  size_t at_ = 0;
  bool bad_ = false;
};

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_PROGRAM_H_
