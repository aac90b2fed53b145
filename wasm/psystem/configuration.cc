// Configurations from and to words.
#include "psystem/configuration.h"

#include <algorithm>

#include "status.h"

namespace echo::psystem {

echo_status Configuration::Read(const int64_t* input, size_t n, const Program& program,
                                uint64_t* random) {
  Words words(input, n);
  Configuration read;
  constexpr int64_t kMostIds = int64_t{1} << 62;
  read.step = static_cast<uint64_t>(words.Take(0, kMostIds));
  read.next_id = words.Take(1, kMostIds);
  const uint64_t state = static_cast<uint64_t>(words.Take(INT64_MIN, INT64_MAX));
  const size_t n_membranes = words.Length(5);
  for (size_t i = 0; i < n_membranes && !words.bad(); ++i) {
    Membrane membrane = {};
    // The environment is 0; numbers rise and end below next_id.
    const int64_t least = i == 0 ? 0 : read.membranes.back().id + 1;
    membrane.id = words.Take(least, i == 0 ? 0 : read.next_id - 1);
    const int64_t parent = words.Take(0, i == 0 ? 0 : static_cast<int64_t>(i) - 1);
    membrane.parent = static_cast<uint32_t>(parent);
    // Only the skin lies in the environment.
    if ((i == 1) != (i != 0 && parent == 0)) membrane.parent = UINT32_MAX;
    membrane.label =
        static_cast<uint32_t>(words.Take(0, static_cast<int64_t>(program.n_labels()) - 1));
    membrane.charge = static_cast<int32_t>(words.Take(-1, 1));
    membrane.begin = static_cast<uint32_t>(read.terms.size());
    const Multiset objects = words.Objects(program.n_objects());
    read.terms.insert(read.terms.end(), objects.begin(), objects.end());
    membrane.end = static_cast<uint32_t>(read.terms.size());
    if (membrane.parent == UINT32_MAX) {
      return Fail(ECHO_ERROR_ARGUMENT, "Membrane %zu lies in the environment beside the skin.", i);
    }
    read.membranes.push_back(membrane);
  }
  if (words.bad() || !words.done() || read.membranes.size() < 2) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "Word %zu of the configuration is missing or outside its range.", words.at());
  }
  *this = std::move(read);
  *random = state;
  return ECHO_OK;
}

size_t Configuration::Write(uint64_t random, int64_t* words, size_t capacity) const {
  size_t at = 0;
  const auto put = [&](int64_t word) {
    if (at < capacity) words[at] = word;
    ++at;
  };
  put(static_cast<int64_t>(step));
  put(next_id);
  put(static_cast<int64_t>(random));
  put(static_cast<int64_t>(membranes.size()));
  for (const Membrane& membrane : membranes) {
    put(membrane.id);
    put(membrane.parent);
    put(membrane.label);
    put(membrane.charge);
    put(static_cast<int64_t>(membrane.end - membrane.begin));
    for (uint32_t i = membrane.begin; i < membrane.end; ++i) {
      put(terms[i].object);
      put(static_cast<int64_t>(terms[i].count));
    }
  }
  return at;
}

}  // namespace echo::psystem
