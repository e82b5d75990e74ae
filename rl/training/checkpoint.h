// Checkpoints: one list says what a part of a trainer remembers; it saves, it checks, and it loads.
//
//   void visit(Checkpoint& c) {
//     c("theta", theta_);                        // a list of tensors: "theta/…"
//     if (config_.adam) c("adam", moments_);     // conditions read the config alone
//     c("", source_);                            // a part with a visit() of its own
//     c.numbers("last", loss_, target_mean_);    // packed into one tensor
//   }
//   Tensors state = save(trainer);
//   load(trainer, state);
//
// Saving shares storage: nothing is copied until one side writes. Loading goes through the list twice: once checking,
// once assigning, so a checkpoint that is refused leaves everything as it was. Each entry of a checkpoint must be in
// the list, and each of the list in the checkpoint, with its shape and its dtype.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "autodiff/tensor.h"
#include "nn/optimizer.h"

namespace innerloop::rl {

class Checkpoint {
 public:
  enum class Pass : std::uint8_t { save, check, assign };
  explicit Checkpoint(Tensors& into) : into_(&into), pass_(Pass::save) {}
  // iteration: how many were done when it was saved.
  Checkpoint(const Tensors& from, Pass pass, int iteration) : from_(&from), pass_(pass), iteration_(iteration) {}

  // --- What is in the list -------------------------------------------------------------------------------------------
  void operator()(std::string_view name, Tensor& tensor);
  void operator()(std::string_view prefix, Tensors& list);  // each under its own name; names and shapes stay
  void operator()(std::string_view prefix, nn::AdamState& moments);    // "m/…", "v/…", "steps"
  void operator()(std::string_view name, std::vector<double>& numbers);       // of this length: (1, 1, n) f64
  void operator()(std::string_view name, std::vector<std::uint64_t>& words);  // (1, 1, 4n): 16 bits in each number
  // Named numbers, (1, 1, n) f64. Where whole numbers are needed, others are refused.
  template <class... Number>
  void numbers(std::string_view name, Number&... number);
  // A tensor that the first iteration makes: empty and absent before it, and there from then on, of this shape.
  void from_first_iteration(std::string_view name, Tensor& tensor, Shape shape, Dtype dtype);
  // A part that has a visit(Checkpoint&): its names follow the prefix.
  template <class Part>
    requires requires(Part& part, Checkpoint& c) { part.visit(c); }
  void operator()(std::string_view prefix, Part& part);

  // --- For a part with rules of its own ------------------------------------------------------------------------------
  bool saving() const { return pass_ == Pass::save; }
  bool assigning() const { return pass_ == Pass::assign; }  // only now may a part that loads change
  int iteration() const { return iteration_; }              // of a checkpoint that is loaded
  void save(std::string_view name, const Tensor& tensor);
  // The saved tensor, or nullptr; and the one that must be there, of any shape or of this one.
  const Tensor* find(std::string_view name);
  const Tensor& saved(std::string_view name);
  const Tensor& saved(std::string_view name, Shape shape, Dtype dtype);
  // "checkpoint: <name> <what>; use the options of the run that wrote it"
  [[noreturn]] void refuse(std::string_view name, const std::string& what) const;

  // After checking: Error naming an entry that was not in the list.
  void require_all_visited() const;

 private:
  std::string full_name(std::string_view name) const { return prefix_ + std::string(name); }
  void pack(std::string_view name, std::span<const double> numbers);
  std::vector<double> unpacked(std::string_view name, std::size_t count);
  template <class Number>
  void assign_number(std::string_view name, double saved, Number& number);

  Tensors* into_ = nullptr;
  const Tensors* from_ = nullptr;
  Pass pass_;
  int iteration_ = 0;
  std::string prefix_;  // "" or "theta/"
  std::set<std::string, std::less<>> visited_;
};

// All that a part remembers.
template <class Part>
Tensors save(const Part& part) {
  Tensors state;
  Checkpoint c(state);
  const_cast<Part&>(part).visit(c);  // which changes nothing while it saves
  return state;
}

// Makes it as the one that was saved. Error, and no change, if the state does not fit.
template <class Part>
void load(Part& part, const Tensors& state, int iteration = 0) {
  Checkpoint check(state, Checkpoint::Pass::check, iteration);
  part.visit(check);
  check.require_all_visited();
  Checkpoint assign(state, Checkpoint::Pass::assign, iteration);
  part.visit(assign);
}

// --- Templates -------------------------------------------------------------------------------------------------------

template <class Part>
  requires requires(Part& part, Checkpoint& c) { part.visit(c); }
void Checkpoint::operator()(std::string_view prefix, Part& part) {
  const std::string outer = prefix_;
  if (!prefix.empty()) prefix_ += std::string(prefix) + "/";
  part.visit(*this);
  prefix_ = outer;
}

template <class... Number>
void Checkpoint::numbers(std::string_view name, Number&... number) {
  static_assert((std::is_arithmetic_v<Number> && ...));
  if (saving()) return pack(name, std::vector<double>{static_cast<double>(number)...});
  const std::vector<double> saved = unpacked(name, sizeof...(number));
  std::size_t k = 0;
  (assign_number(name, saved[k++], number), ...);
}

template <class Number>
void Checkpoint::assign_number(std::string_view name, double saved, Number& number) {
  // All whole numbers below 2⁶³ that a double holds convert there and back.
  if constexpr (std::is_integral_v<Number>)
    if (!(saved >= 0 && saved < 9.2e18) || saved != static_cast<double>(static_cast<Number>(
                                                        static_cast<std::int64_t>(saved))))
      refuse(name, "holds " + std::to_string(saved) + " where a whole number is needed");
  if (assigning()) number = static_cast<Number>(saved);
}

}  // namespace innerloop::rl
