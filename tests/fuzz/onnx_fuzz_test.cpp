// Changed ONNX files through the importer alone, many a second: it says what is wrong, or makes a network
// that the rest of the compiler may refuse.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network.hpp"
#include "compiler/onnx/file.hpp"
#include "compiler/onnx/import.hpp"
#include "sim/configuration/schema.hpp"
#include "tests/campaign.hpp"
#include "tests/fuzz/configurations.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/onnx_files.hpp"

namespace anzan::fuzz::onnx_fuzz_test {
namespace {

std::string drawn_file(Draw& draw) {
  for (;;) {
    try {
      return onnx_file(draw, drawn_configuration(draw).at("network"));
    } catch (const compiler::InputError&) {
      continue;
    }
  }
}

enum class End { kRefusedFile, kRefusedModel, kRefusedNetwork, kNetwork };

// Anything but an InputError ends the test.
End import(const std::string& bytes) {
  compiler::onnx::Model model;
  compiler::onnx::Imported imported;
  End end = End::kRefusedFile;
  try {
    model = compiler::onnx::parse_model(bytes, "model.onnx");
    end = End::kRefusedModel;
    imported = compiler::onnx::import_model(model, "model.onnx");
    end = End::kRefusedNetwork;
    static const sim::Schema schema = sim::Schema::embedded("input/network.schema.json");
    auto findings = schema.check(imported.network);
    if (!findings.empty()) throw compiler::InputError(std::move(findings));
    compiler::parse_network(imported.network);
    return End::kNetwork;
  } catch (const compiler::InputError& error) {
    for (const compiler::InputFinding& f : error.findings()) {
      EXPECT_FALSE(f.found.empty() || f.expected.empty()) << error.what();
    }
    return end;
  }
}

TEST(OnnxFuzz, AChangedFileIsANetworkOrRefused) {
  const std::uint32_t cases = in_campaign() ? 200000 : share_of_cases(2000);
  std::map<End, int> ends;
  std::string bytes;
  for (std::uint32_t seed = 1; seed <= cases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Draw draw(seed);
    const std::string file = drawn_file(draw);
    bytes = file;
    if (draw.chance(70))
      bytes = changed_onnx(draw, file);
    else
      mutate_bytes(draw, bytes);
    ++ends[import(bytes)];
  }
  for (const auto& [end, count] : ends) std::cout << static_cast<int>(end) << ": " << count << '\n';
  for (const End end : {End::kRefusedFile, End::kRefusedModel, End::kRefusedNetwork, End::kNetwork}) {
    EXPECT_GT(ends[end], static_cast<int>(cases / 200)) << "too few cases end so";
  }
}

}  // namespace
}  // namespace anzan::fuzz::onnx_fuzz_test
