// Trainer: the one small interface between an algorithm and the program that runs it.
//
// The program owns the loop, the run folder, the checkpoints and the progress line; the algorithm owns its mathematics.
// Random numbers are pure functions of (seed, iteration, …) (kernels/philox.h), so state() and the iteration number are
// all there is to know: a restored trainer continues bit for bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autodiff/tensor.h"
#include "rl/training/checkpoint.h"
#include "rl/training/option_table.h"

namespace innerloop {
struct CheckCase;  // autodiff/check.h
}

namespace innerloop::rl {

// A named number of one iteration: one column of metrics.csv.
struct Metric {
  std::string name;  // "return_after", "kl"
  double value = 0;
};
using Metrics = std::vector<Metric>;

// On which episodes an adapted learner is evaluated (rl/experience/protocol.md).
enum class Evaluation : std::uint8_t {
  exploration,    // those that the next update reads: nothing is stepped twice (MAML's code)
  sampled,        // fresh ones, actions drawn from the policy
  deterministic,  // fresh ones, the mean or the likeliest action
};

// What `adapt` asks for: new tasks, each adapted to on its own.
struct AdaptRequest {
  Tensor tasks;            // (1, number of tasks, numbers of one task), as the environment defines a task
  int steps = 3;           // K: gradient steps, or episodes of a learner with a memory or a belief
  int trajectories = 20;   // per task, explored between one point of the curve and the next
  int paths = 1;           // trajectories to keep per task and point of the curve, for pictures
  std::uint64_t seed = 1;  // of the test draws (Purpose::test_*)
  Evaluation evaluation = Evaluation::exploration;
  int evaluation_trajectories = 0;  // per task and point of the curve; 0: as many as `trajectories`
  double goal_radius = 0;  // of the environment (envs/spec.h); 0: nobody asks who reached the goal
};

// One trajectory, for a picture.
struct Path {
  int task = 0;
  int step = 0;         // after how many adaptation steps
  Tensor observations;  // (1, T + 1, observation size), from the initial observation to the last
  Tensor actions{}, rewards{};  // (1, T, ·)
};

struct AdaptReport {
  Tensor returns;  // (1, tasks, K+1) f64: undiscounted return after k steps, averaged over the task's trajectories
  std::vector<Path> paths;  // empty where request.paths is 0
  Tensor env_steps{};       // (1, tasks, K+1) f64: steps explored in the task before point k, over all its
                            // trajectories; 0 at k = 0. The common unit of all learners.
  Tensor reached{};         // (1, tasks, K+1) f64: the share of the point's episodes that ended within goal_radius of
                            // the goal; empty where that is 0
  bool one_trial = false;   // the curve's points are the episodes of one trial, each explored knowing those before it
};

// What `adapt` asks a learner for where nobody says otherwise.
struct AdaptDefaults {
  int steps = 3, trajectories = 20;
  const char* exploration = "";  // how it explores, for people: "by drawing actions"
};

class Trainer {
 public:
  virtual ~Trainer() = default;

  // Does iteration number iteration() and returns its metrics: the same names in the same order each time, nothing that
  // depends on time or threads. Throws NonFiniteError at a NaN reward, loss or gradient, naming what and where.
  virtual Metrics iterate() = 0;
  int iteration() const { return iteration_; }  // how many are done
  virtual int iterations() const = 0;           // how many there are to do

  // Lists all that changes from one iteration to the next, iteration() apart: parameters, moments, step sizes learned.
  virtual void visit(Checkpoint&) = 0;
  Tensors state() const { return save(*this); }
  // Continues as the trainer that returned `state` when `iteration` iterations were done. Error naming what does not
  // fit, which changes nothing.
  void restore(const Tensors& state, int iteration) {
    load(*this, state, iteration);
    iteration_ = iteration;
  }

  // Meta-test: adapts to each task of the request from the current parameters, which stay as they are.
  virtual AdaptReport adapt(const AdaptRequest& request) const = 0;
  virtual AdaptDefaults adapt_defaults() const { return {}; }

 protected:
  int iteration_ = 0;  // iterate() counts it up
};

// Settings that train in a second or two, for one path through an algorithm: tests take each of them through training,
// kill and resume, adaptation, several numbers of threads, bad checkpoints and the emulated device.
struct SmokeRun {
  const char* name;           // "lstm": unique within the algorithm
  const char* settings;       // as a preset's
  const char* preset = "";    // applied before them
};

// One algorithm, as the program sees it. Each algorithm's header declares one; app/algorithms.cpp lists them.
struct AlgorithmRow {
  const char* name;     // "maml"
  const char* title;    // "Model-agnostic meta-learning"
  const char* paper;    // citation with arXiv id and version
  const char* summary;  // one sentence
  const char* source;   // "meta/maml.cpp": where its equations stand
  const OptionTable& options;
  std::span<const Preset> presets;
  // `values` holds every option of the table (and env, seed … of the program); the seed is that of all training draws.
  std::unique_ptr<Trainer> (*make)(const OptionValues& values, std::uint64_t seed);
  std::vector<CheckCase> (*checks)() = nullptr;  // what `innerloop check <name>` verifies
  std::span<const SmokeRun> smoke{};             // the first of them: the defaults, but small
};

}  // namespace innerloop::rl
