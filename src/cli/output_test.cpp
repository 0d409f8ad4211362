// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/progress.h"
#include "cli/run_output.h"
#include "cli/save_output.h"
#include "cli/table.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProgressParser, TakesTheNewestBar) {
  EXPECT_EQ(parse_progress(" 25%|██▌       | 1/4 [00:00<00:01]\n 50%|█████     | 2/4 [00:00<00:00,  6.10it/s]\n"),
            (Progress{50, 2, 4}));
  EXPECT_EQ(parse_progress("50%|##| 2/4\nSaving image\n"), (Progress{50, 2, 4}));
  EXPECT_EQ(parse_progress("10%|#| 1/10\r20%|##| 2/10"), (Progress{20, 2, 10}));
  EXPECT_EQ(parse_progress("7% |a|b| 1/9"), (Progress{7, 1, 9}));
}

TEST(ProgressParser, FindsNothingWhereThereIsNoBar) {
  for (const char* logs : {"", "Using seed: 42\n", "0%|| 0/4", "50% done", "%|#| 1/2", "50%|##| x/4", "50%|##| 2",
                           "loading: 50%|##| 1/2"}) {
    EXPECT_EQ(parse_progress(logs), std::nullopt) << logs;
  }
}

TEST(ProgressBar, FillsInEighths) {
  EXPECT_EQ(draw_bar(0, 2), "  ");
  EXPECT_EQ(draw_bar(50, 2), "█ ");
  EXPECT_EQ(draw_bar(25, 2), "▌ ");
  EXPECT_EQ(draw_bar(100, 2), "██");
  EXPECT_EQ(draw_bar(900, 1), "█");
}

TEST(Elapsed, IsWrittenAsAClock) {
  EXPECT_EQ(format_elapsed(7s), "0:07");
  EXPECT_EQ(format_elapsed(754s), "12:34");
  EXPECT_EQ(format_elapsed(3723s), "1:02:03");
}

TEST(ProgressLine, WritesOnePlainLineAStatusWhereThereIsNoTerminal) {
  std::ostringstream out, err;
  Terminal terminal{.out = out, .err = err};
  {
    ProgressLine line(terminal);

    line.show("starting", "", 0ms);
    line.show("starting", "", 100ms);
    line.show("processing", "50%|#| 1/2", 200ms);
  }
  EXPECT_EQ(err.str(), "starting\nprocessing\n");
}

TEST(ProgressLine, RedrawsAndLeavesNothingBehindOnATerminal) {
  std::ostringstream out, err;
  Terminal terminal{.out = out, .err = err, .err_is_terminal = true};
  {
    ProgressLine line(terminal);
    line.show("processing\x1b[31m", "50%|#| 1/2", 4000ms);
  }
  EXPECT_EQ(err.str(), "\r\x1b[2Kprocessing[31m ▕████████████            ▏ 50%  1/2  0:04\r\x1b[2K");
}

TEST(FileName, StaysInsideItsFolder) {
  EXPECT_EQ(safe_file_name("https://h/delivery/abc/out-0.webp"), "out-0.webp");
  EXPECT_EQ(safe_file_name("https://h/a/out.png?x=/../y#/z"), "out.png");
  EXPECT_EQ(safe_file_name("https://h/a/..%2F..%2Fetc%2Fpasswd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_file_name("https://h/a/.."), "_.");
  EXPECT_EQ(safe_file_name("https://h/.bashrc"), "_bashrc");
  EXPECT_EQ(safe_file_name("https://h/-rf"), "_rf");
  EXPECT_EQ(safe_file_name("https://h/a%00b%0a.png"), "a_b_.png");
  EXPECT_EQ(safe_file_name("https://h/"), "output");
  EXPECT_EQ(safe_file_name("https://h"), "output");
  EXPECT_EQ(safe_file_name("data:image/png;base64,AAAA"), "output.png");
  const auto cut = safe_file_name("https://h/" + std::string(300, 'a') + ".webp");
  EXPECT_EQ(cut.size(), 100U);
  EXPECT_TRUE(cut.ends_with("a.webp"));
}

class NewFileTest : public testing::Test {
 protected:
  NewFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-save-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~NewFileTest() override { std::filesystem::remove_all(folder_); }
  std::string keep(const std::string& name, const std::string& bytes) {
    auto file = NewFile::create(folder_ / "out", name);
    EXPECT_TRUE(file && file->write(bytes) && file->keep());
    return file->path().filename().string();
  }
  std::string content(const std::string& name) {
    std::ifstream in(folder_ / "out" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::filesystem::path folder_;
};

TEST_F(NewFileTest, NeverOverwrites) {
  EXPECT_EQ(keep("out-0.webp", "a"), "out-0.webp");
  EXPECT_EQ(keep("out-0.webp", "b"), "out-0-1.webp");
  EXPECT_EQ(keep("out-0.webp", "c"), "out-0-2.webp");

  EXPECT_EQ(content("out-0.webp"), "a");
  EXPECT_EQ(content("out-0-2.webp"), "c");
}

TEST_F(NewFileTest, DoesNotFollowALink) {
  std::filesystem::create_directory(folder_ / "out");
  std::filesystem::create_symlink(folder_ / "target", folder_ / "out" / "a.txt");

  EXPECT_EQ(keep("a.txt", "x"), "a-1.txt");

  EXPECT_FALSE(std::filesystem::exists(folder_ / "target"));
}

TEST_F(NewFileTest, LeavesNothingBehindUnlessKept) {
  {
    ASSERT_TRUE(NewFile::create(folder_ / "out", "a.txt")->write("half"));
  }

  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "out"));
}

TEST_F(NewFileTest, SaysWhyItCannotWrite) {
  std::ofstream(folder_ / "out") << "a file, no folder";

  const auto file = NewFile::create(folder_ / "out", "a.txt");

  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::storage);
}

std::string rendered(const char* output, bool joined = false, bool without_files = false) {
  return render_output(json::parse(output).value(), joined, without_files);
}

TEST(Output, IsPrintedByItsForm) {
  EXPECT_EQ(rendered("null"), "");
  EXPECT_EQ(rendered(R"("text")"), "text\n");
  EXPECT_EQ(rendered(R"(["a ","b\n"])", true), "a b\n");
  EXPECT_EQ(rendered(R"(["https://h/1","https://h/2"])"), "https://h/1\nhttps://h/2\n");
  EXPECT_EQ(rendered(R"(["https://h/1","words"])", false, true), "words\n");
  EXPECT_EQ(rendered(R"([1,true])"), "1\ntrue\n");
  EXPECT_EQ(rendered(R"({"a":[1]})"), "{\"a\":[1]}\n");
  EXPECT_EQ(rendered(R"([[1],[2]])"), "[[1],[2]]\n");
  EXPECT_EQ(rendered("0.5"), "0.5\n");
}

TEST(FileUrls, AreFoundHoweverDeep) {
  const auto output = json::parse(R"({"a":["https://h/1","no"],"b":{"c":"data:text/plain,x"},"d":"data: no"})").value();

  EXPECT_THAT(file_urls(output), ElementsAre("https://h/1", "data:text/plain,x"));
  EXPECT_THAT(file_urls(json::parse(R"("words")").value()), IsEmpty());
}

TEST(Table, AlignsColumnsAndDefusesCells) {
  EXPECT_EQ(format_table({"ID", "NAME"}, {{"1", "größer"}, {"22", ""}, {"3", "a\x1b[2J\nb\tc"}}),
            "ID  NAME\n"
            "1   größer\n"
            "22  -\n"
            "3   a[2J b c\n");
  EXPECT_EQ(format_table({"ID", "X"}, {{"größer", "x"}}), "ID      X\ngrößer  x\n");
}

TEST(Printable, DropsWhatWouldSteerATerminal) {
  EXPECT_EQ(printable("a\x1b]0;x\x07\r\x7f"), "a]0;x");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m é\n\t"),
            "31m é\n\t");
}

}  // namespace
}  // namespace hekto::cli
