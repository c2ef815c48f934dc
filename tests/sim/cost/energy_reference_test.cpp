// The energy of reports against a sum of its own for every component: of every shipped configuration, in
// every technology, of overlapped steps and divided networks; and that a report agrees with its own counters.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/sim/cost/energy_case.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::energy_reference_test {
namespace {

using compiler::ProgramKind;
using Json = nlohmann::json;
using testing::EnergyCase;
using testing::EnergyReference;
using testing::expect_same;
using testing::kWorkloads;
using testing::technologies;

// Larger networks: energy_alexnet_test.cpp.
TEST(EnergyReference, OfEveryShippedConfiguration) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kWorkloads / "configs")) {
    const std::string name = entry.path().stem().string();
    if (name.rfind("lenet", 0) != 0) continue;
    const EnergyCase c(load_configuration(entry.path()), name);
    for (const Json& technology : technologies()) c.check(technology);
    ++count;
  }
  EXPECT_GE(count, 10);
}

// LeNet on several cores: steps that overlap, steps that do not, and divided networks.
TEST(EnergyReference, OfManyCores) {
  for (const std::vector<std::string>& sets :
       std::vector<std::vector<std::string>>{{"/system/chips=4"},
                                             {"/system/chips=4", "/system/exchange/hide_in_forward=false"},
                                             {"/chip/cores=2", "/system/mapping/tensor=2"},
                                             {"/chip/cores=2", "/system/mapping/pipeline=2"}}) {
    std::vector<Override> overrides{parse_override("/training/batch=128"), parse_override("/chip/lanes=32")};
    for (const std::string& set : sets) overrides.push_back(parse_override(set));
    const EnergyCase c(load_configuration(kWorkloads / "configs" / "lenet_mnist_int8.json", overrides),
                       sets.front() + " " + sets.back());
    EXPECT_EQ(c.system->two_steps.has_value(), sets.size() == 1);
    c.check(technologies().back());
  }
}

TEST(EnergyReference, OfOtherNumbersOfSlots) {
  for (const char* slots : {"/chip/slots=300", "/chip/slots=5000"}) {
    const EnergyCase c(
        load_configuration(kWorkloads / "configs" / "lenet_mnist_int8.json", {parse_override(slots)}), slots);
    for (const Json& technology : technologies()) c.check(technology);
  }
}

// A figure that is doubled adds what it has counted, to its own component and to nothing else.
TEST(EnergyReference, EachFigureHasItsOwnPart) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["precision"] = {{"preset", "int8"}};
  const EnergyCase c(parse_configuration(json, "."), "small");
  const Json technology = technologies().back();
  const auto cost_of = [&](Json changed) {
    CostOptions options = c.config.cost;
    options.technology = load_technology(changed, kWorkloads, "/technology");
    ProgramRuns once{};
    once[ProgramKind::kStep] = 1;
    const ChipCost cost(c.model, options);
    return std::pair{cost.energy(once).at("by_component"), cost.step()};
  };
  const auto [plain, step] = cost_of(technology);
  const EnergyReference sum = c.step(technology, step, step.seconds);
  int figures = 0, used = 0;
  for (const auto& component : technology.at("events").items()) {
    for (const auto& event : component.value().items()) {
      Json changed = technology;
      Json& pj = changed["events"][component.key()][event.key()]["pj"];
      pj = 2 * pj.get<double>();
      const auto known = sum.joules_by_figure().find(component.key() + "/" + event.key());
      const double part = known == sum.joules_by_figure().end() ? 0 : known->second;
      const Json doubled = cost_of(changed).first;
      for (const auto& item : doubled.items()) {
        const double expected =
            plain.at(item.key()).get<double>() + (item.key() == component.key() ? part : 0);
        expect_same(item.value().get<double>(), expected, event.key() + " in " + item.key());
      }
      ++figures;
      used += part > 0 ? 1 : 0;
    }
  }
  EXPECT_GE(figures, 33);
  EXPECT_GE(used, 25);
}

}  // namespace
}  // namespace anzan::sim::energy_reference_test
