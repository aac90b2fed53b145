#include "text/grammar_places.h"

#include <algorithm>

namespace echo {
namespace {

constexpr uint32_t kBottom = 0;  // the node below the rule of the whole text
constexpr uint32_t kAlone = 1;   // that below a state whose caller is not known
constexpr size_t kMostWays = 1024;
constexpr size_t kMostBytes = 64 << 20;
constexpr size_t kMostPairs = 256;

bool Before(Way a, Way b) { return a.state != b.state ? a.state < b.state : a.node < b.node; }
bool Equal(Way a, Way b) { return a.state == b.state && a.node == b.node; }

size_t Hash(const Way* ways, size_t n) {
  uint64_t hash = n;
  for (size_t i = 0; i < n; ++i) {
    hash = (hash ^ (uint64_t{ways[i].state} << 32 | ways[i].node)) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  }
  return static_cast<size_t>(hash);
}

// In order, none twice. There are few; std::sort would be called through JavaScript in a side
// module.
void Tidy(Pool<Way>* pool) {
  Way* const ways = pool->data();
  const size_t n = pool->size();
  for (size_t gap : {701, 132, 23, 4, 1}) {  // Shell's sort
    for (size_t i = gap; i < n; ++i) {
      const Way way = ways[i];
      size_t at = i;
      for (; at >= gap && Before(way, ways[at - gap]); at -= gap) ways[at] = ways[at - gap];
      ways[at] = way;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    if (kept == 0 || !Equal(ways[kept - 1], ways[i])) ways[kept++] = ways[i];
  }
  pool->Truncate(kept);
}

}  // namespace

void* GrowPool(void* data, size_t bytes) { return std::realloc(data, bytes); }

// ---------------------------------------------------------------------- sets

// The place in the table of the set, or the free one where it belongs.
size_t WaySets::Find(const Pool<uint32_t>& table, const Way* ways, size_t n) const {
  const size_t mask = table.size() - 1;
  for (size_t at = Hash(ways, n) & mask;; at = (at + 1) & mask) {
    const uint32_t set = table[at];
    if (set == kNone) return at;
    const Way* known = ways_.data() + ends_[set];
    if (ends_[set + 1] - ends_[set] == n && std::equal(ways, ways + n, known, Equal)) return at;
  }
}

bool WaySets::Rehash() {
  if (ends_.size() == 0 && !ends_.Push(0)) return false;
  if (2 * size() < table_.size()) return true;
  const size_t slots = table_.size() == 0 ? 64 : 2 * table_.size();
  Pool<uint32_t> larger;
  if (slots == 0 || !larger.Resize(slots, kNone)) return false;
  for (uint32_t set = 0; set < size(); ++set) {
    larger[Find(larger, ways_.data() + ends_[set], ends_[set + 1] - ends_[set])] = set;
  }
  table_.Swap(&larger);
  return true;
}

uint32_t WaySets::Intern(const Way* ways, size_t n) {
  if (!Rehash()) return kNone;
  uint32_t& slot = table_[Find(table_, ways, n)];
  if (slot != kNone) return slot;
  const size_t begin = ways_.size();
  for (size_t i = 0; i < n; ++i) {
    if (!ways_.Push(ways[i])) {
      ways_.Truncate(begin);
      return kNone;
    }
  }
  if (!ends_.Push(static_cast<uint32_t>(ways_.size()))) {
    ways_.Truncate(begin);
    return kNone;
  }
  slot = static_cast<uint32_t>(size() - 1);
  return slot;
}

void WaySets::Swap(WaySets* other) {
  ways_.Swap(&other->ways_);
  ends_.Swap(&other->ends_);
  table_.Swap(&other->table_);
}

// -------------------------------------------------------------------- places

bool GrammarPlaces::Begin() {
  const Way accepted = {program_.accepted(), 0};
  const Way escaped = {program_.escaped(), 0};
  return nodes_.Intern(&accepted, 1) == kBottom && nodes_.Intern(&escaped, 1) == kAlone &&
         places_.Intern(nullptr, 0) == kDead && next_.Resize(program_.n_classes, kDead);
}

uint32_t GrammarPlaces::First() {
  const uint32_t start = program_.starts[0];
  if (program_.states[start].is_final) Arrive({program_.accepted(), 0});
  if (!entered_.Push({start, kBottom})) failure_ = Failure::kMemory;
  Call(start, kBottom);
  return Finish();
}

uint32_t GrammarPlaces::Alone(uint32_t state) {
  if (!entered_.Push({state, kAlone})) failure_ = Failure::kMemory;
  return Finish();
}

uint32_t GrammarPlaces::Return(uint32_t node) {
  for (const Way& back : nodes_[node]) Arrive(back);
  return Finish();
}

bool GrammarPlaces::Has(uint32_t place, uint32_t state) const {
  for (const Way& way : places_[place]) {
    if (way.state == state) return true;
  }
  return false;
}

// Breadth first through the pairs of places that the same bytes lead to.
uint32_t GrammarPlaces::Agreement(uint32_t one, uint32_t other, uint32_t most) {
  pairs_.Truncate(0);
  if (!pairs_.Push({one, other})) failure_ = Failure::kMemory;
  size_t begin = 0;
  for (uint32_t n_bytes = 0; n_bytes < most; ++n_bytes) {
    const size_t end = pairs_.size();
    for (size_t i = begin; i < end; ++i) {
      const Way pair = pairs_[i];
      for (uint32_t byte_class = 0; byte_class < program_.n_classes; ++byte_class) {
        const uint32_t a = Next(pair.state, byte_class);
        const uint32_t b = Next(pair.node, byte_class);
        if (failure_ != Failure::kNone) return 0;
        if (a == b) continue;
        if (a == kDead || b == kDead || Has(a, program_.escaped()) != Has(b, program_.escaped())) {
          return n_bytes;
        }
        size_t known = 0;
        while (known < pairs_.size() && !Equal(pairs_[known], {a, b})) ++known;
        if (known < pairs_.size()) continue;
        if (known == kMostPairs || !pairs_.Push({a, b})) return n_bytes;
      }
    }
    begin = end;
  }
  return most;
}

echo_status GrammarPlaces::Check() {
  const Failure failure = failure_;
  failure_ = Failure::kNone;
  if (failure == Failure::kNone) return ECHO_OK;
  if (failure == Failure::kWays) {
    return Fail(ECHO_ERROR_BUDGET,
                "The grammar can be read in more than %zu ways at once; make it less ambiguous.",
                kMostWays);
  }
  return Fail(ECHO_ERROR_BUDGET,
              "What a grammar keeps of a text may take %zu MB and would take more; nest less.",
              kMostBytes >> 20);
}

uint32_t GrammarPlaces::Step(uint32_t place, uint32_t byte_class) {
  const uint8_t byte = program_.byte_of[byte_class];
  for (const Way& way : places_[place]) {
    const uint32_t end = program_.states[way.state + 1].edges;
    for (uint32_t i = program_.states[way.state].edges; i < end; ++i) {
      const GrammarProgram::Edge& edge = program_.edges[i];
      if (edge.low <= byte && byte <= edge.high) Arrive({edge.state, way.node});
    }
  }
  const uint32_t next = Finish();
  if (failure_ == Failure::kNone) next_[place * size_t{program_.n_classes} + byte_class] = next;
  return next;
}

// Notes a way that has just read a byte or returned, once.
void GrammarPlaces::Arrive(Way way) {
  for (size_t i = 0; i < arrived_.size(); ++i) {
    if (Equal(arrived_[i], way)) return;
  }
  if (arrived_.size() >= kMostWays) {
    failure_ = Failure::kWays;
  } else if (!arrived_.Push(way)) {
    failure_ = Failure::kMemory;
  }
}

// Notes the calls of a state.
void GrammarPlaces::Call(uint32_t state, uint32_t node) {
  const uint32_t end = program_.states[state + 1].calls;
  for (uint32_t i = program_.states[state].calls; i < end; ++i) {
    const GrammarProgram::Call& call = program_.calls[i];
    if (pending_.size() >= 4 * kMostWays) {
      failure_ = Failure::kWays;
    } else if (!pending_.Push({program_.rank[call.rule], {call.state, node}})) {
      failure_ = Failure::kMemory;
    }
  }
}

// Enters the rule of least rank, for all its callers at once: no later one can call it.
void GrammarPlaces::Enter() {
  uint32_t rank = UINT32_MAX;
  for (size_t i = 0; i < pending_.size(); ++i) rank = std::min(rank, pending_[i].rank);
  callers_.Truncate(0);
  size_t left = 0;
  bool room = true;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending call = pending_[i];
    if (call.rank != rank) {
      pending_[left++] = call;
    } else if (program_.IsLeaf(call.back.state)) {
      // Nothing is left to do there: its own callers stand in for it, and stacks stay short.
      for (const Way& back : nodes_[call.back.node]) room = callers_.Push(back) && room;
    } else {
      room = callers_.Push(call.back) && room;
    }
  }
  pending_.Truncate(left);
  const uint32_t node = Take(&callers_, &nodes_);
  const uint32_t start = program_.starts[program_.rule_of[rank]];
  if (entered_.size() >= kMostWays) {
    failure_ = Failure::kWays;
    return;
  }
  if (!room || node == WaySets::kNone || !entered_.Push({start, node})) {
    failure_ = Failure::kMemory;
    return;
  }
  Call(start, node);
}

// The place of all ways noted, and of what they come to by returns and calls.
uint32_t GrammarPlaces::Finish() {
  for (size_t i = 0; i < arrived_.size(); ++i) {
    const Way way = arrived_[i];
    if (program_.states[way.state].is_final) {
      for (const Way& back : nodes_[way.node]) Arrive(back);
    }
    Call(way.state, way.node);
  }
  // A rule that was only entered does not return: a call reads at least one byte.
  while (pending_.size() > 0 && failure_ == Failure::kNone) Enter();
  callers_.Truncate(0);
  for (const Pool<Way>* ways : {&arrived_, &entered_}) {
    for (size_t i = 0; i < ways->size(); ++i) {
      const Way way = (*ways)[i];
      if (program_.HasEdges(way.state) || way.state >= program_.n_states) {
        if (!callers_.Push(way)) failure_ = Failure::kMemory;
      }
    }
  }
  arrived_.Truncate(0);
  entered_.Truncate(0);
  pending_.Truncate(0);
  if (failure_ != Failure::kNone) return kDead;
  const uint32_t place = Take(&callers_, &places_);
  if (place == WaySets::kNone || bytes() > kMostBytes ||
      !next_.Resize(places_.size() * program_.n_classes, kUnknown)) {
    failure_ = Failure::kMemory;
    return kDead;
  }
  return place;
}

uint32_t GrammarPlaces::Take(Pool<Way>* ways, WaySets* sets) {
  Tidy(ways);
  return sets->Intern(ways->data(), ways->size());
}

echo_status GrammarPlaces::Keep(uint32_t* const* kept, size_t n) {
  Pool<uint32_t> number;  // new ones of the nodes that stay; 1 while only that is known
  if (!number.Resize(nodes_.size(), WaySets::kNone)) failure_ = Failure::kMemory;
  GrammarPlaces fresh(&program_);
  if (failure_ != Failure::kNone || !fresh.Begin()) {
    failure_ = Failure::kMemory;
    return Check();
  }
  for (size_t i = 0; i < n; ++i) {
    for (const Way& way : places_[*kept[i]]) number[way.node] = 1;
  }
  // A node is younger than those below it.
  for (size_t i = number.size(); i-- > 0;) {
    if (number[i] != WaySets::kNone) {
      for (const Way& way : nodes_[static_cast<uint32_t>(i)]) number[way.node] = 1;
    }
  }
  for (size_t i = 0; i < number.size(); ++i) {
    if (number[i] == WaySets::kNone) continue;
    callers_.Truncate(0);
    for (const Way& way : nodes_[static_cast<uint32_t>(i)]) {
      // Those below the lowest nodes are no nodes.
      const uint32_t below = way.state >= program_.n_states ? 0 : number[way.node];
      if (!callers_.Push({way.state, below})) failure_ = Failure::kMemory;
    }
    number[i] = Take(&callers_, &fresh.nodes_);
    if (number[i] == WaySets::kNone) failure_ = Failure::kMemory;
  }
  Pool<uint32_t> moved;
  for (size_t i = 0; i < n && failure_ == Failure::kNone; ++i) {
    for (const Way& way : places_[*kept[i]]) {
      const uint32_t below = way.state >= program_.n_states ? 0 : number[way.node];
      if (!fresh.entered_.Push({way.state, below})) failure_ = Failure::kMemory;
    }
    const uint32_t place = fresh.Finish();
    if (fresh.failure_ != Failure::kNone || !moved.Push(place)) failure_ = Failure::kMemory;
  }
  if (failure_ != Failure::kNone) return Check();
  for (size_t i = 0; i < n; ++i) *kept[i] = moved[i];
  nodes_.Swap(&fresh.nodes_);
  places_.Swap(&fresh.places_);
  next_.Swap(&fresh.next_);
  return ECHO_OK;
}

}  // namespace echo
