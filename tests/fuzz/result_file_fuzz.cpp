#include <nlohmann/json.hpp>

#include "base/error.h"
#include "fuzz.h"
#include "report/junit_report.h"
#include "report/markdown_report.h"
#include "report/result_file.h"

using namespace loadgen;

// The content of a result file, which whoever edited it may have filled with anything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content = as_text(data, size);
  try {
    const auto document = parse_result("report: ", "run.json", content);
    // What was accepted can be rendered, into text without control characters.
    for (const std::string& text : {markdown_report(document), junit_report(document)}) {
      for (const char c : text) {
        require(c == '\n' || std::iscntrl(static_cast<unsigned char>(c)) == 0,
                "no control character gets into a rendering");
      }
    }
    require(parse_result("", "", document.dump()) == document,
            "a result that was accepted is accepted again");
  } catch (const UsageError& error) {
    require(is_one_line(error.what()), "what is wrong is said in one line");
    require(std::string_view(error.what()).starts_with("report: run.json"),
            "what is wrong is said with the file's name");
  }
  return 0;
}
