// Words: what the values of an enum are called where a reader chooses one. They stand once, beside the enum, and are
// found by argument-dependent lookup:
//
//   enum class Core { none, lstm };
//   constexpr auto words_of(Core) { return std::to_array<Word<Core>>({{"none", Core::none}, {"lstm", Core::lstm}}); }
#pragma once

#include <array>

namespace innerloop {

template <class Enum>
struct Word {
  const char* text;
  Enum value;
};

// The word for a value; nullptr if its list has none.
template <class Enum>
constexpr const char* word_for(Enum value) {
  for (const Word<Enum>& word : words_of(value))
    if (word.value == value) return word.text;
  return nullptr;
}

}  // namespace innerloop
