#include "app/program.h"

#include <exception>
#include <iostream>
#include <new>
#include <ostream>
#include <string>
#include <vector>

#include "app/statistics.h"
#include "kernels/nearest.h"
#include "kernels/ranks.h"

namespace innerloop::app {
namespace {

constexpr const char* examples =
    "  innerloop train maml                 meta-train, with a progress line\n"
    "  innerloop adapt runs/<folder>        adapt to tasks never seen: return after 0, 1, 2, 3 steps\n"
    "  innerloop check maml                 verify its gradients, at orders 1 and 2\n"
    "  innerloop explain maml               its equations, where each stands in the source, and its tests\n"
    "  innerloop list envs                  what there is: algorithms, envs, ops, options, presets\n";

// Short help: examples first, then the verbs.
std::string short_help() {
  std::vector<std::vector<std::string>> verbs;
  std::string text = std::string("innerloop ") + version +
                     ": meta-reinforcement learning written from scratch, to be read, checked and run.\n\nExamples:\n" +
                     examples + "\nVerbs (innerloop <verb> --help says more):\n";
  for (const Verb& verb : all_verbs()) {
    std::string name = verb.name;
    name.resize(10, ' ');
    text += "  " + name + verb.summary + "\n";
  }
  return text;
}

int dispatch(const Context& context, Arguments arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    context.out << short_help();
    return success;
  }
  if (arguments[0] == "--version") {
    context.out << "innerloop " << version << "\n";
    return success;
  }
  std::vector<std::string> names;
  for (const Verb& verb : all_verbs()) {
    if (verb.name == arguments[0]) return verb.command(context, arguments.subspan(1));
    names.push_back(verb.name);
  }
  throw rl::UsageError("no verb is called '" + arguments[0] + "'" + did_you_mean(arguments[0], names));
}

}  // namespace

std::span<const Verb> all_verbs() {
  static constexpr Verb verbs[] = {
      {"train", "<algorithm> [flags] | --config <file> | --resume <run>", "Train an algorithm, or continue a run.",
       train_command},
      {"adapt", "<run>... [flags]", "Adapt trained learners to tasks they have never seen.", adapt_command},
      {"run", "[flags]", "The main job: meta-train MAML on 2-D navigation and adapt to new goals.", run_command},
      {"sweep", "--methods \"<algorithm>...\" [flags] | --config <file>",
       "Methods x environments x seeds, in parallel; one table and one picture.", sweep_command},
      {"check", "<operation> | <layer> | <algorithm> | ops | layers | algorithms | all",
       "Verify gradients, at orders 1 and 2.", check_command},
      {"plot", "<run>... [flags]", "Draw the metrics of one or several runs.", plot_command},
      {"bench", "<algorithm> | ops | networks", "Measure: time per iteration, or per element of each kernel.",
       bench_command},
      {"list", "algorithms | envs | ops | options <algorithm> | presets <algorithm>", "Say what there is.",
       list_command},
      {"explain", "<algorithm or folder>", "Its equations: where each stands in the source, and which test holds it.",
       explain_command},
  };
  return verbs;
}

int run_program(const Context& context, Arguments arguments) {
  const auto report = [&](const char* what, int code) {
    // Every rank can fail, and the first one may be the one that does not.
    std::ostream& stream = rank() == 0 ? context.err : std::cerr;
    // In one piece: on several ranks others write to the same place.
    const std::string by = rank_count() > 1 ? "rank " + std::to_string(rank()) + ": " : "";
    stream << "innerloop: " + by + what + "\n" << std::flush;
    return code;
  };
  try {
    const int code = dispatch(context, arguments);
    context.out.flush();
    return context.out ? code : report("cannot write the results: the output is closed or full", failure);
  } catch (const rl::UsageError& error) {
    return report(error.what(), usage);
  } catch (const NonFiniteError& error) {
    return report(error.what(), non_finite);
  } catch (const std::bad_alloc&) {
    return report("out of memory", failure);
  } catch (const std::exception& error) {
    return report(error.what(), failure);
  }
}

}  // namespace innerloop::app
