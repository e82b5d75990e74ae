// What `innerloop check epg` verifies: the loss that a policy descends, as a function of θ and of φ: learned, PPO's,
// and both mixed; Gaussian and discrete policies; with a memory, whose way through the context is cut.
#include "autodiff/ops.h"
#include "meta/check_cases.h"
#include "nn/policy.h"
#include "rl/check_cases.h"

namespace innerloop::meta {

EpgProblem make_epg_problem(bool discrete, int memory, bool learned, bool ppo) {
  constexpr int B = 2, N = 9, padded = 2, O = 2, A = 2, rows = 4;
  const InputColumns columns{O, A, discrete, false};
  EpgProblem problem;
  EpgProgram& spec = problem.spec;
  spec.policy.net = {.inputs = O, .hidden = {3}, .outputs = A, .activation = Activation::tanh};
  spec.policy.head = discrete ? nn::PolicySpec::Head::categorical : nn::PolicySpec::Head::gaussian;
  spec.memory = memory;
  spec.learned = learned;
  spec.ppo = ppo;
  spec.loss = {.features = loss_features(spec.policy, columns.all(), memory), .kernel1 = 3, .stride1 = 2,
                  .channels1 = 3, .kernel2 = 2, .stride2 = 1, .channels2 = 2, .context = 2, .hidden = 3};

  // Every number is drawn, those of biases too: otherwise padding would lie on the kink of a leaky ReLU.
  std::uint32_t id = 700;
  const auto drawn = [&](const ParamValues& like, int tasks) {
    ParamValues list;
    for (std::size_t k = 0; k < like.count(); ++k) {
      Shape shape = like[k].shape();
      shape.tasks = tasks;
      list.add(like.name(k), rl::check_normals(shape, id++, 0.6));
    }
    return list;
  };
  problem.phi = drawn(init_loss(spec.loss, 1), 1);
  ParamValues theta = nn::init_policy(spec.policy, 1);
  if (memory > 0) theta.add("memory", Tensor({1, 1, memory}));
  problem.theta = drawn(theta, B);

  // Two rows of padding in the first task, one in the second, with numbers on them that must not matter.
  problem.buffer.add("inputs", rl::check_normals({B, N, columns.all()}, id++));
  Tensor mask = Tensor::full({B, N, 1}, 1);
  mask.set(0, 0, 0, 0), mask.set(0, 1, 0, 0), mask.set(1, 0, 0, 0);
  problem.buffer.add("mask", mask);
  problem.buffer.add("observations", rl::check_normals({B, N, O}, id++));
  Tensor actions = rl::check_normals({B, N, discrete ? 1 : A}, id++);
  if (discrete)
    for (int b = 0; b < B; ++b)
      for (int r = 0; r < N; ++r) actions.set(b, r, 0, (b + r) % A);
  problem.buffer.add("actions", actions);
  problem.buffer.add("advantages", rl::check_normals({B, N, 1}, id++));
  // Of another policy, near enough that some ratios are inside the clip and some are not.
  problem.buffer.add("old_log_prob", rl::check_normals({B, N, 1}, id++, 0.3));

  problem.index = Tensor({B, rows, 1});
  problem.weights = Tensor({B, rows, 1});
  for (int b = 0; b < B; ++b)
    for (int k = 0; k < rows; ++k) {
      problem.index.set(b, k, 0, padded + (2 * k + b) % (N - padded));
      problem.weights.set(b, k, 0, k < rows - b ? 1.0 / (rows - b) : 0);
    }
  problem.alpha = Tensor::scalar(!learned ? 1 : ppo ? 0.3 : 0);
  return problem;
}

std::vector<CheckCase> epg_check_cases() {
  std::vector<CheckCase> cases;
  struct Part { const char* name; bool learned, ppo; };
  for (const bool discrete : {false, true})
    for (const int memory : {0, 2})
      for (const Part part : {Part{"learned", true, false}, {"ppo", false, true}, {"mixed", true, true}}) {
        if (memory > 0 && !part.learned) continue;  // PPO sees no memory
        const EpgProblem problem = make_epg_problem(discrete, memory, part.learned, part.ppo);
        CheckCase c{.name = std::string("epg, ") + part.name + (discrete ? ", discrete" : ", gaussian") +
                            (memory > 0 ? ", memory" : ""),
                    .subject = "epg", .inputs = {}, .build = {}};
        const auto add = [&](const std::string& prefix, const Tensors& list, bool differentiated) {
          for (std::size_t k = 0; k < list.count(); ++k)
            c.inputs.push_back({prefix + list.name(k), list[k], differentiated});
        };
        if (part.learned) add("phi/", problem.phi, true);
        add("theta/", problem.theta, true);
        add("buffer/", problem.buffer, false);
        c.inputs.push_back({"index", problem.index, false});
        c.inputs.push_back({"weights", problem.weights, false});
        c.inputs.push_back({"alpha", problem.alpha, false});
        c.cut = memory > 0 ? CheckCase::Cut::something : CheckCase::Cut::nothing;
        c.every_input_matters = true;
        c.build = [spec = problem.spec](const Vars& in) {
          return std::vector<Var>{sum_tasks(epg_loss(in.below("phi/"), in.below("theta/"), spec,
                                                     in.below("buffer/"), in["index"], in["weights"], in["alpha"]))};
        };
        cases.push_back(std::move(c));
      }
  return cases;
}

}  // namespace innerloop::meta
