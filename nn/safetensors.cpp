#include "nn/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "kernels/require.h"

namespace innerloop::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

constexpr std::uint64_t max_header = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t max_tensors = 10'000;        // far more than any run here has; keeps hostile files cheap
constexpr std::size_t max_axes = 3;

// What the header says about one tensor.
struct Entry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Receives the header's JSON piece by piece and accepts nothing but the form described in the .h: no tree is built, so
// a hostile header costs no more memory than its own length.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& label) : label_(label) {}
  std::vector<Entry> entries;
  Metadata metadata;

  bool null() { fail("null is not allowed there"); }
  bool boolean(bool) { fail("true and false are not allowed there"); }
  bool number_integer(std::int64_t) { fail("negative numbers are not allowed there"); }
  bool number_float(double, const std::string& text) { fail(text.substr(0, 40) + " is not a whole number below 2^64"); }
  template <class Binary>
  bool binary(Binary&) {
    fail("binary data is not allowed there");
  }

  bool number_unsigned(std::uint64_t number) {
    if (!list_) fail("a number is not allowed there");
    if (list_->size() == (list_is_shape_ ? max_axes : 2))
      fail(list_is_shape_ ? "shape has more than 3 axes" : "data_offsets has more than two numbers");
    list_->push_back(number);
    return true;
  }
  bool string(std::string& text) {
    if (in_metadata_ && depth_ == 2) {
      metadata[key_] = text;
    } else if (depth_ == 2 && key_ == "dtype") {
      entries.back().dtype = text;
    } else {
      fail("a text is not allowed there");
    }
    return true;
  }
  bool start_object(std::size_t) {
    if (depth_ > 1 || list_) fail("an object is not allowed there");
    if (++depth_ == 2 && !in_metadata_) {
      if (entries.size() == max_tensors) fail("it has more than 10000 tensors");
      entries.push_back({});
      entries.back().name = key_;
    }
    return true;
  }
  bool key(std::string& name) {
    key_ = name;
    if (depth_ == 1) {
      in_metadata_ = name == "__metadata__";
      tensor_ = in_metadata_ ? "" : name;
      if (!seen_.insert(name).second) fail("the key " + quoted(name) + " stands twice in the header");
    } else if (in_metadata_) {
      if (metadata.contains(name)) fail("the key " + quoted(name) + " stands twice in __metadata__");
    } else {
      Entry& entry = entries.back();
      const bool known = name == "dtype" || name == "shape" || name == "data_offsets";
      if (!known) fail("unknown key " + quoted(name) + "; it has dtype, shape and data_offsets");
      bool& has = name == "dtype" ? entry.has_dtype : name == "shape" ? entry.has_shape : entry.has_offsets;
      if (has) fail("the key " + quoted(name) + " stands twice");
      has = true;
    }
    return true;
  }
  bool end_object() {
    if (depth_ == 2 && !in_metadata_) {
      const Entry& entry = entries.back();
      if (!entry.has_dtype) fail("dtype is missing");
      if (!entry.has_shape) fail("shape is missing");
      if (!entry.has_offsets || entry.offsets.size() != 2) fail("data_offsets must be two numbers");
    }
    if (--depth_ == 1) tensor_.clear();
    return true;
  }
  bool start_array(std::size_t) {
    const bool wanted = depth_ == 2 && !in_metadata_ && !list_ && (key_ == "shape" || key_ == "data_offsets");
    if (!wanted) fail("a list is not allowed there");
    list_is_shape_ = key_ == "shape";
    list_ = list_is_shape_ ? &entries.back().shape : &entries.back().offsets;
    return true;
  }
  bool end_array() {
    list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    fail("its header is not valid JSON at byte " + std::to_string(position + 7));
  }

  static std::string quoted(const std::string& name) {
    return "\"" + (name.size() > 80 ? name.substr(0, 80) + "…" : name) + "\"";
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(label_ + ": " + (tensor_.empty() ? "" : "tensor " + quoted(tensor_) + ": ") + what);
  }

 private:
  const std::string& label_;
  int depth_ = 0;
  bool in_metadata_ = false, list_is_shape_ = false;
  std::string key_, tensor_;
  std::vector<std::uint64_t>* list_ = nullptr;
  std::unordered_set<std::string> seen_;
};

// The dtype, shape and place of a tensor, once everything about it has been found right.
struct Checked {
  const Entry* entry;
  Dtype dtype;
  Shape shape;
  std::uint64_t begin, end;
};

Checked check_entry(const Entry& entry, const std::string& label, std::uint64_t data_size) {
  const auto fail = [&](const std::string& what) {
    throw Error(label + ": tensor " + HeaderReader::quoted(entry.name) + ": " + what);
  };
  if (entry.dtype != "F32" && entry.dtype != "F64")
    fail("unknown dtype " + HeaderReader::quoted(entry.dtype) + "; F32 and F64 can be read");
  const Dtype dtype = entry.dtype == "F32" ? Dtype::f32 : Dtype::f64;

  // Missing axes are the first ones; the size must not overflow on the way.
  std::array<int, 3> axes{1, 1, 1};
  std::uint64_t bytes = size_of(dtype);
  for (std::size_t k = 0; k < entry.shape.size(); ++k) {
    const std::uint64_t length = entry.shape[k];
    if (length > std::numeric_limits<int>::max()) fail("axis length " + std::to_string(length) + " is above 2^31 - 1");
    if (__builtin_mul_overflow(bytes, length, &bytes)) fail("shape times element size overflows");
    axes[3 - entry.shape.size() + k] = static_cast<int>(length);
  }

  const std::uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  const std::string range = "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "]";
  if (end < begin) fail(range + " are reversed");
  if (end > data_size)
    fail(range + " end beyond the file, which has " + std::to_string(data_size) +
         " bytes of numbers; is it cut short?");
  if (end - begin != bytes)
    fail(range + " hold " + std::to_string(end - begin) + " bytes, but the shape needs " + std::to_string(bytes));
  return {&entry, dtype, {axes[0], axes[1], axes[2]}, begin, end};
}

// The tensors in file order, which must cover the numbers without hole or overlap.
std::vector<Checked> check_layout(const std::vector<Entry>& entries, const std::string& label,
                                  std::uint64_t data_size) {
  std::vector<Checked> checked;
  for (const Entry& entry : entries) checked.push_back(check_entry(entry, label, data_size));
  std::stable_sort(checked.begin(), checked.end(), [](const Checked& a, const Checked& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t covered = 0;
  for (const Checked& tensor : checked) {
    if (tensor.begin != covered)
      throw Error(label + ": tensor " + HeaderReader::quoted(tensor.entry->name) + ": its numbers begin at byte " +
                  std::to_string(tensor.begin) +
                  (tensor.begin < covered ? ", inside another tensor's" : ", after a hole") + "; expected " +
                  std::to_string(covered));
    covered = tensor.end;
  }
  if (covered != data_size)
    throw Error(label + ": " + std::to_string(data_size - covered) + " bytes at its end belong to no tensor");
  return checked;
}

// What comes before the numbers: the header's length and the header.
std::string encode_header(const Tensors& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < tensors.count(); ++i) {
    const Tensor& tensor = tensors[i];
    require(tensors.name(i) != "__metadata__", "a tensor may not be called __metadata__");
    const Shape shape = tensor.shape();
    header[tensors.name(i)] = {{"dtype", tensor.dtype() == Dtype::f32 ? "F32" : "F64"},
                               {"shape", {shape.tasks, shape.rows, shape.cols}},
                               {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }

  // The header is filled up with blanks to a multiple of 8 bytes, so that the numbers are aligned.
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("a tensor's name or the metadata is not valid UTF-8, so it cannot be saved as safetensors");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + text;
}

std::string_view bytes_of(const Tensor& numbers) {
  return {static_cast<const char*>(numbers.data()), numbers.bytes()};
}

}  // namespace

std::string encode_safetensors(const Tensors& tensors, const Metadata& metadata) {
  const Tensors here = tensors.to(Device::cpu);
  std::string bytes = encode_header(here, metadata);
  for (std::size_t i = 0; i < here.count(); ++i) bytes += bytes_of(here[i]);
  return bytes;
}

Tensors decode_safetensors(std::string_view bytes, const std::string& label, Metadata* metadata) {
  // The length of the header comes first, and must lie inside the file.
  const auto fail = [&](const std::string& what) { throw Error(label + ": " + what); };
  if (bytes.size() < 8) fail("it has " + std::to_string(bytes.size()) + " bytes; a safetensors file has at least 8");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > max_header)
    fail("its header claims " + std::to_string(length) + " bytes; at most 100000000 are allowed");
  if (length > bytes.size() - 8)
    fail("its header claims " + std::to_string(length) + " bytes, but the file ends after " +
         std::to_string(bytes.size() - 8) + "; is it cut short?");
  const std::string_view header = bytes.substr(8, length), data = bytes.substr(8 + length);
  if (header.empty() || header[0] != '{') fail("its header does not begin with '{'; is it a safetensors file?");
  if (const std::size_t zero = header.find('\0'); zero != std::string_view::npos)
    fail("its header has a zero byte at byte " + std::to_string(zero + 8));

  // Read the header, account for every byte, and only then make tensors.
  HeaderReader reader(label);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  Tensors tensors;
  for (const Checked& checked : check_layout(reader.entries, label, data.size())) {
    Tensor tensor(checked.shape, checked.dtype);
    if (checked.end > checked.begin)
      std::memcpy(tensor.mutable_data(), data.data() + checked.begin, checked.end - checked.begin);
    tensors.add(checked.entry->name, std::move(tensor));
  }
  if (metadata) *metadata = std::move(reader.metadata);
  return tensors;
}

void save_safetensors(const std::string& path, const Tensors& tensors, const Metadata& metadata,
                      const FileCalls& calls) {
  // Small tensors are gathered; a large one, such as a replay buffer, is written from where it lies.
  constexpr std::size_t large = std::size_t{1} << 20;
  const Tensors here = tensors.to(Device::cpu);
  std::deque<std::string> gathered{encode_header(here, metadata)};
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < here.count(); ++i) {
    const std::string_view bytes = bytes_of(here[i]);
    if (bytes.size() < large) {
      gathered.back() += bytes;
      continue;
    }
    parts.push_back(gathered.back());
    parts.push_back(bytes);
    gathered.emplace_back();
  }
  parts.push_back(gathered.back());
  write_file_atomically(path, parts, calls);
}

Tensors load_safetensors(const std::string& path, Metadata* metadata) {
  return decode_safetensors(read_file(path), path, metadata);
}

}  // namespace innerloop::nn
