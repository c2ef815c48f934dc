# How tests are registered. Three functions:
#
#   anzan_test(NAME SOURCES a.cpp… [LIBRARIES anzan_models…] [LABELS fast] [TIMEOUT 60] [SANITISE why [filter]]
#              [ALONE] [DEFINITIONS A=1…])
#     registers each GoogleTest of the sources as NAME/SUITE.TEST. The sources of a folder are one executable,
#     tests_FOLDER, compiled several at a time: each has a namespace of its own, named as the file. ALONE asks for the
#     executable NAME: for DEFINITIONS, or sources that would not go with the others.
#
#   anzan_test_library(NAME SOURCES a.cpp… LIBRARIES anzan_models…)
#     what several tests share, compiled once.
#
#   anzan_command_test(NAME COMMAND program argument… [LABELS fast] [TIMEOUT 60] [ENVIRONMENT A=1…] [SANITISE why])
#     registers a program whose exit status decides.
#
# LABELS holds `fast` (the default) or `slow`. TIMEOUT is in seconds; what may take longest starts first. A source
# without tests is an error of the build, a test that ran nothing has failed.
#
# A build with sanitisers has only tests with SANITISE, and of these those that `filter` (GoogleTest's) names. It
# repeats nothing to see it pass again: `why` is what it looks for, and the test's label in such a build.
#   input       decodes what others have written: files, configurations, programs, texts
#   memory      reads and writes at addresses that programs compute
#   lifetime    objects that keep references to each other; threads; runs that end early
#   arithmetic  shifts and conversions that could leave what C++ defines
set(discover_tests ${CMAKE_CURRENT_LIST_DIR}/discover_tests.py)
set(anzan_sanitise_reasons input memory lifetime arithmetic)

# Optimising tests themselves takes longer than it saves: what takes long when they run is in the libraries.
set(anzan_test_options $<$<CONFIG:Release>:-O1>)
if(ANZAN_SANITIZE)
  set(anzan_test_options -O0)
endif()
# The libraries' headers that most tests read, compiled once: an executable without tests, for the flags of one.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp CONTENT "")
add_executable(anzan_test_headers ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
target_link_libraries(anzan_test_headers PRIVATE GTest::gmock_main)
target_compile_options(anzan_test_headers PRIVATE ${anzan_test_options})
target_precompile_headers(anzan_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
  <algorithm> <array> <filesystem> <fstream> <functional> <map> <optional> <random> <set> <sstream> <string> <variant>
  <vector>)

# Sets what a test did not say, checks the rest; in a sanitised build returns from the caller where the test has no
# reason to be in it.
macro(anzan_check_labels name reason)
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(NOT "fast" IN_LIST arg_LABELS AND NOT "slow" IN_LIST arg_LABELS)
    message(FATAL_ERROR "test ${name}: LABELS must hold fast or slow, found \"${arg_LABELS}\"")
  endif()
  if(NOT "${reason}" STREQUAL "" AND NOT "${reason}" IN_LIST anzan_sanitise_reasons)
    message(FATAL_ERROR "test ${name}: SANITISE takes one of ${anzan_sanitise_reasons}, found \"${reason}\"")
  endif()
  if(ANZAN_SANITIZE)
    if("${reason}" STREQUAL "")
      return()
    endif()
    list(APPEND arg_LABELS ${reason})
  endif()
endmacro()

function(anzan_test_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LIBRARIES} GTest::gmock)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF UNITY_BUILD OFF)  # few have more than a source
  target_compile_options(${name} PRIVATE -fPIE ${anzan_test_options})  # as executables, whose headers they take
  target_precompile_headers(${name} REUSE_FROM anzan_test_headers)
endfunction()

# An executable of tests. When it is built, discover_tests.py asks it which it has, finds each one's source among the
# rows of anzan_test, and writes them for ctest.
function(anzan_test_executable name)
  add_executable(${name})
  target_link_libraries(${name} PRIVATE GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE ANZAN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE ${anzan_test_options})
  target_precompile_headers(${name} REUSE_FROM anzan_test_headers)
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${CMAKE_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 6)

  set(base ${CMAKE_CURRENT_BINARY_DIR}/${name})
  file(GENERATE OUTPUT ${base}_rows.txt CONTENT "$<JOIN:$<TARGET_PROPERTY:${name},ANZAN_ROWS>,\n>\n")
  set_target_properties(${name} PROPERTIES LINK_DEPENDS "${base}_rows.txt;${discover_tests}")
  add_custom_command(TARGET ${name} POST_BUILD VERBATIM BYPRODUCTS ${base}_found.cmake
    COMMAND ${Python3_EXECUTABLE} -B ${discover_tests} $<TARGET_FILE:${name}> ${base}_rows.txt ${base}_found.cmake)
  file(WRITE ${base}_tests.cmake
    "include(\"${base}_found.cmake\" OPTIONAL RESULT_VARIABLE found)\n"
    "if(NOT found)\n  add_test(${name}_is_not_built ${name}_is_not_built)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${base}_tests.cmake)
endfunction()

function(anzan_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ALONE" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;DEFINITIONS;SANITISE")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES OR (arg_DEFINITIONS AND NOT arg_ALONE))
    message(FATAL_ERROR "anzan_test(${name}): needs SOURCES, takes DEFINITIONS only with ALONE, "
                        "does not know \"${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  list(POP_FRONT arg_SANITISE why filter)
  anzan_check_labels(${name} "${why}")

  set(executable ${name})
  if(NOT arg_ALONE)
    list(GET arg_SOURCES 0 source)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    cmake_path(GET source PARENT_PATH folder)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR}/tests ${folder})
    string(REPLACE "/" "_" executable tests_${folder})
  endif()
  if(NOT TARGET ${executable})
    anzan_test_executable(${executable})
  endif()
  target_sources(${executable} PRIVATE ${arg_SOURCES})
  target_link_libraries(${executable} PRIVATE ${arg_LIBRARIES})
  target_compile_definitions(${executable} PRIVATE ${arg_DEFINITIONS})
  if(NOT ANZAN_SANITIZE)
    set(filter "")
  endif()
  string(REPLACE ";" "," labels "${arg_LABELS}")
  foreach(source ${arg_SOURCES})
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    set_property(TARGET ${executable} APPEND PROPERTY ANZAN_ROWS "${source}|${name}|${arg_TIMEOUT}|${labels}|${filter}")
  endforeach()
endfunction()

function(anzan_command_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS;ENVIRONMENT;SANITISE")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_COMMAND)
    message(FATAL_ERROR "anzan_command_test(${name}): needs COMMAND, does not know \"${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  anzan_check_labels(${name} "${arg_SANITISE}")

  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    COST ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
