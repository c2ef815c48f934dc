// What is shown of long work and how often, by a clock of the test.
#include "sim/host/work_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace anzan::sim::work_progress_test {
namespace {

class WorkProgressTest : public ::testing::Test {
 protected:
  ~WorkProgressTest() override { std::fclose(file_); }
  WorkProgress::Clock clock() {
    return [this] { return now_; };
  }
  std::string text() {
    std::string all;
    std::rewind(file_);
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) all += static_cast<char>(c);
    return all;
  }
  // Work of so many seconds, looked at every tenth of one.
  void work(OutputKind kind, int seconds) {
    WorkProgress progress(kind, file_, clock());
    progress.begin("work", seconds * 10);
    for (int i = 0; i < seconds * 10; ++i) {
      now_ += 0.1;
      progress.done(1);
    }
  }

  std::FILE* file_ = std::tmpfile();
  double now_ = 1000;
};

TEST_F(WorkProgressTest, SaysWhatRemainsOfThePart) {
  EXPECT_EQ(work_line({"counting", 25, 100, 70, 10}), "1:10 elapsed, counting: 25 %, 0:30 remaining");
  EXPECT_EQ(work_line({"counting", 1, 1000, 70, 10}), "1:10 elapsed, counting: 0 %");  // too early to tell
  EXPECT_EQ(work_line({"counting", 0, 100, 5, 1}), "0:05 elapsed, counting");
  EXPECT_EQ(work_line({"counting", 120, 100, 3600, 6}), "1:00:00 elapsed, counting: 100 %, 0:00 remaining");
}

TEST_F(WorkProgressTest, IsSilentAboutShortWork) {
  work(OutputKind::kPlain, 1);
  EXPECT_EQ(text(), "");
}

TEST_F(WorkProgressTest, IsSilentWhereItIsToBe) {
  work(OutputKind::kQuiet, 100);
  EXPECT_EQ(text(), "");
}

TEST_F(WorkProgressTest, WritesFewLinesToAFile) {
  work(OutputKind::kPlain, 600);
  const std::string all = text();
  const auto lines = std::count(all.begin(), all.end(), '\n');
  EXPECT_THAT(all, ::testing::StartsWith("anzan: 0:02 elapsed, work: 0 %\n"));
  EXPECT_GT(lines, 15);  // more than one a minute
  EXPECT_LT(lines, 25);
}

TEST_F(WorkProgressTest, RedrawsOneLineOnATerminal) {
  work(OutputKind::kTerminal, 10);
  const std::string all = text();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1);
  EXPECT_EQ(all.back(), '\n');
  EXPECT_GT(std::count(all.begin(), all.end(), '\r'), 20);
}

}  // namespace
}  // namespace anzan::sim::work_progress_test
