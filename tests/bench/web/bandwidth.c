// Reads memory as fast as one thread of WebAssembly can: the ceiling of decoding.
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

__attribute__((export_name("sum"))) uint32_t Sum(const v128_t* data, size_t count) {
  v128_t a = wasm_i32x4_splat(0), b = a, c = a, d = a;
  for (size_t i = 0; i + 8 <= count; i += 8) {
    a = wasm_i32x4_add(a, wasm_v128_xor(data[i], data[i + 1]));
    b = wasm_i32x4_add(b, wasm_v128_xor(data[i + 2], data[i + 3]));
    c = wasm_i32x4_add(c, wasm_v128_xor(data[i + 4], data[i + 5]));
    d = wasm_i32x4_add(d, wasm_v128_xor(data[i + 6], data[i + 7]));
  }
  const v128_t all = wasm_i32x4_add(wasm_i32x4_add(a, b), wasm_i32x4_add(c, d));
  return (uint32_t)wasm_i32x4_extract_lane(all, 0) + (uint32_t)wasm_i32x4_extract_lane(all, 1) +
         (uint32_t)wasm_i32x4_extract_lane(all, 2) + (uint32_t)wasm_i32x4_extract_lane(all, 3);
}
