// Changes of documents, texts and bytes that a program may be given.
#pragma once
#include <string>

#include "tests/fuzz/grammar.hpp"

namespace anzan::fuzz {

// One change of a JSON document that does not ask what it means: a value becomes another, a part is lost, is
// there twice, or stands where another stood.
void mutate(Draw& draw, Json& document);

// The document as text, spelt in one way or another. Where a value is what odd_number() gave, its spelling is
// one that no document holds: 1e-400, -0, a NUL in a string.
std::string spelling(Draw& draw, const Json& document);
Json odd_value(Draw& draw);

// One to three changes of a text: characters lost, added, doubled, nested deeply.
void mutate_text(Draw& draw, std::string& text);
// One change of bytes: bits, a part lost or doubled, the end cut off or more behind it; never none.
void mutate_bytes(Draw& draw, std::string& bytes);

}  // namespace anzan::fuzz
