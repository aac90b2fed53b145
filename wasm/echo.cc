// The C interface: checks its arguments and hands on to the classes behind it.
// What each function does is in include/echo.h.
#include "include/echo.h"

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "formats/loader.h"
#include "formats/quantize.h"
#include "formats/types.h"
#include "hwy/highway.h"
#include "rwkv/model.h"
#include "status.h"
#include "text/sampler.h"
#include "text/tokenizer.h"

// The opaque types of the interface, each one object of the library's own.
struct echo_loader {
  std::unique_ptr<echo::Loader> object;
};
struct echo_rwkv {
  std::unique_ptr<echo::Rwkv> object;
  echo::FileInfo file = {};
};
struct echo_sampler {
  std::unique_ptr<echo::Sampler> object;
};

namespace {

echo_status FailNoTokens() {
  return echo::Fail(ECHO_ERROR_ARGUMENT, "n_tokens is 0 and must be at least 1.");
}

// Gives the caller a handle on an object.
template <class Handle, class Object>
echo_status Wrap(std::unique_ptr<Object> object, Handle** handle) {
  Handle* made = new (std::nothrow) Handle{std::move(object)};
  if (made == nullptr) return echo::Fail(ECHO_ERROR_MEMORY, "There is no memory left.");
  *handle = made;
  return ECHO_OK;
}

// `known`: whether there is such a type for what is asked.
echo_status CheckRows(int32_t type, bool known, const char* types, size_t columns) {
  if (!known) {
    return echo::Fail(ECHO_ERROR_ARGUMENT, "type is %d and must be one of %s (see echo_type).",
                      type, types);
  }
  if (columns == 0 || echo::RowBytes(type, columns) == 0) {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "columns is %zu and must be a positive multiple of %zu for %s.", columns,
                      echo::FindType(type)->block_columns, echo::TypeName(type));
  }
  return ECHO_OK;
}

// The targets that this library has and this processor too, best first: Highway
// gives the better ones the lower bits.
int64_t NextTarget(int64_t* targets) {
  const int64_t lowest = *targets & -*targets;
  *targets &= *targets - 1;
  return lowest;
}

}  // namespace

int32_t echo_abi_version(void) { return ECHO_ABI_VERSION; }

const char* echo_last_error(void) { return echo::LastError(); }

// ---------------------------------------------------------------------- SIMD

namespace {

const char* NameOf(int64_t target) {
#ifdef __wasm_relaxed_simd__
  if (target == HWY_WASM) return "WASM_RELAXED";
#endif
  return hwy::TargetName(target);
}

// As it is without a restriction.
int64_t AllTargets() {
  static const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return targets;
}

}  // namespace

const char* echo_simd_targets(void) {
  static char names[256] = "";
  if (names[0] != '\0') return names;
  size_t length = 0;
  for (int64_t targets = AllTargets(); targets != 0;) {
    const char* name = NameOf(NextTarget(&targets));
    const size_t size = std::strlen(name);
    if (length + size + 2 > sizeof(names)) break;
    if (length > 0) names[length++] = ',';
    std::memcpy(names + length, name, size);
    length += size;
  }
  return names;
}

echo_status echo_simd_force(const char* name) {
  int64_t chosen = 0;  // lifts the restriction
  if (name != nullptr) {
    for (int64_t targets = AllTargets(); targets != 0 && chosen == 0;) {
      const int64_t target = NextTarget(&targets);
      if (std::strcmp(NameOf(target), name) == 0) chosen = target;
    }
    if (chosen == 0) {
      return echo::Fail(ECHO_ERROR_ARGUMENT, "There is no SIMD target \"%s\" here, only %s.", name,
                        echo_simd_targets());
    }
  }
  AllTargets();  // remembered before the first restriction
  hwy::SetSupportedTargetsForTest(chosen);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return ECHO_OK;
}

// -------------------------------------------------------------- tensor types

size_t echo_row_bytes(int32_t type, size_t columns) { return echo::RowBytes(type, columns); }

echo_status echo_quantize(int32_t type, const float* source, size_t rows, size_t columns,
                          uint8_t* destination) {
  ECHO_CHECK_NULL(source);
  ECHO_CHECK_NULL(destination);
  const echo_status status = CheckRows(type, echo::IsNative(type), "0, 1, 2, 3, 7, 8, 9", columns);
  if (status != ECHO_OK) return status;
  const size_t row_bytes = echo::RowBytes(type, columns);
  for (size_t row = 0; row < rows; ++row) {
    echo::QuantizeRow(type, source + row * columns, columns, destination + row * row_bytes);
  }
  return ECHO_OK;
}

echo_status echo_dequantize(int32_t type, const uint8_t* source, size_t rows, size_t columns,
                            float* destination) {
  ECHO_CHECK_NULL(source);
  ECHO_CHECK_NULL(destination);
  const echo_status status = CheckRows(type, echo::FindType(type) != nullptr,
                                       "0, 1, 2, 3, 7, 8, 9, 12, 13, 14, 30", columns);
  if (status != ECHO_OK) return status;
  const size_t row_bytes = echo::RowBytes(type, columns);
  for (size_t row = 0; row < rows; ++row) {
    echo::DequantizeRow(type, source + row * row_bytes, columns, destination + row * columns);
  }
  return ECHO_OK;
}

// ------------------------------------------------------------------- loading

echo_status echo_loader_new(const echo_load_options* options, echo_loader** loader) {
  ECHO_CHECK_NULL(options);
  ECHO_CHECK_NULL(loader);
  std::unique_ptr<echo::Loader> made;
  const echo_status status = echo::Loader::Create(*options, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), loader);
}

echo_status echo_loader_push(echo_loader* loader, const uint8_t* bytes, size_t size) {
  ECHO_CHECK_NULL(loader);
  ECHO_CHECK_NULL(bytes);
  return loader->object->Push(bytes, size);
}

echo_status echo_loader_estimate(const echo_loader* loader, echo_estimate* estimate) {
  ECHO_CHECK_NULL(loader);
  ECHO_CHECK_NULL(estimate);
  *estimate = loader->object->estimate();
  return ECHO_OK;
}

echo_status echo_loader_finish(echo_loader* loader, echo_rwkv** model) {
  ECHO_CHECK_NULL(loader);
  ECHO_CHECK_NULL(model);
  std::unique_ptr<echo::Rwkv> made;
  echo::FileInfo file;
  echo_status status = loader->object->Finish(&made, &file);
  if (status == ECHO_OK) status = Wrap(std::move(made), model);
  if (status == ECHO_OK) (*model)->file = std::move(file);
  return status;
}

void echo_loader_free(echo_loader* loader) { delete loader; }

// --------------------------------------------------------------------- model

echo_status echo_rwkv_get_info(const echo_rwkv* model, echo_rwkv_info* info) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(info);
  *info = model->object->info();
  info->format = model->file.format;
  info->has_tokenizer = model->file.vocabulary != nullptr ? 1 : 0;
  return ECHO_OK;
}

echo_status echo_rwkv_clone(const echo_rwkv* model, echo_rwkv** clone) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(clone);
  std::unique_ptr<echo::Rwkv> made;
  echo_status status = model->object->Clone(&made);
  if (status == ECHO_OK) status = Wrap(std::move(made), clone);
  if (status == ECHO_OK) (*clone)->file = model->file;
  return status;
}

void echo_rwkv_free(echo_rwkv* model) { delete model; }

echo_status echo_rwkv_state_init(const echo_rwkv* model, float* state) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(state);
  model->object->InitState(state);
  return ECHO_OK;
}

echo_status echo_rwkv_eval(echo_rwkv* model, const uint32_t* tokens, size_t n_tokens,
                           const float* state_in, float* state_out, float* logits) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(tokens);
  if (n_tokens == 0) return FailNoTokens();
  if (model->object->info().embedding_outside != 0) {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "This model's embedding has stayed in its file; give the tokens' rows to "
                      "echo_rwkv_eval_rows.");
  }
  const uint32_t n_vocab = static_cast<uint32_t>(model->object->info().n_vocab);
  for (size_t i = 0; i < n_tokens; ++i) {
    if (tokens[i] >= n_vocab) {
      return echo::Fail(ECHO_ERROR_ARGUMENT,
                        "tokens[%zu] is %u and must be below n_vocab, which is %u.", i,
                        static_cast<unsigned>(tokens[i]), static_cast<unsigned>(n_vocab));
    }
  }
  return model->object->Eval({tokens, nullptr}, n_tokens, state_in, state_out, logits);
}

echo_status echo_rwkv_eval_rows(echo_rwkv* model, const uint8_t* rows, size_t n_tokens,
                                const float* state_in, float* state_out, float* logits) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(rows);
  if (n_tokens == 0) return FailNoTokens();
  return model->object->Eval({nullptr, rows}, n_tokens, state_in, state_out, logits);
}

echo_status echo_rwkv_hidden(const echo_rwkv* model, float* hidden) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(hidden);
  const float* source = model->object->hidden();
  if (source == nullptr) {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "There is no hidden vector before the first evaluation.");
  }
  const size_t n_embed = static_cast<size_t>(model->object->info().n_embed);
  std::memcpy(hidden, source, n_embed * sizeof(float));
  return ECHO_OK;
}

// ----------------------------------------------------------------- tokenizer

echo_status echo_tokenizer_bytes(uint32_t offset, echo_tokenizer** tokenizer) {
  ECHO_CHECK_NULL(tokenizer);
  std::unique_ptr<echo::Tokenizer> made;
  const echo_status status = echo::Tokenizer::Bytes(offset, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), tokenizer);
}

echo_status echo_tokenizer_world(const uint8_t* vocabulary, size_t size,
                                 echo_tokenizer** tokenizer) {
  ECHO_CHECK_NULL(vocabulary);
  ECHO_CHECK_NULL(tokenizer);
  const std::shared_ptr<echo::Vocabulary> listed = std::make_shared<echo::Vocabulary>();
  echo_status status = echo::ReadVocabulary(vocabulary, size, listed.get());
  std::unique_ptr<echo::Tokenizer> made;
  if (status == ECHO_OK) status = echo::Tokenizer::World(listed, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), tokenizer);
}

echo_status echo_rwkv_tokenizer(const echo_rwkv* model, echo_tokenizer** tokenizer) {
  ECHO_CHECK_NULL(model);
  ECHO_CHECK_NULL(tokenizer);
  const echo::FileInfo& file = model->file;
  if (file.vocabulary == nullptr) {
    if (file.tokenizer.empty()) {
      return echo::Fail(ECHO_ERROR_UNSUPPORTED, "The model's file carries no tokenizer.");
    }
    return echo::Fail(ECHO_ERROR_UNSUPPORTED,
                      "The model's file carries a tokenizer of the kind \"%s\" without tokens of "
                      "RWKV; only the kind \"rwkv\" can be used.",
                      file.tokenizer.c_str());
  }
  std::unique_ptr<echo::Tokenizer> made;
  const echo_status status = echo::Tokenizer::World(file.vocabulary, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), tokenizer);
}

void echo_tokenizer_free(echo_tokenizer* tokenizer) { delete tokenizer; }

echo_status echo_tokenizer_encode(const echo_tokenizer* tokenizer, const uint8_t* text, size_t size,
                                  uint32_t* tokens, size_t capacity, size_t* needed) {
  ECHO_CHECK_NULL(tokenizer);
  ECHO_CHECK_NULL(text);
  ECHO_CHECK_NULL(tokens);
  ECHO_CHECK_NULL(needed);
  *needed = tokenizer->object->Encode(text, size, tokens, capacity);
  return ECHO_OK;
}

echo_status echo_tokenizer_decode(const echo_tokenizer* tokenizer, const uint32_t* tokens,
                                  size_t n_tokens, uint8_t* bytes, size_t capacity,
                                  size_t* needed) {
  ECHO_CHECK_NULL(tokenizer);
  ECHO_CHECK_NULL(tokens);
  ECHO_CHECK_NULL(bytes);
  ECHO_CHECK_NULL(needed);
  *needed = tokenizer->object->Decode(tokens, n_tokens, bytes, capacity);
  return ECHO_OK;
}

// ------------------------------------------------------------------- sampler

echo_status echo_sampler_new(const echo_sampler_settings* settings, uint32_t n_vocab,
                             echo_sampler** sampler) {
  ECHO_CHECK_NULL(settings);
  ECHO_CHECK_NULL(sampler);
  std::unique_ptr<echo::Sampler> made;
  const echo_status status = echo::Sampler::Create(*settings, n_vocab, &made);
  return status != ECHO_OK ? status : Wrap(std::move(made), sampler);
}

void echo_sampler_free(echo_sampler* sampler) { delete sampler; }

echo_status echo_sampler_bias(echo_sampler* sampler, const uint32_t* tokens, const float* bias,
                              size_t count) {
  ECHO_CHECK_NULL(sampler);
  ECHO_CHECK_NULL(tokens);
  ECHO_CHECK_NULL(bias);
  return sampler->object->Bias(tokens, bias, count);
}

echo_status echo_sampler_accept(echo_sampler* sampler, uint32_t token) {
  ECHO_CHECK_NULL(sampler);
  return sampler->object->Accept(token);
}

echo_status echo_sampler_sample(echo_sampler* sampler, const float* logits, uint32_t* token,
                                float* probability) {
  ECHO_CHECK_NULL(sampler);
  ECHO_CHECK_NULL(logits);
  ECHO_CHECK_NULL(token);
  return sampler->object->Sample(logits, token, probability);
}
