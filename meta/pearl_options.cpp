// The options and presets of PEARL.
#include "meta/check_cases.h"
#include "meta/pearl_trainer.h"

namespace innerloop::meta {
namespace {

const rl::Options<PearlConfig> options =
    rl::Options<PearlConfig>()
        .add("env", &PearlConfig::env, "environment; `innerloop list envs` shows all")
        .add("reward_env", &PearlConfig::reward_env,
             "the critics learn from this environment's rewards, the context shows env's; empty: env",
             "dense rewards where the context is sparse (section 6.3)")
        .add("iterations", &PearlConfig::iterations, {1, 1e7}, "iterations to do", "500 (code)")
        .add("train_tasks", &PearlConfig::train_tasks, {1, 10000}, "tasks drawn before training", "2 to 150 (code)")
        .add("official_tasks", &PearlConfig::official_tasks, "the authors' own list of training tasks in their place")
        .add("visited_tasks", &PearlConfig::visited_tasks, {1, 10000},
             "tasks that data are collected from, per iteration", "5; sparse point robot 10 (code)")
        .add("initial_episodes", &PearlConfig::initial_episodes, {1, 10000},
             "of every task before training, z from the prior", "200 to 2000 steps (code)")
        .add("prior_episodes", &PearlConfig::prior_episodes, {0, 10000}, "of each visited task, z from the prior",
             "100 to 1000 steps (code)")
        .add("posterior_episodes", &PearlConfig::posterior_episodes, {0, 10000},
             "after them, z from the belief, which is formed anew before each",
             "0; sparse point robot 900 steps (code)")
        .add("extra_episodes", &PearlConfig::extra_episodes, {0, 10000}, "after these, for the critics alone",
             "200 to 1000 steps (code)")
        .add("capacity", &PearlConfig::capacity, {1, 1e7}, "of the replay of a task, in transitions", "1000000 (code)")
        .add("updates", &PearlConfig::updates, {1, 1e6}, "per iteration", "1000 to 4000 (code)")
        .add("meta_batch", &PearlConfig::meta_batch, {1, 1000}, "tasks of an update", "16 (code)")
        .add("batch", &PearlConfig::batch, {1, 8192}, "transitions of each for the critics", "256 (code)")
        .add("context", &PearlConfig::context, {1, 8192}, "transitions of each for the encoder", "64 to 1024 (code)")
        .add("replacement", &PearlConfig::replacement,
             "contexts are drawn with replacement: a transition may count twice", "true (code)")
        .add("random_context_size", &PearlConfig::random_context_size, "contexts of 1 … `context` transitions",
             "false (code)")
        .add("context_from", &PearlConfig::context_from, "transitions of the last visit, or of all",
             "recent (section 5.2)")
        .add("forget_after", &PearlConfig::forget_after, {0, 1e7},
             "iterations in which contexts are of full size, from all visits; then as the options say", "0")
        .add("context_of", &PearlConfig::context_of, "controls: another task's context, in training or in the test")
        .add("told", &PearlConfig::told,
             "what policy and critics see beside the state; references: the task's own numbers, or nothing", "belief")
        .add("latent_size", &PearlConfig::latent_size, {1, 1000}, "numbers of z", "5 (code)")
        .add("next_observation", &PearlConfig::next_observation, "the context shows s' too",
             "where the dynamics vary (code)")
        .add("prior_factor", &PearlConfig::prior_factor, "the prior is one factor of the product", "false (code)")
        .add("factor_variance", &PearlConfig::factor_variance, "makes a factor's variance of ρ", "softplus (code)")
        .add("sample_latent", &PearlConfig::sample_latent, "z is drawn from the belief; false: its mean", "true")
        .add("kl_reduction", &PearlConfig::kl_reduction, "over the tasks of an update", "sum (code)")
        .add("kl_weight", &PearlConfig::kl_weight, {0, 1e6}, "λ before KL(q‖N(0, 1))", "0.1; 1 in two tasks (code)")
        .add("kl_rise", &PearlConfig::kl_rise, {0, 1e7}, "iterations in which λ grows from a tenth, as the third power",
             "0")
        .add("test_prior_episodes", &PearlConfig::test_prior_episodes, {0, 10000},
             "first episodes of a test with z from the prior", "1, 2; sparse point robot 5 (code)")
        .add("sac", &PearlConfig::sac, "v1: value network and fixed α; v2: neither", "v1")
        .add("hidden", &PearlConfig::hidden, {1, 4096}, "widths of the policy's and the critics' hidden layers",
             "300, 300, 300 (code)")
        .add("encoder_hidden", &PearlConfig::encoder_hidden, {1, 4096}, "of the encoder's", "200, 200, 200 (code)")
        .add("activation", &PearlConfig::activation, "of the hidden layers", "relu (code)")
        .add("learning_rate", &PearlConfig::learning_rate, {0, 1}, "Adam's, of every part", "3e-4 (code)")
        .add("anneal", &PearlConfig::anneal, "let the learning rate fall linearly to 0 at the last update",
             "false (code)")
        .add("gamma", &PearlConfig::gamma, {0, 1}, "discount γ", "0.99; sparse point robot 0.9 (code)")
        .add("tau", &PearlConfig::tau, {0, 1}, "τ of the Polyak update of the targets", "0.005 (code)")
        .add("reward_scale", &PearlConfig::reward_scale, {1e-6, 1e6}, "κ before the critics' rewards",
             "5; point robots 100 (code)")
        .add("critic_factor", &PearlConfig::critic_factor, {0, 10}, "before each critic's squared error", "1 (code)")
        .add("temperature", &PearlConfig::temperature, {1e-6, 1000}, "α; at the start where it is learned", "1 (code)")
        .add("entropy_per_action", &PearlConfig::entropy_per_action, {-100, 10},
             "target entropy H̄ per action dimension where α is learned, in nat")
        .add("policy_regulariser", &PearlConfig::policy_regulariser, {0, 1000}, "before mean μ² and mean (log σ)²",
             "1e-3 (code)")
        .add("dtype", &PearlConfig::dtype, "numbers in single or double precision");

constexpr rl::Preset presets[] = {
    {"v2", "on top of the second version of SAC, small networks: the defaults", ""},
    {"official", "the authors' losses, on top of the first version of SAC, with small networks and batches",
     "sac = v1\nreward_scale = 100\nlearning_rate = 3e-4\ngamma = 0.99\nrandom_context_size = false"},
    {"official-sizes", "the dense point robot as in the authors' code, tasks and sizes too",
     "sac = v1\nofficial_tasks = true\nreward_scale = 100\nlearning_rate = 3e-4\ngamma = 0.99\niterations = 500\n"
     "updates = 1000\nmeta_batch = 16\nbatch = 256\ncontext = 64\nrandom_context_size = false\n"
     "hidden = [300, 300, 300]\nencoder_hidden = [200, 200, 200]\ncapacity = 20000"},
    {"told", "a reference: the same soft actor-critic, told each task's own numbers", "told = task"},
    {"sparse", "the sparse half circle: dense rewards for the critics, sparse ones in the context and for the score",
     "env = semicircle-sparse-v1\nreward_env = semicircle-dense-v1\nvisited_tasks = 10\nprior_episodes = 5\n"
     "posterior_episodes = 45\nextra_episodes = 0\ntest_prior_episodes = 5\ncontext = 256"},
};

constexpr const char* small =
    "train_tasks = 3\nvisited_tasks = 2\ninitial_episodes = 1\nprior_episodes = 1\nposterior_episodes = 1\n"
    "extra_episodes = 1\nupdates = 3\nmeta_batch = 2\nbatch = 8\ncontext = 8\nhidden = [8]\nencoder_hidden = [8]\n"
    "capacity = 100";
constexpr rl::SmokeRun smoke[] = {{"v2", small}, {"v1", small, "official"}, {"told", small, "told"}};

std::unique_ptr<rl::Trainer> make(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<PearlTrainer>(options.read(values), seed);
}

}  // namespace

const rl::AlgorithmRow pearl = {
    .name = "pearl",
    .title = "Probabilistic embeddings for actor-critic reinforcement learning",
    .paper = "Rakelly et al. 2019, arXiv 1903.08254v1",
    .summary = "a belief about the task, one Gaussian factor per transition; soft actor-critic sees a draw from it",
    .source = "meta/pearl.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = pearl_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta
