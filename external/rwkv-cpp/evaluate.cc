// Drives upstream rwkv.cpp, natively and under Node:
//
//   evaluate MODEL LOGITS TOKEN...     writes the logits after each token to the file LOGITS,
//                                      float32, one row of n_vocab a token
//   evaluate --time N MODEL            evaluates N tokens and prints milliseconds of wall time and
//                                      of processor time, one line a token
//   evaluate --quantise TYPE IN OUT    2 for Q4_0, 3 for Q4_1
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "rwkv.h"

namespace {

int Fail(const char* what) {
  std::fprintf(stderr, "evaluate: %s\n", what);
  return 1;
}

struct Session {
  explicit Session(const char* path) : context(rwkv_init_from_file(path, 1)) {
    if (context == nullptr) return;
    state.resize(rwkv_get_state_buffer_element_count(context));
    logits.resize(rwkv_get_logits_buffer_element_count(context));
  }
  ~Session() {
    if (context != nullptr) rwkv_free(context);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool Eval(int token) {
    float* before = started ? state.data() : nullptr;
    started = true;
    return rwkv_eval(context, token, before, state.data(), logits.data());
  }

  rwkv_context* context;
  std::vector<float> state;
  std::vector<float> logits;
  bool started = false;
};

int Evaluate(const char* model, const char* path, int count, char** tokens) {
  Session session(model);
  if (session.context == nullptr) return Fail("the model cannot be loaded");
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return Fail("the file for the logits cannot be written");
  bool good = true;
  for (int i = 0; good && i < count; ++i) {
    good = session.Eval(std::atoi(tokens[i])) &&
           std::fwrite(session.logits.data(), sizeof(float), session.logits.size(), file) ==
               session.logits.size();
  }
  good = std::fclose(file) == 0 && good;
  return good ? 0 : Fail("a token cannot be evaluated");
}

int Time(int count, const char* model) {
  using Clock = std::chrono::steady_clock;
  Session session(model);
  if (session.context == nullptr) return Fail("the model cannot be loaded");
  const int n_vocab = static_cast<int>(session.logits.size());
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const std::clock_t cpu = std::clock();
    if (!session.Eval((i * 7 + 1) % n_vocab)) return Fail("a token cannot be evaluated");
    const std::chrono::duration<double, std::milli> taken = Clock::now() - start;
    const double worked = 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    std::printf("%.4f %.4f\n", taken.count(), worked);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--time") == 0) {
    return Time(std::atoi(argv[2]), argv[3]);
  }
  if (argc == 5 && std::strcmp(argv[1], "--quantise") == 0) {
    const bool good = rwkv_quantize_model_file(argv[3], argv[4], std::atoi(argv[2]));
    return good ? 0 : Fail("the model cannot be quantised");
  }
  if (argc >= 4 && argv[1][0] != '-') {
    return Evaluate(argv[1], argv[2], argc - 3, argv + 3);
  }
  return Fail("wants MODEL LOGITS TOKEN..., --time N MODEL or --quantise TYPE IN OUT");
}
