// Checkpoints in the safetensors format (github.com/huggingface/safetensors), so that Python reads them too:
//   8 bytes  length n of the header, little-endian
//   n bytes  header, JSON: {"policy/W1": {"dtype": "F32", "shape": [1, 2, 100], "data_offsets": [0, 800]}, …,
//            "__metadata__": {"iteration": "20"}}
//   the rest numbers, little-endian, tensor after tensor
// Shapes are always written with the three axes [tasks, rows, cols]; fewer axes are read as the last ones.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "autodiff/tensor.h"
#include "nn/atomic_file.h"

namespace innerloop::nn {

using Metadata = std::map<std::string, std::string>;

// Written atomically (nn/atomic_file.h). Error naming the file and the reason if that fails.
void save_safetensors(const std::string& path, const Tensors& tensors, const Metadata& metadata = {},
                      const FileCalls& calls = system_calls());

// F32 and F64. Every byte of the file is accounted for before a tensor is made: Error naming the file, the tensor and
// what is wrong, for a file that is cut short, has a hole, overlapping or reversed offsets, an unknown dtype, a key
// twice …
Tensors load_safetensors(const std::string& path, Metadata* metadata = nullptr);

// The same between bytes in memory; `label` is what errors call the file.
std::string encode_safetensors(const Tensors& tensors, const Metadata& metadata = {});
Tensors decode_safetensors(std::string_view bytes, const std::string& label, Metadata* metadata = nullptr);

}  // namespace innerloop::nn
