// The two tokenizers. The World vocabulary becomes a trie in breadth-first order:
// the children of a node are neighbours, sorted by byte, so a node is a byte, a
// token and the place of its first child (9 bytes), and nothing is allocated
// while encoding.
#include "text/tokenizer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "text/vocabulary.h"

namespace echo {
namespace {

constexpr uint32_t kNone = PrefixTree::kNone;

class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(uint32_t offset) : offset_(offset) {
    // The root, and below it the bytes.
    for (uint32_t node = 0; node <= 256; ++node) {
      byte_[node] = static_cast<uint8_t>(node - 1);
      token_[node] = node == 0 ? kNone : offset + node - 1;
      first_[node] = node == 0 ? 1 : 257;
    }
    first_[257] = 257;
  }

  size_t Encode(const uint8_t* text, size_t size, uint32_t* tokens,
                size_t capacity) const override {
    const size_t written = std::min(size, capacity);
    for (size_t i = 0; i < written; ++i) tokens[i] = text[i] + offset_;
    return size;
  }

  size_t Decode(const uint32_t* tokens, size_t n_tokens, uint8_t* bytes,
                size_t capacity) const override {
    size_t needed = 0;
    for (size_t i = 0; i < n_tokens; ++i) {
      if (tokens[i] < offset_ || tokens[i] - offset_ > 0xFF) continue;
      if (needed < capacity) bytes[needed] = static_cast<uint8_t>(tokens[i] - offset_);
      ++needed;
    }
    return needed;
  }

  PrefixTree Tree() const override { return {byte_, token_, first_, 257, size_t{offset_} + 256}; }

 private:
  uint32_t offset_;
  uint8_t byte_[257];
  uint32_t token_[257];
  uint32_t first_[258];
};

class WorldTokenizer final : public Tokenizer {
 public:
  echo_status Build(std::shared_ptr<const Vocabulary> vocabulary);

  size_t Encode(const uint8_t* text, size_t size, uint32_t* tokens, size_t capacity) const override;
  size_t Decode(const uint32_t* tokens, size_t n_tokens, uint8_t* bytes,
                size_t capacity) const override;
  PrefixTree Tree() const override {
    return {byte_.get(), token_.get(), first_.get(), n_nodes_, n_ids_};
  }

 private:
  using Entry = Vocabulary::Entry;

  const uint8_t* Begin(const Entry& entry) const { return vocabulary_->pool.get() + entry.begin; }
  bool Before(const Entry& a, const Entry& b) const;
  size_t SharedPrefix(const Entry& a, const Entry& b) const;
  echo_status IndexIds();
  echo_status CheckSorted(const Entry* sorted) const;
  echo_status BuildTrie(const Entry* sorted);
  uint32_t Child(uint32_t node, uint8_t byte) const;

  std::shared_ptr<const Vocabulary> vocabulary_;

  std::unique_ptr<uint32_t[]> entry_of_id_;  // (n_ids), kNone where there is no token
  size_t n_ids_ = 0;

  // The trie; node 0 is the root, whose children are the 256 bytes: 1 + byte.
  size_t n_nodes_ = 0;
  std::unique_ptr<uint8_t[]> byte_;    // (n_nodes) on the way to the node
  std::unique_ptr<uint32_t[]> token_;  // (n_nodes), kNone where no token ends
  std::unique_ptr<uint32_t[]> first_;  // (n_nodes + 1): children are first_[i] ... first_[i + 1]
};

bool WorldTokenizer::Before(const Entry& a, const Entry& b) const {
  const int order = std::memcmp(Begin(a), Begin(b), std::min(a.size, b.size));
  return order != 0 ? order < 0 : a.size < b.size;
}

size_t WorldTokenizer::SharedPrefix(const Entry& a, const Entry& b) const {
  const uint32_t most = std::min(a.size, b.size);
  uint32_t shared = 0;
  while (shared < most && Begin(a)[shared] == Begin(b)[shared]) ++shared;
  return shared;
}

echo_status WorldTokenizer::IndexIds() {
  n_ids_ = 1;
  for (size_t i = 0; i < vocabulary_->n_entries; ++i) {
    n_ids_ = std::max<size_t>(n_ids_, vocabulary_->entries[i].id + 1);
  }
  entry_of_id_.reset(new (std::nothrow) uint32_t[n_ids_]);
  if (entry_of_id_ == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left for %zu token ids.", n_ids_);
  }
  std::fill_n(entry_of_id_.get(), n_ids_, kNone);
  for (size_t i = 0; i < vocabulary_->n_entries; ++i) {
    uint32_t& place = entry_of_id_[vocabulary_->entries[i].id];
    if (place != kNone) {
      return Fail(ECHO_ERROR_FORMAT, "The vocabulary has the id %u twice.",
                  static_cast<unsigned>(vocabulary_->entries[i].id));
    }
    place = static_cast<uint32_t>(i);
  }
  return ECHO_OK;
}

// No token twice, and every byte a token, so that anything can be encoded.
echo_status WorldTokenizer::CheckSorted(const Entry* sorted) const {
  bool seen[256] = {};
  for (size_t i = 0; i < vocabulary_->n_entries; ++i) {
    if (i > 0 && !Before(sorted[i - 1], sorted[i])) {
      return Fail(ECHO_ERROR_FORMAT, "The vocabulary has the same token under the ids %u and %u.",
                  static_cast<unsigned>(sorted[i - 1].id), static_cast<unsigned>(sorted[i].id));
    }
    if (sorted[i].size == 1) seen[*Begin(sorted[i])] = true;
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!seen[byte]) {
      return Fail(ECHO_ERROR_FORMAT,
                  "The vocabulary has no token for the byte 0x%02x alone; it is incomplete.", byte);
    }
  }
  return ECHO_OK;
}

echo_status WorldTokenizer::Build(std::shared_ptr<const Vocabulary> vocabulary) {
  vocabulary_ = std::move(vocabulary);
  echo_status status = IndexIds();
  if (status != ECHO_OK) return status;

  const size_t n = vocabulary_->n_entries;
  std::unique_ptr<Entry[]> sorted(new (std::nothrow) Entry[n]);
  if (sorted == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left to sort %zu tokens.", n);
  }
  std::copy_n(vocabulary_->entries.get(), n, sorted.get());
  std::sort(sorted.get(), sorted.get() + n,
            [this](const Entry& a, const Entry& b) { return Before(a, b); });
  status = CheckSorted(sorted.get());
  return status != ECHO_OK ? status : BuildTrie(sorted.get());
}

echo_status WorldTokenizer::BuildTrie(const Entry* sorted) {
  const size_t n = vocabulary_->n_entries;
  size_t n_nodes = 1;
  for (size_t i = 0; i < n; ++i) {
    n_nodes += sorted[i].size - (i == 0 ? 0 : SharedPrefix(sorted[i - 1], sorted[i]));
  }
  // The sorted tokens that begin with a node's bytes; of use while building only.
  struct Range {
    uint32_t begin;
    uint32_t end;
  };
  std::unique_ptr<Range[]> ranges(new (std::nothrow) Range[n_nodes]);
  byte_.reset(new (std::nothrow) uint8_t[n_nodes]);
  token_.reset(new (std::nothrow) uint32_t[n_nodes]);
  first_.reset(new (std::nothrow) uint32_t[n_nodes + 1]);
  if (ranges == nullptr || byte_ == nullptr || token_ == nullptr || first_ == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a trie of %zu nodes.", n_nodes);
  }
  n_nodes_ = n_nodes;
  byte_[0] = 0;
  token_[0] = kNone;
  ranges[0] = {0, static_cast<uint32_t>(n)};
  size_t made = 1;
  size_t level_end = 1;  // of the nodes at this depth
  uint32_t depth = 0;
  for (size_t node = 0; node < n_nodes; ++node) {
    if (node == level_end) {
      level_end = made;
      ++depth;
    }
    first_[node] = static_cast<uint32_t>(made);
    uint32_t at = ranges[node].begin;
    // A token that ends at this node is the first of its range.
    if (at < ranges[node].end && sorted[at].size == depth) ++at;
    while (at < ranges[node].end) {
      const uint8_t byte = Begin(sorted[at])[depth];
      const uint32_t begin = at;
      while (at < ranges[node].end && Begin(sorted[at])[depth] == byte) ++at;
      byte_[made] = byte;
      token_[made] = sorted[begin].size == depth + 1 ? sorted[begin].id : kNone;
      ranges[made] = {begin, at};
      ++made;
    }
  }
  first_[n_nodes] = static_cast<uint32_t>(made);
  return ECHO_OK;
}

// The child of `node` on `byte`, 0 if there is none.
uint32_t WorldTokenizer::Child(uint32_t node, uint8_t byte) const {
  uint32_t begin = first_[node];
  uint32_t end = first_[node + 1];
  while (end - begin > 8) {
    const uint32_t middle = begin + (end - begin) / 2;
    (byte_[middle] <= byte ? begin : end) = middle;
  }
  for (; begin < end; ++begin) {
    if (byte_[begin] == byte) return begin;
  }
  return 0;
}

size_t WorldTokenizer::Encode(const uint8_t* text, size_t size, uint32_t* tokens,
                              size_t capacity) const {
  size_t needed = 0;
  for (size_t at = 0; at < size;) {
    uint32_t node = 1U + text[at];
    uint32_t longest = token_[node];
    size_t next = at + 1;
    for (size_t end = next; end < size;) {
      node = Child(node, text[end++]);
      if (node == 0) break;
      if (token_[node] != kNone) {
        longest = token_[node];
        next = end;
      }
    }
    if (needed < capacity) tokens[needed] = longest;
    ++needed;
    at = next;
  }
  return needed;
}

size_t WorldTokenizer::Decode(const uint32_t* tokens, size_t n_tokens, uint8_t* bytes,
                              size_t capacity) const {
  size_t needed = 0;
  for (size_t i = 0; i < n_tokens; ++i) {
    if (tokens[i] >= n_ids_ || entry_of_id_[tokens[i]] == kNone) continue;
    const Entry& entry = vocabulary_->entries[entry_of_id_[tokens[i]]];
    if (needed < capacity) {
      std::memcpy(bytes + needed, Begin(entry), std::min<size_t>(entry.size, capacity - needed));
    }
    needed += entry.size;
  }
  return needed;
}

}  // namespace

echo_status Tokenizer::Bytes(uint32_t offset, std::unique_ptr<Tokenizer>* tokenizer) {
  if (offset > UINT32_MAX - 0xFF) {
    return Fail(ECHO_ERROR_ARGUMENT, "offset is %u and must be at most %u.",
                static_cast<unsigned>(offset), static_cast<unsigned>(UINT32_MAX - 0xFF));
  }
  tokenizer->reset(new (std::nothrow) ByteTokenizer(offset));
  return *tokenizer != nullptr
             ? ECHO_OK
             : Fail(ECHO_ERROR_MEMORY, "There is no memory left for a tokenizer.");
}

echo_status Tokenizer::World(std::shared_ptr<const Vocabulary> vocabulary,
                             std::unique_ptr<Tokenizer>* tokenizer) {
  std::unique_ptr<WorldTokenizer> built(new (std::nothrow) WorldTokenizer);
  if (built == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a tokenizer.");
  const echo_status status = built->Build(std::move(vocabulary));
  if (status == ECHO_OK) *tokenizer = std::move(built);
  return status;
}

}  // namespace echo
