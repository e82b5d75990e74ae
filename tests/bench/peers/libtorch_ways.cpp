// The meta-gradient in libtorch.   libtorch_ways CASE THREADS REPEATS
// Built by run.sh with the libraries of the PyTorch in its Python environment.
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

using torch::Tensor;
using List = std::vector<Tensor>;

struct Case {
  int tasks = 0;
  double alpha = 0;
  torch::ScalarType dtype = torch::kFloat32;
  List theta, support, query, gradient;
};

// See case.py.
Case read_case(const char* path) {
  std::ifstream file(path, std::ios::binary);
  double head[5];
  file.read(reinterpret_cast<char*>(head), sizeof head);
  Case c;
  c.tasks = int(head[0]), c.alpha = head[4], c.dtype = head[3] == 32 ? torch::kFloat32 : torch::kFloat64;
  const long tasks = long(head[0]), rows = long(head[1]), width = long(head[2]);
  const auto take = [&](std::vector<long> shape) {
    Tensor t = torch::empty(shape, torch::kFloat64);
    file.read(static_cast<char*>(t.data_ptr()), 8 * t.numel());
    return t.to(c.dtype);
  };
  const std::vector<std::vector<long>> parameters = {{2, width}, {1, width}, {width, width}, {1, width},
                                                     {width, 2}, {1, 2},     {1, 2}};
  for (const auto& s : parameters) c.theta.push_back(take(s).requires_grad_());
  for (List* batch : {&c.support, &c.query}) {
    for (long columns : {2, 2, 1, 1}) batch->push_back(take({tasks, rows, columns}));
    if (batch == &c.query) batch->push_back(take({tasks, rows, 1}));
  }
  for (const auto& s : parameters) c.gradient.push_back(take(s));
  if (!file) std::fprintf(stderr, "%s is not a case file\n", path), std::exit(1);
  return c;
}

Tensor affine(const Tensor& b, const Tensor& x, const Tensor& w) {
  return x.dim() == 2 ? torch::addmm(b, x, w) : torch::baddbmm(b, x, w);
}

Tensor log_prob(const List& theta, const Tensor& observations, const Tensor& actions) {
  Tensor h = torch::tanh(affine(theta[1], observations, theta[0]));
  h = torch::tanh(affine(theta[3], h, theta[2]));
  const Tensor mean = affine(theta[5], h, theta[4]), log_sigma = theta[6].clamp_min(std::log(1e-6));
  const Tensor z = (actions - mean) * torch::exp(-log_sigma);
  return (-0.5 * z * z - log_sigma - 0.5 * std::log(2 * M_PI)).sum(-1, true);
}

Tensor task_objective(const Case& c, const List& theta, const List& support, const List& query) {
  const Tensor inner = (log_prob(theta, support[0], support[1]) * (support[3] * support[2])).sum();
  const List g = torch::autograd::grad({inner}, theta, {}, true, true);
  List theta_prime;
  for (std::size_t k = 0; k < theta.size(); ++k) theta_prime.push_back(theta[k] + c.alpha * g[k]);
  const Tensor ratio = torch::exp(log_prob(theta_prime, query[0], query[1]) - query[4]);
  return (ratio * query[2] * query[3]).sum();
}

List of_task(const List& batch, int i) {
  List parts;
  for (const Tensor& x : batch) parts.push_back(x[i]);
  return parts;
}

List loop(const Case& c) {
  Tensor total = torch::zeros({}, c.dtype);
  for (int i = 0; i < c.tasks; ++i)
    total = total + task_objective(c, c.theta, of_task(c.support, i), of_task(c.query, i));
  return torch::autograd::grad({total / c.tasks}, c.theta);
}

List loop_per_task(const Case& c) {
  List total;
  for (int i = 0; i < c.tasks; ++i) {
    const Tensor objective = task_objective(c, c.theta, of_task(c.support, i), of_task(c.query, i));
    const List g = torch::autograd::grad({objective / c.tasks}, c.theta);
    for (std::size_t k = 0; k < g.size(); ++k)
      if (i == 0) total.push_back(g[k]);
      else total[k] += g[k];
  }
  return total;
}

List by_hand(const Case& c) {
  List theta_i;
  for (const Tensor& p : c.theta) theta_i.push_back(p.expand({c.tasks, p.size(0), p.size(1)}));
  return torch::autograd::grad({task_objective(c, theta_i, c.support, c.query) / c.tasks}, c.theta);
}

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "libtorch_ways CASE THREADS REPEATS\n"), 2;
  torch::set_num_threads(std::atoi(argv[2]));
  torch::set_num_interop_threads(1);
  const Case c = read_case(argv[1]);
  struct Way {
    const char* name;
    List (*run)(const Case&);
  };
  const Way ways[] = {{"libtorch loop", loop},
                      {"libtorch loop, gradient per task", loop_per_task},
                      {"libtorch batched by hand", by_hand}};

  // The same gradient as ours, or no figure.
  for (const Way& way : ways) {
    way.run(c);
    const List g = way.run(c);
    double worst = 0;
    for (std::size_t k = 0; k < g.size(); ++k)
      worst = std::max(worst, ((g[k] - c.gradient[k]).abs().max() / c.gradient[k].abs().max()).item<double>());
    std::fprintf(stderr, "%s: differs by %.1e\n", way.name, worst);
    if (!(worst < (c.dtype == torch::kFloat32 ? 1e-3 : 1e-9))) return 1;
  }
  for (int i = 0; i < std::atoi(argv[3]); ++i)
    for (const Way& way : ways) {
      const auto start = std::chrono::steady_clock::now();
      way.run(c);
      std::printf("%s\t%.4f\n", way.name,
                  std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
}
