// Writes the parts of checked-in files that are made from the rows of the options:
//   option_docs DIRECTORY           writes them into the files below DIRECTORY, the project's
//   option_docs --check DIRECTORY   writes nothing; exit code 1 when a file is not up to date
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "parts.h"

namespace {

using namespace loadgen;

// The part is what stands between the first line that is `begin` and the next that is `end`.
struct Part {
  std::string file;
  std::string begin;
  std::string end;
  std::string text;
};

std::vector<Part> all_parts() {
  const std::string begin = "BEGIN options: scripts/generate writes what follows";
  const std::string end = "END options";
  return {
      {"docs/app.1", ".\\\" " + begin, ".\\\" " + end, man_sections()},
      {"README.md", "<!-- " + begin + " -->", "<!-- " + end + " -->",
       "\n" + readme_tables() + "\n"},
      {"completions/app.bash", "# " + begin, "# " + end, bash_functions()},
      {"completions/_app", "# " + begin, "# " + end, zsh_arrays()},
      // JSON has no comments.
      {"docs/result.schema.json", "    \"config\": {", "    },", config_schema()},
  };
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written");
}

std::string with_part(const std::string& text, const Part& part) {
  const std::string begin = "\n" + part.begin + "\n";
  const std::size_t first = text.find(begin);
  const std::size_t last =
      first == std::string::npos ? first : text.find("\n" + part.end + "\n", first + 1);
  if (last == std::string::npos) {
    throw std::runtime_error(fmt::format("{}: the lines \"{}\" and \"{}\" are not there", part.file,
                                         part.begin, part.end));
  }
  return text.substr(0, first + begin.size()) + part.text + text.substr(last + 1);
}

int run(bool check, const std::string& directory) {
  int stale = 0;
  for (const Part& part : all_parts()) {
    const std::string path = directory + "/" + part.file;
    const std::string before = read(path);
    const std::string after = with_part(before, part);
    if (before == after) continue;
    if (check) {
      fmt::print(stderr, "{}: does not say what the options' rows say; run scripts/generate\n",
                 part.file);
      ++stale;
    } else {
      write(path, after);
      fmt::print("{}\n", part.file);
    }
  }
  return stale == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool check = !arguments.empty() && arguments.front() == "--check";
  if (arguments.size() != (check ? 2 : 1)) {
    fmt::print(stderr, "usage: option_docs [--check] DIRECTORY\n");
    return 2;
  }
  try {
    return run(check, arguments.back());
  } catch (const std::exception& error) {
    fmt::print(stderr, "option_docs: {}\n", error.what());
    return 1;
  }
}
