// Checkpoints: what is saved is read back bit for bit, every damaged file is refused with a clear message, and a failed
// write leaves the previous file as it was.
#include "nn/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>

#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/sanitized.h"

using namespace innerloop;
using namespace innerloop::nn;
using Catch::Matchers::ContainsSubstring;

namespace {

// A folder of its own for each test, gone afterwards.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "innerloop-safetensors-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

// A file of this header and that many zero bytes of numbers.
std::string file_of(const std::string& header, std::size_t data = 0) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, '\0');
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + rest;
}

// {"w": {...}} with these three texts.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

Tensors example() {
  Tensors tensors;
  tensors.add("policy/W1", Tensor::from({1, 2, 3}, std::vector<double>{1, -2, 0.1, 1e-300, 3, 4}, Dtype::f64));
  tensors.add("policy/log_sigma", Tensor::from({1, 1, 2}, std::vector<double>{0.1, -0.5}, Dtype::f32));
  tensors.add("theta_i", Tensor::from({2, 1, 1}, std::vector<double>{7, 8}, Dtype::f32));
  return tensors;
}

std::string message_of(const std::string& bytes) {
  try {
    decode_safetensors(bytes, "x.safetensors");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("safetensors: what is saved is read back bit for bit, in the same order", "[nn][safetensors]") {
  Folder folder;
  Tensors saved = example();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  saved.add("specials", Tensor::from({1, 1, 4}, std::vector<double>{-0.0, nan, -INFINITY, 5e-324}, Dtype::f64));
  saved.add("empty", Tensor({1, 0, 3}, Dtype::f32));
  const Metadata metadata{{"iteration", "20"}, {"note", "θ′ \"quoted\"\n"}};
  save_safetensors(folder / "a.safetensors", saved, metadata);

  Metadata read;
  const Tensors loaded = load_safetensors(folder / "a.safetensors", &read);
  CHECK(bitwise_equal(saved, loaded));
  CHECK(read == metadata);
  for (std::size_t i = 0; i < saved.count(); ++i) CHECK(loaded.name(i) == saved.name(i));
  CHECK_FALSE(std::filesystem::exists(folder / "a.safetensors.tmp"));
}

TEST_CASE("safetensors: the bytes are those of the format's description", "[nn][safetensors]") {
  Tensors tensors;
  tensors.add("w", Tensor::from({1, 1, 2}, std::vector<double>{1.0, -2.0}, Dtype::f32));
  const std::string header = R"({"w":{"dtype":"F32","shape":[1,1,2],"data_offsets":[0,8]}})";
  std::string expected = file_of(header + std::string((8 - header.size() % 8) % 8, ' '));
  expected[0] = static_cast<char>(expected.size() - 8);
  expected += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);  // 1.0f and -2.0f, little-endian
  CHECK(encode_safetensors(tensors) == expected);
  CHECK(decode_safetensors(expected, "golden")["w"].at(0, 0, 1) == -2.0);
}

TEST_CASE("safetensors: fewer axes are the last ones, and other writers' habits are accepted", "[nn][safetensors]") {
  const auto shape_of = [](const std::string& header, std::size_t data) {
    return decode_safetensors(file_of(header, data), "x")["w"].shape();
  };
  CHECK(shape_of(entry("F64", "[]", "[0,8]"), 8) == Shape{1, 1, 1});
  CHECK(shape_of(entry("F32", "[5]", "[0,20]"), 20) == Shape{1, 1, 5});
  CHECK(shape_of(entry("F32", "[2,5]", "[0,40]"), 40) == Shape{1, 2, 5});
  CHECK(shape_of(entry("F32", "[3,0,5]", "[0,0]"), 0) == Shape{3, 0, 5});
  CHECK(shape_of(entry("F32", "[1]", "[0,4]") + "     ", 4) == Shape{1, 1, 1});
  CHECK(decode_safetensors(file_of("{}"), "x").count() == 0);
  // The order in the header need not be the order of the numbers.
  const std::string swapped = R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                              R"("a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}})";
  CHECK(decode_safetensors(file_of(swapped, 8), "x").name(0) == "a");
}

TEST_CASE("safetensors: each hostile file is refused, with a message naming file, tensor and what is wrong",
          "[nn][safetensors]") {
  struct Hostile {
    const char* name;
    std::string bytes;
    const char* message;
  };
  const std::string good = entry("F32", "[2]", "[0,8]");
  const auto two = [](const char* first, const char* second) {
    return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + std::string(first) +
           R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" + second + "}}";
  };
  const std::vector<Hostile> files = {
      {"empty", "", "it has 0 bytes"},
      {"shorter than its length", "1234567", "it has 7 bytes"},
      {"header length 0", with_length(0, ""), "does not begin with '{'"},
      {"header length beyond the file", with_length(1000, good), "is it cut short?"},
      {"header length 2^63", with_length(1ull << 63, good), "9223372036854775808 bytes; at most 100000000"},
      {"header length 2^64 - 1", with_length(~0ull, good), "at most 100000000"},
      {"header length 100 MB + 1", with_length(100'000'001, good), "100000001 bytes; at most 100000000"},
      {"length of the wrong byte order", with_length(__builtin_bswap64(good.size()), good), "at most 100000000"},
      {"leading blank", file_of(" " + good, 8), "does not begin with '{'"},
      {"not JSON", file_of("{hello}", 0), "not valid JSON at byte"},
      {"not UTF-8", file_of("{\"\xff\xfe\":{}}", 0), "not valid JSON at byte"},
      {"zero byte after the header's end", file_of(good + std::string(1, '\0'), 8), "zero byte at byte"},
      {"garbage after the header", file_of(good + "]", 8), "not valid JSON"},
      {"unfinished header", file_of(good.substr(0, good.size() - 1), 8), "not valid JSON"},
      {"trailing bytes", file_of(good, 9), "1 bytes at its end belong to no tensor"},
      {"hole", file_of(two("[0,8]", "[12,20]"), 20), "tensor \"b\": its numbers begin at byte 12, after a hole"},
      {"hole at the start", file_of(entry("F32", "[2]", "[4,12]"), 12), "tensor \"w\": its numbers begin at byte 4"},
      {"overlap", file_of(two("[0,8]", "[4,12]"), 12), "tensor \"b\": its numbers begin at byte 4, inside another"},
      {"the same numbers twice", file_of(two("[0,8]", "[0,8]"), 8), "inside another"},
      {"reversed offsets", file_of(entry("F32", "[2]", "[8,0]"), 8), "tensor \"w\": data_offsets [8, 0] are reversed"},
      {"offsets beyond the file", file_of(entry("F32", "[4]", "[0,16]"), 8), "end beyond the file, which has 8 bytes"},
      {"shape does not fit offsets", file_of(entry("F32", "[3]", "[0,8]"), 8), "hold 8 bytes, but the shape needs 12"},
      {"shape times size overflows", file_of(entry("F64", "[2147483647,2147483647,2]", "[0,8]"), 8), "overflows"},
      {"axis above 2^31", file_of(entry("F32", "[4294967296]", "[0,8]"), 8), "4294967296 is above 2^31 - 1"},
      {"axis above 2^64", file_of(entry("F32", "[18446744073709551616]", "[0,8]"), 8),
       "is not a whole number below 2^64"},
      {"negative axis", file_of(entry("F32", "[-2]", "[0,8]"), 8), "tensor \"w\": negative numbers are not allowed"},
      {"fractional axis", file_of(entry("F32", "[2.0]", "[0,8]"), 8), "2.0 is not a whole number"},
      {"four axes", file_of(entry("F32", "[1,1,1,2]", "[0,8]"), 8), "shape has more than 3 axes"},
      {"three offsets", file_of(entry("F32", "[2]", "[0,8,9]"), 8), "data_offsets has more than two numbers"},
      {"one offset", file_of(entry("F32", "[2]", "[8]"), 8), "data_offsets must be two numbers"},
      {"unknown dtype", file_of(entry("BF16", "[2]", "[0,4]"), 4), "unknown dtype \"BF16\"; F32 and F64 can be read"},
      {"dtype missing", file_of(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", 8), "dtype is missing"},
      {"shape missing", file_of(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", 8), "shape is missing"},
      {"unknown key", file_of(R"({"w":{"type":"F32"}})", 8), "unknown key \"type\""},
      {"key twice", file_of(R"({"w":{"dtype":"F32","dtype":"F32"}})", 8), "the key \"dtype\" stands twice"},
      {"tensor twice", file_of(good.substr(0, good.size() - 1) + "," + good.substr(1), 8), "\"w\" stands twice"},
      {"metadata not texts", file_of(R"({"__metadata__":{"iteration":20}})"), "a number is not allowed there"},
      {"metadata key twice", file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "\"a\" stands twice in __metadata__"},
      {"a list for a tensor", file_of(R"({"w":[]})"), "tensor \"w\": a list is not allowed there"},
      {"depth bomb of lists", file_of(R"({"w":)" + std::string(1'000'000, '[')), "a list is not allowed there"},
      {"depth bomb in a shape", file_of(R"({"w":{"shape":)" + std::string(1'000'000, '[')), "a list is not allowed"},
      {"depth bomb of objects", file_of(R"({"w":{"dtype":{"a":{"a":{}}}}})"), "an object is not allowed there"},
      {"literal", file_of(R"({"w":null})"), "tensor \"w\": null is not allowed there"},
  };
  for (const Hostile& file : files) {
    INFO(file.name);
    const std::string message = message_of(file.bytes);
    CHECK_THAT(message, ContainsSubstring(file.message));
    CHECK_THAT(message, ContainsSubstring("x.safetensors: "));
  }

  // 10001 empty tensors: a small file that would make many objects.
  std::string many = "{";
  for (int i = 0; i <= 10000; ++i)
    many += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  CHECK_THAT(message_of(file_of(many + "}")), ContainsSubstring("more than 10000 tensors"));
}

TEST_CASE("safetensors: every truncation of a file of about 300 bytes is refused", "[nn][safetensors]") {
  const std::string whole = encode_safetensors(example(), {{"iteration", "20"}});
  CHECK(whole.size() > 280);
  CHECK(message_of(whole) == "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO("the first " << length << " bytes");
    CHECK_THAT(message_of(whole.substr(0, length)), ContainsSubstring("x.safetensors: "));
  }
}

TEST_CASE("safetensors: mutated files are refused or read consistently", "[nn][safetensors]") {
  const std::string whole = encode_safetensors(example(), {{"iteration", "20"}});
  std::uint64_t state = 0x9e3779b97f4a7c15;  // xorshift64: any fixed sequence does
  const auto below = [&](std::size_t n) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<std::size_t>(state % n);
  };
  const std::string pieces[] = {"{", "}", "[",   "]",     "\"",   ",", ":",      "0",
                                "9", "-", "F64", "shape", "null", " ", "\\u0000"};

  int accepted = 0, inconsistent = 0;
  for (int mutant = 0; mutant < (sanitized ? 100'000 : 300'000); ++mutant) {
    std::string bytes = whole;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t place = below(bytes.size());
      switch (below(6)) {
        case 0: bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8))); break;
        case 1: bytes.replace(place, 1, pieces[below(std::size(pieces))]); break;
        case 2: bytes.insert(place, pieces[below(std::size(pieces))]); break;
        case 3: bytes.erase(place, 1 + below(9)); break;
        case 4: bytes.insert(place, bytes.substr(below(bytes.size()), below(30))); break;
        default: bytes[below(8)] = static_cast<char>(below(256)); break;
      }
      if (bytes.empty()) bytes = whole;
    }
    try {
      // Whatever is accepted means something: written out and read again it is the same.
      Metadata metadata;
      const Tensors tensors = decode_safetensors(bytes, "mutant", &metadata);
      const std::string again = encode_safetensors(tensors, metadata);
      inconsistent += !bitwise_equal(tensors, decode_safetensors(again, "again"));
      ++accepted;
    } catch (const Error&) {
    }
  }
  CHECK(inconsistent == 0);
  CHECK(accepted > 1000);     // flips in the numbers, in names
  CHECK(accepted < 150'000);  // most edits break the header or its sums
}

TEST_CASE("safetensors: files that are none, and names that cannot be saved", "[nn][safetensors]") {
  Folder folder;
  CHECK_THROWS_WITH(load_safetensors(folder / "absent"), ContainsSubstring("absent: No such file"));
  CHECK_THROWS_WITH(load_safetensors(folder.path.string()), ContainsSubstring("it is a folder"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(load_safetensors(folder / "pipe"), ContainsSubstring("not a regular file"));
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THROWS_WITH(load_safetensors(folder / "loop"), ContainsSubstring("symbolic links"));

  Tensors reserved, not_utf8;
  reserved.add("__metadata__", Tensor::scalar(1));
  not_utf8.add("\xff", Tensor::scalar(1));
  CHECK_THROWS_WITH(encode_safetensors(reserved), ContainsSubstring("__metadata__"));
  CHECK_THROWS_WITH(encode_safetensors(not_utf8), ContainsSubstring("UTF-8"));
  CHECK_THROWS_WITH(save_safetensors("/dev/null", example()), ContainsSubstring("not a regular file"));
  CHECK_THROWS_WITH(save_safetensors(folder / "no/such/folder", example()), ContainsSubstring("No such file"));
}

// ---- Failing writes -------------------------------------------------------------------------------------------------

namespace {

// Lets the first `allowed` calls through, then fails every one with `error`. The pointers of FileCalls carry no state.
int allowed = 0, failure = EIO;
bool refused() {
  if (allowed-- > 0) return false;
  errno = failure;
  return true;
}
const FileCalls failing{
    [](const char* path, int flags, unsigned mode) { return refused() ? -1 : ::open(path, flags, mode); },
    [](int fd, const void* bytes, std::size_t count) -> ssize_t { return refused() ? -1 : ::write(fd, bytes, count); },
    [](int fd) { return refused() ? -1 : ::fsync(fd); },
    [](int fd) { return refused() ? (::close(fd), errno = failure, -1) : ::close(fd); },
    [](const char* from, const char* to) { return refused() ? -1 : std::rename(from, to); }};

// Takes one byte less than offered, and every other time is interrupted: both are lawful.
bool interrupted = false;
const FileCalls stuttering{system_calls().open,
                           [](int fd, const void* bytes, std::size_t count) -> ssize_t {
                             interrupted = !interrupted;
                             if (interrupted) return errno = EINTR, -1;
                             return ::write(fd, bytes, count > 100 ? 99 : count);
                           },
                           system_calls().fsync, system_calls().close, system_calls().rename};

// A disk that is really full.
const FileCalls full_disk{[](const char* path, int flags, unsigned mode) {
                            return ::open((flags & O_CREAT) ? "/dev/full" : path, flags & ~(O_CREAT | O_TRUNC), mode);
                          },
                          ::write, ::fsync, ::close, system_calls().rename};

}  // namespace

TEST_CASE("safetensors: a file with large tensors between small ones has the bytes that are encoded",
          "[nn][safetensors]") {
  Folder folder;
  Tensors tensors = example();
  tensors.add("large", Tensor::full({1, 600, 400}, 0.25));
  tensors.add("small", Tensor::scalar(3));
  tensors.add("larger", Tensor::full({2, 600, 500}, 0.5, Dtype::f32));
  save_safetensors(folder / "checkpoint.safetensors", tensors, {{"iteration", "7"}});
  CHECK((read_file(folder / "checkpoint.safetensors") == encode_safetensors(tensors, {{"iteration", "7"}})));
}

TEST_CASE("safetensors: whichever system call fails, the old file or the new one can be read", "[nn][safetensors]") {
  Folder folder;
  const std::string path = folder / "checkpoint.safetensors";
  const Tensors before = example(), after = 2.0 * example();
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    failure = error;
    int failures = 0;
    for (int calls = 0;; ++calls) {
      save_safetensors(path, before);
      allowed = calls;
      try {
        save_safetensors(path, after, {}, failing);
        if (allowed >= 0) break;  // this time nothing was refused (only the last close may be, without harm)
      } catch (const Error& e) {
        ++failures;
        CHECK_THAT(std::string(e.what()), ContainsSubstring(path));
        CHECK_THAT(std::string(e.what()), ContainsSubstring(std::strerror(error)));
      }
      const Tensors found = load_safetensors(path);
      CHECK((bitwise_equal(found, before) || bitwise_equal(found, after)));
      CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
      REQUIRE(calls < 20);
    }
    CHECK(failures == 7);  // open, write, fsync, close, rename, open the folder, fsync it
  }
}

TEST_CASE("safetensors: a full disk leaves the previous checkpoint, short writes are carried on", "[nn][safetensors]") {
  Folder folder;
  const std::string path = folder / "checkpoint.safetensors";
  save_safetensors(path, example());
  CHECK_THROWS_WITH(save_safetensors(path, 2.0 * example(), {}, full_disk),
                    ContainsSubstring("No space left on device"));
  CHECK(bitwise_equal(load_safetensors(path), example()));
  save_safetensors(path, 2.0 * example(), {}, stuttering);
  CHECK(bitwise_equal(load_safetensors(path), 2.0 * example()));
}
