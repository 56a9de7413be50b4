# Puts the page of a report together and writes it as a C++ source, which report/report_page.h declares:
#   cmake -DDYGRAPHS=DIRECTORY -DOUTPUT=FILE -P embed.cmake
# The page lets a browser run the scripts and styles below and nothing else: its policy names their hashes.

set(here ${CMAKE_CURRENT_LIST_DIR})

# The SHA-256 of a text as a policy names it.
function(policy_source text result)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(SHA256 hex "${text}")
  string(APPEND hex "00")  # 33 bytes: 11 groups of 3
  set(base64 "")
  foreach(group RANGE 10)
    math(EXPR from "6 * ${group}")
    string(SUBSTRING ${hex} ${from} 6 bytes)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${bytes} >> ${shift}) & 63")
      string(SUBSTRING ${digits} ${digit} 1 character)
      string(APPEND base64 ${character})
    endforeach()
  endforeach()
  string(SUBSTRING ${base64} 0 43 base64)
  set(${result} "'sha256-${base64}='" PARENT_SCOPE)
endfunction()

# A text as a C++ array of bytes, because compilers limit the length of string literals.
function(cpp_array name file result)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  set(${result} "const char ${name}[] = {${bytes}'\\0'};" PARENT_SCOPE)
endfunction()

file(READ ${DYGRAPHS}/dygraph.min.js CHART_SCRIPT)
file(READ ${DYGRAPHS}/dygraph.min.css CHART_STYLE)
# A page that holds everything has no use for addresses of debugging aids.
string(REGEX REPLACE "/[/*]# sourceMappingURL=[^\n]*" "" CHART_SCRIPT "${CHART_SCRIPT}")
string(REGEX REPLACE "/[/*]# sourceMappingURL=[^\n]*" "" CHART_STYLE "${CHART_STYLE}")
file(READ ${here}/dygraphs.LICENSE CHART_LICENCE)
file(READ ${here}/page.css PAGE_STYLE)
set(PAGE_SCRIPT "")
foreach(script elements charts page)
  file(READ ${here}/${script}.js text)
  string(APPEND PAGE_SCRIPT "${text}\n")
endforeach()
if("${CHART_SCRIPT}${PAGE_SCRIPT}" MATCHES "</script|<!--")
  message(FATAL_ERROR "a script of the page holds text that would end it")
endif()

set(POLICY "default-src 'none'; base-uri 'none'; form-action 'none'; script-src")
foreach(text CHART_SCRIPT PAGE_SCRIPT)
  policy_source("${${text}}" source)
  string(APPEND POLICY " ${source}")
endforeach()
string(APPEND POLICY "; style-src")
foreach(text CHART_STYLE PAGE_STYLE)
  policy_source("${${text}}" source)
  string(APPEND POLICY " ${source}")
endforeach()

file(READ ${here}/page.html page)
foreach(part POLICY CHART_LICENCE CHART_STYLE PAGE_STYLE CHART_SCRIPT PAGE_SCRIPT)
  string(REPLACE "@${part}@" "${${part}}" page "${page}")
endforeach()
string(FIND "${page}" "@RESULT@" place)
string(SUBSTRING "${page}" 0 ${place} before)
math(EXPR place "${place} + 8")
string(SUBSTRING "${page}" ${place} -1 after)
file(WRITE ${OUTPUT}.before "${before}")
file(WRITE ${OUTPUT}.after "${after}")
cpp_array(kBefore ${OUTPUT}.before before_array)
cpp_array(kAfter ${OUTPUT}.after after_array)
file(WRITE ${OUTPUT} "// Written by web/embed.cmake.
#include \"report/report_page.h\"

namespace loadgen {
namespace {

${before_array}
${after_array}
}  // namespace

ReportPage report_page() { return {{kBefore, sizeof kBefore - 1}, {kAfter, sizeof kAfter - 1}}; }

}  // namespace loadgen
")
