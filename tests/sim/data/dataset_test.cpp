// IDX files and data sets: what is read, and every way in which files can be wrong.
#include "sim/data/dataset.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <cstdlib>
#include <functional>

#include "compiler/input/input_error.hpp"
#include "sim/data/cifar.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::dataset_test {
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

// Each label in bytes, the highest first.
std::string labels_file(char element, int bytes, const std::vector<std::int32_t>& labels) {
  std::vector<std::uint8_t> data;
  for (const std::int32_t label : labels)
    for (int b = bytes - 1; b >= 0; --b)
      data.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(label) >> (8 * b)));
  return testing::idx_bytes({static_cast<std::uint32_t>(labels.size())}, data, element);
}

// Convolutions alone, and so a label for each of 8 x 7 pixels.
compiler::Network network_of_pixels(int classes) {
  nlohmann::json json = testing::small_network();
  json["layers"] = {
      {{"name", "c"}, {"type", "convolution"}, {"channels", classes}, {"kernel", {1, 2}}, {"stride", 1}},
      {{"name", "loss"}, {"type", "softmax_cross_entropy"}}};
  return compiler::parse_network(json);
}

TEST_F(DatasetTest, ReadsMapsOfLabels) {
  network_ = network_of_pixels(500);
  EXPECT_THAT(error(), AllOf(HasSubstr("train-labels: found labels of 96"),
                             HasSubstr("expected 96x8x7 labels, one a pixel"), HasSubstr("40x8x7 labels")));
  const auto maps = [](std::uint32_t count, std::vector<std::uint32_t> shape, std::int32_t last) {
    std::vector<std::uint8_t> data;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(count * 56); ++i) {
      const std::int32_t label = i + 1 < static_cast<std::int32_t>(count * 56) ? i % 500 : last;
      data.push_back(static_cast<std::uint8_t>(label >> 8));
      data.push_back(static_cast<std::uint8_t>(label));
    }
    shape.insert(shape.begin(), count);
    return testing::idx_bytes(shape, data, '\x0b');
  };
  write_file(scratch_ / "test-labels", maps(40, {8, 7}, 499));
  write_file(scratch_ / "train-labels", maps(96, {8, 7}, 499));
  const ImageSet train = load_dataset(options_, network_).train;
  EXPECT_EQ(train.labels_an_image, 56);
  EXPECT_EQ(train.label_count(), 96 * 56);
  EXPECT_EQ(train.label(12, 3), (12 * 56 + 3) % 500);
  EXPECT_EQ(train.label(95, 55), 499);
  write_file(scratch_ / "train-labels", maps(96, {7, 8}, 499));
  EXPECT_THAT(error(), HasSubstr("labels of 96x7x8"));
  write_file(scratch_ / "train-labels", maps(96, {56}, 499));
  EXPECT_THAT(error(), HasSubstr("labels of 96x56"));
  for (const std::int32_t wrong : {500, -1}) {
    write_file(scratch_ / "train-labels", maps(96, {8, 7}, wrong));
    EXPECT_THAT(error(), AllOf(HasSubstr("label " + std::to_string(wrong) + " of image 95, pixel 55"),
                               HasSubstr("0 to 499, the classes")));
  }
}

TEST_F(DatasetTest, AMapNeedsANetworkThatHasPixels) {
  write_file(scratch_ / "test-labels", testing::idx_bytes({40, 8, 8}, std::vector<std::uint8_t>(40 * 64)));
  EXPECT_THAT(error(), AllOf(HasSubstr("labels of 40x8x8"), HasSubstr("40 labels, one an image")));
}

TEST_F(DatasetTest, SyntheticHasMapsOfLabels) {
  network_ = network_of_pixels(5);
  DatasetOptions synthetic;
  synthetic.kind = kSynthetic;
  const ImageSet test = load_dataset(synthetic, network_).test;
  EXPECT_EQ(test.labels_an_image, 56);
  EXPECT_EQ(test.labels.size(), 256U * 56);
}

TEST_F(DatasetTest, ReadsLabelsOfEveryInteger) {
  const std::int64_t classes = 70000;
  nlohmann::json json = testing::small_network();
  json["layers"][3]["channels"] = classes;
  network_ = compiler::parse_network(json);
  const struct {
    char element;
    int bytes;
    std::int32_t most;
  } kinds[] = {{'\x08', 1, 255}, {'\x09', 1, 127}, {'\x0b', 2, 32767}, {'\x0c', 4, 69999}};
  for (const auto& kind : kinds) {
    std::vector<std::int32_t> labels(96);
    for (std::int32_t i = 0; i < 96; ++i) labels[static_cast<std::size_t>(i)] = kind.most - i;
    write_file(scratch_ / "train-labels", labels_file(kind.element, kind.bytes, labels));
    EXPECT_EQ(load_dataset(options_, network_).train.labels, labels) << kind.bytes;
    if (kind.element == '\x08') continue;
    for (const std::int32_t wrong : {-1, -128}) {
      labels[41] = wrong;
      write_file(scratch_ / "train-labels", labels_file(kind.element, kind.bytes, labels));
      EXPECT_THAT(error(), AllOf(HasSubstr("label " + std::to_string(wrong) + " of image 41"),
                                 HasSubstr("0 to 69999, the classes")));
    }
  }
  std::vector<std::int32_t> labels(96);
  for (const std::int32_t wrong : {70000, 0x7fffffff, -0x7fffffff - 1}) {
    labels[95] = wrong;
    write_file(scratch_ / "train-labels", labels_file('\x0c', 4, labels));
    EXPECT_THAT(error(), HasSubstr("label " + std::to_string(wrong) + " of image 95"));
  }
}

TEST_F(DatasetTest, RefusesDamagedWideLabels) {
  const auto with = [&](const std::string& bytes) {
    write_file(scratch_ / "train-labels", bytes);
    return error();
  };
  const std::string good = labels_file('\x0c', 4, std::vector<std::int32_t>(96));
  EXPECT_THAT(with(good), HasSubstr("no InputError"));
  EXPECT_THAT(with(good.substr(0, good.size() - 1)), AllOf(HasSubstr("391 bytes"), HasSubstr("392 bytes")));
  EXPECT_THAT(with(good + "x"), HasSubstr("more than 392 bytes"));
  EXPECT_THAT(with(std::string("\0\0\x0c\x02\xff\xff\xff\xff\0\0\0\x01", 12)), HasSubstr("found 12 bytes"));
  EXPECT_THAT(with(std::string("\0\0\x0c\x02\xff\xff\xff\xff\0\0\0\x02", 12)), HasSubstr("at most 16 GiB"));
  for (const char element : {'\x0a', '\x0d', '\x0e', '\xff'})
    EXPECT_THAT(
        with(testing::idx_bytes({96}, std::vector<std::uint8_t>(96 * 4), element)),
        AllOf(HasSubstr("/dataset/train_labels"), HasSubstr("IDX element type"), HasSubstr("12 (32 bits)")));
  EXPECT_THAT(with(good.substr(0, 4)), HasSubstr("a whole IDX header"));
  write_file(scratch_ / "train-labels", good);
  write_file(scratch_ / "train-images",
             testing::idx_bytes({96, 8, 8}, std::vector<std::uint8_t>(96 * 64 * 2), '\x0b'));
  EXPECT_THAT(error(), AllOf(HasSubstr("/dataset/train_images"), HasSubstr("element type 11"),
                             HasSubstr("element type 8, unsigned bytes")));
}

TEST_F(DatasetTest, ImagesHaveOneToFourDimensions) {
  using Extents = std::vector<std::uint32_t>;
  const auto with = [&](const Extents& input, Extents shape) {
    nlohmann::json json = testing::small_network();
    json["input"] = {{"channels", input[0]}, {"height", input[1]}, {"width", input[2]}};
    json["layers"].erase(0);
    json["layers"].erase(0);
    network_ = compiler::parse_network(json);
    const std::uint32_t size = input[0] * input[1] * input[2];
    for (const std::string half : {"train", "test"}) {
      shape[0] = half == "train" ? 96 : 40;
      std::vector<std::uint8_t> samples(shape[0] * size);
      for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint8_t>(i % 251);
      write_file(scratch_ / (half + "-images"), testing::idx_bytes(shape, samples));
    }
    try {
      const Dataset set = load_dataset(options_, network_);
      EXPECT_EQ(set.train.size, size);
      EXPECT_EQ(set.train.image(5)[0], 5 * size % 251);
      return std::string("read");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
  };
  const std::vector<std::pair<Extents, Extents>> good{{{1, 1, 1}, {0}},          {{6, 1, 1}, {0, 6}},
                                                      {{1, 2, 3}, {0, 6}},       {{2, 3, 5}, {0, 30}},
                                                      {{1, 2, 3}, {0, 2, 3}},    {{2, 3, 1}, {0, 2, 3}},
                                                      {{2, 3, 5}, {0, 2, 3, 5}}, {{1, 2, 3}, {0, 1, 2, 3}},
                                                      {{1, 1, 1}, {0, 1, 1, 1}}, {{6, 1, 1}, {0, 6, 1, 1}}};
  for (const auto& [input, shape] : good) EXPECT_EQ(with(input, shape), "read") << shape.size();
  const std::vector<std::pair<Extents, Extents>> bad{
      {{1, 2, 3}, {0, 3, 2}}, {{2, 3, 5}, {0, 6, 5}}, {{2, 3, 5}, {0, 3, 2, 5}}, {{6, 1, 1}, {0, 2, 3}}};
  for (const auto& [input, shape] : bad) EXPECT_THAT(with(input, shape), HasSubstr("the network's input"));
}

// Records of which each byte says which it is.
std::string cifar_records(int label_bytes, int count, int classes) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    if (label_bytes == 2) bytes += static_cast<char>(19);
    bytes += static_cast<char>(i % classes);
    for (int p = 0; p < 3072; ++p) bytes += static_cast<char>((i + p) % 253);
  }
  return bytes;
}

TEST_F(DatasetTest, ReadsCifarRecords) {
  ASSERT_EQ(cifar_formats().size(), 2U);
  for (const CifarFormat& format : cifar_formats()) {
    const std::string good = cifar_records(static_cast<int>(format.label_bytes), 5, format.classes);
    const auto with = [&](const std::string& bytes) {
      write_file(scratch_ / "records.bin", bytes);
      return error_of([&] { read_cifar(scratch_ / "records.bin", format, 5); });
    };
    ASSERT_THAT(with(good), HasSubstr("no InputError"));
    const CifarFile file = read_cifar(scratch_ / "records.bin", format, 5);
    EXPECT_THAT(file.labels, ::testing::ElementsAre(0, 1, 2, 3, 4));
    ASSERT_EQ(file.images.size(), 5U * 3072);
    for (std::size_t i = 0; i < file.images.size(); ++i)
      ASSERT_EQ(file.images[i], (i / 3072 + i % 3072) % 253) << i;
    const std::string all = std::to_string(good.size()) + " bytes";
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, good.size() / 5, good.size() - 1})
      EXPECT_THAT(with(good.substr(0, size)),
                  AllOf(HasSubstr("found " + std::to_string(size) + " bytes"), HasSubstr("expected " + all)));
    EXPECT_THAT(with(good + '\0'), HasSubstr("found more than " + all));
    std::string wrong = good;
    const std::size_t record = good.size() / 5;
    wrong[3 * record + static_cast<std::size_t>(format.label_bytes) - 1] = static_cast<char>(format.classes);
    EXPECT_THAT(with(wrong), AllOf(HasSubstr("records.bin"),
                                   HasSubstr("label " + std::to_string(format.classes) + " of image 3"),
                                   HasSubstr("0 to " + std::to_string(format.classes - 1))));
    EXPECT_THAT(error_of([&] { read_cifar(scratch_.path(), format, 5); }), HasSubstr(format.archive));
  }
}

// Files of the published size, with holes.
TEST_F(DatasetTest, ReadsCifarFromItsDirectory) {
  nlohmann::json json = testing::small_network();
  json["input"] = {{"channels", 3}, {"height", 32}, {"width", 32}};
  json["layers"][3]["channels"] = 10;
  network_ = compiler::parse_network(json);
  DatasetOptions cifar;
  cifar.kind = "cifar10";
  cifar.directory = scratch_.path();
  const auto found = [&] { return error_of([&] { load_dataset(cifar, network_); }); };
  EXPECT_THAT(found(), AllOf(HasSubstr("/dataset/directory: found no whole cifar10"),
                             HasSubstr("data_batch_5.bin"), HasSubstr("test_batch.bin"),
                             HasSubstr("cifar-10-binary.tar.gz"), HasSubstr("www.cs.toronto.edu")));
  for (const std::string name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    const int number = name.back() - '0';
    std::string first = cifar_records(1, 1, 10);
    first[0] = static_cast<char>(number <= 5 ? number : 9);
    write_file(scratch_ / (name + ".bin"), first);
    std::filesystem::resize_file(scratch_ / (name + ".bin"), 30730000);
  }
  const Dataset set = load_dataset(cifar, network_);
  EXPECT_EQ(set.train.count, 50000);
  EXPECT_EQ(set.test.count, 10000);
  for (std::int64_t i = 0; i < 5; ++i) {  // in the order of their names
    EXPECT_EQ(set.train.label(10000 * i), i + 1);
    EXPECT_EQ(set.train.image(10000 * i)[200], 200);
    EXPECT_EQ(set.train.image(10000 * i + 1)[200], 0);
  }
  EXPECT_EQ(set.test.label(0), 9);
  std::filesystem::resize_file(scratch_ / "data_batch_3.bin", 30730001);
  std::filesystem::resize_file(scratch_ / "test_batch.bin", 12);
  EXPECT_THAT(found(), AllOf(HasSubstr("data_batch_3.bin: found more than 30730000 bytes"),
                             HasSubstr("test_batch.bin: found 12 bytes")));
}

TEST_F(DatasetTest, SyntheticNeedsNoFile) {
  DatasetOptions synthetic;
  synthetic.kind = kSynthetic;
  const Dataset set = load_dataset(synthetic, network_);
  EXPECT_EQ(set.train.count, 1024);
  EXPECT_EQ(set.test.count, 256);
  for (std::int64_t i = 0; i < 12; ++i) EXPECT_EQ(set.train.label(i), i % 4);
  synthetic.seed = 2;
  synthetic.train_images_used = 20;
  const Dataset other = load_dataset(synthetic, network_);
  EXPECT_EQ(other.train.count, 20);
  EXPECT_NE(other.digest, set.digest);
  synthetic.train_images_used = 2147483647;
  EXPECT_THAT(error_of([&] { load_dataset(synthetic, network_); }),
              AllOf(HasSubstr("/dataset/train_images_used: found 2147483647"),
                    HasSubstr("at most 268435456 synthetic images")));
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
}  // namespace anzan::sim::dataset_test
