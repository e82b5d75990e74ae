// Cases: from the operator table, and from a function of the reader's own.
#include <algorithm>

#include "autodiff/check.h"
#include "autodiff/op_table.h"
#include "kernels/philox.h"

namespace innerloop {
namespace {

double draw(Philox& random, Domain domain, int index_below) {
  switch (domain) {
    case Domain::real: return random.normal();
    case Domain::positive: return random.uniform(0.3, 3);
    case Domain::unit: return random.uniform(-0.9, 0.9);
    case Domain::probability_like: return random.uniform(0.1, 0.9);
    case Domain::index: return random.below(static_cast<std::uint32_t>(index_below));
    case Domain::mask: return random.below(2);
  }
  return 0;
}

Tensor draw_tensor(Shape shape, Domain domain, int index_below, std::uint64_t seed, std::uint32_t stream) {
  Tensor t(shape);
  std::span<double> numbers = t.mutable_values<double>();
  constexpr std::size_t kBlock = 2000;  // numbers per place of the generator
  for (std::size_t first = 0; first < numbers.size(); first += kBlock) {
    Philox random(seed,
                  {.purpose = Purpose::check, .iteration = static_cast<std::uint32_t>(first / kBlock), .task = stream});
    for (std::size_t n = first; n < std::min(numbers.size(), first + kBlock); ++n)
      numbers[n] = draw(random, domain, index_below);
  }
  return t;
}

std::string letter(std::size_t k) { return std::string(1, static_cast<char>('A' + k)); }

CheckCase case_of(const OpDef& def, const Example& example) {
  CheckCase c{.name = def.name, .subject = def.name, .inputs = {}, .build = {}};
  for (std::size_t k = 0; k < example.shapes.size(); ++k) c.name += (k ? " × " : " ") + to_string(example.shapes[k]);

  // One input for every tensor; which of them stands in each place of the operation.
  std::vector<std::size_t> places;
  for (std::size_t k = 0; k < example.shapes.size(); ++k) {
    if (const std::size_t source = example.source(k); source != k) {
      c.name += ", " + letter(k) + " = " + letter(source);
      places.push_back(places[source]);
      continue;
    }
    places.push_back(c.inputs.size());
    c.inputs.push_back(
        {letter(k),
         draw_tensor(example.shapes[k], example.domains[k], example.index_below, 11, static_cast<std::uint32_t>(k)),
         !def.is_data(static_cast<int>(k))});
  }
  if (example.attr.i != 0 || example.attr.j != 0)
    c.name += " [" + std::to_string(example.attr.i) + ", " + std::to_string(example.attr.j) + "]";
  c.build = [op = def.op, attr = example.attr, places](const Vars& x) {
    std::vector<Var> inputs;
    for (std::size_t place : places) inputs.push_back(x[place]);
    return std::vector<Var>{x[0].graph->append(op, inputs, attr, SourceLocation::current())};
  };
  return c;
}

}  // namespace

Tensor random_normals(Shape shape, std::uint64_t seed) { return draw_tensor(shape, Domain::real, 1, seed, 0); }

std::vector<CheckCase> op_cases() {
  std::vector<CheckCase> cases;
  for (const OpDef& def : op_table())
    if (def.examples)
      for (const Example& example : def.examples()) cases.push_back(case_of(def, example));
  return cases;
}

CheckReport check(std::string name, std::vector<std::pair<std::string, Shape>> inputs,
                  std::function<Var(const Vars&)> function, const CheckOptions& options, CheckCase::Cut meant) {
  CheckCase c{.name = std::move(name), .subject = "", .inputs = {}, .build = {}, .cut = meant};
  for (std::size_t k = 0; k < inputs.size(); ++k)
    c.inputs.push_back({inputs[k].first,
                        draw_tensor(inputs[k].second, Domain::real, 1, options.seed, static_cast<std::uint32_t>(k)),
                        true});
  c.build = [function = std::move(function)](const Vars& x) { return std::vector<Var>{function(x)}; };
  return run_check(c, options);
}

}  // namespace innerloop
