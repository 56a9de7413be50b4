// The formats in which the result of a run can be written. Each is a function of the result's
// document; a new format is one line in the table in result_outputs.cpp.
#pragma once

#include <string>
#include <vector>

#include "options/options.h"
#include "report/publish_report.h"
#include "report/run_report.h"

namespace loadgen {

// Throws UsageError when a file that the options name for a format cannot be written, is one of
// `taken` or the file of another format, or when two formats would go to stdout. Creates nothing.
void check_outputs(const Options& options, std::vector<std::string> taken);

// The result in each format that the options name a destination for.
std::vector<Output> outputs_of(const RunReport& report, const Options& options);

// Reads the result file and writes it again in these formats; if the options name none, as Markdown
// to stdout. Blocks. Throws UsageError when the file cannot be used, and as `publish` does.
void publish_again(const std::string& file, const Options& options);

}  // namespace loadgen
