// Odd spellings stand in a document as marks, and take their place in its text.
#include "tests/fuzz/mutation.hpp"

#include <algorithm>
#include <limits>

namespace anzan::fuzz {
namespace {

const char* const kSpellings[] = {"1e-400",
                                  "-0",
                                  "-0.0",
                                  "1e400",
                                  "1E+2",
                                  "9223372036854775808",
                                  "-9223372036854775809",
                                  "123456789012345678901234567890",
                                  "1.0",
                                  "1e0",
                                  "01",
                                  "+1",
                                  "0x10",
                                  "NaN",
                                  "Infinity",
                                  "nul",
                                  "\"a\\u0000b\"",
                                  "\"\\ud800\"",
                                  "\"\\u202e\\u001b[2J\"",
                                  "\"\xff\xfe\"",
                                  "{\"a\": 1, \"a\": 2}",
                                  "[1,]",
                                  "",
                                  "/* none */ 1"};
const std::string kMark = "@odd spelling ";

Json any_value(Draw& draw) {
  const std::vector<Json> values{0,
                                 -1,
                                 1,
                                 2,
                                 3,
                                 16,
                                 33,
                                 64,
                                 65535,
                                 65536,
                                 1U << 31,
                                 ~std::uint64_t{0},
                                 std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max(),
                                 1e-300,
                                 1e300,
                                 -0.0,
                                 0.5,
                                 Json(),
                                 true,
                                 false,
                                 "",
                                 "data",
                                 "conv",
                                 "int16",
                                 "relu",
                                 Json::array(),
                                 Json::object(),
                                 Json::array({1}),
                                 Json::array({2, 2}),
                                 Json::array({"data", "conv"}),
                                 Json::object({{"kind", "gaussian"}, {"value", 1}})};
  return pick(draw, values);
}

Json* node_in(Draw& draw, Json& document) {
  Json* node = &document;
  while (node->is_structured() && !node->empty() && (node == &document || draw.from(0, 5) != 0)) {
    auto at = node->begin();
    std::advance(at, draw.from<std::size_t>(0, node->size() - 1));
    node = &*at;
  }
  return node;
}

// A document so deep that no reader of ours follows it, or just as deep as one does.
std::string nest(Draw& draw) {
  const auto depth = draw.one_of<std::size_t>({30, 63, 64, 65, 5000, 200000});
  const bool objects = draw.chance(50);
  std::string text;
  for (std::size_t k = 0; k < depth; ++k) text += objects ? "{\"a\":" : "[";
  text += "1";
  text.append(draw.chance(80) ? depth : 0, objects ? '}' : ']');
  return text;
}

}  // namespace

void mutate(Draw& draw, Json& document) {
  Json* const node = node_in(draw, document);
  switch (draw.from(0, 6)) {
    case 0:
      if (node->is_object())
        (*node)[draw.one_of({"kernel", "name", "kind", "", "a/b~", "conv", "steps"})] = any_value(draw);
      break;
    case 1:
      if (node->is_structured() && !node->empty()) {
        auto at = node->begin();
        std::advance(at, draw.from<std::size_t>(0, node->size() - 1));
        node->erase(at);
      }
      break;
    case 2:
      if (node->is_array() && !node->empty()) {
        const Json copy = node->at(draw.from<std::size_t>(0, node->size() - 1));
        node->push_back(copy);
      }
      break;
    case 3:  // modulo 2^64: it may already be the largest there is
      if (node->is_number_integer())
        *node = static_cast<std::int64_t>(node->get<std::uint64_t>() + draw.from<std::uint64_t>(0, 4) - 2);
      break;
    case 4: {
      const Json other = *node_in(draw, document);
      if (other.size() < 40) *node = other;
      break;
    }
    default:
      *node = any_value(draw);
  }
}

Json odd_value(Draw& draw) {
  return kMark + static_cast<char>('a' + draw.from<int>(0, std::size(kSpellings) - 1)) + "@";
}

std::string spelling(Draw& draw, const Json& document) {
  std::string text =
      document.dump(draw.one_of({-1, 0, 1, 4}), ' ', draw.chance(20), Json::error_handler_t::replace);
  for (std::size_t at = text.find('"' + kMark); at != std::string::npos; at = text.find('"' + kMark, at)) {
    const auto number = static_cast<std::size_t>(text[at + 1 + kMark.size()] - 'a');
    text.replace(at, kMark.size() + 4, kSpellings[number]);
  }
  if (draw.chance(2)) text.insert(0, "\xef\xbb\xbf");
  return text;
}

void mutate_text(Draw& draw, std::string& text) {
  for (int changes = draw.from(1, 3); changes > 0; --changes) {
    const auto at = draw.from<std::size_t>(0, text.size());
    switch (draw.from(0, 6)) {
      case 0:
        text.insert(at, 1, static_cast<char>(draw.from(0, 255)));
        break;
      case 1:
        text.erase(at, draw.from<std::size_t>(1, 20));
        break;
      case 2:
        text.insert(at, text.substr(draw.from<std::size_t>(0, text.size()), draw.from<std::size_t>(1, 30)));
        break;
      case 3:
        text.insert(at, draw.from<std::size_t>(1, 3), "{}[]\",:0-e"[draw.from(0, 9)]);
        break;
      case 4:
        text.insert(std::min(text.find('{', at), text.size() - !text.empty()) + !text.empty(),
                    "\"twice\": 1, \"twice\": 1, ");
        break;
      case 5:
        if (draw.chance(20))
          text.insert(std::min(text.find(':', at), text.size() - !text.empty()) + !text.empty(), nest(draw));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(draw.from(0, 255));
    }
  }
}

void mutate_bytes(Draw& draw, std::string& bytes) {
  const std::string before = bytes;
  while (bytes == before) {
    const auto at = draw.from<std::size_t>(0, bytes.size());
    switch (draw.from(0, 6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, draw.from<std::size_t>(1, 40));
        break;
      case 2:
        bytes.insert(at,
                     bytes.substr(draw.from<std::size_t>(0, bytes.size()), draw.from<std::size_t>(1, 40)));
        break;
      case 3:
        bytes.append(draw.from<std::size_t>(1, 100), static_cast<char>(draw.from(0, 255)));
        break;
      case 4:
        for (std::size_t k = at; k < std::min(bytes.size(), at + 4); ++k)
          bytes[k] = draw.chance(50) ? '\xff' : '\0';
        break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << draw.from(0, 7)));
    }
  }
}

}  // namespace anzan::fuzz
