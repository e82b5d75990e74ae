// The matrix product against plain loops. Most cases use small integers, for which every order of adding is exact, so
// that equality is asked for; the others use real numbers and state the rounding error that is allowed.
#include "kernels/cpu/gemm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/philox.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;
using kernels::gemm;
using kernels::gemm_bias;

namespace {

// Memory between two pages that nobody may touch: a read or write beyond the numbers placed at its edge is fatal.
// (Sanitizers do not look into the innermost loops, see CMakeLists.txt; this does.)
class GuardedMemory {
 public:
  GuardedMemory() {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* begin = mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) FAIL("no address space");
    begin_ = static_cast<std::byte*>(begin) + page;
    if (mprotect(begin_, size_, PROT_READ | PROT_WRITE) != 0) FAIL("no memory");
  }
  // A copy of the numbers that ends at the upper guard, or begins at the lower one.
  template <class T>
  T* place(const std::vector<T>& numbers, bool at_end) {
    const std::size_t bytes = numbers.size() * sizeof(T);
    if (bytes > size_) FAIL("matrix too large for the test's memory");
    std::byte* to = at_end ? begin_ + size_ - bytes : begin_;
    std::memcpy(to, numbers.data(), bytes);
    return reinterpret_cast<T*>(to);
  }

 private:
  static constexpr std::size_t size_ = std::size_t{4} << 20;
  std::byte* begin_ = nullptr;
};

GuardedMemory& guarded_memory(int which) {
  static GuardedMemory memory[3];
  return memory[which];
}

// A stored matrix whose rows are `padding` numbers longer than they need be. The last row ends without padding.
template <class T>
struct Stored {
  int rows, cols, stride;
  std::vector<T> numbers;

  Stored(int r, int c, int padding, T fill)
      : rows(r), cols(c), stride(c + padding), numbers(static_cast<std::size_t>((r - 1) * (c + padding) + c), fill) {}
  T& at(int r, int c) { return numbers[static_cast<std::size_t>(r * stride + c)]; }
  const T& at(int r, int c) const { return numbers[static_cast<std::size_t>(r * stride + c)]; }
  const T& at(int r, int c, bool transposed) const { return transposed ? at(c, r) : at(r, c); }
};

struct Form {
  int m, n, k;
  bool transpose_a, transpose_b, accumulate;
};

// Whole numbers from −4 to 4, so that all sums are exact in float.
struct Integers {
  std::uint32_t state = 1;
  int operator()() {
    state = state * 1664525U + 1013904223U;
    return static_cast<int>(state >> 16) % 9 - 4;
  }
};

// Numbers between −1 and 1.
struct Reals {
  Philox random{7, Place{}};
  int left = 8000;
  std::uint32_t trajectory = 0;
  double operator()() {
    if (--left == 0) random = Philox(7, Place{.trajectory = ++trajectory}), left = 8000;
    return random.uniform(-1, 1);
  }
};

// The operands of a product, with NaN beside A and B and a mark beside C.
template <class T>
struct Operands {
  static constexpr T mark = T(12345);
  Form form;
  Stored<T> a, b, c;

  template <class Source>
  Operands(const Form& f, Source& next, int padding = 3)
      : form(f),
        a(f.transpose_a ? f.k : f.m, f.transpose_a ? f.m : f.k, padding, std::numeric_limits<T>::quiet_NaN()),
        b(f.transpose_b ? f.n : f.k, f.transpose_b ? f.k : f.n, padding, std::numeric_limits<T>::quiet_NaN()),
        c(f.m, f.n, padding, mark) {
    for (Stored<T>* x : {&a, &b, &c})
      for (int r = 0; r < x->rows; ++r)
        for (int j = 0; j < x->cols; ++j) x->at(r, j) = static_cast<T>(next());
  }

  // Calculated in guarded memory.
  Stored<T> product(bool at_end = true) const {
    Stored<T> out = c;
    T* numbers = guarded_memory(2).place(c.numbers, at_end);
    gemm(form.m, form.n, form.k, guarded_memory(0).place(a.numbers, at_end), a.stride, form.transpose_a,
         guarded_memory(1).place(b.numbers, at_end), b.stride, form.transpose_b, numbers, out.stride, form.accumulate);
    out.numbers.assign(numbers, numbers + out.numbers.size());
    return out;
  }
};

// Whether the product of small integers is exact everywhere, and nothing beside C was written.
template <class T>
bool exact(const Form& f) {
  Integers next;
  const Operands<T> x(f, next);
  const Stored<T> out = x.product(f.accumulate);
  Stored<T> expected = x.c;
  for (int i = 0; i < f.m; ++i)
    for (int j = 0; j < f.n; ++j) {
      T sum = f.accumulate ? x.c.at(i, j) : T(0);
      for (int p = 0; p < f.k; ++p) sum += x.a.at(i, p, f.transpose_a) * x.b.at(p, j, f.transpose_b);
      expected.at(i, j) = sum;
    }
  return out.numbers == expected.numbers;
}

template <class T>
bool exact_in_all_forms(int m, int n, int k) {
  for (int bits = 0; bits < 8; ++bits)
    if (!exact<T>({m, n, k, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0})) return false;
  return true;
}

template <class T>
bool same_bits(const Stored<T>& x, const Stored<T>& y) {
  for (int r = 0; r < x.rows; ++r)
    if (std::memcmp(&x.at(r, 0), &y.at(r, 0), sizeof(T) * static_cast<std::size_t>(x.cols)) != 0) return false;
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("gemm: a product worked out by hand [GEMM eq. product]", "", float, double) {
  // [1 2; 3 4; 5 6] · [1 0 −1; 2 1 0] = [5 2 −1; 11 4 −3; 17 6 −5]
  const TestType a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, -1, 2, 1, 0};
  TestType c[9];
  gemm(3, 3, 2, a, 2, false, b, 3, false, c, 3, false);
  CHECK(std::vector<TestType>(c, c + 9) == std::vector<TestType>{5, 2, -1, 11, 4, -3, 17, 6, -5});
  gemm(3, 3, 2, a, 2, false, b, 3, false, c, 3, true);
  CHECK(std::vector<TestType>(c, c + 9) == std::vector<TestType>{10, 4, -2, 22, 8, -6, 34, 12, -10});
}

TEMPLATE_TEST_CASE("gemm: exact on small integers, every small size, transpose and accumulate", "", float, double) {
  const int sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33};
  for (int m : sizes)
    for (int n : sizes)
      for (int k : sizes) {
        CAPTURE(m, n, k);
        if (!exact_in_all_forms<TestType>(m, n, k)) FAIL("wrong number, or a write beside C");
      }
}

TEMPLATE_TEST_CASE("gemm: exact on small integers, larger sizes", "", float, double) {
  // One side large, the others from a list that crosses every block boundary; a seventh of the triples.
  const int sizes[] = {1, 2, 4, 10, 23, 31, 48, 63, 64, 65, 70, 100, 129, 257};
  int index = 0;
  for (int m : sizes)
    for (int n : sizes)
      for (int k : sizes) {
        if (index++ % 7 != 0) continue;
        CAPTURE(m, n, k);
        if (!exact_in_all_forms<TestType>(m, n, k)) FAIL("wrong number, or a write beside C");
      }
  for (int side : {1, 2, 3, 5, 64}) {
    CAPTURE(side);
    CHECK(exact_in_all_forms<TestType>(2000, side, 3));
    CHECK(exact_in_all_forms<TestType>(side, 7, 2000));
    CHECK(exact_in_all_forms<TestType>(3, side, 2000));
    CHECK(exact_in_all_forms<TestType>(2, 2000, side));
    CHECK(exact_in_all_forms<TestType>(2000, 2, side));
  }
}

TEMPLATE_TEST_CASE("gemm: empty sides", "", float, double) {
  TestType c[4] = {1, 2, 3, 4};
  const TestType none[1] = {};
  gemm(2, 2, 0, none, 1, false, none, 2, false, c, 2, true);
  CHECK(std::vector<TestType>(c, c + 4) == std::vector<TestType>{1, 2, 3, 4});
  gemm(0, 2, 2, none, 2, false, c, 2, false, c, 2, false);
  gemm(2, 0, 2, c, 2, false, none, 1, false, c, 1, false);
  CHECK(std::vector<TestType>(c, c + 4) == std::vector<TestType>{1, 2, 3, 4});
  gemm(2, 2, 0, none, 1, false, none, 2, false, c, 2, false);
  CHECK(std::vector<TestType>(c, c + 4) == std::vector<TestType>(4));
}

TEMPLATE_TEST_CASE("gemm: rounding error of at most four units of the sum of magnitudes", "", float, double) {
  Reals next;
  const Form forms[] = {{33, 100, 100, false, false, true}, {33, 64, 64, false, true, false},
                        {64, 17, 500, true, false, false},  {20, 2, 64, false, false, false},
                        {64, 2, 500, true, false, true},    {2, 64, 500, true, false, false},
                        {50, 64, 2, false, true, true},     {30, 70, 300, true, true, false},
                        {3, 40, 129, false, true, false}};
  for (const Form& f : forms) {
    CAPTURE(f.m, f.n, f.k, f.transpose_a, f.transpose_b);
    const Operands<TestType> x(f, next);
    const Stored<TestType> out = x.product();
    double worst = 0;
    for (int i = 0; i < f.m; ++i)
      for (int j = 0; j < f.n; ++j) {
        long double sum = f.accumulate ? x.c.at(i, j) : 0, magnitude = std::abs(sum);
        for (int p = 0; p < f.k; ++p) {
          const long double term = static_cast<long double>(x.a.at(i, p, f.transpose_a)) * x.b.at(p, j, f.transpose_b);
          sum += term;
          magnitude += std::abs(term);
        }
        worst = std::max(worst, static_cast<double>(std::abs(out.at(i, j) - sum) / magnitude));
      }
    CHECK(worst <= 4 * static_cast<double>(std::numeric_limits<TestType>::epsilon()));
  }
}

TEMPLATE_TEST_CASE("gemm: the same bits for every alignment and stride", "", float, double) {
  for (const Form& f : {Form{50, 100, 70, false, false, false}, Form{50, 100, 70, false, true, true},
                        Form{64, 64, 300, true, false, false}, Form{50, 3, 70, false, false, false},
                        Form{30, 2, 300, true, false, false}, Form{40, 50, 3, false, true, false}}) {
    CAPTURE(f.m, f.n, f.k, f.transpose_a, f.transpose_b);
    Reals once;
    const Stored<TestType> first = Operands<TestType>(f, once, 0).product();
    for (int padding = 0; padding < 4; ++padding) {
      Reals next;
      const Operands<TestType> x(f, next, padding);
      std::vector<TestType> a(x.a.numbers.size() + 3), b(x.b.numbers.size() + 3), c(x.c.numbers.size() + 3);
      std::copy(x.a.numbers.begin(), x.a.numbers.end(), a.begin() + padding);
      std::copy(x.b.numbers.begin(), x.b.numbers.end(), b.begin() + 3 - padding);
      std::copy(x.c.numbers.begin(), x.c.numbers.end(), c.begin() + 1);
      gemm(f.m, f.n, f.k, a.data() + padding, x.a.stride, f.transpose_a, b.data() + 3 - padding, x.b.stride,
           f.transpose_b, c.data() + 1, x.c.stride, f.accumulate);
      Stored<TestType> out = x.c;
      std::copy(c.begin() + 1, c.begin() + 1 + static_cast<std::ptrdiff_t>(out.numbers.size()), out.numbers.begin());
      CHECK(same_bits(first, out));
    }
  }
}

TEMPLATE_TEST_CASE("gemm: a row of A·B has the same bits whatever rows stand beside it", "", float, double) {
  for (const Form& f : {Form{300, 64, 64, false, false, false}, Form{65, 100, 200, false, false, false},
                        Form{65, 2, 64, false, false, false}, Form{65, 64, 2, false, false, false}}) {
    CAPTURE(f.n, f.k);
    Reals next;
    const Operands<TestType> x(f, next, 1);
    const Stored<TestType> whole = x.product();
    for (int rows : {1, 2, 7, 32}) {
      Stored<TestType> parts = x.c;
      for (int i = 0; i < f.m; i += rows)
        gemm(std::min(rows, f.m - i), f.n, f.k, &x.a.at(i, 0), x.a.stride, false, x.b.numbers.data(), x.b.stride, false,
             &parts.at(i, 0), parts.stride, false);
      CHECK(same_bits(whole, parts));
    }
  }
}

TEMPLATE_TEST_CASE("gemm: a B that was packed before changes no bit", "", float, double) {
  using kernels::pack, kernels::packed_size;
  for (const int m : {1, 2, 5, 64, 400})
    for (const int n : {3, 16, 48, 70, 300})
      for (const int k : {2, 48, 300})
        for (const bool transpose_b : {false, true}) {
          const Form f{m, n, k, false, transpose_b, m == 5};
          CAPTURE(m, n, k, transpose_b);
          Reals next;
          const Operands<TestType> x(f, next);
          std::vector<TestType> panels(packed_size<TestType>(n, k));
          pack(n, k, x.b.numbers.data(), x.b.stride, transpose_b, panels.data());
          Stored<TestType> out = x.c;
          gemm(m, n, k, x.a.numbers.data(), x.a.stride, false, x.b.numbers.data(), x.b.stride, transpose_b,
               out.numbers.data(), out.stride, f.accumulate, static_cast<const TestType*>(panels.data()));
          CHECK(same_bits(x.product(), out));

          // Where threads do not share the product and it is no thin one, only the panels are read.
          ThreadCount one(1);
          if (m < 3 || n < 5 || k < 5) continue;
          std::vector<TestType> none(x.b.numbers.size(), std::numeric_limits<TestType>::quiet_NaN());
          Stored<TestType> from_panels = x.c;
          gemm(m, n, k, x.a.numbers.data(), x.a.stride, false, none.data(), x.b.stride, transpose_b,
               from_panels.numbers.data(), from_panels.stride, f.accumulate,
               static_cast<const TestType*>(panels.data()));
          CHECK(same_bits(out, from_panels));
        }
}

TEMPLATE_TEST_CASE("gemm_bias: the same bits as the product, then the addition, then ReLU", "", float, double) {
  for (const Form& f : {Form{50, 64, 64, false, false, false}, Form{50, 100, 200, false, false, false},
                        Form{50, 70, 600, false, false, false}, Form{50, 2, 64, false, false, false},
                        Form{50, 70, 2, false, false, false}, Form{1, 1, 1, false, false, false},
                        Form{5, 5, 0, false, false, false}}) {
    CAPTURE(f.m, f.n, f.k);
    Reals next;
    const Operands<TestType> x({f.m, f.n, std::max(f.k, 1), false, false, false}, next);
    std::vector<TestType> bias(static_cast<std::size_t>(f.n));
    for (TestType& number : bias) number = static_cast<TestType>(next());
    Stored<TestType> expected = x.c;
    gemm(f.m, f.n, f.k, x.a.numbers.data(), x.a.stride, false, x.b.numbers.data(), x.b.stride, false,
         expected.numbers.data(), expected.stride, false);
    const auto after_each = [&](auto change) {
      for (int i = 0; i < f.m; ++i)
        for (int j = 0; j < f.n; ++j) expected.at(i, j) = change(expected.at(i, j), bias[static_cast<std::size_t>(j)]);
    };
    const auto with_bias = [&](bool relu) {
      Stored<TestType> out = x.c;
      gemm_bias(f.m, f.n, f.k, x.a.numbers.data(), x.a.stride, x.b.numbers.data(), x.b.stride, bias.data(), relu,
                out.numbers.data(), out.stride);
      return out.numbers;
    };
    after_each([](TestType c, TestType b) { return c + b; });
    CHECK(with_bias(false) == expected.numbers);
    after_each([](TestType c, TestType) { return std::max(c, TestType(0)); });
    CHECK(with_bias(true) == expected.numbers);
  }
}

TEMPLATE_TEST_CASE("gemm_bias: ReLU lets NaN through", "", float, double) {
  const auto nan = std::numeric_limits<TestType>::quiet_NaN();
  for (int columns : {2, 11, 40}) {
    CAPTURE(columns);
    std::vector<TestType> x(5, 1), weights(static_cast<std::size_t>(5 * columns), -1);
    std::vector<TestType> bias(static_cast<std::size_t>(columns)), y = bias;
    bias[1] = nan;
    gemm_bias(1, columns, 5, x.data(), 5, weights.data(), columns, bias.data(), true, y.data(), columns);
    for (std::size_t j = 0; j < y.size(); ++j) CHECK((j == 1 ? std::isnan(y[j]) : y[j] == 0));
  }
}

TEMPLATE_TEST_CASE("gemm: NaN and infinity reach exactly the row or column they belong to", "", float, double) {
  for (const Form& f : {Form{20, 40, 30, false, false, false}, Form{20, 3, 30, false, false, false},
                        Form{20, 3, 30, true, false, false}, Form{20, 40, 3, false, true, false},
                        Form{3, 40, 30, false, true, false}}) {
    CAPTURE(f.m, f.n, f.k, f.transpose_a, f.transpose_b);
    Integers next;
    Operands<TestType> x(f, next);
    // 0 · NaN is NaN: row 2 of op(A) is zero but for the NaN, and must come out as NaN in every column.
    for (int p = 0; p < f.k; ++p) (f.transpose_a ? x.a.at(p, 2) : x.a.at(2, p)) = 0;
    (f.transpose_a ? x.a.at(1, 2) : x.a.at(2, 1)) = std::numeric_limits<TestType>::quiet_NaN();
    (f.transpose_b ? x.b.at(1, 2) : x.b.at(2, 1)) = std::numeric_limits<TestType>::infinity();
    const Stored<TestType> out = x.product();
    bool right = true;
    for (int i = 0; i < f.m; ++i)
      for (int j = 0; j < f.n; ++j) right = right && std::isfinite(out.at(i, j)) == (i != 2 && j != 1);
    CHECK(right);
  }
}

// Products that threads share: many columns; many more rows than columns; each side transposed; with C added.
constexpr Form kShared[] = {{130, 170, 150, false, false, false}, {130, 170, 150, false, true, true},
                            {97, 230, 300, true, false, false},   {150, 140, 100, true, true, false},
                            {900, 50, 70, false, false, false},   {901, 50, 70, false, true, true},
                            {500, 60, 300, true, false, false}};

// [threads] kernels/cpu/gemm.cpp
TEMPLATE_TEST_CASE("gemm: threads that share a large product change no bit of it", "[threads]", float, double) {
  for (const Form& f : kShared) {
    CAPTURE(f.m, f.n, f.k, f.transpose_a, f.transpose_b);
    REQUIRE(1.0 * f.m * f.n * f.k >= kernels::worth_threads);
    Reals next;
    const Operands<TestType> x(f, next);
    std::vector<TestType> bias(static_cast<std::size_t>(f.n));
    for (TestType& number : bias) number = static_cast<TestType>(next());
    const auto with_bias = [&] {
      Stored<TestType> out = x.c;
      gemm_bias(f.m, f.n, f.k, x.a.numbers.data(), x.a.stride, x.b.numbers.data(), x.b.stride, bias.data(), true,
                out.numbers.data(), out.stride);
      return out;
    };
    const bool plain = !f.transpose_a && !f.transpose_b;
    ThreadCount one(1);
    const Stored<TestType> expected = x.product(), expected_with_bias = plain ? with_bias() : expected;
    for (int threads : {2, 3, 4}) {
      ThreadCount several(threads);
      CHECK(same_bits(x.product(), expected));
      if (plain) CHECK(same_bits(with_bias(), expected_with_bias));
    }
  }
}

TEMPLATE_TEST_CASE("gemm: no heap allocation", "", float, double) {
  Integers next;
  const std::vector<TestType> ones(200 * 200, 1);  // starts the threads
  std::vector<TestType> product(200 * 200);
  gemm(200, 200, 200, ones.data(), 200, false, ones.data(), 200, false, product.data(), 200, false);
  for (const Form& f : {Form{100, 100, 100, false, true, false}, Form{100, 2, 300, false, false, false},
                        Form{100, 2, 300, true, false, false}, Form{100, 70, 3, false, true, false},
                        Form{300, 300, 300, true, false, true}}) {
    const Operands<TestType> x(f, next);
    Stored<TestType> out = x.c;
    const long before = allocations();
    gemm(f.m, f.n, f.k, x.a.numbers.data(), x.a.stride, f.transpose_a, x.b.numbers.data(), x.b.stride, f.transpose_b,
         out.numbers.data(), out.stride, f.accumulate);
    CHECK(allocations() == before);
  }
}
