// Which tokens of a vocabulary can follow a text, by a grammar over bytes.
//
// A mask is made of masks of single states, which do not depend on what called their automaton and
// are kept, and of the few tokens that reach beyond its end, which are looked at anew: as in
// XGrammar (Dong et al. 2024, arXiv:2411.15100). Whole masks of recent places are kept, too.
#ifndef DEEP_TREE_ECHO_TEXT_GRAMMAR_H_
#define DEEP_TREE_ECHO_TEXT_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "status.h"
#include "text/grammar_places.h"
#include "text/grammar_program.h"
#include "text/pool.h"
#include "text/tokenizer.h"

namespace echo {

class Grammar;

// What the clones of a grammar share.
class GrammarFamily {
 public:
  explicit GrammarFamily(std::shared_ptr<const Tokenizer> tokenizer)
      : places(&program), tokenizer_(std::move(tokenizer)), tree_(tokenizer_->Tree()) {}
  echo_status Begin(const uint32_t* words, size_t n);

  // A bit for each token that can follow, (n_words) uint32; token 0 ends the text.
  echo_status Mask(uint32_t place, const uint32_t** bits);
  size_t n_words() const { return n_words_; }

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  size_t bytes() const;
  // Gives memory back where places take more than they should; their numbers change then.
  echo_status Tidy();

  GrammarProgram program;
  GrammarPlaces places;
  Grammar* members = nullptr;  // all clones, as a list

 private:
  // The mask of one state.
  struct Slot {
    uint32_t state;
    uint32_t escapes;  // where its own end in escapes_
  };

  echo_status MakeMask(uint32_t place, uint32_t* bits);
  bool StateSlot(uint32_t state, uint32_t* slot);
  bool LikeAnother(uint32_t place, uint32_t* bits, uint32_t* same);
  bool Walk(uint32_t node, uint32_t place, uint32_t* bits, bool note_escapes, uint32_t same = 0);
  void Forget();

  std::shared_ptr<const Tokenizer> tokenizer_;
  PrefixTree tree_;
  size_t n_words_ = 0;
  size_t tidy_bytes_ = 0;  // beyond so many Tidy does something

  Pool<uint32_t> levels_;  // (kLevels + 1) where the nodes of each depth begin
  Pool<uint8_t> deepest_;  // (n_nodes) how deep a node's longest token ends

  Pool<uint32_t> slot_of_state_;  // (n_states), kNone where there is none
  Pool<Slot> slots_;
  Pool<uint32_t> slot_bits_;  // (slots, n_words)
  Pool<uint32_t> escapes_;    // nodes of the tree at which the automaton returns
  Pool<Way> path_;            // of a walk: nodes of the tree to go on from, and places

  Pool<uint32_t> recent_;       // (kRecent) places
  Pool<uint32_t> recent_bits_;  // (kRecent, n_words)
};

// Where one text stands.
class Grammar {
 public:
  static echo_status Create(const uint32_t* words, size_t n,
                            std::shared_ptr<const Tokenizer> tokenizer,
                            std::unique_ptr<Grammar>* grammar);
  Grammar(const Grammar& other);
  Grammar& operator=(const Grammar&) = delete;
  ~Grammar();

  // See include/echo.h.
  echo_status Mask(const float* logits, size_t n_vocab, float* masked, uint32_t* allowed,
                   double* kept);
  echo_status Accept(uint32_t token);
  echo_status Feed(const uint8_t* bytes, size_t size);
  int32_t Ending() const;
  size_t bytes() const { return family_->bytes(); }

 private:
  friend class GrammarFamily;
  explicit Grammar(std::shared_ptr<GrammarFamily> family);
  void Join();

  std::shared_ptr<GrammarFamily> family_;
  uint32_t place_ = GrammarPlaces::kDead;
  uint64_t n_bytes_ = 0;  // read so far
  Grammar* next_ = nullptr;
  Grammar* before_ = nullptr;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_GRAMMAR_H_
