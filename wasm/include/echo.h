/* libecho: the C interface of Deep Tree Echo's numeric core.
 *
 * This is the only header that code outside wasm/ may include. It is plain C:
 * no exceptions cross it, nothing is global except the text of the last error
 * (one per thread), and every function either returns a status or cannot fail.
 * A call that fails leaves every object as it was and writes nothing through
 * its output pointers.
 *
 * Conventions
 *   - Arrays are contiguous and row-major; shapes stand beside each argument.
 *   - Floating point arrays are float32 where nothing else is said, token ids uint32.
 *   - Sizes in bytes are uint64 inside structs and size_t in arguments.
 *   - "May be NULL" is said where it holds; everywhere else a NULL pointer is
 *     answered with ECHO_ERROR_ARGUMENT.
 *   - An object may be used from one thread at a time. Clones of one model
 *     share its weights and may be used from different threads at once.
 */
#ifndef DEEP_TREE_ECHO_ECHO_H_
#define DEEP_TREE_ECHO_ECHO_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ECHO_API __attribute__((visibility("default"), used))
#else
#define ECHO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

/* What a call answers. The sentence that goes with it: echo_last_error(). */
typedef enum echo_status {
  ECHO_OK = 0,
  ECHO_ERROR_ARGUMENT = 1,    /* a value outside what the function takes       */
  ECHO_ERROR_FORMAT = 2,      /* the bytes are not a model, or a damaged one   */
  ECHO_ERROR_UNSUPPORTED = 3, /* a well-formed file that libecho cannot run    */
  ECHO_ERROR_BUDGET = 4,      /* more memory than the caller's budget allows   */
  ECHO_ERROR_MEMORY = 5       /* the allocator refused                         */
} echo_status;

/* The version of this interface. A binding compares it with the number that it
 * was written for and refuses any other. */
#define ECHO_ABI_VERSION 3
ECHO_API int32_t echo_abi_version(void);

/* The sentence that explains the last failed call of this thread, in UTF-8, ""
 * if none failed. Valid until the next call that fails on the same thread. */
ECHO_API const char* echo_last_error(void);

/* The SIMD targets this build can use here, best first, as a comma-separated
 * list such as "AVX3,AVX2,SSE4,SSE2", "WASM" or "WASM_RELAXED". */
ECHO_API const char* echo_simd_targets(void);

/* Restricts the dynamic dispatch to one of echo_simd_targets(), or lifts the
 * restriction (name NULL). For tests and benchmarks; affects the process. */
ECHO_API echo_status echo_simd_force(const char* name);

/* ------------------------------------------------------------ tensor types */

/* The element types of rwkv.cpp's files, with their numbers there. The five
 * quantised types store blocks of 32 elements of a row (little endian):
 *   Q4_0  fp16 d;          16 bytes of nibbles                 -> 18 bytes
 *   Q4_1  fp16 d, m;       16 bytes of nibbles                 -> 20 bytes
 *   Q5_0  fp16 d;          uint32 fifth bits; 16 bytes nibbles -> 22 bytes
 *   Q5_1  fp16 d, m;       uint32 fifth bits; 16 bytes nibbles -> 24 bytes
 *   Q8_0  fp16 d;          32 int8                             -> 34 bytes
 * GGUF files also have types that are read but not written; their numbers are
 * ggml's. A matrix in one of them is multiplied in the type behind the arrow,
 * the embedding stays as it is:
 *   BF16  the upper half of a float32                          -> FP16
 *   Q4_K  blocks of 256; sub-blocks of 32 share d and dmin     -> Q4_1
 *   Q5_K  likewise with five bits                              -> Q5_1
 *   Q6_K  blocks of 256; sub-blocks of 16 share d              -> Q8_0       */
typedef enum echo_type {
  ECHO_F32 = 0,
  ECHO_F16 = 1,
  ECHO_Q4_0 = 2,
  ECHO_Q4_1 = 3,
  ECHO_Q5_0 = 7,
  ECHO_Q5_1 = 8,
  ECHO_Q8_0 = 9,
  ECHO_Q4_K = 12,
  ECHO_Q5_K = 13,
  ECHO_Q6_K = 14,
  ECHO_BF16 = 30
} echo_type;

/* Bytes of one row of `columns` elements, 0 if the type is unknown or the
 * columns do not fill whole blocks. */
ECHO_API size_t echo_row_bytes(int32_t type, size_t columns);

/* Rounds float rows to `type`, one of rwkv.cpp's, by its (ggml's) reference rule.
 *   source       (rows, columns) float32
 *   destination  (rows, echo_row_bytes(type, columns)) bytes
 * ECHO_ERROR_ARGUMENT if the columns do not fill whole blocks. */
ECHO_API echo_status echo_quantize(int32_t type, const float* source, size_t rows, size_t columns,
                                   uint8_t* destination);

/* The inverse, for every type: source as above, destination (rows, columns)
 * float32. */
ECHO_API echo_status echo_dequantize(int32_t type, const uint8_t* source, size_t rows,
                                     size_t columns, float* destination);

/* ----------------------------------------------------------------- loading */

/* The files that can be read. */
typedef enum echo_format {
  ECHO_FORMAT_RWKV_CPP = 0, /* rwkv.cpp's, versions 100 and 101                 */
  ECHO_FORMAT_GGUF = 1      /* GGUF versions 2 and 3, architectures rwkv6, rwkv7 */
} echo_format;

/* A model on its way in. The caller pushes the file in pieces of any size, in
 * order; each tensor is put in its place as it arrives and the file is never
 * resident beside its copy. */
typedef struct echo_loader echo_loader;

/* An RWKV model with its working memory. Weights are shared among clones. */
typedef struct echo_rwkv echo_rwkv;

typedef struct echo_load_options {
  uint64_t total_bytes;     /* the file's size, 0 if unknown; lets a truncated or
                               oversized file be refused early                     */
  uint64_t budget_bytes;    /* most memory the model may take, 0 for no limit      */
  uint64_t embedding_limit; /* an embedding of more bytes than this stays in the
                               file; 0 keeps every one in memory                */
  int32_t head_type;        /* an echo_type to requantise the head to, -1 to keep */
  int32_t reserved;         /* 0                                                */
} echo_load_options;

/* What a file says of itself before its weights are in. */
typedef struct echo_estimate {
  uint64_t weight_bytes;  /* memory the weights will take                        */
  uint64_t state_bytes;   /* one state                                           */
  uint64_t work_bytes;    /* working memory of one evaluation                    */
  uint64_t outside_bytes; /* the embedding, if it stays in the file             */
  int32_t known;          /* 0 until enough of the header has been pushed        */
  int32_t reserved;
} echo_estimate;

ECHO_API echo_status echo_loader_new(const echo_load_options* options, echo_loader** loader);

/* The next `size` bytes of the file. A loader that has failed stays failed and
 * repeats its sentence. Over the budget: ECHO_ERROR_BUDGET, with a sentence that
 * says what would fit. */
ECHO_API echo_status echo_loader_push(echo_loader* loader, const uint8_t* bytes, size_t size);

ECHO_API echo_status echo_loader_estimate(const echo_loader* loader, echo_estimate* estimate);

/* Ends the file: checks that every tensor of the architecture is there with the
 * right shape and hands the model over. The loader is spent but must be freed. */
ECHO_API echo_status echo_loader_finish(echo_loader* loader, echo_rwkv** model);

ECHO_API void echo_loader_free(echo_loader* loader); /* NULL is allowed */

/* ------------------------------------------------------------------- model */

typedef struct echo_rwkv_info {
  int32_t architecture; /* 40, 51, 52, 60 or 70: ten times RWKV 4.0 ... 7.0     */
  int32_t n_vocab;      /* logits                                               */
  int32_t n_embed;      /* width of the residual stream                         */
  int32_t n_layer;
  int32_t n_ffn;       /* width of the channel mix                             */
  int32_t n_head;      /* heads of the time mix; 0 for RWKV 4, which has none  */
  int32_t head_size;   /* n_embed / n_head; 0 for RWKV 4                       */
  int32_t type;        /* echo_type of the file's matrices                     */
  uint64_t state_size; /* float32 numbers in one state                         */
  uint64_t weight_bytes;
  uint64_t work_bytes;
  int32_t format;               /* echo_format of the file                              */
  int32_t has_tokenizer;        /* 1 if echo_rwkv_tokenizer() has one to give           */
  uint64_t embedding_offset;    /* where the embedding begins in the file: n_vocab
                                   rows, one behind another                      */
  uint64_t embedding_row_bytes; /* of one row                                    */
  int32_t embedding_type;       /* echo_type of the rows                         */
  int32_t embedding_outside;    /* 1 if it has stayed in the file                */
} echo_rwkv_info;

ECHO_API echo_status echo_rwkv_get_info(const echo_rwkv* model, echo_rwkv_info* info);

/* Another model on the same weights, with working memory of its own. */
ECHO_API echo_status echo_rwkv_clone(const echo_rwkv* model, echo_rwkv** clone);

ECHO_API void echo_rwkv_free(echo_rwkv* model); /* NULL is allowed */

/* ------------------------------------------------------------------- state
 *
 * A state is an array of state_size float32, layer after layer. One layer is
 *   RWKV 4:        time_shift (n_embed), channel_shift (n_embed),
 *                  numerator aa (n_embed), denominator bb (n_embed),
 *                  exponent pp (n_embed)
 *   RWKV 5, 6, 7:  time_shift (n_embed), channel_shift (n_embed),
 *                  S (n_head, head_size, head_size)
 * time_shift and channel_shift are the previous inputs of the two mixes. S of
 * RWKV 5 and 6 is indexed (head, key, value) and of RWKV 7 (head, value, key),
 * as in the papers' recurrences. A fresh state is zeros, pp = -1e30. */

/* state (state_size) float32 */
ECHO_API echo_status echo_rwkv_state_init(const echo_rwkv* model, float* state);

/* ---------------------------------------------------------------- evaluate */

/* Reads `n_tokens` tokens and gives the logits after the last one.
 *   tokens     (n_tokens) uint32, each below n_vocab
 *   state_in   (state_size) float32; NULL starts from a fresh state
 *   state_out  (state_size) float32; may be state_in; NULL discards it
 *   logits     (n_vocab) float32; NULL skips the head, which is what makes
 *              reading a prompt in pieces cheap
 * The result does not depend on how a text is cut into calls beyond float32
 * rounding. n_tokens = 0 is an ECHO_ERROR_ARGUMENT, and so is a model whose
 * embedding has stayed in the file. */
ECHO_API echo_status echo_rwkv_eval(echo_rwkv* model, const uint32_t* tokens, size_t n_tokens,
                                    const float* state_in, float* state_out, float* logits);

/* As echo_rwkv_eval, with the tokens' rows of the embedding in their place, as
 * the file has them: the way to evaluate a model whose embedding has stayed there.
 * The result is the same, bit for bit.
 *   rows  (n_tokens, embedding_row_bytes) bytes */
ECHO_API echo_status echo_rwkv_eval_rows(echo_rwkv* model, const uint8_t* rows, size_t n_tokens,
                                         const float* state_in, float* state_out, float* logits);

/* The hidden vector of the last token evaluated, after the last layer norm and
 * before the head: hidden (n_embed) float32. ECHO_ERROR_ARGUMENT before the
 * first evaluation. */
ECHO_API echo_status echo_rwkv_hidden(const echo_rwkv* model, float* hidden);

/* --------------------------------------------------------------- tokenizer */

typedef struct echo_tokenizer echo_tokenizer;

/* One token a byte: id = byte + offset. Offset 0 and 1 are in use; ids outside
 * the byte range decode to nothing. */
ECHO_API echo_status echo_tokenizer_bytes(uint32_t offset, echo_tokenizer** tokenizer);

/* The RWKV World tokenizer: greedy longest match over the vocabulary file of
 * lines "id 'token' byte_length" (Python literals), given as UTF-8 text with LF
 * or CRLF line ends. */
ECHO_API echo_status echo_tokenizer_world(const uint8_t* vocabulary, size_t size,
                                          echo_tokenizer** tokenizer);

/* The tokenizer that a GGUF file carries (tokenizer.ggml.model "rwkv"): greedy
 * longest match over its normal tokens; control and unused ones decode to
 * nothing. It may outlive the model. ECHO_ERROR_UNSUPPORTED if the file has none
 * or one of another kind. */
ECHO_API echo_status echo_rwkv_tokenizer(const echo_rwkv* model, echo_tokenizer** tokenizer);

ECHO_API void echo_tokenizer_free(echo_tokenizer* tokenizer); /* NULL is allowed */

/* Bytes to ids. `text` may hold any bytes. At most `capacity` ids are written;
 * `needed` receives the full count (size is always enough capacity). */
ECHO_API echo_status echo_tokenizer_encode(const echo_tokenizer* tokenizer, const uint8_t* text,
                                           size_t size, uint32_t* tokens, size_t capacity,
                                           size_t* needed);

/* Ids to bytes, likewise; the bytes need not be whole UTF-8. Unknown ids decode
 * to nothing. */
ECHO_API echo_status echo_tokenizer_decode(const echo_tokenizer* tokenizer, const uint32_t* tokens,
                                           size_t n_tokens, uint8_t* bytes, size_t capacity,
                                           size_t* needed);

/* ----------------------------------------------------------------- sampler
 *
 * The order of work for one token:
 *   1. logit += bias[token]
 *   2. for tokens accepted before: logit > 0 ? logit / repetition : logit * repetition;
 *      logit -= presence + frequency * count
 *   3. temperature 0 takes the largest logit (lowest id among equals), else
 *      p = softmax(logit / temperature)
 *   4. candidates in order of p (lowest id first among equals) are cut by, in
 *      this order, top_k, typical_p, top_p, min_p; at least one stays
 *   5. one draw u in [0, 1) of a PCG32 generator picks from what stays
 * exp and the generator are libecho's own, so that equal logits and seeds give
 * equal tokens on every machine. */
typedef struct echo_sampler_settings {
  float temperature;        /* >= 0                                            */
  float top_p;              /* (0, 1], 1 is off                                */
  float min_p;              /* [0, 1), share of the best probability; 0 is off */
  float typical_p;          /* (0, 1], 1 is off; Meister et al. 2022           */
  float repetition_penalty; /* > 0, 1 is off                                   */
  float presence_penalty;   /* 0 is off                                        */
  float frequency_penalty;  /* 0 is off                                        */
  int32_t top_k;            /* >= 0, 0 is off                                  */
  uint64_t seed;
} echo_sampler_settings;

typedef struct echo_sampler echo_sampler;

ECHO_API echo_status echo_sampler_new(const echo_sampler_settings* settings, uint32_t n_vocab,
                                      echo_sampler** sampler);
ECHO_API void echo_sampler_free(echo_sampler* sampler); /* NULL is allowed */

/* Sets the bias of `count` tokens: tokens (count), bias (count). -infinity
 * forbids a token. */
ECHO_API echo_status echo_sampler_bias(echo_sampler* sampler, const uint32_t* tokens,
                                       const float* bias, size_t count);

/* Counts a token for the penalties. Sampling does not do it by itself. */
ECHO_API echo_status echo_sampler_accept(echo_sampler* sampler, uint32_t token);

/* Draws a token: logits (n_vocab) float32, unchanged. `probability` may be NULL
 * and receives softmax(logits)[token] before any step above. ECHO_ERROR_ARGUMENT
 * if no logit is finite. NaN counts as -infinity. */
ECHO_API echo_status echo_sampler_sample(echo_sampler* sampler, const float* logits,
                                         uint32_t* token, float* probability);

/* ---------------------------------------------------------------- grammars
 *
 * Automata over bytes that call each other say which tokens can follow a text.
 * A program is a list of uint32 words:
 *   n_rules, n_states, n_edges, n_calls
 *   the first state of each rule; rule 0 is that of a whole text
 *   for each state: 1 if its rule may end there, else 0; its edges; its calls
 *   the edges, by state: first byte | last byte << 8; next state
 *   the calls, by state: rule; state to return to
 * A call reads at least one byte; no rule may begin with itself. Token 0 ends a
 * text: it is allowed where rule 0 may end, and nowhere else. */
typedef struct echo_grammar echo_grammar;

/* A grammar before the first byte of a text: program (n) words. It shares the
 * tokenizer, which may be freed before it. */
ECHO_API echo_status echo_grammar_new(const uint32_t* program, size_t n,
                                      const echo_tokenizer* tokenizer, echo_grammar** grammar);

/* Another text at the same place. Clones share what they find out; use all of
 * them from one thread at a time. */
ECHO_API echo_status echo_grammar_clone(const echo_grammar* grammar, echo_grammar** clone);
ECHO_API void echo_grammar_free(echo_grammar* grammar); /* NULL is allowed */

/* Forbids what cannot follow: masked (n_vocab) receives logits (n_vocab), or
 * -infinity; both may be one array. `allowed` receives how many tokens are left;
 * `kept`, which may be NULL, their share of softmax(logits). ECHO_ERROR_ARGUMENT
 * if none is left; ECHO_ERROR_BUDGET if the grammar is too ambiguous. */
ECHO_API echo_status echo_grammar_mask(echo_grammar* grammar, const float* logits, size_t n_vocab,
                                       float* masked, uint32_t* allowed, double* kept);

/* Reads a token, or some bytes (size). ECHO_ERROR_ARGUMENT if they cannot follow. */
ECHO_API echo_status echo_grammar_accept(echo_grammar* grammar, uint32_t token);
ECHO_API echo_status echo_grammar_feed(echo_grammar* grammar, const uint8_t* bytes, size_t size);

/* Whether the text cannot (0), may (1) or must (2) end here. */
ECHO_API echo_status echo_grammar_ending(const echo_grammar* grammar, int32_t* ending);

/* Memory of a grammar and its clones together; 0 for NULL. */
ECHO_API size_t echo_grammar_bytes(const echo_grammar* grammar);

/* --------------------------------------------------------------- reservoirs
 *
 * Leaky units: x <- (1 - a) x + a f(W x + W_in u + W_fb y + b + noise), in float32
 * or float64 throughout; docs/reservoirs.md has the rest. Noise is normal: for
 * each step and unit in turn, 53 bits of the PCG32 generator and the normal
 * quantile. States below 1e-30 (float64: 1e-290) in modulus become 0. */
typedef enum echo_activation {
  ECHO_TANH = 0,
  ECHO_RELU = 1,
  ECHO_SIGMOID = 2,
  ECHO_IDENTITY = 3,
  ECHO_SOFTPLUS = 4
} echo_activation;

typedef struct echo_reservoir_settings {
  uint32_t size;         /* units, 1 to 65536                                    */
  uint32_t n_inputs;     /* at most 65536                                        */
  uint32_t n_feedback;   /* at most 65536                                        */
  int32_t activation;    /* echo_activation                                      */
  int32_t element_bytes; /* of every number below: 4 for float32, 8 for float64  */
  int32_t reserved;      /* 0                                                    */
  double noise;          /* standard deviation, at least 0                       */
} echo_reservoir_settings;

typedef struct echo_reservoir_weights {
  const uint64_t* starts;  /* (size + 1) where each row of W begins in the next two;
                              at most 2^26 weights in all                        */
  const uint32_t* columns; /* (nnz) rising within a row                          */
  const void* values;      /* (nnz)                                              */
  const void* inputs;      /* (size, n_inputs) W_in; may be NULL if there are none */
  const void* feedback;    /* (size, n_feedback) W_fb; likewise                  */
  const void* bias;        /* (size)                                             */
  const void* leak;        /* (size) a                                           */
} echo_reservoir_weights;

typedef struct echo_reservoir echo_reservoir;

ECHO_API echo_status echo_reservoir_new(const echo_reservoir_settings* settings,
                                        const echo_reservoir_weights* weights,
                                        echo_reservoir** reservoir);
ECHO_API void echo_reservoir_free(echo_reservoir* reservoir); /* NULL is allowed */

/* A whole sequence.
 *   inputs    (n_steps, n_inputs), feedback (n_steps, n_feedback), both finite;
 *             each may be NULL if it is empty
 *   state     (size) before, and afterwards
 *   random    the generator's state before, and afterwards
 *   states    (n_steps, size) after each step; may be NULL
 * ECHO_ERROR_ARGUMENT if a state is not finite: state and random are then as they
 * were, states is not. */
ECHO_API echo_status echo_reservoir_run(echo_reservoir* reservoir, const void* inputs,
                                        const void* feedback, size_t n_steps, void* state,
                                        uint64_t* random, void* states);

/* ---------------------------------------------------------- membrane systems
 *
 * P systems with maximally parallel steps: transition systems and active
 * membranes. What the rules mean, and how a step is drawn, is in
 * docs/psystem.md; equal seeds give equal computations on every machine.
 * Objects, labels and rules are numbers from 0 on; charges are -1, 0 and 1. A
 * multiset is its length and then pairs (object, count) by object, each count
 * from 1 to 2^62.
 *
 * A program is these words:
 *   n_objects, n_labels, most objects in all, most membranes,
 *   n_endless, objects that the environment has without end,
 *   n_rules, and for each rule
 *     label, charge, new charge, charge of the second half,
 *     effect (0 keep, 1 dissolve, 2 divide), exclusive (0, 1),
 *     group that shares by probabilities (-1: none), the bits of its double,
 *     multisets: take, take outside, give, give outside, second half,
 *     n_inner, and for each: label, multiset,
 *     n_created, and for each: label, charge, multiset,
 *     n_stronger, rules that rule it out
 * A configuration is these words:
 *   step, next id, the bits of the PCG32 generator's state,
 *   n_membranes, and for each, the environment first, by id
 *     id (0: the environment), index of the membrane around it, label, charge,
 *     multiset
 * Labels of the environment and of rules that do not divide are 0 where they
 * mean nothing. */
typedef struct echo_psystem echo_psystem;

/* Why a run ended. */
typedef enum echo_psystem_ending {
  ECHO_PSYSTEM_GOES_ON = 0, /* all steps asked for were made                    */
  ECHO_PSYSTEM_HALTED = 1,  /* nothing more can be applied                      */
  ECHO_PSYSTEM_LIMIT = 2    /* the next step would go beyond the limits         */
} echo_psystem_ending;

typedef struct echo_psystem_report {
  uint64_t steps;  /* made by this call                                         */
  uint64_t random; /* the generator's state afterwards                          */
  int32_t ending;  /* echo_psystem_ending                                       */
  int32_t reserved;
} echo_psystem_report;

/* program (n) int64 */
ECHO_API echo_status echo_psystem_new(const int64_t* program, size_t n, echo_psystem** psystem);
ECHO_API void echo_psystem_free(echo_psystem* psystem); /* NULL is allowed */

/* Puts the system into a configuration (n) int64. */
ECHO_API echo_status echo_psystem_set(echo_psystem* psystem, const int64_t* configuration,
                                      size_t n);

/* Makes up to `steps` steps, fewer if the system halts or reaches its limits; a
 * step beyond them changes nothing. With steps = 1 it does not look whether
 * another could follow; with 0 it only looks. */
ECHO_API echo_status echo_psystem_run(echo_psystem* psystem, size_t steps,
                                      echo_psystem_report* report);

/* The configuration. At most `capacity` words are written; `needed` receives
 * their number. */
ECHO_API echo_status echo_psystem_get(const echo_psystem* psystem, int64_t* configuration,
                                      size_t capacity, size_t* needed);

/* What the last step of the last run applied, likewise: for each application,
 * by membrane and rule, the id of the membrane, the rule, how often, the number
 * of child membranes chosen, and their ids. */
ECHO_API echo_status echo_psystem_applied(const echo_psystem* psystem, int64_t* rows,
                                          size_t capacity, size_t* needed);

/* --------------------------------------------------------------- readouts
 *
 * Linear readouts of states by least squares, in float64. A sample is a row of
 * states (n_features); with a bias, a constant 1 follows its features. Weights
 * are (n_outputs, n_features + bias), the bias last. What is computed is in
 * docs/readouts.md. */

/* Adds to the sums of products of pairs of columns: gram (n, width) += X^T Z with
 * Z = rows (n_rows, width) float64 and X its first n columns, n <= width. Only
 * elements (i, j) with j >= i are written. With Z = (states, 1, targets) these are
 * the normal equations of a ridge regression. */
ECHO_API echo_status echo_gram_add(const double* rows, size_t n_rows, size_t width, size_t n,
                                   double* gram);

/* Solves x matrix = b for each row b of right (n_right, n), into solution, likewise
 * (it may be right), by Cholesky's factor of the lower triangle of matrix (n, n).
 * ECHO_ERROR_ARGUMENT if a pivot is not above `tolerance` times its diagonal
 * element: the matrix is not positive definite, or nearly so. */
ECHO_API echo_status echo_gram_solve(const double* matrix, size_t n, double tolerance,
                                     const double* right, size_t n_right, double* solution);

/* Recursive least squares. P is the inverse of the weighted sum of x x^T over all
 * samples x so far; the start of P is a multiple of the identity. For a sample with
 * its target, where e is the error before the update,
 *   k = P x,  g = 1 / (forgetting + x k),  W += e (g k)^T,  P = (P - g k k^T) / forgetting
 * Once forgetting has made P's diagonal a million times the start somewhere, nothing
 * is forgotten until it is smaller; this is looked at after every 8 samples. */
typedef struct echo_rls echo_rls;

typedef struct echo_rls_settings {
  uint64_t n_features;
  uint64_t n_outputs;
  double start;      /* P's diagonal, in [1e-60, 1e60]                          */
  double forgetting; /* (0, 1], 1 forgets nothing                               */
  int32_t bias;      /* 1: a constant feature                                   */
  int32_t reserved;  /* 0                                                       */
} echo_rls_settings;

ECHO_API echo_status echo_rls_new(const echo_rls_settings* settings, echo_rls** rls);
ECHO_API void echo_rls_free(echo_rls* rls); /* NULL is allowed */

/* Learns from samples in their order: states (count, n_features), targets (count,
 * n_outputs) float64, all finite and at most 1e60. outputs (count, n_outputs), what
 * was predicted before each update, may be NULL. */
ECHO_API echo_status echo_rls_update(echo_rls* rls, const double* states, const double* targets,
                                     size_t count, double* outputs);

/* outputs (count, n_outputs) for states (count, n_features). */
ECHO_API echo_status echo_rls_predict(echo_rls* rls, const double* states, size_t count,
                                      double* outputs);

/* weights as above and covariance, P (n_features + bias, n_features + bias). Each may
 * be NULL in echo_rls_get. */
ECHO_API echo_status echo_rls_get(const echo_rls* rls, double* weights, double* covariance);
ECHO_API echo_status echo_rls_set(echo_rls* rls, const double* weights, const double* covariance);

/* Least mean squares: W += rate e x^T, or with rate / (offset + x x) if normalised. */
typedef struct echo_lms_settings {
  uint64_t n_features;
  uint64_t n_outputs;
  double rate;
  double offset;
  int32_t bias;       /* 1: a constant feature, which counts in x x             */
  int32_t normalised; /* 1: the rate is divided as said                         */
} echo_lms_settings;

/* weights are updated in place; the rest is as in echo_rls_update. A rate that is
 * too large makes them grow beyond all bounds: the caller looks whether they are
 * finite. */
ECHO_API echo_status echo_lms_update(const echo_lms_settings* settings, const double* states,
                                     const double* targets, size_t count, double* weights,
                                     double* outputs);

/* -------------------------------------------------------------- adaptation
 *
 * What is expected of the next token by four experts that learn from a text: the
 * model, a readout's corrections of it, and what followed similar contexts, seen
 * with two resolutions. Only tokens with a slot are candidates. What is computed
 * is in docs/adaptation.md; all that is learned lies with the caller. */
enum { ECHO_EXPERTS = 4, ECHO_SIGNS = 5 };

typedef struct echo_expectation {
  /* What is known. */
  const float* logits;       /* (n_vocab) the model's                            */
  const int64_t* tokens;     /* (n_slots) of each slot; -1 if it has none        */
  const double* corrections; /* (n_slots) of the logits, by the readout          */
  const float* contexts;     /* (n_contexts, width) unit vectors                 */
  const int64_t* followers;  /* (n_contexts) the slot of what came after each    */
  const float* vector;       /* (width) the present one                          */
  const double* weights;     /* (ECHO_EXPERTS - 1, ECHO_SIGNS) of the shares     */
  uint64_t n_vocab;
  uint64_t n_slots;    /* at least 1                                             */
  uint64_t n_contexts; /* at least 1                                             */
  uint64_t width;
  double resolutions[2]; /* of the contexts                                      */
  double most;           /* no logit is corrected further                        */
  double count;          /* tokens learned so far                                */
  double alone;          /* how much the model alone is trusted, in [0, 1]       */
  /* What is found. */
  double* experts; /* (ECHO_EXPERTS, n_slots) probabilities, the model's first   */
  double* mixed;   /* (n_slots) the final ones                                   */
  double* signs;   /* (ECHO_EXPERTS - 1, ECHO_SIGNS)                             */
  double* shares;  /* (ECHO_EXPERTS)                                             */
  double* rests;   /* (ECHO_EXPERTS) factors of all other tokens' probabilities  */
  float* work;     /* (2, n_contexts)                                            */
  double rest;     /* the final factor                                           */
  double log_sum;  /* the logarithm of the sum of the logits' exponentials       */
} echo_expectation;

/* Fills in what is found. A logit that is NaN or +infinity, or all -infinity, leave
 * log_sum NaN and the rest undefined: nothing can be expected. */
ECHO_API echo_status echo_expect(echo_expectation* expectation);

/* The unit vector of matrix x, or 0: matrix (n, width), which may be NULL for the
 * identity with n = width; x (width), unit (n). */
ECHO_API echo_status echo_project(const float* matrix, size_t n, size_t width, const float* x,
                                  float* unit);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* DEEP_TREE_ECHO_ECHO_H_ */
