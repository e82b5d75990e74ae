// What a handful of seeds lets one say, and tables for the terminal. The chapter: statistics.md.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace innerloop::app {

// Mean and half width of the 95 % interval, mean ± t·s/√n with Student's t of n − 1 degrees of freedom. With one value
// the half width is NaN: nothing is known.
struct Interval {
  double mean = 0;
  double half_width = 0;
};
Interval mean_interval(std::span<const double> values);

// The 97.5 % quantile of Student's t: 12.706 for 1 degree of freedom, 1.960 for many.
double student_t_975(std::size_t degrees);

// The mean of the middle half: without the ⌊n/4⌋ smallest and the ⌊n/4⌋ largest values. NaN of no values.
double interquartile_mean(std::span<const double> values);

// An interval from resampling, and how far to trust it. Few seeds make it too narrow, so that below 10 it is marked
// approximate, and below 5 there is none: low and high are NaN.
struct BootstrapInterval {
  double low = 0, high = 0;
  bool exists = false, approximate = false;
};
inline constexpr int fewest_for_interval = 5, fewest_for_exact = 10;

// The percentile interval of the interquartile mean over `resamples` draws of n values with replacement (Philox: the
// same bits everywhere). level in (0, 1).
BootstrapInterval iqm_interval(std::span<const double> values, double level = 0.95, int resamples = 50000);

// The exact two-sided p-value of the paired sign-flip test: of all 2ⁿ ways to give the differences their signs, the
// share whose sum is at least as far from 0 as the one observed. Above 20 differences 100 000 ways are drawn. Sums that
// rounding alone sets apart are equal: `size` is Σ(|a| + |b|) of the scores that the differences are of. Error unless
// all differences are finite.
double sign_flip_p(std::span<const double> differences, double size = 0);

// P(A > B) + ½ P(A = B) for one value of each drawn at random, equal if rounding alone sets them apart; and its
// percentile interval, both sides resampled.
double probability_of_improvement(std::span<const double> a, std::span<const double> b);
BootstrapInterval improvement_interval(std::span<const double> a, std::span<const double> b, double level = 0.95,
                                       int resamples = 10000);

// Does A beat B? Scores by seed. It is said only where a test can carry it: the paired test over the seeds that both
// have, or the probability of improvement with 10 seeds and more on each side. The 5 % of error are shared by all
// `comparisons` of a report (Bonferroni).
struct Comparison {
  enum class Verdict { a_beats_b, b_beats_a, not_shown } verdict = Verdict::not_shown;
  int pairs = 0;
  double paired_p = 1;            // of the pairs; 1 without pairs
  double improvement = 0.5;       // P(A > B)
  BootstrapInterval improvement_interval;
  std::string reason;             // "paired sign-flip test over 8 seeds, p = 0.0078"; or what is missing
};
Comparison compare(const std::map<std::int64_t, double>& a, const std::map<std::int64_t, double>& b,
                   int comparisons = 1);

// Columns padded to the same width, the first to the left and the others to the right; row 0 is the head.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace innerloop::app
