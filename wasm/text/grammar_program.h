// A grammar as automata over bytes that call each other; read from the words of include/echo.h.
#ifndef DEEP_TREE_ECHO_TEXT_GRAMMAR_PROGRAM_H_
#define DEEP_TREE_ECHO_TEXT_GRAMMAR_PROGRAM_H_

#include <cstddef>
#include <cstdint>

#include "status.h"
#include "text/pool.h"

namespace echo {

struct GrammarProgram {
  struct Edge {
    uint8_t low;
    uint8_t high;
    uint32_t state;
  };
  struct Call {
    uint32_t rule;
    uint32_t state;  // to return to
  };
  struct State {
    uint32_t edges;  // where its own begin; they end where the next state's do
    uint32_t calls;
    bool is_final;
  };

  // Behind the states of the program: the whole text was read; and, where a mask looks at one
  // automaton without knowing who called it, that it has returned.
  uint32_t accepted() const { return n_states; }
  uint32_t escaped() const { return n_states + 1; }

  // Nothing is left to do in it but to return.
  bool IsLeaf(uint32_t state) const {
    return states[state].is_final && !HasEdges(state) &&
           states[state].calls == states[state + 1].calls;
  }
  bool HasEdges(uint32_t state) const { return states[state].edges != states[state + 1].edges; }

  uint32_t n_rules = 0;
  uint32_t n_states = 0;
  Pool<uint32_t> starts;   // (n_rules) states
  Pool<State> states;      // (n_states + 3): accepted, escaped, an end
  Pool<Edge> edges;        // (n_edges)
  Pool<Call> calls;        // (n_calls)
  Pool<uint32_t> rank;     // (n_rules): a rule comes before those that it may begin with
  Pool<uint32_t> rule_of;  // (n_rules) by rank
  uint8_t class_of[256];   // bytes that no edge tells apart are one class
  uint8_t byte_of[256];    // (n_classes) one byte of each
  uint32_t n_classes = 0;
};

// ECHO_ERROR_ARGUMENT for words that are no program, or a rule that begins with itself.
echo_status ReadGrammar(const uint32_t* words, size_t n, GrammarProgram* program);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_GRAMMAR_PROGRAM_H_
