// Runs the list of passes, to its end or up to the one that is to be shown.
#include "compiler/compiler.hpp"

#include <stdexcept>
#include <utility>

#include "compiler/passes.hpp"

namespace anzan::compiler {

const char* name(ProgramKind kind) {
  switch (kind) {
    case ProgramKind::kInitialize:
      return "initialize";
    case ProgramKind::kCalibrate:
      return "calibrate";
    case ProgramKind::kStep:
      return "step";
    case ProgramKind::kEvaluate:
      break;
  }
  return "evaluate";
}

const TensorInfo& CompiledModel::tensor(const std::string& tensor_name) const {
  for (const TensorInfo& t : tensors) {
    if (t.name == tensor_name) return t;
  }
  throw std::out_of_range("no tensor named " + tensor_name);
}

CompiledModel compile(const Input& input, const CompileOptions& options) {
  Compilation compilation;
  compilation.input = input;
  compilation.options = options;
  run_passes(compilation, passes().front().name, passes().back().name);
  return std::move(compilation.model);
}

std::int64_t expected_step_cycles(const Input& input) {
  Compilation compilation;
  compilation.input = input;
  compilation.options.step_only = true;
  run_passes(compilation, passes().front().name, "schedule");
  return compilation.scheduled.expected_step_cycles();
}

std::vector<std::string> dump_passes() {
  std::vector<std::string> names;
  for (const Pass& pass : passes()) names.emplace_back(pass.name);
  return names;
}

std::string dump(const std::string& pass, const Input& input, models::Watch watch) {
  const Pass& shown = passes()[pass_number(pass)];
  Compilation compilation;
  compilation.input = input;
  compilation.options.watch = watch;
  run_passes(compilation, passes().front().name, pass);
  return shown.print(compilation);
}

}  // namespace anzan::compiler
