// IDX files and data sets: what is read, and every way in which files can be wrong.
#include "sim/data/dataset.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <cstdlib>
#include <functional>

#include "compiler/input/input_error.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using ::testing::HasSubstr;
using testing::ScratchDirectory;
using testing::write_file;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() : network_(compiler::parse_network(testing::small_network())) {
    testing::write_dataset(scratch_.path());
    options_.kind = "idx";
    options_.train_images = scratch_ / "train-images";
    options_.train_labels = scratch_ / "train-labels";
    options_.test_images = scratch_ / "test-images";
    options_.test_labels = scratch_ / "test-labels";
  }
  std::string error() {
    return error_of([&] { load_dataset(options_, network_); });
  }

  ScratchDirectory scratch_;
  compiler::Network network_;
  DatasetOptions options_;
};

TEST_F(DatasetTest, ReadsImagesAndLabels) {
  const Dataset dataset = load_dataset(options_, network_);
  EXPECT_EQ(dataset.train.count, 96);
  EXPECT_EQ(dataset.test.count, 40);
  EXPECT_EQ(dataset.train.size, 64);
  for (std::int64_t i = 0; i < dataset.train.count; ++i) {
    const int row = dataset.train.label(i);
    for (int x = 0; x < 8; ++x) ASSERT_GE(dataset.train.image(i)[row * 8 + x], 160) << i;
  }
  EXPECT_EQ(dataset.digest.size(), 64U);
}

TEST_F(DatasetTest, ReadsGzip) {
  const Dataset plain = load_dataset(options_, network_);
  const IdxFile idx = read_idx(options_.train_images);
  const std::string bytes = testing::idx_bytes({96, 8, 8}, idx.data);
  const gzFile file = gzopen((scratch_ / "train.gz").c_str(), "wb");
  ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
  options_.train_images = scratch_ / "train.gz";
  const Dataset packed = load_dataset(options_, network_);
  EXPECT_EQ(packed.train.images, plain.train.images);
  EXPECT_EQ(packed.digest, plain.digest);
  const auto size = std::filesystem::file_size(scratch_ / "train.gz");
  std::filesystem::resize_file(scratch_ / "train.gz", size / 2);
  EXPECT_THAT(error(), HasSubstr("truncated gzip"));
}

TEST_F(DatasetTest, UsesFewerImagesOnRequest) {
  options_.train_images_used = 10;
  EXPECT_EQ(load_dataset(options_, network_).train.count, 10);
  options_.train_images_used = 97;
  EXPECT_THAT(error(),
              AllOf(HasSubstr("/dataset/train_images_used: found 97"), HasSubstr("at most the 96 images")));
}

TEST_F(DatasetTest, RefusesDamagedFiles) {
  const std::vector<std::uint8_t> pixels(64 * 96);
  const auto with = [&](const std::string& bytes) {
    write_file(scratch_ / "bad", bytes);
    options_.train_images = scratch_ / "bad";
    return error();
  };
  const std::string good = testing::idx_bytes({96, 8, 8}, pixels);
  EXPECT_THAT(with(good), HasSubstr("no InputError"));
  EXPECT_THAT(with(good.substr(0, good.size() - 1)),
              AllOf(HasSubstr("/dataset/train_images"), HasSubstr("6159 bytes"), HasSubstr("6160 bytes")));
  EXPECT_THAT(with(good + "x"), HasSubstr("expected 6160 bytes"));
  EXPECT_THAT(with(""), HasSubstr("no IDX magic"));
  EXPECT_THAT(with("\x7f"
                   "ELF and more"),
              HasSubstr("no IDX magic"));
  EXPECT_THAT(with(good.substr(0, 9)), HasSubstr("a whole IDX header"));
  EXPECT_THAT(with(std::string("\0\0\x0d\x01\0\0\0\x01zzzz", 12)), HasSubstr("unsigned bytes"));
  EXPECT_THAT(with(std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x01\0\0\0\x01", 16)),
              HasSubstr("a dimension of 0"));
  EXPECT_THAT(with(std::string("\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16)),
              HasSubstr("at most 16 GiB"));
  options_.train_images = scratch_ / "nowhere";
  EXPECT_THAT(error(), AllOf(HasSubstr("nowhere"), HasSubstr("no such file")));
  options_.train_images = scratch_.path();
  EXPECT_THAT(error(), HasSubstr("a directory"));
}

std::string gzip_of(const std::string& bytes) {
  z_stream zlib{};
  std::string packed(compressBound(bytes.size()) + 64, '\0');
  if (deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string copy = bytes;
  zlib.next_in = reinterpret_cast<Bytef*>(copy.data());
  zlib.avail_in = static_cast<uInt>(copy.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  deflate(&zlib, Z_FINISH);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

// A gzip file is whole members, and nothing after them.
TEST_F(DatasetTest, ReadsWholeGzipMembersOnly) {
  const auto with = [&](const std::string& bytes) {
    write_file(scratch_ / "packed", bytes);
    options_.train_images = scratch_ / "packed";
    return error();
  };
  const std::string good = testing::idx_bytes({96, 8, 8}, std::vector<std::uint8_t>(64 * 96, 7));
  const std::string packed = gzip_of(good);
  EXPECT_THAT(with(packed), HasSubstr("no InputError"));
  for (const std::size_t cut :
       {std::size_t{0}, std::size_t{1}, std::size_t{17}, good.size() - 1, good.size()})
    EXPECT_THAT(with(gzip_of(good.substr(0, cut)) + gzip_of(good.substr(cut))), HasSubstr("no InputError"))
        << cut;
  EXPECT_THAT(with(packed + "x"), HasSubstr("bytes after the end of a gzip member"));
  EXPECT_THAT(with(packed + std::string(1, '\0')), HasSubstr("bytes after the end of a gzip member"));
  EXPECT_THAT(with(packed + packed), HasSubstr("found more than 6160 bytes"));
  for (std::size_t cut = 2; cut < packed.size(); ++cut)
    ASSERT_THAT(with(packed.substr(0, cut)), HasSubstr("gzip file")) << cut;
  EXPECT_THAT(with(gzip_of(packed)), HasSubstr("compressed twice"));
}

TEST_F(DatasetTest, SaysWhatAFileIsInstead) {
  const auto with = [&](const std::string& bytes) {
    write_file(scratch_ / "other", bytes);
    options_.train_images = scratch_ / "other";
    return error();
  };
  EXPECT_THAT(with("<!DOCTYPE html>\n<html>"), HasSubstr("an HTML page"));
  EXPECT_THAT(with(gzip_of("\n <HTML><body>not found")), HasSubstr("an HTML page"));
  EXPECT_THAT(with("PK\x03\x04 and so on"), HasSubstr("a zip archive"));
  EXPECT_THAT(with(std::string("\0\0\x08\x03\x60\0\0\0\x08\0\0\0\x08\0\0\0", 16) + std::string(6144, '\1')),
              AllOf(HasSubstr("1610612736 x 134217728 x 134217728"), HasSubstr("would be 96 x 8 x 8")));
  EXPECT_THAT(with(std::string("\x03\x08\0\0", 4)), HasSubstr("the wrong way round"));
  EXPECT_THAT(with(std::string("\0\0\x08\x05", 4)), AllOf(HasSubstr("5 dimensions"), HasSubstr("1 to 4")));
}

// A small file of many bytes is not unpacked beyond what its header says.
TEST_F(DatasetTest, EndsUnpackingWhereTheHeaderDoes) {
  std::string bomb = gzip_of(testing::idx_bytes({96, 8, 8}, std::vector<std::uint8_t>(64 * 96)));
  const std::string zeros = gzip_of(std::string(std::size_t{1} << 24, '\0'));
  for (int i = 0; i < 300; ++i) bomb += zeros;  // 5 GB
  write_file(scratch_ / "bomb", bomb + "damaged");
  options_.train_images = scratch_ / "bomb";
  EXPECT_THAT(error(), HasSubstr("found more than 6160 bytes"));  // and has not come to the damage
}

TEST_F(DatasetTest, ReportsAllFilesAtOnce) {
  options_.train_images = scratch_ / "nowhere";
  options_.test_labels = scratch_ / "nowhere_else";
  EXPECT_THAT(error(), AllOf(HasSubstr("/dataset/train_images"), HasSubstr("/dataset/test_labels")));
}

TEST_F(DatasetTest, RefusesWhatDoesNotFitTheNetwork) {
  std::vector<std::uint8_t> labels(96, 1);
  labels[17] = 4;
  write_file(scratch_ / "train-labels", testing::idx_bytes({96}, labels));
  EXPECT_THAT(error(), AllOf(HasSubstr("label 4 of image 17"), HasSubstr("0 to 3")));
  write_file(scratch_ / "train-labels", testing::idx_bytes({95}, std::vector<std::uint8_t>(95)));
  EXPECT_THAT(error(), AllOf(HasSubstr("labels of 95"), HasSubstr("96 labels")));
  write_file(scratch_ / "train-images", testing::idx_bytes({96, 4, 16}, std::vector<std::uint8_t>(96 * 64)));
  EXPECT_THAT(error(), AllOf(HasSubstr("images of 96x4x16"), HasSubstr("images of 96x8x8")));
}

TEST_F(DatasetTest, ReadsSeveralChannels) {
  nlohmann::json json = testing::small_network();
  json["input"]["channels"] = 3;
  network_ = compiler::parse_network(json);
  EXPECT_THAT(error(), HasSubstr("images of 96x3x8x8"));
  for (const std::string half : {"train", "test"}) {
    const std::uint32_t count = half == "train" ? 96 : 40;
    write_file(scratch_ / (half + "-images"),
               testing::idx_bytes({count, 3, 8, 8}, std::vector<std::uint8_t>(count * 192)));
  }
  EXPECT_EQ(load_dataset(options_, network_).train.size, 192);
}

TEST_F(DatasetTest, KnownSetMustHaveItsDigest) {
  testing::write_images(scratch_ / "train-images-idx3-ubyte", scratch_ / "train-labels.idx1-ubyte", 8, 28, 10,
                        1);
  testing::write_images(scratch_ / "t10k-images-idx3-ubyte", scratch_ / "t10k-labels-idx1-ubyte", 8, 28, 10,
                        2);
  DatasetOptions known;
  known.kind = "mnist";
  known.directory = scratch_.path();
  const std::string wrong = error_of([&] { load_dataset(known, network_); });
  EXPECT_THAT(
      wrong,
      AllOf(HasSubstr("train-images-idx3-ubyte: found SHA-256"), HasSubstr("train-labels.idx1-ubyte"),
            HasSubstr(
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db, the published mnist")));
}

TEST_F(DatasetTest, MissingKnownSetNamesTheScript) {
  setenv("ANZAN_DATA", scratch_.path().c_str(), 1);
  setenv("XDG_CACHE_HOME", scratch_.path().c_str(), 1);
  DatasetOptions known;
  known.kind = "mnist";
  const std::string missing = error_of([&] { load_dataset(known, network_); });
  EXPECT_THAT(missing,
              AllOf(HasSubstr("/dataset/kind"), HasSubstr((scratch_ / "mnist").string()),
                    HasSubstr((scratch_ / "anzan/mnist").string()), HasSubstr("scripts/fetch_datasets.sh")));
  unsetenv("ANZAN_DATA");
  unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace anzan::sim
