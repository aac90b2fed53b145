// The PCG32 generator (XSH-RR 64/32, O'Neill 2014): the same numbers everywhere.
#ifndef DEEP_TREE_ECHO_TEXT_RANDOM_H_
#define DEEP_TREE_ECHO_TEXT_RANDOM_H_

#include <cstdint>

namespace echo {

class Random {
 public:
  // As pcg32_srandom(seed, 54) of the paper's library.
  explicit Random(uint64_t seed) {
    Next();
    state_ += seed;
    Next();
  }

  uint32_t Next() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005U + kIncrement;
    const uint32_t mixed = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
    const uint32_t turn = static_cast<uint32_t>(old >> 59);
    return mixed >> turn | mixed << (-turn & 31);
  }

  // In [0, 1), with 32 bits.
  double Uniform() { return Next() * (1.0 / 4294967296.0); }

  // In [0, 1), with 53 bits.
  double Uniform53() {
    const double high = Next() >> 5;
    return (high * 67108864.0 + (Next() >> 6)) * (1.0 / 9007199254740992.0);
  }

  // In [0, bound), each equally likely. Inlined: a call may lead through JavaScript in a side
  // module.
  [[gnu::always_inline]] uint64_t Below(uint64_t bound) {
    if (bound <= 1) return 0;
    if (bound <= uint64_t{1} << 32) {
      const uint64_t least = ((uint64_t{1} << 32) - bound) % bound;
      uint64_t drawn = Next();
      while (drawn < least) drawn = Next();
      return drawn % bound;
    }
    const uint64_t least = (0 - bound) % bound;
    uint64_t drawn = Next64();
    while (drawn < least) drawn = Next64();
    return drawn % bound;
  }

  // All that decides what follows.
  uint64_t state() const { return state_; }
  void set_state(uint64_t state) { state_ = state; }

 private:
  static constexpr uint64_t kIncrement = 54 << 1 | 1;

  uint64_t Next64() {
    const uint64_t high = Next();
    return high << 32 | Next();
  }

  uint64_t state_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_RANDOM_H_
