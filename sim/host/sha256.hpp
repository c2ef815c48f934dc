// SHA-256 (FIPS 180-4) of a stream of bytes, by OpenSSL.
#pragma once
#include <cstddef>
#include <string>

struct evp_md_ctx_st;

namespace anzan::sim {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(const void* data, std::size_t bytes);
  void add(const std::string& text) { add(text.data(), text.size()); }
  std::string hex();  // ends the stream; 64 lower-case digits

  static std::string of(const void* data, std::size_t bytes);

 private:
  evp_md_ctx_st* context_;
};

}  // namespace anzan::sim
