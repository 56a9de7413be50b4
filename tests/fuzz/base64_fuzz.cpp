#include "base/base64.h"
#include "fuzz.h"

using namespace loadgen;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = as_text(data, size);
  require(from_base64(to_base64(bytes)) == bytes, "bytes survive being encoded and decoded");
  if (const auto decoded = from_base64(bytes)) {
    require(to_base64(*decoded) == bytes, "what is decoded is what to_base64 makes");
  }
  return 0;
}
