// Whether this is a build under the address or thread sanitizer, whose memory and libraries some tests cannot have.
#pragma once

#include <algorithm>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

// The last of `all` with each value of `key`.
template <class T, class Key>
std::vector<T> one_of_a_kind(const std::vector<T>& all, Key T::*key) {
  std::vector<T> last;
  for (const T& each : all)
    if (const auto found = std::ranges::find(last, each.*key, key); found != last.end()) *found = each;
    else last.push_back(each);
  return last;
}

// These under a sanitizer, where more of a kind make the same accesses. Else all.
template <class T, class Key>
std::vector<T> one_of_a_kind_if_sanitized(std::vector<T> all, Key T::*key) {
  return sanitized ? one_of_a_kind(all, key) : all;
}
