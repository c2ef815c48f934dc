# How tests are registered. Three functions:
#
#   anzan_test(NAME SOURCES a.cpp… [LIBRARIES anzan_models…] [LABELS fast] [TIMEOUT 60] [DEFINITIONS A=1…]
#              [SANITISE why [filter]])
#     builds the GoogleTest executable NAME (with gmock and a main) and registers each of its tests.
#
#   anzan_test_library(NAME SOURCES a.cpp… LIBRARIES anzan_models…)
#     what several tests share, compiled once.
#
#   anzan_command_test(NAME COMMAND program argument… [LABELS fast] [TIMEOUT 60] [ENVIRONMENT A=1…] [SANITISE why])
#     registers a program whose exit status decides.
#
# LABELS holds `fast` (the default) or `slow`. TIMEOUT is in seconds; what may take longest starts first. An
# executable without tests, or one that ran none, fails.
#
# A build with sanitisers has only tests with SANITISE, and of these those that `filter` (GoogleTest's) names. It
# repeats nothing to see it pass again: `why` is what it looks for, and the test's label in such a build.
#   input       decodes what others have written: files, configurations, programs, texts
#   memory      reads and writes at addresses that programs compute
#   lifetime    objects that keep references to each other; threads; runs that end early
#   arithmetic  shifts and conversions that could leave what C++ defines
include(GoogleTest)
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
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIE ${anzan_test_options})  # as executables, whose headers they take
  target_precompile_headers(${name} REUSE_FROM anzan_test_headers)
endfunction()

function(anzan_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;DEFINITIONS;SANITISE")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "anzan_test(${name}): needs SOURCES, does not know \"${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  list(POP_FRONT arg_SANITISE why filter)
  anzan_check_labels(${name} "${why}")
  set(chosen "")
  if(ANZAN_SANITIZE AND filter)
    set(chosen TEST_FILTER ${filter})
  endif()

  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_compile_options(${name} PRIVATE ${anzan_test_options})
  target_precompile_headers(${name} REUSE_FROM anzan_test_headers)
  gtest_discover_tests(${name} TEST_PREFIX ${name}/ TEST_LIST discovered DISCOVERY_TIMEOUT 60 ${chosen}
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
