// Reading the words of a grammar. They come from outside: every number is checked.
#include "text/grammar_program.h"

namespace echo {
namespace {

constexpr uint32_t kMostStates = 1 << 20;
constexpr uint32_t kMostRules = 1 << 16;

echo_status FailMemory() {
  return Fail(ECHO_ERROR_MEMORY, "There is no memory left for the rules of a grammar.");
}

// Words in order; past their end there are zeros, and `good` says so.
class Words {
 public:
  Words(const uint32_t* words, size_t n) : words_(words), n_(n) {}

  // The next word, which must be at most `most`.
  uint32_t Take(uint32_t most) {
    const uint32_t word = at_ < n_ ? words_[at_] : UINT32_MAX;
    if (word > most) {
      Refuse();
      return 0;
    }
    ++at_;
    return word;
  }

  // The next word cannot be.
  void Refuse() {
    if (good_) wrong_ = at_;
    good_ = false;
  }

  size_t left() const { return n_ - at_; }
  bool good() const { return good_ && at_ == n_; }
  size_t wrong() const { return good_ ? at_ : wrong_; }

 private:
  const uint32_t* words_;
  size_t n_;
  size_t at_ = 0;
  size_t wrong_ = 0;
  bool good_ = true;
};

bool ReadWords(Words* words, GrammarProgram* program) {
  const uint32_t n_rules = words->Take(kMostRules);
  const uint32_t n_states = words->Take(kMostStates);
  const uint32_t most = static_cast<uint32_t>(words->left() / 2 + 1);
  const uint32_t n_edges = words->Take(most);
  const uint32_t n_calls = words->Take(most);
  // So much must follow, before memory is taken for it.
  if (n_rules == 0 || n_states == 0 ||
      words->left() != n_rules + 3ULL * n_states + 2ULL * (n_edges + uint64_t{n_calls})) {
    words->Refuse();
    return true;
  }
  program->n_rules = n_rules;
  program->n_states = n_states;
  bool room = true;
  for (uint32_t i = 0; i < n_rules; ++i) {
    room = program->starts.Push(words->Take(n_states - 1)) && room;
  }
  uint32_t edges = 0;
  uint32_t calls = 0;
  for (uint32_t i = 0; i < n_states; ++i) {
    GrammarProgram::State state = {edges, calls, words->Take(1) != 0};
    edges += words->Take(n_edges - edges);
    calls += words->Take(n_calls - calls);
    room = program->states.Push(state) && room;
  }
  for (int i = 0; i < 3; ++i) room = program->states.Push({edges, calls, false}) && room;
  for (uint32_t i = 0; i < n_edges; ++i) {
    const uint32_t bytes = words->Take(0xFFFF);
    const uint32_t state = words->Take(n_states - 1);
    room = program->edges.Push(
               {static_cast<uint8_t>(bytes), static_cast<uint8_t>(bytes >> 8), state}) &&
           room;
  }
  for (uint32_t i = 0; i < n_calls; ++i) {
    const uint32_t rule = words->Take(n_rules - 1);
    const uint32_t state = words->Take(n_states - 1);
    room = program->calls.Push({rule, state}) && room;
  }
  if (edges != n_edges || calls != n_calls) words->Refuse();
  return room;
}

// Ranks the rules so that each comes before those that it may begin with.
echo_status Rank(GrammarProgram* program) {
  struct Visit {
    uint32_t rule;
    uint32_t call;
  };
  constexpr uint32_t kNew = UINT32_MAX;
  constexpr uint32_t kOpen = UINT32_MAX - 1;
  Pool<Visit> path;
  if (!program->rank.Resize(program->n_rules, kNew) ||
      !program->rule_of.Resize(program->n_rules, 0)) {
    return FailMemory();
  }
  const auto first_call = [program](uint32_t rule) {
    return program->states[program->starts[rule]].calls;
  };
  uint32_t next = program->n_rules;
  for (uint32_t root = 0; root < program->n_rules; ++root) {
    if (program->rank[root] != kNew) continue;
    program->rank[root] = kOpen;
    if (!path.Push({root, first_call(root)})) return FailMemory();
    while (path.size() > 0) {
      Visit& visit = path[path.size() - 1];
      if (visit.call == program->states[program->starts[visit.rule] + 1].calls) {
        program->rank[visit.rule] = --next;
        program->rule_of[next] = visit.rule;
        path.Truncate(path.size() - 1);
        continue;
      }
      const uint32_t rule = program->calls[visit.call++].rule;
      if (program->rank[rule] == kOpen) {
        return Fail(ECHO_ERROR_ARGUMENT, "Rule %u of the grammar begins with itself.",
                    static_cast<unsigned>(rule));
      }
      if (program->rank[rule] == kNew) {
        program->rank[rule] = kOpen;
        if (!path.Push({rule, first_call(rule)})) return FailMemory();
      }
    }
  }
  return ECHO_OK;
}

void Classify(GrammarProgram* program) {
  bool begins[257] = {true};  // a class
  for (size_t i = 0; i < program->edges.size(); ++i) {
    begins[program->edges[i].low] = true;
    begins[program->edges[i].high + 1] = true;
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (begins[byte]) program->byte_of[program->n_classes++] = static_cast<uint8_t>(byte);
    program->class_of[byte] = static_cast<uint8_t>(program->n_classes - 1);
  }
}

}  // namespace

echo_status ReadGrammar(const uint32_t* words, size_t n, GrammarProgram* program) {
  Words reader(words, n);
  if (!ReadWords(&reader, program)) return FailMemory();
  if (!reader.good()) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "The %zu words of the grammar are no program; word %zu is "
                "the first that cannot be.",
                n, reader.wrong());
  }
  Classify(program);
  return Rank(program);
}

}  // namespace echo
