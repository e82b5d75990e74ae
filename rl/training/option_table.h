// The options of an algorithm: each row binds a field of its Config.
//
// Type, default and reading come from the field; the words of an enum stand beside the enum (kernels/words.h). A Config
// holds exactly what a reader may set, one field per option; what follows from the environment is computed from it.
//
//   struct PpoConfig { ActorCriticConfig shared = {.steps = 128}; double clip = 0.2; };
//   const Options<PpoConfig> options = Options<PpoConfig>()
//       .include(&PpoConfig::shared, actor_critic_options())
//       .add("clip", &PpoConfig::clip, {0, 10}, "ε: ratios outside 1 ± ε earn nothing more", "0.2 (table 1)");
//   PpoConfig config = options.read(values);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/words.h"
#include "rl/training/options.h"

namespace innerloop::rl {

// Of a number, or of every element of a list: both ends are allowed.
struct OptionRange {
  double low, high;
};

// What may be said otherwise of a row of a part. What is not given stays. `words`: those of the row's that are allowed,
// separated by blanks.
struct OptionEdit {
  std::optional<OptionRange> range{};
  const char *words = nullptr, *help = nullptr, *paper = nullptr;
};

// The rows, whatever the Config: what the program sees.
class OptionTable {
 public:
  virtual ~OptionTable() = default;
  const Option* begin() const { return rows_.data(); }
  const Option* end() const { return rows_.data() + rows_.size(); }
  std::size_t size() const { return rows_.size(); }
  // What a Config shows that was read from these values.
  virtual OptionValues read_and_shown(const OptionValues& values) const = 0;

 protected:
  void append(Option row, const OptionValue& initial);  // Error if there is a row of this name
  void change(std::string_view name, const OptionEdit& edit);  // Error if there is none, or a word is not one of its

 private:
  std::vector<Option> rows_;
};

// A text that lives as long as the program.
const char* kept(const std::string& text);

// --- A field and its value -------------------------------------------------------------------------------------------

template <class Field>
constexpr OptionType option_type() {
  if constexpr (std::is_enum_v<Field>) return OptionType::choice;
  else if constexpr (std::is_same_v<Field, bool>) return OptionType::boolean;
  else if constexpr (std::is_same_v<Field, int>) return OptionType::integer;
  else if constexpr (std::is_same_v<Field, double>) return OptionType::real;
  else if constexpr (std::is_same_v<Field, std::string>) return OptionType::text;
  else if constexpr (std::is_same_v<Field, std::vector<int>>) return OptionType::integers;
  else if constexpr (std::is_same_v<Field, std::vector<double>>) return OptionType::reals;
  else static_assert(!sizeof(Field), "an option is a bool, int, double, string, list of int or double, or an enum");
}

template <class Field>
OptionValue value_of(const Field& field) {
  if constexpr (std::is_enum_v<Field>) {
    const char* word = word_for(field);
    require(word != nullptr, "an option holds a value that has no word");
    return std::string(word);
  }
  else if constexpr (std::is_same_v<Field, int>) return std::int64_t{field};
  else if constexpr (std::is_same_v<Field, std::vector<int>>)
    return std::vector<std::int64_t>(field.begin(), field.end());
  else return field;
}

template <class Field>
void read_field(const OptionValues& values, std::string_view name, Field& field) {
  if constexpr (std::is_enum_v<Field>) {
    for (const Word<Field>& word : words_of(field))
      if (values.text(name) == word.text) field = word.value;
  }
  else if constexpr (std::is_same_v<Field, bool>) field = values.boolean(name);
  else if constexpr (std::is_same_v<Field, int>) field = values.integer(name);
  else if constexpr (std::is_same_v<Field, double>) field = values.real(name);
  else if constexpr (std::is_same_v<Field, std::string>) field = values.text(name);
  else if constexpr (std::is_same_v<Field, std::vector<int>>) field = values.integers(name);
  else field = values.reals(name);
}

template <class Field>
const char* choices_of() {
  std::string all;
  if constexpr (std::is_enum_v<Field>)
    for (const Word<Field>& word : words_of(Field{})) all += (all.empty() ? "" : " ") + std::string(word.text);
  return kept(all);
}

// --- The table -------------------------------------------------------------------------------------------------------

template <class Config>
class Options final : public OptionTable {
 public:
  // A row for a field: a choice, a text, true or false; and a number or a list of them, which has a range.
  template <class Field>
  Options& add(const char* name, Field Config::*field, const char* help, const char* paper = "") {
    static_assert(std::is_enum_v<Field> || std::is_same_v<Field, bool> || std::is_same_v<Field, std::string>,
                  "a number needs its range: add(name, field, {low, high}, help)");
    return bind(field, {.name = name, .help = help, .paper = paper});
  }
  template <class Field>
  Options& add(const char* name, Field Config::*field, OptionRange range, const char* help, const char* paper = "") {
    return bind(field, {.name = name, .low = range.low, .high = range.high, .help = help, .paper = paper});
  }

  // All rows of a part. Their defaults are those that this Config gives the part.
  template <class Part>
  Options& include(Part Config::*part, const Options<Part>& rows) {
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const typename Options<Part>::Binding& inner = rows.bindings()[k];
      bindings_.push_back({[=](const OptionValues& v, Config& c) { inner.read(v, c.*part); },
                           [=](const Config& c) { return inner.show(c.*part); }});
      append(rows.begin()[k], bindings_.back().show(Config{}));
    }
    return *this;
  }

  // Changes what a row says; not its default, which is the Config's.
  Options& edit(std::string_view name, const OptionEdit& edit) {
    change(name, edit);
    return *this;
  }

  Config read(const OptionValues& values) const {
    Config config;
    for (const Binding& binding : bindings_) binding.read(values, config);
    return config;
  }
  OptionValues show(const Config& config) const {
    OptionValues values;
    for (std::size_t k = 0; k < size(); ++k) values.set(begin()[k].name, bindings_[k].show(config));
    return values;
  }
  OptionValues read_and_shown(const OptionValues& values) const override { return show(read(values)); }

  // How a row's value goes into a Config, and how it comes out.
  struct Binding {
    std::function<void(const OptionValues&, Config&)> read;
    std::function<OptionValue(const Config&)> show;
  };
  const std::vector<Binding>& bindings() const { return bindings_; }

 private:
  template <class Field>
  Options& bind(Field Config::*field, Option row) {
    const char* name = row.name;
    row.type = option_type<Field>();
    row.choices = choices_of<Field>();
    bindings_.push_back({[=](const OptionValues& v, Config& c) { read_field(v, name, c.*field); },
                         [=](const Config& c) { return value_of(c.*field); }});
    append(row, bindings_.back().show(Config{}));
    return *this;
  }

  std::vector<Binding> bindings_;
};

}  // namespace innerloop::rl
