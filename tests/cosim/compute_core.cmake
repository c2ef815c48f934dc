# The whole core, against models and functional engine.
add_library(anzan_rtl_core STATIC)
set_target_properties(anzan_rtl_core PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
target_compile_options(anzan_rtl_core PRIVATE -w -O1)
set(directory ${CMAKE_CURRENT_BINARY_DIR}/verilated/compute_core_4)
verilate(anzan_rtl_core
  SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/tensor_unit.vlt ${CMAKE_CURRENT_SOURCE_DIR}/vector_unit.vlt ${rtl_packages}
          ${rtl_dir}/compute_core.sv
  TOP_MODULE compute_core PREFIX Vcompute_core_4 DIRECTORY ${directory} INCLUDE_DIRS ${rtl_dir}
  VERILATOR_ARGS --no-timing -O3 -GLanes=4 -GScratchpadLines=4096)
target_include_directories(anzan_rtl_core SYSTEM INTERFACE ${directory})

anzan_test(compute_core_cosim_test SOURCES compute_core_cosim_test.cpp host_words.cpp
  LIBRARIES anzan_rtl_core anzan_test_chip anzan_reference anzan_clocked TIMEOUT 300)
