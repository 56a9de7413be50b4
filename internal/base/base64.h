// Base64 with padding (RFC 4648, section 4). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace loadgen {

std::string to_base64(std::string_view bytes);
// Strict: nullopt for any other character, length or padding than to_base64 makes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace loadgen
