// The divisions that the search tries, and their order, with expectations that the test makes up.
#include "compiler/parallel/mapping_search.hpp"

#include <gmock/gmock.h>

#include <tuple>

namespace anzan::compiler::mapping_search_test {
namespace {

using Sizes = std::tuple<int, int, int>;  // tensor, pipeline, micro-batches

std::vector<Sizes> order(int cores, const ExpectedCycles& expected) {
  std::vector<Sizes> result;
  for (const MappingCandidate& m : mapping_candidates(cores, expected))
    result.emplace_back(m.sizes.tensor, m.sizes.pipeline, m.sizes.micro_batches);
  return result;
}

TEST(MappingSearch, TriesEveryProductThatDividesTheCores) {
  const auto four_parts = [](const MappingSizes& s) -> std::optional<std::int64_t> {
    if (s.micro_batches > 4) return {};
    return 1;
  };
  EXPECT_THAT(order(1, four_parts), ::testing::ElementsAre(Sizes{1, 1, 1}));
  EXPECT_THAT(order(6, four_parts),
              ::testing::UnorderedElementsAre(
                  Sizes{1, 1, 1}, Sizes{2, 1, 1}, Sizes{3, 1, 1}, Sizes{6, 1, 1},  // without a pipeline
                  Sizes{1, 2, 1}, Sizes{1, 2, 2}, Sizes{1, 2, 4}, Sizes{1, 3, 1}, Sizes{1, 3, 2},
                  Sizes{1, 3, 4}, Sizes{1, 6, 1}, Sizes{1, 6, 2}, Sizes{1, 6, 4}, Sizes{2, 3, 1},
                  Sizes{2, 3, 2}, Sizes{2, 3, 4}, Sizes{3, 2, 1}, Sizes{3, 2, 2}, Sizes{3, 2, 4}));
}

TEST(MappingSearch, TheFastestIsFirstAndOfEqualsTheLeastDivided) {
  const auto expected = [](const MappingSizes& s) -> std::optional<std::int64_t> {
    if (s.pipeline > 1 || s.tensor == 4) return {};
    return s.tensor == 2 ? 7 : 9;
  };
  EXPECT_THAT(order(4, expected), ::testing::ElementsAre(Sizes{2, 1, 1}, Sizes{1, 1, 1}));
  const auto alike = [](const MappingSizes& s) -> std::optional<std::int64_t> {
    if (s.micro_batches > 2) return {};
    return 5;
  };
  EXPECT_THAT(order(2, alike),
              ::testing::ElementsAre(Sizes{1, 1, 1}, Sizes{1, 2, 1}, Sizes{2, 1, 1}, Sizes{1, 2, 2}));
}

TEST(MappingSearch, NothingWhereNothingCanBe) {
  EXPECT_THAT(order(4, [](const MappingSizes&) { return std::optional<std::int64_t>(); }),
              ::testing::IsEmpty());
}

}  // namespace
}  // namespace anzan::compiler::mapping_search_test
