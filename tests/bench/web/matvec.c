// The products of one token of the 0.1B shape, split over workers that share memory: built with
// -matomics. Every worker calls Decode at the same time; worker 0 also does what cannot be split.
#include <stdint.h>
#include <wasm_simd128.h>

enum { kWidth = 768, kHidden = 3072, kVocab = 65536, kLayers = 12, kRegions = 5 };
enum { kSpin = 0, kWait = 1 };

// Rows and columns of what can be computed side by side in a layer: the projections with the
// low-rank ones, their second halves, the output, and the two matrices of the channel mix.
static const int kShapes[kRegions][2] = {{3 * kWidth + 288, kWidth},
                                         {4 * kWidth, 96},
                                         {kWidth, kWidth},
                                         {kHidden, kWidth},
                                         {kWidth, kHidden}};

// At the beginning of the shared memory, each on a cache line of its own.
typedef struct {
  int32_t arrived[16];
  int32_t generation[16];
} Barrier;

static void Meet(Barrier* barrier, int workers, int how) {
  if (workers == 1) return;
  int32_t* generation = &barrier->generation[0];
  const int32_t now = __atomic_load_n(generation, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&barrier->arrived[0], 1, __ATOMIC_ACQ_REL) == workers) {
    __atomic_store_n(&barrier->arrived[0], 0, __ATOMIC_RELAXED);
    __atomic_store_n(generation, now + 1, __ATOMIC_RELEASE);
    if (how == kWait) __builtin_wasm_memory_atomic_notify(generation, workers);
    return;
  }
  while (__atomic_load_n(generation, __ATOMIC_ACQUIRE) == now) {
    if (how == kWait) __builtin_wasm_memory_atomic_wait32(generation, now, -1);
  }
}

static v128_t Dot(const int8_t* row, const int16_t* x) {
  const v128_t low = wasm_v128_load(row);
  const v128_t high = wasm_v128_load(row + 16);
  const v128_t a = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(low), wasm_v128_load(x));
  const v128_t b = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(low), wasm_v128_load(x + 8));
  const v128_t c = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(high), wasm_v128_load(x + 16));
  const v128_t d = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(high), wasm_v128_load(x + 24));
  return wasm_i32x4_add(wasm_i32x4_add(a, b), wasm_i32x4_add(c, d));
}

// Groups of four rows; a block holds four scales and 32 codes of each row.
static const int8_t* Product(const int8_t* weights, int groups, int columns, const int16_t* x,
                             float* y) {
  for (int group = 0; group < groups; ++group) {
    v128_t sum = wasm_f32x4_splat(0);
    for (int block = 0; block < columns / 32; ++block, weights += 16 + 4 * 32) {
      const int8_t* codes = weights + 16;
      const int16_t* part = x + 32 * block;
      const v128_t a = Dot(codes, part), b = Dot(codes + 32, part);
      const v128_t c = Dot(codes + 64, part), d = Dot(codes + 96, part);
      const v128_t ab = wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5),
                                       wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
      const v128_t cd = wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5),
                                       wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
      const v128_t all =
          wasm_i32x4_add(wasm_i64x2_shuffle(ab, cd, 0, 2), wasm_i64x2_shuffle(ab, cd, 1, 3));
      sum = wasm_f32x4_add(sum,
                           wasm_f32x4_mul(wasm_f32x4_convert_i32x4(all), wasm_v128_load(weights)));
    }
    wasm_v128_store(y + 4 * group, sum);
  }
  return weights;
}

// What stands for norms and element-wise chains: one worker's work between two products.
static void Between(const float* y, int16_t* x, int columns) {
  for (int i = 0; i < columns; i += 4) {
    const v128_t scaled = wasm_f32x4_mul(wasm_v128_load(y + i), wasm_f32x4_splat(0.37f));
    const v128_t whole = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_sqrt(wasm_f32x4_abs(scaled)));
    wasm_v128_store64_lane(x + i, wasm_i16x8_narrow_i32x4(whole, whole), 0);
  }
}

static const int8_t* Region(const int8_t* weights, int rows, int columns, int worker, int workers,
                            const int16_t* x, float* y) {
  const int groups = rows / 4;
  const int begin = groups * worker / workers, end = groups * (worker + 1) / workers;
  const int group_bytes = columns / 32 * (16 + 4 * 32);
  Product(weights + (long)begin * group_bytes, end - begin, columns, x, y + 4 * begin);
  return weights + (long)groups * group_bytes;
}

// memory: a Barrier, x as int16, y as float32, then the weights.
__attribute__((export_name("decode"))) void Decode(char* memory, int tokens, int worker,
                                                   int workers, int how) {
  Barrier* barrier = (Barrier*)memory;
  int16_t* x = (int16_t*)(memory + 4096);
  float* y = (float*)(memory + 65536);
  for (int token = 0; token < tokens; ++token) {
    const int8_t* weights = (const int8_t*)(memory + (1 << 20));
    for (int layer = 0; layer < kLayers; ++layer) {
      for (int i = 0; i < kRegions; ++i) {
        Meet(barrier, workers, how);
        weights = Region(weights, kShapes[i][0], kShapes[i][1], worker, workers, x, y);
        Meet(barrier, workers, how);
        if (worker == 0) Between(y, x, kShapes[(i + 1) % kRegions][1]);
      }
    }
    Meet(barrier, workers, how);
    Region(weights, kVocab, kWidth, worker, workers, x, y);
    Meet(barrier, workers, how);
  }
}
