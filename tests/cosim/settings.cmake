# Settings unit, settings store, statistics database and analysis block: Verilated in a library of their own.
add_library(anzan_settings_rtl STATIC)
set_target_properties(anzan_settings_rtl PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
target_compile_options(anzan_settings_rtl PRIVATE -w)
function(anzan_settings_block prefix source)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/verilated/${prefix})
  get_filename_component(module ${source} NAME_WE)
  verilate(anzan_settings_rtl SOURCES ${rtl_packages} ${source} TOP_MODULE ${module} PREFIX ${prefix}
    DIRECTORY ${directory} INCLUDE_DIRS ${rtl_dir} VERILATOR_ARGS --no-timing -O3 ${ARGN})
  target_include_directories(anzan_settings_rtl SYSTEM INTERFACE ${directory})
endfunction()
anzan_settings_block(Vsettings_bench ${CMAKE_CURRENT_SOURCE_DIR}/settings_bench.sv)
anzan_settings_block(Vanalysis_block ${rtl_dir}/analysis_block.sv -GLanes=4)
anzan_settings_block(Vanalysis_block_narrow ${rtl_dir}/analysis_block.sv -GLanes=4 -GCounterBits=5)

add_library(anzan_settings_bench STATIC corner_values.cpp ${PROJECT_SOURCE_DIR}/sim/rtl/host_words.cpp settings_bench.cpp)
target_link_libraries(anzan_settings_bench PUBLIC anzan_settings_rtl anzan_models)

anzan_test(settings_optimiser_cosim_test SOURCES settings_optimiser_cosim_test.cpp
  LIBRARIES anzan_settings_bench DEFINITIONS ANZAN_ENTRIES=5000)
anzan_test(settings_optimiser_long_cosim_test SOURCES settings_optimiser_cosim_test.cpp
  LIBRARIES anzan_settings_bench LABELS slow TIMEOUT 600 DEFINITIONS ANZAN_ENTRIES=40000)
foreach(block analysis_block settings_store)
  anzan_test(${block}_cosim_test SOURCES ${block}_cosim_test.cpp LIBRARIES anzan_settings_bench)
endforeach()
set(models_tests ${PROJECT_SOURCE_DIR}/tests/models)
anzan_test(statistics_database_cosim_test
  SOURCES statistics_database_cosim_test.cpp ${models_tests}/clocked/random_schedule.cpp
          ${models_tests}/clocked/ticking_core.cpp ${models_tests}/clocked/ticking_units.cpp
          ${models_tests}/instruction_cases.cpp ${models_tests}/instruction_reference.cpp
  LIBRARIES anzan_settings_bench)
