// From llama.cpp's names and layouts of tensors to those that wasm/rwkv binds
// (PyTorch's, see wasm/rwkv/README.md).
#ifndef DEEP_TREE_ECHO_FORMATS_GGUF_NAMES_H_
#define DEEP_TREE_ECHO_FORMATS_GGUF_NAMES_H_

#include <vector>

#include "formats/gguf_metadata.h"
#include "formats/gguf_tensors.h"
#include "formats/sink.h"
#include "status.h"

namespace echo {

// What one tensor of the file becomes: mostly one, five for a fused one, none for
// those that no computation reads. Each takes an equal share of its bytes, in order.
echo_status NameTensor(const GgufModel& model, const GgufTensor& tensor,
                       std::vector<Incoming>* incoming);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_GGUF_NAMES_H_
