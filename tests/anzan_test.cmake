# How tests are registered. Two functions:
#
#   anzan_test(NAME SOURCES a.cpp… [LIBRARIES anzan_models…] [LABELS fast] [TIMEOUT 60] [DEFINITIONS A=1…])
#     builds the GoogleTest executable NAME (with gmock and a main) and registers each of its tests.
#
#   anzan_command_test(NAME COMMAND program argument… [LABELS fast] [TIMEOUT 60] [TARGETS anzan…]
#                      [ENVIRONMENT A=1…])
#     registers a program whose exit status decides; TARGETS are what must have been built for it.
#
# LABELS holds `fast` (the default) or `slow`, and `asan` where the test is also to run under the
# address and undefined-behaviour sanitisers: target `asan_tests` builds exactly what those need.
# TIMEOUT is in seconds; what may take longest starts first. An executable without tests, or one that ran none, fails.
include(GoogleTest)

if(NOT TARGET asan_tests)
  add_custom_target(asan_tests)
endif()

# Optimising tests themselves takes longer than it saves: what takes long when they run is in the libraries.
set(anzan_test_options $<$<CONFIG:Release>:-O1>)
# The libraries' headers that most tests read, compiled once: an executable without tests, for the flags of one.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp CONTENT "")
add_executable(anzan_test_headers ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
target_link_libraries(anzan_test_headers PRIVATE GTest::gmock_main)
target_compile_options(anzan_test_headers PRIVATE ${anzan_test_options})
target_precompile_headers(anzan_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
  <algorithm> <array> <filesystem> <fstream> <functional> <map> <optional> <random> <set> <sstream> <string> <variant>
  <vector>)

function(anzan_check_labels name labels)
  if(NOT "fast" IN_LIST labels AND NOT "slow" IN_LIST labels)
    message(FATAL_ERROR "test ${name}: LABELS must hold fast or slow, found \"${labels}\"")
  endif()
endfunction()

function(anzan_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;DEFINITIONS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "anzan_test(${name}): needs SOURCES, does not know \"${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  anzan_check_labels(${name} "${arg_LABELS}")

  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_compile_options(${name} PRIVATE ${anzan_test_options})
  target_precompile_headers(${name} REUSE_FROM anzan_test_headers)
  gtest_discover_tests(${name} TEST_PREFIX ${name}/ TEST_LIST discovered DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} FAIL_REGULAR_EXPRESSION "Running 0 tests")
  # gtest_discover_tests would flatten a list of labels, so they are set where ctest reads the tests.
  set(labels_file ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
  file(WRITE ${labels_file}
    "foreach(test IN LISTS discovered)\n"
    "  set_tests_properties(\"\${test}\" PROPERTIES LABELS \"${arg_LABELS}\")\n"
    "endforeach()\nset(discovered)\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels_file})
  add_test(NAME ${name}/has_tests COMMAND ${name} --gtest_list_tests)
  set_tests_properties(${name}/has_tests PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 60
    PASS_REGULAR_EXPRESSION "\\.\n  [A-Za-z]")
  if("asan" IN_LIST arg_LABELS)
    add_dependencies(asan_tests ${name})
  endif()
endfunction()

function(anzan_command_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS;TARGETS;ENVIRONMENT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_COMMAND)
    message(FATAL_ERROR "anzan_command_test(${name}): needs COMMAND, does not know \"${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  anzan_check_labels(${name} "${arg_LABELS}")

  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    COST ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
  if("asan" IN_LIST arg_LABELS AND arg_TARGETS)
    add_dependencies(asan_tests ${arg_TARGETS})
  endif()
endfunction()
