// Layouts: every element has a place of its own, inside the tensor.
#include "compiler/graph/layout.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace anzan::compiler::layout_test {
namespace {

void expect_places(const TensorInfo& t) {
  std::set<std::pair<std::int64_t, int>> places;
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const TensorInfo::Place p = t.place(i);
    EXPECT_GE(p.row, 0);
    EXPECT_LT(p.row, row_count(t));
    EXPECT_GE(p.lane, 0);
    EXPECT_LT(p.lane, t.lanes);
    EXPECT_TRUE(places.insert({p.row, p.lane}).second) << "element " << i;
  }
}

TEST(Layout, ElementsOfImagesWeightsAndVectorsNeverMeet) {
  for (int lanes : {4, 8, 16, 32}) {
    for (std::int64_t channels : {1, 3, 5, 16, 21}) {
      TensorInfo t;
      t.lanes = lanes;
      t.layout = TensorInfo::Layout::kImages;
      t.shape = {lanes + 3, channels, 3, 2};
      t.pitch = align_channels(channels);
      expect_places(t);
    }
    for (std::int64_t groups : {1, 2, 3, 6}) {
      for (bool gathered : {false, true}) {
        if (gathered && groups > 1) continue;
        TensorInfo w;
        w.lanes = lanes;
        w.layout = TensorInfo::Layout::kWeights;
        w.groups = groups;
        w.gathered = gathered;
        w.shape = {6 * 5, gathered ? 2 : 18 / groups, 3, 2};
        expect_places(w);
        w.layout = TensorInfo::Layout::kVector;
        w.shape = {30, 1, 1, 1};
        expect_places(w);
      }
    }
  }
}

// Lines of activations and weights must pack the same channels into a word.
TEST(Layout, GroupsAreSeenFromAnAlignedChannel) {
  for (std::int64_t channels : {6, 12, 15, 30}) {
    for (std::int64_t groups : {1, 2, 3}) {
      if (channels % groups != 0) continue;
      for (std::int64_t g = 0; g < groups; ++g) {
        const ChannelWindow w = group_window(channels, groups, g);
        EXPECT_EQ(w.origin % kChannelAlignment, 0);
        EXPECT_EQ(w.origin + w.offset, g * channels / groups);
        EXPECT_LT(w.offset, kChannelAlignment);
        EXPECT_EQ(w.count, channels / groups);
      }
    }
  }
}

}  // namespace
}  // namespace anzan::compiler::layout_test
