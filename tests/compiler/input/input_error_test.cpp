// Text of strangers: what is shown of it can stand in JSON and does nothing to a terminal. JSON's library is
// the judge of UTF-8.
#include "compiler/input/input_error.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

namespace anzan::compiler::input_error_test {
namespace {

using Json = nlohmann::json;

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

TEST(Printable, IsUtf8AndFreeOfControlCharactersForEveryThreeBytes) {
  // The first bytes of characters, and those that bound what may follow them.
  const std::string bytes(
      "\x01\x1b\x7f\x80\x8f\x90\x9f\xa0\xaa\xbf\xc1\xc2\xdf\xe0\xe2\xed\xef\xf0\xf4\xf5\xff z", 23);
  for (const char a : bytes) {
    for (const char b : bytes) {
      for (const char c : bytes) {
        for (const char d : {'\x80', '\xbf', 'x'}) {
          const std::string text{a, b, c, d}, shown = printable(text);
          ASSERT_TRUE(is_utf8(shown)) << testing::PrintToString(text);
          for (const char s : shown) ASSERT_TRUE(static_cast<unsigned char>(s) >= 0x20 && s != '\x7f');
          ASSERT_EQ(printable(shown), shown);
        }
      }
    }
  }
}

TEST(Printable, LeavesWhatIsUtf8) {
  for (const char* text :
       {"plain", "gröber", "算盤", "\xf0\x9f\xa7\xae", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(Beginning, HasWholeCharacters) {
  std::mt19937 random(1);
  const std::vector<std::string> characters{"a", "ö", "算", "\xf0\x9f\xa7\xae"};
  for (int n = 0; n < 1000; ++n) {
    std::string text;
    for (auto k = random() % 12; k > 0; --k) text += characters[random() % 4];
    const std::size_t bytes = random() % 40;
    const std::string head = beginning(text, bytes);
    EXPECT_TRUE(is_utf8(head));
    EXPECT_LE(head.size(), bytes);
    EXPECT_EQ(text.compare(0, head.size(), head), 0);
    EXPECT_TRUE(head == text || head.size() + 4 > bytes) << "no shorter than it must be";
  }
}

}  // namespace
}  // namespace anzan::compiler::input_error_test
