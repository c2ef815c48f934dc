// Puts between cores as messages: the cycles of the formula in an idle network, and whose turn it is where
// several meet.
#include "models/clocked/messages.hpp"

#include <gtest/gtest.h>

namespace anzan::models::clocked::messages_test {
namespace {

constexpr std::int64_t kPeriodFs = 1'000'000, kBytesPerCycle = 4, kLatencyCycles = 10;
constexpr int kCores = 3;

class MessagesTest : public ::testing::Test {
 protected:
  // Every core has a link of its own to every other one; a message is one packet without a header.
  static ChipsNetwork network() {
    ChipsParameters p;
    p.chips.kind = "full";
    p.chips.sizes = {kCores};
    p.chips.link.bytes = kBytesPerCycle;
    p.chips.link.period_fs = kPeriodFs;
    p.chips.link.latency_fs = kLatencyCycles * kPeriodFs;
    return build_chips(p);
  }
  static PacketFormat packet() {
    PacketFormat format;
    format.payload_bytes = 1024;
    format.header_bytes = 0;
    return format;
  }

  // Up to and with that cycle.
  void run(std::int64_t last) {
    for (; now_ <= last; ++now_) messages_.step(now_);
  }
  const Messages::Writing& written(int core, std::size_t number = 0) {
    run(now_ + 1000);
    return messages_.writing(core).at(number);
  }

  Messages messages_{kPeriodFs, network(), packet(), {{kCores}, kCores}};
  std::int64_t now_ = 0;
};

TEST_F(MessagesTest, ARowIsWrittenWhenTheLastByteHasArrived) {
  run(6);
  EXPECT_TRUE(messages_.idle());
  EXPECT_EQ(messages_.next(6), std::nullopt);
  EXPECT_EQ(messages_.send({0, 2, 5, 42, 0x11}, 6), 0U);
  EXPECT_EQ(messages_.next(6), 7);
  EXPECT_FALSE(messages_.idle());
  // 42 bytes take ten cycles and a half
  const Messages::Writing& w = written(2);
  EXPECT_EQ(w.first, 7 + kLatencyCycles + 11);
  EXPECT_EQ(w.last, w.first + 4);
  EXPECT_EQ(w.semaphores, 0x11U);
  EXPECT_FALSE(messages_.idle());
  messages_.writing(2).clear();
  EXPECT_TRUE(messages_.idle());
}

TEST_F(MessagesTest, OneIsWrittenAfterTheOther) {
  messages_.send({0, 2, 100, 40, 1}, 0);
  run(1);
  messages_.send({1, 2, 1, 4, 2}, 1);
  // the second is there earlier
  EXPECT_EQ(written(2, 0).semaphores, 2U);
  EXPECT_EQ(written(2, 0).first, 2 + kLatencyCycles + 1);
  EXPECT_EQ(written(2, 1).first, 1 + kLatencyCycles + 10);
  EXPECT_EQ(written(2, 1).last, 1 + kLatencyCycles + 10 + 99);
}

TEST_F(MessagesTest, WritingTakesItsTime) {
  messages_.send({0, 2, 100, 40, 1}, 0);
  messages_.send({1, 2, 7, 40, 2}, 0);
  EXPECT_EQ(written(2, 0).first, 1 + kLatencyCycles + 10);
  EXPECT_EQ(written(2, 1).first, written(2, 0).last + 1);
  EXPECT_EQ(written(2, 1).last, written(2, 0).last + 7);
}

TEST_F(MessagesTest, OfOneCycleTheLowerCoreIsFirstWhoeverSpeaksFirst) {
  messages_.send({1, 2, 1, 40, 2}, 0);
  messages_.send({0, 2, 1, 40, 1}, 0);
  EXPECT_EQ(written(2, 0).semaphores, 1U);
  EXPECT_EQ(written(2, 1).semaphores, 2U);
  EXPECT_EQ(written(2, 0).number, 1U);
}

// In a kernel a core may send in a cycle before the messages have their turn in it.
TEST_F(MessagesTest, NoneWaitsForOneThatIsSentLater) {
  messages_.send({1, 2, 1, 40, 1}, 4);
  run(4);
  messages_.send({0, 2, 1, 40, 2}, 5);
  run(5);
  EXPECT_EQ(written(2, 0).first, 5 + kLatencyCycles + 10);
  EXPECT_EQ(written(2, 0).semaphores, 1U);
  EXPECT_EQ(written(2, 1).first, 6 + kLatencyCycles + 10);
}

TEST_F(MessagesTest, ARestartForgetsAll) {
  messages_.send({0, 1, 1, 40, 1}, 0);
  run(20);
  messages_.restart();
  EXPECT_TRUE(messages_.idle());
  EXPECT_EQ(messages_.send({0, 1, 1, 4, 1}, 0), 0U);
  for (const LinkCounters& link : messages_.counters()) EXPECT_EQ(link.bytes, 0);
}

}  // namespace
}  // namespace anzan::models::clocked::messages_test
