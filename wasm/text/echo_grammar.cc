// The part of the C interface that keeps texts to a grammar.
#include <memory>
#include <new>
#include <utility>

#include "include/echo.h"
#include "status.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

struct echo_grammar {
  std::unique_ptr<echo::Grammar> object;
};

namespace {

echo_status Wrap(std::unique_ptr<echo::Grammar> object, echo_grammar** grammar) {
  echo_grammar* made =
      object != nullptr ? new (std::nothrow) echo_grammar{std::move(object)} : nullptr;
  if (made == nullptr) return echo::Fail(ECHO_ERROR_MEMORY, "There is no memory left.");
  *grammar = made;
  return ECHO_OK;
}

}  // namespace

echo_status echo_grammar_new(const uint32_t* program, size_t n, const echo_tokenizer* tokenizer,
                             echo_grammar** grammar) {
  ECHO_CHECK_NULL(program);
  ECHO_CHECK_NULL(tokenizer);
  ECHO_CHECK_NULL(grammar);
  std::unique_ptr<echo::Grammar> made;
  const echo_status status = echo::Grammar::Create(program, n, tokenizer->object, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), grammar);
}

echo_status echo_grammar_clone(const echo_grammar* grammar, echo_grammar** clone) {
  ECHO_CHECK_NULL(grammar);
  ECHO_CHECK_NULL(clone);
  return Wrap(std::unique_ptr<echo::Grammar>(new (std::nothrow) echo::Grammar(*grammar->object)),
              clone);
}

void echo_grammar_free(echo_grammar* grammar) { delete grammar; }

echo_status echo_grammar_mask(echo_grammar* grammar, const float* logits, size_t n_vocab,
                              float* masked, uint32_t* allowed, double* kept) {
  ECHO_CHECK_NULL(grammar);
  ECHO_CHECK_NULL(logits);
  ECHO_CHECK_NULL(masked);
  ECHO_CHECK_NULL(allowed);
  return grammar->object->Mask(logits, n_vocab, masked, allowed, kept);
}

echo_status echo_grammar_accept(echo_grammar* grammar, uint32_t token) {
  ECHO_CHECK_NULL(grammar);
  return grammar->object->Accept(token);
}

echo_status echo_grammar_feed(echo_grammar* grammar, const uint8_t* bytes, size_t size) {
  ECHO_CHECK_NULL(grammar);
  ECHO_CHECK_NULL(bytes);
  return grammar->object->Feed(bytes, size);
}

echo_status echo_grammar_ending(const echo_grammar* grammar, int32_t* ending) {
  ECHO_CHECK_NULL(grammar);
  ECHO_CHECK_NULL(ending);
  *ending = grammar->object->Ending();
  return ECHO_OK;
}

size_t echo_grammar_bytes(const echo_grammar* grammar) {
  return grammar != nullptr ? grammar->object->bytes() : 0;
}
